"""What can go wrong at a server, between a user and a party or between two parties.

::

    ServerError
    ├── ListenError                   listen
    ├── DirectoryInUseError           directory-in-use
    ├── CertificateError              certificate
    ├── RequestError
    │   ├── InvalidRequestError       invalid-request
    │   ├── BodyTooLargeError         body-too-large
    │   ├── BodyTooSlowError          body-too-slow
    │   ├── MediaTypeError            unsupported-media-type
    │   ├── NoSuchPageError           not-found
    │   ├── MethodNotAllowedError     method-not-allowed
    │   ├── RefusedRequestError       request-refused
    │   ├── NotLoginServerError       not-login-server
    │   ├── AdminOnlyError            admin-only
    │   ├── BusyError                 busy
    │   └── InternalError             internal-error
    └── PeerError
        ├── UnknownAddressError       peer-address-unknown
        ├── PeerIdentityError         peer-identity
        ├── PeerCertificateError      peer-certificate
        ├── MalformedFrameError       malformed-frame
        ├── RoundOrderError           round-out-of-order
        └── PeerFloodError            peer-flood

A :class:`PeerError` never reaches a user: it ends a link and becomes an incident.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from aukciszek.errors import AukciszekError


class ServerError(AukciszekError):
    """A failure at a server."""

    code = "server"


class ListenError(ServerError):
    """The server cannot listen at its port."""

    code = "listen"


class DirectoryInUseError(ServerError):
    """Another server uses this party's directory."""

    code = "directory-in-use"


class CertificateError(ServerError):
    """A certificate, its key or a list of authorities cannot be used."""

    code = "certificate"


class RequestError(ServerError):
    """A request cannot be answered."""

    code = "request"


@dataclass(frozen=True, slots=True)
class Fault:
    """One part of a request that is not valid. Quotes nothing of what was sent."""

    pointer: str
    """A JSON pointer into the body as ``#/email``, or the name of a parameter as ``query/limit``."""
    text: str


class InvalidRequestError(RequestError):
    """A request's path, query, headers or body do not have the agreed form."""

    code = "invalid-request"

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("; ".join(f"{fault.pointer}: {fault.text}" for fault in faults))
        self.faults = tuple(faults)


class BodyTooLargeError(RequestError):
    """A request's body is longer than its route takes."""

    code = "body-too-large"


class BodyTooSlowError(RequestError):
    """A request's body did not arrive in time."""

    code = "body-too-slow"


class MediaTypeError(RequestError):
    """A request's body is of another type than its route takes."""

    code = "unsupported-media-type"


class NoSuchPageError(RequestError):
    """The path names nothing that this server has."""

    code = "not-found"


class MethodNotAllowedError(RequestError):
    """The path does not take the request's method."""

    code = "method-not-allowed"


class RefusedRequestError(RequestError):
    """The server's framework refused a request before it reached a route."""

    code = "request-refused"


class NotLoginServerError(RequestError):
    """Accounts are kept by another party."""

    code = "not-login-server"


class AdminOnlyError(RequestError):
    """Only an auctioneer may do this."""

    code = "admin-only"


class BusyError(RequestError):
    """The server is at its limit of concurrent work."""

    code = "busy"


class InternalError(RequestError):
    """The server failed unexpectedly."""

    code = "internal-error"


class PeerError(ServerError):
    """A party, or an impostor, broke the protocol between parties."""

    code = "peer"


class UnknownAddressError(PeerError):
    """A connection for parties came from an address that belongs to none."""

    code = "peer-address-unknown"


class PeerIdentityError(PeerError):
    """A peer did not prove to be the party that its address belongs to."""

    code = "peer-identity"


class PeerCertificateError(PeerError):
    """A peer's certificate, or its TLS, is not acceptable."""

    code = "peer-certificate"


class MalformedFrameError(PeerError):
    """A frame does not have its one valid form."""

    code = "malformed-frame"


class RoundOrderError(PeerError):
    """A round arrived twice, out of order, or after its sender had left the session."""

    code = "round-out-of-order"


class PeerFloodError(PeerError):
    """A peer sent more than an honest party ever would."""

    code = "peer-flood"
