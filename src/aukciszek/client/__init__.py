"""The public client: everything a user can do with the parties, for programs in Python.

::

    from aukciszek.client import AukciszekClient, Cluster

    async with AukciszekClient.open(Cluster.read(Path("cluster.json"))) as client:
        await client.log_in("ada@example.org", password)
        placed = await client.place_bid(auction_id, "1234.50")
        certificate = await client.wait_for_outcome(auction_id)

``examples/`` has whole programs, which the tests run. What this package names in ``__all__`` is its public surface;
its modules are not. Every type that a public signature names is among the names.

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

Every error is an :class:`AukciszekError` with a stable ``code`` (``docs/errors.md``) and a text that says what to do;
:mod:`aukciszek.client.errors` draws their tree.

Names are loaded when they are first used: a program that verifies certificates loads no HTTP client.
"""

from importlib import import_module
from typing import Final

_HOMES: Final = {
    "aukciszek.client.bidding": ("HeldBid", "OnSealed", "SealedBid"),
    "aukciszek.client.connection": ("RetryPolicy",),
    "aukciszek.client.discovery": ("Discovered", "discover"),
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
    "aukciszek.client.stores.login_state": ("LoginState",),
    "aukciszek.client.stores.opening_store": ("KeptOpening", "OpeningFile", "OpeningStore"),
    "aukciszek.client.outcome": ("OnProgress",),
    "aukciszek.client.overview": ("AuctionOverview",),
    "aukciszek.client.parties": ("PartyResults",),
    "aukciszek.client.stores.password_box": ("PasswordBox",),
    "aukciszek.client.stores.receipt_store": ("ReceiptStore", "read_receipt_file"),
    "aukciszek.client.schemas": (
        "AuctionAnswer",
        "PeerStatus",
        "Progress",
        "SealingKeyAnswer",
        "SessionCounts",
        "Status",
    ),
    "aukciszek.client.sdk": ("AukciszekClient",),
    "aukciszek.client.submission": ("OnPlaced", "PlacedBid"),
    "aukciszek.client.tokens": ("UserTokens",),
    "aukciszek.clock": ("Clock",),
    "aukciszek.cluster": ("Cluster", "ClusterFileError", "PartyEntry", "PartyNumber"),
    "aukciszek.errors": ("AukciszekError",),
    "aukciszek.identity": ("IdentityKeyError", "PublicIdentity"),
    "aukciszek.mpc.mode": ("Mode", "Security"),
    "aukciszek.protocol.evidence.audit_record": ("AuditRecord", "RecordEntry"),
    "aukciszek.protocol.evidence.certificate": (
        "Certificate",
        "CertificateBody",
        "LeftOut",
        "OutcomeKind",
        "PartySignature",
        "Winner",
    ),
    "aukciszek.protocol.evidence.checks": ("Check", "CheckName", "Verdict"),
    "aukciszek.protocol.evidence.opened_bid": ("OpenedBid",),
    "aukciszek.protocol.evidence.receipts": ("BidReceipts", "ReceiptFile"),
    "aukciszek.protocol.evidence.statements": ("OutcomeSignature", "Receipt", "Signed"),
    "aukciszek.protocol.evidence.verification": ("VerificationReport", "verify_certificate"),
    "aukciszek.protocol.rules.draft": ("AuctionDraft",),
    "aukciszek.protocol.rules.errors": (
        "AuctionError",
        "BundleDoesNotFitError",
        "BundleError",
        "BundleOfOtherAuctionError",
        "MalformedBundleError",
        "MalformedCertificateError",
        "MalformedIdentifierError",
        "MalformedOpeningError",
        "MalformedPriceError",
        "MalformedReceiptFileError",
        "MalformedRecordError",
        "MalformedSealingKeyError",
        "MalformedSpecError",
        "OpeningDoesNotFitError",
        "OpeningError",
        "PriceError",
        "PriceOffGridError",
        "PriceOutOfRangeError",
        "RecordError",
        "StatementError",
    ),
    "aukciszek.protocol.rules.identifiers": ("AuctionId", "BundleDigest", "UserId"),
    "aukciszek.protocol.rules.prices": ("PriceGrid",),
    "aukciszek.protocol.rules.spec": ("AuctionFormat", "AuctionSpec", "Direction"),
    "aukciszek.protocol.rules.states": ("AuctionState",),
    "aukciszek.protocol.sealing.bundle": ("Bundle", "BundleHeader"),
    "aukciszek.protocol.sealing.keys": ("SealingPublicKey",),
    "aukciszek.protocol.sealing.opening_secret": ("OpeningSecret",),
}
_HOME_OF: Final = dict(sorted((name, home) for home, names in _HOMES.items() for name in names))
"""In which module each public name is defined; ``__init__.pyi`` says the same to type checkers."""

__all__ = list(_HOME_OF)


def __getattr__(name: str) -> object:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_HOME_OF[name]), name)
    return value


def __dir__() -> list[str]:
    return [*globals(), *__all__]
