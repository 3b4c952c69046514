from decimal import Decimal

import pytest

from aukciszek.protocol.rules.errors import MalformedPriceError, PriceOffGridError, PriceOutOfRangeError
from aukciszek.protocol.rules.prices import PriceGrid

CENTS = PriceGrid.from_texts("10.00", "99.95", "0.05")


@pytest.mark.parametrize(
    ("price", "step"),
    [
        ("10.00", 0),
        ("10", 0),
        ("10.0", 0),
        ("10.000000000", 0),
        ("10.05", 1),
        ("99.95", 1799),
        (Decimal("99.95"), 1799),
        (Decimal("1E+1"), 0),
        (Decimal("10.05000"), 1),
        (Decimal("10.0500000000000000"), 1),
    ],
)
def test_a_price_becomes_its_step(price: str | Decimal, step: int) -> None:
    assert CENTS.to_step(price) == step


def test_prices_are_spelled_with_the_decimals_of_the_grid() -> None:
    assert CENTS.to_price(0) == "10.00"
    assert CENTS.to_price(1) == "10.05"
    assert CENTS.to_price(1799) == "99.95"
    assert PriceGrid.from_texts("0", "7", "7").to_price(1) == "7"
    assert PriceGrid.from_texts("0.000", "0.007", "0.001").to_price(7) == "0.007"


@pytest.mark.parametrize("price", ["9.95", "9.999", "100.00", "99.951", "-10.00", "-0.01", "999999999999999999"])
def test_a_price_out_of_range_names_the_range(price: str) -> None:
    with pytest.raises(PriceOutOfRangeError, match=r"between 10\.00 and 99\.95"):
        CENTS.to_step(price)


@pytest.mark.parametrize("price", ["10.07", "10.051", "10.099999999", Decimal("10.0999")])
def test_a_price_off_the_grid_names_its_neighbours(price: str | Decimal) -> None:
    with pytest.raises(PriceOffGridError, match=r"nearest are 10\.05 and 10\.10"):
        CENTS.to_step(price)


@pytest.mark.parametrize(
    "price",
    [
        "",
        " 10",
        "10 ",
        "10.",
        ".5",
        "010",
        "+10",
        "1e1",
        "10,00",
        "1_0",
        "-0",
        "-0.00",
        "10.0000000000",
        "1000000000000000000",
        "\u0661\u0660",
        "10\n",
        "NaN",
        Decimal("NaN"),
        Decimal("sNaN"),
        Decimal("Infinity"),
        Decimal("1E+1000000"),
        Decimal("1E-1000000"),
        Decimal("10.00000000001"),
    ],
)
def test_what_is_no_price_is_refused(price: str | Decimal) -> None:
    with pytest.raises(MalformedPriceError):
        CENTS.to_step(price)


def test_the_largest_grid_has_sixty_bits() -> None:
    grid = PriceGrid.from_texts("0", "999999999999999999", "1")
    assert grid.bits == 60
    assert grid.to_step("999999999999999999") == 999_999_999_999_999_999
    assert grid.to_price(999_999_999_999_999_998) == "999999999999999998"
    finest = PriceGrid.from_texts("0.000000000", "1152921504.606846975", "0.000000001")
    assert (finest.bits, finest.highest_step) == (60, 2**60 - 1)
    assert finest.to_step("1152921504.606846975") == 2**60 - 1
    with pytest.raises(MalformedPriceError, match="larger step"):
        PriceGrid.from_texts("0.000000000", "1152921504.606846976", "0.000000001")


def test_the_smallest_grid_has_one_bit() -> None:
    grid = PriceGrid.from_texts("3", "4", "1")
    assert (grid.bits, grid.bits_of(0), grid.bits_of(1)) == (1, [0], [1])


@pytest.mark.parametrize(
    ("minimum", "maximum", "step", "remedy"),
    [
        ("0", "1.0", "1", "same number"),
        ("0", "1", "0.5", "same number"),
        ("0", "0", "1", "minimum < maximum"),
        ("2", "1", "1", "minimum < maximum"),
        ("-1", "1", "1", "0 <= minimum"),
        ("0", "1", "0", "step above 0"),
        ("0", "1", "-1", "step above 0"),
        ("0.00", "1.00", "0.30", "try 1.20"),
        ("0", "1", "2", "try 2"),
        ("0", "1", "x", "write a price"),
    ],
)
def test_what_makes_no_grid_is_refused(minimum: str, maximum: str, step: str, remedy: str) -> None:
    with pytest.raises(MalformedPriceError, match=remedy):
        PriceGrid.from_texts(minimum, maximum, step)


def test_bits_come_most_significant_first() -> None:
    grid = PriceGrid.from_texts("0", "10", "1")
    assert grid.bits == 4
    assert grid.bits_of(10) == [1, 0, 1, 0]
    assert grid.bits_of(1) == [0, 0, 0, 1]


@pytest.mark.parametrize("step", [-1, 11])
def test_a_step_outside_the_grid_is_a_fault_of_the_program(step: int) -> None:
    grid = PriceGrid.from_texts("0", "10", "1")
    with pytest.raises(ValueError, match="no such step"):
        grid.to_price(step)
    with pytest.raises(ValueError, match="no such step"):
        grid.bits_of(step)
