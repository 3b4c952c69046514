"""Verification before revelation: all recorded products checked at once, with logarithmic communication.

``docs/protocol.md``, "Verification"; the technique is that of [BBCGI19] and [GS20], in coefficient form. Products are
secure up to additive errors: a corrupt party can add a value of its choice to a product, knowing nothing about it. Let
``z_k = sum_j x_kj y_kj`` be recorded.

1. All parties compare a hash of everything that was opened so far, and open a joint seed.
2. With pseudo-random ``rho_k`` from it, ``z = sum_k rho_k z_k`` must be the single inner product
   ``sum_kj (rho_k x_kj) y_kj``, of length ``M``.
3. Cut both vectors into ``b`` blocks; with ``f(u) = sum_i x_i u^i`` and ``g(u) = sum_i y_i u^(b-1-i)``, the
   coefficient of ``u^(b-1)`` in ``h = <f, g>`` must be ``z``. The other ``2b - 2`` coefficients are computed (each is
   one sum of products), a joint ``s`` is opened, and the claim becomes ``h(s) = <f(s), g(s)>``, of length ``M / b``.
4. At the end each block is one element; random elements join ``f`` and ``g`` with ``u^b``, so that ``f(s)``, ``g(s)``
   and ``h(s)`` can be opened: they are uniform but for ``h(s) = f(s) g(s)``.

A wrong product survives step 2 with probability ``1/p`` and every further one with at most ``2b/p``: together less than
``2^-49``, however many are computed, since a window of more than :data:`WINDOW_TERMS` terms is verified in parts.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod

import numpy as np

from aukciszek.mpc.errors import VerificationFailedError
from aukciszek.mpc.protocols.multiplication import Terms, lower_degree
from aukciszek.mpc.protocols.session import Session
from aukciszek.mpc.protocols.shared import Shared
from aukciszek.mpc.sharing import kernels
from aukciszek.mpc.sharing.field import P, Vector, inner_product
from aukciszek.mpc.sharing.random_stream import RandomStream

WINDOW_TERMS = 5 << 20
"""The most terms that are verified together: bounds the error and the memory.

