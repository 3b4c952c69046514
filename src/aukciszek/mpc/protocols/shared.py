"""The type of secret-shared values: one party's shares, which must not drive the program.

``docs/protocol.md``, "Sharing". Sums, differences and public multiples are local; products need a round
(``Runtime.multiply``); nothing else leads out of a :class:`Shared` but ``Runtime.reveal``.
"""

from collections.abc import Sequence
from typing import Any, NoReturn, Self, final, override

import numpy as np

from aukciszek.mpc.sharing import field
from aukciszek.mpc.sharing.field import Vector

type Public = int | Vector
"""A value that everybody may know: one element, or an array of them."""


def _refuse(_left: object, _right: object = None) -> NoReturn:
    raise TypeError("a shared value is secret: it cannot be compared, tested or converted; see Runtime.reveal")


@final
class Shared:
    """An array of secret values, as this party's shares of degree ``t``. Immutable.

    It has shape, indexing and arithmetic like an array, but no truth value, no order, no equality and no useful
    ``repr``. Operands that are not shared are public, and are reduced modulo ``p``.
    """

    __slots__ = ("_shares",)
    __array_ufunc__ = None  # so that `array - shared` is ours to answer
    __hash__ = None  # type: ignore[assignment]  # equality is refused, hence hashing too

    def __init__(self, shares: Vector) -> None:
        self._shares = shares

    @classmethod
    def public(cls, values: object) -> Self:
        """Return a sharing of public values: the constant polynomial."""
        return cls(field.to_vector(values))

    @property
    def shares(self) -> Vector:
        """This party's shares; for the engine's own protocols, which must not write to them."""
        return self._shares

    @property
    def shape(self) -> tuple[int, ...]:
        """The public shape."""
        return self._shares.shape

    @property
    def size(self) -> int:
        """The number of elements."""
        return self._shares.size

    def __len__(self) -> int:
        return len(self._shares)

    def __getitem__(self, index: Any) -> Self:  # noqa: ANN401 - whatever NumPy accepts
        part = self._shares[index]
        return Shared(part if isinstance(part, np.ndarray) else np.asarray(part, dtype=np.uint64))

    def __add__(self, other: Self | Public) -> Self:
        return type(self)(field.add(self._shares, _shares_of(other)))

    def __radd__(self, other: Public) -> Self:  # type: ignore[misc]  # __array_ufunc__ settles it
        return self + other

    def __sub__(self, other: Self | Public) -> Self:
        return type(self)(field.subtract(self._shares, _shares_of(other)))

    def __rsub__(self, other: Public) -> Self:  # type: ignore[misc]  # __array_ufunc__ settles it
        return type(self)(field.subtract(_shares_of(other), self._shares))

    def __mul__(self, other: Public) -> Self:
        if isinstance(other, int):
            return type(self)(field.scale(other, self._shares))
        return type(self)(field.multiply(self._shares, _public(other)))

    def __rmul__(self, other: Public) -> Self:  # type: ignore[misc]  # __array_ufunc__ settles it
        return self * other

    def reshape(self, *shape: int) -> Self:
        """Return the same elements in another shape."""
        return type(self)(self._shares.reshape(shape))

    def transpose(self, *axes: int) -> Self:
        """Return the same elements with their axes permuted."""
        return type(self)(self._shares.transpose(axes))

    def sum(self) -> Self:
        """Return the sums over the first axis."""
        return type(self)(field.total(self._shares))

    @classmethod
    def stack(cls, parts: Sequence[Self]) -> Self:
        """Join arrays of one shape along a new first axis."""
        return cls(np.stack([part.shares for part in parts]))

    @classmethod
    def concatenate(cls, parts: Sequence[Self], axis: int = 0) -> Self:
        """Join arrays along an existing axis."""
        return cls(np.concatenate([part.shares for part in parts], axis=axis))

    __bool__ = _refuse
    __eq__ = _refuse
    __ne__ = _refuse
    __lt__ = _refuse
    __le__ = _refuse
    __gt__ = _refuse
    __ge__ = _refuse
    __int__ = _refuse
    __float__ = _refuse
    __index__ = _refuse
    __array__ = _refuse
    __reduce__ = _refuse

    @override
    def __repr__(self) -> str:
        return "<Shared>"


def _shares_of(operand: Shared | Public) -> Vector:
    return operand.shares if isinstance(operand, Shared) else _public(operand)


def _public(operand: object) -> Vector:
    if isinstance(operand, Shared):
        raise TypeError("the product of two shared values needs a round: use Runtime.multiply")
    return field.to_vector(operand)
