import os
from pathlib import Path

import pytest

from artifacts.store import backup, exporting, ingest, packs
from artifacts.store import check as checking
from artifacts.store.check import Problem, check
from artifacts.store.digests import hash_bytes
from artifacts.store.errors import (
    FormatError,
    IntegrityError,
    StorageError,
    StoreNotFoundError,
)
from artifacts.store.opening import catalog_path
from artifacts.store.progress import Progress
from artifacts.store.rebuilding import Rebuilt, rebuild
from artifacts.store.records import LinkKind
from artifacts.store.store import Store
from artifacts.store.walking import walk
from tests import invariants
from tests.faulty import Faults, FaultyObjects
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


# -- samples, and going on


def read_keys(store, monkeypatch, **options):
    """Check; return the keys of the objects that were read."""
    read = []
    real = checking._check_object

    def noted(store, record, entered):
        read.append(record.key)
        return real(store, record, entered)

    monkeypatch.setattr(checking, "_check_object", noted)
    report = check(store, read_data=True, **options)
    assert report.objects_read == len(read)
    return sorted(read), report


def test_a_sample_reads_a_part(store, version, tmp_path, monkeypatch):
    for number in range(7):
        log_files(store, tmp_path / f"d{number}", {"x": b"%d" % number}, f"n{number}")
    objects = len(store.catalog.list_objects())
    read, report = read_keys(store, monkeypatch, sample=0.3, notes=tmp_path / "notes")
    assert 0 < len(read) < objects
    assert report.skipped == objects - len(read)
    assert not (tmp_path / "notes").exists()
    assert len(read_keys(store, monkeypatch, sample=1.0)[0]) == objects


class Interrupted(Progress):
    def __init__(self, after):
        self.left = after

    def advance(self, files, size):
        self.left -= files
        if self.left == 0:
            raise KeyboardInterrupt


def test_reading_goes_on_where_it_was_interrupted(store, version, tmp_path, monkeypatch):
    for number in range(4):
        log_files(store, tmp_path / f"d{number}", {"x": b"%d" % number}, f"n{number}")
    notes, records = tmp_path / "notes", store.catalog.list_objects()
    by_id = [record.key for record in sorted(records, key=lambda record: record.id)]
    damage(object_file(store, by_id[0]))
    with pytest.raises(KeyboardInterrupt):
        check(store, read_data=True, notes=notes, progress=Interrupted(3))
    read, report = read_keys(store, monkeypatch, notes=notes, resume=True)
    # What was damaged is read again, so that it is reported again.
    assert read == sorted([by_id[0], *by_id[3:]])
    assert report.bad_objects == {by_id[0]}
    assert report.skipped == 2
    # It has come to its end: the next one starts over, asked or not.
    assert len(read_keys(store, monkeypatch, notes=notes, resume=True)[0]) == len(records)


def test_notes_that_cannot_be_read_start_it_over(store, version, tmp_path, monkeypatch):
    notes = tmp_path / "notes"
    notes.mkdir()
    (notes / f"{store.uuid}.json").write_text("[]")
    read, _ = read_keys(store, monkeypatch, notes=notes, resume=True)
    assert len(read) == len(store.catalog.list_objects())


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
    assert rebuild(root) == Rebuilt(objects, len(FILES) + 1)
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
    assert rebuild(root) != Rebuilt(0, 0)
    assert rebuild(root) == Rebuilt(0, 0)


def test_rebuild_of_a_sound_store_changes_nothing(store, version):
    before = store.catalog.list_objects()
    assert rebuild(store.location) == Rebuilt(0, 0)
    assert store.catalog.list_objects() == before


def test_a_new_catalog_is_not_made_beside_old_objects(store, version):
    root = lose_catalog(store)
    with pytest.raises((FormatError, StoreNotFoundError)):
        Store.open(root, create=True)
    assert rebuild(root).objects > 0


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


def with_history(store, tmp_path, version):
    """A run that used a version by an alias, and logged another one."""
    run = store.catalog.create_run("local", "demo", "r1", {"name": "fit"})
    store.catalog.link(run.key, version.id, LinkKind.INPUT, alias="latest")
    made = log_tree(
        store, write_tree(tmp_path / "m", {"m": b"m"}), "model", aliases=("prod",), run=run.key
    )
    store.catalog.finish_run(run.key, "finished", 0)
    store.catalog.set_ttl(made.id, 0)


def described(store):
    found: list[dict] = []
    store.catalog.export(lambda: found.append)
    return found


def test_names_and_lineage_come_back_from_the_daily_backup(store, version, tmp_path):
    with_history(store, tmp_path, version)
    before = described(store)
    backup.write(store.catalog, store.objects, store.uuid, store.staging)
    assert check(store).unknown_objects == []
    root = lose_catalog(store)
    done = rebuild(root)
    assert done.restored is not None
    assert (done.restored.runs, done.restored.links) == (1, 2)
    again = Store.open(root)
    try:
        assert described(again) == before
        invariants.assert_consistent(again)
        invariants.assert_nothing_left(again)
        # What is deleted from now on is not brought back by another rebuild.
        again.catalog.delete_version(again.catalog.list_versions("local", "demo", "data")[0].id)
    finally:
        again.close()
    assert rebuild(root) == Rebuilt(0, 0)


