import errno
import io
import os
import secrets
import stat
from pathlib import Path

import pytest

from artifacts.store.errors import ObjectNotFoundError, PermissionDeniedError, StorageError
from artifacts.store.objects import (
    LocalObjects,
    MemoryObjects,
    RetryingObjects,
    RetryPolicy,
    StagedFile,
    open_objects,
)
from artifacts.store.objects.remote import FsspecObjects
from artifacts.store.objects.s3 import S3Objects
from tests import servers
from tests.conformance.object_store_tests import DATA, ObjectStoreTests, source
from tests.faulty import Faults, FaultyObjects

AT_ONCE = RetryPolicy(base=0)


class TestMemoryObjects(ObjectStoreTests):
    @pytest.fixture
    def objects(self, tmp_path):
        return MemoryObjects()

    def raw_write(self, objects, key, data):
        objects._objects[key] = data

    def raw_read(self, objects):
        return dict(objects._objects)


class LocalBackend(ObjectStoreTests):
    @pytest.fixture
    def objects(self, tmp_path):
        root = tmp_path / "objects"
        root.mkdir()
        return LocalObjects(root)

    def root(self, objects):
        return objects.root

    def raw_write(self, objects, key, data):
        path = self.root(objects) / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    def raw_read(self, objects):
        root = self.root(objects)
        return {
            path.relative_to(root).as_posix(): path.read_bytes()
            for path in root.rglob("*")
            if path.is_file()
        }


class TestLocalObjects(LocalBackend):
    def test_the_folder_is_made(self, tmp_path):
        objects = LocalObjects(tmp_path / "not" / "yet")
        assert list(objects.list()) == []
        objects.put("a/b", source(DATA), size=len(DATA))
        assert self.raw_read(objects) == {"a/b": DATA}

    def test_objects_cannot_be_written(self, objects, tmp_path):
        staged = tmp_path / "staged"
        staged.write_bytes(DATA)
        objects.put("a/copied", source(DATA), size=len(DATA))
        objects.put("a/moved", StagedFile(staged), size=len(DATA))
        for key in ("a/copied", "a/moved"):
            assert stat.S_IMODE(objects.local_path(key).stat().st_mode) == 0o444

    def test_a_staged_file_is_moved(self, objects, tmp_path):
        staged = tmp_path / "staged"
        staged.write_bytes(DATA)
        inode = staged.stat().st_ino
        objects.put("a/b", StagedFile(staged), size=len(DATA))
        assert objects.local_path("a/b").stat().st_ino == inode
        assert not staged.exists()

    def test_temporary_files_are_not_listed(self, objects):
        self.raw_write(objects, "a/.tmp-0123", b"partial")
        assert list(objects.list()) == []

    def test_file_and_folders_are_synced_before_and_after_the_name_appears(
        self, objects, monkeypatch
    ):
        events = []
        real_fsync, real_rename = os.fsync, os.rename

        def fsync(descriptor):
            events.append(("sync", Path(os.readlink(f"/proc/self/fd/{descriptor}")).name[:5]))
            real_fsync(descriptor)

        def rename(old, new):
            events.append(("rename", Path(new).name))
            real_rename(old, new)

        if not Path("/proc/self/fd").exists():
            pytest.skip("needs /proc to see what is synced")
        monkeypatch.setattr(os, "fsync", fsync)
        monkeypatch.setattr(os, "rename", rename)
        objects.put("a/b", source(DATA), size=len(DATA))
        assert events == [
            ("sync", "objec"),  # the new folder's entry
            ("sync", ".tmp-"),
            ("rename", "b"),
            ("sync", "a"),
        ]

    @pytest.mark.parametrize("call", ["fsync", "rename"])
    def test_a_put_that_fails_leaves_nothing(self, objects, monkeypatch, call):
        objects.put("a/first", source(b"x"), size=1)

        def fail(*args):
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(os, call, fail)
        with pytest.raises(StorageError) as caught:
            objects.put("a/b", source(DATA), size=len(DATA))
        assert caught.value.kind == "disk_full"
        assert self.raw_read(objects) == {"a/first": b"x"}

    def test_errors_of_the_system_are_translated(self, objects, monkeypatch):
        def refuse(*args, **kwargs):
            raise PermissionError(errno.EACCES, "Permission denied")

        objects.put("a/b", source(DATA), size=len(DATA))
        monkeypatch.setattr(Path, "open", refuse)
        with pytest.raises(PermissionDeniedError):
            objects.open("a/b")

    def test_a_file_from_another_device_is_copied(self, objects):
        shm = Path("/dev/shm")
        if not shm.is_dir() or shm.stat().st_dev == objects.root.stat().st_dev:
            pytest.skip("/dev/shm is not another device here")
        staged = shm / f"artifacts-test-{os.getpid()}"
        staged.write_bytes(DATA)
        try:
            objects.put("a/b", StagedFile(staged), size=len(DATA))
        finally:
            staged.unlink(missing_ok=True)
        assert self.raw_read(objects) == {"a/b": DATA}


