"""What changed from one table to another, by rows.

Rows are compared by digests, in parts that are written to temporary files: a part holds the rows
whose keys begin alike, so that each can be compared on its own and memory stays small however
large the tables are. What the rows of the examples hold is read in a second pass.
"""

from __future__ import annotations

import contextlib
import struct
import tempfile
from collections import Counter
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from artifacts.store.digests import hash_bytes
from artifacts.store.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from artifacts.store.rows import Row, Table

DEFAULT_EXAMPLES = 5
_PARTS = 64
_DIGEST = 16  # bytes, enough that no two rows of a table share one by accident
_RECORD = struct.Struct(f"<{_DIGEST}s{_DIGEST}sQ")
_READ_RECORDS = 8192
_EXACT = 2**53  # doubles hold all whole numbers up to it


class RowChange(NamedTuple):
    """A row before and after; None where there is none."""

    before: Row | None
    after: Row | None


class RowDiff(NamedTuple):
    """How the rows of a table changed; true if they did, or its columns.

    Attributes:
        added: How many rows are new.
        removed: How many rows are gone.
        changed: How many rows have the same key and other values; 0 without a key.
        unchanged: How many rows are the same.
        added_columns: Columns that only the newer table has; these are not compared.
        removed_columns: Columns that only the older table has; likewise.
        examples: Some of the rows that differ: changed ones, then added, then removed.
    """

    added: int
    removed: int
    changed: int
    unchanged: int
    added_columns: list[str]
    removed_columns: list[str]
    examples: list[RowChange]

    def __bool__(self) -> bool:
        return bool(
            self.added or self.removed or self.changed or self.added_columns or self.removed_columns
        )


def diff_rows(
    before: Table,
    after: Table,
    *,
    key: Sequence[str] = (),
    examples: int = DEFAULT_EXAMPLES,
) -> RowDiff:
    """Compare two tables in the columns that both have; the order of rows does not count.

    Args:
        before: The older table.
        after: The newer table.
        key: Columns whose values say which row is which. Without them rows are only equal or
            not, and equal ones are counted.
        examples: At most so many of the rows of each kind of change are returned.

    Raises:
        InvalidInputError: A row does not have the key, or several rows of one table do.
        FormatError: One of them is no table.
    """
    old_columns, new_columns = before.columns(), after.columns()
    common = [name for name in old_columns if name in set(new_columns)]
    wanted = _Wanted(examples)
    counts: Counter[str] = Counter()
    with contextlib.ExitStack() as stack:
        old, new = (
            _Parts(stack, table, key, common, which)
            for table, which in ((before, "older"), (after, "newer"))
        )
        for number in range(_PARTS):
            if key:
                _compare_by_key(old.part(number), new.part(number), counts, wanted)
            else:
                _compare_as_bag(old.part(number), new.part(number), counts, wanted)
    return RowDiff(
        counts["added"],
        counts["removed"],
        counts["changed"],
        counts["unchanged"],
        sorted(set(new_columns) - set(old_columns)),
        sorted(set(old_columns) - set(new_columns)),
        wanted.load(before, after),
    )


class _Hashed(NamedTuple):
    """A row as it is compared.

    Attributes:
        key: Digest of what says which row it is.
        values: Digest of all its values.
        number: Its place in the table.
    """

    key: bytes
    values: bytes
    number: int


