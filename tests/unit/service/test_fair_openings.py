"""Openings that are disturbed: messages that one party withholds, restarts, parties that are gone, late outcomes."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

import pytest

from aukciszek.auctions.context.peer_network import MessageKind, PeerMessage
from aukciszek.cluster import PartyNumber
from aukciszek.protocol.evidence.certificate import CertificateBody
from aukciszek.protocol.rules.identifiers import UserId
from aukciszek.protocol.rules.spec import AuctionSpec
from aukciszek.protocol.rules.states import AuctionState
from aukciszek.protocol.sealing.bundle import BidKey
from aukciszek.protocol.sealing.envelope import seal_bid
from aukciszek.protocol.sealing.keys import SealingPublicKey
from support.corrupt import Knowledge
from support.drills import drills_but
from support.memory_network import Round
from support.parties import Parties, StartParties, new_bidder
from support.passing import ended, let_pass, opened, parts_of, state_at, time_passing, until
from support.records import record_at

CLUSTERS = [(3, 1), (4, 1), (5, 2)]
SIGNATURE, RELEASE = MessageKind.OPENING_SIGNATURE, MessageKind.RELEASE
WITHHELD = {"signature": {SIGNATURE}, "release": {RELEASE}, "both": {SIGNATURE, RELEASE}}
FORMATS = ["first-price", "second-price", "pay-as-bid", "uniform-price"]
PRICES = ("3", "1", "2")
OUTCOMES = {
    "first-price": (["1"], ("1",)),
    "second-price": (["1"], ("2",)),
    "pay-as-bid": (["1", "2"], ("1", "2")),
    "uniform-price": (["1", "2"], ("3",)),
}


async def opened_as(parties: Parties, auction_format: str) -> AuctionSpec:
    winners = len(OUTCOMES[auction_format][0])
    return await opened(parties, format=auction_format, winners=winners, maximum="7")


async def bid(parties: Parties, spec: AuctionSpec) -> dict[str, str]:
    """Bid at all parties; return the prices by bidder."""
    return {(await parties.bid(spec, price)).uid: price for price in PRICES}


def check(body: CertificateBody, prices: dict[str, str], knowledge: Knowledge, auction_format: str) -> None:
    """Check that the outcome is right, and that nobody could know anything else."""
    won = {prices[one.bidder]: price for one, price in zip(body.winners, body.prices * len(body.winners), strict=False)}
    expected, paid = OUTCOMES[auction_format]
    assert sorted(won) == expected
    assert sorted(body.prices) == sorted(paid)
    assert len(knowledge.outcomes) == 1


@pytest.mark.parametrize(
    ("size", "threshold", "silent", "auction_format"),
    drills_but(
        lambda size, _threshold, silent, auction_format: size == 3 or (silent, auction_format) == (1, "first-price"),
        [(size, t, one, form) for form in FORMATS for size, t in CLUSTERS for one in range(1, size + 1)],
    ),
)
async def test_no_round_that_a_party_withholds_from_another_one_changes_the_outcome_or_tells_more(
    start_parties: StartParties, size: int, threshold: int, silent: int, auction_format: str
) -> None:
    """In one attempt after the other another round is withheld, from the first to the last, and then none."""
    parties = await start_parties(size, threshold)
    spec = await opened_as(parties, auction_format)
    knowledge = Knowledge(parties, [silent], spec.auction_id)
    prices = await bid(parties, spec)
    to, sessions, sent = silent % size + 1, list[bytes](), dict[bytes, int]()

    def withhold(sender: int, receiver: int, content: Round) -> bool:
        if sender != silent:
            return False
        if content.session not in sessions:
            sessions.append(content.session)
        sent[content.session] = max(content.number, sent.get(content.session, 0))
        return receiver == to and content.number == len(sessions)

    parties.network.drop_round = withhold
    parties.clock.move(601)
    body = await ended(parties, spec.auction_id)
    check(body, prices, knowledge, auction_format)
    # Each attempt came as far as the round that was withheld; the last one was longer by none.
    assert sent[sessions[-1]] < len(sessions)
    assert len(sessions) > 5


@pytest.mark.parametrize(
    ("size", "threshold", "withheld", "auction_format"),
    drills_but(
        lambda size, _threshold, withheld, auction_format: (
            size == 3 or (size, withheld, auction_format) == (5, "both", "first-price")
        ),
        [(size, t, kinds, form) for form in FORMATS for kinds in WITHHELD for size, t in CLUSTERS],
    ),
)
async def test_no_message_of_an_opening_that_is_withheld_changes_the_outcome_or_tells_more(
    start_parties: StartParties, size: int, threshold: int, withheld: str, auction_format: str
) -> None:
    """Each party in turn says nothing of an attempt's openings to another one, or to all."""
    kinds = WITHHELD[withheld]
    for silent in range(1, size + 1):
        for receivers in ({silent % size + 1}, set(range(1, size + 1))):
            parties = await start_parties(size, threshold)
            spec = await opened_as(parties, auction_format)
            knowledge = Knowledge(parties, [silent], spec.auction_id)
            prices = await bid(parties, spec)
            sessions: list[bytes] = []

            def withhold(  # noqa: PLR0917 -- what is bound, after what is asked
                sender: int,
                to: int,
                message: PeerMessage,
                silent: int = silent,
                receivers: set[int] = receivers,
                sessions: list[bytes] = sessions,
            ) -> bool:
                return sender == silent and to in receivers and message.kind in kinds and len(sessions) < 2

            def note(_sender: int, _to: int, content: Round, sessions: list[bytes] = sessions) -> bool:
                if content.session not in sessions:
                    sessions.append(content.session)
                return False

            parties.network.drop, parties.network.drop_round = withhold, note
            parties.clock.move(601)
            everybody_else = [number for number in range(1, size + 1) if number != silent]
            body = await ended(parties, spec.auction_id, everybody_else)
            check(body, prices, knowledge, auction_format)


