"""Specs for what runs have logged at their steps: numbers as lines, histograms as a heat map."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

from artifacts.charts.builtin import SCHEMA

if TYPE_CHECKING:
    from collections.abc import Sequence

_WIDTH, _HEIGHT = 640, 360
_MOST_POINTS = 4000
_MOST_COLUMNS = 200
_FAINT = 0.25
_TITLES = {"_runtime": "runtime (s)", "_step": "step", "_timestamp": "time (s since 1970)"}


class Series(NamedTuple):
    """One key of one run.

    Attributes:
        key: What was logged.
        run: Id of the run.
        x: Positions, rising.
        y: Values; None, or one that is not finite, is a gap.
    """

    key: str
    run: str
    x: Sequence[float]
    y: Sequence[float | None]


class Counts(NamedTuple):
    """A histogram that was logged at a step.

    Attributes:
        x: The position, such as the step.
        counts: How many values are in each bin.
        edges: Where the bins begin and end, one more than there are bins.
    """

    x: float
    counts: Sequence[float]
    edges: Sequence[float]


class Look(NamedTuple):
    """What can be chosen of a chart.

    Attributes:
        title: What it is called, None for nothing.
        width: In units of the spec; None for the usual ones.
        height: Likewise.
        log_y: Whether the y-axis is logarithmic; values that are not positive are left out then.
    """

    title: str | None = None
    width: int | None = None
    height: int | None = None
    log_y: bool = False


def smooth(values: Sequence[float | None], weight: float) -> list[float | None]:
    """Return running means that weigh a value the less the older it is; gaps stay gaps.

    Args:
        weight: From 0 for the values themselves up to 1: how much of the mean before is kept.
    """
    mean, total = 0.0, 0.0
    found: list[float | None] = []
    for value in values:
        if value is None or not math.isfinite(value):
            found.append(None)
            continue
        mean = weight * mean + (1 - weight) * value
        total = weight * total + (1 - weight)
        found.append(mean / total)
    return found


def lines(
    series: Sequence[Series],
    x_axis: str,
    look: Look,
    *,
    smoothed: Sequence[Series] | None = None,
) -> dict[str, Any]:
    """Return the spec of lines, with its data: one colour a run, or a key if there is one run.

    Args:
        x_axis: Key of the x-axis.
        smoothed: Lines to be drawn over these, which are faint then.
    """
    runs = list(dict.fromkeys(each.run for each in series))
    keys = list(dict.fromkeys(each.key for each in series))
    scale: dict[str, Any] = {"type": "log"} if look.log_y else {"zero": False}
    encoding: dict[str, Any] = {
        "x": {
            "field": "x",
            "type": "quantitative",
            "title": _TITLES.get(x_axis, x_axis),
            "scale": {"zero": False, "nice": False},
        },
        "y": {
            "field": "y",
            "type": "quantitative",
            "title": keys[0] if len(keys) == 1 else "value",
            "scale": scale,
        },
    }
    if len(runs) > 1:
        encoding["color"] = _legend("run", runs)
    if len(keys) > 1:
        encoding["color" if len(runs) == 1 else "strokeDash"] = _legend("key", keys)
    # A curve of one point has no line.
    mark = {"type": "line", "point": any(len(each.x) == 1 for each in series), "tooltip": True}
    spec = _spec(look) | {"datasets": {"table": _rows(series, positive=look.log_y)}}
    if smoothed is None:
        return spec | {"data": {"name": "table"}, "mark": mark, "encoding": encoding}
    spec["datasets"]["smoothed"] = _rows(smoothed, positive=look.log_y)
    layers = [
        {"data": {"name": "table"}, "mark": mark | {"opacity": _FAINT}},
        {"data": {"name": "smoothed"}, "mark": mark},
    ]
    return spec | {"encoding": encoding, "layer": layers}


def heat_map(histograms: Sequence[Counts], key: str, x_axis: str, look: Look) -> dict[str, Any]:
    """Return the spec of histograms over positions, with its data; of bars if it is a single one.

    Args:
        histograms: In the order of their positions.
        key: What was logged.
        x_axis: Key of the x-axis.
    """
    if len(histograms) == 1:
        return _bars(histograms[0], key, look)
    shown = _thinned(histograms, _MOST_COLUMNS)
    ends = [each.x for each in shown[1:]]
    ends.append(shown[-1].x + (shown[-1].x - shown[-2].x))
    rows = [
        {"x": each.x, "x2": end, "y": low, "y2": high, "count": count}
        for each, end in zip(shown, ends, strict=True)
        for low, high, count in _bins(each)
        if count
    ]
    encoding = {
        "x": _edge("x", _TITLES.get(x_axis, x_axis), nice=False),
        "x2": {"field": "x2"},
        "y": _edge("y", key, nice=True),
        "y2": {"field": "y2"},
        "color": {
            "field": "count",
            "type": "quantitative",
            "title": "count",
            "scale": {"scheme": "blues", "zero": True},
        },
    }
    return _drawn(look, {"type": "rect", "tooltip": True}, encoding, rows)


def thinned(x: Sequence[float], y: Sequence[float | None], most: int) -> list[int]:
    """Return the numbers of at most so many points: the lowest and highest of each part, and gaps.

    Args:
        most: At least 2.
    """
    count = len(x)
    if count <= most:
        return list(range(count))
    parts = most // 2
    kept: set[int] = set()
    for part in range(parts):
        numbers = range(part * count // parts, (part + 1) * count // parts)
        shown = [number for number in numbers if _is_shown(y[number])]
        if shown:
            kept.add(min(shown, key=lambda number: y[number] or 0.0))
            kept.add(max(shown, key=lambda number: y[number] or 0.0))
        else:
            kept.add(numbers[0])
    return sorted(kept)


def _bars(histogram: Counts, key: str, look: Look) -> dict[str, Any]:
    rows = [{"x": low, "x2": high, "count": count} for low, high, count in _bins(histogram)]
    encoding = {
        "x": _edge("x", key, nice=True),
        "x2": {"field": "x2"},
        "y": {"field": "count", "type": "quantitative", "title": "count"},
        "y2": {"datum": 0},
    }
    return _drawn(look, {"type": "bar", "tooltip": True}, encoding, rows)


def _drawn(
    look: Look, mark: dict[str, Any], encoding: dict[str, Any], rows: list[dict[str, Any]]
) -> dict[str, Any]:
    return _spec(look) | {
        "data": {"name": "table"},
        "datasets": {"table": rows},
        "mark": mark,
        "encoding": encoding,
    }


def _spec(look: Look) -> dict[str, Any]:
    spec: dict[str, Any] = {
        "$schema": SCHEMA,
        "width": look.width or _WIDTH,
        "height": look.height or _HEIGHT,
    }
    return spec if look.title is None else spec | {"title": look.title}


def _legend(field: str, values: Sequence[str]) -> dict[str, Any]:
    return {
        "field": field,
        "type": "nominal",
        "title": field,
        "sort": list(values),
        "legend": {"symbolOpacity": 1},  # also where the first layer is faint
    }


def _edge(field: str, title: str, *, nice: bool) -> dict[str, Any]:
    return {
        "field": field,
        "type": "quantitative",
        "title": title,
        "scale": {"zero": False, "nice": nice},
    }


def _rows(series: Sequence[Series], *, positive: bool) -> list[dict[str, Any]]:
    most = max(_MOST_POINTS // len(series), 2)
    rows = []
    for each in series:
        for number in thinned(each.x, each.y, most):
            y = each.y[number]
            fits = _is_shown(y) and (not positive or (y or 0) > 0)
            rows.append(
                {"x": each.x[number], "y": y if fits else None, "key": each.key, "run": each.run}
            )
    return rows


def _bins(histogram: Counts) -> list[tuple[float, float, float]]:
    edges = histogram.edges
    return list(zip(edges, edges[1:], histogram.counts, strict=False))


def _thinned(items: Sequence[Counts], most: int) -> Sequence[Counts]:
    last = len(items) - 1
    if last < most:
        return items
    return [items[number * last // (most - 1)] for number in range(most)]


def _is_shown(value: float | None) -> bool:
    return value is not None and math.isfinite(value)
