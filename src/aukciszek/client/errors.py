"""The client's branch of the error tree; see ``docs/errors.md`` for all codes.

::

    ClientError
    ├── PartyRefusedError        a party refused; carries the party's own code
    ├── NotLoggedInError         there is no token for a party, or it has expired
    ├── UnreachableError         no connection, no answer in time, or too few parties answered
    ├── AnswerNotUnderstoodError a party answered something that is not the agreed form
    ├── PartiesDisagreeError     two parties contradict each other; one of them is corrupt or mistaken
    ├── ForgedStatementError     a signature is not the party's
    ├── SealingKeysMissingError  not every party has made its sealing key known yet
    ├── NotOpenInTimeError       not every party took bids in time
    ├── AuctionCancelledError    there will be no outcome
    ├── AuctionAbandonedError    there was no outcome by the deadline of the auction's rules
    ├── ReceiptStoreError        the file for receipts cannot be used
    ├── OpeningStoreError        the file for opening secrets cannot be used
    ├── OpeningPasswordError     the password does not open an opening secret
    ├── TrustFileError           the file with certificates to trust cannot be used
    └── LoginStateError          the stored log-in cannot be read or written
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
        problem: the party's own stable code, such as ``auction-closed``.
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
