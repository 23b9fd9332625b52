"""Connections, transactions and the translation of database errors.

SQLite runs in WAL mode with ``synchronous=FULL``; a write transaction takes its lock at once
(``BEGIN IMMEDIATE``) and waits for others instead of failing. On PostgreSQL a write is READ
COMMITTED and relies on row locks, a read sees one snapshot (REPEATABLE READ). Time is the
catalog's clock: the server's on PostgreSQL, this machine's on SQLite, which never spans machines.

A connection is never used by two processes: a forked child drops what it inherited, without
closing it, and connects anew.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import os
import random
import sqlite3
import time
import weakref
from typing import TYPE_CHECKING, Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import IntegrityError as ConstraintError

from artifacts.store.catalog import postgres, sqlite_functions
from artifacts.store.errors import (
    ArtifactsError,
    ConflictError,
    FormatError,
    PermissionDeniedError,
    StorageError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from sqlalchemy.engine import Connection, Engine

T = TypeVar("T")

log = logging.getLogger(__name__)

BUSY_TIMEOUT = 60.0
"""Seconds that a writer waits for another one's transaction."""

_IN_CHUNK = 500
_VARIABLES = 999  # of one statement; what every SQLite takes
_ARRAY_CHUNK = 10_000
_LOCK_CLASS = 0x617274  # of the advisory locks that are ours
_ATTEMPTS = 8
_PATIENCE = 30.0


