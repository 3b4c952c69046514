"""Comparison and ranking against plaintext, over random inputs."""

import asyncio
from collections.abc import Awaitable, Callable

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from aukciszek.mpc.circuits.comparison import (
    Digits,
    above_public,
    below_public,
    compare_digits,
    comparison_products,
    comparison_rounds,
    decide,
    digit_count,
    public_digits,
    split_digits,
)
from aukciszek.mpc.circuits.merging import Shape, merge_products, merge_rounds
from aukciszek.mpc.circuits.ranking import CostModel, choose_widths, rank_lowest
from aukciszek.mpc.circuits.winner_set import members_of, set_polynomial
from aukciszek.mpc.protocols.runtime import Runtime
from aukciszek.mpc.protocols.shared import Shared
from aukciszek.mpc.sharing.field import Vector
from aukciszek.mpc.sharing.shamir import share_values
from aukciszek.mpc.simulation import simulate

COST_MODELS = [CostModel(), CostModel(round_s=1.0), CostModel(round_s=1e-9)]


async def to_digits(runtime: Runtime, bits: Shared) -> Digits:
    """Turn the bits of numbers, shape ``(bits, *batch)``, most significant first, into digits; one round."""
    high, low = split_digits(bits)
    return Digits(high, low, await runtime.multiply(high, low))


def run_on_bits[Result](
    numbers: list[int], bits: int, program: Callable[[Runtime, Digits], Awaitable[Result]]
) -> tuple[Result, Runtime]:
    """Share numbers bit by bit among three parties, run ``program`` on their digits."""
    table = np.array([[number >> (bits - 1 - position) & 1 for number in numbers] for position in range(bits)])
    shares = share_values(table.reshape(-1).astype(np.uint64), 3, 1).reshape(3, bits, len(numbers))

    async def with_digits(runtime: Runtime) -> Result:
        await runtime.start()
        return await program(runtime, await to_digits(runtime, Shared(shares[runtime.party - 1])))

    simulation = asyncio.run(simulate(with_digits, n=3, t=1))
    return simulation.result, simulation.runtimes[1]


@st.composite
def numbers_of_some_bits(draw: st.DrawFn, least: int = 1, most: int = 12) -> tuple[int, list[int]]:
    bits = draw(st.integers(1, 60))
    number = st.integers(0, 2**bits - 1) | st.sampled_from([0, 2**bits - 1, 2 ** (bits - 1)])
    return bits, draw(st.lists(number, min_size=least, max_size=most))


@settings(max_examples=25)
@given(numbers_of_some_bits(least=2))
def test_comparisons_agree_with_plain_numbers(case: tuple[int, list[int]]) -> None:
    bits, numbers = case
    half = len(numbers) // 2
    left, right = numbers[:half], numbers[half : 2 * half]

    async def program(runtime: Runtime, digits: Digits) -> list[int]:
        first, second = digits.chosen(range(half)), digits.chosen(range(half, 2 * half))
        (decided,) = await decide(runtime, [compare_digits(first, second)])
        return (await runtime.reveal({"less": decided}))["less"]

    less, runtime = run_on_bits(numbers, bits, program)
    assert less == [int(a < b) for a, b in zip(left, right, strict=True)]
    digits = digit_count(bits)
    assert runtime.multiplications == digits * len(numbers) + comparison_products(digits) * half


@settings(max_examples=25)
@given(numbers_of_some_bits(), st.data())
def test_comparisons_with_public_bounds(case: tuple[int, list[int]], data: st.DataObject) -> None:
    bits, numbers = case
    bound = data.draw(st.integers(0, 2**bits - 1) | st.sampled_from(numbers))

    async def program(runtime: Runtime, digits: Digits) -> dict[str, list[int]]:
        below, above = await decide(runtime, [below_public(digits, bound), above_public(digits, bound)])
        return await runtime.reveal({"below": below, "above": above})

    found, _ = run_on_bits(numbers, bits, program)
    assert found == {"below": [int(v < bound) for v in numbers], "above": [int(v > bound) for v in numbers]}