@pytest.mark.parametrize("kind", ["export", "catalog alone", "backup file"])
def test_names_and_lineage_come_back_from_a_file(store, version, tmp_path, kind):
    with_history(store, tmp_path, version)
    before = described(store)
    file = tmp_path / "catalog.tar"
    if kind == "backup file":
        key = backup.write(store.catalog, store.objects, store.uuid, store.staging)
        file = tmp_path / key.rpartition("/")[2]
        file.write_bytes(object_file(store, key).read_bytes())
        store.objects.delete([key])
    else:
        exporting.export(store, file, data=kind == "export")
    root = lose_catalog(store)
    assert rebuild(root).restored is None
    assert rebuild(root, export=file).source == str(file)
    again = Store.open(root)
    try:
        assert described(again) == before
        invariants.assert_consistent(again)
    finally:
        again.close()


def test_a_damaged_backup_restores_nothing(store, version):
    key = backup.write(store.catalog, store.objects, store.uuid, store.staging)
    file = object_file(store, key)
    damage(file, at=file.stat().st_size // 2)
    root = lose_catalog(store)
    with pytest.raises(IntegrityError):
        rebuild(root)
    file.unlink()
    assert rebuild(root).restored is None


def test_rebuild_of_a_store_whose_objects_are_elsewhere(tmp_path):
    bucket = f"memory://{tmp_path.as_posix().replace('/', '-')}"
    store = Store.create(tmp_path / "store", objects=bucket, cache_dir=tmp_path / "cache")
    version = log_files(store, tmp_path / "data", FILES)
    with_history(store, tmp_path, version)
    before = described(store)
    backup.write(store.catalog, store.objects, store.uuid, store.staging)
    root = lose_catalog(store)
    rebuild(root, cache_dir=tmp_path / "cache")
    again = Store.open(root, cache_dir=tmp_path / "cache")
    try:
        assert described(again) == before
        invariants.assert_consistent(again)
    finally:
        again.close()


# -- the daily backup


def grow_old(store, hours):
    """Make the store look as if it had been made earlier."""
    import sqlalchemy as sa

    then = store.catalog.now() - hours * 3600 * 1_000_000
    statement = sa.text("UPDATE store SET created_at = :then")
    store.catalog._db.write(lambda c: c.execute(statement, {"then": then}))
    store.catalog.identity()


def test_a_commit_makes_a_backup_once_a_day(store, version, tmp_path):
    store.backups.close()
    assert backup.keys(store.objects) == []  # young
    grow_old(store, 25)
    for number in range(3):
        with_backups(store)
        log_files(store, tmp_path / f"d{number}", {"x": b"%d" % number})
        store.backups.close()
    [key] = backup.keys(store.objects)
    with store.objects.open(key) as file:
        versions = [r["number"] for r in backup.read(file) if r["record"] == "version"]
    assert versions == [0, 1]


def with_backups(store):
    store.backups = backup.BackupKeeper(store.catalog, store.objects, store.uuid, store.staging)


def test_a_process_looks_once(store, version, tmp_path, monkeypatch):
    grow_old(store, 25)
    with_backups(store)
    looked = []
    real = backup.newest

    def newest(objects):
        looked.append(1)
        return real(objects)

    monkeypatch.setattr(backup, "newest", newest)
    for number in range(3):
        log_files(store, tmp_path / f"d{number}", {"x": b"%d" % number})
    store.backups.close()
    assert len(looked) == 1


def test_backups_can_be_turned_off(store, version, tmp_path):
    grow_old(store, 25)
    with_backups(store)
    store.backups.turn_off()
    log_files(store, tmp_path / "d", {"x": b"x"})
    store.backups.close()
    assert backup.keys(store.objects) == []


@pytest.mark.parametrize("where", ["list", "put"])
def test_a_backup_that_fails_is_logged_and_nothing_else(
    store, tmp_path, monkeypatch, caplog, where
):
    log_files(store, tmp_path / "data", FILES)
    grow_old(store, 25)

    class Broken(FaultyObjects):
        def __getattribute__(self, name):
            if name == where:
                raise StorageError("the service is down")
            return super().__getattribute__(name)

    broken = Broken(store.objects, Faults())
    store.backups = backup.BackupKeeper(store.catalog, broken, store.uuid, store.staging)
    version = log_files(store, tmp_path / "d", {"x": b"x"})
    store.backups.close()
    assert version.number == 1
    assert "the service is down" in caplog.text
    invariants.assert_consistent(store)


def test_seven_backups_stay(store, version):
    made = [backup.write(store.catalog, store.objects, store.uuid, store.staging) for _ in range(9)]
    left = backup.keys(store.objects)
    assert len(left) == backup.KEPT
    assert set(left) < set(made)
    assert check(store).backup == backup.newest(store.objects)


def test_rebuild_of_nothing(tmp_path):
    with pytest.raises(StoreNotFoundError):
        rebuild(tmp_path)


def _set_deleting(store, keys):
    import sqlalchemy as sa

    statement = sa.text("UPDATE objects SET state = 'deleting' WHERE key = :key")
    for key in keys:
        store.catalog._db.write(lambda c, key=key: c.execute(statement, {"key": key}))
