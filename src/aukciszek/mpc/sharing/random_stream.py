"""A stream of uniform field elements from a key: AES-256 in counter mode, values outside the field rejected.

The PRF of ``prss`` and the expansion of joint coins; see ``docs/protocol.md``, "Randomness without communication:
PRSS". Every holder of the key gets the same elements in the same order, however the requests are divided.
"""

import hmac

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from aukciszek.mpc.sharing import kernels
from aukciszek.mpc.sharing.field import P, Vector
from aukciszek.mpc.sharing.sizes import KEY_BYTES

_EXCESS_BITS = np.uint64(3)
_MODULUS = np.uint64(P)
_BLOCK = 8192
"""Elements per call of the cipher: as many as stay in the processor's cache."""


def derive_key(key: bytes, *, salt: bytes, purpose: bytes) -> bytes:
    """Return a key for one purpose alone, 32 bytes: HKDF-SHA256 (RFC 5869), of which one block is needed."""
    extracted = hmac.digest(salt, key, "sha256")
    return hmac.digest(extracted, b"aukciszek/1/mpc/" + purpose + b"\x01", "sha256")


class RandomStream:
    """Uniform elements of the field, in an order fixed by ``key``. Its ``repr`` shows nothing."""

    __slots__ = ("_keystream", "_zeros")

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise ValueError("a stream's key has 32 bytes")
        # The counter starts at zero: a key is used for one stream only, which derive_key() sees to.
        self._keystream = Cipher(algorithms.AES256(key), modes.CTR(bytes(16))).encryptor()
        self._zeros = bytes(_BLOCK * 8)

    def take(self, count: int) -> Vector:
        """Return the next ``count`` elements."""
        values = np.empty(count, dtype=np.uint64)
        self.fill(values)
        return values

    def fill(self, values: Vector) -> None:
        """Overwrite the contiguous vector ``values`` with the next elements."""
        for start in range(0, values.size, _BLOCK):
            self._fill_block(values[start : start + _BLOCK])

    def _fill_block(self, block: Vector) -> None:
        self._words(block)
        while not kernels.to_elements(block):
            # Once in 2^61 elements: close the gap, so that the order does not depend on how requests are divided.
            kept = block[block != _MODULUS]
            fresh = np.empty(block.size - kept.size, dtype=np.uint64)
            self._words(fresh)
            block[:] = np.concatenate([kept << _EXCESS_BITS, fresh])

    def _words(self, block: Vector) -> None:
        """Overwrite ``block`` with the next 64-bit words of the key stream, read as little-endian."""
        self._keystream.update_into(memoryview(self._zeros)[: block.size * 8], block.view(np.uint8).data)
        if not np.little_endian:  # the same elements on every machine
            block.byteswap(inplace=True)
