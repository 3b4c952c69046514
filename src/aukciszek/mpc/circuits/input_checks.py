"""Checks of what bidders dealt: shares on polynomials of degree ``t``, elements that are bits, numbers in range.

``docs/protocol.md``, "Input checks". The degree is checked before anything else uses the shares. Bits and range are
*computed* for every bundle beside the first steps of the ranking, and *opened* only after all products behind them
were verified: first one random linear combination of all, which is zero unless somebody cheated, and only if it is
not, the values of each bundle. To an honest bidder's bundle they say zero; a cheat is owed no secrecy.
"""

import numpy as np

from aukciszek.mpc.circuits.comparison import Digits, split_digits
from aukciszek.mpc.protocols.runtime import Runtime
from aukciszek.mpc.protocols.shared import Shared
from aukciszek.mpc.sharing.field import Vector
from aukciszek.mpc.sharing.random_stream import RandomStream


async def digits_and_deviations(runtime: Runtime, bits: Shared, weights: RandomStream) -> tuple[Digits, Shared]:
    """Turn bits, shape ``(bits, count)``, into digits, and compute what betrays elements that are no bits; one round.

    Args:
        runtime: The session.
        bits: One number per column, most significant bit first.
        weights: Public randomness that was drawn after ``bits`` were fixed.

    Returns:
        The digits, and the deviations, shape ``(count,)``: ``sum_b rho_b (x_b^2 - x_b)`` for each number, which is 0
        if all its elements are bits, and else 0 with probability ``1/p``.
    """

    def weighted_bits() -> Shared:
        rho: Vector = weights.take(bits.size).reshape(bits.shape)
        return bits * rho

    weighted = await runtime.local(5 * bits.size, weighted_bits)
    high, low = split_digits(bits)
    both, squares = await runtime.inner_products([(high[np.newaxis], low[np.newaxis]), (weighted, bits)])
    return Digits(high, low, both), squares - weighted.sum()


def combination(weights: RandomStream, *parts: Shared) -> Shared:
    """Return one random linear combination of all elements: 0 if all are, else rarely (``1/p``); shape (1,)."""
    joined = Shared.concatenate(parts)
    return (joined * weights.take(joined.size)).sum().reshape(1)
