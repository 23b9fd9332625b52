"""PostgreSQL: sessions as the catalog wants them, and what the server's errors mean.

libpq reads the URL itself, so that all it knows works: several hosts, ``sslmode``, ``options``,
service files, ``~/.pgpass`` and the ``PG…`` variables.
"""

from __future__ import annotations

import contextlib
import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.exc import DataError, DBAPIError

from artifacts.store.errors import (
    ArtifactsError,
    ConfigError,
    ConflictError,
    FormatError,
    InvalidInputError,
    PermissionDeniedError,
    StorageError,
    StoreNotFoundError,
)

if TYPE_CHECKING:
    import psycopg
    from sqlalchemy.engine import Connection, Engine

SCHEMES = ("postgresql://", "postgres://")
MINIMUM_VERSION = 14
RETRYABLE_SQLSTATES = frozenset({"40001", "40P01", "23505"})
"""Serialization failure, deadlock, unique violation: two sessions created the same row."""

LOCK_TIMEOUT = "55P03"

# One is kept, because a server has a hundred by default, for all processes of a team together;
# another one is made in milliseconds when two threads are at work at once.
_POOL_SIZE, _POOL_OVERFLOW = 1, 7
_IDLE_LIMIT = 600  # a session that stopped in the middle of a transaction holds everybody up
_OUTCOME_WAIT = 30.0
_SECRETS = ("password", "sslpassword")
# Connection exceptions; shutdown, crash, start of the server, and a session that was ended.
_LOST_SQLSTATES = ("08", "57P01", "57P02", "57P03", "57P05", "25P03", "25P04")
_DEFAULTS = {
    "connect_timeout": 10,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
}


@dataclass(frozen=True, slots=True)
class Transaction:
    """What a transaction can be recognized by after its connection was lost.

    Attributes:
        xid: The server's number of it, as text.
        pid: The server process that ran it.
        life: Changes when the server crashes.
    """

    xid: str
    pid: int
    life: str | None


def make_engine(url: str, *, busy_timeout: float) -> Engine:
    """Return an engine with a small pool; nothing is connected yet.

    Args:
        url: ``postgresql://[user@][host][:port][/database][?parameters]``.
        busy_timeout: Seconds for which a statement waits for a lock.

    Raises:
        ConfigError: The URL is wrong or holds a password, or psycopg is not installed.
    """
    parameters = _parse(url)
    defaults: dict[str, Any] = {
        name: value for name, value in _DEFAULTS.items() if name not in parameters
    }
    if "PGCONNECT_TIMEOUT" in os.environ:
        defaults.pop("connect_timeout", None)

    def connect() -> psycopg.Connection[Any]:
        return _connect(url, defaults, busy_timeout)

    return sa.create_engine(
        "postgresql+psycopg://",
        creator=connect,
        pool_pre_ping=True,
        pool_size=_POOL_SIZE,
        max_overflow=_POOL_OVERFLOW,
        pool_timeout=busy_timeout,
        use_native_hstore=False,  # would ask every new connection for its number
    )


def current_transaction(connection: Connection) -> Transaction | None:
    """Return what to recognize this transaction by, or None if it has changed nothing."""
    row = connection.exec_driver_sql(_CURRENT).one()
    return None if row[0] is None else Transaction(*row)


def was_committed(engine: Engine, transaction: Transaction) -> bool | None:
    """Find out what became of a transaction when the answer to its COMMIT was lost.

    Returns:
        None if the server has crashed since then and says yes: it forgets the numbers of
        transactions that had not reached the disk, and may have given this one to another.

    Raises:
        StorageError: The server did not say so within half a minute.
    """
    deadline = time.monotonic() + _OUTCOME_WAIT
    pause = 0.05
    while True:
        # The server may be starting again; it may not have noticed yet that we are gone.
        with contextlib.suppress(DBAPIError, StorageError), engine.connect() as connection:
            status, crashed = _status(connection, transaction)
            if status == "committed":
                return None if crashed else True
            if crashed or status in {"aborted", "never begun"}:
                return False
        if time.monotonic() > deadline:
            raise unknown_commit()
        time.sleep(pause)
        pause = min(2 * pause, 2.0)


def unknown_commit() -> StorageError:
    """Return the error of a write of which nobody knows whether it went through."""
    return StorageError(
        "the connection to the catalog was lost while a change was being committed, and whether "
        "it went through could not be found out",
        hint="look at what is there, and repeat the call if need be; logging equal content again "
        "makes no second version",
        kind="commit_unknown",
    )


def is_lost(error: DBAPIError) -> bool:
    """Whether the session has ended, so that an uncommitted transaction left no trace."""
    sqlstate = getattr(error.orig, "sqlstate", None) or ""
    return error.connection_invalidated or sqlstate.startswith(_LOST_SQLSTATES)


