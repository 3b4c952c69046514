"""Links between real servers on ``127.0.0.x``, all in this process."""

import asyncio
from typing import TYPE_CHECKING

import aiohttp
import pytest

from aukciszek.auctions.context.peer_network import MessageKind, PeerMessage
from aukciszek.clock import SystemClock
from aukciszek.cluster import PartyNumber
from aukciszek.encoding import MalformedEncodingError
from aukciszek.identity import Identity
from aukciszek.mpc.errors import PartiesMissingError
from aukciszek.protocol.rules.identifiers import AuctionId
from aukciszek.server.links import inbound, link_reader, outbound, peer_clocks, peers
from aukciszek.server.links.frames import (
    LARGEST_FRAME,
    MessageFrame,
    WelcomeFrame,
    encode_frame,
    encode_round,
)
from aukciszek.server.links.identity_token import LIFETIME_S, IdentityTokens
from aukciszek.storage.errors import StorageFullError

if TYPE_CHECKING:
    from .conftest import LinkedCluster, NewCluster

ONE, TWO, THREE = PartyNumber(1), PartyNumber(2), PartyNumber(3)
SESSION = b"S" * 32
LONG_S = 60.0


def message(body: bytes) -> PeerMessage:
    return PeerMessage(MessageKind.RECEIPT_LIST, AuctionId("a" * 64), body)


@pytest.fixture
async def alone(new_cluster: "NewCluster") -> "LinkedCluster":
    """A cluster of three in which only party 1 runs; tests play the others."""
    cluster = new_cluster(3)
    await cluster.start(1)
    return cluster


@pytest.mark.parametrize("tls", [False, True], ids=["loopback", "TLS"])
async def test_every_party_reaches_every_other(new_cluster: "NewCluster", *, tls: bool) -> None:
    cluster = new_cluster(3, tls=tls)
    await cluster.start()
    await cluster.all_linked()
    await cluster[1].peers.send(TWO, message(b"hello"))
    await cluster.until(lambda: bool(cluster[2].listener.messages))
    assert cluster[2].listener.messages == [(ONE, message(b"hello"))]
    assert sorted(cluster[1].listener.connected) == [TWO, THREE]
    assert [await party.incident_kinds() for party in cluster.parties.values()] == [[], [], []]


@pytest.mark.parametrize("tls", [False, True], ids=["loopback", "TLS"])
async def test_rounds_of_all_sizes_arrive_in_order(new_cluster: "NewCluster", *, tls: bool) -> None:
    cluster = new_cluster(3, tls=tls)
    await cluster.start()
    await cluster.all_linked()
    channels = [party.peers.open_channel(SESSION, round_timeout_s=LONG_S) for party in cluster.parties.values()]
    for size in (0, 1, 1000, 100_000, 3_000_000, 7):
        payloads = [bytes([channel.party]) * size for channel in channels]
        answers = await asyncio.gather(
            *(channel.exchange(payload) for channel, payload in zip(channels, payloads, strict=True))
        )
        for channel, answer in zip(channels, answers, strict=True):
            assert answer == {other: payloads[other - 1] for other in (1, 2, 3) if other != channel.party}


async def test_a_round_takes_half_of_the_longest_round_trip(new_cluster: "NewCluster") -> None:
    cluster = new_cluster(3)
    await cluster.start()
    await cluster.all_linked()
    await cluster.until(lambda: cluster[1].peers.clocks.offsets.keys() == {TWO, THREE})
    offsets = cluster[1].peers.clocks.offsets
    assert cluster[1].peers.round_s == max(one.round_trip_s for one in offsets.values()) / 2
    await cluster.stop(2)
    await cluster.stop(3)
    await cluster.until(lambda: cluster[1].peers.round_s is None)


async def test_a_message_to_a_party_that_is_not_there_is_dropped(alone: "LinkedCluster") -> None:
    assert alone[1].peers.round_s is None
    assert alone[1].peers.connected == frozenset()
    await alone[1].peers.send(TWO, message(b"nobody hears this"))
    alone[1].peers.write(TWO, encode_round(SESSION, 0, b"nor this"))


