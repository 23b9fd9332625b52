"""Which blobs lie where in the cache, and when they were used.

Objects describe themselves, so a lost or damaged index is made anew from them.
"""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

from artifacts.store.cache.database import IndexFile, UnusableError
from artifacts.store.cache.files import scan
from artifacts.store.places import BlobLocation, Encoding

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from artifacts.store.cache.files import CachedObject
    from artifacts.store.digests import Digest
    from artifacts.store.objects import LocalObjects

_IN_CHUNK = 500
_WHOLE_FROM = 1000
_SAMPLE = 100
_ENCODINGS = {int(encoding): encoding for encoding in Encoding}
_SELECT = """
SELECT key, digest, blobs.size, position, length, encoding, objects.size, used_at
FROM blobs JOIN objects ON objects.id = object
"""
_KEEP_SHARE = 0.9
"""Of the limit, once objects have to make room: so that they need not for each new one."""


class Found(NamedTuple):
    """A blob, with the size of its object and when that was used last."""

    location: BlobLocation
    object_size: int
    used_at: int


class ObjectRow(NamedTuple):
    """An object as the index knows it."""

    key: str
    size: int
    used_at: int


class Room(NamedTuple):
    """How much may be in the cache, and what must stay in it.

    Attributes:
        limit: Bytes.
        protected_from: Returns since when an object must have been used to be safe. Called
            within the transaction that chooses: a hold that it does not see was taken later.
    """

    limit: int
    protected_from: Callable[[], int]


class Added(NamedTuple):
    """What `CacheIndex.add` did. The object was added if ``fits`` and ``present`` is empty.

    Attributes:
        present: Blobs of the object that another one holds already.
        evicted: Keys of objects that had to go; the caller deletes their files.
        fits: Whether there was room for it.
    """

    present: set[Digest]
    evicted: list[str]
    fits: bool = True


class Totals(NamedTuple):
    """Sums over the cache."""

    bytes: int
    objects: int
    blobs: int
    oldest_use: int | None
    newest_use: int | None


