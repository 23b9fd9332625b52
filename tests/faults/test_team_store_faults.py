"""Every call to a real S3 service and a real PostgreSQL fails once, before or after its effect."""

import pytest

from artifacts.store.checkout import checkout
from artifacts.store.errors import StorageError
from artifacts.store.store import Store
from tests import invariants
from tests.faulty import Faults, inject
from tests.support import LARGE, SMALL, find_latest, log_tree, read_tree, write_tree

BEFORE = {"a": SMALL, "b": LARGE, "c": b"old"}
MOST_CALLS = 60


@pytest.fixture
def store(s3_url, postgres_url, tmp_path):
    store = Store.create(
        tmp_path / "store",
        objects=s3_url,
        catalog=postgres_url,
        cache_dir=tmp_path / "cache",
        cache_limit=0,  # everything that is read comes from S3
    )
    yield store
    store.close()


def faults_of(when):
    """Yield faults at the first call, the second, and so on, until none of them is reached."""
    for number in range(1, MOST_CALLS):
        faults = Faults(number, when)
        yield faults
        if faults.failed is None:
            assert number > 1
            return
    pytest.fail("no end of calls")


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_log_that_fails(store, tmp_path, when):
    log_tree(store, write_tree(tmp_path / "first", BEFORE))
    logged, calls = 1, []
    for faults in faults_of(when):
        # Contents of its own for every attempt, so that every call is made again.
        mark = f"{faults.at}".encode()
        files = {"a": SMALL, "b": LARGE + mark, "c": mark, "d/e": b"more" + mark}
        data = write_tree(tmp_path / f"data-{faults.at}", files)
        heal = inject(store, faults)
        try:
            version = log_tree(store, data)
        except StorageError:
            assert faults.failed is not None
        else:
            assert faults.failed is None
        finally:
            heal()
        calls += faults.calls
        found = store.catalog.list_versions("local", "demo", "data")
        if len(found) == logged + 1 and faults.failed is not None:
            # It was committed, only the answer was lost: then it is complete.
            assert (faults.failed, when) == ("write", "after")
        elif faults.failed is not None:
            assert len(found) == logged
        version = log_tree(store, data)
        logged += 1
        assert version.version == f"v{logged - 1}"
        invariants.assert_pulls(store, version, files)
    assert {"put", "read", "write"} <= set(calls)
    assert len(store.catalog.list_versions("local", "demo", "data")) == logged
    invariants.assert_sound(store)
    invariants.assert_consistent(store)


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_pull_that_fails(store, tmp_path, when):
    log_tree(store, write_tree(tmp_path / "first", BEFORE))
    version = find_latest(store, "data")
    assert version is not None
    calls = []
    for faults in faults_of(when):
        target = write_tree(tmp_path / f"out-{faults.at}", {"a": b"mine", "other": b"mine"})
        heal = inject(store, faults)
        try:
            checkout(store, store.manifest(version.digest), str(target))
        except StorageError:
            assert faults.failed is not None
        finally:
            heal()
        calls += faults.calls
        for path, data in read_tree(target).items():
            assert data in {b"mine", BEFORE.get(path)}
        checkout(store, store.manifest(version.digest), str(target))
        assert read_tree(target) == {**BEFORE, "other": b"mine"}
    assert {"open", "read"} & set(calls)
