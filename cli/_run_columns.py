"""Columns of a list of runs: what a run says of itself, its settings, its results."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from artifacts.cli import _describe, _text
from artifacts.store.filters import RUN_FIELDS, Kind
from artifacts.store.records import to_datetime

if TYPE_CHECKING:
    from collections.abc import Sequence

    from artifacts.store.filters import Field
    from artifacts.store.records import RunRecord

_TITLES = {"id": "ID", "job_type": "JOB", "duration": "TOOK", "created_at": "AGE"}


class Column(NamedTuple):
    """One column.

    Attributes:
        text: What it was called on the command line.
        path: The keys that lead to a value of settings or results.
    """

    text: str
    field: Field
    path: tuple[str, ...]

    @property
    def title(self) -> str:
        """Header of the table."""
        return self.text if self.path else _TITLES.get(self.field.name, self.field.name.upper())

    @property
    def is_right(self) -> bool:
        """Whether it is aligned to the right, because numbers are in it."""
        return self.field.kind in {Kind.JSON, Kind.NUMBER, Kind.DURATION}

    def value(self, run: RunRecord) -> Any:
        """Return the value of a run, None if it has none; a time in microseconds."""
        name = self.field.name
        if name == "duration":
            return None if run.finished_at is None else run.finished_at - run.created_at
        found: Any = getattr(run, name)
        whole = ".".join(self.path)
        if self.path and isinstance(found, dict) and whole in found:
            return found[whole]
        for key in self.path:
            found = found.get(key) if isinstance(found, dict) else None
        return found

    def cell(self, run: RunRecord) -> str:
        """Return the value as people read it."""
        value = self.value(run)
        if value is None:
            return ""
        if self.field.kind is Kind.TIME:
            return _text.age(value)
        if self.field.kind is Kind.DURATION:
            return _text.duration(value)
        return ", ".join(value) if isinstance(value, tuple) else _text.cell(value)

    def plain(self, run: RunRecord) -> Any:
        """Return the value as files have it: times as text in UTC, durations in seconds."""
        value = self.value(run)
        if value is None:
            return None
        if self.field.kind is Kind.TIME:
            return f"{to_datetime(value):%Y-%m-%dT%H:%M:%S.%fZ}"
        if self.field.kind is Kind.DURATION:
            return value / 1e6
        return list(value) if isinstance(value, tuple) else value


def parse_columns(names: Sequence[str]) -> list[Column]:
    """Return columns by their names: ``state``, ``config.lr``, ``summary.val.acc``.

    Raises:
        InvalidInputError: There is no such column; near matches are in the hint.
    """
    return [Column(name, *RUN_FIELDS.find(name, "--columns")) for name in names]


def to_json(columns: Sequence[Column], run: RunRecord) -> dict[str, Any]:
    """Return a run as JSON: everything, or these columns."""
    if not columns:
        return _describe.run(run)
    return {column.text: column.plain(run) for column in columns}
