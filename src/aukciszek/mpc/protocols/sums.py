"""Sums of products that wait: shared values known locally but for one opening.

``docs/protocol.md``, "Multiplication". A product of shares is a share of degree ``2t`` of the product, and such shares
can still be added. So a value that is only added to others before it is multiplied again need not be opened itself:
it waits, as a :class:`Sum`, and its products join a later sum, which costs one opening however many they are.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np

from aukciszek.mpc.protocols.shared import Shared


@dataclass(frozen=True, slots=True)
class Sum:
    """``linear + sum_j x_j y_j``, an array of secret values. ``Runtime.evaluate`` turns it into :class:`Shared`.

    Attributes:
        linear: The part that needs no opening, if any.
        products: Pairs ``(x, y)``, both of shape ``(terms, *shape)``, summed over the first axis; axes of length 1
            broadcast.
    """

    linear: Shared | None = None
    products: tuple[tuple[Shared, Shared], ...] = ()

    @property
    def shape(self) -> tuple[int, ...]:
        """The public shape."""
        if self.linear is not None:
            return self.linear.shape
        x, y = self.products[0]
        return np.broadcast_shapes(x.shape, y.shape)[1:]

    @property
    def waits(self) -> bool:
        """Whether there are values, and products in them."""
        return bool(self.products) and 0 not in self.shape

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, part: slice) -> Self:
        """Return some of the values along the first axis, on which nothing broadcasts."""
        return type(self)(
            None if self.linear is None else self.linear[part],
            tuple((x[:, part], y[:, part]) for x, y in self.products),
        )

    def plus_product(self, x: Shared, y: Shared) -> Self:
        """Return the sum with one more product, of arrays of its shape."""
        return type(self)(self.linear, (*self.products, (x[np.newaxis], y[np.newaxis])))


def product(x: Shared, y: Shared) -> Sum:
    """Return the products element by element, with broadcasting; both have the same number of axes."""
    return Sum(products=((x[np.newaxis], y[np.newaxis]),))


def inner_product(x: Shared, y: Shared) -> Sum:
    """Return the sums of products over the first axis, with broadcasting; both have the same number of axes."""
    return Sum(products=((x, y),))
