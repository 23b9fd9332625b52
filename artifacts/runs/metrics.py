"""How the summary follows what is logged: last values, aggregates, and keys that are locked."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from artifacts._corrections import CORRECTS, LATE
from artifacts.runs.mapping import with_value, without_value
from artifacts.runs.values import for_summary
from artifacts.store.errors import InvalidInputError, InvalidTypeError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from artifacts.runs.mapping import Path

_AGGREGATES = ("min", "max", "mean", "first", "last", "best")
_SUMMARIES = {*_AGGREGATES, "none", "copy"}


@dataclass(frozen=True, slots=True)
class Metric:
    """How a key, or all keys with a prefix, are treated. Made by `Run.define_metric`.

    Attributes:
        name: The key; with ``*`` at the end, the prefix of keys.
        step_metric: Key that is its x-axis.
        step_sync: Whether rows get the last value of ``step_metric`` if they lack it.
        hidden: Whether charts leave it out.
        summary: What its summary says: ``min``, ``max``, ``mean``, ``first``, ``last``, ``best``,
            ``none`` or ``copy``; empty for the last value.
        goal: ``minimize`` or ``maximize``; what ``best`` means.
    """

    name: str
    step_metric: str | None = None
    step_sync: bool = False
    hidden: bool = False
    summary: tuple[str, ...] = ()
    goal: str | None = None

    def fits(self, key: str) -> bool:
        """Whether it says how ``key`` is treated."""
        if self.name.endswith("*"):
            return key.startswith(self.name[:-1])
        return key == self.name


def make_metric(
    name: str,
    *,
    step_metric: str | Metric | None,
    step_sync: bool | None,
    hidden: bool | None,
    summary: str | None,
    goal: str | None,
    before: Metric | None,
) -> Metric:
    """Return a checked definition.

    Args:
        before: Earlier definition, of which stays what is not given now.

    Raises:
        InvalidTypeError: An argument has the wrong type.
        InvalidInputError: An argument cannot be used.
    """
    if isinstance(step_metric, Metric):
        step_metric = step_metric.name
    for what, value in (("name", name), ("step_metric", step_metric), ("summary", summary)):
        if value is not None and not isinstance(value, str):
            raise InvalidTypeError(f"{what} must be text, not {type(value).__name__}")
    if not name or "*" in name[:-1]:
        raise InvalidInputError(
            f"a metric cannot be called {name!r}",
            hint="give a key, or a prefix with * at its end",
            kind="bad_metric",
        )
    old = before or Metric(name)
    if goal is not None and not str(goal).startswith(("min", "max")):
        raise InvalidInputError(f"goal must be 'minimize' or 'maximize', not {goal!r}")
    wanted = old.summary if summary is None else tuple(_parts(summary))
    unknown = set(wanted) - _SUMMARIES
    if unknown:
        raise InvalidInputError(
            f"summary cannot be {', '.join(sorted(unknown))}",
            hint=f"choose from {', '.join(sorted(_SUMMARIES))}",
            kind="bad_metric",
        )
    if step_sync is None:
        step_sync = old.step_sync if step_metric is None else True
    return Metric(
        name,
        old.step_metric if step_metric is None else step_metric,
        step_sync,
        old.hidden if hidden is None else hidden,
        wanted,
        old.goal if goal is None else "minimize" if goal.startswith("min") else "maximize",
    )


def _parts(text: str) -> Iterator[str]:
    return (part.strip().lower() for part in text.split(",") if part.strip())


class SummaryState:
    """The values of a summary and how they follow the rows. No I/O; the caller locks.

    Args:
        values: Initial values.
        tracking: What `tracking` returned for them, or None.
    """

    def __init__(self, values: Mapping[str, Any], tracking: Mapping[str, Any] | None) -> None:
        told = tracking or {}
        self.values: dict[str, Any] = dict(values)
        self.locks: set[Path] = {tuple(path) for path in told.get("locks", ())}
        self.metrics: dict[str, Metric] = {}
        self._aggregates: dict[str, dict[str, Any]] = dict(told.get("aggregates", {}))
        self._axes: dict[str, Any] = dict(told.get("axes", {}))
        self._fitting: dict[str, Metric | None] = {}
        for each in told.get("metrics", ()):
            self.define(Metric(**{**each, "summary": tuple(each["summary"])}))

    def tracking(self) -> dict[str, Any]:
        """Return, as JSON, what a later process needs to go on."""
        return {
            "locks": sorted(map(list, self.locks)),
            "metrics": [
                {**asdict(each), "summary": list(each.summary)} for each in self.metrics.values()
            ],
            "aggregates": {key: dict(told) for key, told in self._aggregates.items()},
            "axes": dict(self._axes),
        }

    def define(self, metric: Metric) -> None:
        """Treat a key as a definition says."""
        self.metrics[metric.name] = metric
        self._fitting.clear()
        axis = metric.step_metric
        if axis is not None and axis not in self._axes and not self.is_locked((axis,)):
            self._move_along(axis, self.values)

    def metric_of(self, key: str) -> Metric | None:
        """Return the definition that fits a key best: its own, else the longest prefix."""
        if key not in self._fitting:
            found = [each for each in self.metrics.values() if each.fits(key)]
            own = [each for each in found if each.name == key]
            found.sort(key=lambda each: len(each.name))
            self._fitting[key] = own[0] if own else found[-1] if found else None
        return self._fitting[key]

    def add_step_metrics(self, row: dict[str, Any]) -> None:
        """Give a row the x-axes that its keys need and that it lacks, if they had a value."""
        if not self.metrics:
            return
        for key in list(row):
            metric = self.metric_of(key)
            if metric is None or not metric.step_sync or metric.step_metric in {None, *row}:
                continue
            assert metric.step_metric is not None
            if metric.step_metric in self._axes:
                row[metric.step_metric] = self._axes[metric.step_metric]

    def _move_along(self, axis: str, values: Mapping[str, Any]) -> None:
        """Remember where an x-axis is, if the values say so."""
        value = values.get(axis)
        if isinstance(value, str) or _is_number(value):
            self._axes[axis] = value

    # -- following

    def follow(self, row: Mapping[str, Any]) -> None:
        """Take over the values of a committed row."""
        if dict in map(type, row.values()):
            row = for_summary(row)
        if not self.locks and not self.metrics:
            self.values.update(row)
            return
        # What the summary says of an x-axis may be its maximum, or have been set by hand.
        for metric in self.metrics.values():
            if metric.step_metric is not None:
                self._move_along(metric.step_metric, row)
        for key, value in row.items():
            self._follow((key,), value)

    def replay(self, row: Mapping[str, Any]) -> None:
        """Take over a row of a journal, which may amend an earlier one."""
        if CORRECTS in row:
            self.correct(row["_step"], row[LATE])
        else:
            self.follow(row)

    def correct(self, step: int, row: Mapping[str, Any]) -> None:
        """Take over values that were logged late: of the last row, or of keys without a value.

        Aggregates stay as they are.
        """
        if step == self.values.get("_step"):
            self.follow(row)
        else:
            missing = {key: value for key, value in row.items() if key not in self.values}
            if missing:
                self.follow(missing)

    def _follow(self, path: Path, value: Any) -> None:
        if any(path[: len(lock)] == lock for lock in self.locks):
            return
        inside = any(lock[: len(path)] == path for lock in self.locks)
        if isinstance(value, dict) and "_type" not in value and (inside or self.metrics):
            if not inside:
                self.set(path, {})
            for key, item in value.items():
                self._follow((*path, key), item)
            return
        if inside:
            return
        metric = self.metric_of(".".join(path))
        if metric is None or not metric.summary:
            self.set(path, value)
        elif "none" not in metric.summary:
            self._aggregate(path, metric, value)

    def _aggregate(self, path: Path, metric: Metric, value: Any) -> None:
        if not _is_number(value):
            if "last" in metric.summary or "copy" in metric.summary:
                self.set(path, value)
            return
        seen = self._aggregates.setdefault(
            ".".join(path), {"count": 0, "mean": 0.0, "first": value, "min": value, "max": value}
        )
        seen["count"] += 1
        seen["mean"] += (value - seen["mean"]) / seen["count"]
        seen["min"], seen["max"] = min(seen["min"], value), max(seen["max"], value)
        seen["last"] = value
        seen["best"] = seen["max" if metric.goal == "maximize" else "min"]
        if metric.summary == ("copy",):
            self.set(path, value)
            return
        self.set(path, {name: seen[name] for name in metric.summary if name in _AGGREGATES})

    # -- by hand

    def set(self, path: Path, value: Any) -> None:
        """Set a value; dicts on the way to it are made, and copied rather than changed."""
        self.values[path[0]] = with_value(self.values, path, value)[path[0]] if path[1:] else value

    def set_by_hand(self, path: Path, value: Any) -> None:
        """Set a value that rows shall not change any more."""
        self.set(path, value)
        self.locks = {lock for lock in self.locks if lock[: len(path)] != path} | {path}

    def delete(self, path: Path) -> None:
        """Remove a value and its lock.

        Raises:
            KeyError: There is none.
        """
        self.values = without_value(self.values, path)
        self.unlock(path)
        self._aggregates.pop(".".join(path), None)

    def unlock(self, path: Path) -> None:
        """Let rows change a value, and all below it, again."""
        self.locks = {lock for lock in self.locks if lock[: len(path)] != path}

    def is_locked(self, path: Path) -> bool:
        """Whether rows leave a value as it is."""
        return any(path[: len(lock)] == lock for lock in self.locks)


def _is_number(value: Any) -> bool:
    """Whether a value can be compared and averaged."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer beyond all doubles
        return False
