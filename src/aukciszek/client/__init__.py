"""The public client: everything a user can do with the parties, for programs in Python.

::

    from aukciszek.client import AukciszekClient, Cluster

    async with AukciszekClient.open(Cluster.read(Path("cluster.json"))) as client:
        await client.log_in("ada@example.org", password)
        placed = await client.place_bid(auction_id, "1234.50")
        certificate = await client.wait_for_outcome(auction_id)

``examples/`` has whole programs, which the tests run. What this package names in ``__all__`` is its public surface;
its modules are not.

The client trusts no single party: it checks an auction's rules against the auction's id, sealing keys, receipts and
certificates against the cluster file, and sends orders and bids to every party. A price leaves the process only as
sealed shares.

==================  ================================================================================================
use                 names
==================  ================================================================================================
the parties         :class:`Cluster`, :func:`discover`, :class:`RetryPolicy`, :class:`PartyResults`, :class:`Status`
acting as a user    :class:`AukciszekClient`, :class:`UserTokens`, :class:`LoginState`
auctions            :class:`AuctionDraft`, :class:`AuctionSpec`, :class:`AuctionOverview`, :class:`AuctionState`,
                    :class:`Progress`
bids                :class:`SealedBid`, :class:`PlacedBid`, :class:`HeldBid`
what a bidder       :class:`ReceiptStore`, :class:`ReceiptFile`, :class:`OpeningStore`, :class:`OpeningFile`,
keeps               :class:`OpenedBid`
outcomes            :class:`Certificate`, :class:`AuditRecord`, :func:`verify_certificate`,
                    :class:`VerificationReport`
==================  ================================================================================================

Every error is an :class:`AukciszekError` with a stable ``code`` (``docs/errors.md``) and a text that says what to do::

    AukciszekError
    ├── ClientError                between this program and the parties
    │   ├── PartyRefusedError         a party said no; carries the party's own code
    │   ├── NotLoggedInError          there is no token for a party, or it has expired
    │   ├── UnreachableError          no connection, no answer in time, or too few parties answered
    │   ├── AnswerNotUnderstoodError  an answer is not of the agreed form
    │   ├── PartiesDisagreeError      two parties contradict each other
    │   ├── ForgedStatementError      a signature is not the party's
    │   ├── SealingKeysMissingError   not every party has published its sealing key yet
    │   ├── NotOpenInTimeError        not every party accepted bids in time
    │   ├── AuctionCancelledError     the auction was cancelled: there will be no outcome
    │   ├── AuctionAbandonedError     there was no outcome by the deadline of the rules
    │   ├── ReceiptStoreError         the file for receipts cannot be used
    │   ├── OpeningStoreError         the file for opening secrets cannot be used
    │   ├── OpeningPasswordError      the password does not open an opening secret
    │   ├── TrustFileError            the file of trusted certificates cannot be used
    │   └── LoginStateError           the stored log-in cannot be read or written
    ├── ClusterFileError           the cluster file cannot be read, or is not valid
    └── AuctionError               what is signed or sealed is not valid: :mod:`aukciszek.protocol.rules.errors`

Names are loaded when they are first used: a program that verifies certificates loads no HTTP client.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from aukciszek.client.bidding import HeldBid, SealedBid
    from aukciszek.client.connection import RetryPolicy
    from aukciszek.client.discovery import discover
    from aukciszek.client.errors import (
        AnswerNotUnderstoodError,
        AuctionAbandonedError,
        AuctionCancelledError,
        ClientError,
        ForgedStatementError,
        LoginStateError,
        NotLoggedInError,
        NotOpenInTimeError,
        OpeningPasswordError,
        OpeningStoreError,
        PartiesDisagreeError,
        PartyRefusedError,
        ReceiptStoreError,
        SealingKeysMissingError,
        TrustFileError,
        UnreachableError,
    )
    from aukciszek.client.login_state import LoginState
    from aukciszek.client.opening_store import OpeningFile, OpeningStore
    from aukciszek.client.overview import AuctionOverview
    from aukciszek.client.parties import PartyResults
    from aukciszek.client.receipt_store import ReceiptStore
    from aukciszek.client.schemas import Progress, Status
    from aukciszek.client.sdk import AukciszekClient
    from aukciszek.client.submission import PlacedBid
    from aukciszek.client.tokens import UserTokens
    from aukciszek.cluster import Cluster, ClusterFileError
    from aukciszek.errors import AukciszekError
    from aukciszek.protocol.evidence.audit_record import AuditRecord
    from aukciszek.protocol.evidence.certificate import Certificate
    from aukciszek.protocol.evidence.opened_bid import OpenedBid
    from aukciszek.protocol.evidence.receipts import ReceiptFile
    from aukciszek.protocol.evidence.verification import VerificationReport, verify_certificate
    from aukciszek.protocol.rules.draft import AuctionDraft
    from aukciszek.protocol.rules.errors import AuctionError
    from aukciszek.protocol.rules.spec import AuctionSpec
    from aukciszek.protocol.rules.states import AuctionState

__all__ = [
    "AnswerNotUnderstoodError",
    "AuctionAbandonedError",
    "AuctionCancelledError",
    "AuctionDraft",
    "AuctionError",
    "AuctionOverview",
    "AuctionSpec",
    "AuctionState",
    "AuditRecord",
    "AukciszekClient",
    "AukciszekError",
    "Certificate",
    "ClientError",
    "Cluster",
    "ClusterFileError",
    "ForgedStatementError",
    "HeldBid",
    "LoginState",
    "LoginStateError",
    "NotLoggedInError",
    "NotOpenInTimeError",
    "OpenedBid",
    "OpeningFile",
    "OpeningPasswordError",
    "OpeningStore",
    "OpeningStoreError",
    "PartiesDisagreeError",
    "PartyRefusedError",
    "PartyResults",
    "PlacedBid",
    "Progress",
    "ReceiptFile",
    "ReceiptStore",
    "ReceiptStoreError",
    "RetryPolicy",
    "SealedBid",
    "SealingKeysMissingError",
    "Status",
    "TrustFileError",
    "UnreachableError",
    "UserTokens",
    "VerificationReport",
    "discover",
    "verify_certificate",
]

_HOMES: Final = {
    "aukciszek.client.bidding": ("HeldBid", "SealedBid"),
    "aukciszek.client.connection": ("RetryPolicy",),
    "aukciszek.client.discovery": ("discover",),
    "aukciszek.client.errors": (
        "AnswerNotUnderstoodError",
        "AuctionAbandonedError",
        "AuctionCancelledError",
        "ClientError",
        "ForgedStatementError",
        "LoginStateError",
        "NotLoggedInError",
        "NotOpenInTimeError",
        "OpeningPasswordError",
        "OpeningStoreError",
        "PartiesDisagreeError",
        "PartyRefusedError",
        "ReceiptStoreError",
        "SealingKeysMissingError",
        "TrustFileError",
        "UnreachableError",
    ),
    "aukciszek.client.login_state": ("LoginState",),
    "aukciszek.client.opening_store": ("OpeningFile", "OpeningStore"),
    "aukciszek.client.overview": ("AuctionOverview",),
    "aukciszek.client.parties": ("PartyResults",),
    "aukciszek.client.receipt_store": ("ReceiptStore",),
    "aukciszek.client.schemas": ("Progress", "Status"),
    "aukciszek.client.sdk": ("AukciszekClient",),
    "aukciszek.client.submission": ("PlacedBid",),
    "aukciszek.client.tokens": ("UserTokens",),
    "aukciszek.cluster": ("Cluster", "ClusterFileError"),
    "aukciszek.errors": ("AukciszekError",),
    "aukciszek.protocol.evidence.audit_record": ("AuditRecord",),
    "aukciszek.protocol.evidence.certificate": ("Certificate",),
    "aukciszek.protocol.evidence.opened_bid": ("OpenedBid",),
    "aukciszek.protocol.evidence.receipts": ("ReceiptFile",),
    "aukciszek.protocol.evidence.verification": ("VerificationReport", "verify_certificate"),
    "aukciszek.protocol.rules.draft": ("AuctionDraft",),
    "aukciszek.protocol.rules.errors": ("AuctionError",),
    "aukciszek.protocol.rules.spec": ("AuctionSpec",),
    "aukciszek.protocol.rules.states": ("AuctionState",),
}
_HOME_OF: Final = {name: home for home, names in _HOMES.items() for name in names}
"""In which module each public name is defined."""


def __getattr__(name: str) -> object:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_HOME_OF[name]), name)
    return value


def __dir__() -> list[str]:
    return [*globals(), *__all__]
