"""The rows that a run has logged: those of a version, and those that are in none yet."""

from __future__ import annotations

import io
import itertools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from artifacts.store.errors import ConfigError, FormatError, InvalidInputError, ObjectNotFoundError
from artifacts.store.frames import values_in
from artifacts.store.journal import read_journal
from artifacts.store.manifest import Manifest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from typing import IO

    import pyarrow as pa

    from artifacts.store.digests import Digest
    from artifacts.store.records import HistoryChunk, RunRecord, VersionRecord
    from artifacts.store.store import Store

    Row = dict[str, Any]
    Present = Callable[[Any], Any]

STEP = "_step"
DEFAULT_STREAM, SYSTEM_STREAM = "default", "system"
"""What `log` writes, and what was measured of the system."""

FILES = {DEFAULT_STREAM: "history.parquet", SYSTEM_STREAM: "system.parquet"}
"""The files of a version, by stream."""

SYSTEM_SESSION = ".system"
"""What the name of a session ends with whose chunks are of the system's stream."""

CORRECTED = ".corrected"
"""What the name of a journal ends with that may amend rows of earlier steps."""

STATISTICS = "_statistics"
"""Member of a histogram, in journals only: what the summary says of the array."""

_IN_MEMORY = 8 << 20
_AT_ONCE = 32


@dataclass(frozen=True, slots=True)
class Piece:
    """Rows of one stream of one journal.

    Attributes:
        session: Name of the journal.
        first: Number of the first of them in there.
        source: The journal itself, or a part of it with rows of this stream only, compressed.
        size: Bytes of the journal that count: it may be growing, and is read more than once.
    """

    session: str
    first: int
    source: Path | bytes
    size: int | None = None

    def rows(self, stream: str) -> Iterator[Row]:
        """Yield the rows."""
        if isinstance(self.source, Path):
            if stream == DEFAULT_STREAM:
                values = read_journal(self.source, self.size)
                yield from (value for value in values if isinstance(value, dict))
            else:
                notes = read_journal(self.source, self.size, notes_only=True)
                yield from (note[1] for note in notes if note[0] == stream)
            return
        import zstandard

        data = zstandard.ZstdDecompressor().decompress(self.source)
        yield from (value for value in values_in(data) if isinstance(value, dict))


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
        # Read in the thread that asks: a thread of Arrow's that still holds a Python file when the
        # interpreter ends would abort the process.
        self._parquet: Any = pq.ParquetFile(file, pre_buffer=False)
        self.schema: pa.Schema = self._parquet.schema_arrow
        told = (self.schema.metadata or {}).get(INFO)
        if told is None:
            raise FormatError(f"{version.ref} was not written as the history of a run")
        self.info: dict[str, Any] = json.loads(told)

    def table(self, keys: Iterable[str] | None = None) -> pa.Table:
        """Return all rows with some of the columns, those that there are."""
        names = self._names(keys)
        return self._parquet.read(columns=names, use_threads=False).select(names)

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
        batches = self._parquet.iter_batches(
            batch_size=page, row_groups=groups, columns=names, use_threads=False
        )
        for batch in batches:
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


def selected(
    rows: Iterable[Row], keys: Sequence[str] | None, low: int | None, high: int | None
) -> Iterator[Row]:
    """Yield what `History.rows` is asked for, of rows that are in order."""
    for row in rows:
        step = row[STEP]
        if (low is not None and step < low) or (high is not None and step >= high):
            continue
        if keys is None:
            yield row
        elif all(row.get(key) is not None for key in keys):
            yield {key: row[key] for key in keys}


