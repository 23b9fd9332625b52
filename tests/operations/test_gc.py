"""Collecting: what goes, what stays, and that nobody at work is hurt."""

import threading

import pytest

from artifacts.store import gc, repack, retention
from artifacts.store.checkout import checkout
from artifacts.store.digests import hash_bytes
from artifacts.store.errors import ConflictError, StateError, StorageError
from artifacts.store.manifest import Manifest
from artifacts.store.marks import MarkSet
from artifacts.store.records import LeaseKind, LinkKind, ObjectState
from artifacts.store.upload import PACK_TARGET
from tests import invariants
from tests.support import (
    ENTITY,
    LARGE,
    PROJECT,
    SMALL,
    damage,
    draft_of,
    log_files,
    object_file,
    read_tree,
    resolve,
)

AT_ONCE = gc.Settings(min_age=0, grace=0)
DAY = 24 * gc.HOUR


def files_in(store):
    """Return key -> size of what really lies there."""
    found = dict(store.objects.list())
    del found["store.json"]
    return found


def age(store, microseconds=2 * DAY):
    """Let time pass for everything that lies in the store."""
    store.catalog._db.write(
        lambda c: [
            c.exec_driver_sql(f"UPDATE {table} SET {column} = {column} - {microseconds}")
            for table, column in (
                ("objects", "touched_at"),
                ("objects", "condemned_at"),
                ("leases", "renewed_at"),
                ("versions", "created_at"),
                ("versions", "logged_at"),
            )
        ]
    )


def states(store):
    return sorted(record.state.value for record in store.catalog.list_objects())


def test_nothing_is_collected_from_a_store_in_use(store, tmp_path):
    version = log_files(store, tmp_path / "a", {"a": SMALL, "b": LARGE})
    age(store)
    done = gc.collect(store, AT_ONCE)
    assert (done.deleted, done.condemned, done.freed) == (0, 0, 0)
    invariants.assert_pulls(store, version, {"a": SMALL, "b": LARGE})


def test_every_byte_of_a_deleted_version_is_freed(store, tmp_path):
    version = log_files(store, tmp_path / "a", {"a": SMALL, "b": LARGE})
    before = files_in(store)
    store.catalog.delete_version(version.id)
    done = gc.collect(store, AT_ONCE)
    assert files_in(store) == {}
    assert store.catalog.list_objects() == []
    assert (done.deleted, done.freed) == (len(before), sum(before.values()))
    invariants.assert_consistent(store)
    invariants.assert_nothing_left(store)


def test_what_versions_share_stays(store, tmp_path):
    log_files(store, tmp_path / "1", {"only": b"only" * 100, "large": LARGE, "both": SMALL}, "x")
    second = log_files(store, tmp_path / "2", {"both": SMALL, "large": LARGE, "new": b"new"}, "x")
    store.catalog.delete_version(resolve(store, "x:v0").id)
    gc.collect(store, AT_ONCE)
    invariants.assert_consistent(store)
    invariants.assert_pulls(store, second, {"both": SMALL, "large": LARGE, "new": b"new"})


def test_it_takes_two_collections_and_the_grace_period(store, tmp_path):
    version = log_files(store, tmp_path / "a", {"a": SMALL, "b": LARGE})
    store.catalog.delete_version(version.id)
    assert gc.collect(store).condemned == 0  # too young
    age(store)
    assert gc.collect(store).condemned == 2
    assert states(store) == ["condemned", "condemned"]
    assert len(files_in(store)) == 2
    again = gc.collect(store)
    assert (again.condemned, again.deleted) == (0, 0)
    age(store)
    assert gc.collect(store).deleted == 2
    assert files_in(store) == {}


def test_a_claim_takes_a_condemned_blob_back_into_use(store, tmp_path):
    version = log_files(store, tmp_path / "a", {"b": LARGE})
    store.catalog.delete_version(version.id)
    age(store)
    gc.collect(store)
    before = files_in(store)
    log_files(store, tmp_path / "again", {"b": LARGE})
    assert set(states(store)) == {"live"}
    assert files_in(store) == before
    age(store)
    gc.collect(store, AT_ONCE)
    invariants.assert_consistent(store)


def test_a_deletion_can_be_undone_within_the_grace_period(store, tmp_path):
    version = log_files(store, tmp_path / "a", {"a": SMALL, "b": LARGE})
    store.catalog.delete_version(version.id)
    age(store)
    gc.collect(store)
    store.restore(version)
    assert resolve(store, "data:latest").id == version.id
    assert set(states(store)) == {"live"}
    age(store)
    gc.collect(store, AT_ONCE)
    invariants.assert_pulls(store, version, {"a": SMALL, "b": LARGE})


