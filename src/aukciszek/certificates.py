"""What is wrong with a server's certificate or its TLS, in words that say what to do.

``docs/architecture.md``, "Fixed by the system description": parties and clients check certificate, name and date. TLS
libraries tell a failure by a number deep inside an exception; an operator who is woken up needs to know which of the
few usual faults it is. Both sides that dial ask here: :mod:`aukciszek.server.links.outbound` and
:mod:`aukciszek.client.connection`.
"""

import ssl
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

_TRUST_IT: Final = "give its authority's certificate in SSL_CA_FILE (programs: --ca-file), or get one from a known one"

_BY_VERIFY_CODE: Final[Mapping[int, str]] = MappingProxyType(
    {
        2: f"its certificate is signed by an unknown authority: {_TRUST_IT}",
        9: "its certificate is not valid yet: compare the clocks, or wait",
        10: "its certificate has expired: its operator renews it",
        18: f"its certificate is self-signed: {_TRUST_IT}",
        19: f"its certificate is signed by an unknown authority: {_TRUST_IT}",
        20: f"its certificate is signed by an unknown authority: {_TRUST_IT}",
        21: f"its certificate is signed by an unknown authority: {_TRUST_IT}",
        23: "its certificate was revoked: its operator gets a new one",
        62: "its certificate is for another name than the one in its URL: its operator gets one for this URL",
        64: "its certificate is for another address than the one in its URL: its operator gets one for this URL",
    }
)
"""By the numbers of OpenSSL's ``x509_vfy.h``."""

_OLD_TLS: Final = frozenset({"TLSV1_ALERT_PROTOCOL_VERSION", "UNSUPPORTED_PROTOCOL"})
_NO_TLS: Final = frozenset({"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG"})


def tls_fault(error: BaseException) -> str | None:
    """Return why TLS with a server failed, or ``None`` if ``error`` has another reason.

    Args:
        error: what an HTTP client raised; the failure of TLS may be anything that it was raised from.
    """
    # HTTP clients derive their own exceptions from those of ssl, without what ssl says in them.
    failures = [cause for cause in _causes(error) if isinstance(cause, ssl.SSLError)]
    for failure in failures:
        code = getattr(failure, "verify_code", None)
        if isinstance(code, int):
            unusual = f"its certificate does not verify ({getattr(failure, 'verify_message', code)}): get another"
            return _BY_VERIFY_CODE.get(code, unusual)
    reasons = [reason for failure in failures if isinstance(reason := getattr(failure, "reason", None), str)]
    if not failures:
        return None
    if _OLD_TLS.intersection(reasons):
        return "it does not speak TLS 1.3, and nothing older will do: its operator upgrades it"
    if _NO_TLS.intersection(reasons):
        return "what answers at its URL does not speak TLS: compare its URL with the cluster file"
    return f"TLS failed ({', '.join(reasons) or type(failures[0]).__name__}): see its log"


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield ``error`` and whatever it was raised from or carries as its reason."""
    waiting: list[object] = [error]
    seen: set[int] = set()
    while waiting:
        found = waiting.pop(0)
        if isinstance(found, BaseException) and id(found) not in seen:
            seen.add(id(found))
            yield found
            waiting += [found.__cause__, found.__context__, *found.args]
            waiting += [getattr(found, name, None) for name in ("certificate_error", "os_error")]
