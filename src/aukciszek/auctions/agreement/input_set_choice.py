"""Which input set this party is ready for: by the lists that are here, unless a session began on fewer of them.

``docs/protocol.md``, "Receipts and the input set" and "Attempts" (*Beginnings*).
"""

import asyncio
from collections.abc import Mapping

from aukciszek.auctions.agreement.input_set import InputSet, form_input_set
from aukciszek.auctions.agreement.list_exchange_state import ListExchangeState
from aukciszek.auctions.agreement.list_store import ListStore
from aukciszek.auctions.agreement.receipt_lists import ListId, ReceiptLists
from aukciszek.auctions.agreement.replication import Replication
from aukciszek.auctions.context.auction_context import AuctionContext
from aukciszek.protocol.rules.identifiers import BundleDigest
from aukciszek.protocol.sealing.bundle import BundleHeader, header_of


class InputSetChoice:
    """The input sets that follow from the lists of one auction."""

    def __init__(
        self,
        context: AuctionContext,
        lists: ReceiptLists,
        store: ListStore,
        state: ListExchangeState,
        replication: Replication,
    ) -> None:
        self._context = context
        self._lists = lists
        self._store = store
        self._state = state
        self._replication = replication
        self._found: tuple[frozenset[ListId], InputSet] | None = None
        self._lists_of: dict[str, frozenset[ListId]] = {}

    async def input_set(self) -> InputSet:
        """Return the bids that count, once their bundles are here.

        By all lists that are here; or by fewer, if peers began a session on what those say: it cannot change any more.
        """
        for begun, lists in self._state.begun_by_peers():
            found = await self._input_set_by(lists)
            if found.digest == begun:
                return found
        if (locked := await self._locked()) is not None:
            return locked
        while self._found is None or self._found[0] != self._lists.counted:
            # A list that comes meanwhile may settle a bundle that is not here.
            lists = self._lists.counted
            self._found = lists, await self._input_set_by(lists)
        return self._found[1]

    @property
    def bound_to(self) -> str | None:
        """The digest of the input set that this party began a session on, if it did and must stay with it."""
        return self._state.bound_to

    async def remember(self, input_set: InputSet) -> None:
        """Store by which lists this party is ready for an input set, before it says so."""
        await self._store.remember(input_set.digest, self._lists_of[input_set.digest])

    async def fix(self, input_set: str, proposal: bytes) -> bool:
        """Store that a session begins on an input set returned before; False if it began on another one before.

        Where not all parties are needed, a proposal with a higher attempt takes the place of an earlier beginning: had
        that come to anything, enough parties would be bound to it that there could be no such proposal.
        """
        party_context = self._context.party
        replace = party_context.quorum < party_context.cluster.size
        return await self._store.fix(input_set, self._lists_of[input_set], proposal, replace=replace)

    async def _locked(self) -> InputSet | None:
        """Return the input set of the highest proposal that is known, if it is known by which lists it is."""
        locked = self._state.locked
        if locked is None:
            return None
        digest, lists = locked
        found = await self._input_set_by(lists)
        return found if found.digest == digest else None

    async def _input_set_by(self, lists: frozenset[ListId]) -> InputSet:
        tally = self._lists.tally(lists)
        await self._replication.fetch_settled(tally)
        headers = await asyncio.to_thread(_headers, await self._replication.contents(tally.settled))
        found = form_input_set(tally, headers, self._context.party.mode)
        self._lists_of[found.digest] = lists
        return found


def _headers(contents: Mapping[BundleDigest, bytes]) -> dict[BundleDigest, BundleHeader]:
    return {digest: header_of(content) for digest, content in contents.items()}
