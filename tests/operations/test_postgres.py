"""Races of sessions, lost connections and refused logins on PostgreSQL."""

import dataclasses
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from urllib.parse import quote, urlencode

import psycopg
import pytest
import sqlalchemy as sa

from artifacts.store.catalog import Catalog, blobs, changes, database, leases, postgres
from artifacts.store.catalog.database import Database
from artifacts.store.digests import hash_bytes
from artifacts.store.errors import (
    ArtifactsError,
    ConfigError,
    ConflictError,
    FormatError,
    PermissionDeniedError,
    RefNotFoundError,
    StorageError,
    StoreNotFoundError,
)
from artifacts.store.records import LeaseKind, ObjectState
from tests.conformance.catalog_tests import (
    ONE,
    TWO,
    draft,
    log,
    pack,
    resolve,
    states,
    upload,
)

TIMEOUT = 60


@pytest.fixture
def catalogs(postgres_url):
    """Two catalogs in one database: two programs."""
    pair = [Catalog.open_url(postgres_url) for _ in range(2)]
    yield pair
    for catalog in pair:
        catalog.close()


@pytest.fixture
def catalog(catalogs):
    return catalogs[0]


@pytest.fixture
def other(catalogs):
    return catalogs[1]


class Held:
    """A transaction that has done its work and does not commit before `release`."""

    def __init__(self, catalog, pool, work):
        self.pid = 0
        self._ready, self._go = threading.Event(), threading.Event()
        self._fails = False

        def run(connection):
            result = work(connection)
            self.pid = connection.connection.driver_connection.info.backend_pid
            self._ready.set()
            assert self._go.wait(TIMEOUT)
            if self._fails:
                raise ConflictError("rolled back", kind="test")
            return result

        self._future = pool.submit(catalog._db.write, run)
        assert self._ready.wait(TIMEOUT)

    def release(self):
        self._go.set()
        return self._future.result(TIMEOUT)

    def roll_back(self):
        self._fails = True
        with pytest.raises(ConflictError, match="rolled back"):
            self.release()


@contextmanager
def threads():
    with ThreadPoolExecutor() as pool:
        yield pool


def wait_for_waiter(catalog, held):
    """Return once another session waits for a lock of a held transaction."""
    ask = sa.text("SELECT count(*) FROM pg_stat_activity WHERE :pid = ANY(pg_blocking_pids(pid))")
    end = time.monotonic() + TIMEOUT
    while not catalog._db.read(lambda c: c.scalar(ask, {"pid": held.pid})):
        assert time.monotonic() < end, "nobody waits"


def together(*calls):
    """Run calls at once; return their results, or what they raised."""
    barrier = threading.Barrier(len(calls))

    def run(call):
        barrier.wait(TIMEOUT)
        try:
            return call()
        except ArtifactsError as error:
            return error

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def scalars(catalog, text, **values):
    return catalog._db.read(lambda c: list(c.scalars(sa.text(text), values)))


# -- a writer and a collector

# Tests the age in the UPDATE itself: when the row turns out to be locked, PostgreSQL evaluates the
# condition again on the row that the other session has committed. A variant that only asks
# `NOT EXISTS (SELECT … FROM claims …)` while writers hold the row FOR SHARE would decide by the
# snapshot that it took before it waited, and condemn what was claimed meanwhile.
CONDEMN = sa.text(
    "UPDATE objects SET state = 'condemned' WHERE state = 'live' AND touched_at < :before "
    "AND id = ANY(:ids) RETURNING id"
)


def condemn(before, ids):
    return lambda c: list(c.scalars(CONDEMN, {"before": before, "ids": sorted(ids)}))


@pytest.fixture
def old(catalog):
    """Ids of objects with ONE in them, and a time after they were last used."""
    upload(catalog, "lease", pack("packs/1", ONE))
    catalog.commit(draft(), lease="lease", uploaded=1)
    return {record.id for record in catalog.list_objects()}, catalog.now()


def test_a_claim_comes_before_the_collector(catalog, other, old):
    ids, before = old
    with threads() as pool:
        claim = Held(catalog, pool, lambda c: blobs.claim(catalog._db, c, {ONE}))
        collector = pool.submit(other._db.write, condemn(before, ids))
        wait_for_waiter(catalog, claim)
        assert claim.release().present == {ONE}
        assert collector.result(TIMEOUT) == []
    assert states(catalog) == {"packs/1": ObjectState.LIVE}
    catalog.commit(draft(1), claimed=frozenset(ids))


