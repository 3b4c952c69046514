from aukciszek.client.bidding import HeldBid, OnSealed, SealedBid
from aukciszek.client.connection import RetryPolicy
from aukciszek.client.discovery import Discovered, discover
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
from aukciszek.client.outcome import OnProgress
from aukciszek.client.overview import AuctionOverview
from aukciszek.client.parties import PartyResults
from aukciszek.client.schemas import AuctionAnswer, PeerStatus, Progress, SealingKeyAnswer, SessionCounts, Status
from aukciszek.client.sdk import AukciszekClient
from aukciszek.client.stores.login_state import LoginState
from aukciszek.client.stores.opening_store import KeptOpening, OpeningFile, OpeningStore
from aukciszek.client.stores.password_box import PasswordBox
from aukciszek.client.stores.receipt_store import ReceiptStore, read_receipt_file
from aukciszek.client.submission import OnPlaced, PlacedBid
from aukciszek.client.tokens import UserTokens
from aukciszek.clock import Clock
from aukciszek.cluster import Cluster, ClusterFileError, PartyEntry, PartyNumber
from aukciszek.errors import AukciszekError
from aukciszek.identity import IdentityKeyError, PublicIdentity
from aukciszek.mpc.mode import Mode, Security
from aukciszek.protocol.evidence.audit_record import AuditRecord, RecordEntry
from aukciszek.protocol.evidence.certificate import (
    Certificate,
    CertificateBody,
    LeftOut,
    OutcomeKind,
    PartySignature,
    Winner,
)
from aukciszek.protocol.evidence.checks import Check, CheckName, Verdict
from aukciszek.protocol.evidence.opened_bid import OpenedBid
from aukciszek.protocol.evidence.receipts import BidReceipts, ReceiptFile
from aukciszek.protocol.evidence.statements import OutcomeSignature, Receipt, Signed
from aukciszek.protocol.evidence.verification import VerificationReport, verify_certificate
from aukciszek.protocol.rules.draft import AuctionDraft
from aukciszek.protocol.rules.errors import (
    AuctionError,
    BundleDoesNotFitError,
    BundleError,
    BundleOfOtherAuctionError,
    MalformedBundleError,
    MalformedCertificateError,
    MalformedIdentifierError,
    MalformedOpeningError,
    MalformedPriceError,
    MalformedReceiptFileError,
    MalformedRecordError,
    MalformedSealingKeyError,
    MalformedSpecError,
    OpeningDoesNotFitError,
    OpeningError,
    PriceError,
    PriceOffGridError,
    PriceOutOfRangeError,
    RecordError,
    StatementError,
)
from aukciszek.protocol.rules.identifiers import AuctionId, BundleDigest, UserId
from aukciszek.protocol.rules.prices import PriceGrid
from aukciszek.protocol.rules.spec import AuctionFormat, AuctionSpec, Direction
from aukciszek.protocol.rules.states import AuctionState
from aukciszek.protocol.sealing.bundle import Bundle, BundleHeader
from aukciszek.protocol.sealing.keys import SealingPublicKey
from aukciszek.protocol.sealing.opening_secret import OpeningSecret

__all__ = [
    "AnswerNotUnderstoodError",
    "AuctionAbandonedError",
    "AuctionAnswer",
    "AuctionCancelledError",
    "AuctionDraft",
    "AuctionError",
    "AuctionFormat",
    "AuctionId",
    "AuctionOverview",
    "AuctionSpec",
    "AuctionState",
    "AuditRecord",
    "AukciszekClient",
    "AukciszekError",
    "BidReceipts",
    "Bundle",
    "BundleDigest",
    "BundleDoesNotFitError",
    "BundleError",
    "BundleHeader",
    "BundleOfOtherAuctionError",
    "Certificate",
    "CertificateBody",
    "Check",
    "CheckName",
    "ClientError",
    "Clock",
    "Cluster",
    "ClusterFileError",
    "Direction",
    "Discovered",
    "ForgedStatementError",
    "HeldBid",
    "IdentityKeyError",
    "KeptOpening",
    "LeftOut",
    "LoginState",
    "LoginStateError",
    "MalformedBundleError",
    "MalformedCertificateError",
    "MalformedIdentifierError",
    "MalformedOpeningError",
    "MalformedPriceError",
    "MalformedReceiptFileError",
    "MalformedRecordError",
    "MalformedSealingKeyError",
    "MalformedSpecError",
    "Mode",
    "NotLoggedInError",
    "NotOpenInTimeError",
    "OnPlaced",
    "OnProgress",
    "OnSealed",
    "OpenedBid",
    "OpeningDoesNotFitError",
    "OpeningError",
    "OpeningFile",
    "OpeningPasswordError",
    "OpeningSecret",
    "OpeningStore",
    "OpeningStoreError",
    "OutcomeKind",
    "OutcomeSignature",
    "PartiesDisagreeError",
    "PartyEntry",
    "PartyNumber",
    "PartyRefusedError",
    "PartyResults",
    "PartySignature",
    "PasswordBox",
    "PeerStatus",
    "PlacedBid",
    "PriceError",
    "PriceGrid",
    "PriceOffGridError",
    "PriceOutOfRangeError",
    "Progress",
    "PublicIdentity",
    "Receipt",
    "ReceiptFile",
    "ReceiptStore",
    "ReceiptStoreError",
    "RecordEntry",
    "RecordError",
    "RetryPolicy",
    "SealedBid",
    "SealingKeyAnswer",
    "SealingKeysMissingError",
    "SealingPublicKey",
    "Security",
    "SessionCounts",
    "Signed",
    "StatementError",
    "Status",
    "TrustFileError",
    "UnreachableError",
    "UserId",
    "UserTokens",
    "Verdict",
    "VerificationReport",
    "Winner",
    "discover",
    "read_receipt_file",
    "verify_certificate",
]
