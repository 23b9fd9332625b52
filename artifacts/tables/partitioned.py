"""`PartitionedTable`: all tables below a folder of an artifact as one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self

from artifacts.media.base import TYPE, Media
from artifacts.store.errors import InvalidInputError, InvalidTypeError, StateError
from artifacts.tables.parts import SUFFIX
from artifacts.tables.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from artifacts.media.base import Files, Keeper


class PartitionedTable(Media):
    """The rows of all tables below a folder of an artifact, in the order of their paths.

    Args:
        parts_path: The folder.

    Raises:
        InvalidTypeError: It is no text.

    Example:
        >>> for number, table in enumerate(tables):
        ...     artifact.add(table, f"parts/{number:03}")
        >>> artifact.add(artifacts.PartitionedTable("parts"), "all")
    """

    type_name: ClassVar[str] = "partitioned-table"

    def __init__(self, parts_path: str) -> None:
        if not isinstance(parts_path, str):
            raise InvalidTypeError(f"parts_path must be text, not {type(parts_path).__name__}")
        self.parts_path = parts_path.strip("/")
        self._source: Files | None = None

    @classmethod
    def _load(cls, description: Mapping[str, Any], files: Files) -> Self:
        loaded = cls(description["parts_path"])
        loaded._source = files
        return loaded

    def _keep(self, keeper: Keeper) -> dict[str, Any]:
        if keeper.run is not None:
            raise InvalidInputError(
                "a PartitionedTable cannot be logged to a run: its tables are in an artifact",
                hint="add it to the artifact",
            )
        return {TYPE: self.type_name, "parts_path": self.parts_path}

    def table(self) -> Table:
        """Return all rows as one table, which is read when it is needed.

        Raises:
            StateError: This was not read from an artifact.
            InvalidInputError: There is no table below the folder.
            FormatError: Their columns have different names.
        """
        if self._source is None:
            raise StateError(
                f"{self.parts_path} is a folder of an artifact to which this was not added yet",
                hint="log the artifact and get() the table from it",
            )
        found = [path for path in self._source.below(self.parts_path) if path.endswith(SUFFIX)]
        if not found:
            raise InvalidInputError(f"there is no table below {self.parts_path!r}")
        return Table._of_files(self._source, found)

    def iterrows(self) -> Iterator[tuple[int, list[Any]]]:
        """Yield the number and the cells of each row; some rows are in memory at a time."""
        return self.table().iterrows()

    def get_dataframe(self) -> Any:
        """Return all rows as a DataFrame of pandas.

        Raises:
            ConfigError: pandas is not installed.
        """
        return self.table().get_dataframe()

    def __eq__(self, other: object) -> bool:
        if isinstance(other, PartitionedTable):
            return self.parts_path == other.parts_path
        return super().__eq__(other)

    def __hash__(self) -> int:
        return super().__hash__()
