"""The field ``F_p`` with ``p = 2^61 - 1``: one field for bits, counts, sums and checks (``docs/protocol.md``, "Field").

Vectors of elements are NumPy arrays of ``uint64`` in ``[0, p)``, of any shape; single elements are Python integers.
Everything here is local arithmetic on what one party holds.
"""

import numpy as np
import numpy.typing as npt

from aukciszek.mpc.sharing import kernels
from aukciszek.mpc.sharing.sizes import ELEMENT_BYTES

P = 2**61 - 1
"""The modulus, a Mersenne prime."""

type Vector = npt.NDArray[np.uint64]

_MODULUS = np.uint64(P)
_WIRE = np.dtype("<u8")


class NotAFieldElementError(ValueError):
    """Bytes do not spell field elements."""


def to_vector(values: object) -> Vector:
    """Return public integers (any nesting, any sign) as elements modulo ``p``."""
    if isinstance(values, np.ndarray) and values.dtype == np.uint64:
        return _vector(np.remainder(values, _MODULUS))
    exact = np.asarray(values, dtype=object)  # else NumPy turns large integers into floats
    return np.asarray(np.remainder(exact, P), dtype=np.uint64)


def add(x: Vector, y: Vector) -> Vector:
    """Return ``x + y`` element by element, with broadcasting."""
    return _vector(kernels.add(x, y))


def subtract(x: Vector, y: Vector) -> Vector:
    """Return ``x - y`` element by element, with broadcasting."""
    return _vector(kernels.subtract(x, y))


def multiply(x: Vector, y: Vector) -> Vector:
    """Return the products element by element, with broadcasting."""
    return _vector(kernels.multiply(x, y))


def scale(weight: int, values: Vector) -> Vector:
    """Return ``weight * values``."""
    total = np.zeros(values.size, dtype=np.uint64)
    kernels.accumulate(total, np.uint64(weight % P), _flat(values))
    return total.reshape(values.shape)


def accumulate(total: Vector, weight: int, values: Vector) -> None:
    """Add ``weight * values`` to the contiguous vector ``total`` in place; ``0 <= weight < p``."""
    kernels.accumulate(total, np.uint64(weight), values)


def inner_product(x: Vector, y: Vector) -> int:
    """Return the sum of all ``x_j y_j``; both of one shape."""
    return int(kernels.inner_product(_flat(x), _flat(y)))


def inner_products(x: Vector, y: Vector) -> Vector:
    """Return the sums of ``x_j y_j`` over the first axis of both, the other axes broadcast."""
    total = kernels.multiply(x[0], y[0])
    for row_x, row_y in zip(x[1:], y[1:], strict=True):
        total = kernels.multiply_add(row_x, row_y, total)
    return _vector(total)


def total(x: Vector) -> Vector:
    """Return the sums over the first axis, of at most ``2^32`` rows."""
    low = np.sum(x & np.uint64(2**32 - 1), axis=0, dtype=np.uint64)
    high = np.sum(x >> np.uint64(32), axis=0, dtype=np.uint64)
    return add(to_vector(low), scale(2**32, to_vector(high)))


def inverse(x: int) -> int:
    """Return ``1/x``.

    Raises:
        ZeroDivisionError: ``x`` is 0 modulo ``p``.
    """
    if x % P == 0:
        raise ZeroDivisionError("zero has no inverse")
    return pow(x, -1, P)


def to_bytes(values: Vector) -> bytes:
    """Spell elements for the wire, 8 bytes each, little-endian, in row-major order."""
    return values.astype(_WIRE, copy=False).tobytes()


def from_bytes(content: bytes | bytearray | memoryview, count: int) -> Vector:
    """Read exactly ``count`` elements; the result may share memory with ``content`` and is not to be written to.

    Raises:
        NotAFieldElementError: the length differs, or a value is not below ``p``.
    """
    if len(content) != count * ELEMENT_BYTES:
        raise NotAFieldElementError("the length is not that of the elements expected")
    values = np.frombuffer(content, dtype=_WIRE).astype(np.uint64, copy=False)
    if count and np.maximum.reduce(values) >= _MODULUS:
        raise NotAFieldElementError("a value is not below the modulus")
    return values


def _flat(values: Vector) -> Vector:
    return np.ascontiguousarray(values).reshape(-1)


def _vector(values: object) -> Vector:
    return np.asarray(values, dtype=np.uint64)
