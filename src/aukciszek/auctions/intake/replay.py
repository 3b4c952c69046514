"""Receipts that this party gave before: the same bundle, sent again, gets the same receipt, at any time.

``docs/protocol.md``, "Receipts and the input set".
"""

from dataclasses import dataclass

from aukciszek.accounts.tokens import Principal
from aukciszek.auctions.context.auction_context import AuctionContext
from aukciszek.auctions.intake.checks import check_bidder, check_open
from aukciszek.protocol.evidence.statements import Receipt, Signed, read_verified_statement
from aukciszek.protocol.rules.identifiers import BundleDigest
from aukciszek.protocol.rules.refusals import BidTooLateError
from aukciszek.protocol.sealing.bundle import bundle_digest, claim_of


@dataclass(frozen=True, slots=True)
class Accepted:
    """The answer to a bundle."""

    statement: bytes
    """The receipt, as it is stored and sent."""
    is_new: bool
    """False: the same bytes came before, and this is the receipt of then."""

    @property
    def receipt(self) -> Signed[Receipt]:
        """The receipt, read."""
        return read_verified_statement(Receipt, self.statement)


async def earlier_receipt(context: AuctionContext, digest: BundleDigest) -> bytes | None:
    """Return the receipt that this party gave for a bundle, if it did."""
    rows = await context.party.repository.receipts(digest)
    return next((row.statement for row in rows if row.party == context.party.number), None)


async def repeat_receipt(context: AuctionContext, bidder: Principal, content: bytes) -> Accepted:
    """Answer a bundle for an auction that takes no more: with the receipt that it got before.

    Raises:
        BundleError: the bytes are no bundle.
        RefusalError: the bundle is not the bidder's, or came too late.
    """
    received_at, claim = context.party.clock.now(), claim_of(content)
    check_bidder(context.spec, claim, bidder)
    with context.party.bid_quota.taken(context.auction, claim.bidder):
        repeated = await earlier_receipt(context, bundle_digest(content))
    if repeated is not None:
        return Accepted(repeated, is_new=False)
    check_open(context, received_at)
    raise BidTooLateError("this party takes no more bids in this auction")
