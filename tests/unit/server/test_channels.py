"""SessionChannels over links that deliver at once; the links themselves are tried in ``test_links.py``."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from aukciszek.auctions.context.peer_network import SessionChannel
from aukciszek.cluster import PartyNumber
from aukciszek.mpc.errors import ChannelClosedError, PartiesMissingError
from aukciszek.server.errors import PeerFloodError, RoundOrderError
from aukciszek.server.links import channels as sessions_module, round_inbox
from aukciszek.server.links.channels import SessionChannels
from aukciszek.server.links.frames import LeaveFrame, RoundFrame, decode_frame, encode_round
from aukciszek.server.links.session_channel import LinkChannel

ONE, TWO, THREE, FOUR, FIVE = (PartyNumber(number) for number in range(1, 6))
SESSION = b"S" * 32
OTHER = b"T" * 32
LONG_S = 60.0


class Links:
    """Delivers every frame at once, unless the pair is cut off."""

    def __init__(self, size: int, enough: int) -> None:
        self.cut: set[tuple[PartyNumber, PartyNumber]] = set()
        self.at = {number: self._sessions(number, size, enough) for number in map(PartyNumber, range(1, size + 1))}

    def _sessions(self, own: PartyNumber, size: int, enough: int) -> SessionChannels:
        links = self

        class _From:
            def write(self, to: PartyNumber, frame: bytes) -> None:
                if (own, to) not in links.cut:
                    links.deliver(own, to, frame)

        return SessionChannels(own=own, size=size, enough=enough, sender=_From())

    def deliver(self, sender: PartyNumber, to: PartyNumber, content: bytes) -> None:
        frame = decode_frame(content)
        if isinstance(frame, RoundFrame):
            self.at[to].on_round(sender, frame)
        elif isinstance(frame, LeaveFrame):
            self.at[to].on_leave(sender, frame.session_id)

    def open(self, *numbers: PartyNumber, session: bytes = SESSION, timeout_s: float = LONG_S) -> list[LinkChannel]:
        everybody = frozenset(self.at)
        return [
            self.at[number].open(session, round_timeout_s=timeout_s, reachable=everybody - {number})
            for number in numbers
        ]


@pytest.fixture
def strict() -> Links:
    """Five parties that go on only if all take part."""
    return Links(5, 5)


@pytest.fixture
def tolerant() -> Links:
    """Five parties that go on without one of them."""
    return Links(5, 4)


def everybody(links: Links) -> tuple[PartyNumber, ...]:
    return tuple(links.at)


async def round_of(channels: list[LinkChannel], payload: Callable[[int], bytes]) -> list[dict[int, bytes]]:
    answers = await asyncio.gather(*(channel.exchange(payload(channel.party)) for channel in channels))
    return [{sender: bytes(content) for sender, content in answer.items()} for answer in answers]


def as_protocol(channel: LinkChannel) -> SessionChannel:
    """Hold the class to the protocol that the auctions know; the type checker does the work."""
    return channel


async def test_every_party_gets_every_other_partys_payload_of_the_same_round(strict: Links) -> None:
    channels = strict.open(*everybody(strict))
    for _ in range(20):
        answers = await round_of(channels, lambda party: b"party %d" % party)
        for channel, answer in zip(channels, answers, strict=True):
            assert answer == {sender: b"party %d" % sender for sender in range(1, 6) if sender != channel.party}
    assert as_protocol(channels[0]).parties == 5


async def test_rounds_that_come_before_the_session_begins_here_wait_for_it(strict: Links) -> None:
    early = [asyncio.ensure_future(channel.exchange(b"early")) for channel in strict.open(ONE, TWO, THREE, FOUR)]
    await asyncio.sleep(0)
    (late,) = strict.open(FIVE)
    assert {bytes(content) for content in (await late.exchange(b"late")).values()} == {b"early"}
    assert all(bytes(answer[FIVE]) == b"late" for answer in await asyncio.gather(*early))


async def test_two_sessions_do_not_mix(strict: Links) -> None:
    first, second = strict.open(*everybody(strict)), strict.open(*everybody(strict), session=OTHER)
    both = await asyncio.gather(round_of(first, lambda _: b"first"), round_of(second, lambda _: b"second"))
    assert [{*answer.values()} for answer in both[0]] == [{b"first"}] * 5
    assert [{*answer.values()} for answer in both[1]] == [{b"second"}] * 5


async def test_a_missed_deadline_names_who_is_missing(strict: Links) -> None:
    channels = strict.open(ONE, TWO, THREE, timeout_s=0.01)
    results = await asyncio.gather(*(channel.exchange(b"") for channel in channels), return_exceptions=True)
    first = next(error for error in results if isinstance(error, PartiesMissingError))
    assert first.parties == {FOUR, FIVE}
    assert all(isinstance(error, PartiesMissingError) for error in results)


async def test_the_first_round_has_a_deadline_of_its_own(strict: Links) -> None:
    everybody = frozenset(strict.at)
    channels = [
        strict.at[number].open(SESSION, round_timeout_s=LONG_S, first_timeout_s=0.01, reachable=everybody - {number})
        for number in (ONE, TWO)
    ]
    outcomes = await asyncio.gather(*(channel.exchange(b"") for channel in channels), return_exceptions=True)
    assert all(isinstance(outcome, PartiesMissingError) for outcome in outcomes)


async def test_who_missed_a_deadline_is_not_waited_for_again(tolerant: Links) -> None:
    channels = tolerant.open(ONE, TWO, THREE, FOUR, timeout_s=0.01)
    answers = await round_of(channels, lambda _: b"0")
    assert [set(answer) for answer in answers] == [{1, 2, 3, 4} - {channel.party} for channel in channels]
    # The absent party begins at last; nobody takes its rounds any more, and nobody waits for them.
    (slow,) = tolerant.open(FIVE)
    catching_up = asyncio.ensure_future(slow.exchange(b"late"))
    loop = asyncio.get_running_loop()
    began = loop.time()
    answers = await round_of(channels, lambda _: b"1")
    assert all(FIVE not in answer for answer in answers)
    assert loop.time() - began < LONG_S
    assert {bytes(content) for content in (await catching_up).values()} == {b"0"}
    assert {bytes(content) for content in (await slow.exchange(b"later")).values()} == {b"1"}


@pytest.mark.timeout(30)
async def test_who_was_given_up_is_not_waited_for_and_not_heard(tolerant: Links) -> None:
    channels = tolerant.open(ONE, TWO, THREE, FOUR, FIVE)
    await round_of(channels, lambda _: b"0")
    *others, corrupt_party = channels
    for channel in others:
        channel.give_up({FIVE})
        channel.give_up({FIVE, channel.party})
    answers = await round_of(others, lambda _: b"1")
    assert [set(answer) for answer in answers] == [{1, 2, 3, 4} - {channel.party} for channel in others]
    # It still hears what the others say, and what it says late is nobody's business.
    assert {bytes(content) for content in (await corrupt_party.exchange(b"late")).values()} == {b"1"}
    answers = await round_of(others, lambda _: b"2")
    assert all(FIVE not in answer for answer in answers)


async def test_who_was_given_up_counts_among_those_that_a_session_can_do_without(tolerant: Links) -> None:
    channels = tolerant.open(ONE, TWO, THREE, FOUR, FIVE)
    for channel in channels[:3]:
        channel.give_up({FIVE})
    waiting = asyncio.gather(*(channel.exchange(b"0") for channel in channels[:3]), return_exceptions=True)
    await asyncio.sleep(0)
    await channels[3].close()
    assert all(isinstance(error, PartiesMissingError) for error in await waiting)


async def test_without_enough_parties_a_tolerant_session_ends_too(tolerant: Links) -> None:
    (channel,) = tolerant.open(ONE, timeout_s=0.01)
    with pytest.raises(PartiesMissingError) as missing:
        await channel.exchange(b"")
    assert missing.value.parties == {TWO, THREE, FOUR, FIVE}


async def test_a_party_that_leaves_is_missed_at_once(strict: Links) -> None:
    channels = strict.open(*everybody(strict))
    waiting = [asyncio.ensure_future(channel.exchange(b"")) for channel in channels[:4]]
    await asyncio.sleep(0)
    await channels[4].close()
    first = (await asyncio.gather(*waiting, return_exceptions=True))[0]
    assert isinstance(first, PartiesMissingError)
    assert first.parties == {FIVE}
    assert all(sessions.running == 0 for sessions in strict.at.values()), "one failure ends the session everywhere"


async def test_what_a_party_sent_before_it_left_still_counts(strict: Links) -> None:
    channels = strict.open(*everybody(strict))
    last = asyncio.ensure_future(channels[4].exchange(b"last words"))
    await asyncio.sleep(0)
    for channel in channels[:3]:
        await asyncio.wait({asyncio.ensure_future(channel.exchange(b"more"))}, timeout=0)
    answer = await channels[3].exchange(b"x")
    await last
    await channels[4].close()
    assert bytes(answer[FIVE]) == b"last words"


async def test_a_broken_link_takes_its_sender_out_of_the_running_sessions(strict: Links) -> None:
    (channel,) = strict.open(ONE)
    waiting = asyncio.ensure_future(channel.exchange(b""))
    await asyncio.sleep(0)
    strict.at[ONE].on_sender_lost(THREE)
    with pytest.raises(PartiesMissingError) as missing:
        await waiting
    assert missing.value.parties == {THREE}


async def test_a_broken_link_takes_its_sender_out_of_sessions_yet_to_begin(strict: Links) -> None:
    strict.at[ONE].on_round(TWO, RoundFrame(SESSION, 0, memoryview(b"")))
    strict.at[ONE].on_sender_lost(TWO)
    (channel,) = strict.open(ONE)
    for sender in (THREE, FOUR, FIVE):
        channel.put(sender, 0, memoryview(b""))
    assert len(await channel.exchange(b"")) == 4
    with pytest.raises(PartiesMissingError):
        await channel.exchange(b"")


async def test_over_a_new_link_a_party_gets_no_round_of_an_old_session_but_a_farewell(strict: Links) -> None:
    one, two = strict.open(ONE, TWO)
    strict.at[ONE].on_receiver_lost(TWO)
    sending = asyncio.ensure_future(one.exchange(b"0"))
    waiting = asyncio.ensure_future(two.exchange(b"0"))
    await asyncio.sleep(0)
    assert not waiting.done()
    strict.at[ONE].on_receiver_up(TWO)
    with pytest.raises(PartiesMissingError) as missing:
        await waiting
    assert missing.value.parties == {ONE}
    await one.close()
    with pytest.raises(ChannelClosedError):
        await sending


async def test_closing_wakes_who_waits(strict: Links) -> None:
    (channel,) = strict.open(ONE)
    waiting = asyncio.ensure_future(channel.exchange(b""))
    await asyncio.sleep(0)
    await channel.close()
    with pytest.raises(ChannelClosedError):
        await waiting
    with pytest.raises(ChannelClosedError):
        await channel.exchange(b"")
    await channel.close()


async def test_a_cancelled_exchange_ends_the_session(strict: Links) -> None:
    (channel,) = strict.open(ONE)
    waiting = asyncio.ensure_future(channel.exchange(b""))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    with pytest.raises(ChannelClosedError):
        await channel.exchange(b"")


async def test_two_exchanges_at_once_are_a_mistake(strict: Links) -> None:
    (channel,) = strict.open(ONE)
    waiting = asyncio.ensure_future(channel.exchange(b""))
    await asyncio.sleep(0)
    with pytest.raises(RuntimeError, match="one exchange at a time"):
        await channel.exchange(b"")
    await channel.close()
    await asyncio.wait({waiting})
    assert isinstance(waiting.exception(), ChannelClosedError)


def test_a_session_id_is_used_once(strict: Links) -> None:
    strict.open(ONE)
    with pytest.raises(ValueError, match="used once"):
        strict.open(ONE)
    with pytest.raises(ValueError, match="32 bytes"):
        strict.open(ONE, session=b"short")


async def test_an_ended_session_cannot_be_begun_again_and_drops_what_still_comes(strict: Links) -> None:
    (channel,) = strict.open(ONE)
    await channel.close()
    strict.deliver(TWO, ONE, encode_round(SESSION, 0, b"late"))
    strict.deliver(TWO, ONE, encode_round(SESSION, 0, b"again"))
    with pytest.raises(ValueError, match="used once"):
        strict.open(ONE)


@pytest.mark.parametrize("begun", [True, False], ids=["running session", "session yet to begin"])
@pytest.mark.parametrize(
    ("rounds", "fault"),
    [
        pytest.param([0, 0], "sent round 0 of a session, expected was 1", id="twice"),
        pytest.param([0, 1, 0], "sent round 0 of a session, expected was 2", id="replayed"),
        pytest.param([1], "sent round 1 of a session, expected was 0", id="out of order"),
        pytest.param([0, 2], "sent round 2 of a session, expected was 1", id="gap"),
    ],
)
def test_rounds_that_are_not_the_next_are_refused(strict: Links, rounds: list[int], fault: str, *, begun: bool) -> None:
    if begun:
        strict.open(ONE)
    for number in rounds[:-1]:
        strict.deliver(TWO, ONE, encode_round(SESSION, number, b""))
    with pytest.raises(RoundOrderError, match=fault):
        strict.deliver(TWO, ONE, encode_round(SESSION, rounds[-1], b""))


def test_a_round_after_leaving_is_refused(strict: Links) -> None:
    strict.open(ONE)
    strict.at[ONE].on_leave(TWO, SESSION)
    with pytest.raises(RoundOrderError, match="had left"):
        strict.deliver(TWO, ONE, encode_round(SESSION, 0, b""))


@pytest.mark.parametrize("begun", [True, False], ids=["running session", "session yet to begin"])
def test_nobody_may_run_ahead_without_end(strict: Links, monkeypatch: pytest.MonkeyPatch, *, begun: bool) -> None:
    monkeypatch.setattr(round_inbox, "MOST_ROUNDS_AHEAD", 3)
    if begun:
        strict.open(ONE)
    for number in range(3):
        strict.deliver(TWO, ONE, encode_round(SESSION, number, b""))
    with pytest.raises(PeerFloodError):
        strict.deliver(TWO, ONE, encode_round(SESSION, 3, b""))


def test_nobody_may_fill_the_memory_of_a_running_session(strict: Links, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(round_inbox, "MOST_BYTES_AHEAD", 100)
    strict.open(ONE)
    strict.deliver(TWO, ONE, encode_round(SESSION, 0, bytes(60)))
    with pytest.raises(PeerFloodError):
        strict.deliver(TWO, ONE, encode_round(SESSION, 1, bytes(60)))


async def test_of_sessions_yet_to_begin_the_oldest_make_room(strict: Links, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions_module, "MOST_EARLY_SESSIONS", 2)
    ids = [bytes([number]) * 32 for number in range(3)]
    for session in ids:
        strict.deliver(TWO, ONE, encode_round(session, 0, b"two"))
        strict.deliver(THREE, ONE, encode_round(session, 0, b"three")) if session == ids[0] else None
    first = strict.open(ONE, session=ids[0], timeout_s=0.01)[0]
    with pytest.raises(PartiesMissingError) as missing:
        await first.exchange(b"")
    assert missing.value.parties == {TWO}, "what another sender said is kept"
    second = strict.open(ONE, session=ids[1], timeout_s=0.01)[0]
    with pytest.raises(PartiesMissingError) as missing:
        await second.exchange(b"")
    assert missing.value.parties == {THREE, FOUR, FIVE}


def test_sessions_yet_to_begin_share_a_bounded_memory(strict: Links, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions_module, "MOST_EARLY_BYTES", 100)
    for number in range(50):
        strict.deliver(TWO, ONE, encode_round(bytes([number]) * 32, 0, bytes(60)))
    kept = [len(found) for found in strict.at[ONE]._early_of.values()]
    assert sum(kept) == 1
    assert len(strict.at[ONE]._early) == 1
    with pytest.raises(PeerFloodError):
        strict.deliver(TWO, ONE, encode_round(bytes([49]) * 32, 1, bytes(60)))


async def test_ended_sessions_are_not_remembered_for_ever(strict: Links, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions_module, "MOST_ENDED_REMEMBERED", 2)
    for number in range(5):
        await strict.open(ONE, session=bytes([number]) * 32)[0].close()
    assert len(strict.at[ONE]._ended) == 2


async def test_stopping_ends_all_sessions(strict: Links) -> None:
    channels = [*strict.open(ONE), *strict.open(ONE, session=OTHER)]
    waiting: list[Awaitable[object]] = [asyncio.ensure_future(channel.exchange(b"")) for channel in channels]
    await asyncio.sleep(0)
    await strict.at[ONE].close()
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert all(isinstance(error, ChannelClosedError) for error in results)
