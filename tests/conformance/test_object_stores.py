import errno
import io
import os
import stat
from pathlib import Path

import pytest

from artifacts.store.errors import PermissionDeniedError, StorageError
from artifacts.store.objects import LocalObjects, MemoryObjects, StagedFile
from tests.conformance.object_store_tests import DATA, ObjectStoreTests, source
from tests.faulty import Faults, FaultyObjects


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


def test_the_wrapper_fails_before_and_after():
    inner = MemoryObjects()
    with pytest.raises(StorageError, match="injected"):
        FaultyObjects(inner, Faults(1)).put("a", lambda: io.BytesIO(b"x"), size=1)
    assert list(inner.list()) == []
    with pytest.raises(StorageError, match="injected"):
        FaultyObjects(inner, Faults(1, "after")).put("a", lambda: io.BytesIO(b"x"), size=1)
    assert [info.key for info in inner.list()] == ["a"]