def test_a_deletion_cannot_be_undone_when_the_bytes_are_gone(store, tmp_path):
    version = log_files(store, tmp_path / "a", {"b": LARGE})
    store.catalog.delete_version(version.id)
    gc.collect(store, AT_ONCE)
    with pytest.raises(StateError) as caught:
        store.restore(version)
    assert caught.value.kind == "collected"
    with pytest.raises(LookupError):
        resolve(store, "data:v0")


def test_only_deleted_versions_can_be_restored(store, tmp_path):
    version = log_files(store, tmp_path / "a", {"a": SMALL})
    with pytest.raises(StateError, match="not deleted"):
        store.restore(version)
    store.catalog.delete_version(version.id)
    log_files(store, tmp_path / "b", {"a": SMALL})
    with pytest.raises(StateError, match="logged again since, as v1"):
        store.restore(version)


def test_an_upload_in_progress_is_left_alone(store, tmp_path):
    upload = store.upload()
    upload.add(SMALL, hash_bytes(SMALL))
    path = upload.new_path()
    path.write_bytes(LARGE)
    upload.add_staged(path, hash_bytes(LARGE), len(LARGE))
    upload.finish()
    gc.collect(store, AT_ONCE)
    assert states(store) == ["pending", "pending"]
    assert len(files_in(store)) == 2
    upload.abandon()


def test_what_a_killed_upload_left_is_deleted(store):
    upload = store.upload()
    upload.add(SMALL, hash_bytes(SMALL))
    upload.finish()
    age(store)
    planned = gc.plan(store)
    assert [lease.kind for lease in planned.gone] == [LeaseKind.UPLOAD]
    assert len(planned.abandoned) == 1
    done = gc.collect(store)
    assert done.deleted == 1
    assert files_in(store) == {}
    invariants.assert_nothing_left(store)


def test_an_upload_that_was_collected_cannot_commit(store):
    upload = store.upload()
    upload.add(SMALL, hash_bytes(SMALL))
    manifest = Manifest([])
    upload.finish()
    age(store)
    gc.collect(store)
    with pytest.raises(ConflictError) as caught:
        store.commit(draft_of(manifest), upload, manifest)
    assert caught.value.kind == "upload_expired"
    upload.abandon()
    invariants.assert_consistent(store)
    invariants.assert_nothing_left(store)


def test_a_commit_while_the_collector_is_marking_is_safe(store, tmp_path, monkeypatch):
    """Without any minimum age: the object is younger than the marks, and that has to be enough."""
    gone = log_files(store, tmp_path / "a", {"b": LARGE})
    store.catalog.delete_version(gone.id)
    real = MarkSet.update

    def update_after_a_commit(marks, digests):
        monkeypatch.setattr(MarkSet, "update", real)
        log_files(store, tmp_path / "new", {"b": LARGE, "c": SMALL}, "other")
        real(marks, digests)

    log_files(store, tmp_path / "x", {"x": b"x"}, "x")  # so that there is something to mark
    monkeypatch.setattr(MarkSet, "update", update_after_a_commit)
    gc.collect(store, AT_ONCE)
    invariants.assert_consistent(store)
    invariants.assert_pulls(store, resolve(store, "other"), {"b": LARGE, "c": SMALL})


def test_what_a_long_pull_reads_stays(store, tmp_path):
    version = log_files(store, tmp_path / "a", {"a": SMALL, "b": LARGE})
    store.leases._reading_from = 0
    with store.leases.reading(version.digest):
        wait_for(store.catalog.leases)
        store.catalog.delete_version(version.id)
        gc.collect(store, AT_ONCE)
        checkout(store, store.manifest(version.digest), str(tmp_path / "out"))
    assert read_tree(tmp_path / "out") == {"a": SMALL, "b": LARGE}
    assert store.catalog.leases() == []
    gc.collect(store, AT_ONCE)
    assert files_in(store) == {}


def wait_for(condition):
    done = threading.Event()
    for _ in range(1000):
        if condition():
            return
        done.wait(0.01)
    raise AssertionError("it did not happen")


def test_only_one_collects(store):
    lease = store.leases.open_collector(DAY)
    with pytest.raises(ConflictError) as caught:
        gc.collect(store)
    assert caught.value.kind == "collector_busy"
    assert lease not in str(caught.value)
    store.leases.drop(lease)
    age(store)
    gc.collect(store)  # the other one is taken for dead


