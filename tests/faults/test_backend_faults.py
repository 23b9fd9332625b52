"""Every call of the backend and of the catalog fails once, before or after its effect."""

import shutil

import pytest

from artifacts import Artifact, _session
from artifacts.store import ingest
from artifacts.store.checkout import checkout
from artifacts.store.errors import ArtifactsError, RefNotFoundError, StorageError
from artifacts.store.store import Store
from artifacts.store.walking import walk
from tests import invariants
from tests.faulty import Faults, FaultyObjects, inject
from tests.support import (
    LARGE,
    SMALL,
    find_latest,
    log_tree,
    make_template,
    read_tree,
    staging_folders,
    write_tree,
)

BEFORE = {"a": SMALL, "b": LARGE, "c": b"old"}
AFTER = {"a": SMALL, "b": LARGE[::-1], "c": b"new", "d/e": b"more", "d/large": LARGE * 2}


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    return make_template(tmp_path_factory.mktemp("template"), BEFORE)


@pytest.fixture
def store(template, tmp_path):
    shutil.copytree(template, tmp_path / "store")
    store = Store.open(tmp_path / "store")
    yield store
    store.close()


def count_calls(template, tmp_path_factory, operation):
    folder = tmp_path_factory.mktemp("count")
    shutil.copytree(template, folder / "store")
    store = Store.open(folder / "store")
    try:
        faults = Faults()
        operation(store, folder, faults)
        return faults.calls
    finally:
        store.close()


def log(store, folder, faults):
    data = write_tree(folder / "new", AFTER)
    heal = inject(store, faults)
    try:
        return log_tree(store, data)
    finally:
        heal()


def pull(store, folder, faults):
    version = find_latest(store, "data")
    assert version is not None
    entries = store.manifest(version.digest)
    write_tree(folder / "out", {"a": b"mine", "b": b"mine", "other": b"mine"})
    heal = inject(store, faults)
    try:
        checkout(store, entries, str(folder / "out"))
    finally:
        heal()


# How many calls the operations make. Where it is less, the tests of the rest are skipped; that it
# is not more is the next test.
LOG_CALLS, PULL_CALLS = 10, 3


def test_all_calls_are_tried(template, tmp_path_factory):
    logging = count_calls(template, tmp_path_factory, log)
    pulling = count_calls(template, tmp_path_factory, pull)
    assert 0 < len(logging) <= LOG_CALLS
    assert 0 < len(pulling) <= PULL_CALLS
    assert {"put", "write", "read"} <= set(logging)
    assert "open" in pulling


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("number", range(1, LOG_CALLS + 1))
def test_a_log_that_fails(store, tmp_path, number, when):
    faults = Faults(number, when)
    try:
        log(store, tmp_path, faults)
    except StorageError:
        assert faults.failed is not None
    else:
        assert faults.failed is None
        pytest.skip(f"only {len(faults.calls)} calls are made")
    versions = store.catalog.list_versions("local", "demo", "data")
    if faults.failed == "write" and when == "after" and len(versions) == 2:
        # It was committed, only the answer was lost: then it is complete.
        invariants.assert_pulls(store, versions[0], AFTER)
    else:
        assert [v.version for v in versions] == ["v0"]
    invariants.assert_pulls(store, versions[-1], BEFORE)
    invariants.assert_consistent(store)
    version = log_tree(store, tmp_path / "new")
    assert version.version == "v1"
    invariants.assert_pulls(store, version, AFTER)
    invariants.assert_consistent(store)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("number", range(1, PULL_CALLS + 1))
def test_a_pull_that_fails(store, tmp_path, number, when):
    faults = Faults(number, when)
    try:
        pull(store, tmp_path, faults)
    except StorageError:
        assert faults.failed is not None
    else:
        assert faults.failed is None
        pytest.skip(f"only {len(faults.calls)} calls are made")
    for path, data in read_tree(tmp_path / "out").items():
        assert data in {b"mine", BEFORE.get(path)}
    assert not [p for p in (tmp_path / "out").rglob("*") if ".artifacts-pull" in str(p)]
    pull(store, tmp_path, Faults())
    assert read_tree(tmp_path / "out") == {**BEFORE, "other": b"mine"}


# -- the same draft is logged again: what users do in a notebook

RETRY_CALLS = 10


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("number", range(1, RETRY_CALLS + 1))
def test_a_draft_that_could_not_be_logged_is_logged_again(store, tmp_path, number, when):
    """It succeeds, or says what to do; it never logs what is not there."""
    artifact = Artifact("data", "dataset", store=store.location, project="demo")
    shared = _session.place(store=store.location, project="demo").store
    faults = Faults(number, when)
    heal = inject(shared, faults)
    try:
        artifact.add_dir(write_tree(tmp_path / "new", AFTER))
        artifact.save()
    except StorageError:
        assert faults.failed is not None
    else:
        pytest.skip(f"only {len(faults.calls)} calls are made")
    finally:
        heal()
    try:
        if artifact.is_draft():
            artifact.add_dir(tmp_path / "new", merge=True)
            artifact.save()
    except ArtifactsError:
        assert find_latest(store, "data") is not None
    invariants.assert_consistent(store)
    version = log_tree(store, tmp_path / "new")
    invariants.assert_pulls(store, version, AFTER)


def test_a_log_that_failed_does_not_stay_open(store, tmp_path):
    """In a notebook the process lives on for days."""
    artifact = Artifact("data", "dataset", store=store.location, project="demo")
    shared = _session.place(store=store.location, project="demo").store
    faults = Faults()
    faulty = FaultyObjects(shared.objects, faults)
    faults.at = 1
    real, shared.objects = shared.objects, faulty
    try:
        artifact.add_dir(write_tree(tmp_path / "new", AFTER))
        with pytest.raises(StorageError):
            artifact.save()
    finally:
        shared.objects = real
    del artifact
    invariants.assert_nothing_left(store)
    assert staging_folders(store) == []


# -- changes of the catalog


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_deletion_that_fails(store, when):
    version = find_latest(store, "data")
    assert version is not None
    heal = inject(store, Faults(1, when))
    with pytest.raises(StorageError):
        store.catalog.delete_version(version.id)
    heal()
    if when == "before":
        assert find_latest(store, "data") == version
        store.catalog.delete_version(version.id)
    else:
        with pytest.raises(RefNotFoundError):
            store.catalog.delete_version(version.id)
    assert find_latest(store, "data") is None
    invariants.assert_consistent(store)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_giving_up_that_fails(store, tmp_path, number, when):
    """What an abandoned upload cannot remove is no problem, and gone or known."""
    upload = store.upload()
    files = walk(str(write_tree(tmp_path / "new", AFTER)))
    ingest.add_files(store, upload, files)
    upload.finish()
    faults = Faults(number, when)
    upload._objects = FaultyObjects(store.objects, faults)
    heal = inject(store, faults)
    try:
        upload.abandon()
    except StorageError:
        assert faults.failed is not None
    finally:
        heal()
    invariants.assert_consistent(store)
    version = log_tree(store, tmp_path / "new")
    invariants.assert_pulls(store, version, AFTER)
    invariants.assert_consistent(store)
