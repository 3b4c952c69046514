"""Parties that lose their database while an auction runs: the outcome is right, and no honest party looks corrupt."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from aukciszek.auctions.context.auction_context import AuctionContext
from aukciszek.auctions.context.peer_network import MessageKind, PeerMessage
from aukciszek.auctions.session.fair_opening import Openings
from aukciszek.cluster import PartyNumber
from aukciszek.mpc.sharing.prss import dealt_sets
from aukciszek.protocol.rules.identifiers import BundleDigest
from aukciszek.protocol.rules.spec import AuctionSpec
from aukciszek.protocol.rules.states import AuctionState
from support.insides import processes_at
from support.losses import Certified, incidents_of, lose_database
from support.parties import Parties, StartParties
from support.passing import ended, let_pass, opened, state_at, time_passing, until

STATES = [
    AuctionState.CREATED,
    AuctionState.OPEN,
    AuctionState.CLOSED,
    AuctionState.AGREEING,
    AuctionState.COMPUTING,
    AuctionState.REVEALING,
    AuctionState.SIGNING,
]
PRICES = ("333", "101", "250")


class Halt:
    """Stops some parties as they enter a state: it is stored, and nothing follows from it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, state: AuctionState, numbers: set[int]) -> None:
        self.halted: set[int] = set()
        self.spared: set[int] = set()
        enter = AuctionContext.entering

        @contextlib.asynccontextmanager
        async def entering(context: AuctionContext, after: AuctionState, *rest: object) -> AsyncIterator[object]:
            async with enter(context, after, *rest) as connection:  # type: ignore[arg-type]
                yield connection
            number = context.party.number
            if number in numbers - self.spared and after is state:
                self.halted.add(number)
                await asyncio.Event().wait()

        monkeypatch.setattr(AuctionContext, "entering", entering)


def accused(parties: Parties) -> set[tuple[str, int]]:
    """Return what is on record against anybody; that a party says of itself that it forgot is no accusation."""
    return {one for one in incidents_of(parties, sorted(parties.services)) if one[0] != "memory-lost"}


async def bid(parties: Parties, spec: AuctionSpec) -> dict[str, BundleDigest]:
    """Bid at all parties; return the bundles, for each of which the bidder holds all receipts."""
    digests = {}
    for price in PRICES:
        bidder = await parties.bid(spec, price)
        for number in sorted(parties.services):
            (own,) = await parties.service(number).queries.own_bids(bidder, spec.auction_id)
            assert own.receipt.content.party == number
        (head,) = await parties.repositories[PartyNumber(1)].bundles_of(spec.auction_id, bidder.uid)
        digests[price] = BundleDigest(head.digest)
    return digests


async def check(parties: Parties, spec: AuctionSpec, digests: dict[str, BundleDigest], certified: Certified) -> None:
    body = await ended(parties, spec.auction_id)
    assert body.prices == ("101",)
    assert [one.bundle for one in body.winners] == [digests["101"]]
    assert set(body.bids) == set(digests.values())
    assert body.left_out == ()
    assert certified.of(parties.services) == {body.digest}
    assert accused(parties) == set()


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("number", [1, 4])
async def test_the_outcome_is_right_if_a_party_loses_its_database_in_any_state(
    start_parties: StartParties, monkeypatch: pytest.MonkeyPatch, state: AuctionState, number: int
) -> None:
    parties = await start_parties(5, 2)
    certified = Certified()
    parties.network.on_sent = certified.note
    if state is AuctionState.CREATED:
        spec = parties.draft()
        await parties.create(spec)
        await lose_database(parties, number)
        async with time_passing(parties):
            await parties.network.wait_for(lambda: spec.auction_id in processes_at(parties.service(number)))
            await parties.wait_for_state(spec.auction_id, AuctionState.OPEN)
        digests = await bid(parties, spec)
    else:
        spec = await opened(parties)
        digests = await bid(parties, spec)
        if state is AuctionState.OPEN:
            await lose_database(parties, number)
        else:
            halt = Halt(monkeypatch, state, {number})
            parties.clock.move(601)
            await until(parties, lambda: number in halt.halted)
            halt.spared.add(number)
            await lose_database(parties, number)
    if state in {AuctionState.CREATED, AuctionState.OPEN}:
        await let_pass(parties, 20)
        parties.clock.move(601)
    await check(parties, spec, digests, certified)


