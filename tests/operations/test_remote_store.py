"""A store whose objects are behind a network: what is fetched, and what the cache spares."""

import errno
import os
import shutil

import pytest

from artifacts.store import copying
from artifacts.store.digests import hash_bytes
from artifacts.store.errors import (
    AlreadyExistsError,
    ConfigError,
    FormatError,
    StorageError,
    StoreNotFoundError,
)
from artifacts.store.objects import open_objects
from artifacts.store.objects.remote import FsspecObjects
from artifacts.store.store import Store
from tests import invariants
from tests.faulty import Faults, FaultyObjects
from tests.support import HUGE, LARGE, SMALL, damage, log_files, pull, read_tree, resolve

FILES = {
    "a.txt": SMALL,
    "b/large.bin": LARGE,
    "b/huge.bin": HUGE,
    "empty": b"",
    **{f"many/{i}": f"file {i}".encode() * 50 for i in range(300)},
}


@pytest.fixture
def bucket(tmp_path):
    """A place for objects that only this test uses."""
    return f"memory://{tmp_path.as_posix().replace('/', '-')}"


@pytest.fixture
def store(tmp_path, bucket):
    store = Store.create(tmp_path / "store", objects=bucket, cache_dir=tmp_path / "cache")
    yield store
    store.close()


@pytest.fixture
def version(store, tmp_path):
    return log_files(store, tmp_path / "data", FILES)


def counted(store):
    """Count what is asked of the object store from now on."""
    faults = Faults()
    store.objects = FaultyObjects(store.objects, faults)
    return faults.calls


def test_nothing_but_the_catalog_is_local(store, version, tmp_path):
    assert not (tmp_path / "store" / "objects").exists()
    assert any(info.key.startswith("packs/") for info in store.objects.list())
    invariants.assert_consistent(store)


def test_files_come_back_with_few_requests(store, version, tmp_path):
    calls = counted(store)
    assert pull(store, version, tmp_path / "out").written == len(FILES)
    assert read_tree(tmp_path / "out") == FILES
    # The manifest; a pack; two large files.
    assert len(calls) <= 5, calls


def test_what_was_pulled_once_needs_no_request(store, version, tmp_path):
    pull(store, version, tmp_path / "one")
    calls = counted(store)
    pull(store, version, tmp_path / "two")
    assert read_tree(tmp_path / "two") == FILES
    assert calls == []


def test_only_what_the_cache_does_not_have_is_fetched(store, version, tmp_path):
    pull(store, version, tmp_path / "one")
    more = FILES | {"new": b"new", "newer": LARGE[::-1]}
    second = log_files(store, tmp_path / "more", more)
    calls = counted(store)
    pull(store, second, tmp_path / "two")
    assert read_tree(tmp_path / "two") == more
    assert len(calls) <= 3, calls


