"""The charts that a run has logged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from artifacts._metadata import PRIVATE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from artifacts.charts.custom import CustomChart
    from artifacts.store.records import RunRecord


class _HasRows(Protocol):
    _record: RunRecord

    def scan_history(self, keys: Sequence[str] | None = None) -> Iterator[dict[str, Any]]: ...


class RunCharts:
    """The part of `Run` and `StoredRun` that gives its charts back."""

    def charts(self: _HasRows, step: int | None = None) -> dict[str, CustomChart]:
        """Return the charts that were logged, by key, with the tables that were logged last.

        Args:
            step: The step whose tables are wanted, instead of the last ones; charts that were not
                logged then are left out.
        """
        found = {key: chart_of(self, key, step) for key in definitions(self)}
        return {key: chart for key, chart in found.items() if chart is not None}


def definitions(run: _HasRows) -> dict[str, dict[str, Any]]:
    """Return what the configuration of a run says of its charts, by key."""
    found: dict[str, dict[str, Any]] = run._record.config.get(PRIVATE, {}).get("charts", {})
    return found


def chart_of(run: _HasRows, key: str, step: int | None = None) -> CustomChart | None:
    """Return a chart of a run; None if its table was not logged.

    Args:
        run: The run.
        key: Of the chart, whose definition the run has.
        step: The step whose table is wanted, instead of the last one.
    """
    from artifacts.charts.custom import CustomChart

    definition = definitions(run)[key]
    table = _last(run, definition["table_key"], step)
    return None if table is None else CustomChart.from_definition(definition, table)


def _last(run: _HasRows, key: str, step: int | None) -> Any:
    """Return what was logged under a key last, or at a step; None if nothing was."""
    found = None
    for row in run.scan_history([key, "_step"]):
        if step is None or row["_step"] == step:
            found = row[key]
    return found