class Database:
    """One database behind an SQLAlchemy engine. Thread-safe.

    Args:
        engine: Made by `sqlite` or `postgres`.
        read_only: Refuse writes.

    Attributes:
        notes_events: Whether changes of lineage are noted for those who follow it; see `events`.
    """

    def __init__(self, engine: Engine, *, read_only: bool = False) -> None:
        self._engine = engine
        self._read_only = read_only
        self._was_connected = False
        self.dialect = engine.dialect.name
        self.notes_events = False
        _open.add(self)

    @classmethod
    def sqlite(cls, path: Path, *, read_only: bool = False) -> Database:
        """Open the SQLite file at ``path``; it is created unless ``read_only``."""
        return cls(_sqlite_engine(str(path), read_only=read_only), read_only=read_only)

    @classmethod
    def postgres(cls, url: str, *, read_only: bool = False) -> Database:
        """Use the database that a libpq URL names; see `postgres.make_engine`."""
        engine = postgres.make_engine(url, busy_timeout=BUSY_TIMEOUT)
        return cls(engine, read_only=read_only)

    def read(self, work: Callable[[Connection], T]) -> T:
        """Run ``work`` in a transaction that only reads and sees one state of the database."""
        return self._repeat(work, write=False)

    def write(
        self,
        work: Callable[[Connection], T],
        *,
        proof: Callable[[Connection, T], bool] | None = None,
    ) -> T:
        """Run ``work`` in a transaction and commit it, again when another session got in the way.

        ``work`` may be called several times and must have no effect outside the transaction. It
        is also repeated when the connection is lost, but never after it was committed: when the
        answer to COMMIT is lost, the server is asked what became of the transaction.

        Args:
            proof: Tells from the data whether a result was committed; asked when the server has
                crashed and cannot be relied on to know.

        Raises:
            ConflictError: It still did not go through after several attempts.
            StorageError: The server cannot be reached; ``commit_unknown``: it could not be asked
                whether the transaction was committed.
        """
        return self._repeat(work, write=True, proof=proof)

    def _repeat(
        self,
        work: Callable[[Connection], T],
        *,
        write: bool,
        proof: Callable[[Connection, T], bool] | None = None,
    ) -> T:
        deadline = time.monotonic() + _PATIENCE
        pause = 0.01
        for attempt in range(_ATTEMPTS):
            last = attempt + 1 == _ATTEMPTS or time.monotonic() > deadline
            try:
                return self._once(work, write=write, proof=proof)
            except DBAPIError as error:
                lost = self.dialect == "postgresql" and postgres.is_lost(error)
                if last or not (lost or (write and _is_retryable(error))):
                    raise self._translate(error) from error
                if lost:
                    pause = 0.1
            except SQLAlchemyError as error:
                raise self._translate(error) from error
            except StorageError as error:
                # A server that was there may be back soon; one that never was is reported at once.
                full = error.kind == "too_many_connections"  # and we have waited
                if last or full or not error.retryable or not self._was_connected:
                    raise
                pause = 0.1
            jitter = random.uniform(0.2, 1)  # noqa: S311 - no secret
            time.sleep(jitter * pause * 2**attempt)
        raise AssertionError  # the last attempt returned or raised

    def _connect(self) -> Connection:
        """Take a connection; wait for one while the server has none left for us."""
        deadline = time.monotonic() + _PATIENCE
        pause = 0.1
        while True:
            try:
                return self._engine.connect()
            except StorageError as error:
                if error.kind != "too_many_connections" or time.monotonic() > deadline:
                    raise
                if pause > 1:
                    log.warning("%s; waiting for one", error)
            time.sleep(random.uniform(0.5, 1) * pause)  # noqa: S311 - no secret
            pause = min(pause * 2, 5.0)

    def _once(
        self,
        work: Callable[[Connection], T],
        *,
        write: bool,
        proof: Callable[[Connection, T], bool] | None,
    ) -> T:
        with contextlib.ExitStack() as stack:
            connection = stack.enter_context(self._connect())
            self._was_connected = True
            connection = connection.execution_options(**self._options(write=write))
            transaction = connection.begin()
            # Ends what work or the commit left open by an exception.
            stack.callback(transaction.close)
            result = work(connection)
            identity = None
            if write and self.dialect == "postgresql":
                identity = postgres.current_transaction(connection)
            try:
                transaction.commit()
            except DBAPIError as error:
                if identity is None or not postgres.is_lost(error):
                    raise
                committed = postgres.was_committed(self._engine, identity)
                if committed is None:
                    if proof is None:
                        raise postgres.unknown_commit() from error
                    committed = self.read(lambda c: proof(c, result))
                if not committed:
                    raise
        return result

    def _options(self, *, write: bool) -> dict[str, Any]:
        if self.dialect == "sqlite":
            return {"artifacts_write": write}
        if write:
            return {"postgresql_readonly": self._read_only}
        return {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}

    def now(self, connection: Connection) -> int:
        """Return microseconds since 1970 by the catalog's clock."""
        if self.dialect == "postgresql":
            clock = sa.text("SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint")
            return int(connection.execute(clock).scalar_one())
        return time.time_ns() // 1000

    def lock(self, connection: Connection, number: int) -> None:
        """Let one transaction at a time go on from here; on SQLite only one writes anyway."""
        if self.dialect == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK_CLASS, number)))

    def insert(self, table: sa.TableClause) -> Any:
        """Return an INSERT that knows ``on_conflict_do_nothing`` and ``…_do_update``."""
        # Imported here because each costs tens of milliseconds, and one is enough.
        if self.dialect == "postgresql":
            from sqlalchemy.dialects import postgresql

            return postgresql.insert(table)
        from sqlalchemy.dialects import sqlite

        return sqlite.insert(table)

    def insert_many(
        self,
        connection: Connection,
        table: sa.TableClause,
        columns: Sequence[str],
        rows: Sequence[Any],
    ) -> None:
        """Insert plain tuples; several times faster than a statement that looks at each value.

        Args:
            rows: Tuples of values that the driver takes as they are, in the order of columns.
        """
        if not rows:
            return
        dialect = self._engine.dialect
        quote = dialect.identifier_preparer.quote
        names = ", ".join(map(quote, columns))
        into = f"INSERT INTO {quote(table.name)} ({names})"
        if self.dialect == "sqlite":
            _insert_into_sqlite(connection, into, len(columns), rows)
            return
        # One array for each column: a single statement, whose errors SQLAlchemy sees.
        types = [table.columns[column].type.compile(dialect) for column in columns]
        arrays = ", ".join(f"%s::{type_}[]" for type_ in types)
        for batch in chunked(rows, _ARRAY_CHUNK):
            values = tuple(map(list, zip(*batch, strict=True)))
            statement = f"{into} SELECT * FROM unnest({arrays})"  # noqa: S608 - own names
            connection.exec_driver_sql(statement, values)

    def select_in(
        self, connection: Connection, statement: str, values: Iterable[Any]
    ) -> Iterator[tuple[Any, ...]]:
        """Run a SELECT that ends in ``IN {values}`` over any number of values; plain tuples.

        For look-ups of many thousands, where the conversion of rows costs more than the query.
        """
        mark = "?" if self.dialect == "sqlite" else "%s"
        for batch in chunked(values):
            marks = "(" + ", ".join([mark] * len(batch)) + ")"
            text = statement.format(values=marks)
            yield from connection.exec_driver_sql(text, tuple(batch)).cursor.fetchall()

    def _translate(self, error: SQLAlchemyError) -> ArtifactsError:
        if self.dialect == "postgresql" and isinstance(error, DBAPIError):
            if getattr(error.orig, "sqlstate", None) == postgres.LOCK_TIMEOUT:
                return postgres.busy(self._engine, BUSY_TIMEOUT)
            known = postgres.translate(error, _first_line(error))
            if known is not None:
                return known
        return _translate(error)

    @property
    def engine(self) -> Engine:
        """For migrations."""
        return self._engine

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()


