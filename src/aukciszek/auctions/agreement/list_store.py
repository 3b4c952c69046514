"""The signed lists of one auction that are here: whose they are, what they say together, and on which a session began.

``docs/protocol.md``, "Receipts and the input set". A party that tells two stories is caught by its own signatures, and
both stories count. Once a session began on what some lists say, those are the lists that count, after a restart, too:
what comes later is kept as evidence, and changes nothing.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Collection

from aukciszek.auctions.agreement.input_set import Tally, tally_receipts
from aukciszek.auctions.agreement.messages import MOST_LISTS_OF_A_PARTY
from aukciszek.auctions.context.auction_context import AuctionContext
from aukciszek.auctions.orders import is_allowed
from aukciszek.cluster import PartyNumber
from aukciszek.encoding import canonical_json
from aukciszek.protocol.evidence.receipt_list import ReceiptListStatement
from aukciszek.protocol.evidence.statements import Signed, read_verified_statement, statement_digest
from aukciszek.protocol.rules.errors import AuctionError

type ListId = tuple[PartyNumber, str]
"""Who signed a list, and its digest."""


class TooManyListsError(AuctionError):
    """A party signed so many different lists that no more of them are kept."""

    code = "too-many-lists"


class ListStore:
    """See the module."""

    def __init__(self, context: AuctionContext) -> None:
        self._context = context
        self._held: dict[ListId, Signed[ReceiptListStatement]] = {}
        self._read: set[bytes] = set()
        self._fixed: str | None = None
        self._began_on: frozenset[ListId] = frozenset()
        self._sets: dict[str, frozenset[ListId]] = {}
        # What the lists say, with the lists that say it: it takes long to work out, and is asked for again and again.
        self._tallied: tuple[frozenset[ListId], Tally] | None = None

    async def load(self) -> None:
        """Take up what was stored before a restart."""
        repository, auction = self._context.party.repository, self._context.auction
        row = await repository.auction(auction)
        self._fixed = None if row is None else row.input_set
        began_on: set[ListId] = set()
        for one in await repository.lists(auction):
            signed = read_verified_statement(ReceiptListStatement, one.statement)
            if signed.content.auction != auction:
                continue
            list_id = signed.content.party, statement_digest(signed.content)
            self._held[list_id] = signed
            if one.began_on:
                began_on.add(list_id)
        self._began_on = frozenset(began_on)
        for digest, text in (await repository.input_sets(auction)).items():
            self._sets[digest] = frozenset((PartyNumber(party), name) for party, name in json.loads(text))

    @property
    def fixed(self) -> str | None:
        """The digest of the input set that this party began a session on, if it did."""
        return self._fixed

    @property
    def counted(self) -> frozenset[ListId]:
        """The lists that count here: those that a session began on, or, before, all.

        Those of a party that signed more of them than anybody needs count as if it had signed none: else it could show
        some to one party and others to another one for ever.
        """
        if self._fixed is not None:
            return self._began_on
        signed = Counter(party for party, _ in self._held)
        return frozenset(list_id for list_id in self._held if signed[list_id[0]] <= MOST_LISTS_OF_A_PARTY)

    @property
    def all(self) -> frozenset[ListId]:
        """All lists that are here, whether they count or not."""
        return frozenset(self._held)

    def find(self, list_id: ListId) -> Signed[ReceiptListStatement] | None:
        """Return a list, if it is here."""
        return self._held.get(list_id)

    def add(self, signed: Signed[ReceiptListStatement], digest: str) -> None:
        """Take up a list that is stored already."""
        self._held[signed.content.party, digest] = signed

    def tally(self, lists: frozenset[ListId]) -> Tally:
        """Return who signed what in time, by some of the lists that are here."""
        if self._tallied is None or self._tallied[0] != lists:
            party_context, context = self._context.party, self._context
            tally = tally_receipts(
                context.auction,
                cluster=party_context.cluster,
                threshold=party_context.threshold,
                closes_at=context.spec.closes_at,
                lists=[self._held[list_id] for list_id in sorted(lists)],
                allows=lambda order: is_allowed(order, context.spec),
            )
            self._tallied = lists, tally
        return self._tallied[1]

    async def receive(self, content: bytes) -> bool:
        """Keep a signed list, whoever sent it; tell whether it was new and may count.

        Raises:
            StatementError: it is not signed by the party that it names.
            TooManyListsError: that party signed too many different lists.
        """
        # A list is long and comes more than once: from its author, and from whoever was asked for it.
        fingerprint = hashlib.sha256(content).digest()
        if fingerprint in self._read:
            return False
        signed = self._context.read(ReceiptListStatement, content)
        party, digest = signed.content.party, statement_digest(signed.content)
        is_new = (party, digest) not in self._held
        if is_new:
            await self._keep(signed, digest, content)
        self._read.add(fingerprint)
        return is_new and self._fixed is None

    async def remember(self, input_set: str, lists: frozenset[ListId]) -> None:
        """Store by which lists this party is ready for an input set, before it says so."""
        if input_set not in self._sets:
            text = canonical_json([[party, digest] for party, digest in sorted(lists)]).decode()
            await self._context.party.repository.put_input_set(self._context.auction, input_set, text)
            self._sets[input_set] = lists

    def lists_of(self, input_set: str) -> frozenset[ListId] | None:
        """Return the lists by which this party was ready for an input set, if it was."""
        return self._sets.get(input_set)

    async def fix(self, input_set: str, lists: Collection[ListId], proposal: bytes, *, replace: bool = False) -> bool:
        """Store that a session begins on what these lists say; False if one began on another set before.

        With ``replace`` the new set takes the list_id of such a one.
        """
        context = self._context
        repository = context.party.repository
        if not await repository.fix_input_set(context.auction, input_set, lists, proposal, replace=replace):
            return False
        if self._fixed != input_set:
            self._fixed, self._began_on = input_set, frozenset(lists)
        return True

    def of(self, party: PartyNumber) -> list[ListId]:
        """Return all lists of a party that are here, those that came late among them."""
        return [list_id for list_id in self._held if list_id[0] == party]

    async def _keep(self, signed: Signed[ReceiptListStatement], digest: str, content: bytes) -> None:
        context, party = self._context, signed.content.party
        is_first, contradicts = not self.of(party), self._contradicts(signed)
        # One more than count is kept and passed on: it is what proves to all that the party signed too many.
        if len(self.of(party)) > MOST_LISTS_OF_A_PARTY:
            raise TooManyListsError(f"party {party} signed more than {MOST_LISTS_OF_A_PARTY} different lists")
        await context.party.repository.put_list(context.auction, party, digest, content)
        self._held[party, digest] = signed
        if self._fixed is not None and is_first:
            await context.note("list-came-late", {"party": party, "list": digest})
        if contradicts:
            await context.report("two-lists", party, {"list": digest})

    def _contradicts(self, signed: Signed[ReceiptListStatement]) -> bool:
        """Whether a party said something else of itself before; what it knows of others may grow."""
        told = [one.content.own_receipts for (party, _), one in self._held.items() if party == signed.content.party]
        return any(own_receipts != signed.content.own_receipts for own_receipts in told)