async def test_a_party_that_comes_back_is_connected_again(new_cluster: "NewCluster") -> None:
    cluster = new_cluster(3)
    await cluster.start()
    await cluster.all_linked()
    await cluster.stop(2)
    await cluster.until(lambda: cluster[1].peers.connected_both_ways == {THREE})
    await cluster.start(2)
    await cluster.all_linked()
    await cluster[1].peers.send(TWO, message(b"welcome back"))
    await cluster.until(lambda: bool(cluster[2].listener.messages))


async def test_a_party_that_stops_is_missed_in_its_sessions_at_once(new_cluster: "NewCluster") -> None:
    cluster = new_cluster(3)
    await cluster.start()
    await cluster.all_linked()
    waiting = asyncio.ensure_future(cluster[1].peers.open_channel(SESSION, round_timeout_s=LONG_S).exchange(b""))
    await asyncio.sleep(0)
    await cluster.stop(2)
    with pytest.raises(PartiesMissingError) as missing:
        await waiting
    assert missing.value.parties == {TWO}


async def test_an_unknown_address_is_refused_before_anything_is_read(alone: "LinkedCluster") -> None:
    token, _ = IdentityTokens(alone.make(2).directory, alone.identities[1], alone.clock).issue(ONE)
    with pytest.raises(aiohttp.WSServerHandshakeError) as refusal:
        async with alone.dial(1, address="127.0.0.77", token=token):
            pass
    assert refusal.value.status == 403
    assert await alone[1].incident_kinds() == [("peer-address-unknown", None)]


@pytest.mark.parametrize("header", ["X-Forwarded-For", "X-Real-IP", "Forwarded", "X-Forwarded-Host", "True-Client-IP"])
async def test_forwarded_headers_change_nothing(alone: "LinkedCluster", header: str) -> None:
    token, _ = IdentityTokens(alone.make(2).directory, alone.identities[1], alone.clock).issue(ONE)
    claim = "for=127.0.0.2" if header == "Forwarded" else "127.0.0.2"
    with pytest.raises(aiohttp.WSServerHandshakeError):
        async with alone.dial(1, address="127.0.0.77", token=token, headers={header: claim}):
            pass
    assert await alone[1].incident_kinds() == [("peer-address-unknown", None)]
    claim = "for=127.0.0.77" if header == "Forwarded" else "127.0.0.77"
    async with alone.dial(1, address="127.0.0.2", token=token, headers={header: claim}) as link:
        assert await link.receive_bytes()
        assert alone[1].peers.inbound.senders == {TWO}


async def test_an_address_speaks_for_its_own_party_only(alone: "LinkedCluster") -> None:
    token, _ = IdentityTokens(alone.make(3).directory, alone.identities[2], alone.clock).issue(ONE)
    with pytest.raises(aiohttp.WSServerHandshakeError):
        async with alone.dial(1, address="127.0.0.2", token=token):
            pass
    assert await alone[1].incident_kinds() == [("peer-identity", None)]
    assert "party 2" in alone[1].store.texts[0]