class Moment:
    """Ends a party's process at a point of an opening: from there on nothing that it says leaves, and it hears nothing.

    The point is just before its first message of a kind, or just after its last one of the first time that it says it.
    """

    def __init__(self, parties: Parties, number: int, kind: MessageKind, *, let_through: int) -> None:
        self.reached = asyncio.Event()
        self._parties, self._number, self._kind = parties, PartyNumber(number), kind
        self._let_through, self._sent = let_through, 0
        parties.network.drop = self._drops

    def _drops(self, sender: PartyNumber, _to: PartyNumber, message: PeerMessage) -> bool:
        if sender != self._number or message.kind is not self._kind or self.reached.is_set():
            return False
        self._sent += 1
        if self._sent >= self._let_through:
            self.reached.set()
            self._parties.network.disconnect(self._number)
        return self._sent > self._let_through


def between_store_and_signature(parties: Parties, number: int) -> Moment:
    return Moment(parties, number, SIGNATURE, let_through=0)


def before_release(parties: Parties, number: int) -> Moment:
    return Moment(parties, number, RELEASE, let_through=0)


def after_release(parties: Parties, number: int) -> Moment:
    return Moment(parties, number, RELEASE, let_through=parties.size - 1)


@pytest.mark.parametrize("others", ["go on", "restart, too"])
@pytest.mark.parametrize("at", [between_store_and_signature, before_release, after_release])
@pytest.mark.parametrize(("size", "threshold"), CLUSTERS)
async def test_a_party_that_restarts_in_the_middle_of_an_opening_gets_to_the_outcome(
    start_parties: StartParties, size: int, threshold: int, at: Callable[[Parties, int], Moment], others: str
) -> None:
    parties = await start_parties(size, threshold)
    spec = await opened_as(parties, "first-price")
    knowledge = Knowledge(parties, [size], spec.auction_id)
    prices = await bid(parties, spec)
    moment = at(parties, 1)
    parties.clock.move(601)
    async with time_passing(parties):
        await moment.reached.wait()
    if others == "restart, too":
        for number in range(2, size + 1):
            await parties.stop(number)
            await parties.start(number)
    await parties.stop(1)
    await parties.start(1)
    check(await ended(parties, spec.auction_id), prices, knowledge, "first-price")


@pytest.mark.parametrize("helper", [1, 2])
@pytest.mark.parametrize(("size", "threshold"), [(5, 2), (7, 3)])
async def test_a_party_that_knows_nothing_of_a_session_finishes_it_with_what_one_other_party_says(
    start_parties: StartParties, size: int, threshold: int, helper: int
) -> None:
    """Its disk is as it was before the session; of the others only one that was told the outcome is still there."""
    parties = await start_parties(size, threshold)
    spec = await opened_as(parties, "first-price")
    prices = await bid(parties, spec)
    late, kept = 3, list[bytes]()
    disk = parties.disks[PartyNumber(late)].raw

    def keep(sender: PartyNumber, to: PartyNumber, message: PeerMessage) -> bool:
        if sender == late and message.kind is MessageKind.READY and not kept:
            kept.append(disk.serialize())
        return message.kind is MessageKind.OUTCOME_SIGNATURE or (message.kind is RELEASE and to == late)

    parties.network.drop = keep
    parties.clock.move(601)
    async with time_passing(parties):
        await parties.wait_for_state(spec.auction_id, AuctionState.SIGNING, [helper])
    for number in range(1, size + 1):
        if number != helper:
            await parties.stop(number)
    disk.deserialize(kept[0])
    parties.network.drop = lambda _sender, _to, message: message.kind is MessageKind.OUTCOME_SIGNATURE
    await parties.start(late)
    await until(parties, lambda: state_at(parties, late, spec.auction_id) is AuctionState.SIGNING)
    body = parts_of(parties, late, spec.auction_id).certification._body
    assert body is not None
    assert [prices[one.bidder] for one in body.winners] == ["1"]
    assert body == parts_of(parties, helper, spec.auction_id).certification._body


