"""The errors that a user of :mod:`aukciszek.client` may see, and the client's own branch of them.

::

    AukciszekError
    ├── ClientError                    between this program and the parties
    │   ├── PartyRefusedError          a party refused; carries the party's own code
    │   ├── NotLoggedInError           there is no token for a party, or it has expired
    │   ├── UnreachableError           no connection, no answer in time, or too few parties answered
    │   ├── AnswerNotUnderstoodError   an answer is not of the agreed form
    │   ├── PartiesDisagreeError       two parties contradict each other: one of them is corrupt or mistaken
    │   ├── ForgedStatementError       a signature is not the party's
    │   ├── SealingKeysMissingError    not every party has published its sealing key yet
    │   ├── NotOpenInTimeError         not every party accepted bids in time
    │   ├── AuctionCancelledError      the auction was cancelled: there will be no outcome
    │   ├── AuctionAbandonedError      there was no outcome by the deadline of the rules
    │   ├── ReceiptStoreError          the file for receipts cannot be used
    │   ├── OpeningStoreError          the file for opening secrets cannot be used
    │   ├── OpeningPasswordError       the password does not open an opening secret
    │   ├── TrustFileError             the file of trusted certificates cannot be used
    │   └── LoginStateError            the stored log-in cannot be read or written
    ├── ClusterFileError               the cluster file cannot be read, or is not valid
    ├── IdentityKeyError               a party's public key in a cluster file is not valid
    └── AuctionError                   what is written, signed or sealed is not valid
        ├── MalformedIdentifierError   a text is no auction id or user id
        ├── MalformedSpecError         an auction's rules are not valid
        ├── PriceError                 a price cannot be bid in this auction
        │   ├── MalformedPriceError        it is not written as a price
        │   ├── PriceOutOfRangeError       it is below the lowest price or above the highest
        │   └── PriceOffGridError          it lies between two steps
        ├── BundleError                a bundle is not valid
        │   ├── MalformedBundleError       the bytes are no bundle
        │   ├── BundleOfOtherAuctionError  it belongs to another auction
        │   └── BundleDoesNotFitError      its sizes are not those of the auction's rules
        ├── MalformedSealingKeyError   the bytes are no public sealing key
        ├── StatementError             a signed statement is malformed, or not signed by its party
        ├── MalformedCertificateError  the bytes are no certificate, or contradict one another
        ├── MalformedReceiptFileError  the bytes are no receipt file
        ├── OpeningError               a bid cannot be opened
        │   ├── MalformedOpeningError      the bytes are no opened bid, or no opening secrets
        │   └── OpeningDoesNotFitError     secret, bundle and receipts do not belong together
        └── RecordError                an audit record is malformed, or its chain is broken
            └── MalformedRecordError       the bytes are no audit record

``docs/errors.md`` lists all codes, also those of subclasses that are not public here.
"""

from collections.abc import Mapping

from aukciszek.errors import AukciszekError


class ClientError(AukciszekError):
    """The branch of all errors between a client and the parties."""

    code = "client"


class PartyRefusedError(ClientError):
    """A party answered with a problem document.

    Attributes:
        party: the number of the party, or ``None`` if it is not known yet.
        status: the HTTP status.
        problem: the party's own stable code, such as ``bid-too-late``.
    """

    code = "party-refused"

    def __init__(self, message: str, *, party: int | None, status: int, problem: str) -> None:
        super().__init__(message)
        self.party = party
        self.status = status
        self.problem = problem


class NotLoggedInError(ClientError):
    """There is no token for a party, or it has expired."""

    code = "not-logged-in"


class UnreachableError(ClientError):
    """A party gave no answer in time, or too few parties answered.

    Attributes:
        reasons: why, by party number.
    """

    code = "party-unreachable"

    def __init__(self, message: str, reasons: Mapping[int, str] | None = None) -> None:
        super().__init__(message)
        self.reasons = dict(reasons or {})


class AnswerNotUnderstoodError(ClientError):
    """A party answered something that is not the agreed form."""

    code = "answer-not-understood"


class PartiesDisagreeError(ClientError):
    """Two parties contradict each other: one of them is corrupt, or mistaken."""

    code = "parties-disagree"


class ForgedStatementError(ClientError):
    """A statement does not carry the signature of the party that it names."""

    code = "forged-statement"


class LoginStateError(ClientError):
    """The file with the log-in cannot be read or written."""

    code = "login-state"


class OpeningStoreError(ClientError):
    """The file for opening secrets holds those of another bid, or cannot be written."""

    code = "opening-store"


class OpeningPasswordError(ClientError):
    """What was kept to open a bid is locked, and the password is missing or another one."""

    code = "opening-password"


class TrustFileError(ClientError):
    """The file with certificates to trust cannot be used."""

    code = "trust-file"


class SealingKeysMissingError(ClientError):
    """Not every party has made its sealing key for an auction known yet."""

    code = "sealing-keys-missing"


class AuctionCancelledError(ClientError):
    """The auctioneer cancelled the auction: there will be no outcome."""

    code = "auction-cancelled"


class AuctionAbandonedError(ClientError):
    """The parties found no outcome by the deadline of the auction's rules, and destroyed their keys."""

    code = "auction-abandoned"


class ReceiptStoreError(ClientError):
    """The file for receipts holds those of another bid, or cannot be written."""

    code = "receipt-store"


class NotOpenInTimeError(ClientError):
    """Not every party began to take bids in time."""

    code = "not-open-in-time"