def test_a_damaged_cache_is_noticed_and_mended(store, version, tmp_path):
    pull(store, version, tmp_path / "one")
    for file in (tmp_path / "cache" / "blobs" / "objects").rglob("*"):
        if file.is_file() and file.stat().st_size:
            damage(file, at=file.stat().st_size // 3)
    pull(store, version, tmp_path / "two")
    assert read_tree(tmp_path / "two") == FILES
    calls = counted(store)
    pull(store, version, tmp_path / "three")
    assert read_tree(tmp_path / "three") == FILES
    assert calls == []


def test_a_cache_that_vanished_is_no_problem(store, version, tmp_path):
    pull(store, version, tmp_path / "one")
    shutil.rmtree(tmp_path / "cache" / "blobs" / "objects")
    pull(store, version, tmp_path / "two")
    assert read_tree(tmp_path / "two") == FILES


def test_a_cache_that_cannot_be_written_is_no_problem(store, version, tmp_path, caplog):
    blocked = tmp_path / "cache" / "blobs"
    shutil.rmtree(blocked, ignore_errors=True)
    blocked.write_text("in the way")
    pull(store, version, tmp_path / "out")
    assert read_tree(tmp_path / "out") == FILES
    assert "cache" in caplog.text


def test_without_a_cache(tmp_path, bucket):
    store = Store.create(
        tmp_path / "store", objects=bucket, cache_dir=tmp_path / "cache", cache_limit=0
    )
    assert store.cache is None
    version = log_files(store, tmp_path / "data", FILES)
    for name in ("one", "two"):
        pull(store, version, tmp_path / name)
        assert read_tree(tmp_path / name) == FILES
    assert not (tmp_path / "cache" / "blobs").exists()
    store.close()


def test_a_pull_need_not_fill_the_cache(store, version, tmp_path):
    pull(store, version, tmp_path / "one", keep=False)
    assert read_tree(tmp_path / "one") == FILES
    assert store.cache.info().blobs == 1  # the manifest
    calls = counted(store)
    pull(store, version, tmp_path / "two")
    assert calls
    calls.clear()
    # What is in the cache by now is used all the same.
    pull(store, version, tmp_path / "three", keep=False)
    assert read_tree(tmp_path / "three") == FILES
    assert calls == []


@pytest.mark.parametrize("keep", [True, False])
def test_contents_of_several_files_are_fetched_once(store, tmp_path, keep):
    files = {"a/huge": HUGE, "b/the same": HUGE, "c/again": HUGE}
    version = log_files(store, tmp_path / "data", files)
    calls = counted(store)
    pull(store, version, tmp_path / "out", keep=keep)
    assert read_tree(tmp_path / "out") == files
    assert len(calls) == 2, calls  # the manifest; the file


def test_the_disk_of_the_cache_fills_up_meanwhile(store, version, tmp_path, monkeypatch, caplog):
    real, written = os.write, []

    def write(descriptor, data):
        where = os.readlink(f"/proc/self/fd/{descriptor}")
        if "/cache/blobs/" in where and len(data) > len(LARGE):
            written.append(where)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(descriptor, data)

    monkeypatch.setattr(os, "write", write)
    monkeypatch.setattr(copying, "reflink", lambda _source, _target: False)
    pull(store, version, tmp_path / "out")
    assert read_tree(tmp_path / "out") == FILES
    assert len(written) == 1  # it is given up at the first piece
    assert "the cache could not be used" in caplog.text
    assert hash_bytes(HUGE) not in store.cache.locate([hash_bytes(HUGE)])
    assert not os.path.exists(written[0])


@pytest.mark.parametrize("again", [True, False], ids=["shared", "not after all"])
def test_files_that_share_blocks_are_written_once(store, version, tmp_path, monkeypatch, again):
    asked = []

    def reflink(source, target):
        size = os.fstat(source).st_size
        asked.append(size)
        if size and not again:
            return False
        assert os.pwrite(target, os.pread(source, size, 0), 0) == size
        return True

    monkeypatch.setattr(copying, "reflink", reflink)
    pull(store, version, tmp_path / "out")
    assert read_tree(tmp_path / "out") == FILES
    assert asked == [0, len(HUGE)]
    calls = counted(store)
    pull(store, version, tmp_path / "two")
    assert read_tree(tmp_path / "two") == FILES
    assert calls == []


def test_links_never_lead_into_the_cache(store, version, tmp_path):
    pull(store, version, tmp_path / "one")
    pull(store, version, tmp_path / "two", link="symlink")
    assert not any(path.is_symlink() for path in (tmp_path / "two").rglob("*"))
    assert read_tree(tmp_path / "two") == FILES


def test_large_files_are_read_in_place(store, version):
    with store.open_blob(hash_bytes(HUGE)) as file:
        file.seek(-1000, 2)
        assert file.read() == HUGE[-1000:]
    assert store.read_blob(hash_bytes(SMALL)) == SMALL


def test_it_is_found_again_by_its_folder(store, version, tmp_path):
    again = Store.open(tmp_path / "store", cache_dir=tmp_path / "other-cache")
    assert again.uuid == store.uuid
    pull(again, resolve(again, "data:latest"), tmp_path / "out")
    assert read_tree(tmp_path / "out") == FILES
    again.close()


def test_opening_it_asks_nothing_of_the_objects(store, version, bucket, tmp_path, monkeypatch):
    pull(store, version, tmp_path / "one")
    store.close()
    calls = []
    for name in ("open", "fetch", "stat", "list", "put"):
        monkeypatch.setattr(FsspecObjects, name, lambda *arguments, **_: calls.append(arguments))
    again = Store.open(tmp_path / "store", cache_dir=tmp_path / "cache")
    pull(again, version, tmp_path / "two")
    assert read_tree(tmp_path / "two") == FILES
    assert calls == []
    again.close()


def test_objects_of_another_store_are_noticed_before_they_are_used(store, tmp_path, bucket):
    other = Store.create(tmp_path / "other", objects=bucket + "-2", cache_dir=tmp_path / "cache")
    other.close()
    config = tmp_path / "store" / "store.toml"
    config.write_text(config.read_text().replace(bucket, bucket + "-2"))
    again = Store.open(tmp_path / "store", cache_dir=tmp_path / "cache")
    with pytest.raises(FormatError) as caught:
        log_files(again, tmp_path / "data", FILES)
    assert caught.value.kind == "store_mismatch"
    assert [info.key for info in open_objects(bucket + "-2").list()] == ["store.json"]
    again.close()


def test_objects_alone_do_not_say_where_an_sqlite_catalog_is(store, bucket, tmp_path):
    with pytest.raises(ConfigError) as caught:
        Store.open(bucket, cache_dir=tmp_path / "cache")
    assert caught.value.kind == "no_shared_catalog"


def test_a_bucket_without_a_store(tmp_path):
    with pytest.raises(StoreNotFoundError) as caught:
        Store.open("memory://nothing-here", cache_dir=tmp_path)
    assert "art init --objects memory://nothing-here" in str(caught.value.hint)


def test_a_second_store_cannot_take_the_same_objects(store, bucket, tmp_path):
    with pytest.raises(Exception, match="belongs to a store already"):
        Store.create(tmp_path / "other", objects=bucket, cache_dir=tmp_path / "cache")


def test_a_store_is_not_made_twice(store, tmp_path):
    with pytest.raises(AlreadyExistsError):
        Store.create(tmp_path / "store", objects="memory://x")


def test_a_store_that_was_not_finished_is_not_taken_for_another(tmp_path, bucket, monkeypatch):
    def fail(*_, **__):
        raise StorageError("no answer", retryable=True)

    monkeypatch.setattr(FsspecObjects, "put", fail)
    with pytest.raises(StorageError, match="no answer"):
        Store.create(tmp_path / "store", objects=bucket, cache_dir=tmp_path / "cache")
    monkeypatch.undo()
    with pytest.raises(StoreNotFoundError, match="never finished"):
        Store.open(tmp_path / "store", create=True)
    Store.create(tmp_path / "store", objects=bucket, cache_dir=tmp_path / "cache").close()
    assert not (tmp_path / "store" / "objects").exists()
    store = Store.open(tmp_path / "store", cache_dir=tmp_path / "cache")
    assert store.remote
    store.close()


@pytest.mark.parametrize(
    "text",
    ["objects = 3", "password = 'x'", "objects", "[objects]\nurl = 'x'"],
)
def test_a_configuration_that_is_not_understood_is_refused(store, tmp_path, text):
    (tmp_path / "store" / "store.toml").write_text(text)
    with pytest.raises(ConfigError, match=r"store\.toml"):
        Store.open(tmp_path / "store")


def test_objects_in_another_folder(tmp_path):
    store = Store.create(tmp_path / "store", objects=str(tmp_path / "share"))
    version = log_files(store, tmp_path / "data", FILES)
    assert (tmp_path / "share" / "objects" / "store.json").exists()
    assert store.cache is None
    pull(store, version, tmp_path / "out")
    assert read_tree(tmp_path / "out") == FILES
    store.close()
    again = Store.open(tmp_path / "store")
    invariants.assert_consistent(again)
    again.close()