class History:
    """All rows of one stream of one run.

    Args:
        file: Of the newest version, or None.
        pieces: What is in no version yet, and what is.
        stream: Which one it is.
    """

    def __init__(
        self,
        file: HistoryFile | None,
        pieces: Sequence[Piece],
        stream: str = DEFAULT_STREAM,
    ) -> None:
        self.file = file
        self._pieces = pieces
        self._stream = stream
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
            for row in piece.rows(self._stream):
                if number >= known:
                    yield flatten(row)
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
        yield from selected(itertools.chain(stored, tail), keys, low, high)

    def table(self, keys: Sequence[str] | None = None) -> pa.Table:
        """Return rows as a table, by step.

        Args:
            keys: Only rows that have all of these, and only these of them.
        """
        import pyarrow as pa

        table = self._read(None if keys is None else dict.fromkeys([*keys, STEP]))
        if keys is None:
            return table
        if not set(keys) <= set(table.schema.names):
            return pa.table({key: pa.nulls(0) for key in keys})
        return table.select(list(keys)).drop_null()

    def columns(self, keys: Sequence[str]) -> pa.Table:
        """Return rows that have any of these keys as a table, by step.

        Its columns are ``_step`` and those of the keys that there are.
        """
        import pyarrow.compute as pc

        table = self._read(dict.fromkeys([STEP, *keys]))
        names = [key for key in dict.fromkeys(keys) if key != STEP and key in table.schema.names]
        if not names:
            return table if set(keys) == {STEP} else table.slice(0, 0)
        found = pc.is_valid(table.column(names[0]))
        for name in names[1:]:
            found = pc.or_(found, pc.is_valid(table.column(name)))
        return table.select([STEP, *names]).filter(found)

    def _read(self, wanted: Iterable[str] | None) -> pa.Table:
        """Return all rows with some of the columns, those that there are, by step."""
        import pyarrow as pa

        from artifacts._columns import concat, to_table

        names = None if wanted is None else list(wanted)
        tail = list(self.tail())
        tables = []
        if self.file is not None:
            tables.append(self.file.table(names))
        if tail:
            rows = tail
            if names is not None:
                rows = [{key: row[key] for key in names if key in row} for row in tail]
            tables.append(to_table(rows))
        table = concat(tables) if tables else pa.table({})
        return table if self._is_ordered(tail) else table.sort_by(STEP)

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
        from artifacts._columns import is_json

        found: dict[str, dict[str, Any]] = {}
        if self.file is not None:
            for name, told in self.file.info["keys"].items():
                field = self.file.schema.field(name)
                found[name] = {"types": ["json" if is_json(field) else str(field.type)], **told}
        for name, told in typed_keys(self.tail()).items():
            known = found.setdefault(name, {"types": [], "count": 0, "last_step": -1})
            known["types"] = sorted({*known["types"], *told["types"]})
            known["count"] += told["count"]
            known["last_step"] = max(known["last_step"], told["last_step"])
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


def typed_keys(rows: Iterable[Row]) -> dict[str, dict[str, Any]]:
    """Return what `History.keys` tells, of some rows."""
    from artifacts._columns import is_json, scan

    found = {}
    for name, column in scan(rows).items():
        field = column.field(name)
        type_ = "json" if is_json(field) else str(field.type)
        found[name] = {"types": [type_], "count": column.count, "last_step": column.last_step}
    return found


def load(
    store: Store,
    runs: Iterable[int],
    journals: Mapping[int, Sequence[Path]] | None = None,
    stream: str = DEFAULT_STREAM,
) -> dict[int, History]:
    """Return a stream of the histories of some runs, by their keys.

    Args:
        journals: Of these runs, on this machine; they hold all that the catalog has of them.
    """
    found = load_streams(store, runs, journals, [stream])
    return {key: streams[stream] for key, streams in found.items()}


def load_streams(
    store: Store,
    runs: Iterable[int],
    journals: Mapping[int, Sequence[Path]] | None = None,
    streams: Iterable[str] = tuple(FILES),
) -> dict[int, dict[str, History]]:
    """Return several streams of the histories of some runs, by their keys; see `load`."""
    keys, wanted = list(runs), list(streams)
    # In this order: rows leave the catalog when a version has them.
    chunks = store.catalog.history_chunks(keys)
    files = _open_files(store, store.catalog.history_versions(keys), wanted)
    local = journals or {}
    return {
        key: {
            stream: _history(
                files.get((key, stream)),
                _pieces(chunks.get(key, ()), local.get(key, ()), stream),
                stream,
            )
            for stream in wanted
        }
        for key in keys
    }


def _history(file: HistoryFile | None, pieces: Sequence[Piece], stream: str) -> History:
    if stream == DEFAULT_STREAM and any(CORRECTED in piece.session for piece in pieces):
        from artifacts._corrections import CorrectedHistory

        return CorrectedHistory(file, pieces, stream)
    return History(file, pieces, stream)


