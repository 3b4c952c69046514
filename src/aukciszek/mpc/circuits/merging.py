"""Merging sorted lists of shared entries, keeping the lowest ``k``: the one step that every ranking is made of.

``docs/protocol.md``, "Ranking". The lists of a group are merged *by rank*: an entry's rank is its index in its own list
plus, for every other list, the number of that list's entries before it. All comparisons are made at once. Since lists
are sorted, the comparisons with one list are a unary count ``1..1 0..0``, so "exactly ``x`` entries are before" is a
difference of two neighbours, hence linear; the ``k`` lowest ranks are the truncated product of the polynomials
``sum_x [exactly x before] X^x`` over all other lists; and each entry of the merged list is one sum of products.

Ties: lists come in the order of positions and stay contiguous, so a later list's entry comes first only if it is
*strictly* less. The merged order is that of (value, position), without comparing positions.
"""

from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from math import comb

import numpy as np
import numpy.typing as npt

from aukciszek.mpc.circuits.comparison import (
    DigitComparison,
    Digits,
    compare_digits,
    comparison_products,
    comparison_rounds,
    decide,
)
from aukciszek.mpc.protocols.runtime import Runtime
from aukciszek.mpc.protocols.shared import Shared

type Indices = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Shape:
    """One merge: ``lists`` sorted lists of ``length`` entries each, of which the lowest ``keep`` are kept."""

    lists: int
    length: int
    keep: int

    @property
    def kept(self) -> int:
        """The length of the merged list."""
        return min(self.keep, self.lists * self.length)

    @property
    def entries(self) -> int:
        """All entries of a group; entry ``i`` of list ``a`` has number ``a length + i``."""
        return self.lists * self.length


@dataclass(frozen=True, slots=True)
class Plan:
    """Public tables of one merge shape.

    Attributes:
        later: Number of the later list's entry in each comparison.
        earlier: Number of the earlier list's entry.
        at_least: Which flag tells that at least ``x`` entries of another list are before an entry, shape
            ``(counts + 1, entries, lists - 1)``; an index into comparisons, their negations, one and zero.
    """

    later: Indices
    earlier: Indices
    at_least: Indices


