"""Connections, transactions and the translation of database errors.

SQLite runs in WAL mode with ``synchronous=FULL``; a write transaction takes its lock at once
(``BEGIN IMMEDIATE``) and waits for others instead of failing. Time is the catalog's clock: the
server's on PostgreSQL, this machine's on SQLite, which never spans machines.
"""

from __future__ import annotations

import contextlib
import random
import sqlite3
import time
from typing import TYPE_CHECKING, Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import IntegrityError as ConstraintError

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

BUSY_TIMEOUT = 60.0
"""Seconds that a writer waits for another one's transaction on SQLite."""

_IN_CHUNK = 500
_ATTEMPTS = 8
# Serialization failure, deadlock, unique violation (two sessions created the same row), lock.
_RETRYABLE_SQLSTATES = frozenset({"40001", "40P01", "23505", "55P03"})


class Database:
    """One database behind an SQLAlchemy engine. Thread-safe.

    Args:
        url: ``sqlite:///path`` or ``postgresql+psycopg://…``.
        read_only: Refuse writes; on SQLite also create no file beside the database.
    """

    def __init__(self, url: str, *, read_only: bool = False) -> None:
        self._engine = _make_engine(url, read_only=read_only)
        self.dialect = self._engine.dialect.name

    @classmethod
    def sqlite(cls, path: Path, *, read_only: bool = False) -> Database:
        """Open the SQLite file at ``path``; it is created unless ``read_only``."""
        return cls(
            sa.URL.create("sqlite", database=str(path)).render_as_string(), read_only=read_only
        )

    def read(self, work: Callable[[Connection], T]) -> T:
        """Run ``work`` in a transaction that only reads and sees one state of the database."""
        with _translated(), self._engine.connect() as connection, connection.begin():
            return work(connection)

    def write(self, work: Callable[[Connection], T]) -> T:
        """Run ``work`` in a transaction and commit it, again when another session got in the way.

        ``work`` may be called several times and must have no effect outside the transaction.

        Raises:
            ConflictError: It still did not go through after several attempts.
        """
        for attempt in range(_ATTEMPTS):
            try:
                with self._engine.connect() as plain:
                    connection = plain.execution_options(artifacts_write=True)
                    with connection.begin():
                        return work(connection)
            except DBAPIError as error:
                if attempt + 1 == _ATTEMPTS or not _is_retryable(error):
                    raise _translate(error) from error
            except SQLAlchemyError as error:
                raise _translate(error) from error
            time.sleep(random.uniform(0, 0.01 * 2**attempt))  # noqa: S311 - jitter, no secret
        raise AssertionError  # the last attempt returned or raised

    def now(self, connection: Connection) -> int:
        """Return microseconds since 1970 by the catalog's clock."""
        if self.dialect == "postgresql":
            clock = sa.text("SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint")
            return int(connection.execute(clock).scalar_one())
        return time.time_ns() // 1000

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
        quote = self._engine.dialect.identifier_preparer.quote
        mark = "?" if self.dialect == "sqlite" else "%s"
        names = ", ".join(map(quote, columns))
        marks = ", ".join([mark] * len(columns))
        statement = f"INSERT INTO {quote(table.name)} ({names}) VALUES ({marks})"  # noqa: S608
        if rows:
            connection.exec_driver_sql(statement, list(rows))

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

    def has_table(self, name: str) -> bool:
        """Whether the database holds a table of that name."""
        with _translated(), self._engine.connect() as connection:
            return sa.inspect(connection).has_table(name)

    @property
    def engine(self) -> Engine:
        """For migrations."""
        return self._engine

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()


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


def _make_engine(url: str, *, read_only: bool) -> Engine:
    parsed = sa.make_url(url)
    if parsed.get_backend_name() != "sqlite":
        return sa.create_engine(parsed, pool_pre_ping=True)
    path = parsed.database

    def connect() -> sqlite3.Connection:
        # No implicit transactions by the driver: _begin below decides.
        connection = sqlite3.connect(
            _sqlite_uri(path or "", read_only=read_only),
            uri=True,
            timeout=BUSY_TIMEOUT,
            isolation_level=None,
            check_same_thread=False,
        )
        connection.execute("PRAGMA foreign_keys = ON")
        if not read_only:
            _enter_wal(connection)
            connection.execute("PRAGMA synchronous = FULL")
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
    import os
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
    return sqlstate in _RETRYABLE_SQLSTATES or isinstance(error, ConstraintError)


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except SQLAlchemyError as error:
        raise _translate(error) from error


def _translate(error: SQLAlchemyError) -> ArtifactsError:
    original = error.orig if isinstance(error, DBAPIError) else None
    text = str(original if original is not None else error).strip().splitlines()[0]
    lowered = text.lower()
    if _is_conflict(error):
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


def _is_conflict(error: SQLAlchemyError) -> bool:
    return isinstance(error, DBAPIError) and _is_retryable(error)
