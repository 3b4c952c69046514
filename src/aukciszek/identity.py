"""A party's identity: the Ed25519 key that its operator made on its own machine, and what it signs with it.

Every signature covers a label that names the kind of statement, so that a signature given for one purpose is
worthless for another.
"""

import os
from pathlib import Path
from typing import Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from aukciszek.encoding import MalformedEncodingError, from_base64url, to_base64url
from aukciszek.errors import AukciszekError

_PUBLIC_KEY_BYTES = 32


class IdentityKeyError(AukciszekError):
    """An identity key is missing, unreadable or of the wrong kind."""

    code = "identity-key"


class PublicIdentity:
    """A party's public key: what other parties, bidders and auditors verify its signatures with."""

    def __init__(self, key: Ed25519PublicKey) -> None:
        self._key = key

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Read the base64url form that the cluster file holds.

        Raises:
            IdentityKeyError: ``text`` is not an Ed25519 public key.
        """
        try:
            content = from_base64url(text)
        except MalformedEncodingError as error:
            raise IdentityKeyError(f"an identity key is not readable: {error.message}") from error
        if len(content) != _PUBLIC_KEY_BYTES:
            raise IdentityKeyError("an identity key must have 32 bytes: copy it from the party's own file")
        return cls(Ed25519PublicKey.from_public_bytes(content))

    @property
    def text(self) -> str:
        """The base64url form, 43 characters."""
        return to_base64url(self._key.public_bytes_raw())

    @property
    def key(self) -> Ed25519PublicKey:
        """The key itself, for libraries that take one."""
        return self._key

    def verifies(self, label: str, content: bytes, signature: bytes) -> bool:
        """Tell whether ``signature`` was given for ``content`` under ``label`` by the holder of this identity."""
        try:
            self._key.verify(signature, _labelled(label, content))
        except InvalidSignature:
            return False
        return True

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PublicIdentity) and self.text == other.text

    def __hash__(self) -> int:
        return hash(self.text)

    def __repr__(self) -> str:
        return f"PublicIdentity({self.text})"


class Identity:
    """The private half. It never leaves the party's machine, and its ``repr`` shows the public half only."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key

    @classmethod
    def new(cls) -> Self:
        """Make a fresh identity from the operating system's randomness."""
        return cls(Ed25519PrivateKey.generate())

    @classmethod
    def from_seed(cls, seed: bytes) -> Self:
        """Return the identity of which :meth:`to_seed` returned this; for another process of the same party."""
        return cls(Ed25519PrivateKey.from_private_bytes(seed))

    def to_seed(self) -> bytes:
        """Return the 32 bytes that the identity follows from. They are a secret."""
        return self._key.private_bytes_raw()

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read an identity that :meth:`write` stored.

        Raises:
            IdentityKeyError: the file is missing, open to other users, or not an Ed25519 key.
        """
        try:
            content = path.read_bytes()
            mode = path.stat().st_mode
        except OSError as error:
            reason = error.strerror
            raise IdentityKeyError(f"cannot read {path} ({reason}): make it with `aukciszek keys new`") from error
        if mode & 0o077:
            raise IdentityKeyError(f"{path} is readable by other users: run `chmod 600 {path}`")
        try:
            key = serialization.load_pem_private_key(content, password=None)
        except (ValueError, TypeError) as error:
            raise IdentityKeyError(f"{path} holds no readable key: restore it from your backup") from error
        if not isinstance(key, Ed25519PrivateKey):
            raise IdentityKeyError(f"{path} holds a key of another kind: an identity is an Ed25519 key")
        return cls(key)

    def write(self, path: Path) -> None:
        """Store the identity, readable by its owner alone; never overwrites.

        Raises:
            IdentityKeyError: the file exists already, or cannot be written.
        """
        content = self._key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        except FileExistsError as error:
            raise IdentityKeyError(f"{path} exists already: an identity is made once and kept") from error
        except OSError as error:
            # Half a key must not be taken for one later.
            path.unlink(missing_ok=True)
            raise IdentityKeyError(f"cannot write {path} ({error.strerror})") from error

    @property
    def public(self) -> PublicIdentity:
        """The public half."""
        return PublicIdentity(self._key.public_key())

    @property
    def key(self) -> Ed25519PrivateKey:
        """The key itself, for libraries that take one."""
        return self._key

    def sign(self, label: str, content: bytes) -> bytes:
        """Sign ``content`` for the purpose that ``label`` names; 64 bytes."""
        return self._key.sign(_labelled(label, content))

    def __repr__(self) -> str:
        return f"Identity({self.public.text})"


def _labelled(label: str, content: bytes) -> bytes:
    """Bind label and content so that no two pairs give the same bytes: the label cannot contain a zero byte."""
    if "\x00" in label:
        raise ValueError("a label holds no zero byte, which separates it from what is signed")
    return b"aukciszek/1/" + label.encode("ascii") + b"\x00" + content
