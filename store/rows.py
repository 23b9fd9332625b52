"""Tables in files, read row by row: CSV, JSON Lines and Parquet, none of them held as a whole."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from artifacts.store.errors import FormatError

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

Row = dict[str, Any]
"""A row by the names of its columns."""

KINDS = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
}
"""The kind of table that a file is, by the end of its name."""

_MARK = b"artifacts"
"""Key of a column's metadata that says how its values are kept; see the specification."""

_BATCH = 4096
_LONGEST = 16 << 20
"""Characters of a line of CSV, and of a cell: a quote that is never closed must not take all
memory."""


def table_kind(path: str) -> str | None:
    """Return the kind of table at a path inside a version, None if it is none that is known."""
    name = path.rpartition("/")[2].lower()
    return next((kind for end, kind in KINDS.items() if name.endswith(end)), None)


class Table(NamedTuple):
    """A table that can be read as often as one likes; nothing of it is held.

    Attributes:
        kind: One of the values of `KINDS`.
        open: Opens the file for reading; what it returns can seek.
    """

    kind: str
    open: Callable[[], IO[bytes]]

    def columns(self) -> list[str]:
        """Return the names of all columns in their order.

        Raises:
            FormatError: It is no such table.
        """
        if self.kind == "jsonl":  # every row may bring others
            return list(dict.fromkeys(name for row in self.rows() for name in row))
        with self.open() as file, _understood(self.kind):
            if self.kind == "parquet":
                with _parquet_file(file) as table:
                    names: list[str] = table.schema_arrow.names
            else:
                names = next(_csv_rows(file, self.kind), [])
        return _unique(self.kind, names)

    def rows(self) -> Iterator[Row]:
        """Yield the rows; values of CSV are texts.

        Of the Parquet files of this product, JSON texts are yielded as what they stand for, and
        media as their descriptions.

        Raises:
            FormatError: It is no such table. Rows before the fault have been yielded.
        """
        with self.open() as file, _understood(self.kind):
            if self.kind == "jsonl":
                yield from _jsonl(file)
            elif self.kind == "parquet":
                with _parquet_file(file) as table:
                    readers = _readers(table.schema_arrow)
                    for batch in table.iter_batches(batch_size=_BATCH, use_threads=False):
                        rows = batch.to_pylist()
                        for name, read in readers.items():
                            for row in rows:
                                row[name] = None if row[name] is None else read(row[name])
                        yield from rows
            else:
                cells = _csv_rows(file, self.kind)
                names = _unique(self.kind, next(cells, []))
                for row in cells:
                    yield dict(zip(names, row, strict=True))


def _unique(kind: str, names: list[str]) -> list[str]:
    if len(set(names)) != len(names):
        raise _malformed(kind, "two columns have one name")
    return names


def _csv_rows(file: IO[bytes], kind: str) -> Iterator[list[str]]:
    """Yield the cells of each line that is not empty, the names of the columns first."""
    if csv.field_size_limit() < _LONGEST:
        csv.field_size_limit(_LONGEST)  # of the whole process, and too small for texts
    text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
    reader = csv.reader(_lines(text), delimiter="\t" if kind == "tsv" else ",")
    count = None
    for row in reader:
        if not row:
            continue
        if count is None:
            count = len(row)
        elif len(row) != count:
            raise _malformed(kind, f"line {reader.line_num}: {len(row)} cells, not {count}")
        yield row


def _lines(text: io.TextIOWrapper) -> Iterator[str]:
    """Yield lines; what is not a table may have one that is as long as the file."""
    while line := text.readline(_LONGEST):
        if len(line) == _LONGEST:
            raise csv.Error(f"a line is longer than {_LONGEST >> 20} Mi characters")
        yield line


def _parquet_file(file: IO[bytes]) -> pq.ParquetFile:
    import pyarrow.parquet as pq

    # Read in the thread that asks: a thread of Arrow's that still holds a Python file when the
    # interpreter ends would abort the process.
    return pq.ParquetFile(file, pre_buffer=False)


def _readers(schema: pa.Schema) -> dict[str, Callable[[Any], Any]]:
    """Return what reads the values of columns that are marked, by their names."""
    marks = {field.name: (field.metadata or {}).get(_MARK) for field in schema}
    return {name: _MARKED[mark] for name, mark in marks.items() if mark in _MARKED}


def _description(cell: dict[str, Any]) -> dict[str, Any]:
    """Return the description of a media object, of which a cell holds a part as JSON."""
    told = {name: value for name, value in cell.items() if name != "more" and value is not None}
    return told if cell.get("more") is None else {**told, **json.loads(cell["more"])}


_MARKED: dict[bytes, Callable[[Any], Any]] = {b"json": json.loads, b"media": _description}


def _jsonl(file: IO[bytes]) -> Iterator[Row]:
    import orjson

    for number, line in enumerate(file, 1):
        if not line.strip():
            continue
        try:
            row = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            raise _malformed("jsonl", f"line {number}: {error}") from error
        if not isinstance(row, dict):
            raise _malformed("jsonl", f"line {number} is no JSON object")
        yield row


@contextmanager
def _understood(kind: str) -> Iterator[None]:
    """Say what is wrong with a table in words of this product."""
    import pyarrow as pa

    try:
        yield
    except (pa.ArrowException, csv.Error, UnicodeDecodeError) as error:
        raise _malformed(kind, str(error).splitlines()[0]) from error


def _malformed(kind: str, why: str) -> FormatError:
    return FormatError(f"cannot read {kind} rows: {why}", kind="bad_table")
