"""After the close: exchange signed receipt lists until all parties have the same.

``docs/protocol.md``, "Receipts and the input set". Every party sends its signed list to all, passes on what it gets
when asked, and tells the others which lists it has. What that leads to is decided by
:class:`~aukciszek.auctions.agreement.list_exchange_state.ListExchangeState`; here is what is stored, sent and waited
for.
"""

from collections.abc import Iterable

from aukciszek.auctions.agreement.list_exchange_state import ListExchangeState
from aukciszek.auctions.agreement.list_store import ListStore
from aukciszek.auctions.agreement.messages import ListsSeen, ListWanted
from aukciszek.auctions.agreement.own_list import OwnList
from aukciszek.auctions.agreement.receipt_lists import ReceiptLists
from aukciszek.auctions.context.auction_context import AuctionContext
from aukciszek.cluster import PartyNumber


class ListExchange:
    """One party's part in the exchange of lists."""

    def __init__(
        self,
        context: AuctionContext,
        lists: ReceiptLists,
        store: ListStore,
        state: ListExchangeState,
        own_list: OwnList,
    ) -> None:
        self._context = context
        self._lists = lists
        self._store = store
        self._state = state
        self._own_list = own_list

    async def run(self) -> None:
        """Return when all parties, or enough, have the same lists, or a session began on lists that are here.

        This party's own list then holds its complaints about all bundles that count by these lists.
        """
        signal = self._context.signal
        self._state.start(self._context.party.clock.monotonic_s())
        try:
            await signal.wait_announcing(self._is_complete, self._announce_to_all)
            while await self._own_list.extend():
                await signal.wait_announcing(self._is_complete, self._announce_to_all)
        finally:
            self._state.stop()
        for one in self._lists.tally(self._lists.counted).contradictions:
            await self._context.report(one.kind, one.party, {"bundle": one.bundle})

    async def complain(self) -> None:
        """Make sure that this party's list has all its complaints about what counts, before it announces itself."""
        if self._lists.fixed is None:
            while await self._own_list.extend():
                await self._announce_to_all()

    async def receive_list(self, content: bytes) -> None:
        """Store a signed list, from any sender.

        Raises:
            StatementError: it is not signed by the party that it names.
            TooManyListsError: that party signed too many different lists.
        """
        if await self._store.receive(content):
            self._context.signal.notify()
            await self._context.dispatch(self._state.note_new_list())

    async def receive_seen(self, sender: PartyNumber, content: bytes) -> None:
        """Note which lists a peer has, and request the missing ones.

        Raises:
            MalformedStatementError: the message is not of its form.
        """
        outgoing = self._state.receive_seen(sender, ListsSeen.decode(content))
        self._context.signal.notify()
        await self._context.dispatch(outgoing)

    async def receive_list_wanted(self, sender: PartyNumber, content: bytes) -> None:
        """Send a list that a peer requests.

        Raises:
            MalformedStatementError: the message is not of its form.
        """
        await self._context.dispatch(self._state.receive_wanted(sender, ListWanted.decode(content)))

    async def announce(self, to: Iterable[PartyNumber]) -> None:
        """Send this party's list to the peers that lack it, and tell them which lists are here."""
        await self._context.dispatch(self._state.announcement(to))

    async def _announce_to_all(self) -> None:
        await self.announce(self._context.peers)

    def _is_complete(self) -> bool:
        self._context.wait_for_parties(self._state.absent)
        return self._state.is_complete(self._context.party.clock.monotonic_s())