def translate(error: DBAPIError, text: str) -> ArtifactsError | None:
    """Return the exception of our tree for one that came from the server; None for others."""
    sqlstate = getattr(error.orig, "sqlstate", None) or ""
    if is_lost(error):
        return _unreachable(text)
    if sqlstate == "42501":
        return PermissionDeniedError(
            f"the catalog refused access: {text}",
            hint="let the owner of the database run: GRANT USAGE, CREATE ON SCHEMA … TO …, "
            "and GRANT ALL ON ALL TABLES and ALL SEQUENCES of that schema",
        )
    if sqlstate == "3F000":
        return StoreNotFoundError(
            f"the database lacks the schema that the catalog is in: {text}",
            hint="create it with CREATE SCHEMA, or correct search_path in the URL",
        )
    if sqlstate == "53100":
        return StorageError(
            f"no space left for the catalog: {text}",
            kind="disk_full",
            hint="free some space on the database server; nothing was committed",
        )
    if isinstance(error, DataError):
        return InvalidInputError(f"the catalog cannot hold a value: {text}")
    if sqlstate.startswith("XX00") and sqlstate != "XX000":
        return FormatError(
            f"the catalog's database is damaged: {text}",
            hint="restore it from a backup",
            kind="catalog_damaged",
        )
    return None


def busy(engine: Engine, waited: float) -> ConflictError:
    """Return the error of a write that waited too long for a lock, naming who holds it."""
    who, hint = "another session", "look for a hanging process"
    holder = _find_holder(engine)
    if holder is not None:
        pid, program, user, host = holder
        where = host or "the server's own machine"
        who = f"process {pid} ({program or 'unnamed'}) of user {user} on {where}"
        hint += f", or end its session with: SELECT pg_terminate_backend({pid})"
    return ConflictError(
        f"{who} has been writing to the catalog for over {waited:g} s",
        hint=hint,
        kind="catalog_busy",
    )


def _parse(url: str) -> dict[str, Any]:
    # No message repeats the URL, nor what libpq says about it: both may hold a password.
    if not url.startswith(SCHEMES):
        raise ConfigError(
            "the URL of a catalog must begin with postgresql://",
            hint="for instance postgresql://user@host/database",
        )
    try:
        import psycopg
        from psycopg.conninfo import conninfo_to_dict
    except ImportError as error:
        raise ConfigError(
            "a catalog on PostgreSQL needs the package psycopg",
            hint="pip install 'artifacts-cas[postgres]'",
        ) from error
    try:
        parameters: dict[str, Any] = conninfo_to_dict(url)
    except psycopg.Error:
        raise ConfigError(
            "the URL of the catalog is not one that PostgreSQL understands",
            hint="postgresql://user@host:port/database?sslmode=…; special characters as %XX",
        ) from None
    if any(name in parameters for name in _SECRETS):
        raise ConfigError(
            "the URL of the catalog holds a password, which would end up in logs and settings",
            hint="put it into ~/.pgpass, PGPASSWORD or a service file, and take it out of the URL",
        )
    return parameters


def _connect(url: str, defaults: dict[str, Any], busy_timeout: float) -> psycopg.Connection[Any]:
    import psycopg

    try:
        connection = psycopg.connect(
            url,
            autocommit=True,
            fallback_application_name="artifacts",
            **defaults,
        )
    except psycopg.Error as error:
        raise _connect_error(str(error)) from error
    try:
        _set_up(connection, busy_timeout)
    except psycopg.Error as error:
        connection.close()
        raise _connect_error(str(error)) from error
    except BaseException:
        connection.close()
        raise
    return connection


def _set_up(connection: psycopg.Connection[Any], busy_timeout: float) -> None:
    version = connection.info.server_version // 10_000
    if version < MINIMUM_VERSION:
        raise ConfigError(
            f"the catalog's server is PostgreSQL {version}; at least {MINIMUM_VERSION} is needed",
            hint="upgrade the server, or use another one",
            kind="server_too_old",
        )
    settings = {
        "TimeZone": "UTC",
        "lock_timeout": f"{busy_timeout * 1000:.0f}",
        "idle_in_transaction_session_timeout": f"{_IDLE_LIMIT * 1000}",
        # The server's own look at whether we are still there: by default it takes hours.
        "tcp_keepalives_idle": "30",
        "tcp_keepalives_interval": "10",
        "tcp_keepalives_count": "3",
    }
    calls = ", ".join(["set_config(%s, %s, false)"] * len(settings))
    connection.execute(
        f"SELECT {calls}",
        [part for item in settings.items() for part in item],
    )
    connection.autocommit = False
    connection.isolation_level = _read_committed()


