"""Numbers of rows that know their table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from artifacts.tables.columns import Name
    from artifacts.tables.looking import Looking


class RowIndex(int):
    """The number of a row of a table. It can be a cell of another table, like any number."""

    _table: Looking

    @classmethod
    def of(cls, table: Looking, number: int) -> RowIndex:
        """Return the number of a row.

        Args:
            number: From 0 on.
        """
        index = cls(number)
        index._table = table
        return index

    def get_row(self) -> dict[Name, Any]:
        """Return the row by the names of the columns."""
        return dict(zip(self._table.columns, self._table.data[self], strict=True))
