"""Curves as text: one line of them, or a plot of some lines.

Blocks and braille are used where the terminal can show them, plain ASCII elsewhere. A value that is
missing or not finite is a gap.
"""

from __future__ import annotations

import math
import os
import sys
from typing import TYPE_CHECKING, NamedTuple

from artifacts.cli._text import number

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    Values = Sequence[float | None]

_BLOCKS, _ASCII_BLOCKS = "▁▂▃▄▅▆▇█", "_.,-~=+#"
_MARKS = "*+ox#@"
_BRAILLE = 0x2800
_DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
_DOT_WIDTH, _DOT_HEIGHT = 2, 4
_NARROWEST = 10


class Curve(NamedTuple):
    """Points by x; y may be missing."""

    name: str
    x: Sequence[float]
    y: Values


class Range(NamedTuple):
    """From the lowest to the highest of some numbers."""

    low: float
    high: float

    def part(self, value: float) -> float:
        """Return where a number is, from 0 to 1."""
        # Halves, because the distance of the ends may not be a double.
        whole = self.high / 2 - self.low / 2
        return 0.5 if whole == 0 else (value / 2 - self.low / 2) / whole


def can_show_blocks() -> bool:
    """Whether stdout takes characters that are not ASCII, and its font has these."""
    if os.environ.get("TERM") == "linux":  # the console of a machine without a window system
        return False
    try:
        (_BLOCKS + chr(_BRAILLE)).encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def spark(values: Values, width: int, *, blocks: bool) -> str:
    """Return a curve in one line; each character is the mean of the values that fall on it.

    Args:
        width: How many characters at most.
        blocks: Whether it may be other than ASCII.
    """
    means = _means(values, width)
    found = _range(means)
    if found is None:
        return ""
    signs = _BLOCKS if blocks else _ASCII_BLOCKS
    return "".join(
        " " if mean is None else signs[min(int(found.part(mean) * len(signs)), len(signs) - 1)]
        for mean in means
    )


def plot(
    curves: Sequence[Curve],
    width: int,
    height: int,
    *,
    blocks: bool,
    connected: bool = True,
    log_y: bool = False,
) -> list[str]:
    """Return a plot of curves with its axes, as lines; none if there is nothing to show.

    Args:
        width: How many characters at most.
        height: How many lines the curves have; at least 2.
        blocks: Whether they may be other than ASCII.
        connected: Whether lines lead from point to point.
        log_y: Whether the y-axis is logarithmic; values that are not positive are gaps then.
    """
    points = [_points(_logarithms(curve) if log_y else curve) for curve in curves]
    across = _range([x for found in points for x, y in found if y is not None])
    up = _range([y for found in points for _, y in found])
    if across is None or up is None:
        return []
    labels = axis_labels(up, height, log=log_y)
    columns = max(width - max(map(len, labels)) - 2, _NARROWEST)
    canvas = _Dots(columns, height) if blocks and len(curves) == 1 else _Marks(columns, height)
    for sign, found in enumerate(points):
        canvas.sign = _MARKS[sign % len(_MARKS)]
        _draw(canvas, found, across, up, connected=connected)
    return framed(canvas.rows(), labels, across, columns, blocks=blocks)


def framed(
    rows: Iterable[str], labels: Sequence[str], across: Range, columns: int, *, blocks: bool
) -> list[str]:
    """Return the lines of a plot with its axes.

    Args:
        rows: The plot.
        labels: What stands left of each of them.
        across: Ends of the x-axis.
        columns: How many characters it has.
        blocks: Whether the axes may be other than ASCII.
    """
    margin = max(map(len, labels))
    bar, corner, line = ("│", "└", "─") if blocks else ("|", "+", "-")
    lines = [
        f"{label:>{margin}} {bar}{row}".rstrip() for label, row in zip(labels, rows, strict=True)
    ]
    lines.append(f"{'':>{margin}} {corner}{line * columns}")
    first, last = number(across.low), number(across.high)
    lines.append(f"{'':>{margin}}  {first}{last:>{max(columns - len(first), len(last) + 1)}}")
    return lines