def _insert_into_sqlite(connection: Connection, into: str, width: int, rows: Sequence[Any]) -> None:
    """Insert many rows by each statement.

    The driver lets go of the interpreter's lock in every step, which for ``executemany`` is every
    row. While another thread works, as it does during an upload, handing the lock to and fro then
    takes several times as long as inserting.
    """
    marks = "(" + ", ".join("?" * width) + ")"
    count = _VARIABLES // width
    many = f"{into} VALUES " + ", ".join([marks] * count)
    whole = len(rows) - len(rows) % count
    for start in range(0, whole, count):
        values = tuple(itertools.chain.from_iterable(rows[start : start + count]))
        connection.exec_driver_sql(many, values)
    if rest := list(rows[whole:]):
        connection.exec_driver_sql(f"{into} VALUES {marks}", rest)


def chunked(items: Iterable[T], size: int = _IN_CHUNK) -> Iterator[Sequence[T]]:
    """Cut ``items`` into lists that fit into one ``IN (…)``."""
    batch: list[T] = []
    for item in items:
        batch.append(item)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def _sqlite_engine(path: str, *, read_only: bool) -> Engine:
    def connect() -> sqlite3.Connection:
        # No implicit transactions by the driver: _begin below decides.
        connection = sqlite3.connect(
            _sqlite_uri(path, read_only=read_only),
            uri=True,
            timeout=BUSY_TIMEOUT,
            isolation_level=None,
            check_same_thread=False,
        )
        connection.execute("PRAGMA foreign_keys = ON")
        if not read_only:
            _enter_wal(connection)
            connection.execute("PRAGMA synchronous = FULL")
        sqlite_functions.register(connection)
        return connection

    engine = sa.create_engine(
        "sqlite://", creator=connect, poolclass=sa.pool.QueuePool, pool_size=4, max_overflow=64
    )
    sa.event.listen(engine, "begin", _begin)
    return engine


def _enter_wal(connection: sqlite3.Connection) -> None:
    """Switch to the write-ahead log: the one statement that SQLite does not wait with."""
    deadline = time.monotonic() + BUSY_TIMEOUT
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                connection.close()
                raise
        time.sleep(0.01)


def _sqlite_uri(path: str, *, read_only: bool) -> str:
    from urllib.parse import quote

    uri = "file:" + quote(os.path.abspath(path))
    if not read_only:
        return uri + "?mode=rwc"
    # A reader of a WAL database needs its shared-memory file. Where it can neither write nor find
    # one nobody has the database open, and the file alone is complete: unless the last writer was
    # killed, which left a log that must not be passed over.
    writable = os.access(path, os.W_OK) and os.access(os.path.dirname(path) or ".", os.W_OK)
    in_use = any(os.path.exists(path + suffix) for suffix in ("-wal", "-shm"))
    return uri + ("?mode=ro" if writable or in_use else "?mode=ro&immutable=1")


def _begin(connection: Connection) -> None:
    write = connection.get_execution_options().get("artifacts_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


def _is_retryable(error: DBAPIError) -> bool:
    sqlstate = getattr(error.orig, "sqlstate", None)
    if sqlstate is not None:
        return sqlstate in postgres.RETRYABLE_SQLSTATES
    return isinstance(error, ConstraintError)


def _first_line(error: SQLAlchemyError) -> str:
    original = error.orig if isinstance(error, DBAPIError) else None
    return str(original if original is not None else error).strip().splitlines()[0]


def _translate(error: SQLAlchemyError) -> ArtifactsError:
    text = _first_line(error)
    lowered = text.lower()
    if isinstance(error, DBAPIError) and _is_retryable(error):
        return ConflictError(f"the catalog was changed by somebody else meanwhile: {text}")
    if "locked" in lowered or "busy" in lowered:
        return ConflictError(
            f"another process has been writing to the catalog for over {BUSY_TIMEOUT:.0f} s",
            hint="look for a hanging process, or use PostgreSQL for many writers",
            kind="catalog_busy",
        )
    if "readonly" in lowered or "read-only" in lowered or "permission denied" in lowered:
        return PermissionDeniedError(f"the catalog cannot be written: {text}")
    if "full" in lowered:
        return StorageError(
            f"no space left for the catalog: {text}",
            kind="disk_full",
            hint="free some space; nothing was committed",
        )
    if "not a database" in lowered or "malformed" in lowered:
        return FormatError(
            f"the catalog file is damaged: {text}",
            hint="restore it from a backup, or rebuild it with: art check --rebuild",
            kind="catalog_damaged",
        )
    return StorageError(f"the catalog failed: {text}", retryable=True)


_open: weakref.WeakSet[Database] = weakref.WeakSet()
_inherited: list[object] = []


def _after_fork() -> None:
    # Kept, because the end of a connection object is told to a server that belongs to the parent.
    for database in _open:
        _inherited.append(database.engine.pool)
        database.engine.dispose(close=False)


os.register_at_fork(after_in_child=_after_fork)
