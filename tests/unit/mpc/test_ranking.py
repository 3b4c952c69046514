import math
from itertools import permutations

import pytest

from aukciszek.mpc.circuits.ranking import FASTEST_ROUND_S, SLOWEST_ROUND_S, CostModel, choose_widths


def test_a_cost_model_uses_the_median_of_what_the_parties_measured() -> None:
    assert CostModel.from_measured_rounds([0.001, 0.009, 0.031, 0.5, 0.8]).round_s == 2**-5
    assert CostModel.from_measured_rounds([0.02]).round_s == 2**-6
    assert CostModel.from_measured_rounds([0.02, 0.04]).round_s == 2**-5


def test_all_parties_choose_the_same_cost_model_in_whatever_order_they_heard_of_the_measurements() -> None:
    measured = [0.0011, 0.3, 0.0009, math.nan, 0.0012]
    assert len({CostModel.from_measured_rounds(order) for order in permutations(measured)}) == 1


@pytest.mark.parametrize("lies", [[0.0, 0.0], [math.inf, math.inf], [math.nan, 1e300], [-1.0, 1e-300]])
def test_corrupt_parties_cannot_move_the_cost_model_out_of_what_honest_parties_measured(lies: list[float]) -> None:
    assert 2**-7 <= CostModel.from_measured_rounds([0.008, 0.016, 0.012, *lies]).round_s <= 2**-6


@pytest.mark.parametrize("measured", [0.0, -1.0, 1e-12, 1e9, math.inf, math.nan])
def test_a_cost_model_has_bounds(measured: float) -> None:
    assert FASTEST_ROUND_S / 1.5 <= CostModel.from_measured_rounds([measured]).round_s <= SLOWEST_ROUND_S


def test_without_measurements_there_is_no_cost_model() -> None:
    with pytest.raises(ValueError, match="at least one"):
        CostModel.from_measured_rounds([])


def test_slow_rounds_make_wide_levels() -> None:
    near, far = (
        choose_widths(1000, 1, 16, CostModel.from_measured_rounds([round_s] * 5)) for round_s in (0.0005, 0.08)
    )
    assert len(far) <= 2 < len(near)