def legend(curves: Sequence[Curve]) -> str:
    """Return which sign stands for which of several curves."""
    return "  ".join(
        f"{_MARKS[sign % len(_MARKS)]} {curve.name}" for sign, curve in enumerate(curves)
    )


# -- numbers


def _means(values: Values, width: int) -> list[float | None]:
    count = len(values)
    if count <= width:
        return [value if _is_shown(value) else None for value in values]
    means: list[float | None] = []
    for column in range(width):
        part = values[column * count // width : (column + 1) * count // width]
        shown = [value for value in part if value is not None and math.isfinite(value)]
        means.append(math.fsum(value / len(shown) for value in shown) if shown else None)
    return means


def _is_shown(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


def _range(values: Iterable[float | None]) -> Range | None:
    shown = [value for value in values if value is not None and math.isfinite(value)]
    return Range(min(shown), max(shown)) if shown else None


def _points(curve: Curve) -> list[tuple[float, float | None]]:
    return [
        (x, y if _is_shown(y) else None)
        for x, y in zip(curve.x, curve.y, strict=True)
        if math.isfinite(x)
    ]


def _logarithms(curve: Curve) -> Curve:
    logarithms = [
        math.log10(y) if y is not None and math.isfinite(y) and y > 0 else None for y in curve.y
    ]
    return curve._replace(y=logarithms)


def axis_labels(up: Range, height: int, *, log: bool = False) -> list[str]:
    """Return what stands left of each line: the highest, a middle and the lowest value.

    Args:
        up: Ends of the axis; logarithms if ``log`` is true.
        height: How many lines there are.
        log: Whether the axis is logarithmic.
    """
    labels = [""] * height
    shown = (lambda value: number(10**value)) if log else number
    if up.low == up.high:
        labels[height // 2] = shown(up.low)
        return labels
    middle = height // 2
    part = middle / (height - 1)
    labels[middle] = shown(up.high * (1 - part) + up.low * part)
    labels[0], labels[-1] = shown(up.high), shown(up.low)
    return labels


# -- drawing


class _Marks:
    """A canvas of characters."""

    def __init__(self, columns: int, height: int) -> None:
        self.width, self.height = columns, height
        self.sign = _MARKS[0]
        self._cells = [[" "] * columns for _ in range(height)]

    def set(self, x: int, y: int) -> None:
        """Mark a cell; ``y`` counts from the top."""
        self._cells[y][x] = self.sign

    def rows(self) -> list[str]:
        """Return the lines."""
        return ["".join(row) for row in self._cells]


class _Dots(_Marks):
    """A canvas of braille characters, each of which has two by four dots."""

    def __init__(self, columns: int, height: int) -> None:
        super().__init__(columns, height)
        self.width, self.height = columns * _DOT_WIDTH, height * _DOT_HEIGHT
        self._bits = [[0] * columns for _ in range(height)]

    def set(self, x: int, y: int) -> None:
        """Set a dot; ``y`` counts from the top."""
        dot = _DOTS[x % _DOT_WIDTH][y % _DOT_HEIGHT]
        self._bits[y // _DOT_HEIGHT][x // _DOT_WIDTH] |= dot

    def rows(self) -> list[str]:
        """Return the lines."""
        return [
            "".join(chr(_BRAILLE + bits) if bits else " " for bits in row) for row in self._bits
        ]


def _draw(
    canvas: _Marks,
    points: Iterable[tuple[float, float | None]],
    across: Range,
    up: Range,
    *,
    connected: bool,
) -> None:
    last: tuple[int, int] | None = None
    for x, y in points:
        if y is None:
            last = None
            continue
        here = (
            round(across.part(x) * (canvas.width - 1)),
            round((1 - up.part(y)) * (canvas.height - 1)),
        )
        if here != last:
            _connect(canvas, last if last and connected else here, here)
        last = here


def _connect(canvas: _Marks, start: tuple[int, int], end: tuple[int, int]) -> None:
    steps = max(abs(end[0] - start[0]), abs(end[1] - start[1]), 1)
    for step in range(steps + 1):
        part = step / steps
        canvas.set(
            round(start[0] + (end[0] - start[0]) * part),
            round(start[1] + (end[1] - start[1]) * part),
        )
