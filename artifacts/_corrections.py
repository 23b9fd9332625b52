"""Histories in which rows were amended after later ones: what was logged late is merged into them.

A correction is a row of a journal whose name ends with `CORRECTED`, marked by `CORRECTS`. It has
the step that it is for, and under `LATE` the values. Versions have the rows as they are then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from artifacts._history import STEP, History, selected, typed_keys

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import pyarrow as pa

    from artifacts._history import Row

CORRECTS, LATE = "_corrects", "_late"

_PREFIX = f"{LATE}."
_TIMES = frozenset({STEP, "_timestamp", "_runtime"})


def correction(step: int, values: Row, times: Row) -> Row:
    """Return the row of a journal that amends another one.

    Args:
        step: Step of the other one.
        values: Its new values.
        times: When; for a step that has no row.
    """
    return {**times, STEP: step, CORRECTS: True, LATE: values}


class CorrectedHistory(History):
    """A history some of whose newest rows are corrections. Reading it holds all rows in memory."""

    def unsorted(self) -> Iterator[Row]:
        """Yield all rows as they are after the corrections; those of new steps come last."""
        late: dict[int, Row] = {}
        for row in self.tail():
            if CORRECTS in row:
                late[row[STEP]] = {**late.get(row[STEP], {}), **row}
        new = dict(late)
        for row in super().unsorted():
            if CORRECTS in row:
                continue
            step = row[STEP]
            new.pop(step, None)
            yield {**row, **_values(late[step])} if step in late else row
        for row in new.values():
            yield {key: row[key] for key in row if key in _TIMES} | _values(row)

    def rows(
        self,
        keys: Sequence[str] | None = None,
        *,
        low: int | None = None,
        high: int | None = None,
        page: int = 1000,
    ) -> Iterator[Row]:
        yield from selected(self._ordered(), keys, low, high)

    def _read(self, wanted: Iterable[str] | None) -> pa.Table:
        from artifacts._columns import to_table

        rows = self._ordered()
        if wanted is not None:
            names = list(wanted)
            rows = [{key: row[key] for key in names if key in row} for row in rows]
        return to_table(rows)

    def _ordered(self) -> list[Row]:
        return sorted(self.unsorted(), key=lambda row: int(row[STEP]))

    def keys(self) -> dict[str, dict[str, Any]]:
        return typed_keys(self.unsorted())


def _values(row: Row) -> Row:
    return {key[len(_PREFIX) :]: value for key, value in row.items() if key.startswith(_PREFIX)}