def test_a_claim_comes_after_the_collector(catalog, other, old):
    ids, before = old
    with threads() as pool:
        collector = Held(other, pool, condemn(before, ids))
        claim = pool.submit(catalog.claim, [ONE])
        wait_for_waiter(catalog, collector)
        assert collector.release() == list(ids)
        assert claim.result(TIMEOUT).objects == ids
    assert states(catalog) == {"packs/1": ObjectState.LIVE}


def test_a_claim_waits_for_an_object_that_goes(catalog, other, old):
    ids, _ = old
    doom = sa.text("UPDATE objects SET state = 'deleting'")
    with threads() as pool:
        collector = Held(other, pool, lambda c: c.execute(doom).rowcount)
        claim = pool.submit(catalog.claim, [ONE])
        commit = pool.submit(catalog.commit, draft(1), claimed=frozenset(ids))
        wait_for_waiter(catalog, collector)
        collector.release()
        assert claim.result(TIMEOUT).present == frozenset()
        with pytest.raises(ConflictError) as caught:
            commit.result(TIMEOUT)
        assert caught.value.kind == "upload_expired"


# -- commits


def test_a_commit_waits_for_another(catalog, other):
    log(catalog, name="other")
    with threads() as pool:
        first = Held(catalog, pool, lambda c: changes.commit(catalog._db, c, draft(0)))
        second = pool.submit(other.commit, draft(1))
        wait_for_waiter(catalog, first)
        assert first.release()[0].number == 0
        assert second.result(TIMEOUT)[0].number == 1
    versions = catalog.list_versions("local", "demo", "corpus")
    assert [(v.number, v.aliases) for v in versions] == [(1, ("latest",)), (0, ())]


@pytest.mark.parametrize("exists", [True, False], ids=["artifact exists", "artifact is made"])
def test_a_number_that_was_rolled_back_is_used(catalog, other, exists):
    numbers = [log(catalog, 9).number] if exists else []
    with threads() as pool:
        first = Held(catalog, pool, lambda c: changes.commit(catalog._db, c, draft(0)))
        second = pool.submit(other.commit, draft(1))
        wait_for_waiter(catalog, first)
        first.roll_back()
        numbers.append(second.result(TIMEOUT)[0].number)
    numbers.append(log(catalog, 2).number)
    assert numbers == list(range(len(numbers)))


@pytest.mark.parametrize("attempt", range(5))
def test_sessions_make_the_same_version_at_once(catalogs, attempt):
    calls = [lambda c=catalog: c.commit(draft(project="new")) for catalog in catalogs * 2]
    results = together(*calls)
    assert [r for r in results if isinstance(r, Exception)] == []
    assert Counter(created for _, created in results) == {True: 1, False: 3}
    assert {version.ref for version, _ in results} == {"new/corpus:v0"}
    assert catalogs[0].list_projects() == [("local", "new")]
    assert len(catalogs[0].list_artifacts()) == 1


def test_identity_is_entered_by_one_of_many(catalogs):
    calls = [lambda c=c, i=i: c.identify(f"{i}", 1) for i, c in enumerate(catalogs * 4)]
    assert len(set(together(*calls))) == 1
    assert len(scalars(catalogs[0], "SELECT uuid FROM store")) == 1


def test_a_commit_waits_for_the_reaping_of_its_lease(catalog, other):
    upload(catalog, "lease", pack("packs/1", ONE))
    with threads() as pool:
        reaper = Held(other, pool, lambda c: leases.reap(other._db, c, -1))
        commit = pool.submit(catalog.commit, draft(), lease="lease", uploaded=1)
        wait_for_waiter(catalog, reaper)
        assert [lease.id for lease in reaper.release()] == ["lease"]
        with pytest.raises(ConflictError) as caught:
            commit.result(TIMEOUT)
    assert caught.value.kind == "upload_expired"
    assert states(catalog) == {"packs/1": ObjectState.PENDING}


