"""The upload of a large file to a real S3 service is interrupted, and gone on with by its parts."""

import os

import pytest

from artifacts.store import gc, ingest, walking
from artifacts.store.errors import StorageError
from artifacts.store.manifest import Manifest
from artifacts.store.objects import RetryPolicy, WrappedObjects
from artifacts.store.outbox import Delivery, Snapshot, pending
from artifacts.store.store import Store
from tests import invariants, servers
from tests.proxy import proxy
from tests.support import draft_of, find_latest, log_tree, resolve, write_tree

PART = 16 << 20
LARGE = os.urandom(1 << 20) * 64 + b"end"  # five parts
FILES = {"large.bin": LARGE, "small.txt": b"small"}
PART_3 = r"^PUT .*partNumber=3"


@pytest.fixture
def network(s3_server):
    with proxy(s3_server.port) as running:
        yield running


@pytest.fixture
def store(network, tmp_path, s3_credentials):
    url = servers.s3_url(network.endpoint, f"resume-{os.urandom(8).hex()}")
    store = Store.create(tmp_path / "store", objects=url, cache_dir=tmp_path / "cache")
    objects = store.objects
    while isinstance(objects, WrappedObjects):
        objects = objects.wrapped
        vars(objects)["_policy"] = RetryPolicy(attempts=2, base=0)  # nobody shall wait
    yield store
    store.close()


def parts(network):
    return sorted(
        int(line.partition("partNumber=")[2].split("&")[0].split()[0])
        for line in network.requests
        if line.startswith("PUT") and "partNumber=" in line
    )


def interrupted(network, log):
    """Interrupt what is logged after all parts but the third arrived."""
    harm = network.do(PART_3, "slow_down", times=1000)
    with pytest.raises(StorageError):
        log()
    harm.times = harm.done
    sent = set(parts(network)) - {3}
    network.requests.clear()
    return sent


def test_a_large_file_is_gone_on_with(store, network, tmp_path):
    data = write_tree(tmp_path / "data", FILES)
    interrupted(network, lambda: log_tree(store, data))
    [write] = store.objects.unfinished()
    version = log_tree(store, data)
    assert 3 in parts(network)
    assert len(parts(network)) < 5
    assert write.key in {info.key for info in store.objects.list()}
    assert store.objects.unfinished() == []
    invariants.assert_pulls(store, version, FILES)
    invariants.assert_consistent(store)
    gc.collect(store, gc.Settings(0, 0))
    invariants.assert_nothing_left(store)
    invariants.assert_pulls(store, version, FILES)


@pytest.mark.long
def test_a_collection_leaves_what_can_be_gone_on_with(store, network, tmp_path):
    data = write_tree(tmp_path / "data", FILES)
    interrupted(network, lambda: log_tree(store, data))
    gc.collect(store)
    assert len(store.objects.unfinished()) == 1
    version = log_tree(store, data)
    assert len(parts(network)) < 5
    invariants.assert_pulls(store, version, FILES)


@pytest.mark.long
def test_parts_that_nobody_comes_back_for_are_deleted(store, network, tmp_path):
    data = write_tree(tmp_path / "data", FILES)
    interrupted(network, lambda: log_tree(store, data))
    store.catalog.reap_leases(-1)
    gc.collect(store, gc.Settings(0, 0))
    assert store.objects.unfinished() == []
    invariants.assert_nothing_left(store)
    version = log_tree(store, data)
    assert parts(network) == [1, 2, 3, 4, 5]
    invariants.assert_pulls(store, version, FILES)


@pytest.mark.long
def test_something_else_is_logged_instead(store, network, tmp_path):
    interrupted(network, lambda: log_tree(store, write_tree(tmp_path / "data", FILES)))
    other = {"large.bin": LARGE[::-1], "small.txt": b"other"}
    version = log_tree(store, write_tree(tmp_path / "other", other))
    invariants.assert_pulls(store, version, other)
    gc.collect(store, gc.Settings(0, 0))
    assert store.objects.unfinished() == []
    invariants.assert_nothing_left(store)
    invariants.assert_pulls(store, version, other)


def test_a_delivery_that_was_interrupted_goes_on(store, network, tmp_path):
    """What `art sync` does with what waits on this machine."""
    upload = Snapshot(store, lambda: find_latest(store, "data"))
    data = write_tree(tmp_path / "data", FILES)
    manifest = Manifest(ingest.add_files(store, upload, walking.walk(str(data))))
    upload.add_manifest(manifest)
    delivery = upload.seal(draft_of(manifest, "data"))
    interrupted(network, lambda: delivery.run(store))
    delivery.leave()
    [waiting] = pending(store)
    again = Delivery.take(waiting)
    assert again is not None
    again.run(store)
    assert 3 in parts(network)
    assert len(parts(network)) < 5
    invariants.assert_pulls(store, resolve(store, "data:v0"), FILES)
    invariants.assert_consistent(store)
    gc.collect(store, gc.Settings(0, 0))
    invariants.assert_nothing_left(store)
