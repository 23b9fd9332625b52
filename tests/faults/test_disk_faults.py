"""The disk is full or broken, at every single write of an operation."""

import errno
import os

import pytest
import sqlalchemy as sa

from artifacts import Artifact
from artifacts.store import ingest
from artifacts.store.errors import StorageError
from artifacts.store.manifest import Manifest
from artifacts.store.outbox import Snapshot, pending
from artifacts.store.store import Store
from artifacts.store.walking import walk
from tests import invariants
from tests.support import (
    HUGE,
    LARGE,
    SMALL,
    draft_of,
    find_latest,
    log_files,
    log_tree,
    pull,
    read_tree,
    staging_folders,
    write_tree,
)

BEFORE = {"a": SMALL, "b": LARGE}
AFTER = {"a": b"new", "b": LARGE[::-1], "c/huge": HUGE, "c/d": SMALL}
CALLS = ("write", "writev", "fsync", "rename")


class Disk:
    """Fails the n-th of the given system calls, and all after it."""

    def __init__(self, monkeypatch, number, code=errno.ENOSPC):
        self.calls = 0
        self.failed = False
        for name in CALLS:
            monkeypatch.setattr(os, name, self._wrap(getattr(os, name), number, code))

    def _wrap(self, real, number, code):
        def call(*args, **kwargs):
            self.calls += 1
            if number and self.calls >= number:
                self.failed = True
                raise OSError(code, os.strerror(code))
            return real(*args, **kwargs)

        return call


POINTS = 18


@pytest.mark.parametrize("number", range(1, POINTS + 1))
def test_the_disk_fills_up_during_a_log(store, tmp_path, monkeypatch, number):
    first = log_files(store, tmp_path / "1", BEFORE)
    folder = write_tree(tmp_path / "2", AFTER)
    disk = Disk(monkeypatch, number)
    failure = None
    try:
        log_tree(store, folder)
    except StorageError as error:
        failure = error
    monkeypatch.undo()
    assert disk.failed == (failure is not None)
    if failure is None:
        pytest.skip(f"only {disk.calls} calls are made")
    assert failure.kind == "disk_full"
    assert failure.hint is not None
    assert find_latest(store, "data") == first
    invariants.assert_consistent(store)
    invariants.assert_nothing_left(store)
    assert staging_folders(store) == []
    invariants.assert_pulls(store, log_tree(store, folder), AFTER)
    invariants.assert_consistent(store)


def test_all_points_of_a_log_are_tried(store, tmp_path, monkeypatch):
    log_files(store, tmp_path / "1", BEFORE)
    folder = write_tree(tmp_path / "2", AFTER)
    disk = Disk(monkeypatch, 0)
    log_tree(store, folder)
    assert 3 < disk.calls <= POINTS


def test_a_disk_error_is_retryable(store, tmp_path, monkeypatch):
    folder = write_tree(tmp_path / "1", BEFORE)
    Disk(monkeypatch, 2, errno.EIO)
    with pytest.raises(StorageError) as caught:
        log_tree(store, folder)
    assert caught.value.retryable


def test_the_catalog_is_full(store, tmp_path, monkeypatch):
    """SQLite itself says that there is no space left."""
    first = log_files(store, tmp_path / "1", BEFORE)
    pages = store.catalog._db.read(lambda c: c.exec_driver_sql("PRAGMA page_count").scalar())

    def limit(connection, *_):
        connection.execute(f"PRAGMA max_page_count = {pages}")

    def log_more():
        for i in range(200):
            files = {str(j): b"%d-%d" % (i, j) for j in range(300)}
            log_files(store, tmp_path / f"more{i}", files, "more")

    sa.event.listen(store.catalog._db.engine, "checkout", limit)
    with pytest.raises(StorageError) as caught:
        log_more()
    assert caught.value.kind == "disk_full"
    assert find_latest(store, "data") == first
    store.close()
    again = Store.open(store.location)
    try:
        invariants.assert_consistent(again)
        log_files(again, tmp_path / "2", AFTER)
    finally:
        again.close()


# -- for real


TOO_MUCH = {"fits": LARGE, "huge": HUGE, "small": SMALL}