def test_a_lease_that_is_renewed_is_not_reaped(catalog, other):
    catalog.open_lease("lease", LeaseKind.UPLOAD, "somebody")
    age = 1_000_000_000
    statement = sa.text("UPDATE leases SET renewed_at = renewed_at - 2 * :age")
    catalog._db.write(lambda c: c.execute(statement, {"age": age}))
    with threads() as pool:
        renewal = Held(catalog, pool, lambda c: leases.renew(catalog._db, c, ["lease"]))
        reaper = pool.submit(other._db.write, lambda c: leases.reap(other._db, c, age))
        wait_for_waiter(catalog, renewal)
        assert renewal.release() == {"lease"}
        assert reaper.result(TIMEOUT) == []


def test_a_commit_waits_for_the_deletion_of_its_base(catalog, other):
    base = log(catalog)

    def delete(connection):
        changes.delete(other._db, connection, base.id, delete_aliases=False, force=False)

    with threads() as pool:
        deletion = Held(other, pool, delete)
        commit = pool.submit(catalog.commit, draft(1), base=base.id)
        wait_for_waiter(catalog, deletion)
        deletion.release()
        with pytest.raises(ConflictError) as caught:
            commit.result(TIMEOUT)
    assert caught.value.kind == "base_deleted"
    assert catalog.list_versions("local", "demo", "corpus") == []


def test_a_base_is_deleted_after_the_commit(catalog, other):
    base = log(catalog)

    def commit(connection):
        version, _ = changes.commit(catalog._db, connection, draft(1))
        changes.check_live(connection, base.id)
        return version

    with threads() as pool:
        held = Held(catalog, pool, commit)
        deletion = pool.submit(other.delete_version, base.id)
        wait_for_waiter(catalog, held)
        version = held.release()
        deletion.result(TIMEOUT)
    assert resolve(catalog, "corpus").id == version.id
    assert catalog.version(base.id).deleted_at is not None


# -- aliases


def test_an_alias_that_many_move_has_one_place(catalogs):
    versions = [log(catalogs[0], number) for number in range(4)]

    def mover(catalog, version):
        def move():
            for _ in range(10):
                catalog.set_alias(version.id, "prod")

        return move

    moves = [mover(c, v) for c, v in zip(catalogs * 2, versions, strict=True)]
    assert together(*moves) == [None] * 4
    [holder] = scalars(catalogs[0], "SELECT version_id FROM aliases WHERE name = 'prod'")
    events = catalogs[0]._db.read(
        lambda c: c.execute(
            sa.text(
                "SELECT from_version_id, to_version_id FROM alias_events "
                "WHERE alias = 'prod' ORDER BY id"
            )
        ).all()
    )
    assert [event[0] for event in events] == [None, *(event[1] for event in events[:-1])]
    assert events[-1][1] == holder


@pytest.mark.parametrize("attempt", range(5))
def test_compare_and_set_has_one_winner(catalogs, attempt):
    versions = [log(catalogs[0], number) for number in range(5)]
    catalogs[0].set_alias(versions[0].id, "prod")
    results = together(
        *(
            lambda c=c, v=v: c.set_alias(v.id, "prod", expected=versions[0].id)
            for c, v in zip(catalogs * 2, versions[1:], strict=True)
        )
    )
    assert Counter(type(r) for r in results) == {type(None): 1, ConflictError: 3}
    winner = versions[1:][results.index(None)]
    assert resolve(catalogs[0], "corpus:prod").id == winner.id


def test_an_alias_does_not_move_to_a_version_that_is_just_deleted(catalog, other):
    version = log(catalog)

    def delete(connection):
        changes.delete(other._db, connection, version.id, delete_aliases=True, force=False)

    with threads() as pool:
        deletion = Held(other, pool, delete)
        move = pool.submit(catalog.set_alias, version.id, "prod")
        again = pool.submit(catalog.delete_version, version.id)
        wait_for_waiter(catalog, deletion)
        deletion.release()
        for future in (move, again):
            with pytest.raises(RefNotFoundError):
                future.result(TIMEOUT)
    assert scalars(catalog, "SELECT name FROM aliases") == []


# -- sessions that wait for each other


