"""TLS between users and parties and between parties: version 1.3 only, certificates always checked.

``docs/architecture.md``, "Fixed by the system description". TLS ends in this process and nowhere else.
"""

import ssl

from aukciszek.server.errors import CertificateError
from aukciszek.settings import Settings


def server_context(settings: Settings) -> ssl.SSLContext | None:
    """Return the context of this party's server, or ``None`` where it has no certificate.

    Raises:
        CertificateError: a file is missing, unreadable, or certificate and key do not belong together.
    """
    if settings.ssl_certfile is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    try:
        context.load_cert_chain(settings.ssl_certfile, settings.ssl_keyfile)
    except (OSError, ssl.SSLError) as error:
        raise CertificateError(
            f"the certificate {settings.ssl_certfile} cannot be used ({_reason(error)}): see SSL_CERTFILE, SSL_KEYFILE"
        ) from error
    return context


def client_context(settings: Settings) -> ssl.SSLContext | None:
    """Return the context that verifies the others' certificates, or ``None`` where no party uses TLS.

    Where the parties name an authority, no other is trusted: any that the machine trusts could otherwise let an
    attacker intercept links.

    Raises:
        CertificateError: the file with authorities is missing or unreadable.
    """
    if not any(url.startswith("https:") for url in settings.peer_urls):
        return None
    try:
        context = ssl.create_default_context(cafile=settings.ssl_ca_file)
    except (OSError, ssl.SSLError) as error:
        raise CertificateError(
            f"the authorities in {settings.ssl_ca_file} cannot be used ({_reason(error)}): see SSL_CA_FILE"
        ) from error
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    return context


def _reason(error: OSError) -> str:
    return error.strerror or getattr(error, "reason", "") or type(error).__name__
