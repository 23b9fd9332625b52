"""Rows as typed columns: how a run's history becomes a Parquet file, and comes back exactly.

A column is of the narrowest of these types that holds every value of its key exactly: boolean,
64-bit integer, double, text, or a list of one of them. Integers among floats become doubles as
long as a double holds them. Anything else (a mix, dicts, larger integers) is a column of JSON
texts, marked in the field's metadata. None is the same as no value.
"""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    Row = dict[str, Any]

INFO = b"artifacts.history"
"""Key of the file's metadata under which a JSON object says what is in it."""

_MARK, _JSON = b"artifacts", b"json"
_GROUP = 65_536
_SCANNED = 4096
_EXACT = 2**53
_INT64 = range(-(2**63), 2**63)

_BOOL, _INT, _BIG, _FLOAT, _TEXT, _LIST, _OTHER = (1 << bit for bit in range(7))
_UNSAFE = 1 << 7  # an integer that a double does not hold exactly
_KINDS = {bool: _BOOL, int: _INT, float: _FLOAT, str: _TEXT, list: _LIST}
_SIMPLE = frozenset({bool, float})


class Column:
    """What is known of the values of one key.

    Attributes:
        count: How many there are.
        last_step: Step of the last of them.
    """

    __slots__ = ("count", "items", "kinds", "last_step")

    def __init__(self) -> None:
        self.kinds = 0
        self.items = 0
        self.count = 0
        self.last_step = -1

    def see(self, values: Sequence[Any], steps: Sequence[int]) -> None:
        """Take the values of some rows into account; None is no value."""
        types = set(map(type, values))
        found = len(values)
        if type(None) in types:
            types.discard(type(None))
            found -= values.count(None)
        if not found:
            return
        self.count += found
        place = len(values) - 1
        while values[place] is None:
            place -= 1
        self.last_step = steps[place]
        if types <= _SIMPLE:
            for type_ in types:
                self.kinds |= _KINDS[type_]
        elif types == {int} and found == len(values):
            self.kinds |= _kind(min(values)) | _kind(max(values))
        else:
            for value in values:
                if value is not None:
                    self._see_one(value)

    def _see_one(self, value: Any) -> None:
        kind = _kind(value)
        self.kinds |= kind
        if kind == _LIST:
            for item in value:
                self.items |= _OTHER if item is None else _kind(item)

    def field(self, name: str) -> pa.Field:
        """Return the column of a table that holds all of them."""
        scalar = _scalar(self.kinds)
        if scalar is None and self.kinds == _LIST:
            item = pa.int64() if self.items == 0 else _scalar(self.items)
            scalar = None if item is None else pa.list_(item)
        if scalar is None:
            return pa.field(name, pa.string(), metadata={_MARK: _JSON})
        return pa.field(name, scalar)


def _kind(value: Any) -> int:
    kind = _KINDS.get(type(value), _OTHER)
    if kind == _INT and not -_EXACT <= value <= _EXACT:
        return _INT | _UNSAFE if value in _INT64 else _BIG
    if kind == _TEXT and not _is_unicode(value):
        return _OTHER  # JSON can escape it
    return kind


def _scalar(kinds: int) -> pa.DataType | None:
    if kinds == _BOOL:
        return pa.bool_()
    if kinds in {_INT, _INT | _UNSAFE}:
        return pa.int64()
    if kinds in {_FLOAT, _FLOAT | _INT}:
        return pa.float64()
    return pa.string() if kinds == _TEXT else None


def scan(rows: Iterable[Row]) -> dict[str, Column]:
    """Find out what the columns of some rows are."""
    columns: dict[str, Column] = {}
    for batch in _batched(rows, _SCANNED):
        steps = [row["_step"] for row in batch]
        for key in dict.fromkeys(itertools.chain.from_iterable(batch)):
            values = [row.get(key) for row in batch]
            columns.setdefault(key, Column()).see(values, steps)
    return {key: column for key, column in columns.items() if column.count}


def to_table(rows: Sequence[Row], schema: pa.Schema | None = None) -> pa.Table:
    """Return rows as a table.

    Args:
        schema: Of columns that hold all their values; by default that of these rows alone.
    """
    if schema is None:
        found = scan(rows)
        schema = pa.schema([found[name].field(name) for name in found])
    arrays = []
    for field, values in zip(schema, _turned(rows, schema.names), strict=True):
        if is_json(field):
            values = [None if value is None else json.dumps(value) for value in values]  # noqa: PLW2901
        arrays.append(pa.array(values, field.type, from_pandas=False))
    return pa.Table.from_arrays(arrays, schema=schema)


