"""The kernels in NumPy alone: ready at once, for the few elements that sealing or checking one bid takes.

What a bidder's program computes with, and the reference that the compiled kernels are tested against;
:mod:`.kernels` says what each promises. The formulas are those of the compiled ones, on whole vectors.
"""

from collections.abc import Callable
from functools import wraps
from typing import Final, NamedTuple, Protocol, cast

import numpy as np
import numpy.typing as npt

type Vector = npt.NDArray[np.uint64]

_P: Final = np.uint64(2**61 - 1)
_LOW_32: Final = np.uint64(2**32 - 1)
_LOW_29: Final = np.uint64(2**29 - 1)
_3, _29, _32, _61 = (np.uint64(bits) for bits in (3, 29, 32, 61))


class Universal(Protocol):
    """A function of elements that broadcasts, takes strided operands, and writes to ``out`` if there is one."""

    def __call__(self, *operands: Vector | np.uint64, out: Vector | None = None) -> Vector:
        """Return the results, reduced modulo ``p``."""
        ...


class Kernels(NamedTuple):
    """One implementation of all kernels."""

    add: Universal
    subtract: Universal
    multiply: Universal
    multiply_add: Universal
    accumulate: Callable[[Vector, np.uint64, Vector], None]
    to_elements: Callable[[Vector], bool]
    inner_product: Callable[[Vector, Vector], np.uint64]
    combine: Callable[[Vector, Vector, Vector], None]
    powers: Callable[[np.uint64, Vector], None]
    add_polynomial_product: Callable[[Vector, Vector, Vector], None]
    anti_diagonals: Callable[[Vector, Vector, Vector], None]


_smaller: Final = cast("Universal", np.minimum)


def _reduce(value: Vector) -> Vector:
    folded = (value & _P) + (value >> _61)
    return _smaller(folded, folded - _P)


def _product(a: Vector, b: Vector) -> Vector:
    """Return ``ab`` modulo ``p``, not fully reduced: below ``2^63 - 2^61``, so that an element can still be added."""
    a0, a1 = a & _LOW_32, a >> _32
    b0, b1 = b & _LOW_32, b >> _32
    low = a0 * b0
    middle = a1 * b0 + a0 * b1
    product: Vector = ((a1 * b1) << _3) + (middle >> _29) + ((middle & _LOW_29) << _32) + (low & _P) + (low >> _61)
    return product


def _total(terms: Vector) -> Vector:
    """Return the sums over the first axis, of at most ``2^32`` terms below ``2^63``."""
    low = np.sum(terms & _LOW_32, axis=0, dtype=np.uint64)
    high = np.sum(terms >> _32, axis=0, dtype=np.uint64)
    return _reduce(_reduce(low) + _reduce(_product(_reduce(high), np.asarray(2**32, dtype=np.uint64))))


def _universal(function: Callable[..., Vector]) -> Universal:
    @wraps(function)
    def call(*operands: Vector | np.uint64, out: Vector | None = None) -> Vector:
        with np.errstate(over="ignore"):  # unsigned integers wrap round: NumPy says so of single elements only
            result = function(*operands)
        if out is None:
            return result
        np.copyto(out, result)
        return out

    return call


@_universal
def _add(a: Vector, b: Vector) -> Vector:
    total = a + b
    return _smaller(total, total - _P)


@_universal
def _subtract(a: Vector, b: Vector) -> Vector:
    difference = a - b
    return _smaller(difference, difference + _P)


@_universal
def _multiply(a: Vector, b: Vector) -> Vector:
    return _reduce(_product(a, b))


@_universal
def _multiply_add(a: Vector, b: Vector, c: Vector) -> Vector:
    return _reduce(_product(a, b) + c)


def _accumulate(total: Vector, weight: np.uint64, values: Vector) -> None:
    _multiply_add(values, weight, total, out=total)


def _to_elements(words: Vector) -> bool:
    words >>= _3
    return not bool(np.any(words == _P))


@np.errstate(over="ignore")
def _inner_product(x: Vector, y: Vector) -> np.uint64:
    return np.uint64(_total(_product(x, y)))


@np.errstate(over="ignore")
def _combine(weights: Vector, rows: Vector, total: Vector) -> None:
    total[:] = _reduce(total + _total(_product(weights[:, np.newaxis], rows)))


def _powers(base: np.uint64, result: Vector) -> None:
    power = 1
    for j in range(result.size):
        result[j] = power
        power = power * int(base) % int(_P)


def _add_polynomial_product(f: Vector, g: Vector, sums: Vector) -> None:
    for i in range(f.size):
        _accumulate(sums[i : i + g.size], f[i], g)


def _anti_diagonals(x: Vector, y: Vector, sums: Vector) -> None:
    blocks = len(x)
    for a in range(blocks):
        for b in range(blocks):
            if a != b:
                c = slice(a + blocks - 1 - b, a + blocks - b)
                _add(sums[c], _inner_product(x[a], y[b]), out=sums[c])


PLAIN: Final = Kernels(
    add=_add,
    subtract=_subtract,
    multiply=_multiply,
    multiply_add=_multiply_add,
    accumulate=_accumulate,
    to_elements=_to_elements,
    inner_product=_inner_product,
    combine=_combine,
    powers=_powers,
    add_polynomial_product=_add_polynomial_product,
    anti_diagonals=_anti_diagonals,
)
"""All of them."""
