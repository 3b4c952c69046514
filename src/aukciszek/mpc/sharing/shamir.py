"""Shamir's secret sharing [Sha79]: party ``i`` holds the value at ``i`` of a polynomial, the secret is the value at 0.

``docs/protocol.md``, "Sharing". Polynomials of degree at most ``t`` with uniformly random coefficients: any
``t`` shares are uniformly distributed, any ``t + 1`` determine the secret. Bidders' programs use :func:`share_values`.
"""

import os
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache

import numpy as np

from aukciszek.mpc.mode import Mode
from aukciszek.mpc.sharing.field import P, Vector, accumulate, inverse, to_vector
from aukciszek.mpc.sharing.random_stream import RandomStream
from aukciszek.mpc.sharing.sizes import KEY_BYTES

type Randomness = Callable[[int], bytes]
"""A source of that many random bytes, as :func:`os.urandom`."""


def share_values(values: Sequence[int] | Vector, n: int, t: int, randomness: Randomness = os.urandom) -> Vector:
    """Split each value with a fresh uniform polynomial of degree at most ``t``.

    Args:
        values: ``m`` field elements.
        n: The number of parties.
        t: The threshold.
        randomness: Where the coefficients come from; never a repeatable source outside tests.

    Returns:
        The shares, shape ``(n, m)``; row ``i - 1`` belongs to party ``i``.

    Raises:
        ValueError: ``n`` and ``t`` do not fit together, or a value is not in ``0..p-1``.
    """
    Mode(n, t)
    plain = values if isinstance(values, np.ndarray) else np.asarray(values, dtype=object)
    if plain.size and not (plain.min() >= 0 and plain.max() < P):
        raise ValueError("only values from 0 to p - 1 can be shared")
    secret = to_vector(plain).reshape(-1)
    stream = RandomStream(randomness(KEY_BYTES))
    coefficients = [secret, *(stream.take(secret.size) for _ in range(t))]
    return np.stack([evaluate(coefficients, party) for party in range(1, n + 1)])


def evaluate(coefficients: Sequence[Vector], point: int) -> Vector:
    """Return ``sum_k coefficients[k] point^k``."""
    total = np.zeros(coefficients[0].size, dtype=np.uint64)
    for exponent, coefficient in enumerate(coefficients):
        accumulate(total, pow(point, exponent, P), coefficient)
    return total


@lru_cache(maxsize=4096)
def lagrange(points: tuple[int, ...], at: int = 0) -> tuple[int, ...]:
    """Return ``w`` with ``f(at) = sum_i w_i f(points_i)`` for every ``f`` of degree below ``len(points)``."""
    weights = []
    for i in points:
        numerator, denominator = 1, 1
        for j in points:
            if j != i:
                numerator = numerator * (at - j) % P
                denominator = denominator * (i - j) % P
        weights.append(numerator * inverse(denominator) % P)
    return tuple(weights)


def interpolate(points: Sequence[int], values: Sequence[int], at: int = 0) -> int:
    """Return the value at ``at`` of the polynomial of degree below ``len(points)`` through single points."""
    weights = lagrange(tuple(points), at)
    return sum(weight * value for weight, value in zip(weights, values, strict=True)) % P


def combine(weights: Iterable[int], rows: Iterable[Vector]) -> Vector:
    """Return ``sum_i weights_i rows_i`` for contiguous vectors of one length."""
    total: Vector | None = None
    for weight, row in zip(weights, rows, strict=True):
        if total is None:
            total = np.zeros(row.size, dtype=np.uint64)
        accumulate(total, weight, row)
    if total is None:
        raise ValueError("nothing to combine")
    return total
