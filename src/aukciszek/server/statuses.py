"""The one table from errors to HTTP statuses.

``docs/errors.md`` lists the same for readers; a test compares the two, and fails for an error that is missing here.
An error is answered with the status of its own class, or of the nearest class above it that is listed.
"""

from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Final

from aukciszek.accounts import errors as accounts
from aukciszek.auctions.agreement.list_store import TooManyListsError
from aukciszek.auctions.agreement.replication import TooManyReceiptsError
from aukciszek.auctions.integrity import AuctionDamagedError
from aukciszek.auctions.keys.envelopes import UnlawfulDealingError
from aukciszek.auctions.orders import UnlawfulOrderError
from aukciszek.auctions.outcome.certification import OutcomesDifferError
from aukciszek.auctions.session.errors import InputSetLostError, KeysNotChosenError
from aukciszek.auctions.session.fair_opening import UnlawfulReleaseError
from aukciszek.auctions.session.readiness import UnlawfulProposalError
from aukciszek.clock import MalformedTimeError
from aukciszek.cluster import ClusterFileError
from aukciszek.email_address import MalformedEmailError
from aukciszek.encoding import MalformedEncodingError
from aukciszek.errors import AukciszekError
from aukciszek.identity import IdentityKeyError
from aukciszek.mpc.errors import MpcError
from aukciszek.protocol.rules import errors as auctions, refusals
from aukciszek.protocol.rules.states import ForbiddenTransitionError
from aukciszek.server import errors as server
from aukciszek.settings import SettingsError
from aukciszek.storage.errors import (
    DatabaseDamagedError,
    StorageError,
    StorageFaultError,
    StorageFullError,
    StorageUnavailableError,
)

INTERNAL: Final = frozenset(
    {MpcError, StorageError, SettingsError, ClusterFileError, IdentityKeyError, server.PeerError}
)
"""Branches that concern operators and other parties; a user learns only that the server failed."""

_BY_STATUS: Final[Mapping[HTTPStatus, tuple[type[AukciszekError], ...]]] = MappingProxyType(
    {
        HTTPStatus.BAD_REQUEST: (
            MalformedEncodingError,
            MalformedTimeError,
            auctions.AuctionError,
            server.RequestError,
            server.RefusedRequestError,
        ),
        HTTPStatus.UNAUTHORIZED: (
            accounts.TokenError,
            accounts.TokenAudienceError,
            accounts.TokenExpiredError,
            accounts.TokenInvalidError,
            accounts.TokenMissingError,
            accounts.WrongCredentialsError,
        ),
        HTTPStatus.FORBIDDEN: (
            server.AdminOnlyError,
            refusals.AuctioneerBidsError,
            refusals.NotAuctioneerError,
            refusals.NotInvitedError,
            refusals.NotYourBundleError,
            refusals.OrderNotAllowedError,
        ),
        HTTPStatus.NOT_FOUND: (
            accounts.UnknownUserError,
            refusals.NoOutcomeYetError,
            refusals.UnknownAuctionError,
            server.NoSuchPageError,
            server.NotLoginServerError,
        ),
        HTTPStatus.METHOD_NOT_ALLOWED: (server.MethodNotAllowedError,),
        HTTPStatus.REQUEST_TIMEOUT: (server.BodyTooSlowError,),
        HTTPStatus.CONFLICT: (
            accounts.EmailTakenError,
            ForbiddenTransitionError,
            refusals.AuctionEndsTooSoonError,
            refusals.AuctionFullError,
            refusals.AuctionNotOpenError,
            refusals.BidTooLateError,
            refusals.OrderTooLateError,
            refusals.ReceiptsTooFewError,
            refusals.ReceiptsTooLateError,
            refusals.RefusalError,
            refusals.RevisionOutdatedError,
            refusals.SealingKeyLostError,
            refusals.SpecForOthersError,
            refusals.TooManyRevisionsError,
        ),
        HTTPStatus.CONTENT_TOO_LARGE: (server.BodyTooLargeError,),
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE: (server.MediaTypeError,),
        HTTPStatus.UNPROCESSABLE_CONTENT: (
            accounts.AccountsError,
            MalformedEmailError,
            accounts.PasswordPolicyError,
            auctions.BundleDoesNotFitError,
            auctions.BundleError,
            auctions.BundleOfOtherAuctionError,
            auctions.EnvelopeCommitmentError,
            auctions.EnvelopeDoesNotOpenError,
            auctions.EnvelopeElementError,
            auctions.EnvelopeError,
            auctions.EnvelopeProofError,
            auctions.EnvelopeWrongSizeError,
            auctions.MalformedBundleError,
            auctions.MalformedCertificateError,
            auctions.MalformedIdentifierError,
            auctions.MalformedPriceError,
            auctions.MalformedReceiptFileError,
            auctions.OpeningError,
            auctions.MalformedOpeningError,
            auctions.OpeningDoesNotFitError,
            auctions.MalformedRecordError,
            auctions.MalformedSealingKeyError,
            auctions.MalformedSpecError,
            auctions.MalformedStatementError,
            auctions.PriceError,
            auctions.PriceOffGridError,
            auctions.PriceOutOfRangeError,
            refusals.ReceiptsNotGenuineError,
            refusals.ReceiptsOfManyBundlesError,
            server.InvalidRequestError,
        ),
        HTTPStatus.TOO_MANY_REQUESTS: (accounts.TooManyAttemptsError,),
        HTTPStatus.INTERNAL_SERVER_ERROR: (
            *sorted(INTERNAL, key=lambda error: error.__name__),
            AuctionDamagedError,
            InputSetLostError,
            KeysNotChosenError,
            OutcomesDifferError,
            TooManyListsError,
            TooManyReceiptsError,
            UnlawfulProposalError,
            UnlawfulReleaseError,
            UnlawfulDealingError,
            UnlawfulOrderError,
            auctions.AgreementError,
            auctions.BrokenRecordError,
            auctions.RecordError,
            auctions.StatementError,
            auctions.UnexpectedFailureError,
            auctions.UnknownPartyError,
            auctions.WrongSignatureError,
            server.CertificateError,
            server.DirectoryInUseError,
            server.InternalError,
            server.ListenError,
            server.ServerError,
        ),
        HTTPStatus.SERVICE_UNAVAILABLE: (
            accounts.AccountsUnavailableError,
            accounts.TooManyLoginsError,
            refusals.AuctionUnavailableError,
            refusals.IntakeBusyError,
            server.BusyError,
            DatabaseDamagedError,
            StorageFaultError,
            StorageUnavailableError,
        ),
        HTTPStatus.INSUFFICIENT_STORAGE: (StorageFullError,),
    }
)

STATUSES: Final[Mapping[type[AukciszekError], HTTPStatus]] = MappingProxyType(
    {error: status for status, errors in _BY_STATUS.items() for error in errors}
)


def status_of(error: type[AukciszekError]) -> HTTPStatus:
    """Return the status with which ``error`` is answered."""
    for ancestor in error.__mro__:
        status = STATUSES.get(ancestor)
        if status is not None:
            return status
    return HTTPStatus.INTERNAL_SERVER_ERROR
