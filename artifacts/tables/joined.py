"""`JoinedTable`: two tables of an artifact side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self

from artifacts.media.base import TYPE, Media
from artifacts.store.errors import InvalidInputError, InvalidTypeError, StateError
from artifacts.tables.joining import join
from artifacts.tables.partitioned import PartitionedTable
from artifacts.tables.parts import SUFFIX
from artifacts.tables.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from artifacts.media.base import Files, Keeper
    from artifacts.tables.joining import How
    from artifacts.tables.row_index import RowIndex

_OLD_SUFFIX = ".table.json"
_BOTH = 2


class JoinedTable(Media):
    """Two tables, of which rows with the same key belong together.

    Args:
        table1: A table, its entry, or its path in the artifact to which this is added.
        table2: Likewise.
        join_key: The column that is the key, or a list of its two names.

    Raises:
        InvalidTypeError: A table is something else.
        InvalidInputError: The key is neither one name nor two.

    Example:
        >>> joined = artifacts.JoinedTable(images, predictions, "id")
        >>> artifact.add(joined, "both")
    """

    type_name: ClassVar[str] = "joined-table"

    def __init__(self, table1: Any, table2: Any, join_key: str | list[str]) -> None:
        keys = [join_key, join_key] if isinstance(join_key, str) else join_key
        if not isinstance(keys, list | tuple) or len(keys) != _BOTH:
            raise InvalidInputError(
                f"JoinedTable join_key must be a name or a list of two names, not {join_key!r}"
            )
        self._keys = [str(key) for key in keys]
        self._tables = [_to_table(table1, "table1"), _to_table(table2, "table2")]

    @classmethod
    def _load(cls, description: Mapping[str, Any], files: Files) -> Self:
        from artifacts.media import registry

        left, right = (registry.load(description[name], files) for name in ("table1", "table2"))
        return cls(left, right, description["join_key"])

    def _keep(self, keeper: Keeper) -> dict[str, Any]:
        return {
            TYPE: self.type_name,
            "table1": _described(self._tables[0], keeper),
            "table2": _described(self._tables[1], keeper),
            "join_key": list(self._keys),
        }

    def join(self, how: How = "inner") -> Table:
        """Return the rows of both tables side by side.

        Args:
            how: Which rows stay that have no match, as for `Table.join`.

        Raises:
            StateError: A table was given by its path, and this was not read from an artifact yet.
            InvalidInputError: A table does not have its key.
        """
        left, right = (_rows_of(table) for table in self._tables)
        columns, rows = join(left, right, self._keys[:1], self._keys[1:], how, ("_left", "_right"))
        return Table._of(columns, rows)

    def iterrows(self) -> Iterator[tuple[RowIndex, list[Any]]]:
        """Yield the number and the cells of each pair of rows: the key, and what both have."""
        return self.join().iterrows()

    def get_dataframe(self) -> Any:
        """Return the pairs of rows as a DataFrame of pandas.

        Raises:
            ConfigError: pandas is not installed.
        """
        return self.join().get_dataframe()


def _to_table(table: Any, argument: str) -> Table | PartitionedTable | str:
    if isinstance(table, Table | PartitionedTable):
        return table
    if hasattr(table, "ref_url") and hasattr(table, "path"):  # an entry of an artifact
        found = table._artifact.get(table.path)
        if isinstance(found, Table | PartitionedTable):
            return found
    elif isinstance(table, str) and table.endswith((SUFFIX, _OLD_SUFFIX)):
        return table.removesuffix(_OLD_SUFFIX).removesuffix(SUFFIX) + SUFFIX
    raise InvalidTypeError(
        f"JoinedTable {argument} must be a table, or the path of one in the artifact: {table!r}",
        hint=f"paths of tables end with {SUFFIX}",
    )


def _described(table: Table | PartitionedTable | str, keeper: Keeper) -> dict[str, Any]:
    if not isinstance(table, str):
        return table._keep(keeper)
    if keeper.run is not None:
        raise InvalidInputError(
            f"{table} is a path in an artifact, and a run has no such file",
            hint="pass the table itself, or add the JoinedTable to the artifact",
        )
    return {TYPE: Table.type_name, "path": table}


def _rows_of(table: Table | PartitionedTable | str) -> Table:
    if isinstance(table, Table):
        return table
    if isinstance(table, PartitionedTable):
        return table.table()
    raise StateError(
        f"{table} is a path in an artifact to which this was not added yet",
        hint="log the artifact and get() the joined table from it",
    )
