"""What a party shows of an auction: to everybody, and to the bidder or auctioneer who asks."""

from dataclasses import dataclass
from datetime import datetime
from typing import Self

from aukciszek.auctions.context.auction_context import AuctionContext, Stage
from aukciszek.auctions.keys.sealing_keys import SealingKeys
from aukciszek.auctions.orders import Orders
from aukciszek.cluster import PartyNumber
from aukciszek.protocol.evidence.statements import Receipt, SealingKeyStatement, Signed
from aukciszek.protocol.rules.identifiers import BundleDigest
from aukciszek.protocol.rules.spec import AuctionSpec
from aukciszek.protocol.rules.states import AuctionState


@dataclass(frozen=True, slots=True, kw_only=True)
class AuctionView:
    """One auction, as one party sees it. Nothing here is secret."""

    spec: AuctionSpec
    state: AuctionState
    state_since: datetime
    stage: Stage
    """How far the state's work has come."""
    waiting_for: tuple[PartyNumber, ...]
    """The parties without which this party cannot go on, ascending."""
    failure: str | None
    """The code of the error that keeps this auction from going on at this party, if any."""
    bids: int
    """How many bidders have a bid here that is not withdrawn."""
    sealing_keys: tuple[Signed[SealingKeyStatement], ...]
    """Of every party whose statement is here."""
    close_vouchers: tuple[PartyNumber, ...]
    """The parties that vouch for an order to close early."""
    cancel_vouchers: tuple[PartyNumber, ...]
    """The parties that vouch for an order to cancel."""
    vouchers_needed: int
    """How many parties must vouch for an order before it takes effect."""

    @classmethod
    def of(cls, context: AuctionContext, orders: Orders, keys: SealingKeys, *, failure: str | None, bids: int) -> Self:
        """Put a view together."""
        return cls(
            spec=context.spec,
            state=context.state,
            state_since=context.state_since,
            stage=context.stage,
            waiting_for=tuple(sorted(context.waiting_for)),
            failure=failure,
            bids=bids,
            sealing_keys=keys.statements,
            close_vouchers=orders.vouchers("close"),
            cancel_vouchers=orders.vouchers("cancel"),
            vouchers_needed=context.party.vouchers_needed,
        )

    @property
    def progress(self) -> "Progress":
        """The part of it that changes."""
        return Progress(
            state=self.state,
            stage=self.stage,
            waiting_for=self.waiting_for,
            failure=self.failure,
            bids=self.bids,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnBid:
    """One revision of the asking bidder's bid, as this party received it."""

    bundle: BundleDigest
    revision: int
    withdrawal: bool
    receipt: Signed[Receipt]


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """A moment in an auction's life, for those who watch."""

    state: AuctionState
    stage: Stage
    waiting_for: tuple[PartyNumber, ...]
    failure: str | None
    """As in :class:`AuctionView`."""
    bids: int
