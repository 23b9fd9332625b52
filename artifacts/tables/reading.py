"""Reading the rows of a table that was kept: only the columns and groups that are asked for."""

from __future__ import annotations

import json
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any

from artifacts.store.errors import ArtifactsError, FormatError
from artifacts.tables.columns import Column, Columns

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pyarrow as pa
    import pyarrow.parquet as pq

    from artifacts.media.base import Files
    from artifacts.tables.encoding import Encoding

_BATCH = 1024


class StoredRows:
    """The rows of one file or of several, one after the other.

    Args:
        files: Where the files are, and those of the media in cells.
        paths: Of the files, in the order of their rows. At least one.
    """

    def __init__(self, files: Files, paths: Sequence[str]) -> None:
        self._files = files
        self._parts = [_Part(files, path) for path in paths]

    @cached_property
    def columns(self) -> Columns:
        """The columns, with types that hold the values of all files.

        Raises:
            FormatError: The files have columns of different names.
        """
        found = self._parts[0].columns
        for part in self._parts[1:]:
            if part.columns.names != found.names:
                raise FormatError(
                    f"{part.path} has the columns {part.columns.names}, and "
                    f"{self._parts[0].path} has {found.names}",
                    kind="bad_table",
                )
            pairs = zip(found, part.columns, strict=True)
            found = Columns(column.united(other) for column, other in pairs)
        return found

    def __len__(self) -> int:
        return sum(part.count for part in self._parts)

    def rows(self) -> Iterator[list[Any]]:
        """Yield all rows, some of them in memory at a time."""
        has_columns = bool(self.columns)
        for part in self._parts:
            if not has_columns:
                yield from ([] for _ in range(part.count))
                continue
            for columns in part.batches(None):
                yield from map(list, zip(*columns, strict=True))

    def column(self, place: int) -> list[Any]:
        """Return the values of one column; the others are not read."""
        return [
            value
            for part in self._parts
            for [values] in part.batches([str(self.columns[place].name)])
            for value in values
        ]


class _Part:
    """One file, which is opened whenever it is read."""

    def __init__(self, files: Files, path: str) -> None:
        self._files = files
        self.path = path

    @property
    def columns(self) -> Columns:
        return self._told[0]

    @property
    def count(self) -> int:
        return self._told[1]

    def batches(self, names: list[str] | None) -> Iterator[list[list[Any]]]:
        """Yield the values of columns, some rows at a time.

        Args:
            names: Of the columns, as the file has them; None for all.
        """
        with self._opened() as file:
            encodings = self._encodings(file.schema_arrow)
            for batch in file.iter_batches(batch_size=_BATCH, columns=names, use_threads=False):
                # There may be more than was asked for: Arrow takes a dot in a name for a path.
                yield [
                    encodings[name].decode(batch.column(name), self._files)
                    for name in (batch.schema.names if names is None else names)
                ]

    @cached_property
    def _told(self) -> tuple[Columns, int]:
        with self._opened() as file:
            told = self._info(file.schema_arrow)
        columns = Columns(
            Column(each["name"], each["type"], each["optional"], each.get("fixed", False))
            for each in told["columns"]
        )
        return columns, int(told["rows"])

    def _encodings(self, schema: pa.Schema) -> dict[str, Encoding]:
        from artifacts.tables.encoding import encoding_of

        told = {str(each["name"]): each for each in self._info(schema)["columns"]}
        return {field.name: encoding_of(field, told[field.name]) for field in schema}

    def _info(self, schema: pa.Schema) -> dict[str, Any]:
        from artifacts.tables.writing import FORMAT, INFO

        told = (schema.metadata or {}).get(INFO)
        if told is None:
            raise FormatError(
                f"{self.path} was not written as a table",
                hint="read it as the Parquet file that it is",
                kind="bad_table",
            )
        info: dict[str, Any] = json.loads(told)
        if info["format"] != FORMAT:
            raise FormatError(
                f"{self.path} is a table of format {info['format']}, and this release reads "
                f"{FORMAT}",
                hint="read it with a newer release",
                kind="bad_table",
            )
        return info

    @contextmanager
    def _opened(self) -> Iterator[pq.ParquetFile]:
        import pyarrow as pa
        import pyarrow.parquet as pq

        with self._files.open(self.path) as file:
            try:
                # Read in the thread that asks: a thread of Arrow's that still holds a Python file
                # when the interpreter ends would abort the process.
                yield pq.ParquetFile(file, pre_buffer=False)
            except (pa.ArrowException, OSError) as error:  # the latter for a broken footer
                if isinstance(error, ArtifactsError):
                    raise
                reason = str(error).splitlines()[0]
                raise FormatError(
                    f"{self.path} cannot be read: {reason}", kind="bad_table"
                ) from error
