import os
from pathlib import Path

import pytest

from artifacts.store import ingest, packs
from artifacts.store.check import Problem, check, rebuild
from artifacts.store.digests import hash_bytes
from artifacts.store.errors import FormatError, StoreNotFoundError
from artifacts.store.opening import catalog_path
from artifacts.store.store import Store
from artifacts.store.walking import walk
from tests import invariants
from tests.support import (
    HUGE,
    LARGE,
    SMALL,
    damage,
    log_files,
    log_tree,
    object_file,
    read_tree,
    write_tree,
)

FILES = {"a": SMALL, "b": LARGE, "c/huge": HUGE, "d": b"d" * 500, "empty": b""}


@pytest.fixture
def version(store, tmp_path):
    return log_files(store, tmp_path / "data", FILES)


def location(store, version, path):
    entry = store.manifest(version.digest).get(path)
    assert entry is not None
    return store.locate([entry.digest])[entry.digest]


def kinds(report):
    return [problem.kind for problem in report.problems]


def test_a_sound_store(store, version, tmp_path):
    log_files(store, tmp_path / "2", {"a": SMALL, "new": b"new"})
    report = check(store, read_data=True)
    assert report.problems == []
    assert report.unknown_objects == []
    assert report.pending_objects == []
    assert (report.versions, report.manifests) == (2, 2)
    assert report.objects == len(store.catalog.list_objects())
    assert report.bytes == report.bytes_read == sum(r.size for r in store.catalog.list_objects())
    assert report.blobs == len(FILES) + 1 + 2


def test_an_empty_store(store):
    report = check(store, read_data=True)
    assert (report.problems, report.versions, report.objects) == ([], 0, 0)


def test_checking_changes_nothing(store, version):
    damage(object_file(store, location(store, version, "a").key))
    before = read_tree(Path(store.location) / "objects")
    check(store, read_data=True)
    assert read_tree(Path(store.location) / "objects") == before


@pytest.mark.parametrize("path", ["a", "b"])
@pytest.mark.parametrize("read_data", [False, True])
def test_missing_object(store, version, path, read_data):
    key = location(store, version, path).key
    object_file(store, key).unlink()
    report = check(store, read_data=read_data)
    assert Problem("missing_object", key, "the object is missing") in report.problems


@pytest.mark.parametrize("path", ["a", "b"])
@pytest.mark.parametrize("change", [-1, 1])
def test_wrong_size(store, version, path, change):
    key = location(store, version, path).key
    file = object_file(store, key)
    file.chmod(0o644)
    os.truncate(file, file.stat().st_size + change)
    report = check(store)
    assert [(p.kind, p.where) for p in report.problems if p.kind != "damaged_manifest"] == [
        ("wrong_size", key)
    ]


@pytest.mark.parametrize(
    ("path", "kind"), [("a", "damaged_blob"), ("b", "damaged_object"), ("c/huge", "damaged_object")]
)
def test_damaged_bytes(store, version, path, kind):
    place = location(store, version, path)
    damage(object_file(store, place.key), at=place.offset + place.length - 1)
    assert kinds(check(store)) == []
    report = check(store, read_data=True)
    [problem] = report.problems
    assert (problem.kind, problem.where) == (kind, place.key)
    assert place.digest.hex() in problem.detail


def test_one_damaged_blob_does_not_hide_another(store, version):
    for path in ("a", "b", "d"):
        place = location(store, version, path)
        damage(object_file(store, place.key), at=place.offset)
    found = sorted(kinds(check(store, read_data=True)))
    assert found == ["damaged_blob", "damaged_blob", "damaged_object"]


@pytest.mark.parametrize("from_end", [1, 20, 60])
def test_damaged_object(store, version, from_end):
    """The pack's own index is damaged; its blobs are not."""
    key = location(store, version, "a").key
    file = object_file(store, key)
    damage(file, at=file.stat().st_size - from_end)
    assert kinds(check(store)) == []
    [problem] = check(store, read_data=True).problems
    assert (problem.kind, problem.where) == ("damaged_object", key)


def test_an_index_that_contradicts_the_catalog(store, version):
    key = location(store, version, "a").key
    file = object_file(store, key)
    data = file.read_bytes()
    size = len(data)
    places = packs.read_index(lambda offset, length: data[offset : offset + length], size)
    other = places[0]._replace(size=places[0].size + 1)
    file.chmod(0o644)
    trailer = packs.trailer([other, *places[1:]])
    file.write_bytes(data[: size - len(trailer)] + trailer)
    assert kinds(check(store, read_data=True)) == ["damaged_object"]


def test_missing_blob(store, version):
    place = location(store, version, "b")
    keys = [record.key for record in store.catalog.list_objects() if record.key == place.key]
    _set_deleting(store, keys)
    store.catalog.forget(keys)
    report = check(store)
    assert [(p.kind, p.where) for p in report.problems] == [("missing_blob", "demo/data:v0")]
    assert place.digest.hex() in report.problems[0].detail
    assert report.unknown_objects == keys


