"""Comparison of numbers that are shared bit by bit: many at once, in ``1 + log2(digits)`` rounds.

``docs/protocol.md``, "Comparison". Numbers are cut into digits of two bits, ``h`` and ``l``, and each digit carries the
product ``hl`` as well; then all four indicators "the digit is ``v``" are linear: ``1-h-l+hl``, ``l-hl``, ``h-hl`` and
``hl``. So "less" and "more" of two digits are one sum of products each, "equal" is what is left of 1, and neighbours
combine, high with low: ``lt = lt_high + eq_high lt_low``, ``eq = eq_high eq_low``.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from aukciszek.mpc.runtime import Runtime
from aukciszek.mpc.shared import Shared

DIGIT_BITS = 2


@dataclass(frozen=True, slots=True)
class Digits:
    """Numbers as digits of two bits, each part of shape ``(digits, *batch)``, most significant digit first."""

    high: Shared
    low: Shared
    both: Shared

    @property
    def indicators(self) -> tuple[Shared, Shared, Shared, Shared]:
        """For each value ``v`` of a digit: 1 where the digit is ``v``, else 0."""
        one, two = self.low - self.both, self.high - self.both
        return 1 - self.high - one, one, two, self.both

    @property
    def upper(self) -> Self:
        """All digits but the least significant one."""
        return type(self)(self.high[:-1], self.low[:-1], self.both[:-1])

    def beside(self, other: Self) -> Self:
        """Append the numbers of ``other`` along the last axis."""
        parts = zip((self.high, self.low, self.both), (other.high, other.low, other.both), strict=True)
        return type(self)(*(Shared.concatenate(pair, axis=-1) for pair in parts))

    def chosen(self, numbers: Sequence[int]) -> Self:
        """Return only some of the numbers, by their place on the last axis."""
        places = list(numbers)
        return type(self)(self.high[..., places], self.low[..., places], self.both[..., places])

    def rows(self) -> Shared:
        """All parts as one array of shape ``(3 digits, *batch)``; :meth:`from_rows` reads it."""
        return Shared.concatenate([self.high, self.low, self.both])

    @classmethod
    def from_rows(cls, rows: Shared) -> Self:
        """Read what :meth:`rows` wrote."""
        count = len(rows) // 3
        return cls(rows[:count], rows[count : 2 * count], rows[2 * count :])


def digit_count(bits: int) -> int:
    """Return how many digits a number of ``bits`` bits has."""
    return -(-bits // DIGIT_BITS)


def split_digits(bits: Shared) -> tuple[Shared, Shared]:
    """Return the high and the low bit of each digit of numbers, shape ``(bits, *batch)``, most significant first."""
    if len(bits) % DIGIT_BITS:
        bits = Shared.concatenate([Shared.public(np.zeros((1, *bits.shape[1:]), dtype=np.uint64)), bits])
    return bits[::DIGIT_BITS], bits[1::DIGIT_BITS]


async def to_digits(runtime: Runtime, bits: Shared) -> Digits:
    """Turn the bits of numbers, shape ``(bits, *batch)``, most significant first, into digits; one round."""
    high, low = split_digits(bits)
    return Digits(high, low, await runtime.multiply(high, low))


def public_digits(numbers: list[int], bits: int) -> Digits:
    """Return public numbers as digits, shape ``(digits, len(numbers))``."""
    count = digit_count(bits)
    values = [[number >> DIGIT_BITS * (count - 1 - place) & 3 for number in numbers] for place in range(count)]
    digits = np.array(values, dtype=np.uint64).reshape(count, len(numbers))
    one, two = np.uint64(1), np.uint64(2)
    return Digits(*(Shared.public(part) for part in (digits // two, digits & one, (digits // two) & digits & one)))


@dataclass(frozen=True, slots=True)
class Order:
    """How pairs of numbers compare, digit by digit: ``less`` has shape ``(digits, *batch)``.

    ``equal`` lacks the least significant digit, whose equality nobody asks for: shape ``(digits - 1, *batch)``.
    """

    less: Shared
    equal: Shared

    def beside(self, other: Self) -> Self:
        """Join two one-dimensional batches, so that they are decided in the same rounds."""
        return type(self)(
            Shared.concatenate([self.less, other.less], axis=1), Shared.concatenate([self.equal, other.equal], axis=1)
        )


async def compare_digits(runtime: Runtime, left: Digits, right: Digits) -> Order:
    """Compare digit by digit, both of one shape; one round."""
    less, more = await runtime.inner_products(
        await runtime.local(12 * left.high.size, lambda: [_less(left, right), _less(right.upper, left.upper)])
    )
    return Order(less, 1 - less[:-1] - more)


def _less(left: Digits, right: Digits) -> tuple[Shared, Shared]:
    """Return the factors of ``[a=0][b>0] + [a=1][b>1] + [a=2][b=3]``."""
    a0, a1, a2, _ = left.indicators
    return Shared.stack([a0, a1, a2]), Shared.stack([1 - right.indicators[0], right.high, right.both])


def below_public(numbers: Digits, bound: int) -> Order:
    """Compare ``number < bound`` digit by digit with a public ``bound``; no round."""
    return _with_public(numbers, bound, lambda value, digit: value < digit)


def above_public(numbers: Digits, bound: int) -> Order:
    """Compare ``number > bound`` digit by digit with a public ``bound``; no round."""
    return _with_public(numbers, bound, lambda value, digit: value > digit)


def _with_public(numbers: Digits, bound: int, holds: Callable[[int, int], bool]) -> Order:
    indicators = numbers.indicators
    count = len(numbers.high)
    less, equal = [], []
    for place in range(count):
        digit = bound >> DIGIT_BITS * (count - 1 - place) & 3
        chosen = [indicators[value][place] for value in range(4) if holds(value, digit)]
        less.append(Shared.stack(chosen).sum() if chosen else indicators[0][place] * 0)
        equal.append(indicators[digit][place])
    return Order(Shared.stack(less), Shared.stack(equal)[:-1])


async def decide(runtime: Runtime, order: Order) -> Shared:
    """Return 1 where the first number is less (or what the order stands for), else 0; ``log2(digits)`` rounds."""
    less, equal = order.less, order.equal
    while (count := len(less)) > 1:
        pairs, lower_equal = count // 2, (count - 1) // 2
        high_equal = equal[0 : 2 * pairs : 2]
        products = await runtime.inner_products(
            [
                (high_equal[np.newaxis], less[1 : 2 * pairs : 2][np.newaxis]),
                (high_equal[:lower_equal][np.newaxis], equal[1 : 2 * lower_equal : 2][np.newaxis]),
            ]
        )
        combined = less[0 : 2 * pairs : 2] + products[0]
        less = Shared.concatenate([combined, less[2 * pairs :]])
        equal = products[1]
    return less[0]


def comparison_rounds(digits: int) -> int:
    """Return how many rounds :func:`compare_digits` and :func:`decide` take together."""
    return 1 + (digits - 1).bit_length()


def comparison_products(digits: int) -> int:
    """Return how many products one comparison of two shared numbers takes."""
    products = 2 * digits - 1
    while digits > 1:
        products += digits // 2 + (digits - 1) // 2
        digits -= digits // 2
    return products
