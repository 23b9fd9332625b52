"""What `art run plot` draws: curves, histograms over steps, or a chart."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Protocol

from artifacts._history import DEFAULT_STREAM, STEP, SYSTEM_STREAM
from artifacts._run_charts import charts_of, definitions
from artifacts.charts.series import Counts, Look, Series, heat_map, lines, smooth
from artifacts.cli import _chart_text, _plots
from artifacts.cli._chart_text import Room
from artifacts.cli._plots import Curve
from artifacts.store.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from artifacts._history import History
    from artifacts.charts.custom import CustomChart
    from artifacts.stored_run import StoredRun

_RUNTIME, _SYSTEM = "_runtime", "system."
_NUMBERS = frozenset({"int64", "double"})


class Drawing(Protocol):
    """Something that can be drawn in a terminal and into a file."""

    title: str

    def text(self, room: Room, *, log_y: bool) -> list[str]:
        """Return it as lines; none if there is nothing to show."""
        ...

    def spec(self, look: Look) -> dict[str, Any]:
        """Return it as a spec of Vega-Lite with its data."""
        ...

    def as_json(self) -> dict[str, Any]:
        """Return what ``--json`` prints."""
        ...


class Curves:
    """Numbers over steps, or over another key.

    Args:
        series: What was logged.
        x_axis: Key of the x-axis.
        weight: How much it is smoothed, from 0 up to 1.
    """

    def __init__(self, series: Sequence[Series], x_axis: str, weight: float) -> None:
        self._series = series
        self._x_axis = x_axis
        self._weight = weight
        several = len({each.run for each in series}) > 1
        self._curves = [
            Curve(f"{each.key} ({each.run})" if several else each.key, each.x, each.y)
            for each in self._smoothed()
        ]
        self.title = _plots.legend(self._curves) if len(series) > 1 else self._curves[0].name

    def text(self, room: Room, *, log_y: bool) -> list[str]:
        return _plots.plot(self._curves, room.width, room.height, blocks=room.blocks, log_y=log_y)

    def spec(self, look: Look) -> dict[str, Any]:
        smoothed = self._smoothed() if self._weight else None
        return lines(self._series, self._x_axis, look, smoothed=smoothed)

    def as_json(self) -> dict[str, Any]:
        return {"x": self._x_axis, "curves": [_as_json(curve) for curve in self._curves]}

    def _smoothed(self) -> list[Series]:
        if not self._weight:
            return list(self._series)
        return [each._replace(y=smooth(each.y, self._weight)) for each in self._series]


class Histograms:
    """Histograms over steps, or over another key."""

    def __init__(self, histograms: Sequence[Counts], key: str, x_axis: str) -> None:
        self._histograms = histograms
        self._x_axis = x_axis
        self.title = key

    def text(self, room: Room, *, log_y: bool) -> list[str]:
        return _chart_text.histogram_lines(self._histograms, room)

    def spec(self, look: Look) -> dict[str, Any]:
        return heat_map(self._histograms, self.title, self._x_axis, look)

    def as_json(self) -> dict[str, Any]:
        shown = [
            {"x": each.x, "counts": list(each.counts), "edges": list(each.edges)}
            for each in self._histograms
        ]
        return {"x": self._x_axis, "key": self.title, "histograms": shown}


class Chart:
    """A chart that was logged."""

    def __init__(self, chart: CustomChart, key: str) -> None:
        self._chart = chart
        self._key = key
        self.title = chart.string_fields.get("title") or key

    def text(self, room: Room, *, log_y: bool) -> list[str]:
        return _chart_text.chart_lines(self._chart, room)

    def spec(self, look: Look) -> dict[str, Any]:
        chosen = {name: value for name, value in look._asdict().items() if value}
        chosen.pop("log_y", None)
        return {**self._chart.spec, **chosen}

    def as_json(self) -> dict[str, Any]:
        return {"key": self._key, "spec": self._chart.spec}


def find(
    runs: Sequence[StoredRun], keys: Sequence[str], x_axis: str | None, weight: float
) -> Drawing:
    """Return what there is to draw.

    Args:
        runs: Whose values are drawn into one plot.
        keys: Of numbers; or the key of a chart, or of histograms, by itself.
        x_axis: Key of the x-axis; None for the usual one.
        weight: How much curves are smoothed, from 0 up to 1.

    Raises:
        NotFoundError: Nothing was logged under a key.
        InvalidInputError: A key has no numbers, or what it has is drawn by itself.
    """
    for key in definitions(runs[0]).keys() & set(keys):
        _check_alone(runs, keys, key, "a chart")
        for chart in charts_of(runs[0], [key]).values():
            return Chart(chart, key)
    histories = {run: _streams(run) for run in runs}
    known = set().union(*(history[DEFAULT_STREAM].keys() for history in histories.values()))
    system = [key for key in keys if key.startswith(_SYSTEM) and key not in known]
    across = x_axis or (_RUNTIME if system else STEP)
    for key in keys:
        found = _histograms(histories[runs[0]][DEFAULT_STREAM], key, across)
        if found:
            _check_alone(runs, keys, key, "a histogram")
            return Histograms(found, key, across)
    series = [
        _series(
            run, histories[run][SYSTEM_STREAM if key in system else DEFAULT_STREAM], key, across
        )
        for run in runs
        for key in keys
    ]
    return Curves(series, across, weight)


def _streams(run: StoredRun) -> dict[str, History]:
    return {stream: run._history(stream) for stream in (DEFAULT_STREAM, SYSTEM_STREAM)}


def _check_alone(runs: Sequence[StoredRun], keys: Sequence[str], key: str, what: str) -> None:
    if len(keys) > 1 or len(runs) > 1:
        raise InvalidInputError(f"{key!r} is {what}, which is drawn by itself")


def _series(run: StoredRun, history: History, key: str, x_axis: str) -> Series:
    from artifacts.cli.commands.run.history import check_keys

    known = history.keys()
    check_keys([key, x_axis], known)
    for name in (key, x_axis):
        if not set(known[name]["types"]) <= _NUMBERS:
            raise InvalidInputError(
                f"{name!r} holds no numbers, but {', '.join(known[name]['types'])}",
                hint=f"look at it with: art run history {run.id} --keys {name}",
            )
    table = history.table(list(dict.fromkeys([x_axis, key])))
    points = zip(table.column(x_axis).to_pylist(), table.column(key).to_pylist(), strict=True)
    x, y = zip(*sorted(points, key=lambda point: point[0]), strict=True)
    return Series(key, run.id, x, y)


def _histograms(history: History, key: str, x_axis: str) -> list[Counts]:
    """Return the histograms of a key; none if it has something else."""
    if history.keys().get(key, {}).get("types") != ["json"]:
        return []
    found = []
    for row in history.rows(list(dict.fromkeys([key, x_axis]))):
        value = row[key]
        if not hasattr(value, "get") or value.get("_type") != "histogram":
            return []
        found.append(Counts(row[x_axis], value["values"], value["bins"]))
    return found


def _as_json(curve: Curve) -> dict[str, Any]:
    points = [
        [x, y if y is not None and math.isfinite(y) else None]
        for x, y in zip(curve.x, curve.y, strict=True)
        if math.isfinite(x)
    ]
    return {"name": curve.name, "points": points}
