"""The kernels compiled by Numba: the engine's innermost loops; :mod:`.kernels` says what each promises.

Importing this module takes half a second and 60 MB, and compiling them some seconds where nothing is cached, so only
:func:`~.kernels.compile_kernels` does either. The compiler vectorises the universal functions: about 0.3 ns
per product on one core. Where one operand is a single element, a universal function would lose that speed, so the
kernels that scale a vector are functions of their own. All release the interpreter lock and accept read-only operands.

A product of two elements is built from 32-bit limbs, since the processor's vector units multiply 32 by 32 bits:
with ``a = a1 2^32 + a0`` and ``b`` alike, ``ab = a1 b1 2^64 + (a1 b0 + a0 b1) 2^32 + a0 b0``, and ``2^61 = 1``.
"""

import tempfile
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, cast

import numpy as np
from numba import config, njit, types, uint64, vectorize, void

from aukciszek.mpc.sharing.plain_kernels import Kernels, Vector

_P = np.uint64(2**61 - 1)
_LOW_32 = np.uint64(2**32 - 1)
_LOW_29 = np.uint64(2**29 - 1)
_3, _29, _32, _61 = (np.uint64(bits) for bits in (3, 29, 32, 61))


def _inline[F: Callable[..., object]](function: F) -> F:
    return cast("F", njit(inline="always")(function))


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


_VECTOR = types.Array(uint64, 1, "C")
_READ_ONLY = types.Array(uint64, 1, "C", readonly=True)
_TABLE = types.Array(uint64, 2, "C", readonly=True)


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


_accumulate_within = cast("Callable[[Vector, np.uint64, Vector], None]", njit(_accumulate))
_inner_product_within = cast("Callable[[Vector, Vector], np.uint64]", njit(_inner_product))
"""Both for other kernels to call; compiled along with these."""

_CHUNK = 1024
"""Columns of two tables that are worked on at once, so that they stay in the processor's cache."""


def _anti_diagonals(x: Vector, y: Vector, sums: Vector) -> None:
    blocks, length = x.shape
    for start in range(0, length, _CHUNK):
        stop = min(start + _CHUNK, length)
        for a in range(blocks):
            for b in range(blocks):
                if a != b:
                    term = _inner_product_within(x[a, start:stop], y[b, start:stop])
                    c = a + blocks - 1 - b
                    sums[c] = _reduce(sums[c] + term)


def _combine(weights: Vector, rows: Vector, total: Vector) -> None:
    count, length = rows.shape
    for start in range(0, length, _CHUNK):
        stop = min(start + _CHUNK, length)
        for i in range(count):
            _accumulate_within(total[start:stop], weights[i], rows[i, start:stop])


def _powers(base: np.uint64, result: Vector) -> None:
    power = np.uint64(1)
    for j in range(result.size):
        result[j] = power
        power = _reduce(_product(power, base))


def _add_polynomial_product(f: Vector, g: Vector, sums: Vector) -> None:
    for i in range(f.size):
        for j in range(g.size):
            sums[i + j] = _reduce(_product(f[i], g[j]) + sums[i + j])


def load(beside: Path, offered: Path | None) -> tuple[Kernels, Path | None]:
    """Compile all kernels, or load what was compiled before; see :func:`aukciszek.mpc.sharing.kernels.compile_kernels`.

    Returns:
        The kernels, and where they are kept, if anywhere.
    """
    settings: Any = config  # whose attributes Numba makes when it reads the environment
    named = Path(settings.CACHE_DIR) if settings.CACHE_DIR else None
    used = next((each for each in (named, beside, offered) if each is not None and _can_write(each)), None)
    # Numba looks beside the module of itself, where it is told nothing.
    settings.CACHE_DIR = "" if used in {beside, None} else str(used)
    if used is not None:
        with suppress(OSError):  # such as a disk that is full
            return _build(cache=True), used
    return _build(cache=False), None


def _can_write(directory: Path) -> bool:
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=directory):
            return True
    except OSError:
        return False


def _build(*, cache: bool) -> Kernels:
    compiled = partial(njit, cache=cache, nogil=True)
    universal = partial(_universal, cache=cache)
    return Kernels(
        add=universal(_add, 2),
        subtract=universal(_subtract, 2),
        multiply=universal(_multiply, 2),
        multiply_add=universal(_multiply_add, 3),
        accumulate=compiled(void(_VECTOR, uint64, _READ_ONLY))(_accumulate),
        to_elements=compiled(types.boolean(_VECTOR))(_to_elements),
        inner_product=compiled(uint64(_READ_ONLY, _READ_ONLY))(_inner_product),
        combine=compiled(void(types.Array(uint64, 1, "A", readonly=True), _TABLE, _VECTOR))(_combine),
        powers=compiled(void(uint64, _VECTOR))(_powers),
        add_polynomial_product=compiled(void(_READ_ONLY, _READ_ONLY, _VECTOR))(_add_polynomial_product),
        anti_diagonals=compiled(void(_TABLE, _TABLE, _VECTOR))(_anti_diagonals),
    )


def _universal(function: Callable[..., object], operands: int, *, cache: bool) -> np.ufunc:
    signature = uint64(*(uint64,) * operands)
    compiled = vectorize([signature], cache=cache)(function)  # type: ignore[no-untyped-call]  # in Numba
    return cast("np.ufunc", compiled.ufunc)  # without Numba's wrapper, which takes longer than a short vector
