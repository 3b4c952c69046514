"""What can go wrong around an auction: one tree, one stable code each.

::

    AuctionError
    ├── MalformedIdentifierError        malformed-identifier
    ├── MalformedSpecError              malformed-auction-rules
    ├── PriceError
    │   ├── MalformedPriceError         malformed-price
    │   ├── PriceOutOfRangeError        price-out-of-range
    │   └── PriceOffGridError           price-off-grid
    ├── BundleError
    │   ├── MalformedBundleError        malformed-bundle
    │   ├── BundleOfOtherAuctionError   bundle-of-other-auction
    │   └── BundleDoesNotFitError       bundle-does-not-fit
    ├── MalformedSealingKeyError        malformed-sealing-key
    ├── EnvelopeError
    │   ├── EnvelopeDoesNotOpenError    envelope-does-not-open
    │   ├── EnvelopeWrongSizeError      envelope-wrong-size
    │   ├── EnvelopeCommitmentError     envelope-wrong-commitment
    │   ├── EnvelopeElementError        envelope-bad-element
    │   └── EnvelopeProofError          envelope-wrong-degree
    ├── StatementError
    │   ├── MalformedStatementError     malformed-statement
    │   ├── UnknownPartyError           unknown-party
    │   └── WrongSignatureError         wrong-signature
    ├── AgreementError                  agreement
    ├── MalformedCertificateError       malformed-certificate
    ├── MalformedReceiptFileError       malformed-receipt-file
    ├── OpeningError                    opening
    │   ├── MalformedOpeningError       malformed-opening
    │   └── OpeningDoesNotFitError      opening-does-not-fit
    ├── RecordError
    │   ├── MalformedRecordError        malformed-record
    │   └── BrokenRecordError           record-broken
    └── UnexpectedFailureError          unexpected-failure

A :class:`PriceError` may name a price. It is raised where a price is typed in, on that person's own machine, or for
the public prices of an auction's rules; a server never sees the price of a bid.
"""

from aukciszek.errors import AukciszekError


class AuctionError(AukciszekError):
    """The branch of all errors about auctions."""

    code = "auction"


class MalformedIdentifierError(AuctionError):
    """An auction id, a bundle digest or a user id is not in its one spelling."""

    code = "malformed-identifier"


class MalformedSpecError(AuctionError):
    """An auction's rules are not readable, contradict one another, or are not in canonical form."""

    code = "malformed-auction-rules"


class PriceError(AuctionError):
    """A price cannot be used in this auction."""

    code = "price"


class MalformedPriceError(PriceError):
    """A text is not a price."""

    code = "malformed-price"


class PriceOutOfRangeError(PriceError):
    """A price lies below the smallest or above the largest price of the auction."""

    code = "price-out-of-range"


class PriceOffGridError(PriceError):
    """A price lies between two valid prices of the auction."""

    code = "price-off-grid"


class BundleError(AuctionError):
    """A bundle cannot be accepted."""

    code = "bundle"


class MalformedBundleError(BundleError):
    """A byte string is not a bundle."""

    code = "malformed-bundle"


class BundleOfOtherAuctionError(BundleError):
    """A bundle was made for another auction."""

    code = "bundle-of-other-auction"


class BundleDoesNotFitError(BundleError):
    """A bundle has another number of parties or of bits than the auction's rules ask for."""

    code = "bundle-does-not-fit"


class MalformedSealingKeyError(AuctionError):
    """A byte string is not a sealing key that can be sealed to."""

    code = "malformed-sealing-key"


class EnvelopeError(AuctionError):
    """An envelope does not hold what its bundle promises."""

    code = "envelope"


class EnvelopeDoesNotOpenError(EnvelopeError):
    """An envelope was sealed to another key, for another bid or party, or was changed."""

    code = "envelope-does-not-open"


class EnvelopeWrongSizeError(EnvelopeError):
    """An envelope's content has another length than one row of the dealing."""

    code = "envelope-wrong-size"


class EnvelopeCommitmentError(EnvelopeError):
    """An envelope's content does not match the commitment in the bundle's header."""

    code = "envelope-wrong-commitment"


class EnvelopeElementError(EnvelopeError):
    """An envelope holds a number that is not a field element."""

    code = "envelope-bad-element"


class EnvelopeProofError(EnvelopeError):
    """A share contradicts the bundle's proof: the bid is not shared by polynomials of the right degree."""

    code = "envelope-wrong-degree"


class StatementError(AuctionError):
    """A signed statement cannot be accepted."""

    code = "statement"


class MalformedStatementError(StatementError):
    """A byte string is not a signed statement of the kind asked for."""

    code = "malformed-statement"


class UnknownPartyError(StatementError):
    """A statement names a party that the cluster file does not list."""

    code = "unknown-party"


class WrongSignatureError(StatementError):
    """A statement was not signed by the party that it names."""

    code = "wrong-signature"


class AgreementError(AuctionError):
    """The parties' signed lists cannot be brought together."""

    code = "agreement"


class MalformedCertificateError(AuctionError):
    """A byte string is not a certificate, or its parts contradict one another."""

    code = "malformed-certificate"


class MalformedReceiptFileError(AuctionError):
    """A file is not a receipt file."""

    code = "malformed-receipt-file"


class OpeningError(AuctionError):
    """A bid cannot be opened from what its bidder kept or shows."""

    code = "opening"


class MalformedOpeningError(OpeningError):
    """A file is not an opened bid, or holds no opening secrets."""

    code = "malformed-opening"


class OpeningDoesNotFitError(OpeningError):
    """Secret, rows, bundle and receipts do not belong together, or the bidder dealt wrongly."""

    code = "opening-does-not-fit"


class RecordError(AuctionError):
    """An audit record cannot be accepted."""

    code = "record"


class MalformedRecordError(RecordError):
    """An entry of an audit record is not readable."""

    code = "malformed-record"


class BrokenRecordError(RecordError):
    """An audit record was changed: an entry is altered, missing or out of place."""

    code = "record-broken"


class UnexpectedFailureError(AuctionError):
    """An auction stands still at a party because of something that nobody foresaw; the party's log says where."""

    code = "unexpected-failure"

    def __init__(self, kind: str) -> None:
        """Name the kind of exception and nothing of its text, which may hold anything."""
        super().__init__(f"something that nobody foresaw ({kind}): see the party's log, restart it, and report it")
