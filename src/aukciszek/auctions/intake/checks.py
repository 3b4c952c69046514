"""Who may bid in an auction, and when: what is checked before a bundle is opened.

``docs/protocol.md``, "Receipts and the input set".
"""

from datetime import datetime

from aukciszek.accounts.tokens import Principal
from aukciszek.auctions.context.auction_context import AuctionContext
from aukciszek.protocol.evidence.receipts import in_time
from aukciszek.protocol.rules.refusals import (
    AuctioneerBidsError,
    AuctionNotOpenError,
    BidTooLateError,
    IntakeBusyError,
    NotInvitedError,
    NotYourBundleError,
)
from aukciszek.protocol.rules.spec import AuctionSpec
from aukciszek.protocol.rules.states import AuctionState
from aukciszek.protocol.sealing.bundle import BundleClaim


def check_bidder(spec: AuctionSpec, claim: BundleClaim, bidder: Principal) -> None:
    """Check that a user may bid, and that the bundle is theirs.

    Raises:
        RefusalError: it is not so.
    """
    if claim.bidder != bidder.uid:
        raise NotYourBundleError("this bundle was made in another name than yours: log in as its bidder")
    if bidder.uid == spec.auctioneer:
        raise AuctioneerBidsError("you cannot bid in your own auction")
    if not spec.admits(bidder.email):
        raise NotInvitedError("only invited bidders can bid in this auction: ask the auctioneer for an invitation")


def check_open(context: AuctionContext, received_at: datetime) -> None:
    """Check that the auction takes bids.

    Raises:
        RefusalError: not yet, or no more.
    """
    state, spec = context.state, context.spec
    if not context.recalled:
        raise IntakeBusyError("this party is still asking the others what it knew before: try again in a moment")
    if state is AuctionState.CANCELLED:
        raise AuctionNotOpenError("the auctioneer cancelled this auction")
    if state is AuctionState.CREATED and received_at < spec.opens_at:
        raise AuctionNotOpenError(f"this auction takes bids from {spec.opens_at:%Y-%m-%d %H:%M:%S} UTC on")
    if state is AuctionState.CREATED and in_time(received_at, spec.closes_at):
        raise AuctionNotOpenError("not all parties have made their sealing keys yet: try again in a moment")
    if state is not AuctionState.OPEN or not in_time(received_at, spec.closes_at):
        raise BidTooLateError(f"this auction closed before your bid arrived at party {context.party.number}")