def _pieces(chunks: Iterable[HistoryChunk], journals: Iterable[Path], stream: str) -> list[Piece]:
    local = {path.stem: Piece(path.stem, 0, path, _size_of(path)) for path in journals}
    elsewhere = []
    for chunk in chunks:
        session = chunk.session.removesuffix(SYSTEM_SESSION)
        is_system = session != chunk.session
        if is_system == (stream == SYSTEM_STREAM) and session not in local:
            elsewhere.append(Piece(session, chunk.first_row, chunk.payload))
    # The name of a journal begins with the time at which it was begun.
    return sorted([*local.values(), *elsewhere], key=lambda piece: (piece.session, piece.first))


def _size_of(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except FileNotFoundError:  # a version has its rows by now
        return None


def _open_files(
    store: Store, versions: Mapping[int, VersionRecord], streams: Iterable[str]
) -> dict[tuple[int, str], HistoryFile]:
    """Return the files of versions, by the keys of their runs and the stream."""
    if not versions:
        return {}
    manifests = _read_all(store, {version.digest for version in versions.values()})
    entries = {}
    for run, version in versions.items():
        by_path = Manifest.parse([manifests[version.digest]]).by_path
        for stream in streams:
            if FILES[stream] in by_path:
                entries[run, stream] = by_path[FILES[stream]]
    small = _read_all(store, {e.digest for e in entries.values() if e.size <= _IN_MEMORY})
    found = {}
    for (run, stream), entry in entries.items():
        data = small.get(entry.digest)
        file = store.open_blob(entry.digest) if data is None else io.BytesIO(data)
        found[run, stream] = HistoryFile(versions[run], file)
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
                ids = pa.repeat(pa.scalar(run.id, pa.string()), table.num_rows)
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
        elif type(value) is dict and STATISTICS in value:
            flat[prefix + key] = {name: value[name] for name in value if name != STATISTICS}
        else:
            flat[prefix + key] = value


def check_stream(stream: str) -> str:
    """Return the name of a stream of a run's history.

    Raises:
        InvalidInputError: There is no such stream.
    """
    if stream not in FILES:
        raise InvalidInputError(f"stream must be 'default' or 'system', not {stream!r}")
    return stream


def sample_of(
    history: History,
    *,
    samples: int,
    keys: Sequence[str] | None,
    x_axis: str,
    pandas: bool,
    present: Present | None = None,
) -> Any:
    """Return a sample of rows, as a DataFrame or as a list of dicts; see `to_frame`."""
    return to_frame(history.sample(samples, keys, x_axis), pandas=pandas, present=present)


def to_pandas(table: pa.Table, present: Present | None = None) -> Any:
    """Return a table as a pandas DataFrame.

    Args:
        present: Returns what stands in the table instead of a value that is no plain one.

    Raises:
        ConfigError: pandas is not installed.
    """
    try:
        import pandas as _  # noqa: F401, ICN001 - asked for, because pyarrow uses it
    except ImportError as error:
        raise ConfigError(
            "this needs pandas, which is not installed",
            hint="install it with: pip install pandas",
            kind="not_installed",
        ) from error
    frame = table.to_pandas()
    for name in json_columns(table):
        texts = table.column(name).to_pylist()
        values = [None if text is None else json.loads(text) for text in texts]
        frame[name] = objects(values if present is None else list(map(present, values)), frame)
    return frame


def json_columns(table: pa.Table) -> list[str]:
    """Return the names of the columns whose values are JSON texts."""
    from artifacts._columns import is_json

    return [field.name for field in table.schema if is_json(field)]


def objects(values: list[Any], frame: Any) -> Any:
    """Return any values as a column of a DataFrame; also sequences are one value each."""
    import pandas as pd

    return pd.Series(values, index=frame.index, dtype=object)


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


def to_frame(table: pa.Table, *, pandas: bool, present: Present | None = None) -> Any:
    """Return a table as a DataFrame if that is wanted and pandas is there, else as rows.

    Args:
        present: As for `to_pandas`.
    """
    from artifacts._columns import to_rows

    if pandas:
        import importlib.util

        if importlib.util.find_spec("pandas") is not None:
            return to_pandas(table, present)
    rows = to_rows(table)
    if present is None:
        return rows
    return [{key: present(value) for key, value in row.items()} for row in rows]


def _step(row: Row) -> int:
    return int(row[STEP])