The two tables of a full window take 80 MiB, and those of the next step, which is four times shorter, 20 MiB.
"""

_LAST_LENGTH = 1024
_FOLD_NS = 8
_STEP_S, _PRODUCT_S = 2e-3, 4e-10
"""What a step (of two rounds) and a product of elements take, roughly; the same at all parties."""


@dataclass(frozen=True, slots=True)
class _Claim:
    """``z`` is the inner product of ``x`` and ``y``: this party's shares of all three.

    ``x`` and ``y`` are cut into the blocks of the next step, one in each row and the last one filled up with zeros;
    blocks of one element each mean that the next step is the last.
    """

    x: Vector
    y: Vector
    z: int


class MultiplicationLog:
    """The products of one session that wait for verification.

    No window has more than ``window_terms`` terms: what was recorded at once is cut along its last axis, and further if
    need be, down to one sum. Windows end at the same products at all parties, which thus verify them in lock-step.
    """

    def __init__(self, session: Session, window_terms: int = WINDOW_TERMS) -> None:
        self._session = session
        self._window_terms = window_terms
        self._records: list[tuple[Terms, Vector]] = []
        self._waiting_terms = 0
        self._folded = np.empty((2, 0), dtype=np.uint64)

    async def record(self, terms: Terms, result: Shared) -> None:
        """Remember that ``result`` was computed from ``terms``; verifies whenever a window is full."""
        most = self._window_terms
        for part in _cut(terms, result.shares, most - self._waiting_terms, most):
            length = _folded_length(part[0])
            if self._waiting_terms + length > most:
                await self.verify()
            self._records.append(part)
            self._waiting_terms += length
        if _folded_length(terms) > most:
            await self.verify()  # else a last small part would keep the whole of it in memory

    async def verify(self) -> None:
        """Verify and forget all recorded products.

        Raises:
            TranscriptsDifferError: a party told different parties different things.
            VerificationFailedError: a product is wrong.
        """
        if not self._records:
            return
        session, length = self._session, self._waiting_terms
        seed = await session.coin()
        claim = await session.compute(_FOLD_NS * length, lambda: _fold(self._records, self._room(length), seed))
        self._records, self._waiting_terms = [], 0
        while claim.x.shape[1] > 1:
            claim = await _shorten(session, claim)
        await _check_openly(session, claim)

    def _room(self, length: int) -> Vector:
        """Return room for two tables of so many elements: kept, as fresh memory costs more than arithmetic."""
        blocks, width = _table_shape(length)
        if self._folded.shape[1] < blocks * width:
            self._folded = np.empty((2, blocks * width), dtype=np.uint64)
        return self._folded[:, : blocks * width].reshape(2, blocks, width)


def _cut(terms: Terms, result: Vector, first: int, most: int) -> Iterator[tuple[Terms, Vector]]:
    """Cut a record into one part of at most ``first`` terms of the claim, if any fits, and others of at most ``most``.

    Nothing is cut smaller than one sum, or sums that have become one.
    """
    length = _folded_length(terms)
    # Products with a common factor merge along the first axis, so that cutting there would gain nothing.
    merges = any(_is_common(x, terms.shape) for x, _ in map(_in_order, terms.factors))
    longer = [index for index, size in enumerate(terms.shape) if size > 1 and not (merges and index == 0)]
    if length <= first or not longer:
        yield terms, result
        return
    axis = longer[-1]
    size = terms.shape[axis]
    start, end = 0, first * size // length
    while start < size:
        if end > start:
            part = slice(start, end)
            shape = (*terms.shape[:axis], end - start, *terms.shape[axis + 1 :])
            factors = [(_slice(x, axis + 1, part), _slice(y, axis + 1, part)) for x, y in terms.factors]
            # One index of this axis may still be too much: then it is cut along another one.
            yield from _cut(Terms(shape, factors), _slice(result, axis, part), most, most)
        start, end = end, min(size, end + max(1, most * size // length))


def _slice(values: Vector, axis: int, part: slice) -> Vector:
    """Return a part of one axis, or the whole of it where it broadcasts."""
    return values if values.shape[axis] == 1 else values[(*(slice(None),) * axis, part)]


def _blocks(length: int) -> int:
    """Choose how many blocks a claim is cut into: more blocks, fewer rounds, more arithmetic (``b`` per element)."""
    choices = {steps: _root(-(-length // _LAST_LENGTH), steps) for steps in range(1, 8)}
    best = min(choices, key=lambda steps: steps * _STEP_S + choices[steps] * length * _PRODUCT_S)
    return choices[best]


def _root(value: int, degree: int) -> int:
    """Return the least integer from 2 whose power reaches ``value``; exact, so that all machines agree."""
    low, high = 2, max(2, value)
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if middle**degree >= value else (middle + 1, high)
    return low


def _table_shape(length: int) -> tuple[int, int]:
    """Return how many blocks, and of which width, hold so many elements."""
    blocks = _blocks(length) if length > _LAST_LENGTH else length
    return blocks, -(-length // blocks)


def _fold(records: list[tuple[Terms, Vector]], room: Vector, seed: RandomStream) -> _Claim:
    """Step 2: one claim for all records, written to the two rows of ``room``."""
    x, y = room.reshape(2, -1)
    z, done = 0, 0
    for terms, result in records:
        weights = seed.take(terms.size).reshape(terms.shape)
        z += inner_product(weights, result)
        for factors in map(_in_order, terms.factors):
            part = slice(done, done + _folded_size(factors, terms.shape))
            _fold_products(weights, factors, x[part], y[part])
            done = part.stop
    x[done:], y[done:] = 0, 0
    return _Claim(room[0], room[1], z % P)


def _in_order(factors: tuple[Vector, Vector]) -> tuple[Vector, Vector]:
    """Put the factor first that is the same along the first axis of the sums, if one is."""
    x, y = factors
    return (y, x) if y.ndim > 1 and y.shape[1] == 1 else (x, y)


def _is_common(factor: Vector, shape: tuple[int, ...]) -> bool:
    """Tell whether one factor is the same along the first axis of the sums, so that the products merge into one."""
    return bool(shape) and factor.shape[1] == 1 < shape[0]


def _folded_size(factors: tuple[Vector, Vector], shape: tuple[int, ...]) -> int:
    """Return how many terms of the claim the products become."""
    x, y = factors
    return max(len(x), len(y)) * prod(shape[1:] if _is_common(x, shape) else shape)


def _folded_length(terms: Terms) -> int:
    return sum(_folded_size(_in_order(factors), terms.shape) for factors in terms.factors)


def _fold_products(weights: Vector, factors: tuple[Vector, Vector], x_row: Vector, y_row: Vector) -> None:
    """Write ``sum_k rho_k x_k y_k`` as an inner product of ``x_row`` and ``y_row``.

    Where all ``x_k`` along an axis are one ``x``, that is ``x sum_k (rho_k y_k)``, one term instead of many.
    """
    x, y = factors
    if not _is_common(x, weights.shape):
        y_row, x_row = y_row.reshape(-1, *weights.shape), x_row.reshape(-1, *weights.shape)
        x_row[...] = x
        kernels.multiply(weights, y, out=y_row)
        return
    shape = weights.shape[1:]
    x_row, y_row = x_row.reshape(-1, *shape), y_row.reshape(-1, *shape)
    x_row[...] = x[:, 0]
    y = np.broadcast_to(y, (len(y), weights.shape[0], *y.shape[2:]))
    kernels.multiply(weights[0], y[:, 0], out=y_row)
    for weight, row in zip(weights[1:], y[:, 1:].swapaxes(0, 1), strict=True):
        kernels.multiply_add(weight, row, y_row, out=y_row)


async def _shorten(session: Session, claim: _Claim) -> _Claim:
    """Step 3: a claim about vectors that are shorter by a factor, the number of blocks."""
    x, y, length, blocks = claim.x, claim.y, claim.x.size, len(claim.x)
    sums = np.zeros(2 * blocks - 1, dtype=np.uint64)
    await session.compute(length * blocks // 4, lambda: kernels.anti_diagonals(x, y, sums))
    coefficients = await _with_claimed(session, sums, blocks - 1, claim.z)
    point = await _nonzero_coin(session)
    powers = _powers(point, blocks)
    return await session.compute(
        2 * length,
        lambda: _Claim(_table(_combine(powers, x)), _table(_combine(powers[::-1], y)), _value(coefficients, point)),
    )


async def _check_openly(session: Session, claim: _Claim) -> None:
    """Step 4: mask what is left, open it and look."""
    blocks = len(claim.x)
    masks = session.random(2)
    f = np.concatenate([claim.x[:, 0], masks[:1]])
    g = np.concatenate([claim.y[::-1, 0], masks[1:]])
    sums = np.zeros(2 * blocks + 1, dtype=np.uint64)
    kernels.add_polynomial_product(f, g, sums)
    coefficients = await _with_claimed(session, sums, blocks - 1, claim.z)
    point = await _nonzero_coin(session)
    shares = [_value(polynomial, point) for polynomial in (f, g, coefficients)]
    f_s, g_s, h_s = map(int, await session.open(np.array(shares, dtype=np.uint64), session.mode.threshold))
    if f_s * g_s % P != h_s:
        raise VerificationFailedError


async def _with_claimed(session: Session, sums: Vector, index: int, claimed: int) -> Vector:
    """Lower the degree of all coefficients of ``h`` but the one at ``index``, which is claimed to be known."""
    others = await lower_degree(session, np.delete(sums, index))
    return np.insert(others, index, np.uint64(claimed))


async def _nonzero_coin(session: Session) -> int:
    stream = await session.coin()
    while not (point := int(stream.take(1)[0])):
        continue
    return point


def _value(coefficients: Vector, point: int) -> int:
    return inner_product(coefficients, _powers(point, coefficients.size))


def _powers(point: int, count: int) -> Vector:
    powers = np.empty(count, dtype=np.uint64)
    kernels.powers(np.uint64(point), powers)
    return powers


def _combine(weights: Vector, rows: Vector) -> Vector:
    """Return ``sum_i weights_i rows_i``."""
    total = np.zeros(rows.shape[1], dtype=np.uint64)
    kernels.combine(weights, rows, total)
    return total


def _table(values: Vector) -> Vector:
    """Return ``values`` cut into the blocks of the next step."""
    table = np.zeros(_table_shape(values.size), dtype=np.uint64)
    table.reshape(-1)[: values.size] = values
    return table
