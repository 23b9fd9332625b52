"""The charts that a run has logged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from artifacts._history import STEP
from artifacts._metadata import CHARTS, PRIVATE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from artifacts._history import History
    from artifacts._run_media import Loader
    from artifacts.charts.custom import CustomChart
    from artifacts.store.records import RunRecord


class _HasRows(Protocol):
    _record: RunRecord

    def _history(self) -> History: ...

    def _loader(self) -> Loader: ...


class RunCharts:
    """The part of `Run` and `StoredRun` that gives its charts back."""

    def charts(self: _HasRows, step: int | None = None) -> dict[str, CustomChart]:
        """Return the charts that were logged, by key, with the tables that were logged last.

        Args:
            step: The step whose tables are wanted, instead of the last ones; charts that were not
                logged then are left out.
        """
        return charts_of(self, definitions(self), step)


def definitions(run: _HasRows) -> dict[str, dict[str, Any]]:
    """Return what the configuration of a run says of its charts, by key."""
    found: dict[str, dict[str, Any]] = run._record.config.get(PRIVATE, {}).get(CHARTS, {})
    return found


def charts_of(
    run: _HasRows, keys: Iterable[str], step: int | None = None
) -> dict[str, CustomChart]:
    """Return charts of a run, without those whose table was not logged.

    Args:
        run: The run.
        keys: Of the charts, whose definitions the run has.
        step: The step whose tables are wanted, instead of the last ones.
    """
    from artifacts._columns import to_rows
    from artifacts.charts.custom import CustomChart

    known = definitions(run)
    tables = {key: known[key]["table_key"] for key in keys}
    logged: dict[str, Any] = {}
    for row in to_rows(run._history().columns(list(tables.values()))):
        if step is None or row[STEP] == step:
            logged.update(row)
    loader = run._loader()
    return {
        key: CustomChart.from_definition(known[key], loader.value(logged[table]))
        for key, table in tables.items()
        if table in logged
    }
