"""The rows that a run has logged: those of a version, and those that are in none yet."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from artifacts.store.errors import ConfigError, FormatError, InvalidInputError, ObjectNotFoundError
from artifacts.store.frames import values_in
from artifacts.store.journal import read_journal
from artifacts.store.manifest import Manifest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from typing import IO

    import pyarrow as pa

    from artifacts.store.digests import Digest
    from artifacts.store.records import HistoryChunk, RunRecord, VersionRecord
    from artifacts.store.store import Store

    Row = dict[str, Any]

STEP = "_step"
FILE = "history.parquet"
DEFAULT_STREAM, SYSTEM_STREAM = "default", "system"

_IN_MEMORY = 8 << 20
_AT_ONCE = 32


@dataclass(frozen=True, slots=True)
class Piece:
    """Rows of one journal.

    Attributes:
        session: Name of the journal.
        first: Number of the first of them in there.
        source: The journal itself, or a part of it, compressed.
    """

    session: str
    first: int
    source: Path | bytes

    def values(self) -> Iterator[Any]:
        """Yield rows and notes."""
        if isinstance(self.source, Path):
            return read_journal(self.source)
        import zstandard

        return values_in(zstandard.ZstdDecompressor().decompress(self.source))


class HistoryFile:
    """The Parquet file of a version.

    Args:
        version: The version.
        file: Its file, which is read when something is asked for.
    """

    def __init__(self, version: VersionRecord, file: IO[bytes]) -> None:
        import pyarrow.parquet as pq

        from artifacts._columns import INFO

        self.version = version
        self._parquet: Any = pq.ParquetFile(file)
        self.schema: pa.Schema = self._parquet.schema_arrow
        told = (self.schema.metadata or {}).get(INFO)
        if told is None:
            raise FormatError(f"{version.ref} was not written as the history of a run")
        self.info: dict[str, Any] = json.loads(told)

    def table(self, keys: Iterable[str] | None = None) -> pa.Table:
        """Return all rows with some of the columns, those that there are."""
        names = self._names(keys)
        return self._parquet.read(columns=names).select(names)

    def rows(
        self,
        keys: Iterable[str] | None = None,
        *,
        low: int | None = None,
        high: int | None = None,
        page: int = 1000,
    ) -> Iterator[Row]:
        """Yield rows as they were written, leaving out groups that are out of the range."""
        from artifacts._columns import to_rows

        names = self._names(keys)
        place = self._parquet.schema_arrow.names.index(STEP)
        groups = []
        for number in range(self._parquet.num_row_groups):
            column = self._parquet.metadata.row_group(number).column(self._leaf(place))
            known = column.statistics
            if known is not None and known.has_min_max:
                if low is not None and known.max < low:
                    continue
                if high is not None and known.min >= high:
                    continue
            groups.append(number)
        for batch in self._parquet.iter_batches(batch_size=page, row_groups=groups, columns=names):
            yield from to_rows(batch.select(names))

    def _leaf(self, place: int) -> int:
        """Return the number of a column among those that the file has."""
        paths: list[str] = [
            self._parquet.schema.column(i).path for i in range(len(self._parquet.schema))
        ]
        name = str(self.schema.names[place])
        return paths.index(name)

    def _names(self, keys: Iterable[str] | None) -> list[str]:
        names: list[str] = self.schema.names
        return names if keys is None else [name for name in dict.fromkeys(keys) if name in names]


class History:
    """All rows of one run.

    Args:
        file: Of the newest version, or None.
        pieces: What is in no version yet, and what is.
    """

    def __init__(self, file: HistoryFile | None, pieces: Sequence[Piece]) -> None:
        self.file = file
        self._pieces = pieces
        self.sessions: dict[str, int] = {} if file is None else dict(file.info["sessions"])
        """How many rows of each journal are in the version, and of those that `tail` has seen."""
        self._known = dict(self.sessions)

    @property
    def last_step(self) -> int:
        """The highest step, -1 if there are no rows."""
        last = -1 if self.file is None else int(self.file.info["last_step"])
        return max((last, *(_step(row) for row in self.tail())))

    def tail(self) -> Iterator[Row]:
        """Yield the rows that are in no version, in the order of their journals."""
        for piece in self._pieces:
            number, known = piece.first, self._known.get(piece.session, 0)
            for value in piece.values():
                if isinstance(value, dict):
                    if number >= known:
                        yield flatten(value)
                    number += 1
            self.sessions[piece.session] = max(number, self.sessions.get(piece.session, 0))

    def unsorted(self) -> Iterator[Row]:
        """Yield all rows, a part of them in memory at a time."""
        if self.file is not None:
            yield from self.file.rows()
        yield from self.tail()

    def rows(
        self,
        keys: Sequence[str] | None = None,
        *,
        low: int | None = None,
        high: int | None = None,
        page: int = 1000,
    ) -> Iterator[Row]:
        """Yield rows by step.

        Args:
            keys: Only rows that have all of these, and only these of them.
            low: The first step.
            high: The first step that is too high.
            page: How many rows to read at a time.
        """
        wanted = None if keys is None else [*keys, STEP]
        tail = list(self.tail())
        stored: Iterable[Row] = ()
        if self.file is not None:
            stored = self.file.rows(wanted, low=low, high=high, page=page)
        if not self._is_ordered(tail):
            stored, tail = sorted([*stored, *tail], key=_step), []
        for part in (stored, tail):
            for row in part:
                step = row[STEP]
                if (low is not None and step < low) or (high is not None and step >= high):
                    continue
                if keys is None:
                    yield row
                elif all(row.get(key) is not None for key in keys):
                    yield {key: row[key] for key in keys}

    def table(self, keys: Sequence[str] | None = None) -> pa.Table:
        """Return rows as a table, by step.

        Args:
            keys: Only rows that have all of these, and only these of them.
        """
        import pyarrow as pa

        from artifacts._columns import concat, to_table

        wanted = None if keys is None else list(dict.fromkeys([*keys, STEP]))
        tail = list(self.tail())
        tables = []
        if self.file is not None:
            tables.append(self.file.table(wanted))
        if tail:
            rows = tail
            if wanted is not None:
                rows = [{key: row[key] for key in wanted if key in row} for row in tail]
            tables.append(to_table(rows))
        table = concat(tables) if tables else pa.table({})
        if keys is None:
            if not self._is_ordered(tail):
                table = table.sort_by(STEP)
            return table
        if not set(keys) <= set(table.schema.names):
            return pa.table({key: pa.nulls(0) for key in keys})
        if not self._is_ordered(tail):
            table = table.sort_by(STEP)
        return table.select(list(keys)).drop_null()

    def sample(self, samples: int, keys: Sequence[str] | None, x_axis: str) -> pa.Table:
        """Return at most so many rows, evenly chosen, the first and the last among them."""
        if samples < 1:
            raise InvalidInputError(f"samples must be at least 1, not {samples}")
        wanted = None if keys is None else list(dict.fromkeys([x_axis, *keys]))
        table = self.table(wanted)
        count = table.num_rows
        if count <= samples:
            return table
        last = max(samples - 1, 1)
        return table.take([number * (count - 1) // last for number in range(samples)])

    def keys(self) -> dict[str, dict[str, Any]]:
        """Return, by key, the types of its values, how many there are, and the last one's step."""
        from artifacts._columns import is_json, scan

        found: dict[str, dict[str, Any]] = {}
        if self.file is not None:
            for name, told in self.file.info["keys"].items():
                field = self.file.schema.field(name)
                found[name] = {"types": ["json" if is_json(field) else str(field.type)], **told}
        for name, column in scan(self.tail()).items():
            field = column.field(name)
            type_ = "json" if is_json(field) else str(field.type)
            known = found.setdefault(name, {"types": [], "count": 0, "last_step": -1})
            known["types"] = sorted({*known["types"], type_})
            known["count"] += column.count
            known["last_step"] = max(known["last_step"], column.last_step)
        return found

    def _is_ordered(self, tail: Sequence[Row]) -> bool:
        last = -1
        if self.file is not None:
            if not self.file.info["ordered"]:
                return False
            last = self.file.info["last_step"]
        for row in tail:
            if row[STEP] < last:
                return False
            last = row[STEP]
        return True


