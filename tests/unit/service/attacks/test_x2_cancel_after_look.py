"""Cancelling after a look: words for an order to cancel that corrupt parties kept back until they knew more.

The auctioneer gives the order at one honest party, in time; with the words of ``t`` corrupt parties it counts. When
they bring these, or show what enough parties were ready for, must make no difference to what some honest party knows or
finishes: no honest party cancels while another one opens something, or is bound to compute.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from functools import partial

import pytest

from aukciszek.auctions.context.peer_network import MessageKind, PeerMessage
from aukciszek.auctions.session.opening_port import SessionOpenings
from aukciszek.auctions.session.readiness import Proposal, Readiness
from aukciszek.cluster import PartyNumber
from aukciszek.protocol.evidence.statements import OrderStatement, Signed, read_verified_statement
from aukciszek.protocol.rules.identifiers import AuctionId
from aukciszek.protocol.rules.spec import AuctionSpec
from aukciszek.protocol.rules.states import AuctionState
from support.corrupt import Knowledge, Withholding, as_party, list_without_receipts, readiness, tell
from support.parties import Parties, StartParties
from support.passing import ended, let_pass, opened, state_at, time_passing, until

CLUSTERS = [(3, 1), (4, 1), (5, 2)]
MOMENTS = {
    "as the lists are gathered": MessageKind.RECEIPT_LIST,
    "when the first is ready": MessageKind.READY,
    "when a session is proposed": MessageKind.PROPOSAL,
}
OVER = {AuctionState.FINAL, AuctionState.CANCELLED}


def word(parties: Parties, spec: AuctionSpec, number: int) -> bytes:
    """Return a back-dated word of a corrupt party."""
    at = spec.closes_at - timedelta(seconds=1)
    order = OrderStatement(
        auction=spec.auction_id, party=PartyNumber(number), kind="cancel", by=spec.auctioneer, at=at, spec=None
    )
    return as_party(parties, order).encode()


async def bring(parties: Parties, spec: AuctionSpec, corrupt: Iterable[int], to: Iterable[int]) -> None:
    """Bring the words of corrupt parties, as such and in a list."""
    receivers = list(to)
    for corrupt_party in corrupt:
        order = word(parties, spec, corrupt_party)
        late = list_without_receipts(parties, spec, corrupt_party, orders=[order]).encode()
        for number in receivers:
            await tell(parties, corrupt_party, number, MessageKind.ORDER, spec.auction_id, order)
            await tell(parties, corrupt_party, number, MessageKind.RECEIPT_LIST, spec.auction_id, late)


def over_at(parties: Parties, auction: AuctionId, honest: Sequence[int]) -> bool:
    """Tell whether the auction is over at all of them, and check that it is so in the same way."""
    states = {state_at(parties, number, auction) for number in honest}
    cancelled = AuctionState.CANCELLED in states
    entered = [number for number in honest if has_entered(parties, number)]
    assert not (cancelled and entered), "one cancelled, another was about to open something"
    return states <= OVER and len(states) == 1


def has_entered(parties: Parties, number: int) -> bool:
    rows = parties.disks[PartyNumber(number)].raw.execute("SELECT 1 FROM record WHERE action = 'verified'")
    return rows.fetchone() is not None


@pytest.mark.parametrize("withholds", ["share", "signature", "keys"])
@pytest.mark.parametrize(("size", "threshold"), CLUSTERS)
async def test_words_that_come_when_something_may_be_known_cancel_nothing(
    start_parties: StartParties, monkeypatch: pytest.MonkeyPatch, size: int, threshold: int, withholds: str
) -> None:
    parties = await start_parties(size, threshold)
    spec = await opened(parties)
    auction = spec.auction_id
    corrupt, honest = range(size - threshold + 1, size + 1), range(1, size - threshold + 1)
    knowledge = Knowledge(parties, corrupt, auction)
    withholding = Withholding(parties, corrupt, withholds, 2)
    withholding.begin(monkeypatch)
    for price in ("101", "250", "333"):
        await parties.bid(spec, price)
    await parties.service(1).cancel(parties.auctioneer, auction)
    parties.clock.move(601)
    await until(parties, lambda: bool(withholding.entered))
    if withholds == "keys":
        await until(parties, lambda: bool(knowledge.known))
    await bring(parties, spec, corrupt, honest)
    for corrupt_party in corrupt:
        for confirms in (0, 1):
            other = readiness(spec, corrupt_party, 2 + confirms, "c" * 64, cancelled=True, confirms=confirms)
            for number in honest:
                await tell(
                    parties, corrupt_party, number, MessageKind.READY, auction, as_party(parties, other).encode()
                )
    await let_pass(parties, 30)
    assert all(state_at(parties, number, auction) is not AuctionState.CANCELLED for number in honest)
    body = await ended(parties, auction, honest if withholds == "keys" else None)
    assert body.prices == ("101",)
    assert len(body.bids) == 3
    assert len(knowledge.outcomes) == 1


@pytest.mark.parametrize("to_all", [True, False])
@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize(("size", "threshold"), [*CLUSTERS, (5, 1)])
async def test_words_that_come_late_count_for_all_honest_parties_or_for_none(
    start_parties: StartParties,
    size: int,
    threshold: int,
    moment: str,
    to_all: bool,  # noqa: FBT001 -- one of two cases
) -> None:
    parties = await start_parties(size, threshold)
    spec = await opened(parties)
    auction = spec.auction_id
    corrupt, honest = range(size - threshold + 1, size + 1), range(1, size - threshold + 1)
    for price in ("101", "250", "333"):
        await parties.bid(spec, price)
    await parties.service(1).cancel(parties.auctioneer, auction)
    seen = asyncio.Event()

    def note(sender: PartyNumber, message: PeerMessage) -> None:
        if sender in honest and message.kind is MOMENTS[moment]:
            seen.set()

    parties.network.on_sent = note

    async def bring_then() -> None:
        await seen.wait()
        await bring(parties, spec, corrupt, honest if to_all else [2])

    bringing = asyncio.create_task(bring_then())
    parties.clock.move(601)
    await until(parties, lambda: over_at(parties, auction, honest))
    await bringing


class KeptBack:
    """A corrupt leader that collects what honest parties are ready for and puts proposals together for itself."""

    def __init__(self, parties: Parties, spec: AuctionSpec, corrupt: Sequence[int]) -> None:
        self.parties, self.spec, self.corrupt = parties, spec, corrupt
        self.honest = [number for number in range(1, parties.size + 1) if number not in corrupt]
        self.ready: dict[tuple[int, str], dict[PartyNumber, Signed[Readiness]]] = {}
        parties.network.on_sent = self._note

    def _note(self, sender: PartyNumber, message: PeerMessage) -> None:
        if message.kind is MessageKind.READY and sender in self.honest:
            signed = read_verified_statement(Readiness, message.body)
            self.ready.setdefault((signed.content.attempt, signed.content.input_set), {})[sender] = signed

    def sets_of_all(self, attempt: int) -> list[str]:
        """Return the sets for which all honest parties are ready at an attempt."""
        return [
            digest for (number, digest), who in self.ready.items() if number == attempt and len(who) == len(self.honest)
        ]

    def proposal(self, attempt: int, input_set: str) -> bytes:
        """Put a proposal together with the corrupt parties' own announcements."""
        ready = dict(self.ready[attempt, input_set])
        one = next(iter(ready.values())).content
        for corrupt_party in self.corrupt:
            own = readiness(self.spec, corrupt_party, attempt, input_set, cancelled=one.cancelled)
            ready[PartyNumber(corrupt_party)] = as_party(self.parties, own)
        return Proposal(ready).encode()

    async def show(self, proposal: bytes, to: Iterable[int]) -> None:
        for number in to:
            await tell(self.parties, self.corrupt[0], number, MessageKind.PROPOSAL, self.spec.auction_id, proposal)

    async def go_to(self, attempt: int) -> None:
        """Make honest parties leave an attempt: the corrupt ones are ready for something else there."""
        for corrupt_party in self.corrupt:
            other = as_party(self.parties, readiness(self.spec, corrupt_party, attempt, "f" * 64)).encode()
            for number in self.honest:
                await tell(self.parties, corrupt_party, number, MessageKind.READY, self.spec.auction_id, other)

    async def cancel_with(self, digest: str, confirms: int) -> None:
        """Be ready to cancel for good, wherever honest parties are that have confirmed the same."""
        attempt = max((number for number, one in self.ready if one == digest), default=0)
        for corrupt_party in self.corrupt:
            own = readiness(self.spec, corrupt_party, attempt, digest, cancelled=True, confirms=confirms)
            for number in self.honest if attempt > confirms else ():
                content = as_party(self.parties, own).encode()
                await tell(self.parties, corrupt_party, number, MessageKind.READY, self.spec.auction_id, content)


