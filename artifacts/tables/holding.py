"""What a table holds: rows that were given, or those of files, which are read when needed."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from artifacts.media.base import Media

if TYPE_CHECKING:
    from artifacts.tables.columns import Columns, Name
    from artifacts.tables.reading import StoredRows

LogMode = Literal["IMMUTABLE", "MUTABLE", "INCREMENTAL"]


class Holding(Media):
    """The part of `Table` that holds its columns and rows."""

    _log_mode: LogMode
    _rows: list[list[Any]]
    _stored: StoredRows | None

    @cached_property
    def _columns(self) -> Columns:
        assert self._stored is not None  # a table that was made has its columns
        return self._stored.columns

    @property
    def columns(self) -> list[Name]:
        """The names of the columns."""
        return self._columns.names

    @property
    def column_types(self) -> dict[Name, str]:
        """The types of the columns by their names; a column of media has what it is described as.

        ``integer`` and ``number`` are numbers, ``unknown`` is a column without a value, ``any`` is
        one with values of several types.
        """
        return {column.name: column.type for column in self._columns}

    @property
    def data(self) -> list[list[Any]]:
        """The rows. Those of a table that was read are loaded as a whole by this."""
        if self._stored is not None:
            self._columns = self._stored.columns
            self._rows, self._stored = list(self._stored.rows()), None
        return self._rows

    @property
    def log_mode(self) -> LogMode:
        """Which rows are logged when it is logged again."""
        return self._log_mode

    def __len__(self) -> int:
        return len(self._rows if self._stored is None else self._stored)
