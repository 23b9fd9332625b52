"""Adding rows and columns to a table."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from artifacts.store.errors import InvalidInputError, InvalidTypeError, StateError
from artifacts.tables.columns import Column, make_columns, to_names, type_of
from artifacts.tables.holding import Holding

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from artifacts.tables.columns import Name


class Filling(Holding):
    """The part of `Table` that takes rows and columns."""

    def add_data(self, *data: Any) -> None:
        """Add a row.

        Args:
            data: A value for each column.

        Raises:
            ValueError: There are more or fewer values than columns.
            TypeError: A value does not fit into its column. It is a ValueError, too.
        """
        rows = self.data
        self._columns, [row] = self._columns.fitted([data], len(rows))
        rows.append(row)

    def add_row(self, *row: Any) -> None:
        """Add a row; deprecated in favour of `add_data`."""
        warnings.warn("add_row() is deprecated, use add_data()", DeprecationWarning, stacklevel=2)
        self.add_data(*row)

    def add_column(self, name: Name, data: Iterable[Any], optional: bool = False) -> None:
        """Add a column behind the others.

        Args:
            name: Of none of the others.
            data: A value for each row. In a table without columns, they make the rows.
            optional: Whether values may be None.

        Raises:
            InvalidInputError: The name is taken, or there are more or fewer values than rows.
            InvalidTypeError: The values are of several types, or None.
            StateError: The table is logged bit by bit.
        """
        self._add_columns({name: list(data)}, optional=optional)

    def add_computed_columns(
        self, fn: Callable[[int, dict[Name, Any]], Mapping[Name, Any]]
    ) -> None:
        """Add columns that follow from the others.

        Args:
            fn: Takes the number of a row and its values by column, and returns the values of the
                new columns by their names.

        Raises:
            InvalidInputError: It returns other names for another row, or one that is taken.
            InvalidTypeError: It returns something else, or values of several types.
            StateError: The table is logged bit by bit.
        """
        found: dict[Name, list[Any]] = {}
        for number, row in enumerate(self.data):
            new = fn(number, dict(zip(self.columns, row, strict=True)))
            if not isinstance(new, Mapping):
                raise InvalidTypeError(
                    f"fn must return a dict of values by column, not {type(new).__name__}"
                )
            if number == 0:
                found = {name: [] for name in new}
            if new.keys() != found.keys():
                raise InvalidInputError(
                    f"fn returned the columns {list(new)} for row {number}, and before that "
                    f"{list(found)}"
                )
            for name, value in new.items():
                found[name].append(value)
        self._add_columns(found, optional=False)

    def cast(self, col_name: Name, dtype: Any, optional: bool = False) -> str:
        """Say of which type a column is; its values are checked, not changed.

        Args:
            col_name: The column.
            dtype: As for the table.
            optional: Whether cells may be None.

        Returns:
            The name of the type.

        Raises:
            InvalidInputError: There is no such column.
            InvalidTypeError: A value is not of this type.
        """
        place = self._columns.place(col_name)
        column = Column(
            self._columns[place].name, type_of(dtype), optional, fixed=dtype is not None
        )
        for number, row in enumerate(self.data):
            column = column.taking(row[place], number)
        self._columns = self._columns.changed(place, column)
        return column.type

    def _add_columns(self, new: Mapping[Name, Sequence[Any]], *, optional: bool) -> None:
        """Add columns, all of them or none."""
        if self._log_mode == "INCREMENTAL":
            raise StateError(
                "columns cannot be added to a table that is logged bit by bit",
                hint="add them before the first row, or use log_mode='MUTABLE'",
            )
        rows = self.data
        if not self._columns and not rows:
            rows = [[] for _ in next(iter(new.values()), ())]
        columns, cells = self._columns, []
        for name, values in new.items():
            if len(values) != len(rows):
                raise InvalidInputError(
                    f"column {name!r} has {len(values)} values, and the table has {len(rows)} rows"
                )
            [column] = make_columns(to_names([name]), None, optional, allow_mixed_types=False)
            column, held = column.taking_all(values, 0)
            columns = columns.changed(len(columns), column)
            cells.append(held)
        for number, row in enumerate(rows):
            row.extend(held[number] for held in cells)
        self._columns, self._rows = columns, rows
