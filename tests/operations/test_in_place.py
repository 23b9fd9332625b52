"""Files that the user promises not to change are stored from where they are."""

import os

import pytest

from artifacts.store import ingest, walking
from artifacts.store.errors import IntegrityError
from artifacts.store.manifest import Manifest
from artifacts.store.outbox import Delivery, Snapshot, pending
from artifacts.store.store import Store
from tests import invariants
from tests.faulty import Faults, FaultyObjects
from tests.support import LARGE, SMALL, draft_of, find_latest, write_tree

FILES = {"a.txt": SMALL, "large.bin": LARGE, "twice/large.bin": LARGE, "other.bin": LARGE[::-1]}


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


@pytest.fixture
def data(tmp_path):
    return write_tree(tmp_path / "data", FILES)


def add(store, upload, data):
    entries = ingest.add_files(store, upload, walking.walk(str(data)), in_place=True)
    return Manifest(entries)


def log(store, data):
    upload = store.upload()
    manifest = add(store, upload, data)
    return store.commit(draft_of(manifest), upload, manifest)[0]


def seal(store, data):
    upload = Snapshot(store, lambda: find_latest(store, "data"))
    manifest = add(store, upload, data)
    upload.add_manifest(manifest)
    return upload.seal(draft_of(manifest))


def take(store):
    """Take over what waits."""
    [waiting] = pending(store)
    delivery = Delivery.take(waiting)
    assert delivery is not None
    return delivery


def bytes_in(folder):
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def assert_untouched(data):
    for path, content in FILES.items():
        file = data / path
        assert file.read_bytes() == content
        assert os.access(file, os.W_OK)
        assert file.stat().st_nlink == 1


class Meddling(FaultyObjects):
    """Does something after an object of at least this size was stored."""

    def __init__(self, inner, least, then):
        super().__init__(inner, Faults())
        self.least = least
        self.then = then

    def put(self, key, source, *, size):
        super().put(key, source, size=size)
        if size >= self.least:
            self.then()


def test_they_are_uploaded_without_a_snapshot(store, data, tmp_path):
    held = []

    def look():
        held.append(bytes_in(tmp_path / "store") + bytes_in(tmp_path / "outbox"))

    before = bytes_in(tmp_path / "store")
    store.objects = Meddling(store.objects, len(LARGE), look)
    version = log(store, data)
    assert len(held) == 2
    assert all(size - before < len(LARGE) for size in held)
    assert_untouched(data)
    invariants.assert_pulls(store, version, FILES)
    invariants.assert_consistent(store)
    invariants.assert_nothing_left(store)


def test_an_upload_of_a_file_that_was_changed_meanwhile_fails(store, data):
    def change():
        (data / "other.bin").write_bytes(b"changed")
        (data / "large.bin").write_bytes(b"changed")
        (data / "twice/large.bin").write_bytes(b"changed")

    store.objects = Meddling(store.objects, len(LARGE), change)
    with pytest.raises(IntegrityError, match="was changed or removed") as caught:
        log(store, data)
    assert caught.value.kind == "file_changed"
    assert caught.value.hint is not None
    assert "mutable" in caught.value.hint
    assert find_latest(store, "data") is None
    store.objects = store.objects.inner
    version = log(store, write_tree(data, FILES))
    invariants.assert_pulls(store, version, FILES)
    invariants.assert_consistent(store)


def test_a_file_that_is_changed_while_it_is_read_is_named(store, data):
    class Early(FaultyObjects):
        def put(self, key, source, *, size):
            if size >= len(LARGE):
                for name in ("large.bin", "twice/large.bin", "other.bin"):
                    (data / name).write_bytes(b"changed")
            super().put(key, source, size=size)

    store.objects = Early(store.objects, Faults())
    with pytest.raises(IntegrityError, match="was changed or removed") as caught:
        log(store, data)
    assert caught.value.kind == "file_changed"
    assert find_latest(store, "data") is None


def test_the_outbox_does_not_copy_them(store, data, tmp_path):
    delivery = seal(store, data)
    assert bytes_in(tmp_path / "outbox") < len(LARGE)
    version, _ = delivery.run(store)
    assert pending(store) == []
    assert_untouched(data)
    invariants.assert_pulls(store, version, FILES)
    invariants.assert_consistent(store)
    invariants.assert_nothing_left(store)


def test_a_delivery_of_a_changed_file_waits_until_the_file_is_as_it_was(store, data):
    seal(store, data).leave()
    (data / "other.bin").write_bytes(b"changed")
    delivery = take(store)
    with pytest.raises(IntegrityError, match=r"other\.bin was changed or removed"):
        delivery.run(store)
    delivery.leave()
    assert find_latest(store, "data") is None
    # Another time of change, but the bytes that were hashed.
    (data / "other.bin").write_bytes(FILES["other.bin"])
    version, _ = take(store).run(store)
    invariants.assert_pulls(store, version, FILES)
    assert pending(store) == []


def test_a_delivery_of_a_file_that_is_gone_says_so(store, data):
    delivery = seal(store, data)
    (data / "other.bin").unlink()
    with pytest.raises(IntegrityError, match=r"other\.bin was changed or removed"):
        delivery.run(store)
    delivery.discard()
    assert pending(store) == []


def test_a_local_store_takes_the_bytes_itself(tmp_path, data):
    store = Store.create(tmp_path / "local")
    version = log(store, data)
    for path in FILES:
        (data / path).write_bytes(b"changed")
    invariants.assert_pulls(store, version, FILES)
    store.close()
