"""Logging without waiting for the network, and going on after an interruption."""

import json
import threading

import pytest

from artifacts.store import gc, ingest, walking
from artifacts.store.delivering import Deliveries
from artifacts.store.errors import ConflictError, IntegrityError, StorageError
from artifacts.store.manifest import Manifest
from artifacts.store.outbox import Delivery, Snapshot, pending
from artifacts.store.store import Store
from tests import invariants
from tests.faulty import Faults, FaultyObjects
from tests.support import (
    LARGE,
    SMALL,
    draft_of,
    find_latest,
    log_files,
    log_tree,
    pull,
    read_tree,
    resolve,
    write_tree,
)

FILES = {
    "a.txt": SMALL,
    "large.bin": LARGE,
    **{f"many/{i}": f"file {i}".encode() * 50 for i in range(50)},
}


@pytest.fixture
def store(tmp_path):
    bucket = f"memory://{tmp_path.as_posix().replace('/', '-')}"
    store = Store.create(
        tmp_path / "store",
        objects=bucket,
        cache_dir=tmp_path / "cache",
        outbox_dir=tmp_path / "outbox",
    )
    yield store
    store.close()


def seal(store, folder, files, name="data"):
    """Log a folder into the outbox."""
    upload = Snapshot(store, lambda: find_latest(store, name))
    entries = ingest.add_files(store, upload, walking.walk(str(write_tree(folder, files))))
    manifest = Manifest(entries)
    upload.add_manifest(manifest)
    return upload.seal(draft_of(manifest, name))


def objects_in(store):
    return {info.key for info in store.objects.list()} - {"store.json"}


def test_nothing_is_sent_before_the_delivery(store, tmp_path):
    delivery = seal(store, tmp_path / "data", FILES)
    assert objects_in(store) == set()
    assert find_latest(store, "data") is None
    [waiting] = pending(store)
    assert waiting.draft.name == "data"
    assert waiting.size > sum(map(len, FILES.values()))
    delivery.discard()
    assert pending(store) == []


def test_a_delivery_makes_the_version(store, tmp_path):
    delivery = seal(store, tmp_path / "data", FILES)
    for file in (tmp_path / "data").rglob("*.*"):
        file.write_bytes(b"changed after it was logged")
    version, created = delivery.run(store)
    assert created
    assert pending(store) == []
    assert list((tmp_path / "outbox").rglob("*.json")) == []
    invariants.assert_consistent(store)
    invariants.assert_nothing_left(store)
    invariants.assert_pulls(store, version, FILES)


def test_what_was_delivered_is_in_the_cache(store, tmp_path):
    version, _ = seal(store, tmp_path / "data", FILES).run(store)
    faults = Faults()
    store.objects = FaultyObjects(store.objects, faults)
    pull(store, version, tmp_path / "out")
    assert read_tree(tmp_path / "out") == FILES
    assert faults.calls == []


def test_only_what_the_store_lacks_is_sent(store, tmp_path):
    log_files(store, tmp_path / "first", FILES)
    before = objects_in(store)
    more = FILES | {"new": b"new", "many/3": b"changed"}
    version, _ = seal(store, tmp_path / "more", more).run(store)
    [added] = objects_in(store) - before
    size = next(store.objects.stat([added])).size
    assert size < 4000
    invariants.assert_pulls(store, version, more)


def test_what_another_writer_brought_meanwhile_is_not_sent_again(store, tmp_path):
    delivery = seal(store, tmp_path / "one", FILES | {"own": b"only here"})
    log_files(store, tmp_path / "two", FILES, "other")
    before = objects_in(store)
    version, _ = delivery.run(store)
    sizes = [info.size for info in store.objects.stat(objects_in(store) - before)]
    assert sum(sizes) < 4000
    invariants.assert_pulls(store, version, FILES | {"own": b"only here"})


def test_equal_content_is_one_version(store, tmp_path):
    first, _ = seal(store, tmp_path / "one", FILES).run(store)
    second, created = seal(store, tmp_path / "two", FILES).run(store)
    assert (second.id, created) == (first.id, False)


