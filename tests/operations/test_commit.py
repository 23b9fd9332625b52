import pytest

from artifacts import Artifact
from artifacts.store import ingest
from artifacts.store.digests import hash_bytes
from artifacts.store.errors import ConflictError, InvalidInputError, RefNotFoundError
from artifacts.store.manifest import Entry, Manifest
from artifacts.store.walking import walk
from tests import invariants
from tests.support import (
    LARGE,
    SMALL,
    draft_of,
    find_latest,
    log_files,
    log_tree,
    resolve,
    staging_folders,
    write_tree,
)


def objects(store):
    return {record.key: record.touched_at for record in store.catalog.list_objects()}


def test_same_content_is_the_same_version(store, tmp_path):
    first = log_files(store, tmp_path / "1", {"a": SMALL, "b": LARGE})
    before = objects(store)
    second = log_files(store, tmp_path / "2", {"a": SMALL, "b": LARGE})
    assert (second.id, second.version, second.digest) == (first.id, "v0", first.digest)
    assert objects(store).keys() == before.keys()


def test_identity_does_not_depend_on_how_it_came(store, tmp_path):
    """Order, packing and earlier versions leave no trace in the digest."""
    log_files(store, tmp_path / "0", {"b": LARGE}, "other")
    first = log_files(store, tmp_path / "1", {"a": SMALL, "b": LARGE})
    artifact = Artifact("third", "dataset", store=store.location)
    with artifact.new_file("b", "wb") as file:
        file.write(LARGE)
    with artifact.new_file("a", "wb") as file:
        file.write(SMALL)
    artifact.save()
    assert artifact.digest == first.digest.hex()
    entries = [Entry("a", hash_bytes(SMALL), len(SMALL)), Entry("b", hash_bytes(LARGE), len(LARGE))]
    assert Manifest(entries).digest == first.digest


def test_only_what_is_new_is_stored(store, tmp_path):
    log_files(store, tmp_path / "1", {"a": SMALL, "b": LARGE})
    before = objects(store)
    log_files(store, tmp_path / "2", {"a": SMALL, "b": LARGE, "c": b"new"})
    added = objects(store).keys() - before.keys()
    assert len(added) == 1
    sizes = {record.key: record.size for record in store.catalog.list_objects()}
    assert sum(sizes[key] for key in added) < 1000


def test_a_refused_type_uploads_nothing(store, tmp_path):
    log_files(store, tmp_path / "1", {"a": SMALL})
    before = objects(store)
    upload = store.upload()
    files = walk(str(write_tree(tmp_path / "2", {"b": LARGE})))
    manifest = Manifest(ingest.add_files(store, upload, files))
    with pytest.raises(InvalidInputError) as caught:
        store.commit(draft_of(manifest, type_="model"), upload, manifest)
    assert caught.value.kind == "type_mismatch"
    upload.abandon()
    assert objects(store) == before
    assert staging_folders(store) == []
    assert find_latest(store, "data") == resolve(store, "data:v0")


def test_blobs_that_nobody_brought_are_refused(store):
    entry = Entry("a", hash_bytes(b"never seen"), 10)
    manifest = Manifest([entry])
    upload = store.upload()
    with pytest.raises(ConflictError) as caught:
        store.commit(draft_of(manifest), upload, manifest)
    assert caught.value.kind == "upload_expired"
    upload.abandon()
    assert find_latest(store, "data") is None
    invariants.assert_nothing_left(store)


def test_an_upload_that_was_taken_for_abandoned_cannot_commit(store, tmp_path):
    upload = store.upload()
    files = walk(str(write_tree(tmp_path / "data", {"a": SMALL, "b": LARGE})))
    manifest = Manifest(ingest.add_files(store, upload, files))
    upload.add_manifest(manifest)
    upload.finish()
    for lease in store.catalog.leases():
        keys = store.catalog.abandon(lease.id)
        store.objects.delete(keys)
        store.catalog.forget(keys)
    with pytest.raises(ConflictError) as caught:
        store.commit(draft_of(manifest), upload, manifest)
    assert caught.value.kind == "upload_expired"
    upload.abandon()
    assert find_latest(store, "data") is None
    invariants.assert_sound(store)
    invariants.assert_nothing_left(store)


def test_expected_latest(store, tmp_path):
    first = log_files(store, tmp_path / "1", {"a": SMALL})
    second = log_files(store, tmp_path / "2", {"a": LARGE})
    upload = store.upload()
    manifest = store.manifest(first.digest)
    with pytest.raises(ConflictError) as caught:
        store.commit(draft_of(manifest, expected_latest=first.id), upload, manifest)
    assert caught.value.kind == "latest_moved"
    version, created = store.commit(draft_of(manifest, expected_latest=second.id), upload, manifest)
    assert (version.id, created) == (first.id, False)
    assert resolve(store, "data").id == first.id


def test_an_abandoned_upload_leaves_nothing(store, tmp_path):
    log_files(store, tmp_path / "1", {"a": SMALL})
    before = objects(store)
    upload = store.upload()
    ingest.add_files(
        store, upload, walk(str(write_tree(tmp_path / "2", {"b": b"new", "c": LARGE})))
    )
    upload.finish()
    assert len(objects(store)) > len(before)
    upload.abandon()
    assert objects(store) == before
    assert staging_folders(store) == []
    invariants.assert_nothing_left(store)
    invariants.assert_consistent(store)


