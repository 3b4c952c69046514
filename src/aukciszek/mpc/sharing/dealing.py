"""Dealing that anybody can check alone: shares with a proof that they lie on polynomials of degree ``t``.

``docs/protocol.md``, "Proof of degree". Where ``n < 3t + 1``, parties that find shares on no common polynomial cannot
tell a cheating bidder from a lying party without opening the bid. So the bidder proves the degree to each party
*before* it gives a receipt: along with the values, salts and masks are shared, random elements like any other; the
shares are committed to; a hash of the commitments gives random coefficients ``rho``; and for each mask the polynomial
``g = sum_b rho_b f_b + f_mask`` is published, the sum over values and salts. Party ``i`` checks its own shares against
``g(i)``. The salts make the commitments hide the shares: given the values, ``t`` parties' rows and the proof, every
other row still holds ``61 * SALTS`` bits that nobody can guess.

- *Sound*: if the honest parties' shares lie on no polynomials of degree ``t``, all three checks hold at all of them
  with probability at most ``2^-180`` for each attempt at the hash.
- *Hiding*: the masks make the ``g`` uniform, whatever the values are.
- *Decisive*: a party whose shares fail can show them, with the opening of the commitment, and convinces everybody that
  the bidder cheated; nobody can show that of an honest bidder's bundle.
"""

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from operator import mul
from typing import Self

import numpy as np

from aukciszek.mpc.mode import Mode
from aukciszek.mpc.sharing import kernels
from aukciszek.mpc.sharing.field import NotAFieldElementError, P, Vector, from_bytes, to_bytes, to_vector
from aukciszek.mpc.sharing.random_stream import RandomStream
from aukciszek.mpc.sharing.shamir import Randomness, evaluate
from aukciszek.mpc.sharing.sizes import KEY_BYTES, MASKS, SALTS

_LABEL = b"aukciszek/1/degree-proof"
_WORDS_A_BLOCK = 8


@dataclass(frozen=True, slots=True)
class Dealing:
    """A dealer's secrets. Commit to ``shares`` first; then :meth:`prove` under a hash of the commitments."""

    shares: Vector = field(repr=False)
    """Shape ``(n, values + SALTS + MASKS)``; row ``i - 1`` belongs to party ``i``."""
    coefficients: tuple[Vector, ...] = field(repr=False)
    """Those of ``X^0`` to ``X^t``, each of shape ``(values + SALTS + MASKS,)``."""

    @classmethod
    def of(cls, values: Sequence[int], n: int, t: int, randomness: Randomness = os.urandom) -> Self:
        """Share ``values``, salts and masks with fresh uniform polynomials of degree ``t``.

        Of ``randomness`` one key is drawn, ``KEY_BYTES`` long, and the dealing is a function of ``values`` and this
        key: the holder of the key can repeat the dealing. Its stream gives the salts, the masks, and then the
        coefficients of ``X^1``, of ``X^2`` and so on to ``X^t``, of all elements each time.

        Raises:
            ValueError: ``n`` and ``t`` do not fit together, or a value is not in ``0..p-1``.
        """
        Mode(n, t)
        if any(not 0 <= value < P for value in values):
            raise ValueError("only values from 0 to p - 1 can be shared")
        stream = RandomStream(randomness(KEY_BYTES))
        secret = np.concatenate([to_vector(list(values)), stream.take(SALTS + MASKS)])
        coefficients = (secret, *(stream.take(secret.size) for _ in range(t)))
        return cls(np.stack([evaluate(coefficients, party) for party in range(1, n + 1)]), coefficients)

    def prove(self, commitments: bytes) -> bytes:
        """Return the proof, ``MASKS`` polynomials one after the other, lowest coefficient first.

        Args:
            commitments: A binding hash of everything public about the bundle, the commitments to all shares included.
        """
        rho = challenge(commitments, self.shares.shape[1] - MASKS)
        return to_bytes(np.stack([_fold(coefficient, rho) for coefficient in self.coefficients]).T)


def share_fits(share: Vector, party: int, t: int, proof: bytes, commitments: bytes) -> bool:
    """Tell whether one party's share agrees with the proof.

    Args:
        share: Shape ``(values + SALTS + MASKS,)``, as in :attr:`Dealing.shares`.
        party: Its number.
        t: The threshold.
        proof: What :meth:`Dealing.prove` returned.
        commitments: As there.
    """
    try:
        polynomials = from_bytes(proof, MASKS * (t + 1)).reshape(MASKS, t + 1).tolist()
    except NotAFieldElementError:
        return False
    powers = [pow(party, exponent, P) for exponent in range(t + 1)]
    expected = [sum(map(mul, polynomial, powers)) % P for polynomial in polynomials]
    found: list[int] = _fold(share, challenge(commitments, share.size - MASKS)).tolist()
    return found == expected


def challenge(commitments: bytes, values: int) -> Vector:
    """Return the coefficients ``rho``, shape ``(values, MASKS)``: a random oracle's answer to ``commitments``.

    The salts count as values here: they are proven like these.

    In row-major order they are the words of ``SHA-512(label || commitments || j)``, ``j`` two bytes big-endian and
    counted from 0, each word eight bytes big-endian, of which the top 61 bits count, modulo ``p``.
    """
    start = _LABEL + commitments
    indices = _block_indices(-(-values * MASKS // _WORDS_A_BLOCK))
    blocks = b"".join([hashlib.sha512(start + index).digest() for index in indices])
    words = np.frombuffer(blocks, dtype=">u8", count=values * MASKS).astype(np.uint64)
    if not kernels.to_elements(words):
        words %= np.uint64(P)  # the one value that is not below p, once in 2^61 words
    return words.reshape(values, MASKS)


@lru_cache
def _block_indices(count: int) -> tuple[bytes, ...]:
    return tuple(index.to_bytes(2) for index in range(count))


def _fold(row: Vector, rho: Vector) -> Vector:
    """Return ``sum_b rho_b row_b`` plus the masks of ``row``: one element for each mask."""
    folded = row[-MASKS:].copy()
    kernels.combine(row[:-MASKS], rho, folded)
    return folded
