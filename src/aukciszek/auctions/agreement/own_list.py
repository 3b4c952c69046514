"""This party's own receipt list: signed once after the close, and longer ones where what it knows changes what counts.

``docs/protocol.md``, "Receipts and the input set". A longer list says the same of its author: it adds receipts of
others that a bidder relayed, and complaints about envelopes that this party cannot use.
"""

from collections.abc import Callable, Iterable
from typing import Final

from aukciszek.auctions.agreement.list_exchange_state import ListExchangeState
from aukciszek.auctions.agreement.messages import MOST_LISTS_OF_A_PARTY
from aukciszek.auctions.agreement.opened_envelopes import OpenedEnvelopes
from aukciszek.auctions.agreement.receipt_lists import ReceiptLists, SignedList
from aukciszek.auctions.agreement.replication import Replication
from aukciszek.auctions.context.auction_context import AuctionContext
from aukciszek.encoding import Json
from aukciszek.protocol.evidence.receipt_list import ListedReceipt, OtherReceipt, ReceiptListStatement
from aukciszek.protocol.evidence.statements import sign, statement_digest
from aukciszek.protocol.rules.identifiers import BundleDigest
from aukciszek.protocol.sealing.bundle import header_of

type CarriedStatements = Callable[[], tuple[Iterable[bytes], Iterable[bytes]]]
"""Returns the signed orders that are here, and the signed key tables."""

_KEPT_FOR_COMPLAINTS: Final = 2
"""Of the lists that a party may sign: receipts that bidders relay must not use up all."""


class OwnList:
    """Signs this party's lists for one auction."""

    def __init__(  # noqa: PLR0913, PLR0917 -- what a list is made of
        self,
        context: AuctionContext,
        lists: ReceiptLists,
        state: ListExchangeState,
        replication: Replication,
        envelopes: OpenedEnvelopes,
        carried_statements: CarriedStatements,
    ) -> None:
        self._context = context
        self._lists = lists
        self._state = state
        self._replication = replication
        self._envelopes = envelopes
        self._carried_statements = carried_statements
        self._relayed: set[BundleDigest] = set()

    @property
    def is_signed(self) -> bool:
        """Whether this party has signed a list."""
        return bool(self._lists.of(self._context.party.number))

    async def sign(self, complaints: Iterable[BundleDigest] = ()) -> tuple[SignedList, str]:
        """Return this party's list of everything that it gave receipts for, not stored yet, and its digest."""
        context, party_context = self._context, self._context.party
        receipts = [
            OtherReceipt.stored(row.statement)
            for row in await party_context.repository.auction_receipts(context.auction)
        ]
        orders, tables = self._carried_statements()
        content = ReceiptListStatement.of(
            context.auction,
            party_context.number,
            [ListedReceipt(one.bundle, one.received_at) for one in receipts if one.party == party_context.number],
            receipts,
            complaints=complaints,
            orders=orders,
            tables=tables,
        )
        signed = sign(content, party_context.identity)
        return signed, statement_digest(signed.content)

    def keep(self, signed: SignedList, digest: str) -> None:
        """Add this party's list, which is stored."""
        self._lists.add(signed, digest)

    def reconsider(self, bundle: BundleDigest) -> None:
        """Note that a bidder relayed receipts of others for a bundle; they are stored."""
        self._relayed.add(bundle)
        self._context.signal.notify()

    async def extend(self) -> bool:
        """Sign a longer list if what this party knows would change what counts; tell whether it was so.

        That is a bid for which a bidder relayed receipts and that would not count, or a bundle that counts and whose
        envelope this party cannot use. Only then: a list is long, and all who have it already would need the new one.
        """
        relayed, self._relayed = self._relayed, set()
        number = self._context.party.number
        lists = self._lists.of(number)
        complaints = frozenset[BundleDigest]() if self._lists.fixed else await self._new_complaints()
        most = MOST_LISTS_OF_A_PARTY if complaints else MOST_LISTS_OF_A_PARTY - _KEPT_FOR_COMPLAINTS
        told_more = bool(relayed) and not relayed <= set(self._lists.tally(self._lists.counted).settled)
        if not (told_more or complaints) or len(lists) >= most:
            return False
        signed, digest = await self.sign(self._lists.complaints_of(number) | complaints)
        if (number, digest) in lists or self._state.is_behind:
            return False
        await self._store_longer(signed, digest)
        return True

    async def _store_longer(self, signed: SignedList, digest: str) -> None:
        context = self._context
        await context.party.repository.put_list(context.auction, context.party.number, digest, signed.encode())
        details: dict[str, Json] = {
            "list": digest,
            "receipts": len(signed.content.other_receipts),
            "complaints": list(signed.content.complaints),
        }
        await context.note("list-extended", details)
        self._lists.add(signed, digest)

    async def _new_complaints(self) -> frozenset[BundleDigest]:
        """Return the bundles that count, that this party cannot use, and about which it has not complained.

        It opens the envelopes of those for which it gave no receipt; the others it has opened before.
        """
        number, tally = self._context.party.number, self._lists.tally(self._lists.counted)
        await self._replication.fetch_settled(tally)
        gave = self._lists.received_by(number)
        contents = await self._replication.contents([bundle for bundle in tally.settled if bundle not in gave])
        bids = [bundle for bundle, content in contents.items() if not header_of(content).withdrawal]
        unusable = await self._envelopes.unusable(bids)
        complained = self._lists.complaints_of(number)
        return frozenset(
            bundle
            for bundle in unusable
            if bundle not in complained and number not in tally.complaints.get(bundle, frozenset())
        )
