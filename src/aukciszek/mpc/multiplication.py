"""Multiplication in one round by masked opening [DN07], with the masks from shared pseudo-randomness [CDI05].

``docs/protocol.md``, "Multiplication". With ``r`` a random sharing of degree ``t`` and ``z`` a zero-sharing of the
product degree, every party sends ``d = x y - r - z`` to all; ``e = open(d)`` is a uniform public value, and ``e + r``
is a sharing of ``xy`` of degree ``t``. A sum of products costs what one product costs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from aukciszek.mpc import field
from aukciszek.mpc.channel import MAX_PAYLOAD_BYTES
from aukciszek.mpc.field import ELEMENT_BYTES, Vector
from aukciszek.mpc.session import Session
from aukciszek.mpc.shared import Shared

MAX_ELEMENTS = MAX_PAYLOAD_BYTES // ELEMENT_BYTES
"""Products per round; more take several rounds, so that payloads and memory stay bounded."""

_CACHED_ELEMENTS = 1 << 14


@dataclass(frozen=True, slots=True)
class Terms:
    """The sums ``sum_j x_j y_j`` over the first axis of ``x`` and ``y``, both of shape ``(terms, *shape)``."""

    x: Vector
    y: Vector

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the sums."""
        return self.x.shape[1:]

    @property
    def size(self) -> int:
        """The number of sums, each of which costs one product."""
        return prod(self.shape)

    def sums(self) -> Vector:
        """Return what this party's shares sum up to: shares of degree ``2t``."""
        result = np.empty(self.shape, dtype=np.uint64)
        width = self.shape[-1] if self.shape else 1
        step = max(1, _CACHED_ELEMENTS * width // max(1, self.size))
        if width <= step or not self.shape:
            result[...] = field.inner_products(self.x, self.y)
            return result
        for start in range(0, width, step):
            part = (..., slice(start, start + step))
            result[part] = field.inner_products(self.x[part], self.y[part])
        return result


async def multiply_terms(session: Session, batch: Sequence[Terms]) -> list[Shared]:
    """Return sharings of all sums of ``batch``, in one round (several beyond ``MAX_ELEMENTS`` sums)."""
    work = sum(terms.x.size for terms in batch)
    sums = await session.compute(work, lambda: np.concatenate([terms.sums().reshape(-1) for terms in batch]))
    return _cut(await lower_degree(session, sums), [terms.shape for terms in batch])


async def lower_degree(session: Session, sums: Vector) -> Vector:
    """Return shares of degree ``t`` of what ``sums`` are shares of degree ``2t`` of, by masked opening."""
    masked, masks = await session.compute(sums.size, lambda: _mask(session, sums))
    for start in range(0, sums.size, MAX_ELEMENTS):
        part = slice(start, start + MAX_ELEMENTS)
        opened = await session.open(masked[part], session.mode.product_degree)
        if session.mode.verifies:
            session.transcript.update(opened.data)
        masks[part] = field.add(masks[part], opened)
    return masks


def _mask(session: Session, sums: Vector) -> tuple[Vector, Vector]:
    masks = session.random(sums.size)
    return field.subtract(field.subtract(sums, masks), session.zeros(sums.size)), masks


def _cut(values: Vector, shapes: Sequence[tuple[int, ...]]) -> list[Shared]:
    ends = np.cumsum([prod(shape) for shape in shapes])[:-1]
    return [Shared(part.reshape(shape)) for part, shape in zip(np.split(values, ends), shapes, strict=True)]
