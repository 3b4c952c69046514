"""Multiplication in one round by masked opening [DN07], with the masks from shared pseudo-randomness [CDI05].

``docs/protocol.md``, "Multiplication". With ``r`` a random sharing of degree ``t`` and ``z`` a zero-sharing of the
product degree, every party sends ``d = x y - r - z`` to all; ``e = open(d)`` is a uniform public value, and ``e + r``
is a sharing of ``xy`` of degree ``t``. A sum of products costs what one product costs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from math import prod
from types import EllipsisType

import numpy as np

from aukciszek.mpc.channel import MAX_PAYLOAD_BYTES
from aukciszek.mpc.protocols.session import Session
from aukciszek.mpc.protocols.shared import Shared
from aukciszek.mpc.sharing import field, kernels
from aukciszek.mpc.sharing.field import Vector
from aukciszek.mpc.sharing.sizes import ELEMENT_BYTES

MAX_ELEMENTS = MAX_PAYLOAD_BYTES // ELEMENT_BYTES
"""Products per round; more take several rounds, so that payloads and memory stay bounded."""

_CACHED_ELEMENTS = 1 << 14
_MASK_NS = 20


@dataclass(frozen=True, slots=True)
class Terms:
    """Sums of products, each of which costs one opening.

    Attributes:
        shape: The shape of the sums.
        factors: Pairs ``(x, y)`` with shapes that broadcast to ``(terms, *shape)``: summed over all pairs, and over
            the first axis of each.
    """

    shape: tuple[int, ...]
    factors: Sequence[tuple[Vector, Vector]]

    @property
    def size(self) -> int:
        """The number of sums."""
        return prod(self.shape)

    @property
    def products(self) -> int:
        """The number of products in all sums."""
        return self.size * sum(max(len(x), len(y)) for x, y in self.factors)

    def sums(self) -> Vector:
        """Return what this party's shares sum up to: shares of degree ``2t``."""
        result = np.empty(self.shape, dtype=np.uint64)
        width = self.shape[-1] if self.shape else 1
        step = max(1, _CACHED_ELEMENTS * width // max(1, self.size))
        for start in range(0, width, step):
            part = (..., slice(start, start + step)) if step < width else ...
            target = result[part]
            rows = [
                (row_x, row_y)
                for x, y in self.factors
                for row_x, row_y in zip(_part(x, part), _part(y, part), strict=True)
            ]
            kernels.multiply(*rows[0], out=target)
            for row_x, row_y in rows[1:]:
                kernels.multiply_add(row_x, row_y, target, out=target)
        return result


async def multiply_terms(session: Session, batch: Sequence[Terms]) -> list[Shared]:
    """Return sharings of all sums of ``batch``, in one round (several beyond ``MAX_ELEMENTS`` sums)."""
    work = sum(terms.products for terms in batch)
    sums = await session.compute(work, lambda: np.concatenate([terms.sums().reshape(-1) for terms in batch]))
    return _cut(await lower_degree(session, sums), [terms.shape for terms in batch])


async def lower_degree(session: Session, sums: Vector) -> Vector:
    """Return shares of degree ``t`` of what ``sums`` are shares of degree ``2t`` of, by masked opening."""
    masked, masks = await session.compute(_MASK_NS * sums.size, lambda: _mask(session, sums))
    for start in range(0, sums.size, MAX_ELEMENTS):
        part = slice(start, start + MAX_ELEMENTS)
        opened = await session.open(masked[part], session.mode.product_degree)
        if session.mode.verifies_products:
            session.transcript.update(opened.data)
        masks[part] = field.add(masks[part], opened)
    return masks


def _part(factor: Vector, part: EllipsisType | tuple[EllipsisType, slice]) -> Vector:
    """Cut the last axis, unless it is one that broadcasts."""
    return factor if part is ... or factor.shape[-1] == 1 else factor[part]


def _mask(session: Session, sums: Vector) -> tuple[Vector, Vector]:
    masks = session.random(sums.size)
    return field.subtract(field.subtract(sums, masks), session.zeros(sums.size)), masks


def _cut(values: Vector, shapes: Sequence[tuple[int, ...]]) -> list[Shared]:
    ends = list(accumulate(map(prod, shapes), initial=0))
    return [
        Shared(values[start:end].reshape(shape)) for (start, end), shape in zip(pairwise(ends), shapes, strict=True)
    ]
