"""Comparison of numbers that are shared bit by bit: many at once, in ``1 + log2(digits)`` rounds.

``docs/protocol.md``, "Comparison". Numbers are cut into digits of two bits, ``h`` and ``l``, and each digit carries the
product ``hl`` as well; then all four indicators "the digit is ``v``" are linear: ``1-h-l+hl``, ``l-hl``, ``h-hl`` and
``hl``. So "less" and "equal" of two digits are one sum of three products each, and neighbours combine, high with low:
``lt = lt_high + eq_high lt_low``, ``eq = eq_high eq_low``.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from aukciszek.mpc.protocols.runtime import Runtime
from aukciszek.mpc.protocols.shared import Shared
from aukciszek.mpc.protocols.sums import Sum, product

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
        """Return only some of the numbers, by their index on the last axis."""
        indices = list(numbers)
        return type(self)(self.high[..., indices], self.low[..., indices], self.both[..., indices])

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


def public_digits(numbers: list[int], bits: int) -> Digits:
    """Return public numbers as digits, shape ``(digits, len(numbers))``."""
    count = digit_count(bits)
    values = [[number >> DIGIT_BITS * (count - 1 - index) & 3 for number in numbers] for index in range(count)]
    digits = np.array(values, dtype=np.uint64).reshape(count, len(numbers))
    one, two = np.uint64(1), np.uint64(2)
    return Digits(*(Shared.public(part) for part in (digits // two, digits & one, (digits // two) & digits & one)))


@dataclass(frozen=True, slots=True)
class DigitComparison:
    """How pairs of numbers compare, digit by digit: ``less`` has shape ``(digits, *batch)``.

    ``equal`` lacks the least significant digit, whose equality nobody asks for: shape ``(digits - 1, *batch)``.
    """

    less: Sum
    equal: Sum


def compare_digits(left: Digits, right: Digits) -> DigitComparison:
    """Compare digit by digit, both of one shape; no round, as all products wait.

    ``[a<b] = [b>0] + h_a (2q-h-l)_b + l_a (q-l)_b + q_a (l-2q)_b``, and
    ``[a=b] = 1 - [a>0] - [b>0] + h_a (2h+l-2q)_b + l_a (2l+h-2q)_b - 2 q_a (h+l-2q)_b``, where ``[a>0] = h+l-q``:
    three products of what is linear in one number and in the other.
    """
    high, low, both = right.high, right.low, right.both
    above_zero = high + low - both
    only_low, crossed = low - both, both - above_zero
    own = Shared.stack([left.high, left.low, left.both])
    less = Sum(above_zero, ((own, Shared.stack([crossed, both - low, only_low - both])),))
    alike = Sum(
        1 - (left.high + left.low - left.both) - above_zero,
        ((own, Shared.stack([high - crossed, low - crossed, crossed + crossed])),),
    )
    return DigitComparison(less, alike[:-1])


def below_public(numbers: Digits, bound: int) -> DigitComparison:
    """Compare ``number < bound`` digit by digit with a public ``bound``; nothing waits."""
    return _with_public(numbers, bound, lambda value, digit: value < digit)


def above_public(numbers: Digits, bound: int) -> DigitComparison:
    """Compare ``number > bound`` digit by digit with a public ``bound``; nothing waits."""
    return _with_public(numbers, bound, lambda value, digit: value > digit)


def _with_public(numbers: Digits, bound: int, holds: Callable[[int, int], bool]) -> DigitComparison:
    indicators = numbers.indicators
    count = len(numbers.high)
    less, equal = [], []
    for index in range(count):
        digit = bound >> DIGIT_BITS * (count - 1 - index) & 3
        chosen = [indicators[value][index] for value in range(4) if holds(value, digit)]
        less.append(Shared.stack(chosen).sum() if chosen else indicators[0][index] * 0)
        equal.append(indicators[digit][index])
    return DigitComparison(Sum(Shared.stack(less)), Sum(Shared.stack(equal)[:-1]))


async def decide(runtime: Runtime, orders: Sequence[DigitComparison]) -> list[Shared]:
    """Return, for each order, 1 where the first number is less (or what the order stands for), else 0.

    All orders have the same number of digits, and are decided in the same ``1 + log2(digits)`` rounds.

    Neighbours combine: ``lt = lt_high + eq_high lt_low``, ``eq = eq_high eq_low``. Of these only what is multiplied
    again is opened. Who is low in a pair is, who is high only waits, as ``lt_high`` is added and nothing else.
    """
    branches = [_Branch(order.less, order.equal) for order in orders]
    while branches[0].nodes > 1:
        opening = [branch.opening() for branch in branches]
        values = iter(await runtime.evaluate([one for sums in opening for one in sums]))
        branches = [
            branch.combined([next(values) for _ in sums]) for branch, sums in zip(branches, opening, strict=True)
        ]
    return [value[0] for value in await runtime.evaluate([branch.less for branch in branches])]


@dataclass(frozen=True, slots=True)
class _Branch:
    """One order on its way up: neighbouring digits have been combined into fewer and fewer nodes.

    Attributes:
        less: Of all nodes, most significant first, but for the ``tail``.
        equal: Of all nodes but the last.
        tail: "Less" of the last node, where that had no neighbour before: it has been opened already.
    """

    less: Sum
    equal: Sum
    tail: Shared | None = None

    @property
    def nodes(self) -> int:
        """How many there are."""
        return len(self.less) + (self.tail is not None)

    def opening(self) -> list[Sum]:
        """Return what is multiplied in the next step."""
        sums = [self.equal, self.less[1::2]]
        if self.nodes % 2 and self.tail is None:
            sums.append(self.less[-1:])
        return sums

    def combined(self, opened: list[Shared]) -> Self:
        """Return the next step, given the values of :meth:`opening`."""
        equal, low, *last = opened
        nodes, pairs, tail = self.nodes, self.nodes // 2, self.tail
        if nodes % 2:
            tail = last[0] if tail is None else tail
        elif tail is not None:
            low, tail = Shared.concatenate([low, tail]), None
        remaining = 2 * (pairs - 1 + nodes % 2)
        return type(self)(
            self.less[0 : 2 * pairs : 2].plus_product(equal[0 : 2 * pairs : 2], low),
            product(equal[0:remaining:2], equal[1:remaining:2]),
            tail,
        )


def comparison_rounds(digits: int) -> int:
    """Return how many rounds one comparison of two shared numbers takes."""
    return 1 + (digits - 1).bit_length()


def comparison_products(digits: int) -> int:
    """Return how many products one comparison of two shared numbers takes."""
    nodes, has_tail, products = digits, False, 1
    while nodes > 1:
        ends = nodes % 2 == 1 and not has_tail
        products += nodes - 1 + (nodes - has_tail) // 2 + ends
        nodes, has_tail = nodes // 2 + nodes % 2, nodes % 2 == 1
    return products