def test_a_deadlock_of_two_claims_is_not_seen(catalog, other):
    upload(catalog, "lease", pack("packs/1", ONE), pack("packs/2", TWO))
    catalog.commit(draft(), lease="lease", uploaded=2)
    barrier = threading.Barrier(2, timeout=TIMEOUT)
    calls: Counter[tuple] = Counter()

    def claimer(catalog, *digests):
        def work(connection):
            calls[digests] += 1
            first = blobs.claim(catalog._db, connection, {digests[0]})
            if calls[digests] == 1:
                barrier.wait()
            return first.present | blobs.claim(catalog._db, connection, {digests[1]}).present

        return lambda: catalog._db.write(work)

    found = together(claimer(catalog, ONE, TWO), claimer(other, TWO, ONE))
    assert found == [{ONE, TWO}, {ONE, TWO}]
    assert calls.total() == 3


def test_claims_of_many_objects_at_once(catalogs):
    digests = [hash_bytes(str(i).encode()) for i in range(60)]
    packs = [pack(f"packs/{i}", digest) for i, digest in enumerate(digests)]
    upload(catalogs[0], "lease", *packs)
    catalogs[0].commit(draft(), lease="lease", uploaded=len(packs))
    claims = [
        lambda c=c, n=n: [c.claim(digests[:: 1 + n % 3]) for _ in range(10)]
        for n, c in enumerate(catalogs * 2)
    ]
    for results in together(*claims):
        assert not isinstance(results, Exception)


def test_who_waits_too_long_learns_for_whom(postgres_url, monkeypatch):
    monkeypatch.setattr(database, "BUSY_TIMEOUT", 0.2)
    catalog = Catalog.open_url(postgres_url)
    holder = Catalog.open_url(postgres_url + "&application_name=slow-writer")
    log(catalog)
    with threads() as pool:
        held = Held(holder, pool, lambda c: changes.commit(holder._db, c, draft(1)))
        with pytest.raises(ConflictError, match="slow-writer") as caught:
            log(catalog, 2)
        assert f"process {held.pid} " in caught.value.message
        assert caught.value.kind == "catalog_busy"
        assert str(held.pid) in str(caught.value.hint)
        held.release()
    assert log(catalog, 2).number == 2
    catalog.close()
    holder.close()


OPENER = """
import sys
from artifacts.store.catalog import Catalog
print("ready", flush=True)
sys.stdin.readline()
catalog = Catalog.open_url(sys.argv[1])
print(catalog.identify(sys.argv[2], 1)[0])
catalog.close()
"""


