"""Names of things: auctions, bundles, people. Each has one spelling, and each hash has a label of its own.

``docs/protocol.md``, "Identifiers". Auction ids and digests travel as 64 lower-case hexadecimal digits, user ids as
lower-case hyphenated UUIDs.
"""

import hashlib
import re
from collections.abc import Iterable
from typing import NewType

from aukciszek.protocol.rules.errors import MalformedIdentifierError

AuctionId = NewType("AuctionId", str)
"""SHA-256 of an auction's canonical rules; 64 hexadecimal digits."""

BundleDigest = NewType("BundleDigest", str)
"""SHA-256 of a bundle's bytes; 64 hexadecimal digits."""

UserId = NewType("UserId", str)
"""A user's id: a UUID in its lower-case, hyphenated form."""

DIGEST_BYTES = 32
_DIGEST = re.compile(r"[0-9a-f]{64}")
_USER_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def parse_auction_id(text: str) -> AuctionId:
    """Read an auction id.

    Raises:
        MalformedIdentifierError: ``text`` is not 64 lower-case hexadecimal digits.
    """
    if _DIGEST.fullmatch(text):
        return AuctionId(text)
    raise MalformedIdentifierError("an auction id has 64 digits of 0-9a-f: copy it whole from the auction's page")


def parse_user_id(text: str) -> UserId:
    """Read a user id.

    Raises:
        MalformedIdentifierError: ``text`` is not a UUID in lower-case hyphenated form.
    """
    if _USER_ID.fullmatch(text):
        return UserId(text)
    raise MalformedIdentifierError("a user id is a UUID in lower case, as 6b1f0a52-7c1e-4a57-9c3e-0f0d2a9d7b11")


def user_id_of(content: bytes) -> UserId:
    """Spell the 16 bytes of a user id."""
    digits = content.hex()
    return UserId(f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}")


def user_id_bytes(user: UserId) -> bytes:
    """Return the 16 bytes of a user id."""
    return bytes.fromhex(user.replace("-", ""))


def labelled_sha256(label: str, *parts: bytes) -> bytes:
    """Hash ``parts`` for the purpose that ``label`` names; 32 bytes.

    Parts are joined as they are: the caller makes sure that all but the last have a fixed length.
    """
    digest = hashlib.sha256(_prefix(label))
    for part in parts:
        digest.update(part)
    return digest.digest()


def labelled_sha256_of_each(label: str, common: bytes, contents: Iterable[bytes]) -> list[bytes]:
    """Return ``labelled_sha256(label, common, content)`` for each content; quick for very many."""
    prefix = _prefix(label) + common
    return [hashlib.sha256(prefix + content).digest() for content in contents]


def _prefix(label: str) -> bytes:
    return b"aukciszek/1/" + label.encode("ascii") + b"\x00"
