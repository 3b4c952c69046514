"""Ranking: the ``k`` lowest of many shared numbers, with their positions, by a tournament of sorted lists.

``docs/protocol.md``, "Ranking". Wide levels (all pairs of a group at once) cost more products, narrow ones more rounds;
:func:`choose_widths` weighs them by what a round and a product cost.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache, partial
from math import frexp, ldexp
from statistics import median
from typing import Final, Self

import numpy as np

from aukciszek.mpc.circuits.comparison import DigitComparison, Digits, decide, public_digits
from aukciszek.mpc.circuits.merging import Shape, merge_groups, merge_products, merge_rounds
from aukciszek.mpc.protocols.runtime import Runtime
from aukciszek.mpc.protocols.shared import Shared

_WIDTHS: Final = (*range(2, 33), *range(40, 129, 8))
"""How many lists may be merged at once."""

FASTEST_ROUND_S: Final = 2.0**-10
"""What a round takes at least: a measurement of the way alone leaves out each party's work, about a millisecond."""

SLOWEST_ROUND_S: Final = 2.0**-2
"""Twice round the world. A longer one may be invented by a corrupt party, or caused by a stall."""

_ROOT_OF_HALF: Final = 0.7071


@dataclass(frozen=True, slots=True)
class CostModel:
    """What a round and a product cost, in seconds. All parties must use the same, or they lose step.

    The default is that of parties in one data centre. A product costs a party 0.2 microseconds of work (arithmetic,
    masks, encryption, verification) and 32 bytes each way, which take as long at one gigabit per second.
    """

    round_s: float = 1e-3
    product_s: float = 4e-7

    @classmethod
    def from_measured_rounds(cls, seconds: Sequence[float]) -> Self:
        """Return the model for parties that each measured what a round takes; equal lists give equal models.

        It is the median, so with ``n >= 2t + 1`` measurements ``t`` corrupt parties cannot push it out of what honest
        parties measured, and it has bounds. Anything that is no duration counts as the slowest, and the result is
        rounded to a power of two, by exact arithmetic, so that it is the same on all machines.
        No cost model can make an outcome wrong: it only decides how many rounds and products are spent on it.

        Args:
            seconds: One measurement of each party that takes part; all parties must agree on the list, but for its
                order.

        Raises:
            ValueError: the list is empty.
        """
        if not seconds:
            raise ValueError("a cost model follows from at least one measurement")
        usable = [value if value > 0 else SLOWEST_ROUND_S for value in seconds]
        typical = min(max(median(usable), FASTEST_ROUND_S), SLOWEST_ROUND_S)
        mantissa, exponent = frexp(typical)  # the mantissa is from 1/2 to 1
        return cls(round_s=ldexp(1.0, exponent if mantissa > _ROOT_OF_HALF else exponent - 1))


@dataclass(frozen=True, slots=True)
class Ranked:
    """The lowest numbers in order, ``k`` of them: values and positions of shape ``(k,)``."""

    values: Shared
    positions: Shared


async def rank_lowest(
    runtime: Runtime, numbers: Digits, keep: int, costs: CostModel, beside: DigitComparison | None = None
) -> tuple[Ranked, Shared | None]:
    """Return the ``keep`` lowest of ``numbers`` (shape ``(digits, count)``) in order; ties by position.

    Other comparisons ``beside`` are decided in the rounds of the first level.

    Raises:
        ValueError: ``keep`` is not in ``1..count``.
    """
    digits, count = numbers.high.shape
    if not 1 <= keep <= count:
        raise ValueError("keep must be from 1 to the number of entries")
    positions = Shared.public(np.arange(count, dtype=np.uint64)[np.newaxis])
    lists = Shared.concatenate([numbers.rows(), positions])[:, np.newaxis]
    decided = None
    for width in choose_widths(count, keep, digits, costs):
        shape = Shape(width, lists.shape[1], keep)
        groups = await runtime.local(2 * lists.size, partial(_group, lists, shape))
        lists, aside = await merge_groups(runtime, groups, shape, beside)
        if aside is not None:
            decided, beside = aside, None
    if beside is not None:  # a single entry needs no merge
        (decided,) = await decide(runtime, [beside])
    return Ranked(_value(lists[:-1, :, 0]), lists[-1, :, 0]), decided


@lru_cache(maxsize=256)
def choose_widths(count: int, keep: int, digits: int, costs: CostModel) -> tuple[int, ...]:
    """Return how many lists are merged into one at each level, so that the whole takes the least time."""
    best: dict[tuple[int, int], tuple[float, tuple[int, ...]]] = {}

    @cache
    def levels(length: int) -> list[tuple[int, int, float, float]]:
        """For each width: what the merged lists' length, and the cost of the rounds and of one group are."""
        shapes = [Shape(width, length, keep) for width in _WIDTHS]
        return [
            (
                shape.lists,
                shape.kept,
                merge_rounds(shape, digits) * costs.round_s,
                merge_products(shape, digits) * costs.product_s,
            )
            for shape in shapes
        ]

    def cheapest(lists: int, length: int) -> tuple[float, tuple[int, ...]]:
        if lists == 1:
            return 0.0, ()
        if (lists, length) not in best:
            options = []
            for width, kept, rounds_s, group_s in levels(length):
                if width > lists:
                    break
                groups = -(-lists // width)
                rest, widths = cheapest(groups, kept)
                options.append((rounds_s + groups * group_s + rest, (width, *widths)))
            best[lists, length] = min(options)
        return best[lists, length]

    return cheapest(count, 1)[1]


def _group(lists: Shared, shape: Shape) -> Shared:
    """Return lists ``(rows, length, count)`` as groups of neighbours ``(rows, lists x length, groups)``.

    The last group is filled up with public entries that are greatest and last, so that they are never kept while
    there is another.
    """
    rows, length, count = lists.shape
    groups = -(-count // shape.lists)
    missing = groups * shape.lists - count
    if missing:
        digits = (rows - 1) // 3
        greatest = public_digits([4**digits - 1], 2 * digits).rows()
        filler = Shared.concatenate([greatest, Shared.public(np.zeros((1, 1), dtype=np.uint64))])
        column = Shared(np.broadcast_to(filler.shares[:, :, np.newaxis], (rows, length, missing)))
        lists = Shared.concatenate([lists, column], axis=2)
    grouped = lists.reshape(rows, length, groups, shape.lists).transpose(0, 3, 1, 2)
    return Shared(np.ascontiguousarray(grouped.shares)).reshape(rows, shape.entries, groups)


def _value(rows: Shared) -> Shared:
    """Return the numbers that digits stand for, shape ``(count,)``."""
    digits = Digits.from_rows(rows)
    count = len(digits.high)
    return Shared.stack(
        [
            part[index] * (4 ** (count - 1 - index) * weight)
            for part, weight in ((digits.high, 2), (digits.low, 1))
            for index in range(count)
        ]
    ).sum()