def start(program, *arguments):
    return subprocess.Popen(
        [sys.executable, "-c", program, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run_together(processes):
    """Let processes go on when all have printed ``ready``; return what they print, and seconds."""
    for process in processes:
        assert process.stdout.readline() == "ready\n", process.communicate()[1]
    began = time.monotonic()
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    printed = []
    for process in processes:
        out, err = process.communicate(timeout=100)
        assert process.returncode == 0, err
        printed.append(out)
    return printed, time.monotonic() - began


def test_processes_open_a_new_database_at_once(postgres_url):
    printed, _ = run_together([start(OPENER, postgres_url, str(n)) for n in range(3)])
    assert len(set(printed)) == 1


COMMITTER = """
import sys
from artifacts.store.catalog import Catalog
from artifacts.store.digests import hash_bytes
from artifacts.store.records import VersionDraft
url, writer, count = sys.argv[1:]
catalog = Catalog.open_url(url)
catalog.now()
print("ready", flush=True)
sys.stdin.readline()
for i in range(int(count)):
    digest = hash_bytes(f"{writer}-{i}".encode())
    draft = VersionDraft("local", "demo", "corpus", "dataset", digest, 10, 2)
    print(catalog.commit(draft)[0].number)
catalog.close()
"""


@pytest.mark.parametrize(
    ("writers", "commits"), [(4, 20), pytest.param(8, 50, marks=pytest.mark.long)]
)
def test_processes_commit_to_one_artifact(catalog, postgres_url, writers, commits):
    processes = [start(COMMITTER, postgres_url, str(n), str(commits)) for n in range(writers)]
    printed, took = run_together(processes)
    print(f"{writers * commits / took:.0f} commits/s by {writers} processes")
    numbers = sorted(int(line) for out in printed for line in out.split())
    assert numbers == list(range(writers * commits))
    versions = catalog.list_versions("local", "demo", "corpus")
    assert [v.number for v in versions] == numbers[::-1]
    assert [v.number for v in versions if v.aliases] == [numbers[-1]]


# -- connections


def end_session(catalog):
    """Return something that ends the server's side of a session, once."""
    done: list[bool] = []

    def end(connection):
        if not done:
            done.append(True)
            pid = connection.connection.driver_connection.info.backend_pid
            kill = sa.text("SELECT pg_terminate_backend(:pid, 10000)")
            catalog._db.write(lambda c: c.execute(kill, {"pid": pid}))

    return end


@pytest.mark.parametrize("kind", ["read", "write"])
def test_a_session_that_ends_in_the_middle_is_begun_again(catalog, other, kind):
    end, calls = end_session(other), []

    def work(connection):
        calls.append(connection.scalar(sa.text("SELECT 1")))
        end(connection)
        return connection.scalar(sa.text("SELECT 2"))

    assert getattr(catalog._db, kind)(work) == 2
    assert calls == [1, 1]


def test_an_idle_session_that_ended_is_replaced(catalog, other):
    version = log(catalog)
    end = end_session(other)
    catalog._db.read(end)
    assert catalog.version(version.id) == version


@pytest.fixture
def lose_answer(monkeypatch):
    """Return something that loses the answer to the next COMMIT of a write."""

    def lose(*, arrived, crashed):
        lost: list[object] = []
        monkeypatch.setattr(psycopg.Connection, "commit", _lossy(lost, arrived=arrived))
        if crashed:
            current = postgres.current_transaction

            def of_another_life(connection):
                found = current(connection)
                return found and dataclasses.replace(found, life="another")

            monkeypatch.setattr(postgres, "current_transaction", of_another_life)
        return lost

    return lose


def _lossy(lost, *, arrived):
    real = psycopg.Connection.commit

    def commit(connection):
        if connection.read_only or lost:
            real(connection)
            return
        lost.append(connection)
        if arrived:
            real(connection)
        # Otherwise the server still waits for it, with all locks held.
        raise psycopg.errors.ConnectionFailure("server closed the connection unexpectedly")

    return commit


@pytest.mark.parametrize("crashed", [True, False], ids=["crashed", "not crashed"])
@pytest.mark.parametrize("arrived", [True, False], ids=["committed", "not committed"])
def test_the_answer_to_a_commit_is_lost(catalog, lose_answer, arrived, crashed):
    log(catalog)
    lost = lose_answer(arrived=arrived, crashed=crashed)
    upload_once = draft(1, aliases=("prod",), expected_latest=resolve(catalog, "corpus").id)
    version, created = catalog.commit(upload_once)
    assert lost
    assert created
    assert version.number == 1
    assert catalog.version(version.id) == version
    assert len(catalog.list_versions("local", "demo", "corpus")) == 2


def test_a_server_that_crashed_cannot_tell(catalog, lose_answer):
    version = log(catalog)
    lose_answer(arrived=True, crashed=True)
    with pytest.raises(StorageError) as caught:
        catalog.set_alias(version.id, "prod")
    assert caught.value.kind == "commit_unknown"


def test_what_a_server_forgot_was_not_committed(catalog):
    [last] = scalars(catalog, "SELECT pg_snapshot_xmax(pg_current_snapshot())::text")
    future = postgres.Transaction(str(int(last) + 1_000_000), 0, "another")
    assert postgres.was_committed(catalog._db.engine, future) is False


@pytest.mark.parametrize(
    ("cause", "expected", "kind"),
    [
        (psycopg.errors.DiskFull, StorageError, "disk_full"),
        (psycopg.errors.InsufficientPrivilege, PermissionDeniedError, "permission_denied"),
        (psycopg.errors.DataCorrupted, FormatError, "catalog_damaged"),
        (psycopg.errors.AdminShutdown, StorageError, "catalog_unreachable"),
    ],
)
def test_errors_of_the_server(catalog, cause, expected, kind, monkeypatch):
    monkeypatch.setattr(database, "_ATTEMPTS", 1)

    def fail(connection):
        raise sa.exc.OperationalError("SELECT", {}, cause("as the server says"))

    with pytest.raises(expected) as caught:
        catalog._db.write(fail)
    assert caught.value.kind == kind
    assert "as the server says" in caught.value.message


def test_nobody_says_what_became_of_a_commit(catalog, monkeypatch):
    def commit(connection):
        raise psycopg.errors.ConnectionFailure("server closed the connection unexpectedly")

    def refuse(*_arguments):
        raise StorageError("gone", retryable=True)

    with monkeypatch.context() as patch:
        patch.setattr(psycopg.Connection, "commit", commit)
        patch.setattr(postgres, "_OUTCOME_WAIT", 0)
        patch.setattr(postgres, "_status", refuse)
        with pytest.raises(StorageError) as caught:
            log(catalog)
    assert caught.value.kind == "commit_unknown"
    assert not caught.value.retryable


def test_a_forked_child_connects_anew(catalog):
    version = log(catalog)
    parent = scalars(catalog, "SELECT pg_backend_pid()")
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            here = scalars(catalog, "SELECT pg_backend_pid()")
            same = catalog.version(version.id) == version
            os.write(writing, f"{same} {here != parent}".encode())
        finally:
            os._exit(0)
    os.close(writing)
    assert os.waitpid(child, 0)[1] == 0
    with os.fdopen(reading) as pipe:
        assert pipe.read() == "True True"
    assert scalars(catalog, "SELECT pg_backend_pid()") == parent


# -- URLs and refusals

SECRET = "correct-horse"


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://me:{SECRET}@localhost/db",
        f"postgres://localhost/db?user=me&password={SECRET}",
        f"postgresql://localhost/db?sslkey=k&sslpassword={SECRET}",
        f"postgresql://me:{SECRET}%zz@localhost/db",
        f"postgresql://localhost/db?nonsense={SECRET}",
        f"mysql://me:{SECRET}@localhost/db",
        f"postgresql:me:{SECRET}",
    ],
)
def test_urls_that_are_refused(url):
    with pytest.raises(ConfigError) as caught:
        Catalog.open_url(url)
    error = caught.value
    assert error.hint
    assert SECRET not in f"{error} {error.hint} {error.__cause__}"


