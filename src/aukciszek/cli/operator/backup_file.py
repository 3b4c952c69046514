"""The file that a backup is: encrypted to a public key, so that no machine that makes backups can read them.

A fresh key is sealed with HPKE (RFC 9180) under X-Wing, as bids are; it encrypts the content with AES-256-GCM in
chunks, each with a nonce of its place and of whether it is the last, so that nothing can be cut off, moved or left out
(STREAM, Hoang, Reyhanitabar, Rogaway, Vizár 2015)::

    magic | header length u16 | header, canonical JSON | sealed key length u16 | sealed key | chunks

The header is authenticated with everything else; it says whose backup this is and of when, and holds no secret.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from struct import Struct
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from aukciszek.encoding import MalformedEncodingError, canonical_json, from_base64url, sha256_hex, to_base64url
from aukciszek.errors import AukciszekError
from aukciszek.protocol.rules.errors import EnvelopeError, MalformedSealingKeyError
from aukciszek.protocol.rules.fields import MomentField
from aukciszek.protocol.sealing.keys import SealingKeyPair, SealingPublicKey

MAGIC: Final = b"AUKCISZEK-BACKUP\x00\x01"
CHUNK_BYTES: Final = 1024 * 1024
_TAG_BYTES: Final = 16
_LENGTH: Final = Struct(">H")
_NONCE: Final = Struct(">3xQ?")
_PUBLIC: Final = "aukciszek-backup-public-key "
_PRIVATE: Final = "aukciszek-backup-private-key "
_LARGEST_KEY_FILE: Final = 4096


class BackupFileError(AukciszekError):
    """A file is no backup, is damaged, or is sealed to another key."""

    code = "backup-file"


class BackupKeyError(AukciszekError):
    """A file does not hold the key that is asked for."""

    code = "backup-key"


class BackupHeader(BaseModel):
    """What a backup says of itself, readable by everybody."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    party: int = Field(ge=1)
    cluster: str = Field(pattern="^[0-9a-f]{64}$")
    taken_at: MomentField
    program: str = Field(max_length=64)
    recipient: str = Field(pattern="^[0-9a-f]{64}$")
    """The SHA-256 of the public key."""


def write_public(key: SealingPublicKey) -> bytes:
    """Return the text of a public key file."""
    return f"{_PUBLIC}{to_base64url(key.content)}\n".encode()


def write_private(pair: SealingKeyPair) -> bytes:
    """Return the text of a private key file, a secret."""
    return f"{_PRIVATE}{to_base64url(pair.to_bytes())}\n".encode()


def read_public(path: Path) -> SealingPublicKey:
    """Read a public key file.

    Raises:
        BackupKeyError: it is none.
    """
    try:
        return SealingPublicKey(_key_in(path, _PUBLIC))
    except MalformedSealingKeyError as error:
        raise BackupKeyError(f"{path} holds no usable key: make one with `aukciszek keys backup`") from error


def read_private(path: Path) -> SealingKeyPair:
    """Read a private key file.

    Raises:
        BackupKeyError: it is none.
    """
    try:
        return SealingKeyPair(_key_in(path, _PRIVATE))
    except MalformedSealingKeyError as error:
        raise BackupKeyError(f"{path} holds no usable private key") from error


def recipient_of(public_bytes: bytes) -> str:
    """Return how a header names a key."""
    return sha256_hex(public_bytes)


def seal(header: BackupHeader, content: bytes, key: SealingPublicKey) -> Iterator[bytes]:
    """Yield the file's bytes, piece by piece."""
    described = canonical_json(header.model_dump(mode="json"))
    content_key = AESGCM.generate_key(256)
    sealed_key = key.seal(content_key, _info(described))
    yield MAGIC + _LENGTH.pack(len(described)) + described + _LENGTH.pack(len(sealed_key)) + sealed_key
    cipher, view = AESGCM(content_key), memoryview(content)
    count = max(1, -(-len(content) // CHUNK_BYTES))
    for place in range(count):
        chunk = view[place * CHUNK_BYTES : (place + 1) * CHUNK_BYTES]
        yield cipher.encrypt(_NONCE.pack(place, place == count - 1), chunk, None)


def read_header(content: bytes) -> BackupHeader:
    """Return what a backup says of itself; it is not authenticated before :func:`unseal`.

    Raises:
        BackupFileError: this is no backup.
    """
    described, _, _ = _split(content)
    try:
        return BackupHeader.model_validate_json(described)
    except ValidationError as error:
        raise BackupFileError(
            "the backup's header is not of the agreed form: was it made by a newer version?"
        ) from error


def unseal(content: bytes, pair: SealingKeyPair) -> bytes:
    """Return what was sealed.

    Raises:
        BackupFileError: it was sealed to another key, or is damaged or incomplete.
    """
    described, sealed_key, chunks = _split(content)
    try:
        cipher = AESGCM(pair.open(sealed_key, _info(described)))
    except (EnvelopeError, ValueError) as error:
        raise BackupFileError("the backup does not open with this key: it was sealed to another, or changed") from error
    step = CHUNK_BYTES + _TAG_BYTES
    count = max(1, -(-len(chunks) // step))
    opened = bytearray()
    try:
        for place in range(count):
            chunk = chunks[place * step : (place + 1) * step]
            opened += cipher.decrypt(_NONCE.pack(place, place == count - 1), chunk, None)
    except (InvalidTag, ValueError) as error:
        raise BackupFileError("the backup is damaged or incomplete: use another copy") from error
    return bytes(opened)


def write_file(path: Path, pieces: Iterator[bytes]) -> int:
    """Write a new file, durably; return its size.

    Raises:
        BackupFileError: the file exists, or cannot be written; nothing is left of it then.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise BackupFileError(f"cannot make {path} ({error.strerror}): name a new file") from error
    try:
        with os.fdopen(descriptor, "wb") as file:
            size = sum(file.write(piece) for piece in pieces)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        path.unlink(missing_ok=True)
        raise BackupFileError(f"cannot write {path} ({error.strerror})") from error
    return size


def _split(content: bytes) -> tuple[bytes, bytes, memoryview]:
    if not content.startswith(MAGIC):
        raise BackupFileError("this file is no backup of a party")
    described, rest = _field(memoryview(content)[len(MAGIC) :])
    sealed_key, chunks = _field(rest)
    return bytes(described), bytes(sealed_key), chunks


def _field(content: memoryview) -> tuple[memoryview, memoryview]:
    if len(content) < _LENGTH.size or len(content) < _LENGTH.size + _LENGTH.unpack_from(content)[0]:
        raise BackupFileError("the backup is incomplete: use another copy")
    end = _LENGTH.size + _LENGTH.unpack_from(content)[0]
    return content[_LENGTH.size : end], content[end:]


def _info(described: bytes) -> bytes:
    return b"aukciszek/1/backup\x00" + described


def _key_in(path: Path, label: str) -> bytes:
    try:
        with path.open("rb") as file:
            text = file.read(_LARGEST_KEY_FILE).decode("ascii")
        if text.startswith(label):
            return from_base64url(text.removeprefix(label).strip())
    except (OSError, UnicodeDecodeError, MalformedEncodingError) as error:
        raise BackupKeyError(f"{path} cannot be read as a key: {error}") from error
    raise BackupKeyError(f"{path} does not begin with {label.strip()!r}: name the other half of the pair")
