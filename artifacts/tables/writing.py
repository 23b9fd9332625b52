"""Writing rows as a Parquet file, a group of them in memory at a time."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from artifacts.media.base import describe, named_files
from artifacts.tables.encoding import choose
from artifacts.tables.values import ARRAY, BYTES, LIST, TEXT

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from artifacts.media.base import Keeper, Media
    from artifacts.tables.columns import Columns

INFO = b"artifacts.table"
"""Key of the file's metadata under which a JSON object says what is in it."""

FORMAT = 1

_GROUP_ROWS = 16_384
_GROUP_BYTES = 32 << 20
_BULKY = frozenset({ARRAY, BYTES, LIST, TEXT})


class CellMedia:
    """Keeps the media of cells. An object that is in several cells is kept once.

    Attributes:
        files: The digests of all files that were kept for them, by path.
    """

    def __init__(self, keeper: Keeper) -> None:
        self.files: dict[str, str] = {}
        self._keeper = keeper
        self._known: dict[int, tuple[Media, dict[str, Any]]] = {}

    def __call__(self, media: Media) -> dict[str, Any]:
        """Keep an object and return its description."""
        known = self._known.get(id(media))
        if known is None:
            # With the object, whose number another one could get if it were gone.
            known = self._known[id(media)] = (media, describe(media, self._keeper))
            self.files.update(named_files(known[1]))
        return known[1]


def write(path: Path, columns: Columns, rows: Sequence[Sequence[Any]], media: CellMedia) -> None:
    """Write a table.

    Args:
        columns: As they are with all these rows.
        rows: Cells as a table holds them.
        media: Keeps what is in cells.

    Raises:
        InvalidInputError: A value cannot be written, or a file of media cannot be read.
        StorageError: There is no space for a file.
    """
    encodings = [
        choose(column.type, (row[place] for row in rows)) for place, column in enumerate(columns)
    ]
    told = {
        "format": FORMAT,
        "rows": len(rows),
        "columns": [
            {"name": column.name, "type": column.type, "optional": column.optional}
            | ({"fixed": True} if column.fixed else {})
            | encoding.to_info()
            for column, encoding in zip(columns, encodings, strict=True)
        ],
    }
    schema = pa.schema(
        [
            encoding.field(str(column.name))
            for column, encoding in zip(columns, encodings, strict=True)
        ],
        metadata={INFO: json.dumps(told).encode()},
    )
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for group in _groups(columns, rows):
            arrays = [
                encoding.encode([row[place] for row in group], media)
                for place, encoding in enumerate(encodings)
            ]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))


def _groups(columns: Columns, rows: Sequence[Sequence[Any]]) -> Iterator[Sequence[Sequence[Any]]]:
    bulky = [place for place, column in enumerate(columns) if column.type in _BULKY]
    start = size = 0
    for number, row in enumerate(rows):
        size += sum(_size(row[place]) for place in bulky)
        if number + 1 - start >= _GROUP_ROWS or size >= _GROUP_BYTES:
            yield rows[start : number + 1]
            start, size = number + 1, 0
    if start < len(rows):
        yield rows[start:]


def _size(value: Any) -> int:
    if isinstance(value, list):
        return 8 * len(value)
    found = getattr(value, "nbytes", None)
    return sys.getsizeof(value) if found is None else int(found)
