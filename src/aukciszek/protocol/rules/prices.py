"""The grid of valid prices: how a price that a person writes becomes the whole number that is computed on.

``docs/protocol.md``, "Sealing": ``v = (price - min) / step``. Prices are decimal text and exact integers of the
smallest decimal unit in between; a float never appears.
"""

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Self

from aukciszek.protocol.rules.errors import MalformedPriceError, PriceOffGridError, PriceOutOfRangeError

LARGEST_BITS = 60
"""A bid must fit below the field's ``2**61 - 1`` with one bit to spare."""

MOST_WHOLE_DIGITS = 18
MOST_DECIMALS = 9

_PRICE = re.compile(r"(-?)(0|[1-9][0-9]{0,17})(?:\.([0-9]{1,9}))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class PriceGrid:
    """The prices ``minimum, minimum + step, ..., minimum + highest_step * step``, in units of ``10**-decimals``."""

    minimum: int
    step: int
    highest_step: int
    decimals: int

    @classmethod
    def from_texts(cls, minimum: str, maximum: str, step: str) -> Self:
        """Read a grid from three prices that are written with the same number of decimals.

        Raises:
            MalformedPriceError: a text is no price, the numbers of decimals differ, or the three make no grid.
        """
        lowest, highest, width = (_parse(text) for text in (minimum, maximum, step))
        if not lowest.decimals == highest.decimals == width.decimals:
            raise MalformedPriceError("write minimum, maximum and step with the same number of decimals")
        if lowest.units < 0 or width.units <= 0 or highest.units <= lowest.units:
            raise MalformedPriceError("a price grid needs 0 <= minimum < maximum and a step above 0")
        highest_step, rest = divmod(highest.units - lowest.units, width.units)
        if rest:
            next_one = _spell(highest.units - rest + width.units, lowest.decimals)
            raise MalformedPriceError(f"the maximum must be a whole number of steps above the minimum: try {next_one}")
        if highest_step.bit_length() > LARGEST_BITS:
            raise MalformedPriceError(f"the grid has more than 2**{LARGEST_BITS} prices: choose a larger step")
        return cls(lowest.units, width.units, highest_step, lowest.decimals)

    @property
    def bits(self) -> int:
        """How many bits a grid step takes, ``1..60``."""
        return self.highest_step.bit_length()

    def to_step(self, price: Decimal | str) -> int:
        """Return the number of steps from the minimum to ``price``, ``0..highest_step``.

        Raises:
            MalformedPriceError: ``price`` is not a decimal number such as ``1234.50``.
            PriceOutOfRangeError: it lies outside the auction's range.
            PriceOffGridError: it lies between two valid prices, which the text names.
        """
        written = _parse(price if isinstance(price, str) else _plain_text(price))
        # Bring both to one unit, however finely the price was written.
        scale: int = 10 ** max(written.decimals - self.decimals, 0)
        units: int = written.units * 10 ** max(self.decimals - written.decimals, 0)
        above_minimum = units - self.minimum * scale
        if not 0 <= above_minimum <= self.highest_step * self.step * scale:
            lowest, highest = self.to_price(0), self.to_price(self.highest_step)
            raise PriceOutOfRangeError(f"the price must lie between {lowest} and {highest}")
        step, rest = divmod(above_minimum, self.step * scale)
        if rest:
            below, above = self.to_price(step), self.to_price(step + 1)
            raise PriceOffGridError(f"this price is not on the auction's grid: the nearest are {below} and {above}")
        return step

    def to_price(self, step: int) -> str:
        """Spell the price of a grid step, with the grid's number of decimals.

        Raises:
            ValueError: ``step`` is not in ``0..highest_step``.
        """
        if not 0 <= step <= self.highest_step:
            raise ValueError("there is no such step on the price grid")
        return _spell(self.minimum + step * self.step, self.decimals)

    def bits_of(self, step: int) -> list[int]:
        """Return the ``bits`` binary digits of a grid step, the most significant first.

        Raises:
            ValueError: ``step`` is not in ``0..highest_step``.
        """
        if not 0 <= step <= self.highest_step:
            raise ValueError("there is no such step on the price grid")
        return [step >> position & 1 for position in reversed(range(self.bits))]


@dataclass(frozen=True, slots=True)
class _Written:
    """A decimal number as it was written: ``units * 10**-decimals``."""

    units: int
    decimals: int


def _parse(text: str) -> _Written:
    found = _PRICE.fullmatch(text)
    if not found:
        raise MalformedPriceError(
            f"write a price as 1234.50: digits, at most {MOST_WHOLE_DIGITS} before and {MOST_DECIMALS} after the point"
        )
    sign, whole, fraction = found[1], found[2], found[3] or ""
    units = int(whole + fraction)
    if sign and not units:
        raise MalformedPriceError("write zero without a sign")
    return _Written(-units if sign else units, len(fraction))


def _plain_text(price: Decimal) -> str:
    """Spell a Decimal without an exponent and without trailing zeros after the point."""
    if not price.is_finite() or abs(price.adjusted()) > MOST_WHOLE_DIGITS:
        raise MalformedPriceError("a price is a finite decimal number of reasonable size")
    text = f"{price:f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _spell(units: int, decimals: int) -> str:
    digits = f"{units:0{decimals + 1}d}"
    return f"{digits[:-decimals]}.{digits[-decimals:]}" if decimals else digits