@lru_cache(maxsize=64)
def plan_merge(shape: Shape) -> Plan:
    """Return the tables; only comparisons that bear on the lowest ``keep`` ranks are in them."""
    length = shape.length
    comparisons = {
        (a * length + i, b * length + j): None
        for a, b in combinations(range(shape.lists), 2)
        for i in range(length)
        for j in range(length)
        if i + j < shape.keep
    }
    numbers = {pair: number for number, pair in enumerate(comparisons)}
    one, zero = 2 * len(numbers), 2 * len(numbers) + 1
    counts = min(shape.keep, length + 1)
    at_least = np.full((counts + 1, shape.entries, shape.lists - 1), zero, dtype=np.intp)
    at_least[0] = one
    for entry in range(shape.entries):
        others = [b for b in range(shape.lists) if b != entry // length]
        for column, b in enumerate(others):
            for x in range(1, min(counts, length) + 1):
                other = b * length + x - 1
                if (entry, other) in numbers:
                    at_least[x, entry, column] = numbers[entry, other]
                elif (other, entry) in numbers:
                    at_least[x, entry, column] = len(numbers) + numbers[other, entry]
    earlier, later = np.array(list(comparisons), dtype=np.intp).reshape(-1, 2).T
    return Plan(later, earlier, at_least)


async def merge_groups(
    runtime: Runtime, entries: Shared, shape: Shape, beside: DigitComparison | None = None
) -> tuple[Shared, Shared | None]:
    """Merge many groups of lists at once.

    Args:
        runtime: The session.
        entries: Shape ``(rows, shape.entries, groups)``; the rows are those of ``Digits`` and, last, the position.
        shape: What is merged into what.
        beside: Other comparisons to be decided in the same rounds.

    Returns:
        The merged lists, shape ``(rows, shape.kept, groups)``, and the decisions of ``beside``.
    """
    plan = await runtime.local(300 * shape.entries**2 * shape.length, lambda: plan_merge(shape))
    groups = entries.shape[-1]
    pairs = len(plan.later)

    def chosen(indices: Indices) -> Digits:
        return Digits.from_rows(entries[:-1, indices].reshape(len(entries) - 1, pairs * groups))

    later, earlier = await runtime.local(
        2 * len(entries) * pairs * groups, lambda: (chosen(plan.later), chosen(plan.earlier))
    )
    order = await runtime.local(12 * later.high.size, lambda: compare_digits(later, earlier))
    flags, *aside = await decide(runtime, [order, beside] if beside else [order])
    ranks = await _rank_indicators(runtime, plan, flags.reshape(pairs, groups), shape.keep)
    return await _select(runtime, entries, ranks, shape), aside[0] if aside else None


async def _rank_indicators(runtime: Runtime, plan: Plan, flags: Shared, keep: int) -> Shared:
    """Return, for each count below ``keep``, whether exactly so many entries of other lists are before an entry.

    Shape ``(counts, entries, groups)``: the truncated product of the other lists' polynomials.
    """
    groups = flags.shape[-1]
    constants = Shared.public(np.repeat(np.array([[1], [0]], dtype=np.uint64), groups, axis=1))
    at_least = Shared.concatenate([flags, 1 - flags, constants])[plan.at_least]
    factors = at_least[:-1] - at_least[1:]
    while (count := factors.shape[2]) > 1:
        left, right, rest = (
            factors[:, :, 0 : count - 1 : 2],
            factors[:, :, 1:count:2],
            factors[:, :, count - count % 2 :],
        )
        degree = len(factors) - 1
        products = await runtime.inner_products(
            [
                (left[indices], right[r - indices])
                for r in range(min(keep, 2 * degree + 1))
                for indices in [np.arange(max(0, r - degree), min(r, degree) + 1)]
            ]
        )
        product = Shared.stack(products)
        if rest.size:
            missing = np.zeros((len(product) - len(rest), *rest.shape[1:]), dtype=np.uint64)
            product = Shared.concatenate([product, Shared.concatenate([rest, Shared.public(missing)])], axis=2)
        factors = product
    return factors[:, :, 0]


async def _select(runtime: Runtime, entries: Shared, ranks: Shared, shape: Shape) -> Shared:
    """Return the entries of rank ``0..kept-1``; one round.

    Exactly one entry has each rank, so the last one stands for "none of the others".
    """
    last = entries[:, -1]
    chosen, differences = await runtime.local(2 * entries.size, lambda: _choices(entries, ranks, shape))
    (moved,) = await runtime.inner_products([(chosen, differences)])
    return moved + last[:, np.newaxis]


def _choices(entries: Shared, ranks: Shared, shape: Shape) -> tuple[Shared, Shared]:
    """Return, for all entries but the last, whether each has each rank, and how it differs from the last one."""
    if shape.length == 1 == shape.kept:
        chosen = ranks[:1, :-1].transpose(1, 0, 2)
    else:
        own_index = np.arange(shape.entries - 1) % shape.length
        before = np.arange(shape.kept) - own_index[:, np.newaxis]
        never = len(ranks)  # the number of a row of zeros
        before[(before < 0) | (before >= len(ranks))] = never
        zeros = Shared.public(np.zeros((1, *ranks.shape[1:]), dtype=np.uint64))
        chosen = Shared.concatenate([ranks, zeros])[before, np.arange(shape.entries - 1)[:, np.newaxis]]
    differences = (entries[:, :-1] - entries[:, -1:]).transpose(1, 0, 2)
    return chosen[:, np.newaxis], differences[:, :, np.newaxis]


def merge_rounds(shape: Shape, digits: int) -> int:
    """Return how many rounds a merge takes."""
    return comparison_rounds(digits) + (shape.lists - 2).bit_length() + 1


def merge_products(shape: Shape, digits: int) -> int:
    """Return about how many products one group's merge takes."""
    of_two_lists = sum(max(0, min(shape.length, shape.keep - i)) for i in range(shape.length))
    comparisons = comb(shape.lists, 2) * of_two_lists * comparison_products(digits)
    ranks = shape.entries * (shape.lists - 2) * min(shape.keep, shape.entries)
    return comparisons + ranks + (3 * digits + 1) * shape.kept
