"""Opening a set without its order: the coefficients of the polynomial whose roots are the members.

``docs/protocol.md``, "The winners". With several winners at one price, their ranks must stay secret. The
coefficients of ``(X - p_1) ... (X - p_k)`` are symmetric in the positions: they follow from the set alone.
"""

from collections.abc import Sequence

import numpy as np

from aukciszek.mpc.protocols.runtime import Runtime
from aukciszek.mpc.protocols.shared import Shared
from aukciszek.mpc.sharing.field import Vector, add, multiply, to_vector


async def set_polynomial(runtime: Runtime, members: Shared) -> Shared:
    """Return the coefficients of ``prod (X - member)``, lowest first, without the leading 1; ``log2`` rounds.

    Args:
        runtime: The session.
        members: Shape ``(k,)``, ``k >= 1``.
    """
    polynomials = [Shared.concatenate([0 - members[index : index + 1], _ONE]) for index in range(len(members))]
    while len(polynomials) > 1:
        pairs = list(zip(polynomials[::2], polynomials[1::2], strict=False))
        products = await runtime.inner_products(
            [_coefficient(f, g, r) for f, g in pairs for r in range(len(f) + len(g) - 2)]
        )
        rest = polynomials[2 * len(pairs) :]
        polynomials = []
        for f, g in pairs:
            degree = len(f) + len(g) - 2
            polynomials.append(Shared.concatenate([Shared.stack(products[:degree]), _ONE]))
            products = products[degree:]
        polynomials += rest
    return polynomials[0][:-1]


def members_of(coefficients: Sequence[int], universe: int) -> list[int]:
    """Return the numbers from ``0..universe-1`` whose polynomial was opened, ascending.

    Raises:
        ValueError: the polynomial does not have all its roots there.
    """
    points: Vector = np.arange(universe, dtype=np.uint64)
    value = np.ones(universe, dtype=np.uint64)
    for coefficient in reversed(coefficients):
        value = add(multiply(value, points), to_vector(coefficient))
    members = [int(member) for member in np.flatnonzero(value == 0)]
    if len(members) != len(coefficients):
        raise ValueError("the polynomial's roots are not a set of positions")
    return members


_ONE = Shared.public([1])


def _coefficient(f: Shared, g: Shared, r: int) -> tuple[Shared, Shared]:
    indices = np.arange(max(0, r - len(g) + 1), min(r, len(f) - 1) + 1)
    return f[indices], g[r - indices]