def _read_committed() -> psycopg.IsolationLevel:
    import psycopg

    return psycopg.IsolationLevel.READ_COMMITTED


def _connect_error(message: str) -> ArtifactsError:
    # Before there is a session libpq gives no SQLSTATE, only text.
    lines = [line.strip() for line in message.strip().splitlines()]
    text = next((line for line in lines if "FATAL" in line), lines[0] if lines else "no reason")
    text = text.removeprefix("connection failed: ").removeprefix("connection is bad: ")
    lowered = text.lower()
    if "database" in lowered and "does not exist" in lowered:
        return StoreNotFoundError(
            f"there is no such database: {text}", hint="make it with: createdb NAME"
        )
    if "definition of service" in lowered:
        return ConfigError(
            f"the catalog's URL names an unknown service: {text}",
            hint="define it in ~/.pg_service.conf, or correct PGSERVICE",
        )
    if any(reason in lowered for reason in _DENIED):
        return PermissionDeniedError(
            f"the catalog's server refused the login: {text}",
            hint="check the user in the URL, and the password in ~/.pgpass or PGPASSWORD",
        )
    if any(reason in lowered for reason in _TOO_MANY):
        return StorageError(
            f"the catalog's server has no connection left: {text}",
            hint="try again later, or raise max_connections on the server",
            kind="too_many_connections",
            retryable=True,
        )
    if "unrecognized configuration parameter" in lowered or "invalid value for" in lowered:
        return ConfigError(f"the catalog's URL has a wrong parameter: {text}")
    return _unreachable(text)


_DENIED = (
    "authentication failed",
    "no password supplied",
    "no pg_hba.conf entry",
    "not permitted to log in",
    "permission denied",
    "fatal:  role",
)
_TOO_MANY = ("too many clients", "too many connections", "remaining connection slots")


def _unreachable(text: str) -> StorageError:
    return StorageError(
        f"the catalog's server cannot be reached: {text}",
        hint="check that PostgreSQL is running, and host and port in the URL",
        kind="catalog_unreachable",
        retryable=True,
    )


# Statistics survive a restart and are thrown away after a crash: the time of their reset tells
# one life of the server from the next.
_CURRENT = """
SELECT pg_current_xact_id_if_assigned()::text, pg_backend_pid(),
    (SELECT stats_reset::text FROM pg_stat_bgwriter)
"""
# A number that the server has not reached yet is one that it forgot in a crash.
_OUTCOME = """
SELECT CASE WHEN CAST(:xid AS xid8) < pg_snapshot_xmax(pg_current_snapshot())
    THEN pg_xact_status(CAST(:xid AS xid8)) ELSE 'never begun' END,
    (SELECT stats_reset::text FROM pg_stat_bgwriter)
"""
# Numbers of processes are used again: its transaction must be ours.
_END = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE pid = :pid AND backend_xid = CAST(CAST(:xid AS xid8) AS xid)
"""


def _status(connection: Connection, transaction: Transaction) -> tuple[str | None, bool]:
    """Return the state of a transaction, and whether the server has crashed since."""
    values = {"pid": transaction.pid, "xid": transaction.xid}
    status, life = connection.execute(sa.text(_OUTCOME), values).one()
    crashed = life != transaction.life
    if status in {"in progress", "never begun"} and not crashed:
        # Its process may still wait for a client that is gone.
        connection.execute(sa.text(_END), values)
    return status, crashed


_HOLDER = """
SELECT activity.pid, application_name, usename, coalesce(client_hostname, host(client_addr))
FROM pg_stat_activity AS activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
AND EXISTS (
    SELECT FROM pg_locks WHERE pg_locks.pid = activity.pid AND granted
    AND (mode = 'ExclusiveLock' AND locktype = 'advisory'
         OR mode IN ('RowExclusiveLock', 'ShareLock', 'ShareRowExclusiveLock',
                     'ExclusiveLock', 'AccessExclusiveLock')
            AND relation IN (SELECT oid FROM pg_class
                             WHERE relnamespace = current_schema()::regnamespace))
)
AND cardinality(pg_blocking_pids(activity.pid)) = 0
ORDER BY xact_start NULLS LAST LIMIT 1
"""


def _find_holder(engine: Engine) -> tuple[Any, ...] | None:
    # The one that blocked us cannot be asked for any more: we wait no longer. It is the session
    # that holds locks on our tables, waits for nobody, and has done so for the longest time.
    with contextlib.suppress(DBAPIError, ArtifactsError), engine.connect() as connection:
        row = connection.exec_driver_sql(_HOLDER).first()
        return None if row is None else tuple(row)
    return None