class CacheIndex:
    """Rows of objects and blobs. Thread-safe; shared by all processes of a user.

    A file gets its name within the transaction that enters it: whoever holds the write lock and
    sees a file without a row sees what a killed process has left, or another one is deleting.

    Args:
        root: Folder of the index.
        objects: What is there, to make the index anew.
    """

    def __init__(self, root: Path, objects: LocalObjects) -> None:
        self._objects = objects
        self._file = IndexFile(root, self._fill)

    # -- looking

    def find(self, digests: Sequence[Digest]) -> list[Found]:
        """Return those of the blobs that are there."""
        return self._file.run(lambda connection: _find(connection, digests))

    def totals(self) -> Totals:
        """Return the sums."""

        def work(connection: sqlite3.Connection) -> Totals:
            row = connection.execute(
                "SELECT (SELECT bytes FROM total), (SELECT count(*) FROM objects),"
                " (SELECT count(*) FROM blobs), (SELECT min(used_at) FROM objects),"
                " (SELECT max(used_at) FROM objects)"
            ).fetchone()
            return Totals(*row)

        return self._file.run(work)

    def objects(self) -> list[ObjectRow]:
        """Return all objects, least recently used first."""

        def work(connection: sqlite3.Connection) -> list[ObjectRow]:
            rows = connection.execute("SELECT key, size, used_at FROM objects ORDER BY used_at")
            return [ObjectRow(*row) for row in rows]

        return self._file.run(work)

    def blobs_of(self, key: str) -> list[BlobLocation]:
        """Return the blobs of an object by offset; none if it is gone."""

        def work(connection: sqlite3.Connection) -> list[BlobLocation]:
            rows = connection.execute(_SELECT + "WHERE key = ? ORDER BY position", (key,))
            return [blob.location for blob in _founds(rows)]

        return self._file.run(work)

    # -- changing

    def touch(self, keys: Sequence[str], now: int) -> int:
        """Note that objects are used; return how many of them are still there."""

        def work(connection: sqlite3.Connection) -> int:
            return connection.executemany(
                "UPDATE objects SET used_at = ? WHERE key = ?", [(now, key) for key in keys]
            ).rowcount

        return self._file.run(work, write=True)

    def add(self, new: CachedObject, room: Room, place: Callable[[], None]) -> Added:
        """Enter an object, unless one of its blobs is there already or there is no room.

        Args:
            place: Gives the object's file its name. Called at most once for each attempt, within
                the transaction.
        """

        def work(connection: sqlite3.Connection) -> Added:
            digests = [blob.digest for blob in new.places]
            present = {found.location.digest for found in _find(connection, digests)}
            if present:
                return Added(present, [])
            evicted = _make_room(connection, new.size, room)
            if evicted is None:
                return Added(set(), [], fits=False)
            _insert(connection, new)
            place()
            return Added(set(), evicted)

        return self._file.run(work, write=True)

    def merge(
        self,
        old: Sequence[str],
        new: CachedObject,
        protected_from: Callable[[], int],
        place: Callable[[], None],
    ) -> bool:
        """Put one object in the place of several; False if one of these is gone or in use."""

        def work(connection: sqlite3.Connection) -> bool:
            before = protected_from()
            deleted = connection.executemany(
                "DELETE FROM objects WHERE key = ? AND used_at < ?",
                [(key, before) for key in old],
            ).rowcount
            if deleted < len(old):
                connection.rollback()
                return False
            _insert(connection, new)
            place()
            return True

        return self._file.run(work, write=True)

    def evict(self, count: int, before: int) -> list[ObjectRow]:
        """Take out objects until ``count`` bytes are free; the caller deletes their files.

        Args:
            before: Only objects that were last used before that time.
        """
        return self._file.run(lambda connection: _evict(connection, count, before), write=True)

    def oldest(self, count: int, before: int) -> list[ObjectRow]:
        """Return what `evict` would take out."""
        return self._file.run(lambda connection: _oldest(connection, count, before))

    def forget(self, keys: Iterable[str]) -> None:
        """Take out objects."""
        rows = [(key,) for key in keys]
        self._file.run(
            lambda connection: connection.executemany("DELETE FROM objects WHERE key = ?", rows),
            write=True,
        )

    def forget_blobs(self, digests: Iterable[Digest]) -> list[str]:
        """Take out blobs; return the keys of objects that hold no other ones, taken out too."""
        rows = [(digest,) for digest in digests]

        def work(connection: sqlite3.Connection) -> list[str]:
            connection.executemany("DELETE FROM blobs WHERE digest = ?", rows)
            return _delete_empty(connection)

        return self._file.run(work, write=True)

    def unknown(self, keys: Callable[[], Iterable[tuple[str, int]]]) -> list[tuple[str, int]]:
        """Return those of the (key, size) that no row knows.

        Args:
            keys: Lists the files. No writer comes between that and the look at the rows.
        """

        def work(connection: sqlite3.Connection) -> list[tuple[str, int]]:
            known = {key for (key,) in connection.execute("SELECT key FROM objects")}
            return [(key, size) for key, size in keys() if key not in known]

        return self._file.run(work, write=True)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _fill(self, connection: sqlite3.Connection) -> None:
        for found in scan(self._objects):
            _insert(connection, found)
        self._objects.delete(_delete_empty(connection))  # their blobs are in others too


def _find(connection: sqlite3.Connection, digests: Sequence[Digest]) -> list[Found]:
    found: list[Found] = []
    wanted: Sequence[Digest] = digests
    if len(digests) >= _WHOLE_FROM:
        found = _find_in_whole_packs(connection, digests)
        known = {blob.location.digest for blob in found}
        wanted = [digest for digest in digests if digest not in known]
    for start in range(0, len(wanted), _IN_CHUNK):
        chunk = wanted[start : start + _IN_CHUNK]
        rows = connection.execute(
            _SELECT + f"WHERE digest IN ({','.join('?' * len(chunk))})",
            chunk,
        )
        found += _founds(rows)
    return found