@pytest.mark.parametrize("fault", ["none", "garbage", "expired", "other receiver", "other cluster", "basic", "twice"])
async def test_without_a_good_token_nobody_gets_in(alone: "LinkedCluster", fault: str) -> None:
    two = alone.make(2)
    good, _ = two.tokens.issue(ONE)
    clock = SystemClock()
    headers = {"Authorization": f"Bearer {good}"}
    if fault == "none":
        headers = {}
    elif fault == "garbage":
        headers["Authorization"] = "Bearer a.b.c"
    elif fault == "basic":
        headers["Authorization"] = f"Basic {good}"
    elif fault == "other receiver":
        headers["Authorization"] = f"Bearer {two.tokens.issue(THREE)[0]}"
    elif fault == "other cluster":
        other = type(alone)(3)
        headers["Authorization"] = f"Bearer {other.make(2).tokens.issue(ONE)[0]}"
        await other.stop()
    elif fault == "twice":
        async with alone.dial(1, address="127.0.0.2", headers=headers):
            pass
    else:
        clock_of_yesterday = SystemClock()
        clock_of_yesterday.now = lambda: clock.now().replace(year=2020)  # type: ignore[method-assign]
        old = IdentityTokens(two.directory, two.identity, clock_of_yesterday)
        headers["Authorization"] = f"Bearer {old.issue(ONE)[0]}"
    with pytest.raises(aiohttp.WSServerHandshakeError) as refusal:
        async with alone.dial(1, address="127.0.0.2", headers=headers):
            pass
    assert refusal.value.status == 403
    assert await alone[1].incident_kinds() == [("peer-identity", None)]
    assert LIFETIME_S <= 60


async def test_a_party_checks_who_answers_it(new_cluster: "NewCluster") -> None:
    cluster = new_cluster(3)
    impostor = cluster.make(2)
    impostor.tokens._identity = Identity.new()
    await cluster.start(1)
    await cluster.start(2, party=impostor)
    await cluster.until(lambda: ONE in impostor.peers.inbound.senders)
    await cluster.until(lambda: ("peer-identity", None) in cluster[1].store.kinds)
    assert cluster[1].peers.connected == frozenset()


ROUND_0, ROUND_1 = encode_round(SESSION, 0, b""), encode_round(SESSION, 1, b"")


@pytest.mark.parametrize(
    ("frames", "incident"),
    [
        pytest.param([b""], "malformed-frame", id="empty"),
        pytest.param([b"\xff" * 100], "malformed-frame", id="garbage"),
        pytest.param([encode_frame(WelcomeFrame("token"))], "malformed-frame", id="welcome from the dialling side"),
        pytest.param([ROUND_0[:30]], "malformed-frame", id="cut off"),
        pytest.param([ROUND_0, ROUND_0], "round-out-of-order", id="round twice"),
        pytest.param([ROUND_1], "round-out-of-order", id="round too early"),
        pytest.param([ROUND_0, ROUND_1, ROUND_0], "round-out-of-order", id="round replayed"),
    ],
)
async def test_who_breaks_the_rules_is_cut_off(alone: "LinkedCluster", frames: list[bytes], incident: str) -> None:
    async with alone.dial_as(2, 1) as link:
        for frame in frames:
            await link.send_bytes(frame)
        closing = await link.receive()
        assert closing.type is aiohttp.WSMsgType.CLOSE
        assert closing.data in {1008, 1009}
    await alone.until(lambda: not alone[1].peers.inbound.senders)
    assert await alone[1].incident_kinds() == [(incident, TWO)]


async def test_a_frame_that_is_too_large_is_refused_before_it_has_arrived(alone: "LinkedCluster") -> None:
    async with alone.dial_as(2, 1) as link:
        head = b"\x82\xff" + (LARGEST_FRAME + 1).to_bytes(8) + bytes(4)
        link._writer.transport.write(head + bytes(10))
        assert (await link.receive()).data == 1009
    await alone.until(lambda: not alone[1].peers.inbound.senders)
    assert await alone[1].incident_kinds() == [("malformed-frame", TWO)]


async def test_text_is_no_frame(alone: "LinkedCluster") -> None:
    async with alone.dial_as(2, 1) as link:
        await link.send_str("hello")
        assert (await link.receive()).data == 1008
    await alone.until(lambda: not alone[1].peers.inbound.senders)
    assert await alone[1].incident_kinds() == [("malformed-frame", TWO)]


async def test_a_compressed_frame_is_refused(alone: "LinkedCluster") -> None:
    """A few bytes must not become many after they were let in."""
    async with alone.dial_as(2, 1) as link:
        assert not link.compress
        await link.send_bytes(encode_frame(MessageFrame(message(bytes(1000)))), compress=15)
        assert (await link.receive()).data == 1002
    await alone.until(lambda: not alone[1].peers.inbound.senders)
    assert await alone[1].incident_kinds() == [("malformed-frame", TWO)]
    assert alone[1].listener.messages == []


