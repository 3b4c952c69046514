"""A plot with logarithmic axes as SVG: small enough to read in a diff, and no library needed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil, floor, log10
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 720, 440
LEFT, RIGHT, TOP, BOTTOM = 70, 190, 20, 50
FONT = 'font-family="sans-serif" font-size="13"'
COLOURS = ("#0b6e4f", "#c1440e", "#6a4c93", "#5f6368")


@dataclass(frozen=True, slots=True)
class Line:
    """One curve: points ``(x, y)``, all positive, by ascending ``x``."""

    name: str
    points: Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class _Axis:
    """Maps powers of ten from ``low`` to ``high`` to pixels."""

    low: int
    high: int
    start: float
    stop: float

    def place(self, value: float) -> float:
        return self.start + (log10(value) - self.low) / (self.high - self.low) * (self.stop - self.start)

    def powers(self) -> Iterator[tuple[float, str]]:
        for exponent in range(self.low, self.high + 1):
            yield self.place(10.0**exponent), f"{10**exponent:,}" if exponent >= 0 else f"{10.0**exponent:g}"


def plot(lines: Sequence[Line], *, across: str, up: str) -> str:
    """Return an SVG document; every curve carries its name at its end."""
    x_axis = _axis([x for line in lines for x, _ in line.points], LEFT, WIDTH - RIGHT)
    y_axis = _axis([y for line in lines for _, y in line.points], HEIGHT - BOTTOM, TOP)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" {FONT}>',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        *_grid(x_axis, y_axis),
        f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 10}" text-anchor="middle">{escape(across)}</text>',
        f'<text x="{LEFT - 60}" y="{TOP + 4}">{escape(up)}</text>',
    ]
    for line, colour in zip(lines, COLOURS, strict=False):
        parts += _curve(line, colour, x_axis, y_axis)
    return "\n".join([*parts, "</svg>", ""])


def _axis(values: Sequence[float], start: float, stop: float) -> _Axis:
    low, high = floor(log10(min(values))), ceil(log10(max(values)))
    return _Axis(low, max(high, low + 1), start, stop)


def _grid(x_axis: _Axis, y_axis: _Axis) -> Iterator[str]:
    stroke = 'stroke="#d0d0d0"'
    for x, label in x_axis.powers():
        yield f'<line x1="{x:.1f}" y1="{y_axis.start}" x2="{x:.1f}" y2="{y_axis.stop}" {stroke}/>'
        yield f'<text x="{x:.1f}" y="{y_axis.start + 18}" text-anchor="middle">{label}</text>'
    for y, label in y_axis.powers():
        yield f'<line x1="{x_axis.start}" y1="{y:.1f}" x2="{x_axis.stop}" y2="{y:.1f}" {stroke}/>'
        yield f'<text x="{x_axis.start - 8}" y="{y + 4:.1f}" text-anchor="end">{label}</text>'


def _curve(line: Line, colour: str, x_axis: _Axis, y_axis: _Axis) -> Iterator[str]:
    places = [(x_axis.place(x), y_axis.place(y)) for x, y in line.points]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    yield f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>'
    for x, y in places:
        yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>'
    x, y = places[-1]
    yield f'<text x="{x + 9:.1f}" y="{y + 4:.1f}" fill="{colour}">{escape(line.name)}</text>'