def _turned(rows: Sequence[Row], names: Sequence[str]) -> list[list[Any]]:
    """Return the values of each column; few rows at a time, as many as fit into a CPU's cache."""
    columns: list[list[Any]] = [[] for _ in names]
    for start in range(0, len(rows), _SCANNED):
        part = rows[start : start + _SCANNED]
        for name, values in zip(names, columns, strict=True):
            values += [row.get(name) for row in part]
    return columns


def _is_unicode(text: str) -> bool:
    return text.isascii() or not any("\ud800" <= c <= "\udfff" for c in text)


def write(
    path: Path, rows: Callable[[], Iterable[Row]], info: Callable[[], Mapping[str, Any]]
) -> dict[str, Any]:
    """Write rows to a Parquet file; a part of them is in memory at a time.

    Args:
        rows: Returns the same rows each time it is called, and is called twice.
        info: Returns what the file is to say of itself; called when all rows were seen once.

    Returns:
        That, with what follows from the rows: their number, their keys, their last step, and
        whether their steps only increase.
    """
    last, count, ordered = -1, 0, True

    def watched() -> Iterator[Row]:
        nonlocal last, count, ordered
        for row in rows():
            step = row["_step"]
            ordered = ordered and step >= last
            last = max(last, step)
            count += 1
            yield row

    columns = scan(watched())
    # Without rows there is the one column that every history has.
    fields = [columns[name].field(name) for name in sorted(columns)]
    schema = pa.schema(fields or [pa.field("_step", pa.int64())])
    told = {
        **info(),
        "rows": count,
        "last_step": last,
        "ordered": ordered,
        "keys": {
            name: {"count": columns[name].count, "last_step": columns[name].last_step}
            for name in sorted(columns)
        },
    }
    schema = schema.with_metadata({INFO: json.dumps(told, sort_keys=True).encode()})
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for group in _batched(rows(), _GROUP):
            writer.write_table(to_table(group, schema))
    return told


def _batched(rows: Iterable[Row], size: int) -> Iterator[list[Row]]:
    batch: list[Row] = []
    for row in rows:
        batch.append(row)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def is_json(field: pa.Field) -> bool:
    """Whether the values of a column are JSON texts."""
    return (field.metadata or {}).get(_MARK) == _JSON


def to_rows(table: pa.Table | pa.RecordBatch) -> list[Row]:
    """Return the rows of a table, each with the keys that it has."""
    columns = [
        (
            field.name,
            [
                None if value is None else json.loads(value) if is_json(field) else value
                for value in column.to_pylist()
            ],
        )
        for field, column in zip(table.schema, table.columns, strict=True)
    ]
    names = [name for name, _ in columns]
    return [
        {name: value for name, value in zip(names, values, strict=True) if value is not None}
        for values in zip(*(column for _, column in columns), strict=True)
    ]


def concat(tables: Sequence[pa.Table]) -> pa.Table:
    """Return the rows of several tables; a key that is of several types follows the rule above."""
    names = list(dict.fromkeys(name for table in tables for name in table.schema.names))
    fields = [_common(name, tables) for name in names]
    schema = pa.schema(fields)
    aligned = [
        pa.Table.from_arrays([_aligned(table, field) for field in fields], schema=schema)
        for table in tables
    ]
    return pa.concat_tables(aligned) if aligned else schema.empty_table()


def _common(name: str, tables: Sequence[pa.Table]) -> pa.Field:
    """Return a column that holds the values of this name in all tables."""
    found = [table for table in tables if name in table.schema.names]
    fields = {(table.field(name).type, is_json(table.field(name))) for table in found}
    if len(fields) == 1:
        return found[0].field(name)
    numbers = {(pa.int64(), False), (pa.float64(), False)}
    if fields == numbers and all(_is_exact(table.column(name)) for table in found):
        return pa.field(name, pa.float64())
    return pa.field(name, pa.string(), metadata={_MARK: _JSON})


def _is_exact(column: pa.ChunkedArray) -> bool:
    """Whether doubles hold these numbers."""
    if not pa.types.is_integer(column.type):
        return True
    ends = pc.min_max(column).as_py()
    return ends["min"] is None or (ends["min"] >= -_EXACT and ends["max"] <= _EXACT)


def _aligned(table: pa.Table, field: pa.Field) -> pa.ChunkedArray | pa.Array:
    if field.name not in table.schema.names:
        return pa.nulls(table.num_rows, field.type)
    column = table.column(field.name)
    if is_json(field) and not is_json(table.field(field.name)):
        values = [None if value is None else json.dumps(value) for value in column.to_pylist()]
        return pa.array(values, pa.string())
    return column.cast(field.type)