def test_a_delivery_of_a_killed_process_is_finished(store, tmp_path):
    seal(store, tmp_path / "data", FILES).leave()
    [waiting] = pending(store)
    delivery = Delivery.take(waiting)
    assert delivery is not None
    version, _ = delivery.run(store)
    invariants.assert_pulls(store, version, FILES)
    assert pending(store) == []


def test_a_delivery_that_somebody_is_at_is_not_taken(store, tmp_path):
    delivery = seal(store, tmp_path / "data", FILES)
    [waiting] = pending(store)
    assert Delivery.take(waiting) is None
    seal(store, tmp_path / "other", {"x": b"x"}, "other").run(store)  # does not tidy it away
    assert len(pending(store)) == 1
    delivery.run(store)


def test_a_snapshot_that_was_not_sealed_is_removed(store, tmp_path):
    upload = Snapshot(store, lambda: None)
    ingest.add_files(store, upload, walking.walk(str(write_tree(tmp_path / "data", FILES))))
    upload.finish()
    assert upload._staging is not None
    upload._staging.leave()  # as if the process had been killed
    assert any((tmp_path / "outbox").rglob("*"))
    seal(store, tmp_path / "other", {"x": b"x"}, "other").run(store)
    assert [p for p in (tmp_path / "outbox").rglob("*") if p.is_file()] == []


@pytest.mark.parametrize("call", range(1, 4))
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_delivery_that_failed_can_be_run_again(store, tmp_path, call, when):
    delivery = seal(store, tmp_path / "data", FILES)
    real = store.objects
    store.objects = FaultyObjects(real, Faults(at=call, when=when))
    try:
        delivery.run(store)
    except StorageError:
        delivery.leave()
        [waiting] = pending(store)
        store.objects = real
        again = Delivery.take(waiting)
        assert again is not None
        again.run(store)
    store.objects = real
    invariants.assert_pulls(store, resolve(store, "data:v0"), FILES)
    invariants.assert_consistent(store)
    assert store.catalog.leases() == []
    gc.collect(store, gc.Settings(0, 0))
    invariants.assert_nothing_left(store)


def test_damage_in_the_outbox_is_noticed(store, tmp_path):
    delivery = seal(store, tmp_path / "data", {"b": LARGE})
    [file] = [p for p in (tmp_path / "outbox").rglob("*") if p.stat().st_size == len(LARGE)]
    file.write_bytes(b"short")
    with pytest.raises(IntegrityError) as caught:
        delivery.run(store)
    assert caught.value.kind == "outbox_damaged"
    assert objects_in(store) == set()
    delivery.discard()


def test_a_damaged_entry_does_not_hold_up_the_others(store, tmp_path, caplog):
    seal(store, tmp_path / "one", {"a": b"1"}).leave()
    [entry] = (tmp_path / "outbox").rglob("entry.json")
    entry.write_text("{")
    seal(store, tmp_path / "two", {"a": b"2"}).leave()
    assert len(pending(store)) == 1
    assert str(entry) in caplog.text


def test_a_hostile_entry_names_no_file_elsewhere(store, tmp_path):
    delivery = seal(store, tmp_path / "data", {"b": LARGE})
    [entry] = (tmp_path / "outbox").rglob("entry.json")
    said = json.loads(entry.read_text())
    for object_ in said["objects"]:
        object_["file"] = "../../../../etc/passwd"
    entry.write_text(json.dumps(said))
    with pytest.raises(IntegrityError):
        delivery.run(store)
    delivery.discard()


def test_blobs_that_were_collected_meanwhile_are_missed(store, tmp_path):
    first = log_files(store, tmp_path / "first", FILES)
    delivery = seal(store, tmp_path / "second", FILES | {"new": b"new"})
    store.catalog.delete_version(first.id)
    gc.collect(store, gc.Settings(0, 0))
    with pytest.raises((ConflictError, LookupError)):
        delivery.run(store)
    assert len(pending(store)) == 1
    delivery.discard()