def _find_in_whole_packs(connection: sqlite3.Connection, digests: Sequence[Digest]) -> list[Found]:
    """Return blobs of objects of which a sample says that most of what they hold is wanted.

    All rows of an object are read several times faster than the same number by their digests.
    """
    sample = digests[:: len(digests) // _SAMPLE]
    hits = Counter(blob.location.key for blob in _find(connection, sample))
    wanted = set(digests)
    found: list[Found] = []
    for key, count in hits.items():
        row, blobs, size, used_at = connection.execute(
            "SELECT id, blobs, size, used_at FROM objects WHERE key = ?", (key,)
        ).fetchone()
        if count * len(digests) >= blobs // 2 * len(sample):
            rows = connection.execute(
                "SELECT ?, digest, size, position, length, encoding, ?, ? FROM blobs"
                " WHERE object = ?",
                (key, size, used_at, row),
            )
            found += _founds(r for r in rows if r[1] in wanted)
    return found


def _founds(rows: Iterable[tuple[Any, ...]]) -> list[Found]:
    new = tuple.__new__  # half the time of calling the classes, and there may be many
    try:
        return [
            new(
                Found,
                (
                    new(BlobLocation, (key, digest, size, offset, length, _ENCODINGS[encoding])),
                    object_size,
                    used_at,
                ),
            )
            for key, digest, size, offset, length, encoding, object_size, used_at in rows
        ]
    except KeyError as error:
        raise UnusableError(f"unknown encoding {error}") from error


def _insert(connection: sqlite3.Connection, new: CachedObject) -> None:
    row = connection.execute(
        "INSERT INTO objects (key, size, used_at, blobs) VALUES (?, ?, ?, ?)",
        (new.key, new.size, new.used_at, len(new.places)),
    ).lastrowid
    connection.executemany(
        "INSERT OR IGNORE INTO blobs VALUES (?, ?, ?, ?, ?, ?)",
        [
            (digest, row, size, offset, length, int(encoding))
            for digest, size, offset, length, encoding in new.places
        ],
    )


def _delete_empty(connection: sqlite3.Connection) -> list[str]:
    rows = connection.execute(
        "DELETE FROM objects WHERE NOT EXISTS (SELECT * FROM blobs WHERE object = objects.id)"
        " RETURNING key"
    )
    return [key for (key,) in rows.fetchall()]


def _make_room(connection: sqlite3.Connection, size: int, room: Room) -> list[str] | None:
    """Evict what ``size`` more bytes need; None, and nothing is done, if that is not enough."""
    after = connection.execute("SELECT bytes FROM total").fetchone()[0] + size
    if after <= room.limit:
        return []
    if size > room.limit:
        return None
    connection.execute("SAVEPOINT room")
    evicted = _evict(connection, after - int(room.limit * _KEEP_SHARE), room.protected_from())
    if after - sum(row.size for row in evicted) > room.limit:
        connection.execute("ROLLBACK TO room")
        return None
    return [row.key for row in evicted]


def _evict(connection: sqlite3.Connection, count: int, before: int) -> list[ObjectRow]:
    rows = _oldest(connection, count, before)
    connection.executemany("DELETE FROM objects WHERE key = ?", [(row.key,) for row in rows])
    return rows


def _oldest(connection: sqlite3.Connection, count: int, before: int) -> list[ObjectRow]:
    """Return the least recently used objects, of ``count`` bytes together."""
    chosen: list[ObjectRow] = []
    # A time that is still to come is no proof of use: the clock was set back.
    rows = connection.execute(
        "SELECT key, size, used_at FROM objects WHERE used_at < ? OR used_at > ? ORDER BY used_at",
        (before, time.time_ns() // 1000),
    )
    for row in map(ObjectRow._make, rows):
        if count <= 0:
            break
        chosen.append(row)
        count -= row.size
    rows.close()
    return chosen