def test_a_pack_that_is_mostly_dead_is_written_anew(store, tmp_path):
    files = {f"f{i}": f"{i}".encode() * 1000 for i in range(100)}
    gone = log_files(store, tmp_path / "1", files, "x")
    kept = {name: data for name, data in files.items() if name in {"f1", "f2", "f3"}}
    version = log_files(store, tmp_path / "2", kept, "x")
    store.catalog.delete_version(gone.id)
    before = sum(files_in(store).values())
    done = gc.collect(store, AT_ONCE)
    assert done.repacked == 1
    assert sum(files_in(store).values()) < before / 10
    invariants.assert_consistent(store)
    invariants.assert_nothing_left(store)
    invariants.assert_pulls(store, version, kept)
    assert gc.collect(store, AT_ONCE).repacked == 0


def test_a_pack_that_a_writer_touched_meanwhile_is_kept(store, tmp_path, monkeypatch):
    files = {f"f{i}": f"{i}".encode() * 1000 for i in range(100)}
    gone = log_files(store, tmp_path / "1", files, "x")
    log_files(store, tmp_path / "2", {"f1": files["f1"]}, "x")
    store.catalog.delete_version(gone.id)
    real = repack.repack

    def claimed_first(*arguments):
        log_files(store, tmp_path / "3", files, "y")  # its blobs are all in the old pack
        return real(*arguments)

    monkeypatch.setattr(gc, "repack", claimed_first)
    gc.collect(store, AT_ONCE)
    invariants.assert_consistent(store)
    invariants.assert_pulls(store, resolve(store, "y"), files)


def test_many_small_packs_are_joined(store, tmp_path):
    versions = [
        log_files(store, tmp_path / str(i), {"f": f"{i}".encode() * 100}, "x") for i in range(12)
    ]
    assert len(files_in(store)) == 12
    done = gc.collect(store, AT_ONCE)
    assert done.repacked == 12
    assert len(files_in(store)) == 1
    invariants.assert_consistent(store)
    for i, version in enumerate(versions):
        invariants.assert_pulls(store, version, {"f": f"{i}".encode() * 100})


def test_packs_in_use_lately_are_not_rewritten(store, tmp_path):
    for i in range(12):
        log_files(store, tmp_path / str(i), {"f": f"{i}".encode() * 100}, "x")
    assert gc.collect(store, gc.Settings(min_age=DAY, grace=0)).repacked == 0


def test_repacking_a_damaged_pack_fails_and_changes_nothing(store, tmp_path):
    files = {f"f{i}": f"{i}".encode() * 1000 for i in range(100)}
    gone = log_files(store, tmp_path / "1", files, "x")
    log_files(store, tmp_path / "2", {"f1": files["f1"]}, "x")
    store.catalog.delete_version(gone.id)
    place = store.locate([hash_bytes(files["f1"])])[hash_bytes(files["f1"])]
    damage(object_file(store, place.key), at=place.offset)
    before = files_in(store)
    done = gc.collect(store, AT_ONCE)
    assert done.repacked == 0
    assert "damaged" in done.failed[0]
    assert place.key in files_in(store)
    assert set(files_in(store)) <= set(before)


def test_nothing_is_condemned_while_a_manifest_cannot_be_read(store, tmp_path):
    gone = log_files(store, tmp_path / "1", {"b": LARGE}, "x")
    damaged = log_files(store, tmp_path / "2", {"a": SMALL}, "y")
    store.catalog.delete_version(gone.id)
    place = store.locate([damaged.digest])[damaged.digest]
    damage(object_file(store, place.key), at=place.offset)
    planned = gc.plan(store, AT_ONCE)
    assert planned.condemn == []
    assert "y:v0" in planned.broken[0]
    done = gc.collect(store, AT_ONCE)
    assert (done.condemned, done.deleted) == (0, 0)


def test_a_network_that_fails_is_no_damage(store, tmp_path, monkeypatch):
    log_files(store, tmp_path / "a", {"a": SMALL})

    def fail(*_):
        raise StorageError("no answer", retryable=True)

    monkeypatch.setattr(store.objects, "fetch", fail)
    with pytest.raises(StorageError, match="no answer"):
        gc.plan(store)
    with pytest.raises(StorageError, match="no answer"):
        gc.collect(store)
    assert store.catalog.leases() == []


def test_objects_that_cannot_be_deleted_are_left_for_the_next_time(store, tmp_path, monkeypatch):
    version = log_files(store, tmp_path / "a", {"b": LARGE})
    store.catalog.delete_version(version.id)
    age(store)
    gc.collect(store)
    age(store)

    def fail(keys):
        raise StorageError("no answer", retryable=True)

    monkeypatch.setattr(store.objects, "delete", fail)
    done = gc.collect(store)
    assert (done.deleted, done.freed) == (0, 0)
    assert "no answer" in done.failed[0]
    assert set(states(store)) == {"deleting"}
    monkeypatch.undo()
    assert gc.collect(store).deleted == 2
    assert files_in(store) == {}