@pytest.mark.parametrize(("size", "threshold"), CLUSTERS)
async def test_keys_that_were_released_are_said_again_although_no_session_can_begin(
    start_parties: StartParties, size: int, threshold: int
) -> None:
    """Nothing of a release arrives for a minute; then all but two honest parties are gone."""
    parties = await start_parties(size, threshold)
    spec = await opened_as(parties, "first-price")
    prices = await bid(parties, spec)
    remain = [1, 2] if size < 5 else [1, 2, 3]
    parties.network.drop = lambda _sender, _to, message: message.kind is MessageKind.RELEASE
    released: set[int] = set()

    def note(sender: PartyNumber, message: PeerMessage) -> None:
        if message.kind is MessageKind.RELEASE:
            released.add(sender)

    parties.network.on_sent = note
    parties.clock.move(601)
    await until(parties, lambda: released == set(range(1, size + 1)))
    await let_pass(parties, 5)
    for number in set(range(1, size + 1)) - set(remain):
        await parties.stop(number)
    await let_pass(parties, 60)
    parties.network.drop = lambda _sender, _to, _message: False
    await until(
        parties,
        lambda: all(
            state_at(parties, one, spec.auction_id) in {AuctionState.SIGNING, AuctionState.FINAL} for one in remain
        ),
    )
    for one in remain:
        certificate = await parties.service(one).queries.certificate(spec.auction_id)
        assert [prices[winner.bidder] for winner in certificate.body.winners] == ["1"]


@pytest.mark.parametrize("restarts", [False, True])
async def test_an_abandoned_auction_takes_a_late_outcome(
    start_parties: StartParties,
    restarts: bool,  # noqa: FBT001 -- in between, or not
) -> None:
    parties = await start_parties(3, 1)
    spec = await opened(parties, abandons_at=parties.clock.now() + timedelta(minutes=30))
    await parties.bid(spec, "7")
    parties.network.drop = lambda sender, _to, message: sender == 3 and message.kind in {SIGNATURE, RELEASE}
    parties.clock.move(601)
    await until(
        parties,
        lambda: all(state_at(parties, one, spec.auction_id) is AuctionState.ABANDONED for one in (1, 2, 3)),
    )
    for number in (1, 2) if restarts else ():
        await parties.stop(number)
        await parties.start(number)
    parties.network.drop = lambda _sender, _to, _message: False
    assert (await ended(parties, spec.auction_id, [1, 2])).prices == ("7",)


@pytest.mark.parametrize(("size", "threshold"), [*CLUSTERS, (5, 1)])
@pytest.mark.parametrize("others", [["7"], []])
async def test_a_bid_out_of_range_is_left_out_and_the_auction_ends(
    start_parties: StartParties, size: int, threshold: int, others: list[str]
) -> None:
    parties = await start_parties(size, threshold)
    spec = await opened(parties)
    bidder = new_bidder()
    view = await parties.service(1).queries.auction(spec.auction_id)
    keys = [SealingPublicKey(one.content.public_key) for one in view.sealing_keys]
    bid_key = BidKey(auction=spec.auction_id, bidder=UserId(bidder.uid), revision=1)
    content = seal_bid(bid_key, [1] * spec.bits, threshold=threshold, sealing_keys=keys).encode()
    for number in range(1, size + 1):
        await parties.service(number).submit(bidder, spec.auction_id, content)
    for price in others:
        await parties.bid(spec, price)
    parties.clock.move(601)
    body = await ended(parties, spec.auction_id)
    assert [one.reason for one in body.left_out] == ["out-of-range"]
    assert body.prices == tuple(others)
    assert body.outcome == ("sold" if others else "too-few-bids")


@pytest.mark.parametrize("prices", [("333", "101", "250"), ("300", "200"), ()])
async def test_every_attempt_that_is_on_record_as_begun_is_on_record_as_ended(
    start_parties: StartParties, prices: tuple[str, ...]
) -> None:
    """With one transcript at all parties if it succeeded: who saw another session than the others shows so."""
    parties = await start_parties(5, 2)
    spec = await opened(parties)
    for price in prices:
        await parties.bid(spec, price)
    parties.clock.move(601)
    await ended(parties, spec.auction_id)
    transcripts = set()
    for number in parties.services:
        record = await record_at(parties.service(number), spec.auction_id)
        began = [entry.details["session"] for entry in record.entries if entry.action == "session-began"]
        ends = [entry.details for entry in record.entries if entry.action == "session-ended"]
        assert [end["session"] for end in ends] == began
        assert ends[-1]["error"] is None
        transcripts.add(ends[-1]["transcript"])
    assert len(transcripts) == 1