def test_damaged_manifest(store, version):
    place = store.locate([version.digest])[version.digest]
    damage(object_file(store, place.key), at=place.offset + place.length // 2)
    report = check(store)
    assert [(p.kind, p.where) for p in report.problems] == [("damaged_manifest", "demo/data:v0")]


def test_every_version_is_named(store, tmp_path):
    for name in ("x", "y"):
        version = log_files(store, tmp_path / "data", {"a": SMALL}, name)
    place = store.locate([version.digest])[version.digest]
    damage(object_file(store, place.key), at=place.offset + place.length // 2)
    assert check(store).problems[0].where == "demo/x:v0, demo/y:v0"


def test_deleted_versions_are_not_missed(store, version):
    store.catalog.delete_version(version.id)
    report = check(store)
    assert (report.versions, report.problems) == (0, [])


def test_unknown_objects_are_reported(store, version):
    stray = Path(store.location) / "objects" / "blobs" / "00" / "stray"
    stray.parent.mkdir(parents=True, exist_ok=True)
    stray.write_bytes(b"stray")
    report = check(store, read_data=True)
    assert report.problems == []
    assert report.unknown_objects == ["blobs/00/stray"]


def test_uploads_in_progress_are_reported(store, tmp_path):
    upload = store.upload()
    ingest.add_files(store, upload, walk(str(write_tree(tmp_path / "data", FILES))))
    upload.finish()
    report = check(store, read_data=True)
    assert report.problems == []
    assert len(report.pending_objects) == len(store.catalog.list_objects())
    assert report.objects == 0
    upload.abandon()
    invariants.assert_nothing_left(store)


# -- rebuilding


def lose_catalog(store):
    """Close a store and delete its catalog; return where it was."""
    root = Path(store.location)
    store.close()
    for file in root.glob("catalog.sqlite*"):
        file.unlink()
    assert not catalog_path(root).exists()
    return root


def test_rebuild_after_the_catalog_is_lost(store, version, tmp_path):
    data = write_tree(tmp_path / "data", FILES)
    objects = len(store.catalog.list_objects())
    identity = store.uuid
    root = lose_catalog(store)
    with pytest.raises(StoreNotFoundError) as caught:
        Store.open(root)
    assert caught.value.hint is not None
    assert "--rebuild" in caught.value.hint
    # Every file, and the manifest.
    assert rebuild(root) == (objects, len(FILES) + 1)
    again = Store.open(root)
    try:
        assert again.uuid == identity
        assert again.catalog.list_artifacts() == []
        for data_of_file in FILES.values():
            assert again.read_blob(hash_bytes(data_of_file)) == data_of_file
        assert again.manifest(version.digest).get("a") is not None
        # Logging the same folder again uploads nothing.
        logged = log_tree(again, data)
        assert logged.digest == version.digest
        assert len(again.catalog.list_objects()) == objects
        invariants.assert_pulls(again, logged, FILES)
        invariants.assert_consistent(again)
    finally:
        again.close()


def test_rebuild_twice_enters_nothing_twice(store, version):
    root = lose_catalog(store)
    assert rebuild(root) != (0, 0)
    assert rebuild(root) == (0, 0)


def test_rebuild_of_a_sound_store_changes_nothing(store, version):
    before = store.catalog.list_objects()
    assert rebuild(store.location) == (0, 0)
    assert store.catalog.list_objects() == before


def test_a_new_catalog_is_not_made_beside_old_objects(store, version):
    root = lose_catalog(store)
    with pytest.raises((FormatError, StoreNotFoundError)):
        Store.open(root, create=True)
    assert rebuild(root)[0] > 0


@pytest.mark.parametrize("harm", ["cut off", "damaged index", "emptied", "not ours"])
def test_rebuild_leaves_out_what_is_damaged(store, version, harm):
    pack = location(store, version, "a").key
    loose = location(store, version, "b")
    file = object_file(store, pack)
    root = lose_catalog(store)
    if harm == "not ours":
        (file.parent / "README").write_text("not a pack")
    else:
        file.chmod(0o644)
        if harm == "cut off":
            os.truncate(file, file.stat().st_size - 10)
        elif harm == "emptied":
            os.truncate(file, 0)
        else:
            damage(file, at=file.stat().st_size - 60)
    rebuild(root)
    again = Store.open(root)
    try:
        assert again.read_blob(loose.digest) == LARGE
        known = {record.key for record in again.catalog.list_objects()}
        assert (pack in known) == (harm == "not ours")
        assert check(again, read_data=True).problems == []
    finally:
        again.close()


def test_rebuild_verifies_loose_objects(store, version):
    place = location(store, version, "b")
    damage(object_file(store, place.key))
    root = lose_catalog(store)
    rebuild(root)
    again = Store.open(root)
    try:
        assert place.digest not in again.catalog.locate([place.digest])
    finally:
        again.close()


def test_rebuild_of_nothing(tmp_path):
    with pytest.raises(StoreNotFoundError):
        rebuild(tmp_path)


def _set_deleting(store, keys):
    import sqlalchemy as sa

    statement = sa.text("UPDATE objects SET state = 'deleting' WHERE key = :key")
    for key in keys:
        store.catalog._db.write(lambda c, key=key: c.execute(statement, {"key": key}))
