"""Charts as text: what `plot_table` has logged, and histograms over steps."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Any, NamedTuple

from artifacts.cli._plots import Curve, Range, axis_labels, framed, legend, plot
from artifacts.cli._text import cell, layout, number

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from artifacts.charts.custom import CustomChart
    from artifacts.charts.series import Counts

    Rows = list[dict[str, Any]]

_BARS = " ▏▎▍▌▋▊▉█"
_SHADES, _ASCII_SHADES = " ░▒▓█", " .:*#"
_BINS = 16
_LONGEST_LABEL = 24
_MOST_CURVES = 6
_MOST_ROWS = 20
_NARROWEST = 10


class Room(NamedTuple):
    """Where text is drawn.

    Attributes:
        width: How many characters a line has at most.
        height: How many lines a plot has.
        blocks: Whether they may be other than ASCII.
    """

    width: int
    height: int
    blocks: bool


def chart_lines(chart: CustomChart, room: Room) -> list[str]:
    """Return a chart as lines: drawn if its spec is built in, else as a table of its data."""
    from artifacts.charts.builtin import kind_of
    from artifacts.charts.data import data_of

    data = data_of(chart.table)
    keys = {field: data.columns[column].key for field, column in chart.fields.items()}
    rows = [{field: row[key] for field, key in keys.items()} for row in data.rows]
    draw = _KINDS.get(kind_of(chart.spec_name) or "")
    drawn = draw(rows, room) if draw is not None else []
    return drawn or _table(list(data.columns), data.rows, room.width)


def bars(pairs: Sequence[tuple[str, float]], room: Room) -> list[str]:
    """Return a bar for each label and value, with the value behind it."""
    if not pairs:
        return []
    values = [number(value) for _, value in pairs]
    labels = layout([[label] for label, _ in pairs], right={0}, width=_LONGEST_LABEL)
    margin = max(map(len, labels))
    taken = margin + max(map(len, values)) + 2
    longest = max(abs(value) for _, value in pairs) or 1.0
    most = max(room.width - taken, _NARROWEST)
    return [
        f"{label:>{margin}} {_bar(abs(value) / longest * most, room.blocks)} {text}"
        for label, (_, value), text in zip(labels, pairs, values, strict=True)
    ]


def heat(histograms: Sequence[Counts], room: Room) -> list[str]:
    """Return histograms side by side, by position; the darker, the more values."""
    ends = [edge for each in histograms for edge in (each.edges[0], each.edges[-1])]
    up = Range(min(ends), max(ends))
    labels = axis_labels(up, room.height)
    columns = max(room.width - max(map(len, labels)) - 2, _NARROWEST)
    chosen = [histograms[place * len(histograms) // columns] for place in range(columns)]
    shares = [_shares(each, up, room.height) for each in chosen]
    most = max(max(each) for each in shares) or 1.0
    shades = _SHADES if room.blocks else _ASCII_SHADES
    rows = [
        "".join(_shade(each[room.height - 1 - row] / most, shades) for each in shares)
        for row in range(room.height)
    ]
    across = Range(histograms[0].x, histograms[-1].x)
    return framed(rows, labels, across, columns, blocks=room.blocks)


def histogram_lines(histograms: Sequence[Counts], room: Room) -> list[str]:
    """Return histograms over their positions, or the bars of a single one."""
    if len(histograms) > 1:
        return heat(histograms, room)
    only = histograms[0]
    up = Range(only.edges[0], only.edges[-1])
    return _bin_bars(_shares(only, up, _BINS), up, room)


def _table(names: Sequence[str], rows: Rows, width: int) -> list[str]:
    shown = [[cell(value) for value in row.values()] for row in rows[:_MOST_ROWS]]
    lines = layout([names, *shown], width=width)
    left = len(rows) - len(shown)
    return [*lines, f"... {left:,} more rows"] if left else lines


# -- kinds of charts


def _line(rows: Rows, room: Room) -> list[str]:
    return _curves(rows, ("x", "y", "stroke"), room)


def _line_series(rows: Rows, room: Room) -> list[str]:
    return _curves(rows, ("step", "lineVal", "lineKey"), room)


def _area(rows: Rows, room: Room) -> list[str]:
    return _curves(rows, ("x", "y", "class"), room)


def _scatter(rows: Rows, room: Room) -> list[str]:
    return _curves(rows, ("x", "y", "groupKeys"), room, connected=False)


def _bar_chart(rows: Rows, room: Room) -> list[str]:
    found: dict[str, list[float]] = {}
    for row in rows:
        value = _number(row["value"])
        if value is not None:
            found.setdefault(cell(row["label"]), []).append(value)
    means = [(label, math.fsum(values) / len(values)) for label, values in found.items()]
    return bars(means, room)


def _histogram(rows: Rows, room: Room) -> list[str]:
    values = [value for row in rows if (value := _number(row["value"])) is not None]
    if not values:
        return []
    up = Range(min(values), max(values))
    counts = [0.0] * _BINS
    for value in values:
        counts[min(int(up.part(value) * _BINS), _BINS - 1)] += 1
    return _bin_bars(counts, up, room)


def _matrix(across: str, down: str, value: str) -> Callable[[Rows, Room], list[str]]:
    """Return what shows a matrix as a table, with a row for each ``down``."""

    def show(rows: Rows, room: Room) -> list[str]:
        names = list(dict.fromkeys(cell(row[across]) for row in rows))
        lines: dict[str, dict[str, str]] = {}
        for row in rows:
            found = lines.setdefault(cell(row[down]), {})
            found[cell(row[across])] = cell(row[value])
        head = [f"{down} \\ {across}" if down[0].isupper() else "", *names]
        body = [[name, *(cells.get(each, "") for each in names)] for name, cells in lines.items()]
        return layout([head, *body], right=set(range(1, len(head))), width=room.width)

    return show


_KINDS: dict[str, Callable[[Rows, Room], list[str]]] = {
    "line/v0": _line,
    "lineseries/v0": _line_series,
    "area-under-curve/v0": _area,
    "scatter/v0": _scatter,
    "bar/v0": _bar_chart,
    "histogram/v0": _histogram,
    "confusion_matrix/v1": _matrix("Predicted", "Actual", "nPredictions"),
    "heatmap/v1": _matrix("x_axis", "y_axis", "values"),
    "heatmap_no_text/v1": _matrix("x_axis", "y_axis", "values"),
}


def _curves(
    rows: Rows, fields: tuple[str, str, str], room: Room, *, connected: bool = True
) -> list[str]:
    x_field, y_field, name_field = fields
    points: dict[str, list[tuple[float, float | None]]] = {}
    for row in rows:
        x = _number(row[x_field])
        if x is not None:
            name = cell(row[name_field]) if name_field in row else ""
            points.setdefault(name, []).append((x, _number(row[y_field])))
    curves = []
    for name, found in itertools.islice(points.items(), _MOST_CURVES):
        found.sort(key=lambda point: point[0])
        curves.append(Curve(name, [x for x, _ in found], [y for _, y in found]))
    lines = []
    if curves:
        width, height, blocks = room
        lines = plot(curves, width, height, blocks=blocks, connected=connected)
    if not lines or len(curves) == 1:
        return lines
    left = len(points) - len(curves)
    more = [f"... {left:,} more lines"] if left else []
    return [legend(curves), *lines, *more]


# -- pieces


def _bin_bars(counts: Sequence[float], up: Range, room: Room) -> list[str]:
    step = (up.high - up.low) / len(counts)
    labels = [
        f"{number(up.low + place * step)} to {number(up.low + (place + 1) * step)}"
        for place in range(len(counts))
    ]
    return bars(list(zip(labels, counts, strict=True)), room)


def _shares(histogram: Counts, up: Range, parts: int) -> list[float]:
    """Return how many values are in each part of a range, if a bin has them evenly."""
    shares = [0.0] * parts
    for low, high, count in zip(
        histogram.edges, histogram.edges[1:], histogram.counts, strict=False
    ):
        first, last = up.part(low) * parts, up.part(high) * parts
        if last <= first:
            shares[min(int(first), parts - 1)] += count
            continue
        for part in range(int(first), min(math.ceil(last), parts)):
            shared = min(last, part + 1) - max(first, part)
            shares[part] += count * shared / (last - first)
    return shares


def _shade(share: float, shades: str) -> str:
    return shades[math.ceil(share * (len(shades) - 1))]


def _bar(length: float, blocks: bool) -> str:
    if not blocks:
        return "#" * round(length)
    whole, part = divmod(round(length * 8), 8)
    return "█" * whole + _BARS[part].strip()


def _number(value: Any) -> float | None:
    """Return a number as it is drawn: None for what is missing, not finite, or no number."""
    if isinstance(value, bool) or not hasattr(value, "__float__"):
        return None
    found = float(value)
    return found if math.isfinite(found) else None
