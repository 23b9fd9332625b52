"""Keeping rows as a file, and what the description of a table says of its files."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from artifacts.media.base import FILES
from artifacts.store.errors import ArtifactsError, from_os_error

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from artifacts.media.base import Keeper, Kept
    from artifacts.tables.columns import Columns

SUFFIX = ".table.parquet"
"""What the names of files of tables end with."""

_FOLDER = "table"
_PARTS = "parts"


class Part(NamedTuple):
    """Rows that were kept.

    Attributes:
        kept: Their file.
        row_count: How many they are.
        files: The digests of the files of their media, by path.
    """

    kept: Kept
    row_count: int
    files: dict[str, str]


def keep(keeper: Keeper, columns: Columns, rows: Sequence[Sequence[Any]]) -> Part:
    """Keep rows as a file, and their media beside it.

    Args:
        columns: As they are with these rows.
        rows: Cells as a table holds them.

    Raises:
        InvalidInputError: A value cannot be written, or a file of media cannot be read.
        StorageError: There is no space for it.
    """
    from artifacts.tables.writing import CellMedia, write

    media = CellMedia(keeper)
    try:
        with tempfile.TemporaryDirectory(prefix="artifacts-table-") as folder:
            path = Path(folder, f"rows{SUFFIX}")
            write(path, columns, rows, media)
            return Part(keeper.keep(_FOLDER, SUFFIX, path), len(rows), media.files)
    except OSError as error:
        if isinstance(error, ArtifactsError):  # a file of media that is missing is both
            raise
        raise from_os_error(error, "write a table") from error


def described(type_name: str, columns: Columns, parts: Sequence[Part]) -> dict[str, Any]:
    """Return the description of a table.

    Args:
        columns: As they are with all rows.
        parts: Where the rows are; one, except for a table that is logged bit by bit.
    """
    files: dict[str, str] = {}
    for part in parts:
        files |= part.files
    told = {
        **parts[-1].kept.described(type_name),
        "ncols": len(columns),
        "nrows": sum(part.row_count for part in parts),
        "columns": columns.names,
        "column_types": [column.type for column in columns],
    }
    if len(parts) > 1:
        told[_PARTS] = [{"path": part.kept.path, "nrows": part.row_count} for part in parts]
        files |= {part.kept.path: part.kept.digest for part in parts}
    return told | ({FILES: files} if files else {})


def paths_in(description: Mapping[str, Any]) -> list[str]:
    """Return the paths of the files with the rows, in their order."""
    return [part["path"] for part in description.get(_PARTS) or [description]]
