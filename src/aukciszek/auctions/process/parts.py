"""The parts of one auction at one party, put together.

The only place where they meet: each part is given what it needs, and knows no more.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from aukciszek.auctions.agreement.input_set_choice import InputSetChoice
from aukciszek.auctions.agreement.list_exchange import ListExchange
from aukciszek.auctions.agreement.list_exchange_state import ListExchangeState
from aukciszek.auctions.agreement.list_store import ListStore
from aukciszek.auctions.agreement.opened_envelopes import OpenedEnvelopes
from aukciszek.auctions.agreement.own_list import OwnList
from aukciszek.auctions.agreement.receipt_lists import ReceiptLists, SignedList
from aukciszek.auctions.agreement.receipt_relay import ReceiptRelay
from aukciszek.auctions.agreement.replication import Replication
from aukciszek.auctions.agreement.tally import Tally, tally_receipts
from aukciszek.auctions.context.auction_context import AuctionContext, PartyContext
from aukciszek.auctions.intake.intake import Intake
from aukciszek.auctions.keys.dealing import KeyDealing
from aukciszek.auctions.keys.sealing_keys import SealingKeys
from aukciszek.auctions.orders import Orders, is_allowed
from aukciszek.auctions.outcome.certification import Certification
from aukciszek.auctions.recall import Recall
from aukciszek.auctions.session.attempts import Attempts
from aukciszek.auctions.session.fair_opening import Openings
from aukciszek.auctions.session.late_outcome import LateOutcome
from aukciszek.auctions.session.session_runner import SessionRunner
from aukciszek.auctions.session.setup import SessionSetup
from aukciszek.auctions.session.setup_state import SetupState
from aukciszek.protocol.sealing.keys import SealingKeyPair
from aukciszek.storage.rows import AuctionRow


@dataclass(frozen=True, slots=True, kw_only=True)
class AuctionParts:
    """Everything that one party has for one auction. Make it with :meth:`of`."""

    context: AuctionContext
    orders: Orders
    keys: SealingKeys
    dealing: KeyDealing
    intake: Intake
    replication: Replication
    receipt_relay: ReceiptRelay
    envelopes: OpenedEnvelopes
    lists: ReceiptLists
    list_store: ListStore
    own_list: OwnList
    list_exchange: ListExchange
    input_sets: InputSetChoice
    attempts: Attempts
    setup: SessionSetup
    openings: Openings
    late_outcome: LateOutcome
    session_runner: SessionRunner
    certification: Certification
    recall: Recall

    @classmethod
    def of(cls, party_context: PartyContext, row: AuctionRow) -> Self:
        """Put the parts of an auction together; nothing of what is stored is read yet."""
        context = AuctionContext(party_context, row)
        orders, keys, openings = Orders(context), SealingKeys(context), Openings(context)
        dealing, replication = KeyDealing(context, keys, None), Replication(context)
        envelopes, late_outcome = OpenedEnvelopes(context, None), LateOutcome(context, openings)
        attempts = Attempts(
            party_context.number, party_context.cluster.numbers, party_context.threshold, party_context.quorum
        )
        setup_state = SetupState(attempts)
        setup = SessionSetup(context, attempts, setup_state)
        lists = _receipt_lists(context)
        list_store = ListStore(context, lists)
        exchange_state = ListExchangeState(
            party_context.number,
            party_context.cluster.numbers,
            quorum=party_context.quorum,
            lists=lists,
            proposals=setup_state,
        )
        own_list = OwnList(
            context, lists, exchange_state, replication, envelopes, lambda: (orders.for_list, dealing.tables_for_list)
        )
        list_exchange = ListExchange(context, lists, list_store, exchange_state, own_list)
        input_sets = InputSetChoice(context, lists, list_store, exchange_state, replication)
        return cls(
            context=context,
            orders=orders,
            keys=keys,
            dealing=dealing,
            intake=Intake(context, None, replication.spread),
            replication=replication,
            receipt_relay=ReceiptRelay(context, replication, own_list),
            envelopes=envelopes,
            lists=lists,
            list_store=list_store,
            own_list=own_list,
            list_exchange=list_exchange,
            input_sets=input_sets,
            attempts=attempts,
            setup=setup,
            openings=openings,
            late_outcome=late_outcome,
            session_runner=SessionRunner(
                context,
                list_exchange=list_exchange,
                input_sets=input_sets,
                envelopes=envelopes,
                dealing=dealing,
                attempts=attempts,
                setup=setup,
                openings=openings,
                late_outcome=late_outcome,
            ),
            certification=Certification(context),
            recall=Recall(context, attempts.announced_by),
        )

    async def load(self) -> None:
        """Load what is stored: at the start, and once more when this party was told what it had signed."""
        repository, auction = self.context.party.repository, self.context.auction
        await self.context.load()
        private = await repository.sealing_private(auction)
        for keyed in (self.dealing, self.intake, self.envelopes):
            keyed.use_key(None if private is None else SealingKeyPair(private))
        for loaded in (self.orders, self.keys, self.dealing, self.intake, self.replication, self.list_store):
            await loaded.load()
        for late in (self.envelopes, self.openings, self.certification):
            await late.load()
        row = await repository.auction(auction)
        if row is not None:
            self.setup.load(row.attempt, row.proposal)


def _receipt_lists(context: AuctionContext) -> ReceiptLists:
    def count(lists: Sequence[SignedList]) -> Tally:
        return tally_receipts(
            context.auction,
            cluster=context.party.cluster,
            threshold=context.party.threshold,
            closes_at=context.spec.closes_at,
            lists=lists,
            allows=lambda order: is_allowed(order, context.spec),
        )

    return ReceiptLists(count)
