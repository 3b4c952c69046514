"""Why a party refuses what a user asks of an auction.

::

    RefusalError
    ├── UnknownAuctionError       unknown-auction
    ├── NotAuctioneerError        not-auctioneer
    ├── SpecForOthersError        rules-for-others
    ├── AuctionEndsTooSoonError   auction-ends-too-soon
    ├── OrderNotAllowedError      order-not-allowed
    ├── OrderTooLateError         order-too-late
    ├── NotYourBundleError        not-your-bundle
    ├── NotInvitedError           not-invited
    ├── AuctioneerBidsError       auctioneer-bids
    ├── AuctionNotOpenError       auction-not-open
    ├── BidTooLateError           bid-too-late
    ├── RevisionOutdatedError     revision-outdated
    ├── SealingKeyLostError       sealing-key-lost
    ├── TooManyRevisionsError     too-many-revisions
    ├── ReceiptsNotGenuineError   receipts-not-genuine
    ├── ReceiptsOfManyBundlesError receipts-of-many-bundles
    ├── ReceiptsTooFewError       receipts-too-few
    ├── ReceiptsTooLateError      receipts-too-late
    ├── AuctionFullError          auction-full
    ├── IntakeBusyError           intake-busy
    └── NoOutcomeYetError         no-outcome-yet
"""

from aukciszek.protocol.rules.errors import AuctionError


class RefusalError(AuctionError):
    """A party does not do what a user asks."""

    code = "refused"


class UnknownAuctionError(RefusalError):
    """This party knows no auction of that id."""

    code = "unknown-auction"


class AuctionUnavailableError(RefusalError):
    """This party cannot read what it stored of the auction, and takes no part in it until that is repaired."""

    code = "auction-unavailable"


class NotAuctioneerError(RefusalError):
    """Somebody else created the auction, or the user may not create auctions at all."""

    code = "not-auctioneer"


class SpecForOthersError(RefusalError):
    """The rules name another auctioneer, another cluster or another threshold than this party's."""

    code = "rules-for-others"


class AuctionEndsTooSoonError(RefusalError):
    """The close lies in the past."""

    code = "auction-ends-too-soon"


class OrderNotAllowedError(RefusalError):
    """The auction's rules exclude an early close or a cancellation."""

    code = "order-not-allowed"


class OrderTooLateError(RefusalError):
    """The auction is closed already."""

    code = "order-too-late"


class NotYourBundleError(RefusalError):
    """A bundle was made in the name of another user."""

    code = "not-your-bundle"


class NotInvitedError(RefusalError):
    """The auction takes bids of invited bidders only."""

    code = "not-invited"


class AuctioneerBidsError(RefusalError):
    """The auctioneer bids in their own auction."""

    code = "auctioneer-bids"


class AuctionNotOpenError(RefusalError):
    """The auction takes no bids yet, or was cancelled."""

    code = "auction-not-open"


class BidTooLateError(RefusalError):
    """The auction is closed."""

    code = "bid-too-late"


class SealingKeyLostError(RefusalError):
    """This party lost the key that bids are sealed to for it, and cannot say that it can use its share."""

    code = "sealing-key-lost"


class RevisionOutdatedError(RefusalError):
    """This party gave a receipt for the same or a later revision already."""

    code = "revision-outdated"


class TooManyRevisionsError(RefusalError):
    """A bid was replaced more often than an auction allows, or than is fair when it is nearly full."""

    code = "too-many-revisions"


class ReceiptsNotGenuineError(RefusalError):
    """A relayed receipt is malformed, or the party that it names did not sign it."""

    code = "receipts-not-genuine"


class ReceiptsOfManyBundlesError(RefusalError):
    """The relayed receipts are not all for the same bundle, or not for this auction."""

    code = "receipts-of-many-bundles"


class ReceiptsTooFewError(RefusalError):
    """The relayed receipts are from too few parties, or too few of them in time, for the bundle to count."""

    code = "receipts-too-few"


class ReceiptsTooLateError(RefusalError):
    """Receipts are relayed after the parties have agreed on the bids that count."""

    code = "receipts-too-late"


class NoOutcomeYetError(RefusalError):
    """The parties have not signed an outcome yet."""

    code = "no-outcome-yet"


class AuctionFullError(RefusalError):
    """This party has given as many receipts as one auction can have."""

    code = "auction-full"


class IntakeBusyError(RefusalError):
    """More bids are being worked on than there are slots for."""

    code = "intake-busy"
