"""The keys that bids are sealed to: one pair per auction and party, destroyed when the outcome is final.

``docs/protocol.md``, "Sealing". HPKE (RFC 9180) in base mode with the hybrid KEM X-Wing (ML-KEM-768 with X25519,
draft-connolly-cfrg-xwing-kem, section 5), HKDF-SHA256 and AES-256-GCM: what is recorded today stays unreadable to a
quantum computer of tomorrow.
"""

import hashlib
import secrets
from collections.abc import Callable
from typing import Final, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import (
    AEAD,
    KDF,
    KEM,
    MLKEM768X25519PrivateKey,
    MLKEM768X25519PublicKey,
    Suite,
)

from aukciszek.protocol.rules.errors import EnvelopeDoesNotOpenError, MalformedSealingKeyError

PUBLIC_KEY_BYTES: Final = 1216
"""The ML-KEM-768 key, 1184 bytes, followed by the X25519 key."""

PRIVATE_KEY_BYTES: Final = 32
"""The seed from which both private keys follow."""

SEALING_OVERHEAD_BYTES: Final = 1120 + 16
"""What sealing adds: the encapsulated key in front and the authentication tag behind."""

_MLKEM_PUBLIC_BYTES: Final = 1184
_MLKEM_SEED_BYTES: Final = 64


class SealingPublicKey:
    """What a bidder needs to seal an envelope for one party."""

    __slots__ = ("_key", "content")

    def __init__(self, content: bytes) -> None:
        """Read the 1216-byte form.

        Raises:
            MalformedSealingKeyError: nothing can be sealed to these bytes.
        """
        if len(content) != PUBLIC_KEY_BYTES:
            raise MalformedSealingKeyError(f"a sealing key has {PUBLIC_KEY_BYTES} bytes: ask the party for it again")
        try:
            self._key = MLKEM768X25519PublicKey(
                MLKEM768PublicKey.from_public_bytes(content[:_MLKEM_PUBLIC_BYTES]),
                X25519PublicKey.from_public_bytes(content[_MLKEM_PUBLIC_BYTES:]),
            )
            # A point of small order passes as a key and fails only here, which must not happen at a bidder's.
            _suite().encrypt(b"", self._key)
        except ValueError as error:
            raise MalformedSealingKeyError(
                "this sealing key cannot be sealed to: the party must make another"
            ) from error
        self.content = content

    def seal(self, plaintext: bytes, info: bytes) -> bytes:
        """Seal ``plaintext`` so that it opens with the private half and the same ``info`` alone."""
        return _suite().encrypt(plaintext, self._key, info=info)


class SealingKeyPair:
    """One party's private half. No ``repr`` shows it."""

    __slots__ = ("_key", "_seed", "public_bytes")

    def __init__(self, seed: bytes) -> None:
        """Expand a seed as X-Wing does.

        Raises:
            MalformedSealingKeyError: ``seed`` does not have 32 bytes.
        """
        if len(seed) != PRIVATE_KEY_BYTES:
            raise MalformedSealingKeyError(
                f"a private sealing key has {PRIVATE_KEY_BYTES} bytes: restore it from backup"
            )
        expanded = hashlib.shake_256(seed).digest(_MLKEM_SEED_BYTES + 32)
        lattice = MLKEM768PrivateKey.from_seed_bytes(expanded[:_MLKEM_SEED_BYTES])
        curve = X25519PrivateKey.from_private_bytes(expanded[_MLKEM_SEED_BYTES:])
        self._seed = seed
        self._key = MLKEM768X25519PrivateKey(lattice, curve)
        self.public_bytes = lattice.public_key().public_bytes_raw() + curve.public_key().public_bytes_raw()

    @classmethod
    def new(cls, random_bytes: Callable[[int], bytes] = secrets.token_bytes) -> Self:
        """Make a fresh pair."""
        return cls(random_bytes(PRIVATE_KEY_BYTES))

    def to_bytes(self) -> bytes:
        """Return the 32-byte seed, to be stored until the outcome is final. It is a secret."""
        return self._seed

    def open(self, sealed: bytes, info: bytes) -> bytes:
        """Open what was sealed to the public half under ``info``.

        Raises:
            EnvelopeDoesNotOpenError: sealed to another key or for another bid or party, or changed.
        """
        try:
            return _suite().decrypt(sealed, self._key, info=info)
        except (InvalidTag, ValueError) as error:
            raise EnvelopeDoesNotOpenError("the envelope does not open: seal it again for this auction") from error

    def __repr__(self) -> str:
        return "SealingKeyPair(***)"


def _suite() -> Suite:
    return Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