def load(
    store: Store, runs: Iterable[int], journals: Mapping[int, Sequence[Path]] | None = None
) -> dict[int, History]:
    """Return the histories of some runs, by their keys.

    Args:
        journals: Of these runs, on this machine; they hold all that the catalog has of them.
    """
    keys = list(runs)
    # In this order: rows leave the catalog when a version has them.
    chunks = store.catalog.history_chunks(keys)
    files = _open_files(store, store.catalog.history_versions(keys))
    return {
        key: History(
            files.get(key), _pieces(chunks.get(key, ()), [] if not journals else journals[key])
        )
        for key in keys
    }


def _pieces(chunks: Iterable[HistoryChunk], journals: Iterable[Path]) -> list[Piece]:
    local = {path.stem: Piece(path.stem, 0, path) for path in journals}
    elsewhere = [
        Piece(chunk.session, chunk.first_row, chunk.payload)
        for chunk in chunks
        if chunk.session not in local
    ]
    # The name of a journal begins with the time at which it was begun.
    return sorted([*local.values(), *elsewhere], key=lambda piece: (piece.session, piece.first))


def _open_files(store: Store, versions: Mapping[int, VersionRecord]) -> dict[int, HistoryFile]:
    if not versions:
        return {}
    manifests = _read_all(store, {version.digest for version in versions.values()})
    entries = {
        run: Manifest.parse([manifests[version.digest]]).by_path[FILE]
        for run, version in versions.items()
    }
    small = _read_all(store, {e.digest for e in entries.values() if e.size <= _IN_MEMORY})
    found = {}
    for run, entry in entries.items():
        data = small.get(entry.digest)
        file = store.open_blob(entry.digest) if data is None else io.BytesIO(data)
        found[run] = HistoryFile(versions[run], file)
    return found