@pytest.mark.parametrize(
    ("state", "second"),
    [
        (AuctionState.OPEN, "when the first has its keys again"),
        (AuctionState.REVEALING, "when the first has its keys again"),
        (AuctionState.OPEN, "at once"),
        (AuctionState.COMPUTING, "at once"),
        (AuctionState.SIGNING, "at once"),
    ],
)
async def test_the_outcome_is_right_if_two_parties_lose_their_databases_one_after_the_other(
    start_parties: StartParties, monkeypatch: pytest.MonkeyPatch, state: AuctionState, second: str
) -> None:
    parties = await start_parties(5, 2)
    certified = Certified()
    parties.network.on_sent = certified.note
    spec = await opened(parties)
    digests = await bid(parties, spec)
    halt = Halt(monkeypatch, state, {2, 3} if second == "at once" else {2})
    if state is not AuctionState.OPEN:
        parties.clock.move(601)
        await until(parties, lambda: 2 in halt.halted)
    halt.spared |= {2, 3}
    await lose_database(parties, 2)
    if second != "at once":
        await until(parties, lambda: has_its_keys(parties, 2, 3, spec))
    await lose_database(parties, 3)
    if state is AuctionState.OPEN:
        await let_pass(parties, 20)
        parties.clock.move(601)
    await check(parties, spec, digests, certified)


def has_its_keys(parties: Parties, number: int, other: int, spec: AuctionSpec) -> bool:
    """Tell whether a party has all keys again that it shares with another one."""
    process = processes_at(parties.service(number)).get(spec.auction_id)
    shared = [one for one in dealt_sets(5, 2) if {number, other} <= one]
    return process is not None and {one.members for one in process._parts.dealing._held}.issuperset(shared)


@pytest.mark.parametrize("dealer", [1, 2, 3])
@pytest.mark.parametrize("kind", [MessageKind.DEALING, MessageKind.KEY_TABLE])
async def test_an_auction_whose_dealer_loses_its_database_before_all_have_its_keys_takes_no_bids(
    start_parties: StartParties, dealer: int, kind: MessageKind
) -> None:
    """Some have the keys that it dealt before, others have not: it makes no others, and the auction ends so."""
    parties = await start_parties(5, 2)
    certified = Certified()
    parties.network.on_sent = certified.note
    dealt = asyncio.Event()

    def lose(sender: PartyNumber, to: PartyNumber, message: PeerMessage) -> bool:
        if sender == dealer and message.kind is kind:
            dealt.set()
        # Half of what the dealer deals before its loss arrives.
        return message.kind is MessageKind.KEY_TABLE or (
            message.kind is MessageKind.DEALING and sender == dealer and to % 2 == 0
        )

    parties.network.drop = lose
    spec = parties.draft()
    await parties.create(spec)
    async with time_passing(parties):
        await dealt.wait()
    await let_pass(parties, 5)
    await lose_database(parties, dealer)
    parties.network.drop = lambda _sender, _to, _message: False
    await until(parties, lambda: spec.auction_id in processes_at(parties.service(dealer)))
    await let_pass(parties, 60)
    assert all(state_at(parties, number, spec.auction_id) is AuctionState.CREATED for number in parties.services)
    parties.clock.move(601)
    body = await ended(parties, spec.auction_id)
    assert body.outcome == "too-few-bids"
    assert certified.of(parties.services) == {body.digest}
    assert accused(parties) == set()


async def test_a_party_that_lost_its_database_after_it_signed_an_opening_learns_the_outcome_from_the_others(
    start_parties: StartParties, monkeypatch: pytest.MonkeyPatch
) -> None:
    parties = await start_parties(5, 2)
    certified = Certified()
    parties.network.on_sent = certified.note
    spec = await opened(parties)
    digests = await bid(parties, spec)
    signed = asyncio.Event()
    sign = Openings.sign

    async def sign_and_halt(openings: Openings, *arguments: object) -> object:
        opening = await sign(openings, *arguments)  # type: ignore[arg-type]
        if openings._context.party.number == 2 and not signed.is_set():
            signed.set()
            await asyncio.Event().wait()
        return opening

    monkeypatch.setattr(Openings, "sign", sign_and_halt)
    parties.network.drop = lambda sender, _to, message: sender == 2 and message.kind is MessageKind.RELEASE
    parties.clock.move(601)
    async with time_passing(parties):
        await signed.wait()
    parties.network.disconnect(PartyNumber(2))
    parties.network.drop = lambda _sender, _to, _message: False
    await lose_database(parties, 2)
    await check(parties, spec, digests, certified)
    assert state_at(parties, 2, spec.auction_id) is AuctionState.FINAL
