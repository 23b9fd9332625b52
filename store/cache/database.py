"""The SQLite file of the index: opened, and made anew when it is lost or damaged.

A new index gets a new name: connections that other processes have open on the old file remove its
side files by name when they close, and must not find those of the new one.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import re
import secrets
import sqlite3
import threading
import time
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import quote

from artifacts.store import filesystems
from artifacts.store.errors import ArtifactsError, PermissionDeniedError, StorageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

T = TypeVar("T")
log = logging.getLogger(__name__)

_SCHEMA = 1
_NAME = re.compile(r"index-[0-9]{20}\.sqlite")
_TEMPORARY = ".index-"
_BUSY_TIMEOUT = 60.0

_TABLES = """
CREATE TABLE objects (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    size INTEGER NOT NULL,
    used_at INTEGER NOT NULL,
    blobs INTEGER NOT NULL
);
CREATE INDEX objects_by_use ON objects (used_at);
CREATE TABLE blobs (
    digest BLOB PRIMARY KEY,
    object INTEGER NOT NULL REFERENCES objects (id) ON DELETE CASCADE,
    size INTEGER NOT NULL,
    position INTEGER NOT NULL,
    length INTEGER NOT NULL,
    encoding INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX blobs_by_object ON blobs (object);
CREATE TABLE total (bytes INTEGER NOT NULL);
INSERT INTO total VALUES (0);
CREATE TRIGGER objects_added AFTER INSERT ON objects
    BEGIN UPDATE total SET bytes = bytes + NEW.size; END;
CREATE TRIGGER objects_removed AFTER DELETE ON objects
    BEGIN UPDATE total SET bytes = bytes - OLD.size; END;
"""

_DAMAGE = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR})
_DENIED = frozenset({sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH})
_BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})


class UnusableError(sqlite3.DatabaseError):
    """The index is of another version, or holds what we never write."""


class IndexFile:
    """One connection to the newest index below ``root``. Thread-safe.

    Args:
        fill: Enters what is there into a new index.
    """

    def __init__(self, root: Path, fill: Callable[[sqlite3.Connection], None]) -> None:
        self._root = root
        self._fill = fill
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._path: Path | None = None
        self._identity: tuple[int, int] | None = None

    def run(self, work: Callable[[sqlite3.Connection], T], *, write: bool = False) -> T:
        """Run ``work`` in a transaction; once more with a new index if this one is damaged."""
        with self._lock:
            try:
                try:
                    return self._attempt(work, write=write)
                except sqlite3.Error as error:
                    if not _is_damage(error):
                        raise
                    log.warning("the index of the cache %s is made anew: %s", self._root, error)
                    self._replace()
                    return self._attempt(work, write=write)
            except sqlite3.Error as error:
                raise _translate(error) from error

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._close()

    def _attempt(self, work: Callable[[sqlite3.Connection], T], *, write: bool) -> T:
        connection = self._connect()
        try:
            connection.execute("BEGIN IMMEDIATE" if write else "BEGIN")
            result = work(connection)
            connection.commit()
        except BaseException:
            # A damaged file may refuse even that; then the connection is closed anyway.
            with contextlib.suppress(sqlite3.Error):
                connection.rollback()
            raise
        return result

    def _connect(self) -> sqlite3.Connection:
        if self._connection is not None:
            assert self._path is not None
            if _identify(self._path) == self._identity:
                return self._connection
            self._close()  # another process has made it anew, or somebody has removed the cache
        with self._locked():
            self._path = _newest(self._root) or self._build()
            self._identity = _identify(self._path)
            uri = f"file:{quote(os.path.abspath(self._path))}?mode=rw"
            connection = _open(uri, uri=True)
            try:
                version = connection.execute("PRAGMA user_version").fetchone()[0]
                if version != _SCHEMA:
                    raise UnusableError(f"version {version} is not known")
            except BaseException:
                connection.close()
                raise
        self._connection = connection
        return connection

    def _replace(self) -> None:
        """Make the index anew, unless another process has done so meanwhile."""
        self._close()
        with self._locked():
            if _newest(self._root) == self._path:
                self._build()

    def _build(self) -> Path:
        """Make an index of what is there; the lock is held."""
        for name in os.listdir(self._root):
            if name.startswith(_TEMPORARY):  # of a process that was killed doing this
                (self._root / name).unlink(missing_ok=True)
        temporary = self._root / f"{_TEMPORARY}{secrets.token_hex(8)}"
        connection = _open(str(temporary))
        try:
            journal = "DELETE" if filesystems.is_network(self._root) else "WAL"
            connection.execute(f"PRAGMA journal_mode = {journal}")
            connection.executescript(_TABLES)
            connection.execute(f"PRAGMA user_version = {_SCHEMA}")
            connection.execute("BEGIN")
            self._fill(connection)
            connection.commit()
        finally:
            connection.close()
        path = self._root / f"index-{time.time_ns():020}.sqlite"
        for name in os.listdir(self._root):
            if _NAME.fullmatch(name.removesuffix("-wal").removesuffix("-shm")):
                (self._root / name).unlink(missing_ok=True)
        os.rename(temporary, path)
        return path

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        self._root.mkdir(parents=True, exist_ok=True)
        lock = os.open(self._root / "lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _open(path: str, *, uri: bool = False) -> sqlite3.Connection:
    connection = sqlite3.connect(
        path, uri=uri, timeout=_BUSY_TIMEOUT, isolation_level=None, check_same_thread=False
    )
    try:
        # Not synced: after a power failure the newest rows are gone, and their files are leftovers.
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA foreign_keys = ON")
    except BaseException:
        connection.close()
        raise
    return connection


def _identify(path: Path) -> tuple[int, int] | None:
    try:
        status = os.stat(path)
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino


def _newest(root: Path) -> Path | None:
    names = [name for name in os.listdir(root) if _NAME.fullmatch(name)]
    return root / max(names) if names else None


def _is_damage(error: sqlite3.Error) -> bool:
    return isinstance(error, UnusableError) or _code(error) in _DAMAGE


def _code(error: sqlite3.Error) -> int:
    """Return SQLite's primary result code, or -1 for errors of the Python module."""
    code: int = getattr(error, "sqlite_errorcode", -1)
    return code & 0xFF if code >= 0 else code


def _translate(error: sqlite3.Error) -> ArtifactsError:
    message, code = f"the index of the cache failed: {error}", _code(error)
    if code == sqlite3.SQLITE_FULL:
        return StorageError(message, hint="free some space and try again", kind="disk_full")
    if code in _DENIED:
        return PermissionDeniedError(message)
    return StorageError(message, retryable=code in _BUSY)