async def test_a_refused_message_is_an_incident_and_the_link_stays(alone: "LinkedCluster") -> None:
    async def refuse(_sender: PartyNumber, refused: PeerMessage) -> None:
        if refused.body == b"bad":
            raise MalformedEncodingError("not canonical")
        if refused.body == b"bug":
            raise ZeroDivisionError

    alone[1].listener.answer = refuse
    async with alone.dial_as(2, 1) as link:
        for body in (b"bad", b"bug", b"good"):
            await link.send_bytes(encode_frame(MessageFrame(message(body))))
        await alone.until(lambda: len(alone[1].listener.messages) == 3)
        assert alone[1].peers.inbound.senders == {TWO}
    assert await alone[1].incident_kinds() == [("message-refused", TWO)]
    assert "malformed-encoding" in alone[1].store.texts[0]


async def test_rounds_do_not_wait_for_messages(alone: "LinkedCluster") -> None:
    never = asyncio.Event()
    alone[1].listener.answer = lambda _sender, _message: _forever(never)
    async with alone.dial_as(2, 1) as link:
        await link.send_bytes(encode_frame(MessageFrame(message(b"takes long"))))
        await alone.until(lambda: bool(alone[1].listener.messages))
        await link.send_bytes(ROUND_0)
        await alone.until(lambda: SESSION in alone[1].peers._channels._early)


async def _forever(event: asyncio.Event) -> None:
    await event.wait()


async def test_who_sends_more_than_can_be_dealt_with_is_read_no_further(
    alone: "LinkedCluster", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link_reader, "MOST_BYTES_WAITING", 1000)
    go_on = asyncio.Event()
    alone[1].listener.answer = lambda _sender, _message: _forever(go_on)
    async with alone.dial_as(2, 1) as link:
        for _ in range(5):
            await link.send_bytes(encode_frame(MessageFrame(message(bytes(500)))))
        reader = alone[1].peers.inbound._links[TWO].reader
        await alone.until(lambda: reader._is_paused)
        await link.send_bytes(ROUND_0)
        # What the kernel holds for us is not read, however long we wait: the loop has nothing to do with it.
        for _ in range(20):
            await asyncio.sleep(0)
        assert SESSION not in alone[1].peers._channels._early
        go_on.set()
        await alone.until(lambda: len(alone[1].listener.messages) == 5)
        await alone.until(lambda: SESSION in alone[1].peers._channels._early)


async def test_a_newer_link_takes_the_place_of_the_older(alone: "LinkedCluster") -> None:
    async with alone.dial_as(2, 1) as older, alone.dial_as(2, 1) as newer:
        await older.send_bytes(ROUND_0)
        assert (await older.receive()).data == inbound.CLOSE_REPLACED
        await newer.send_bytes(encode_frame(MessageFrame(message(b"newer"))))
        await alone.until(lambda: bool(alone[1].listener.messages))
        assert alone[1].peers.inbound.senders == {TWO}
    assert await alone[1].incident_kinds() == []


async def test_a_party_speaks_only_over_the_link_that_it_dialled(new_cluster: "NewCluster") -> None:
    cluster = new_cluster(3)
    await cluster.start()
    await cluster.all_linked()
    await cluster[2].peers.inbound._links[ONE].socket.send_bytes(ROUND_0)
    await cluster.until(lambda: ("malformed-frame", TWO) in cluster[1].store.kinds)


async def test_many_strangers_leave_few_traces(alone: "LinkedCluster") -> None:
    for _ in range(10):
        with pytest.raises(aiohttp.WSServerHandshakeError):
            async with alone.dial(1, address="127.0.0.77"):
                pass
    assert await alone[1].incident_kinds() == [("peer-address-unknown", None)]


