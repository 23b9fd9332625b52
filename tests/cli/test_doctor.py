"""`art doctor`: what is well, what is not, and what is left behind, which is nothing."""

import io
import secrets
import shutil
import tempfile
import time
from pathlib import Path

import pytest

from artifacts.store import doctor, filesystems, opening
from artifacts.store.doctor import State
from artifacts.store.errors import ObjectNotFoundError, StorageError
from artifacts.store.objects import LocalObjects, MemoryObjects
from artifacts.store.store import Store
from tests import servers


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Transfers that show the same and take less time."""
    monkeypatch.setattr(doctor, "_SPEED_SIZE", 1 << 20)
    monkeypatch.setattr(doctor, "_ATOMIC_SIZE", 1 << 20)


@pytest.fixture
def embedded(tmp_path):
    with_store = Store.open(tmp_path / "store", create=True)
    yield with_store
    with_store.close()


@pytest.fixture
def remote(tmp_path):
    bucket = f"memory://{secrets.token_hex(8)}"
    with_store = Store.create(
        tmp_path / "store",
        objects=bucket,
        cache_dir=tmp_path / "cache",
        outbox_dir=tmp_path / "outbox",
    )
    yield with_store
    with_store.close()


def found(store):
    """Return the worst finding about each thing."""
    worst: dict[str, doctor.Finding] = {}
    order = [State.OK, State.WARN, State.FAIL]
    for finding in doctor.diagnose(store):
        before = worst.get(finding.what)
        if before is None or order.index(finding.state) > order.index(before.state):
            worst[finding.what] = finding
    return worst


def bad(store):
    return {what: one for what, one in found(store).items() if one.state is not State.OK}


def files(folder):
    return {p: p.stat().st_size for p in folder.rglob("*") if not p.name.startswith("catalog")}


# -- what is well


def test_an_embedded_store_is_well_and_stays_as_it_is(embedded, tmp_path):
    before = files(tmp_path)
    findings = found(embedded)
    assert {one.state for one in findings.values()} == {State.OK}
    assert findings["catalog file"].detail.startswith("SQLite on ")
    assert "MB/s up" in findings["objects: speed"].detail
    assert files(tmp_path) == before


def test_a_remote_store_is_well_and_stays_as_it_is(remote, tmp_path):
    before = files(tmp_path)
    findings = found(remote)
    assert {one.state for one in findings.values()} == {State.OK}
    assert "fsspec" in findings["packages"].detail
    assert [info.key for info in remote.objects.list()] == ["store.json"]
    assert files(tmp_path) == before


def test_art_doctor(art, store):
    result = art("doctor")
    assert "ok    objects: put" in result.out
    assert result.lines[-1] == "all is well"
    shown = art("doctor", "--json").json
    assert shown["healthy"] is True
    assert {one["state"] for one in shown["findings"]} == {"ok"}
    assert art("doctor", "-q").out == ""


def test_without_a_store(art):
    result = art("--store", "nowhere", "doctor", code=1)
    assert "fail  store  there is no store at" in result.out
    assert "→ make one with: art init" in result.out
    assert art("--store", "nowhere", "doctor", "--json", code=1).json["healthy"] is False


def test_a_server_that_does_not_answer(art):
    result = art("--store", "postgresql://127.0.0.1:1/none", "doctor", code=1)
    assert "cannot be reached" in result.out
    assert "→ check that PostgreSQL is running" in result.out


# -- the catalog


@pytest.mark.parametrize(("seconds", "side"), [(-20, "behind"), (20, "ahead of")])
def test_a_clock_that_is_wrong(remote, monkeypatch, seconds, side):
    monkeypatch.setattr(type(remote.catalog), "shared", True)
    monkeypatch.setattr(doctor, "_server", lambda _: [])
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + seconds)
    [finding] = bad(remote).values()
    assert finding.what == "clock"
    assert finding.detail.endswith(f"{side} the catalog's")
    assert 19 < float(finding.detail.split()[0]) < 21


def test_the_time_that_the_answer_took_is_no_skew(remote, monkeypatch):
    clock = iter(range(0, 10_000, 4))  # every look at a clock takes four seconds

    class Clock:
        time = perf_counter = staticmethod(lambda: float(next(clock)))

    monkeypatch.setattr(doctor, "time", Clock)
    monkeypatch.setattr(type(remote.catalog), "now", lambda _: next(clock) * 10**6)
    read = doctor._read_clock(remote.catalog)
    assert abs(read.skew) <= 4
    assert read.round_trip == 8


def test_a_slow_catalog(remote, monkeypatch):
    monkeypatch.setattr(doctor, "_SLOW_CATALOG", 0.0)
    monkeypatch.setattr(doctor, "_SLOW_OBJECTS", 0.0)
    assert {what: one.state for what, one in bad(remote).items()} == {
        "catalog": State.WARN,
        "objects: round trip": State.WARN,
    }


def test_a_catalog_on_a_network_file_system(embedded, monkeypatch):
    monkeypatch.setattr(filesystems, "kind", lambda _: "nfs4")
    assert bad(embedded)["catalog file"].state is State.FAIL


def test_somebody_who_was_killed(remote, monkeypatch):
    lease = secrets.token_hex(16)
    remote.catalog.open_lease(lease, doctor_lease_kind(), "host:1")
    assert bad(remote) == {}
    monkeypatch.setattr(doctor, "EXPIRY", -1)
    finding = bad(remote)["leases"]
    assert "host:1" in finding.detail
    assert "art gc" in finding.hint


def doctor_lease_kind():
    from artifacts.store.records import LeaseKind

    return LeaseKind.UPLOAD


# -- the objects


class Wrong(LocalObjects):
    """Objects in a folder, of which one method does something else."""

    def __init__(self, store, **methods):
        super().__init__(store.objects.root)
        for name, method in methods.items():
            setattr(self, name, method)


def refuse(*_, **__):
    raise StorageError("refused", hint="ask")


@pytest.mark.parametrize("right", ["put", "list", "delete"])
def test_a_right_that_is_missing(embedded, right):
    embedded.objects = Wrong(embedded, **{right: refuse})
    findings = bad(embedded)
    assert findings[f"objects: {right}"].state is State.FAIL
    assert findings[f"objects: {right}"].hint == "ask"
    assert findings.keys() == {f"objects: {right}"}


def test_reading_that_is_refused(embedded):
    embedded.objects = Wrong(embedded, open=refuse)
    assert bad(embedded).keys() == {"objects"}
    embedded.objects = Wrong(embedded, fetch=refuse)
    assert bad(embedded).keys() == {"objects: get a range", "objects: round trip"}


def test_other_bytes_than_were_stored(embedded):
    plain = LocalObjects(embedded.objects.root)

    def put(key, source, *, size):
        plain.put(key, lambda: io.BytesIO(bytes(size)), size=size)

    embedded.objects = Wrong(embedded, put=put)
    assert bad(embedded).keys() == {"objects: get", "objects: get a range"}


def test_a_put_that_is_not_atomic(embedded):
    """Half of an object can be seen while the other half is on its way."""
    plain = LocalObjects(embedded.objects.root)
    looked = False

    def stat(keys):
        nonlocal looked
        keys = list(keys)
        for info in plain.stat(keys):
            looked = looked or info.size == 1 << 19
            yield info

    def put(key, source, *, size):
        with source() as file:
            data = file.read()
        if size > 1 << 19:
            plain.put(key, lambda: io.BytesIO(data[: 1 << 19]), size=1 << 19)
            end = time.monotonic() + 30
            while not looked and time.monotonic() < end:
                pass
        plain.put(key, lambda: io.BytesIO(data), size=size)

    embedded.objects = Wrong(embedded, put=put, stat=stat)
    findings = bad(embedded)
    assert findings.keys() == {"objects: atomic put"}
    assert "with 524288 of 1048576 bytes" in findings["objects: atomic put"].detail


def test_objects_of_another_store(embedded):
    embedded.uuid = "other"
    assert "belong to store" in bad(embedded)["objects"].detail


def test_trying_leaves_nothing_when_it_fails():
    class Broken(MemoryObjects):
        def fetch(self, key, offset, length):
            raise ObjectNotFoundError("gone")

    objects = Broken()
    with pytest.raises(ObjectNotFoundError):
        doctor.try_objects(objects)
    assert list(objects.list()) == []


# -- this machine


def test_a_cache_that_cannot_be_written(remote, tmp_path, monkeypatch):
    real = tempfile.TemporaryFile

    def temporary(dir):
        if Path(dir).is_relative_to(tmp_path / "cache"):
            raise PermissionError(13, "Permission denied")
        return real(dir=dir)

    (tmp_path / "cache").mkdir(exist_ok=True)
    monkeypatch.setattr(tempfile, "TemporaryFile", temporary)
    findings = bad(remote)
    assert findings.keys() == {"cache", "staging"}
    assert findings["cache"].state is State.FAIL
    assert "art config" in findings["cache"].hint


def test_a_disk_that_is_nearly_full(remote, monkeypatch):
    (remote.cache.root).mkdir(parents=True)
    usage = shutil.disk_usage(remote.cache.root)._replace(free=1000)
    real = shutil.disk_usage
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    assert "cache_limit" in bad(remote)["cache"].hint
    monkeypatch.setattr(shutil, "disk_usage", real)
    assert bad(remote) == {}


def test_a_cache_on_a_network_file_system(remote, monkeypatch):
    remote.cache.info()
    monkeypatch.setattr(
        filesystems, "is_network", lambda path: Path(path).is_relative_to(remote.cache.root)
    )
    assert "cache_dir" in bad(remote)["cache"].hint


def test_what_waits(remote, tmp_path):
    from tests.operations.test_outbox import seal

    seal(remote, tmp_path / "data", {"a": b"a" * 2_000_000}).leave()
    finding = bad(remote)["outbox"]
    assert finding.detail.startswith("1 version(s), 2.0 MB")
    assert "art sync" in finding.hint


# -- servers


@pytest.fixture
def shared(s3_url, postgres_url, tmp_path):
    with_store = Store.create(
        tmp_path / "store", objects=s3_url, catalog=postgres_url, cache_dir=tmp_path / "cache"
    )
    yield with_store
    with_store.close()


def test_servers_that_are_well(shared, monkeypatch):
    monkeypatch.setattr(doctor, "_ATOMIC_SIZE", 17 << 20)  # several requests
    findings = found(shared)
    assert [one for one in findings.values() if one.state is State.FAIL] == []
    assert findings["server"].detail.startswith("PostgreSQL 1")
    assert findings["catalog rights"].detail == "read, write, make tables"
    assert findings["clock"].state is State.OK
    assert findings["objects: checksums"].state is State.OK
    assert "refused" in findings["objects: checksums"].detail
    assert {"s3fs", "botocore", "psycopg"} <= set(findings["packages"].detail.split())
    assert [info.key for info in shared.objects.list()] == ["store.json"]


def test_a_bucket_that_may_only_be_read(shared, s3_url, postgres_url, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", servers.READER[0])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", servers.READER[1])
    reader = Store.open(postgres_url, cache_dir=Path("cache"))
    findings = found(reader)
    reader.close()
    assert findings["objects: put"].state is State.FAIL
    assert "s3:PutObject" in findings["objects: put"].hint
    assert findings["objects: get"].state is findings["objects: list"].state is State.OK


def test_a_table_that_may_not_be_written(shared, postgres_url, postgres_server):
    import psycopg

    role = f"role_{secrets.token_hex(4)}"
    schema = postgres_url.rpartition("%3D")[2]
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {role} LOGIN")
        connection.execute(f"GRANT USAGE ON SCHEMA {schema} TO {role}")
        connection.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {role}")
        url = postgres_url.replace("postgres@", f"{role}@")
        limited = Store.open(url, cache_dir=Path("cache"))
        try:
            finding = found(limited)["catalog rights"]
            assert (finding.state, finding.detail) == (
                State.FAIL,
                f"DELETE, INSERT, UPDATE is missing in schema {schema}",
            )
            connection.execute(f"GRANT ALL ON ALL TABLES IN SCHEMA {schema} TO {role}")
            assert "GRANT" in found(limited)["catalog rights"].hint
            connection.execute(f"GRANT ALL ON ALL SEQUENCES IN SCHEMA {schema} TO {role}")
            finding = found(limited)["catalog rights"]
            assert (finding.state, "no new tables" in finding.detail) == (State.WARN, True)
        finally:
            limited.close()
            connection.execute(f"DROP OWNED BY {role}")
            connection.execute(f"DROP ROLE {role}")


def test_a_pooler_that_forgets_the_session(shared, monkeypatch):
    statement = doctor._SERVER.replace(
        "current_setting('idle_in_transaction_session_timeout')", "'0'"
    )
    monkeypatch.setattr(doctor, "_SERVER", statement)
    assert "pool_mode = session" in bad(shared)["pooler"].hint


def test_the_identity_is_asked_for(shared):
    opening.write_identity(shared.objects, "00000000-0000-0000-0000-000000000000")
    assert bad(shared)["objects"].state is State.FAIL