def test_a_store_on_a_full_disk(tiny, tmp_path):
    store = Store.create(tiny / "store", cache_dir=tmp_path / "cache")
    try:
        first = log_files(store, tmp_path / "1", BEFORE)
        with pytest.raises(StorageError) as caught:
            log_files(store, tmp_path / "2", TOO_MUCH)
        assert caught.value.kind == "disk_full"
        assert find_latest(store, "data") == first
        invariants.assert_consistent(store)
        invariants.assert_nothing_left(store)
        assert staging_folders(store) == []
        # The space is free again.
        version = log_files(store, tmp_path / "3", {"a": LARGE[::-1], "b": os.urandom(1 << 20)})
        assert version.version == "v1"
        invariants.assert_consistent(store)
    finally:
        store.close()


def test_a_pack_on_a_full_disk(tiny, tmp_path):
    store = Store.create(tiny / "store", cache_dir=tmp_path / "cache")
    try:
        many = {str(i): os.urandom(200_000) for i in range(30)}
        with pytest.raises(StorageError) as caught:
            log_files(store, tmp_path / "1", many)
        assert caught.value.kind == "disk_full"
        assert find_latest(store, "data") is None
        invariants.assert_nothing_left(store)
        log_files(store, tmp_path / "2", BEFORE)
        invariants.assert_consistent(store)
    finally:
        store.close()


def test_an_artifact_that_did_not_fit_gives_its_space_back(tiny, tmp_path):
    """As a user does it: the failed artifact is still a variable somewhere."""
    artifact = Artifact("data", "dataset", store=tiny / "store", project="demo")
    with pytest.raises(StorageError):  # noqa: PT012 - either may see it first
        artifact.add_dir(write_tree(tmp_path / "1", TOO_MUCH))
        artifact.save()
    second = Artifact("data", "dataset", store=tiny / "store", project="demo")
    second.add_dir(write_tree(tmp_path / "2", {"a": os.urandom(1 << 20)}))
    second.save()
    assert second.version == "v0"


@pytest.mark.parametrize("number", [1, 2])
def test_a_pull_to_a_full_disk_leaves_the_target_unharmed(tiny, store, tmp_path, number):
    version = log_files(store, tmp_path / "data", TOO_MUCH)
    mine = write_tree(tiny / "out", {"fits": b"mine", "huge": b"mine", "other": b"mine"})
    for _ in range(number):
        with pytest.raises(StorageError) as caught:
            pull(store, version, mine)
        assert caught.value.kind == "disk_full"
    for path, data in read_tree(mine).items():
        assert data in {b"mine", TOO_MUCH.get(path)}
    assert not [path for path in mine.rglob("*") if ".artifacts-pull" in str(path)]
    assert os.statvfs(tiny).f_bavail > 0


# -- the outbox of a remote store


@pytest.fixture
def remote(tmp_path):
    store = Store.create(
        tmp_path / "remote",
        objects=f"memory://{tmp_path.as_posix().replace('/', '-')}",
        cache_dir=tmp_path / "remote-cache",
        outbox_dir=tmp_path / "outbox",
    )
    yield store
    store.close()


def seal(store, folder):
    upload = Snapshot(store, lambda: find_latest(store, "data"))
    try:
        manifest = Manifest(ingest.add_files(store, upload, walk(str(folder))))
        upload.add_manifest(manifest)
        return upload.seal(draft_of(manifest))
    except BaseException:
        upload.abandon()
        raise


@pytest.mark.parametrize("number", range(1, 14))
def test_the_disk_fills_up_before_a_version_is_in_the_outbox(remote, tmp_path, monkeypatch, number):
    folder = write_tree(tmp_path / "data", AFTER)
    disk = Disk(monkeypatch, number)
    failure = None
    try:
        seal(remote, folder).discard()
    except StorageError as error:
        failure = error
    monkeypatch.undo()
    assert disk.failed == (failure is not None)
    if failure is None:
        pytest.skip(f"only {disk.calls} calls are made")
    assert failure.kind == "disk_full"
    assert failure.hint is not None
    assert pending(remote) == []
    assert [p for p in (tmp_path / "outbox").rglob("*") if p.is_file()] == []
    version, _ = seal(remote, folder).run(remote)
    invariants.assert_pulls(remote, version, AFTER)
    invariants.assert_consistent(remote)
