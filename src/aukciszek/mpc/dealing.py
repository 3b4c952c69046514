"""Dealing that anybody can check alone: shares with a proof that they lie on polynomials of degree ``t``.

``docs/protocol.md``, "Proof of degree". Where ``n < 3t + 1``, parties that find shares on no common polynomial cannot
tell a cheating bidder from a lying party without opening the bid. So the bidder proves the degree to each party
*before* it gives a receipt: along with the values, three random masks are shared; the shares are committed to; a hash
of the commitments gives random coefficients ``rho``; and for each mask the polynomial ``g = sum_b rho_b f_b + f_mask``
is published. Party ``i`` checks its own shares against ``g(i)``.

- *Sound*: if the honest parties' shares lie on no polynomials of degree ``t``, all three checks hold at all of them
  with probability ``p^-3 < 2^-180`` for each attempt at the hash.
- *Hiding*: the masks make the ``g`` uniform, whatever the values are.
- *Decisive*: a party whose shares fail can show them, with the opening of the commitment, and convinces everybody that
  the bidder cheated; nobody can show that of an honest bidder's bundle.
"""

import hashlib
import os
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Self

import numpy as np

from aukciszek.mpc.field import (
    ELEMENT_BYTES,
    NotAFieldElementError,
    P,
    Vector,
    from_bytes,
    inner_product,
    to_bytes,
    to_vector,
)
from aukciszek.mpc.mode import Mode
from aukciszek.mpc.random_stream import KEY_BYTES, RandomStream
from aukciszek.mpc.shamir import Randomness, combine, evaluate

MASKS = 3
"""How many masks are dealt after the values, and how many polynomials the proof holds."""

_LABEL = b"aukciszek/1/degree-proof"


def proof_bytes(t: int) -> int:
    """Return the length of a proof: ``MASKS`` polynomials of degree ``t``."""
    return MASKS * (t + 1) * ELEMENT_BYTES


@dataclass(frozen=True, slots=True)
class Dealing:
    """A dealer's secrets. Commit to ``shares`` first; then :meth:`prove` under a hash of the commitments."""

    shares: Vector = field(repr=False)
    """Shape ``(n, values + MASKS)``; row ``i - 1`` belongs to party ``i``."""
    coefficients: tuple[Vector, ...] = field(repr=False)
    """Those of ``X^0`` to ``X^t``, each of shape ``(values + MASKS,)``."""

    @classmethod
    def of(cls, values: Sequence[int], n: int, t: int, randomness: Randomness = os.urandom) -> Self:
        """Share ``values`` and the masks with fresh uniform polynomials of degree ``t``.

        Raises:
            ValueError: ``n`` and ``t`` do not fit together, or a value is not in ``0..p-1``.
        """
        Mode(n, t)
        if any(not 0 <= value < P for value in values):
            raise ValueError("only values from 0 to p - 1 can be shared")
        stream = RandomStream(randomness(KEY_BYTES))
        secret = np.concatenate([to_vector(list(values)), stream.take(MASKS)])
        coefficients = (secret, *(stream.take(secret.size) for _ in range(t)))
        return cls(np.stack([evaluate(coefficients, party) for party in range(1, n + 1)]), coefficients)

    def prove(self, commitments: bytes) -> bytes:
        """Return the proof, ``MASKS`` polynomials one after the other, lowest coefficient first.

        Args:
            commitments: A binding hash of everything public about the bundle, the commitments to all shares included.
        """
        values = self.shares.shape[1] - MASKS
        polynomials = [
            [_combined(coefficient, weights, mask) for coefficient in self.coefficients]
            for mask, weights in enumerate(challenge(commitments, values))
        ]
        return to_bytes(to_vector(polynomials))


def share_fits(share: Vector, party: int, t: int, proof: bytes, commitments: bytes) -> bool:
    """Tell whether one party's share agrees with the proof.

    Args:
        share: Shape ``(values + MASKS,)``, as in :attr:`Dealing.shares`.
        party: Its number.
        t: The threshold.
        proof: What :meth:`Dealing.prove` returned.
        commitments: As there.
    """
    try:
        polynomials = from_bytes(proof, MASKS * (t + 1)).reshape(MASKS, t + 1)
    except NotAFieldElementError:
        return False
    powers = [pow(party, exponent, P) for exponent in range(t + 1)]
    expected = combine(powers, polynomials.T.copy())
    return all(
        _combined(share, weights, mask) == expected[mask]
        for mask, weights in enumerate(challenge(commitments, share.size - MASKS))
    )


def challenge(commitments: bytes, values: int) -> list[Vector]:
    """Return the coefficients ``rho``, one vector per mask, each element from a hash of its own.

    Element ``b`` of vector ``k`` is the top 61 bits of the first 8 bytes (big-endian) of
    ``SHA-256(label || commitments || k || b || attempt)``, ``k`` and ``attempt`` one byte and ``b`` two bytes
    big-endian, with the first attempt, counted from 0, that is below ``p``.
    """
    start = _LABEL + commitments
    digests = b"".join([hashlib.sha256(start + place).digest() for place in _first_attempts(values)])
    # The first 8 bytes of each 32.
    elements = (np.frombuffer(digests, dtype=">u8")[::4] >> 3).astype(np.uint64)
    for index in np.flatnonzero(elements >= P):
        elements[index] = _challenge_element(commitments, *divmod(int(index), values))
    return list(elements.reshape(MASKS, values))


@lru_cache
def _first_attempts(values: int) -> tuple[bytes, ...]:
    return tuple(struct.pack(">BHB", mask, value, 0) for mask in range(MASKS) for value in range(values))


def _challenge_element(commitments: bytes, mask: int, value: int) -> int:
    for attempt in range(256):
        digest = hashlib.sha256(_LABEL + commitments + struct.pack(">BHB", mask, value, attempt)).digest()
        element = int.from_bytes(digest[:ELEMENT_BYTES]) >> 3
        if element < P:
            return element
    raise ArithmeticError("a hash function returned nothing but ones")


def _combined(row: Vector, weights: Vector, mask: int) -> int:
    """Return ``sum_b weights_b row_b`` plus the mask's element of ``row``."""
    return (inner_product(row[: weights.size], weights) + int(row[weights.size + mask])) % P