def test_the_plan_says_what_a_collection_then_does(store, tmp_path):
    gone = log_files(store, tmp_path / "1", {"a": SMALL, "b": LARGE}, "x")
    log_files(store, tmp_path / "2", {"c": b"c" * 300_000}, "x")
    store.catalog.delete_version(gone.id)
    before = files_in(store)
    planned = gc.plan(store, AT_ONCE)
    assert files_in(store) == before
    done = gc.collect(store, AT_ONCE)
    assert done.plan.condemn == planned.condemn
    assert done.freed == sum(record.size for record in planned.condemn)
    assert planned.bytes_kept == sum(files_in(store).values())


# -- retention


def set_policy(store, name, **rules):
    [record] = store.catalog.list_artifacts(name=name)
    store.catalog.set_retention(record.id, retention.Policy(**rules).to_json())


def test_versions_that_no_rule_keeps_are_deleted_with_their_bytes(store, tmp_path):
    for i in range(5):
        log_files(store, tmp_path / str(i), {"f": f"{i}".encode() * 300_000}, "x")
    store.catalog.set_alias(resolve(store, "x:v0").id, "prod")
    set_policy(store, "x", keep_last=2)
    planned = gc.plan(store, AT_ONCE)
    assert [version.number for version, _ in planned.expired] == [2, 1]
    done = gc.collect(store, AT_ONCE)
    left = store.catalog.list_versions(ENTITY, PROJECT, "x")
    assert [version.number for version in left] == [4, 3, 0]
    assert done.versions == 2
    assert done.freed > 600_000
    assert sum(record.size for record in planned.condemn) == done.freed
    invariants.assert_consistent(store)


def test_a_version_that_a_running_run_uses_is_held_back(store, tmp_path):
    for i in range(3):
        log_files(store, tmp_path / str(i), {"f": f"{i}".encode()}, "x")
    values = {"name": "n", "state": "running", "tags": [], "config": {}, "summary": {}}
    run = store.catalog.create_run(ENTITY, PROJECT, "r1", values)
    used = resolve(store, "x:v0")
    store.catalog.link(run.key, used.id, LinkKind.INPUT)
    set_policy(store, "x", keep_last=1)
    done = gc.collect(store, AT_ONCE)
    assert [(v.number, "r1" in reason) for v, reason in done.plan.held_back] == [(0, True)]
    assert [v.number for v, _ in done.plan.expired] == [1]
    with pytest.raises(StateError) as caught:
        store.catalog.delete_version(used.id)
    assert caught.value.kind == "in_use"
    store.catalog.delete_version(used.id, force=True)


def test_a_version_with_a_lifetime_of_its_own(store, tmp_path):
    first = log_files(store, tmp_path / "1", {"f": b"1"}, "x")
    second = log_files(store, tmp_path / "2", {"f": b"2"}, "x")
    log_files(store, tmp_path / "3", {"f": b"3"}, "x")
    store.catalog.set_ttl(first.id, DAY)
    store.catalog.set_ttl(second.id, DAY)
    store.catalog.set_alias(second.id, "prod")
    assert gc.plan(store).expired == []
    age(store)
    done = gc.collect(store)
    assert [v.number for v, _ in done.plan.expired] == [0]
    assert [(v.number, "prod" in why) for v, why in done.plan.held_back] == [(1, True)]


# -- explain


def test_explain_names_everything_that_keeps_a_blob(store, tmp_path):
    first = log_files(store, tmp_path / "1", {"f": SMALL}, "x")
    log_files(store, tmp_path / "2", {"g": SMALL, "h": LARGE}, "y")
    found = gc.explain(store, hash_bytes(SMALL))
    assert sorted(found.versions) == [f"{PROJECT}/x:v0", f"{PROJECT}/y:v0"]
    assert [record.state for record in found.objects] == [ObjectState.LIVE]
    store.catalog.delete_version(first.id)
    assert gc.explain(store, hash_bytes(SMALL)).versions == (f"{PROJECT}/y:v0",)
    assert gc.explain(store, hash_bytes(b"unknown")) == gc.Explanation((), (), ())


def test_packs_of_full_size_are_not_joined():
    assert gc._SMALL_PACK < PACK_TARGET / 4


def test_reading_what_is_gone_says_so(store, tmp_path):
    version = log_files(store, tmp_path / "1", {"b": LARGE}, "x")
    entries = store.manifest(version.digest)
    store.catalog.delete_version(version.id)
    gc.collect(store, AT_ONCE)
    with pytest.raises(LookupError):
        checkout(store, entries, str(tmp_path / "out"))