class TestFaultyObjects(LocalBackend):
    """The wrapper of the fault tests must be as good as what it wraps while nothing fails."""

    @pytest.fixture
    def objects(self, tmp_path):
        root = tmp_path / "objects"
        root.mkdir()
        return FaultyObjects(LocalObjects(root), Faults())

    def root(self, objects):
        return objects.inner.root


class EverySecond(Faults):
    """Every second call fails; in turn before it had an effect and after it."""

    def before(self, call):
        turn = len(self.calls) % 4
        self.when = "before" if turn == 0 else "after"
        self.at = len(self.calls) + 1 if turn in {0, 2} else 0
        return super().before(call)


class TestRetryingObjects(LocalBackend):
    @pytest.fixture
    def objects(self, tmp_path):
        root = tmp_path / "objects"
        root.mkdir()
        return RetryingObjects(LocalObjects(root), AT_ONCE)

    def root(self, objects):
        return objects.inner.root


class TestRetryingFlakyObjects(ObjectStoreTests):
    @pytest.fixture
    def objects(self, tmp_path):
        return RetryingObjects(FaultyObjects(MemoryObjects(), EverySecond()), AT_ONCE)

    def raw_write(self, objects, key, data):
        objects.inner.inner._objects[key] = data

    def raw_read(self, objects):
        return dict(objects.inner.inner._objects)


class TestFsspecMemory(ObjectStoreTests):
    """As object services: a write is atomic."""

    @pytest.fixture
    def objects(self, tmp_path):
        from fsspec.implementations.memory import MemoryFileSystem

        place = f"/{secrets.token_hex(8)}"
        yield FsspecObjects(f"memory:/{place}")
        for path in [path for path in MemoryFileSystem.store if path.startswith(place)]:
            del MemoryFileSystem.store[path]

    def raw_write(self, objects, key, data):
        from fsspec.implementations.memory import MemoryFile, MemoryFileSystem

        path = f"{objects._root}/{key}"
        MemoryFileSystem.store[path] = MemoryFile(MemoryFileSystem(), path, data)

    def raw_read(self, objects):
        from fsspec.implementations.memory import MemoryFileSystem

        start = f"{objects._root}/"
        return {
            path.removeprefix(start): file.getvalue()
            for path, file in MemoryFileSystem.store.items()
            if path.startswith(start)
        }


class TestFsspecFiles(LocalBackend):
    """As everything of which fsspec says nothing: a write is visible from its beginning."""

    @pytest.fixture
    def objects(self, tmp_path):
        (tmp_path / "objects").mkdir()
        return FsspecObjects(f"local://{tmp_path}/objects")

    def root(self, objects):
        return Path(objects._root)

    def test_large_objects_go_through_a_file(self, objects, monkeypatch, tmp_path):
        monkeypatch.setattr("artifacts.store.objects.remote._IN_MEMORY", 1000)
        staged = tmp_path / "staged"
        staged.write_bytes(DATA)
        objects.put("a/staged", StagedFile(staged), size=len(DATA))
        objects.put("a/stream", source(DATA), size=len(DATA))
        assert self.raw_read(objects) == {"a/staged": DATA, "a/stream": DATA}
        with pytest.raises(StorageError, match="instead of"):
            objects.put("a/b", source(DATA), size=len(DATA) + 1)
        assert set(self.raw_read(objects)) == {"a/staged", "a/stream"}

    def test_a_put_that_fails_leaves_nothing(self, objects, monkeypatch):
        def fail(*args, **kwargs):
            raise TimeoutError("too slow")

        monkeypatch.setattr(type(objects._fs), "mv", fail)
        with pytest.raises(StorageError) as caught:
            objects.put("a/b", source(DATA), size=len(DATA))
        assert caught.value.retryable
        assert self.raw_read(objects) == {}


