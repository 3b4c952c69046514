"""The signed lists of one auction that are here: whose they are, what they say together, and on which a session began.

``docs/protocol.md``, "Receipts and the input set". A party that tells two stories is caught by its own signatures, and
both stories count. Once a session began on what some lists say, those are the lists for good, after a restart, too:
what comes later is kept as evidence, and changes nothing.
"""

import hashlib
from collections.abc import Collection

from aukciszek.auctions.agreement import Tally, tally_receipts
from aukciszek.auctions.desk import AuctionDesk
from aukciszek.auctions.errors import AuctionError
from aukciszek.auctions.holdings import HoldingsStatement
from aukciszek.auctions.messages import MOST_LISTS_OF_A_PARTY
from aukciszek.auctions.statements import Signed, read_statement, read_verified_statement, statement_digest
from aukciszek.cluster import PartyNumber

type ListPlace = tuple[PartyNumber, str]
"""Who signed a list, and its digest."""


class TooManyListsError(AuctionError):
    """A party signed so many different lists that no more of them are kept."""

    code = "too-many-lists"


class Lists:
    """See the module."""

    def __init__(self, desk: AuctionDesk) -> None:
        self._desk = desk
        self._held: dict[ListPlace, Signed[HoldingsStatement]] = {}
        self._late: set[ListPlace] = set()
        self._read: set[bytes] = set()
        self._fixed: str | None = None
        # What the lists say, with the lists that say it: it takes long to work out, and is asked for again and again.
        self._tallied: tuple[frozenset[ListPlace], Tally] | None = None

    async def load(self) -> None:
        """Take up what was stored before a restart."""
        repository, auction = self._desk.context.repository, self._desk.auction
        row = await repository.auction(auction)
        self._fixed = None if row is None else row.input_set
        for one in await repository.lists(auction):
            signed = read_verified_statement(HoldingsStatement, one.statement)
            place = signed.content.party, statement_digest(signed.content)
            if self._fixed is None or one.began_on:
                self._held[place] = signed
            else:
                self._late.add(place)

    @property
    def fixed(self) -> str | None:
        """The digest of the input set that this party began a session on, if it did."""
        return self._fixed

    @property
    def places(self) -> frozenset[ListPlace]:
        """The lists that count here: those that a session began on, or, before, all."""
        return frozenset(self._held)

    def find(self, place: ListPlace) -> Signed[HoldingsStatement] | None:
        """Return a list, if it is here and counts."""
        return self._held.get(place)

    def add(self, signed: Signed[HoldingsStatement], digest: str) -> None:
        """Take up a list that is stored already."""
        self._held[signed.content.party, digest] = signed

    def tally(self, places: frozenset[ListPlace]) -> Tally:
        """Return who signed what in time, by some of the lists that are here."""
        if self._tallied is None or self._tallied[0] != places:
            context, desk = self._desk.context, self._desk
            tally = tally_receipts(
                desk.auction,
                cluster=context.cluster,
                threshold=context.threshold,
                closes_at=desk.spec.closes_at,
                lists=[self._held[place] for place in sorted(places)],
            )
            self._tallied = places, tally
        return self._tallied[1]

    async def receive(self, content: bytes) -> bool:
        """Keep a signed list, whoever sent it; tell whether it was new and counts.

        Raises:
            StatementError: it is not signed by the party that it names.
            TooManyListsError: that party signed too many different lists.
        """
        # A list is long and comes more than once: from its author, and from whoever was asked for it.
        fingerprint = hashlib.sha256(content).digest()
        if fingerprint in self._read:
            return False
        signed = read_statement(HoldingsStatement, content, self._desk.context.cluster)
        party, digest = signed.content.party, statement_digest(signed.content)
        is_new = (party, digest) not in self._held.keys() | self._late
        if is_new:
            await self._keep(signed, digest, content)
        self._read.add(fingerprint)
        return is_new and (party, digest) in self._held

    async def fix(self, input_set: str, places: Collection[ListPlace]) -> bool:
        """Store, for good, that a session begins on what these lists say; False if one began on another set before."""
        desk = self._desk
        if not await desk.context.repository.fix_input_set(desk.auction, input_set, places):
            return False
        if self._fixed is None:
            self._fixed = input_set
            self._late |= self._held.keys() - frozenset(places)
            self._held = {place: self._held[place] for place in places}
        return True

    def of(self, party: PartyNumber) -> list[ListPlace]:
        """Return all lists of a party that are here, those that came late among them."""
        return [place for place in self._held.keys() | self._late if place[0] == party]

    async def _keep(self, signed: Signed[HoldingsStatement], digest: str, content: bytes) -> None:
        desk, party = self._desk, signed.content.party
        is_first, contradicts = not self.of(party), self._contradicts(signed)
        if len(self.of(party)) >= MOST_LISTS_OF_A_PARTY:
            raise TooManyListsError(f"party {party} signed more than {MOST_LISTS_OF_A_PARTY} different lists")
        await desk.context.repository.put_list(desk.auction, party, digest, content)
        if self._fixed is None:
            self._held[party, digest] = signed
        else:
            self._late.add((party, digest))
            if is_first:
                await desk.note("list-came-late", {"party": party, "list": digest})
        if contradicts:
            await desk.report("two-lists", party, {"list": digest})

    def _contradicts(self, signed: Signed[HoldingsStatement]) -> bool:
        """Whether a party said something else of itself before; what it knows of others may grow."""
        told = [one.content.holdings for (party, _), one in self._held.items() if party == signed.content.party]
        return any(holdings != signed.content.holdings for holdings in told)
