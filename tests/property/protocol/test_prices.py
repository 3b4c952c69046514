"""The price grid against exact fractions."""

from decimal import Decimal, localcontext
from fractions import Fraction

import pytest
from hypothesis import given, strategies as st

from aukciszek.protocol.rules.errors import PriceOffGridError, PriceOutOfRangeError
from aukciszek.protocol.rules.prices import PriceGrid


def _spell(units: int, decimals: int) -> str:
    """Write ``units * 10**-decimals``, apart from the code under test."""
    with localcontext(prec=60):
        return f"{Decimal(units).scaleb(-decimals):.{decimals}f}"


@st.composite
def grids(draw: st.DrawFn) -> PriceGrid:
    decimals = draw(st.integers(0, 9))
    largest = 10 ** (18 + decimals) - 1
    minimum = draw(st.integers(0, largest - 1))
    step = draw(st.integers(1, largest - minimum))
    highest = draw(st.integers(1, min((largest - minimum) // step, 2**60 - 1)))
    texts = (_spell(units, decimals) for units in (minimum, minimum + step * highest, step))
    return PriceGrid.from_texts(*texts)


@given(grid=grids(), data=st.data())
def test_every_price_of_the_grid_is_its_step(grid: PriceGrid, data: st.DataObject) -> None:
    step = data.draw(st.one_of(st.sampled_from([0, grid.highest_step]), st.integers(0, grid.highest_step)))
    price = grid.to_price(step)
    assert Fraction(price) == Fraction(grid.minimum + step * grid.step, 10**grid.decimals)
    assert grid.to_step(price) == step
    assert grid.to_step(Decimal(price)) == step
    assert len(price.partition(".")[2]) == grid.decimals


@given(grid=grids(), data=st.data())
def test_the_bits_spell_the_step(grid: PriceGrid, data: st.DataObject) -> None:
    step = data.draw(st.integers(0, grid.highest_step))
    bits = grid.bits_of(step)
    assert len(bits) == grid.bits <= 60
    assert int("".join(map(str, bits)), 2) == step


@given(grid=grids(), units=st.integers(0, 10**18 - 1), decimals=st.integers(0, 9))
def test_a_price_is_taken_exactly_if_it_is_on_the_grid(grid: PriceGrid, units: int, decimals: int) -> None:
    text = _spell(units, decimals)
    price, scale = Fraction(text), 10**grid.decimals
    steps = (price * scale - grid.minimum) / grid.step
    if not 0 <= steps <= grid.highest_step:
        with pytest.raises(PriceOutOfRangeError):
            grid.to_step(text)
    elif steps.denominator != 1:
        with pytest.raises(PriceOffGridError) as caught:
            grid.to_step(text)
        assert caught.value.message.endswith(f" {grid.to_price(int(steps))} and {grid.to_price(int(steps) + 1)}")
    else:
        assert grid.to_step(text) == steps
