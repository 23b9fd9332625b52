"""The download of a large file is interrupted, and gone on with by the next one."""

import io
import os
import time

import pytest

from artifacts.store.cache import partial
from artifacts.store.checkout import checkout
from artifacts.store.errors import IntegrityError, StorageError
from artifacts.store.objects import WrappedObjects
from artifacts.store.objects.wrapping import WrappedStream
from artifacts.store.store import Store
from tests.support import log_files, pull, read_tree

SIZE = 24 << 20
LARGE = os.urandom(1 << 20) * 24
FILES = {"large.bin": LARGE}


class Breaking(WrappedObjects):
    """Objects of which only so many bytes can be read, which are counted."""

    def __init__(self, inner, left):
        super().__init__(inner)
        self.left = left
        self.read = 0

    def open(self, key, *, offset=0, length=None):
        return _Stream(self, super().open(key, offset=offset, length=length))


class _Stream(WrappedStream):
    def __init__(self, objects, file):
        self._objects = objects
        self._file = file

    def read(self, size=-1):
        objects = self._objects
        count = min(size if size >= 0 else SIZE, 64 << 10)
        if objects.left < count:
            raise StorageError("the network broke", retryable=True)
        data = self._file.read(count)
        objects.left -= len(data)
        objects.read += len(data)
        return data

    def close(self):
        self._file.close()
        super().close()


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.setattr(partial, "LEAST", 1 << 20)
    store = Store.create(
        tmp_path / "store",
        objects=f"memory://{tmp_path.as_posix().replace('/', '-')}",
        cache_dir=tmp_path / "cache",
    )
    yield store
    store.close()


@pytest.fixture
def version(store, tmp_path):
    version = log_files(store, tmp_path / "data", FILES)
    assert store.cache is not None
    store.cache.clear()
    return version


def interrupt(store, version, target, after=SIZE // 2):
    """Pull until the network breaks; return what is kept of it."""
    real, store.objects = store.objects, Breaking(store.objects, after)
    with pytest.raises(StorageError, match="the network broke"):
        checkout(store, store.manifest(version.digest), str(target))
    store.objects = real
    [kept] = (store.cache.root / "partial").iterdir()
    return kept


def pulled(store, version, target):
    """Pull, and return how many bytes were fetched."""
    real, store.objects = store.objects, Breaking(store.objects, 1 << 40)
    checkout(store, store.manifest(version.digest), str(target))
    fetched, store.objects = store.objects.read, real
    return fetched


def test_only_what_is_missing_is_fetched(store, version, tmp_path):
    kept = interrupt(store, version, tmp_path / "out")
    size = kept.stat().st_size
    assert 0 < size <= SIZE // 2
    assert read_tree(tmp_path / "out") == {}
    assert pulled(store, version, tmp_path / "out") == SIZE - size
    assert read_tree(tmp_path / "out") == FILES
    assert not kept.exists()
    assert pulled(store, version, tmp_path / "again") == 0  # the cache has it now


def test_several_interruptions(store, version, tmp_path):
    sizes = []
    for _ in range(3):
        kept = interrupt(store, version, tmp_path / "out", SIZE // 5)
        sizes.append(kept.stat().st_size)
    assert sizes == sorted(set(sizes))
    assert pulled(store, version, tmp_path / "out") == SIZE - sizes[-1]
    assert read_tree(tmp_path / "out") == FILES


def test_what_is_damaged_is_fetched_anew(store, version, tmp_path, caplog):
    kept = interrupt(store, version, tmp_path / "out")
    with kept.open("r+b") as file:
        file.write(bytes(1000))
    pulled(store, version, tmp_path / "out")
    assert read_tree(tmp_path / "out") == FILES
    assert "damaged" in caplog.text
    assert not kept.exists()


def test_a_leftover_that_is_too_long_is_not_used(store, version, tmp_path):
    kept = interrupt(store, version, tmp_path / "out")
    kept.write_bytes(bytes(SIZE + 1))
    assert pulled(store, version, tmp_path / "out") == SIZE
    assert read_tree(tmp_path / "out") == FILES


def test_a_damaged_object_leaves_nothing_to_go_on_with(store, version, tmp_path):
    [info] = [i for i in store.objects.list() if i.size == SIZE]
    store.objects.delete([info.key])
    real = b"x" * SIZE
    store.objects.put(info.key, lambda: io.BytesIO(real), size=SIZE)
    with pytest.raises(IntegrityError):
        pulled(store, version, tmp_path / "out")
    assert list((store.cache.root / "partial").iterdir()) == []
    assert read_tree(tmp_path / "out") == {}


def test_another_process_at_the_same_file_does_not_wait(store, version, tmp_path):
    kept = interrupt(store, version, tmp_path / "out")
    [place] = [p for s in store.sources(_digests(store, version)) for p in s.locations]
    mine = store.cache.partial(place)
    assert mine is not None
    assert store.cache.partial(place) is None
    assert pulled(store, version, tmp_path / "out") == SIZE
    assert read_tree(tmp_path / "out") == FILES
    mine.close()
    assert kept.exists()


def _digests(store, version):
    return {entry.digest for entry in store.manifest(version.digest)}


def test_old_ones_are_removed(store, version, tmp_path):
    kept = interrupt(store, version, tmp_path / "out")
    size = kept.stat().st_size
    assert store.cache.prune() == 0
    assert kept.exists()
    old = time.time() - partial.KEPT_FOR - 60
    os.utime(kept, (old, old))
    assert store.cache.prune() == size
    assert not kept.exists()


def test_clearing_removes_them(store, version, tmp_path):
    kept = interrupt(store, version, tmp_path / "out")
    size = kept.stat().st_size
    assert store.cache.clear() >= size
    assert not kept.exists()


def test_what_does_not_fit_into_the_cache_is_written_once(tmp_path, monkeypatch):
    monkeypatch.setattr(partial, "LEAST", 1 << 20)
    store = Store.create(
        tmp_path / "store",
        objects=f"memory://{tmp_path.as_posix().replace('/', '-')}-small",
        cache_dir=tmp_path / "cache",
        cache_limit=1 << 20,
    )
    try:
        version = log_files(store, tmp_path / "data", FILES)
        pull(store, version, tmp_path / "out")
        assert read_tree(tmp_path / "out") == FILES
        assert not (tmp_path / "cache" / "partial").exists()
    finally:
        store.close()