def test_the_thread_delivers_in_order(store, tmp_path):
    deliveries = Deliveries(store)
    futures = [
        deliveries.submit(seal(store, tmp_path / str(i), {"f": f"{i}".encode()})) for i in range(8)
    ]
    deliveries.wait()
    assert [future.result()[0].number for future in futures] == list(range(8))


def test_failures_are_told_when_waited_for(store, tmp_path):
    deliveries = Deliveries(store)
    real = store.objects

    class Broken(FaultyObjects):
        def put(self, key, source, *, size):
            raise StorageError("the network is down", retryable=True)

    store.objects = Broken(real, Faults())
    future = deliveries.submit(seal(store, tmp_path / "data", FILES))
    with pytest.raises(StorageError, match="the network is down") as caught:
        deliveries.wait()
    assert caught.value.kind == "not_delivered"
    assert "art sync" in str(caught.value.hint)
    with pytest.raises(StorageError):
        future.result()
    deliveries.wait()  # told once
    store.objects = real
    [waiting] = pending(store)
    again = Delivery.take(waiting)
    assert again is not None
    again.run(store)
    invariants.assert_pulls(store, resolve(store, "data"), FILES)


# -- interrupted uploads


LARGER = {f"{i}.bin": bytes([i]) * 300_000 for i in range(6)}


def interrupt(store, folder, call):
    """Log a folder, and fail at a call; return what was in the object store by then."""
    real = store.objects
    store.objects = FaultyObjects(real, Faults(at=call, when="before"))
    with pytest.raises(StorageError):
        log_tree(store, folder)
    store.objects = real
    return objects_in(store)


def test_an_interrupted_upload_is_gone_on_with(store, tmp_path):
    folder = write_tree(tmp_path / "data", LARGER)
    done = interrupt(store, folder, 5)
    assert done
    version = log_tree(store, folder)
    assert done < objects_in(store)
    assert len(objects_in(store)) == len(LARGER) + 1
    invariants.assert_pulls(store, version, LARGER)
    invariants.assert_consistent(store)
    assert [p for p in (tmp_path / "cache" / "uploads").rglob("*") if p.is_file()] == []
    gc.collect(store, gc.Settings(0, 0))
    invariants.assert_nothing_left(store)
    invariants.assert_pulls(store, version, LARGER)


def test_an_interrupted_upload_whose_lease_was_ended_starts_over(store, tmp_path):
    folder = write_tree(tmp_path / "data", LARGER)
    done = interrupt(store, folder, 5)
    store.catalog.reap_leases(-1)
    gc.collect(store)
    assert objects_in(store) == set()
    version = log_tree(store, folder)
    assert not done & objects_in(store)
    invariants.assert_pulls(store, version, LARGER)
    invariants.assert_nothing_left(store)


def test_notes_that_say_more_than_the_catalog_are_not_believed(store, tmp_path):
    """An object that another process gave up must not count as uploaded."""
    folder = write_tree(tmp_path / "data", LARGER)
    done = interrupt(store, folder, 5)
    [lease] = store.catalog.leases()
    victim = min(done)
    store.catalog.take_over(lease.id, frozenset(done - {victim}))
    gc.collect(store)
    assert victim not in objects_in(store)
    version = log_tree(store, folder)
    invariants.assert_pulls(store, version, LARGER)
    invariants.assert_consistent(store)


def test_the_upload_of_a_living_process_is_not_taken_over(store, tmp_path):
    upload = store.upload()
    ingest.add_files(store, upload, walking.walk(str(write_tree(tmp_path / "data", LARGER))))
    upload.finish()
    other = log_tree(store, tmp_path / "data", "other")
    assert len(store.catalog.leases()) == 1
    invariants.assert_pulls(store, other, LARGER)
    upload.abandon()


def test_two_that_come_back_at_once_share_nothing(store, tmp_path):
    folder = write_tree(tmp_path / "data", LARGER)
    interrupt(store, folder, 5)
    versions = []
    threads = [
        threading.Thread(target=lambda n=n: versions.append(log_tree(store, folder, n)))
        for n in ("one", "two")
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for version in versions:
        invariants.assert_pulls(store, version, LARGER)
    invariants.assert_consistent(store)