def test_psycopg_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(ConfigError) as caught:
        Catalog.open_url("postgresql://localhost/db")
    assert "pip install 'artifacts-cas[postgres]'" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("url", "error", "kind"),
    [
        ("postgresql://127.0.0.1:1/db", StorageError, "catalog_unreachable"),
        ("postgresql://localhost:1,127.0.0.1:1/db", StorageError, "catalog_unreachable"),
        ("postgresql:///db?host=/nowhere", StorageError, "catalog_unreachable"),
        ("postgresql:///db?service=nothing", ConfigError, "config"),
    ],
)
def test_no_server(url, error, kind):
    with pytest.raises(error) as caught:
        Catalog.open_url(url)
    assert caught.value.kind == kind
    assert caught.value.hint
    assert isinstance(caught.value, ConfigError) or caught.value.retryable


def at(server, *, user=None, database=None):
    """The URL of the server for another user or database."""
    parameters = psycopg.conninfo.conninfo_to_dict(server)
    parameters.update({"user": user or parameters["user"]})
    parameters.update({"dbname": database or parameters["dbname"]})
    return "postgresql://?" + urlencode(parameters, quote_via=quote)


@pytest.fixture
def role(postgres_server, request):
    """Make a role with the given rights, which the test gets as a URL."""
    name = getattr(request, "param", "guest")
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(f"DROP ROLE IF EXISTS {name}")
        connection.execute(f"CREATE ROLE {name} LOGIN")
        yield name, connection
        connection.execute(f"DROP OWNED BY {name}")
        connection.execute(f"DROP ROLE {name}")


needs_own_server = pytest.mark.skipif(
    "ART_TEST_POSTGRES_URL" in os.environ, reason="changes roles of the server"
)


@needs_own_server
@pytest.mark.parametrize("role", ["guarded"], indirect=True)
def test_a_wrong_password(postgres_server, role, monkeypatch):
    role[1].execute("ALTER ROLE guarded PASSWORD 'right'")
    url = at(postgres_server, user="guarded")
    with pytest.raises(PermissionDeniedError) as caught:
        Catalog.open_url(url)
    assert "pgpass" in str(caught.value.hint)
    monkeypatch.setenv("PGPASSWORD", SECRET)
    with pytest.raises(PermissionDeniedError) as caught:
        Catalog.open_url(url)
    assert SECRET not in f"{caught.value} {caught.value.hint} {caught.value.__cause__}"