@pytest.mark.parametrize("first", ["computing", "cancelling"])
@pytest.mark.parametrize(("size", "threshold"), CLUSTERS)
async def test_a_proposal_that_was_kept_back_does_not_part_the_honest_parties(  # noqa: PLR0915 -- a long story
    start_parties: StartParties, monkeypatch: pytest.MonkeyPatch, size: int, threshold: int, first: str
) -> None:
    """All are ready to compute, then all to cancel; both proposals are kept back and shown when it hurts.

    That is, as one honest party is about to open something, and the other one is not yet.
    """
    parties = await start_parties(size, threshold)
    spec = await opened(parties)
    auction = spec.auction_id
    corrupt = range(size - threshold + 1, size + 1)
    leader = KeptBack(parties, spec, corrupt)
    honest = leader.honest
    for price in ("101", "250"):
        await parties.bid(spec, price)
    await parties.service(1).cancel(parties.auctioneer, auction)
    silent = {MessageKind.READY, MessageKind.PROPOSAL, MessageKind.ORDER}
    parties.network.drop = lambda sender, _to, message: sender in corrupt and message.kind in silent
    parties.clock.move(601)
    # Honest parties are led to the attempt that a corrupt one leads.
    async with time_passing(parties):
        for attempt in range(1, corrupt[0]):
            await wait(partial(leader.sets_of_all, attempt))
            await leader.go_to(attempt)
        kept = corrupt[0]
        await wait(partial(leader.sets_of_all, kept))
        (computing,) = leader.sets_of_all(kept)
        to_compute = leader.proposal(kept, computing)
        # Then the corrupt parties' words come, and all are ready to cancel.
        await bring(parties, spec, corrupt, honest)
        await leader.go_to(kept + 1)
        await wait(partial(cancelling, leader, kept))
        number, digest = cancelling(leader, kept)[0]
        to_cancel = leader.proposal(number, digest)
        shown = asyncio.Event()
        enter = SessionOpenings.enter

        async def enter_late(openings: SessionOpenings, reasons: Sequence[str]) -> None:
            party = openings._context.party.number
            if party == 1 or party in corrupt:
                await enter(openings, reasons)
                if party == 1 and not shown.is_set():
                    await leader.show(to_cancel, honest[1:])
                    shown.set()
            else:
                await shown.wait()
                await enter(openings, reasons)

        monkeypatch.setattr(SessionOpenings, "enter", enter_late)
        if first == "computing":
            await leader.show(to_compute, range(1, size + 1))
            parties.network.drop = lambda _sender, _to, _message: False
            await leader.go_to(number + 1)
            await wait(partial(over_at, parties, auction, honest))
            assert shown.is_set()
            assert state_at(parties, 1, auction) is AuctionState.FINAL
        else:
            await leader.show(to_cancel, honest[1:])
            await leader.show(to_compute, [1])
            await leader.go_to(number + 1)
            while not over_at(parties, auction, honest):
                await leader.cancel_with(digest, number)
                await asyncio.sleep(0.02)
            assert state_at(parties, 1, auction) is AuctionState.CANCELLED


def cancelling(leader: KeptBack, after: int) -> list[tuple[int, str]]:
    """Return for which attempts all honest parties are ready to cancel."""
    return [
        (attempt, digest)
        for (attempt, digest), who in leader.ready.items()
        if attempt > after and len(who) == len(leader.honest) and all(one.content.cancelled for one in who.values())
    ]


async def wait(condition: Callable[[], object]) -> None:
    while not condition():  # noqa: ASYNC110 -- it is about what honest parties send
        await asyncio.sleep(0.02)
