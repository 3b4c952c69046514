"""A throw-away certificate authority, so that parties on one machine speak TLS to one another as real ones do."""

import ipaddress
from datetime import timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from aukciszek.clock import Clock, SystemClock
from aukciszek.console.new_file import write_new_file

_LIFETIME: Final = timedelta(days=1)
_LEEWAY: Final = timedelta(minutes=5)


class TemporaryAuthority:
    """Signs certificates for addresses of this machine; its key lives in this object alone."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._now = (clock or SystemClock()).now()
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Aukciszek throw-away authority")])
        key_usage = x509.KeyUsage(
            digital_signature=False,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            key_cert_sign=True,
            crl_sign=True,
            encipher_only=False,
            decipher_only=False,
        )
        self._certificate = (
            self._builder(self._name, self._key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(key_usage, critical=True)
            .sign(self._key, hashes.SHA256())
        )

    def write_root(self, path: Path) -> None:
        """Write the certificate that clients trust."""
        write_new_file(path, self._certificate.public_bytes(serialization.Encoding.PEM), mode=0o644)

    def write_certificate(self, address: str, certificate: Path, key: Path) -> None:
        """Make a key and a certificate for a server at ``address``."""
        private = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, address)])
        signed = (
            self._builder(name, private.public_key())
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))]), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        content = private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        write_new_file(key, content, mode=0o600)
        write_new_file(certificate, signed.public_bytes(serialization.Encoding.PEM), mode=0o644)

    def _builder(self, name: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(self._now - _LEEWAY)
            .not_valid_after(self._now + _LIFETIME)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        )