async def test_a_stopped_party_lets_nobody_in(alone: "LinkedCluster") -> None:
    await alone[1].peers.inbound.close()
    with pytest.raises(aiohttp.WSServerHandshakeError):
        async with alone.dial_as(2, 1):
            pass


async def test_pauses_between_attempts_grow_and_differ(new_cluster: "NewCluster") -> None:
    pauses: list[float] = []

    class _Hurried(SystemClock):
        async def sleep(self, seconds: float) -> None:
            if seconds != peer_clocks.ASK_EVERY_S:
                pauses.append(seconds)
            await asyncio.sleep(0)

    cluster = new_cluster(3, clock=_Hurried())
    await cluster.start(1)
    await cluster.until(lambda: len(pauses) > 40)
    assert max(pauses) <= outbound.LONGEST_PAUSE_S
    assert all(pause >= outbound.SHORTEST_PAUSE_S / 2 for pause in pauses)
    assert sum(pauses[30:]) / len(pauses[30:]) > 0.6 * outbound.LONGEST_PAUSE_S
    assert len(set(pauses)) == len(pauses)


async def test_nothing_that_a_peer_answers_is_quoted_in_the_log(
    new_cluster: "NewCluster", caplog: pytest.LogCaptureFixture
) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nforged s3cret \x1b[31m\r\n\r\n")
        writer.close()

    cluster = new_cluster(3)
    async with await asyncio.start_server(answer, sock=cluster._sockets[2]):
        await cluster.start(1)
        await cluster.until(lambda: "no link to party 2" in caplog.text)
    assert "its answer is not valid HTTP" in caplog.text
    assert "s3cret" not in caplog.text


async def test_a_peer_that_reads_nothing_is_dropped(new_cluster: "NewCluster", monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbound, "LARGEST_BACKLOG", 1_000_000)
    monkeypatch.setattr(link_reader, "MOST_BYTES_WAITING", 1000)
    cluster = new_cluster(3)
    await cluster.start(1, 2)
    never = asyncio.Event()
    cluster[2].listener.answer = lambda _sender, _message: _forever(never)
    await cluster.until(lambda: TWO in cluster[1].peers.connected)
    first = cluster[1].peers._links[TWO]._socket
    frame = encode_frame(MessageFrame(message(bytes(200_000))))
    for _ in range(200):
        cluster[1].peers.write(TWO, frame)
        await asyncio.sleep(0)
        if cluster[1].peers._links[TWO]._socket is not first:
            break
    assert cluster[1].peers._links[TWO]._socket is not first
    never.set()


async def test_an_idle_cluster_does_nothing(new_cluster: "NewCluster") -> None:
    """The next thing that any party has planned is a sign of life after half a minute."""
    cluster = new_cluster(3)
    await cluster.start()
    await cluster.all_linked()
    loop = asyncio.get_running_loop()
    await asyncio.sleep(0)
    soon = [timer for timer in loop._scheduled if not timer.cancelled() and timer.when() < loop.time() + 10]  # type: ignore[attr-defined]
    web_servers_ticking = 3
    assert len(soon) <= web_servers_ticking + 1, "one more for the time limit of this test"
    assert not any(party.peers._channels.running for party in cluster.parties.values())


async def test_a_message_that_cannot_be_stored_waits_until_it_can(
    new_cluster: "NewCluster", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(peers, "STORAGE_RETRY_S", 0.0)
    cluster = new_cluster(3)
    await cluster.start()
    await cluster.all_linked()
    failures = 3

    async def fail_at_first(_sender: PartyNumber, _message: PeerMessage) -> None:
        nonlocal failures
        if failures:
            failures -= 1
            raise StorageFullError("the disk is full")

    cluster[2].listener.answer = fail_at_first
    for body in (b"first", b"second"):
        await cluster[1].peers.send(TWO, message(body))
    await cluster.until(lambda: len(cluster[2].listener.messages) == 5)
    assert [one.body for _, one in cluster[2].listener.messages] == [b"first"] * 4 + [b"second"]
    assert await cluster[2].incident_kinds() == [], "the sender is not to blame"