def _read_all(store: Store, digests: set[Digest]) -> dict[Digest, bytes]:
    try:
        return dict(_read(store, digests))
    except ObjectNotFoundError:
        # They may have been moved into another object after they were looked up.
        return dict(_read(store, digests))


def _read(store: Store, digests: set[Digest]) -> Iterator[tuple[Digest, bytes]]:
    for source in store.sources(digests):
        for blobs in source.read(source.locations):
            for location, data in blobs:
                yield location.digest, bytes(data)


def table_of_runs(store: Store, runs: Sequence[RunRecord], keys: Sequence[str] | None) -> pa.Table:
    """Return the rows of many runs, one run after the other, with a column ``run`` of their ids.

    Args:
        keys: Only rows that have all of these, and only these columns and ``_step``.
    """
    import pyarrow as pa

    from artifacts._columns import concat

    wanted = None if keys is None else list(dict.fromkeys([STEP, *keys]))
    tables = []
    for start in range(0, len(runs), _AT_ONCE):
        batch = runs[start : start + _AT_ONCE]
        found = load(store, [run.key for run in batch])
        for run in batch:
            table = found[run.key].table(wanted)
            if table.num_rows:
                ids = pa.array([run.id] * table.num_rows, pa.string())
                tables.append(table.add_column(0, "run", ids))
    return concat(tables)


def flatten(row: Row) -> Row:
    """Return a row in which the values of dicts have keys such as ``a.b``."""
    if dict not in map(type, row.values()):
        return row
    flat: Row = {}
    _flatten_into(flat, "", row)
    return flat


def _flatten_into(flat: Row, prefix: str, values: Row) -> None:
    for key, value in values.items():
        # What has a type of its own, such as a histogram, is one value.
        if type(value) is dict and value and "_type" not in value:
            _flatten_into(flat, f"{prefix}{key}.", value)
        else:
            flat[prefix + key] = value


def check_stream(stream: str) -> bool:
    """Return whether a stream of a run's history is the one that `log` writes.

    Raises:
        InvalidInputError: There is no such stream.
    """
    if stream not in {DEFAULT_STREAM, SYSTEM_STREAM}:
        raise InvalidInputError(f"stream must be 'default' or 'system', not {stream!r}")
    return stream == DEFAULT_STREAM


def sample_of(
    history: History,
    *,
    samples: int,
    keys: Sequence[str] | None,
    x_axis: str,
    pandas: bool,
    stream: str,
) -> Any:
    """Return a sample of rows, as a DataFrame or as a list of dicts."""
    import pyarrow as pa

    table = pa.table({})
    if check_stream(stream):
        table = history.sample(samples, keys, x_axis)
    return to_frame(table, pandas=pandas)


def to_pandas(table: pa.Table) -> Any:
    """Return a table as a pandas DataFrame.

    Raises:
        ConfigError: pandas is not installed.
    """
    from artifacts._columns import is_json

    try:
        import pandas as _  # noqa: F401, ICN001 - asked for, because pyarrow uses it
    except ImportError as error:
        raise ConfigError(
            "this needs pandas, which is not installed",
            hint="install it with: pip install pandas",
            kind="not_installed",
        ) from error
    frame = table.to_pandas()
    for field in table.schema:
        if is_json(field):
            texts = table.column(field.name).to_pylist()
            frame[field.name] = [None if text is None else json.loads(text) for text in texts]
    return frame


def to_polars(table: pa.Table) -> Any:
    """Return a table as a polars DataFrame.

    Raises:
        ConfigError: polars is not installed.
    """
    try:
        import polars as pl
    except ImportError as error:
        raise ConfigError(
            "this needs polars, which is not installed",
            hint="install it with: pip install polars",
            kind="not_installed",
        ) from error
    return pl.from_arrow(table)


def to_frame(table: pa.Table, *, pandas: bool) -> Any:
    """Return a table as a DataFrame if that is wanted and pandas is there, else as rows."""
    from artifacts._columns import to_rows

    if pandas:
        import importlib.util

        if importlib.util.find_spec("pandas") is not None:
            return to_pandas(table)
    return to_rows(table)


def _step(row: Row) -> int:
    return int(row[STEP])
