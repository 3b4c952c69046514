"""The signed receipt lists of one auction on this party's disk: each is stored before it counts.

``docs/protocol.md``, "Receipts and the input set". The lists that a session began on are stored with it, so that they
are the ones that count after a restart, too.
"""

import hashlib
import json
from collections.abc import Collection

from aukciszek.auctions.agreement.messages import MOST_LISTS_OF_A_PARTY
from aukciszek.auctions.agreement.receipt_lists import ListId, ReceiptLists, SignedList
from aukciszek.auctions.context.auction_context import AuctionContext
from aukciszek.cluster import PartyNumber
from aukciszek.encoding import canonical_json
from aukciszek.protocol.evidence.receipt_list import ReceiptListStatement
from aukciszek.protocol.evidence.statements import read_verified_statement, statement_digest
from aukciszek.protocol.rules.errors import AuctionError


class TooManyListsError(AuctionError):
    """A party signed so many different lists that no more of them are kept."""

    code = "too-many-lists"


class ListStore:
    """Stores what goes into ``lists``."""

    def __init__(self, context: AuctionContext, lists: ReceiptLists) -> None:
        self._context = context
        self._lists = lists
        self._read: set[bytes] = set()

    async def load(self) -> None:
        """Load what was stored before a restart."""
        repository, auction = self._context.party.repository, self._context.auction
        began_on: set[ListId] = set()
        for one in await repository.lists(auction):
            signed = read_verified_statement(ReceiptListStatement, one.statement)
            if signed.content.auction != auction:
                continue
            digest = statement_digest(signed.content)
            self._lists.add(signed, digest)
            if one.began_on:
                began_on.add((signed.content.party, digest))
        row = await repository.auction(auction)
        if row is not None and row.input_set is not None:
            self._lists.fix(row.input_set, began_on)
        for digest, text in (await repository.input_sets(auction)).items():
            self._lists.remember(digest, frozenset((PartyNumber(party), name) for party, name in json.loads(text)))

    async def receive(self, content: bytes) -> bool:
        """Store a signed list, from any sender; tell whether it was new and may count.

        Raises:
            StatementError: it is not signed by the party that it names.
            TooManyListsError: that party signed too many different lists.
        """
        # A list is long and comes more than once: from its author, and from others that were asked for it.
        fingerprint = hashlib.sha256(content).digest()
        if fingerprint in self._read:
            return False
        signed = self._context.read(ReceiptListStatement, content)
        digest = statement_digest(signed.content)
        is_new = self._lists.find((signed.content.party, digest)) is None
        if is_new:
            await self._keep(signed, digest, content)
        self._read.add(fingerprint)
        return is_new and self._lists.fixed is None

    async def remember(self, input_set: str, lists: frozenset[ListId]) -> None:
        """Store by which lists this party is ready for an input set, before it says so."""
        if self._lists.lists_of(input_set) is None:
            text = canonical_json([[party, digest] for party, digest in sorted(lists)]).decode()
            await self._context.party.repository.put_input_set(self._context.auction, input_set, text)
            self._lists.remember(input_set, lists)

    async def fix(self, input_set: str, lists: Collection[ListId], proposal: bytes, *, replace: bool = False) -> bool:
        """Store that a session begins on what these lists say; False if one began on another set earlier.

        With ``replace`` the new set takes the place of such a one.
        """
        context = self._context
        repository = context.party.repository
        if not await repository.fix_input_set(context.auction, input_set, lists, proposal, replace=replace):
            return False
        self._lists.fix(input_set, lists)
        return True

    async def _keep(self, signed: SignedList, digest: str, content: bytes) -> None:
        context, lists, party = self._context, self._lists, signed.content.party
        is_first, contradicts = not lists.of(party), lists.contradicts(signed)
        # One more than count is kept and passed on: it is what proves to all that the party signed too many.
        if len(lists.of(party)) > MOST_LISTS_OF_A_PARTY:
            raise TooManyListsError(f"party {party} signed more than {MOST_LISTS_OF_A_PARTY} different lists")
        await context.party.repository.put_list(context.auction, party, digest, content)
        lists.add(signed, digest)
        if lists.fixed is not None and is_first:
            await context.note("list-came-late", {"party": party, "list": digest})
        if contradicts:
            await context.report("two-lists", party, {"list": digest})
