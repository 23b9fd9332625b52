"""A collection under fire: every call fails once, deletions come late or twice, others work."""

import shutil
import subprocess
import sys
import threading

import pytest

from artifacts import Artifact
from artifacts.store import gc
from artifacts.store.errors import ArtifactsError, ConflictError, StorageError
from artifacts.store.records import ObjectState
from artifacts.store.store import Store
from tests import invariants
from tests.faulty import Faults, FaultyObjects, inject
from tests.support import (
    LARGE,
    SMALL,
    find_latest,
    leave_upload,
    log_files,
    opened,
    pull,
    read_tree,
    resolve,
)

AT_ONCE = gc.Settings(min_age=0, grace=0, lease_age=0)

MANY = {f"f{i}": f"{i}".encode() * 1000 for i in range(40)}
KEPT = {"f1": MANY["f1"], "large": LARGE, "own": SMALL}


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """A store with one version of each thing that a collection does something about."""
    folder = tmp_path_factory.mktemp("template")
    with opened(folder / "store") as store:
        mostly_dead = log_files(store, folder / "1", MANY, "x")
        log_files(store, folder / "2", KEPT, "x")
        gone = log_files(store, folder / "3", {"large": LARGE[::-1]}, "y")
        log_files(store, folder / "4", {"small": b"small"}, "y")
        for version in (mostly_dead, gone):
            store.catalog.delete_version(version.id)
        leave_upload(store)
    return folder / "store"


def assert_collected(store):
    """Nothing lies there but what versions need, and a pack is at least half full."""
    survey = gc._survey(store)
    assert survey.broken == []
    for record in survey.objects:
        assert record.state is ObjectState.LIVE
        assert survey.usage[record.id].live_bytes * 2 >= survey.usage[record.id].bytes
    keys = {key for key, _ in store.objects.list()}
    assert keys == {record.key for record in survey.objects} | {"store.json"}
    invariants.assert_nothing_left(store)


def assert_versions(store):
    invariants.assert_pulls(store, resolve(store, "x:v1"), KEPT)
    invariants.assert_pulls(store, resolve(store, "y:v1"), {"small": b"small"})
    invariants.assert_consistent(store)


def faulty_collection(template, folder, faults):
    """Collect with a fault; whatever came of it, everything is as it has to be afterwards."""
    shutil.copytree(template, folder)
    with opened(folder) as store:
        heal = inject(store, faults)
        try:
            done = gc.collect(store, AT_ONCE)
        except StorageError:
            assert faults.failed is not None
        else:
            # What depends on it is given up until the next time.
            assert faults.failed is None or done.failed or done.plan.broken
        finally:
            heal()
        assert_versions(store)
        done = gc.collect(store, AT_ONCE)
        assert done.failed == []
        assert_collected(store)
        assert_versions(store)
    shutil.rmtree(folder)


def turning_points(calls):
    """Return the numbers of the first and the last call of each row of the same."""
    return [
        number
        for number in range(1, len(calls) + 1)
        if calls[number - 2 : number - 1] != calls[number - 1 : number]
        or calls[number : number + 1] != calls[number - 1 : number]
    ]


def count_calls(template, folder):
    faults = Faults()
    faulty_collection(template, folder, faults)
    assert {"read", "write", "open", "put", "delete"} == set(faults.calls)
    return faults.calls


@pytest.mark.parametrize(("when", "first"), [("before", 0), ("after", 2)])
def test_a_collection_that_fails(template, tmp_path, when, first):
    points = turning_points(count_calls(template, tmp_path / "count"))
    assert len(points) > 20
    for number in points[first::4]:
        faulty_collection(template, tmp_path / "store", Faults(number, when))


@pytest.mark.long
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_collection_that_fails_anywhere(template, tmp_path, when):
    for number in range(1, len(count_calls(template, tmp_path / "count")) + 1):
        faulty_collection(template, tmp_path / "store", Faults(number, when))


class LateObjects(FaultyObjects):
    """Deletes when it is told to, long after it said that it had."""

    def __init__(self, inner):
        super().__init__(inner, Faults())
        self.late = []

    def delete(self, keys):
        self.late += keys

    def arrive(self):
        self.inner.delete(self.late)


def test_a_deletion_that_arrives_late_and_twice(template, tmp_path):
    """No key is used twice, so that it cannot hit what somebody has stored meanwhile."""
    shutil.copytree(template, tmp_path / "store")
    with opened(tmp_path / "store") as store:
        real, late = store.objects, LateObjects(store.objects)
        store.objects = late
        gc.collect(store, AT_ONCE)
        assert late.late
        again = log_files(store, tmp_path / "new", MANY, "x")
        back = log_files(store, tmp_path / "back", {"large": LARGE[::-1]}, "y")
        late.arrive()
        late.arrive()
        store.objects = real
        assert_versions(store)
        invariants.assert_pulls(store, again, MANY)
        invariants.assert_pulls(store, back, {"large": LARGE[::-1]})
        assert_collected(store)


# -- everybody at once

SECONDS = 3.0

