"""Arithmetic in ``F_p``, ``p = 2^61 - 1``, as NumPy universal functions compiled by Numba.

The engine's innermost loops; ``field`` is the face that the rest of the engine uses. A universal function broadcasts,
takes strided operands and ``out=``, and is vectorised by the compiler:
about 0.3 ns per product on one core. Where one operand is a single element, a universal function would lose that
speed, so there are functions of their own for it. All release the interpreter lock and accept read-only operands.

A product of two elements is built from 32-bit limbs, since the processor's vector units multiply 32 by 32 bits:
with ``a = a1 2^32 + a0`` and ``b`` alike, ``ab = a1 b1 2^64 + (a1 b0 + a0 b1) 2^32 + a0 b0``, and ``2^61 = 1``.
"""

from collections.abc import Callable
from typing import cast

import numpy as np
import numpy.typing as npt
from numba import njit, types, uint64, vectorize, void

_P = np.uint64(2**61 - 1)
_LOW_32 = np.uint64(2**32 - 1)
_LOW_29 = np.uint64(2**29 - 1)
_3, _29, _32, _61 = (np.uint64(bits) for bits in (3, 29, 32, 61))


def _inline[F: Callable[..., object]](function: F) -> F:
    return cast("F", njit(inline="always")(function))


def _universal(function: Callable[..., object], operands: int) -> np.ufunc:
    signature = uint64(*(uint64,) * operands)
    compiled = vectorize([signature], cache=True)(function)  # type: ignore[no-untyped-call]  # in Numba
    return cast("np.ufunc", compiled.ufunc)  # without Numba's wrapper, which takes longer than a short vector


@_inline
def _reduce(value: np.uint64) -> np.uint64:
    """Bring any 64-bit value into ``[0, p)``: where ``folded < p``, the subtraction wraps round and loses."""
    folded = (value & _P) + (value >> _61)
    return min(folded, folded - _P)


@_inline
def _product(a: np.uint64, b: np.uint64) -> np.uint64:
    """Return ``ab`` modulo ``p``, not fully reduced: below ``2^63 - 2^61``, so that an element can still be added."""
    a0, a1 = a & _LOW_32, a >> _32
    b0, b1 = b & _LOW_32, b >> _32
    low = a0 * b0
    middle = a1 * b0 + a0 * b1
    return ((a1 * b1) << _3) + (middle >> _29) + ((middle & _LOW_29) << _32) + (low & _P) + (low >> _61)


def _add(a: np.uint64, b: np.uint64) -> np.uint64:
    total = a + b
    return min(total, total - _P)


def _subtract(a: np.uint64, b: np.uint64) -> np.uint64:
    difference = a - b
    return min(difference, difference + _P)


def _multiply(a: np.uint64, b: np.uint64) -> np.uint64:
    return _reduce(_product(a, b))


def _multiply_add(a: np.uint64, b: np.uint64, c: np.uint64) -> np.uint64:
    return _reduce(_product(a, b) + c)


add = _universal(_add, 2)
"""``a + b``."""
subtract = _universal(_subtract, 2)
"""``a - b``."""
multiply = _universal(_multiply, 2)
"""``ab``."""
multiply_add = _universal(_multiply_add, 3)
"""``ab + c``."""

_VECTOR = types.Array(uint64, 1, "C")
_READ_ONLY = types.Array(uint64, 1, "C", readonly=True)
_TABLE = types.Array(uint64, 2, "C", readonly=True)

type Vector = npt.NDArray[np.uint64]


def _accumulate(total: Vector, weight: np.uint64, values: Vector) -> None:
    for j in range(total.size):
        total[j] = _reduce(_product(values[j], weight) + total[j])


def _inner_product(x: Vector, y: Vector) -> np.uint64:
    # Plain sums of 32-bit halves are what the compiler can vectorise; they overflow after 2^32 terms only.
    low, high = np.uint64(0), np.uint64(0)
    for j in range(x.size):
        term = _product(x[j], y[j])
        low += term & _LOW_32
        high += term >> _32
    return _reduce(_reduce(low) + _reduce(_product(_reduce(high), np.uint64(2**32))))


def _to_elements(words: Vector) -> bool:
    valid = True
    for j in range(words.size):
        element = words[j] >> _3
        words[j] = element
        valid &= element != _P
    return valid


_CHUNK = 1024
"""Columns of two tables that are worked on at once, so that they stay in the processor's cache."""


def _anti_diagonals(x: Vector, y: Vector, sums: Vector) -> None:
    blocks, length = x.shape
    for start in range(0, length, _CHUNK):
        stop = min(start + _CHUNK, length)
        for a in range(blocks):
            for b in range(blocks):
                if a != b:
                    term = inner_product(x[a, start:stop], y[b, start:stop])
                    c = a + blocks - 1 - b
                    sums[c] = _reduce(sums[c] + term)


def _combine(weights: Vector, rows: Vector, total: Vector) -> None:
    count, length = rows.shape
    for start in range(0, length, _CHUNK):
        stop = min(start + _CHUNK, length)
        for i in range(count):
            accumulate(total[start:stop], weights[i], rows[i, start:stop])


def _powers(base: np.uint64, result: Vector) -> None:
    power = np.uint64(1)
    for j in range(result.size):
        result[j] = power
        power = _reduce(_product(power, base))


def _add_polynomial_product(f: Vector, g: Vector, sums: Vector) -> None:
    for i in range(f.size):
        for j in range(g.size):
            sums[i + j] = _reduce(_product(f[i], g[j]) + sums[i + j])


accumulate: Callable[[Vector, np.uint64, Vector], None] = njit(
    void(_VECTOR, uint64, _READ_ONLY), cache=True, nogil=True
)(_accumulate)
"""``accumulate(total, weight, values)``: ``total += weight * values`` in place; vectors of one length."""
to_elements: Callable[[Vector], bool] = njit(types.boolean(_VECTOR), cache=True, nogil=True)(_to_elements)
"""``to_elements(words)``: keep the top 61 bits of each word, in place; tells whether all are below ``p``."""
inner_product: Callable[[Vector, Vector], np.uint64] = njit(uint64(_READ_ONLY, _READ_ONLY), cache=True, nogil=True)(
    _inner_product
)
"""``inner_product(x, y)``: the sum of ``x[j] y[j]`` over at most ``2^32`` terms."""
combine: Callable[[Vector, Vector, Vector], None] = njit(
    void(types.Array(uint64, 1, "A", readonly=True), _TABLE, _VECTOR), cache=True, nogil=True
)(_combine)
"""``combine(weights, rows, total)``: ``total += sum_i weights[i] rows[i]``; any strides of ``weights``."""
powers: Callable[[np.uint64, Vector], None] = njit(void(uint64, _VECTOR), cache=True, nogil=True)(_powers)
"""``powers(base, result)``: ``1, base, base^2, ...``."""
add_polynomial_product: Callable[[Vector, Vector, Vector], None] = njit(
    void(_READ_ONLY, _READ_ONLY, _VECTOR), cache=True, nogil=True
)(_add_polynomial_product)
"""``add_polynomial_product(f, g, sums)``: ``sums[i + j] += f[i] g[j]``; coefficients, lowest first."""
anti_diagonals: Callable[[Vector, Vector, Vector], None] = njit(void(_TABLE, _TABLE, _VECTOR), cache=True, nogil=True)(
    _anti_diagonals
)
"""``anti_diagonals(x, y, sums)`` with ``k`` rows each: ``sums[a + k-1 - b] += <x_a, y_b>`` for all rows ``a != b``."""