@settings(max_examples=40)
@given(numbers_of_some_bits(), st.integers(1, 12), st.sampled_from(COST_MODELS))
def test_the_lowest_are_found_in_order_of_value_and_position(
    case: tuple[int, list[int]], keep: int, cost_model: CostModel
) -> None:
    bits, numbers = case
    keep = min(keep, len(numbers))

    async def program(runtime: Runtime, digits: Digits) -> dict[str, list[int]]:
        ranked, aside = await rank_lowest(runtime, digits, keep, cost_model, below_public(digits, numbers[0]))
        assert aside is not None
        return await runtime.reveal({"values": ranked.values, "positions": ranked.positions, "aside": aside})

    found, _ = run_on_bits(numbers, bits, program)
    expected = sorted(zip(numbers, range(len(numbers)), strict=True))[:keep]
    assert list(zip(found["values"], found["positions"], strict=True)) == expected
    assert found["aside"] == [int(value < numbers[0]) for value in numbers]


@settings(max_examples=20)
@given(st.lists(st.integers(0, 3), min_size=1, max_size=40), st.integers(1, 5))
def test_many_ties_go_to_the_earlier_position(numbers: list[int], keep: int) -> None:
    keep = min(keep, len(numbers))

    async def program(runtime: Runtime, digits: Digits) -> list[int]:
        ranked, _ = await rank_lowest(runtime, digits, keep, CostModel())
        return (await runtime.reveal({"positions": ranked.positions}))["positions"]

    found, _ = run_on_bits(numbers, 2, program)
    assert found == [position for _, position in sorted(zip(numbers, range(len(numbers)), strict=True))[:keep]]


@settings(max_examples=25)
@given(st.sets(st.integers(0, 60), min_size=1, max_size=9), st.randoms(use_true_random=False))
def test_a_set_is_opened_without_its_order(members: set[int], order: object) -> None:
    shuffled = sorted(members)
    order.shuffle(shuffled)  # type: ignore[attr-defined]  # random.Random, which hypothesis does not say
    shares = share_values(shuffled, 3, 1)

    async def program(runtime: Runtime) -> list[int]:
        await runtime.start()
        symmetric = await set_polynomial(runtime, Shared(shares[runtime.party - 1]))
        return (await runtime.reveal({"set": symmetric}))["set"]

    assert members_of(asyncio.run(simulate(program, n=3, t=1)).result, 61) == sorted(members)


def test_roots_outside_the_universe_are_refused() -> None:
    with pytest.raises(ValueError, match="not a set"):
        members_of([2, 2], 10)


@pytest.mark.parametrize("keep", [1, 2, 3])
def test_widths_weigh_rounds_against_products(keep: int) -> None:
    for count in (1, 2, 3, 17, 1000):
        for cost_model in COST_MODELS:
            lists = count
            for width in choose_widths(count, keep, 16, cost_model):
                lists = -(-lists // width)
            assert lists == 1
    quick, slow = (choose_widths(1000, keep, 16, CostModel(round_s=round_s)) for round_s in (1e-6, 1.0))
    assert len(slow) < len(quick)


@pytest.mark.parametrize(("lists", "keep"), [(2, 1), (5, 1), (8, 1), (4, 2)])
def test_the_cost_model_tells_the_rounds_and_nearly_the_products(lists: int, keep: int) -> None:
    numbers = list(range(lists))[::-1]

    async def program(runtime: Runtime, digits: Digits) -> tuple[int, int]:
        rounds, products = runtime.rounds, runtime.multiplications
        await rank_lowest(runtime, digits, keep, CostModel(round_s=1.0))
        return runtime.rounds - rounds, runtime.multiplications - products

    (rounds, products), _ = run_on_bits(numbers, 32, program)
    shape = Shape(lists, 1, keep)
    assert rounds == merge_rounds(shape, 16) == comparison_rounds(16) + (lists - 2).bit_length() + 1
    assert abs(products - merge_products(shape, 16)) <= 0.05 * products


def test_public_numbers_as_digits() -> None:
    digits = public_digits([0, 13, 31], 5)
    table: Vector = digits.high.shares * np.uint64(2) + digits.low.shares
    assert table.T.tolist() == [[0, 0, 0], [0, 3, 1], [1, 3, 3]]
    assert digits.both.shares.T.tolist() == [[0, 0, 0], [0, 1, 0], [0, 1, 1]]