@pytest.fixture(scope="session")
def raw_s3():
    """A client of botocore for each service that is asked for."""
    clients = {}

    def client(objects):
        endpoint = objects._client._endpoint_url
        if endpoint not in clients:
            given = "ART_TEST_S3_URL" in os.environ
            clients[endpoint] = servers.s3_client(endpoint, None if given else servers.ADMIN)
        return clients[endpoint]

    return client


class S3Backend(ObjectStoreTests):
    @pytest.fixture(autouse=True)
    def behind(self, raw_s3):
        self.raw = raw_s3

    @pytest.fixture
    def objects(self, s3_url):
        return open_objects(s3_url, retries=False)

    def leaf(self, objects):
        return objects

    def raw_write(self, objects, key, data):
        leaf = self.leaf(objects)
        self.raw(leaf).put_object(Bucket=leaf.bucket, Key=leaf.prefix + key, Body=data)

    def raw_read(self, objects):
        leaf = self.leaf(objects)
        client = self.raw(leaf)
        found = client.list_objects_v2(Bucket=leaf.bucket, Prefix=leaf.prefix)
        return {
            info["Key"].removeprefix(leaf.prefix): client.get_object(
                Bucket=leaf.bucket, Key=info["Key"]
            )["Body"].read()
            for info in found.get("Contents", ())
        }


class TestS3Objects(S3Backend):
    def test_many_objects(self, objects):
        # More than a page of a listing, or a call of DeleteObjects.
        keys = [f"a/{number:04}" for number in range(1005)]
        for key in keys[:3]:
            objects.put(key, source(b"x"), size=1)
        objects.delete(keys)
        assert list(objects.list()) == []

    def test_pages(self, objects, monkeypatch):
        for number in range(7):
            self.raw_write(objects, f"a/{number}", b"x")
        real = S3Objects._page
        monkeypatch.setattr(
            S3Objects,
            "_page",
            lambda self, prefix, more: real(self, prefix, {**more, "MaxKeys": 3}),
        )
        assert sorted(info.key for info in objects.list()) == [f"a/{i}" for i in range(7)]

    def test_fetch(self, objects):
        self.raw_write(objects, "a/b", DATA)
        assert objects.fetch("a/b", 10, 100) == DATA[10:110]
        assert objects.fetch("a/b", 10, 0) == b""
        with pytest.raises(StorageError, match="ends early") as caught:
            objects.fetch("a/b", 10, len(DATA))
        assert not caught.value.retryable
        with pytest.raises(StorageError, match="ends early"):
            objects.fetch("a/b", len(DATA) + 10, 1)
        with pytest.raises(ObjectNotFoundError):
            objects.fetch("a/c", 0, 1)

    def test_reading_goes_through_obstore(self, objects):
        self.raw_write(objects, "a/b", DATA)
        assert objects.fetch("a/b", 0, len(DATA)) == DATA
        assert objects.open("a/b", offset=len(DATA)).read() == b""
        with pytest.raises(ObjectNotFoundError):
            objects.open("a/c")
        assert objects.reads_with == "obstore"


class TestS3ObjectsReadWithS3fs(S3Backend):
    """As where obstore is not installed, or not used because of the settings."""

    @pytest.fixture
    def objects(self, s3_url):
        objects = open_objects(s3_url, retries=False)
        assert isinstance(objects, S3Objects)
        objects._with_obstore = False
        return objects


class TestS3RetryingFlakyObjects(S3Backend):
    @pytest.fixture
    def objects(self, s3_url):
        return RetryingObjects(
            FaultyObjects(open_objects(s3_url, retries=False), EverySecond()), AT_ONCE
        )

    def leaf(self, objects):
        return objects.inner.inner


def test_the_wrapper_fails_before_and_after():
    inner = MemoryObjects()
    with pytest.raises(StorageError, match="injected"):
        FaultyObjects(inner, Faults(1)).put("a", lambda: io.BytesIO(b"x"), size=1)
    assert list(inner.list()) == []
    with pytest.raises(StorageError, match="injected"):
        FaultyObjects(inner, Faults(1, "after")).put("a", lambda: io.BytesIO(b"x"), size=1)
    assert [info.key for info in inner.list()] == ["a"]