class _Wanted:
    """Places of rows that shall be shown, some of each kind of change."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._places: dict[str, list[tuple[int | None, int | None]]] = {
            "changed": [],
            "added": [],
            "removed": [],
        }

    def add(self, kind: str, before: int | None, after: int | None) -> None:
        """Note a difference, unless there are enough of its kind."""
        places = self._places[kind]
        if len(places) < self._most:
            places.append((before, after))

    def load(self, before: Table, after: Table) -> list[RowChange]:
        """Read the rows that were noted."""
        places = [place for found in self._places.values() for place in found]
        old = _rows_at(before, {number for number, _ in places if number is not None})
        new = _rows_at(after, {number for _, number in places if number is not None})
        return [
            RowChange(
                None if first is None else old[first], None if second is None else new[second]
            )
            for first, second in places
        ]


class _Parts:
    """The rows of a table in temporary files, by the first bits of their keys."""

    def __init__(
        self,
        stack: contextlib.ExitStack,
        table: Table,
        key: Sequence[str],
        columns: Sequence[str],
        which: str,
    ) -> None:
        self._files: list[IO[bytes]] = [
            stack.enter_context(tempfile.TemporaryFile(prefix="artifacts-rows-"))  # noqa: SIM115
            for _ in range(_PARTS)
        ]
        self._which = which
        self._keyed = bool(key)
        for number, row in enumerate(table.rows()):
            values = _digest(row.get(name, _ABSENT) for name in columns)
            name = _digest(self._key_of(row, key)) if key else values
            self._files[name[0] % _PARTS].write(_RECORD.pack(name, values, number))

    def part(self, number: int) -> Iterator[_Hashed]:
        """Yield the rows of one part; of a table with a key, no key twice.

        Raises:
            InvalidInputError: It has a key twice.
        """
        file = self._files[number]
        file.seek(0)
        seen: set[bytes] = set()
        while data := file.read(_RECORD.size * _READ_RECORDS):
            for record in _RECORD.iter_unpack(data):
                row = _Hashed(*record)
                if self._keyed:
                    if row.key in seen:
                        raise InvalidInputError(
                            f"the key does not tell rows apart: in the {self._which} table row "
                            f"{row.number + 1} has the key of an earlier one",
                            hint="name more columns, or compare whole rows, without a key",
                            kind="bad_key",
                        )
                    seen.add(row.key)
                yield row

    def _key_of(self, row: Row, key: Sequence[str]) -> Iterator[Any]:
        for name in key:
            if name not in row:
                raise InvalidInputError(
                    f"the {self._which} table has no column {name!r}",
                    hint=f"its columns are: {', '.join(row)}",
                    kind="bad_key",
                )
            yield row[name]


def _compare_by_key(
    before: Iterable[_Hashed], after: Iterable[_Hashed], counts: Counter[str], wanted: _Wanted
) -> None:
    old = {row.key: row for row in before}
    for row in after:
        known = old.pop(row.key, None)
        if known is None:
            counts["added"] += 1
            wanted.add("added", None, row.number)
        elif known.values != row.values:
            counts["changed"] += 1
            wanted.add("changed", known.number, row.number)
        else:
            counts["unchanged"] += 1
    counts["removed"] += len(old)
    for row in old.values():
        wanted.add("removed", row.number, None)


def _compare_as_bag(
    before: Iterable[_Hashed], after: Iterable[_Hashed], counts: Counter[str], wanted: _Wanted
) -> None:
    old: dict[bytes, list[int]] = {}
    for row in before:
        old.setdefault(row.values, []).append(row.number)
    for row in after:
        places = old.get(row.values)
        if places:
            places.pop()
            counts["unchanged"] += 1
        else:
            counts["added"] += 1
            wanted.add("added", None, row.number)
    for places in old.values():
        counts["removed"] += len(places)
        for number in places:
            wanted.add("removed", number, None)


_ABSENT = object()
"""Stands for a value that a row of JSON Lines does not have, which is not null."""


def _digest(values: Iterable[Any]) -> bytes:
    text = "\x1f".join(map(_text, values))
    return hash_bytes(text.encode("utf-8", "surrogatepass"))[:_DIGEST]


def same_value(first: Any, second: Any) -> bool:
    """Whether two values of rows are the same, as `diff_rows` takes them."""
    return _text(first) == _text(second)


def _text(value: Any) -> str:
    """Return a text that tells values and types apart.

    Neither the order of members counts, nor the path of a media file whose digest is there, nor
    whether a whole number is written with a point.
    """
    if value is _ABSENT:
        return "absent"
    if isinstance(value, float) and value.is_integer() and abs(value) <= _EXACT:
        return repr(int(value))
    if isinstance(value, dict):
        is_media = "_type" in value
        left_out = "path" if is_media and "digest" in value else None
        if is_media and isinstance(value.get("files"), dict):
            value = {**value, "files": sorted(map(_text, value["files"].values()))}
        members = sorted((name, _text(item)) for name, item in value.items() if name != left_out)
        return "{" + ",".join(f"{name!r}:{member}" for name, member in members) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_text, value)) + "]"
    return repr(value)


def _rows_at(table: Table, numbers: set[int]) -> dict[int, Row]:
    if not numbers:
        return {}
    last = max(numbers)
    found = {}
    for number, row in enumerate(table.rows()):
        if number in numbers:
            found[number] = row
        if number == last:
            break
    return found
