"""Looking at the rows and columns of a table, and at those of two."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from artifacts.store.errors import InvalidInputError
from artifacts.tables.frames import to_array, to_pandas
from artifacts.tables.holding import Holding
from artifacts.tables.row_index import RowIndex
from artifacts.tables.values import same

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from artifacts.tables.columns import Name
    from artifacts.tables.joining import How
    from artifacts.tables.table import Table


class Looking(Holding):
    """The part of `Table` that reads it."""

    def get_column(self, name: Name, convert_to: Literal["numpy"] | None = None) -> Any:
        """Return the values of a column; of a table that was read, nothing else is loaded.

        Args:
            name: Of the column.
            convert_to: ``numpy`` for an array; media become arrays if they can.

        Raises:
            InvalidInputError: There is no such column.
            ConfigError: NumPy is not installed.
        """
        place = self._columns.place(name)
        if self._stored is not None:
            values = self._stored.column(place)
        else:
            values = [row[place] for row in self._rows]
        if convert_to is None:
            return values
        if convert_to != "numpy":
            raise InvalidInputError(f"convert_to must be 'numpy' or None, not {convert_to!r}")
        return to_array(values)

    def iterrows(self) -> Iterator[tuple[RowIndex, list[Any]]]:
        """Yield the number and the cells of each row, from 0 on.

        Of a table that was read, some rows are in memory at a time.
        """
        rows = self._rows if self._stored is None else self._stored.rows()
        for number, row in enumerate(rows):
            yield RowIndex.of(self, number), row

    def get_index(self) -> list[RowIndex]:
        """Return the numbers of all rows, to be used in another table."""
        return [RowIndex.of(self, number) for number in range(len(self))]

    def index_ref(self, index: int) -> RowIndex:
        """Return the number of one row, to be used in another table.

        Raises:
            InvalidInputError: There is no such row.
        """
        if not 0 <= index < len(self):
            raise InvalidInputError(f"there is no row {index}; the table has {len(self)} rows")
        return RowIndex.of(self, index)

    def get_dataframe(self) -> Any:
        """Return the table as a DataFrame of pandas. Integers stay integers beside None.

        Raises:
            ConfigError: pandas is not installed.
        """
        return to_pandas(self._columns, [self.get_column(name) for name in self.columns])

    def join(
        self,
        other: Table,
        on: Name | Sequence[Name],
        how: How = "inner",
        *,
        suffixes: tuple[str, str] = ("_left", "_right"),
    ) -> Table:
        """Return the rows of both tables side by side that have the same key.

        Args:
            other: For instance the same table of another version.
            on: The column, or columns, that both have and whose values are the key.
            how: ``inner``: keys that both have; ``left`` or ``right``: all of this table, or of the
                other; ``outer``: all.
            suffixes: What is added to the names of columns that both have.

        Returns:
            A new table: the key, the other columns of this table, those of the other table.

        Raises:
            InvalidInputError: A column is missing, ``how`` is something else, or two columns of the
                result would have one name.
            InvalidTypeError: Values of the key cannot be compared, such as lists and media.

        Example:
            >>> both = old.get("predictions").join(new.get("predictions"), on="id")
            >>> changed = [row for _, row in both.iterrows() if row[1] != row[2]]
        """
        from artifacts.tables.joining import join
        from artifacts.tables.table import Table

        names = [on] if isinstance(on, str | int) else list(on)
        columns, rows = join(self, other, names, names, how, suffixes)
        return Table._of(columns, rows)

    def __eq__(self, other: object) -> bool:
        """Whether both have the same columns, types and values. NaN equals itself."""
        if self is other or not isinstance(other, Looking):
            return super().__eq__(other)
        return (
            self.column_types == other.column_types
            and self.columns == other.columns
            and len(self) == len(other)
            and all(
                same(mine, theirs)
                for (_, mine), (_, theirs) in zip(self.iterrows(), other.iterrows(), strict=True)
            )
        )

    def __hash__(self) -> int:
        return super().__hash__()

    def __repr__(self) -> str:
        return f"<Table of {len(self)} rows: {', '.join(map(str, self.columns))}>"

    def _repr_html_(self) -> str:
        from artifacts.tables.preview import preview

        return preview(self.columns, (row for _, row in self.iterrows()), len(self))