WRITER = """
import sys, time
from pathlib import Path
from artifacts import Artifact, Error
store, writer, folder, seconds = sys.argv[1:]
sys.stdin.readline()
ends = time.monotonic() + float(seconds)
i = 0
while time.monotonic() < ends:
    i += 1
    path = Path(folder, f"{writer}-{i}")
    path.mkdir()
    (path / "shared").write_bytes(bytes([i % 5]) * 300_000)
    (path / "own").write_text(f"{writer}-{i}")
    (path / "small").write_text(f"small {i % 3}")
    artifact = Artifact(f"p{writer}", "dataset", store=store, project="demo")
    artifact.add_dir(path)
    artifact.save()
    print(artifact.version, i, flush=True)
    if i % 3 == 0:
        artifact.delete()
        print("deleted", artifact.version, flush=True)
"""


class Busy:
    """Threads that work until it is over; what goes wrong in one is raised at the end."""

    def __init__(self):
        self.over = threading.Event()
        self.failures = []
        self.threads = []
        self.rounds = {}

    def start(self, name, work):
        def run():
            try:
                while not self.over.is_set():
                    work()
                    self.rounds[name] = self.rounds.get(name, 0) + 1
            except Exception as error:  # noqa: BLE001 - shown below
                self.failures.append(error)
                self.over.set()

        self.threads.append(threading.Thread(target=run, name=name))
        self.threads[-1].start()

    def end(self):
        self.over.set()
        for thread in self.threads:
            thread.join()
        if self.failures:
            raise self.failures[0]


class Everybody:
    """A writer, a reader and a collector, each with the store open for itself.

    Args:
        kept: A version that nobody deletes; it holds ``KEPT | MANY``.
    """

    def __init__(self, location, folder, kept):
        self.location, self.folder, self.kept = location, folder, kept
        self.collector, self.reader = Store.open(location), Store.open(location)
        self.acknowledged = {}
        self._written = 0

    def write(self):
        self._written += 1
        path = self.folder / f"t-{self._written}"
        path.mkdir()
        (path / "shared").write_bytes(bytes([self._written % 5]) * 300_000)
        (path / "own").write_text(f"t-{self._written}")
        artifact = Artifact("t", "dataset", store=self.location, project="demo")
        artifact.add_dir(path)
        artifact.save()
        if self._written % 2:
            artifact.delete()
        else:
            self.acknowledged[artifact.version] = read_tree(path)

    def read(self):
        pull(self.reader, self.kept, self.folder / "out")
        assert read_tree(self.folder / "out") == KEPT | MANY
        shutil.rmtree(self.folder / "out")
        version = find_latest(self.reader, "t")
        if version is not None:
            try:
                pull(self.reader, version, self.folder / "out-t")
            except ArtifactsError:
                # It may be one that was deleted and collected since; no other may be lost.
                assert self.reader.catalog.version(version.id).deleted_at is not None
            shutil.rmtree(self.folder / "out-t", ignore_errors=True)

    def collect(self):
        gc.collect(self.collector, gc.Settings(min_age=0, grace=0))

    def close(self):
        self.collector.close()
        self.reader.close()


def start_writer(number, location, folder):
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(location), str(number), str(folder), str(SECONDS)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    process.stdin.write("go\n")
    process.stdin.flush()
    return process


def written_by(number, printed):
    """Return the versions that a writer was told are stored, and did not delete: their files."""
    lines = [line.split() for line in printed.splitlines()]
    deleted = {version for word, version in lines if word == "deleted"}
    return {
        version: {
            "shared": bytes([int(i) % 5]) * 300_000,
            "own": f"{number}-{i}".encode(),
            "small": f"small {int(i) % 3}".encode(),
        }
        for version, i in lines
        if version != "deleted" and version not in deleted
    }


def test_writers_readers_and_a_collector_at_the_same_time(tmp_path):
    """No grace and no minimum age: the hardest there is. Who logs has its version all the same."""
    location = tmp_path / "store"
    with opened(location) as store:
        kept = log_files(store, tmp_path / "kept", KEPT | MANY, "kept")
    processes = [start_writer(number, location, tmp_path) for number in range(2)]
    everybody, busy = Everybody(location, tmp_path, kept), Busy()
    for name in ("write", "read", "collect"):
        busy.start(name, getattr(everybody, name))
    busy.over.wait(SECONDS)
    ended = [process.communicate(timeout=60) for process in processes]
    busy.end()
    everybody.close()
    assert [process.returncode for process in processes] == [0, 0], ended
    assert all(busy.rounds[name] > 1 for name in ("write", "read", "collect"))
    expected = {"t": everybody.acknowledged}
    expected |= {f"p{number}": written_by(number, out) for number, (out, _) in enumerate(ended)}
    with opened(location) as store:
        for name, versions in expected.items():
            assert versions
            for version, files in versions.items():
                invariants.assert_pulls(store, resolve(store, f"{name}:{version}"), files)
        invariants.assert_pulls(store, kept, KEPT | MANY)
        invariants.assert_consistent(store)
        gc.collect(store, AT_ONCE)
        gc.collect(store, AT_ONCE)
        assert_collected(store)


def test_two_collectors_do_not_work_at_once(template, tmp_path):
    shutil.copytree(template, tmp_path / "store")
    failures, done = [], []
    barrier = threading.Barrier(4)

    def work():
        with opened(tmp_path / "store") as store:
            barrier.wait()
            try:
                done.append(gc.collect(store, gc.Settings(min_age=0, grace=0)))
            except ConflictError as error:
                failures.append(error.kind)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert done
    assert set(failures) <= {"collector_busy"}
    with opened(tmp_path / "store") as store:
        assert_versions(store)