@needs_own_server
@pytest.mark.parametrize("role", ["crowd"], indirect=True)
def test_no_connection_is_left(postgres_server, role, monkeypatch):
    monkeypatch.setattr(database, "_PATIENCE", 0.2)
    role[1].execute("ALTER ROLE crowd CONNECTION LIMIT 0")
    with pytest.raises(StorageError) as caught:
        Catalog.open_url(at(postgres_server, user="crowd"))
    assert caught.value.kind == "too_many_connections"
    assert caught.value.retryable


@needs_own_server
@pytest.mark.parametrize("role", ["crowd"], indirect=True)
def test_a_connection_is_waited_for(postgres_server, role):
    server = role[1]
    server.execute("ALTER ROLE crowd CONNECTION LIMIT 0")
    timer = threading.Timer(1, server.execute, ["ALTER ROLE crowd CONNECTION LIMIT 1"])
    timer.start()
    crowd = Database.postgres(at(postgres_server, user="crowd"))
    try:
        assert crowd.read(lambda c: c.exec_driver_sql("SELECT 1").scalar()) == 1
    finally:
        crowd.close()
        timer.join()


@needs_own_server
@pytest.mark.parametrize("role", ["crowd"], indirect=True)
def test_one_connection_is_kept(postgres_server, role):
    crowd = Database.postgres(at(postgres_server, user="crowd"))
    together = threading.Barrier(3)

    def work(connection):
        connection.exec_driver_sql("SELECT 1")
        together.wait(30)

    threads = [threading.Thread(target=crowd.read, args=[work]) for _ in range(3)]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        held = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'crowd'"
        for _ in range(100):  # a server process ends a moment after its client
            [count] = role[1].execute(held).fetchone()
            if count == 1:
                break
            time.sleep(0.05)
        assert count == 1
    finally:
        crowd.close()


@needs_own_server
@pytest.mark.parametrize("role", ["visitor"], indirect=True)
def test_a_user_without_rights(catalog, postgres_url, role):
    schema = str(psycopg.conninfo.conninfo_to_dict(postgres_url)["options"]).partition("=")[2]
    url = at(postgres_url, user="visitor")
    role[1].execute(f"GRANT USAGE ON SCHEMA {schema} TO visitor")
    with pytest.raises(PermissionDeniedError) as caught:
        Catalog.open_url(url)
    assert "GRANT" in str(caught.value.hint)
    role[1].execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO visitor")
    visitor = Catalog.open_url(url, read_only=True)
    assert visitor.list_artifacts() == []
    visitor.close()


def test_no_such_user(postgres_server):
    with pytest.raises(PermissionDeniedError) as caught:
        Catalog.open_url(at(postgres_server, user="nobody-at-all"))
    assert caught.value.hint


def test_no_such_database(postgres_server):
    with pytest.raises(StoreNotFoundError) as caught:
        Catalog.open_url(at(postgres_server, database="no-such-database"))
    assert "createdb" in str(caught.value.hint)


def test_no_such_schema(postgres_server):
    url = postgres_server + ("&" if "?" in postgres_server else "?")
    with pytest.raises(StoreNotFoundError) as caught:
        Catalog.open_url(url + "options=-csearch_path%3Dno_such_schema")
    assert "CREATE SCHEMA" in str(caught.value.hint)


def test_an_old_server(postgres_url, monkeypatch):
    monkeypatch.setattr(postgres, "MINIMUM_VERSION", 99)
    with pytest.raises(ConfigError, match="at least 99") as caught:
        Catalog.open_url(postgres_url)
    assert caught.value.kind == "server_too_old"


def test_a_session_is_set_up(catalog):
    def work(connection):
        names = ("TimeZone", "transaction_isolation", "transaction_read_only", "application_name")
        return [connection.scalar(sa.text(f"SHOW {name}")) for name in names]

    assert catalog._db.write(work) == ["UTC", "read committed", "off", "artifacts"]
    assert catalog._db.read(work) == ["UTC", "repeatable read", "on", "artifacts"]
    assert catalog._db.write(work) == ["UTC", "read committed", "off", "artifacts"]
