"""Tables of rows, as files and on the screen: CSV, JSON, Parquet."""

from __future__ import annotations

import enum
import sys
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pyarrow as pa

_GROUP = 10_000


class Format(enum.StrEnum):
    """How rows are written."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"
    PARQUET = "parquet"


FILE_FORMATS = (Format.CSV, Format.JSON, Format.PARQUET)


def arranged(table: pa.Table) -> pa.Table:
    """Return rows with the step as first column, and what the library adds as the last ones."""
    return table.select(sorted(table.schema.names, key=_place))


def _place(name: str) -> tuple[int, str]:
    first = ("run", "_step")
    return (first.index(name) if name in first else 3 if name.startswith("_") else 2), name


def format_option(*, table: bool) -> Callable[..., Any]:
    """Return the option --format.

    Args:
        table: Whether rows may be shown on the screen.
    """
    names = [str(each) for each in Format] if table else [str(each) for each in FILE_FORMATS]
    default = "table" if table else "csv"
    return click.option(
        "--format",
        "format_",
        type=click.Choice(names),
        help=f"Default: what the name of the file says, else {default}.",
    )


def choose_format(given: str | None, path: Path | None, default: Format) -> Format:
    """Return the format that was asked for, or that the name of a file says."""
    if given is not None:
        return Format(given)
    if path is not None:
        suffix = path.suffix.lower().removeprefix(".")
        return Format(suffix) if suffix in FILE_FORMATS else Format.CSV
    return default


def write_file(table: pa.Table, path: Path, format_: Format) -> None:
    """Write a file, which appears under its name when it is complete.

    Raises:
        StorageError: It cannot be written.
    """
    import secrets

    from artifacts.store.errors import from_os_error

    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with temporary.open("wb") as file:
                write(table, file, format_)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise from_os_error(error, f"write {path}") from error


def print_rows(table: pa.Table, format_: Format) -> None:
    """Write rows to stdout.

    Raises:
        InvalidInputError: They are no text, and stdout is a terminal.
    """
    from artifacts.store.errors import InvalidInputError

    if format_ is Format.PARQUET and sys.stdout.isatty():
        raise InvalidInputError(
            "Parquet is no text; a terminal cannot show it",
            hint="write it to a file: -o FILE.parquet",
        )
    write(table, sys.stdout.buffer, format_)


def write(table: pa.Table, file: IO[bytes], format_: Format) -> None:
    """Write rows as CSV, as a JSON list of objects, or as Parquet.

    Values that are lists or objects are JSON in CSV; a missing value is empty there, and left out
    in JSON. Numbers that are not finite are the texts ``NaN``, ``Infinity`` and ``-Infinity``.
    """
    if format_ is Format.PARQUET:
        _write_parquet(table, file)
    elif format_ is Format.JSON:
        _write_json(table, file)
    else:
        _write_csv(table, file)


def rows_of(table: pa.Table) -> Iterator[dict[str, Any]]:
    """Yield rows with the keys that they have, some of them in memory at a time."""
    from artifacts._columns import to_rows

    for batch in table.to_batches(max_chunksize=_GROUP):
        yield from to_rows(batch)


def json_rows(table: pa.Table) -> list[Any]:
    """Return rows as JSON has them: without what is missing, and with numbers that it can hold."""
    from artifacts.runs.values import storable

    return [storable(row) for row in rows_of(table)]


def _write_parquet(table: pa.Table, file: IO[bytes]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    if sys.stdout.isatty() or file.seekable():
        pq.write_table(table, file)
        return
    buffer = pa.BufferOutputStream()  # a pipe cannot be asked where it is
    pq.write_table(table, buffer)
    file.write(buffer.getvalue())


def _write_json(table: pa.Table, file: IO[bytes]) -> None:
    import json

    from artifacts.runs.values import storable

    before = "[\n "
    for row in rows_of(table):
        file.write(f"{before}{json.dumps(storable(row), allow_nan=False)}".encode())
        before = ",\n "
    file.write(b"[]\n" if before.startswith("[") else b"\n]\n")


def _write_csv(table: pa.Table, file: IO[bytes]) -> None:
    import csv
    import io

    names = table.schema.names
    text = io.TextIOWrapper(file, encoding="utf-8", errors="backslashreplace", newline="")
    try:
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(names)
        for row in rows_of(table):
            writer.writerow([csv_cell(row.get(name)) for name in names])
        text.flush()
    finally:
        text.detach()  # the file is the caller's


def csv_cell(value: Any) -> Any:
    """Return a value as CSV has it: lists and objects as JSON."""
    import json

    from artifacts.runs.values import storable

    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict | list):
        return json.dumps(storable(value), allow_nan=False)
    return storable(value)