def test_deleted_bytes_are_logged_again(store, tmp_path):
    """The object of a deleted version is still there: nothing is uploaded, a new number given."""
    files = {"a": SMALL, "b": LARGE}
    first = log_files(store, tmp_path / "1", files)
    store.catalog.delete_version(first.id)
    before = objects(store)
    second = log_files(store, tmp_path / "2", files)
    assert (second.version, second.digest) == ("v1", first.digest)
    assert objects(store).keys() == before.keys()
    invariants.assert_pulls(store, second, files)
    with pytest.raises(RefNotFoundError):
        resolve(store, "data:v0")


# -- versions of many files rely on their predecessor instead of asking about each blob

MANY = {f"{i // 100:02}/{i:04}": b"%d" % i for i in range(700)}


@pytest.fixture
def base(store, tmp_path, monkeypatch):
    # As if the files were old enough for the stat cache to trust them.
    monkeypatch.setattr("artifacts.store.filesystems.granularity_ns", lambda _path: 0)
    return log_files(store, tmp_path / "data", MANY)


def start_successor(store, folder):
    """Begin to log the folder of the base again, with one file more."""
    files = {**MANY, "new": b"new"}
    (folder / "new").write_bytes(b"new")
    upload = store.upload(lambda: find_latest(store, "data"))
    entries = ingest.add_files(store, upload, walk(str(folder)))
    upload.finish()
    return upload, Manifest(entries), files


def test_a_successor_of_many_files(store, base, tmp_path):
    upload, manifest, files = start_successor(store, tmp_path / "data")
    assert upload.base is not None
    assert upload.base.version_id == base.id
    version, created = store.commit(draft_of(manifest), upload, manifest)
    assert (version.version, created) == ("v1", True)
    assert len(store.catalog.list_objects()) <= 5
    invariants.assert_pulls(store, version, files)


def test_the_base_is_deleted_during_the_upload(store, base, tmp_path):
    upload, manifest, files = start_successor(store, tmp_path / "data")
    store.catalog.delete_version(base.id)
    version, _ = store.commit(draft_of(manifest), upload, manifest)
    assert version.version == "v1"
    invariants.assert_pulls(store, version, files)
    invariants.assert_consistent(store)
    invariants.assert_nothing_left(store)


def test_the_base_and_its_bytes_are_deleted_during_the_upload(store, base, tmp_path):
    upload, manifest, files = start_successor(store, tmp_path / "data")
    pending = {r.key for r in store.catalog.list_objects() if r.state.value == "pending"}
    store.catalog.delete_version(base.id)
    _collect(store, [r.key for r in store.catalog.list_objects() if r.key not in pending])
    with pytest.raises(ConflictError) as caught:
        store.commit(draft_of(manifest), upload, manifest)
    assert caught.value.kind == "upload_expired"
    upload.abandon()
    assert find_latest(store, "data") is None
    invariants.assert_sound(store)
    version = log_tree(store, tmp_path / "data")
    invariants.assert_pulls(store, version, files)
    invariants.assert_consistent(store)


def _collect(store, keys):
    import sqlalchemy as sa

    statement = sa.text("UPDATE objects SET state = 'deleting' WHERE key = :key")
    for key in keys:
        store.catalog._db.write(lambda c, key=key: c.execute(statement, {"key": key}))
    store.objects.delete(keys)
    store.catalog.forget(keys)


# -- patches on the latest version


def patch(store, changes=(), removed=()):
    artifact = Artifact("data", "dataset", incremental=True, store=store.location, project="demo")
    for path, data in dict(changes).items():
        with artifact.new_file(path, "wb") as file:
            file.write(data)
    for path in removed:
        artifact.remove(path)
    return artifact


def test_a_patch(store, tmp_path):
    log_files(store, tmp_path / "1", {"a": SMALL, "d/b": LARGE, "d/c": SMALL})
    patch(store, {"a": b"changed", "new": b"new"}, ["d"]).save()
    invariants.assert_pulls(store, resolve(store, "data"), {"a": b"changed", "new": b"new"})


def test_two_patches_at_once_are_both_applied(store, tmp_path):
    log_files(store, tmp_path / "1", {"a": SMALL})
    first, second = patch(store, {"b": b"1"}), patch(store, {"c": b"2"}, ["a"])
    first.save()
    second.save()
    assert (first.version, second.version) == ("v1", "v2")
    invariants.assert_pulls(store, resolve(store, "data"), {"b": b"1", "c": b"2"})


def test_a_version_that_comes_between_look_and_commit_is_patched_too(store, tmp_path, monkeypatch):
    log_files(store, tmp_path / "1", {"a": SMALL})
    late = patch(store, {"b": b"1"})
    real = type(store).commit
    between: list[int] = []

    def commit(self, draft, upload, manifest):
        if not between:
            between.append(1)
            log_files(store, tmp_path / "2", {"a": SMALL, "between": b"x"})
        return real(self, draft, upload, manifest)

    monkeypatch.setattr(type(store), "commit", commit)
    late.save()
    monkeypatch.undo()
    assert late.version == "v2"
    invariants.assert_pulls(store, resolve(store, "data"), {"a": SMALL, "between": b"x", "b": b"1"})
