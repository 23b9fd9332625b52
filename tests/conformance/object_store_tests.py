"""What every object store has to do, wrappers included.

A subclass makes the store and says how to look behind its back, so that a mistake that writing
and reading have in common cannot hide.
"""

from __future__ import annotations

import io
import threading
from typing import TYPE_CHECKING

import pytest

from artifacts.store import copying
from artifacts.store.errors import InvalidInputError, ObjectNotFoundError, StorageError
from artifacts.store.objects import ObjectInfo, ObjectStore, StagedFile

if TYPE_CHECKING:
    from pathlib import Path

DATA = bytes(range(256)) * 40


def source(data: bytes):
    return lambda: io.BytesIO(data)


def infos(*keys: str, size: int):
    return {ObjectInfo(key, size) for key in keys}


class ObjectStoreTests:
    """Subclasses are named ``Test…`` and implement the methods up to the first test."""

    @pytest.fixture
    def objects(self, tmp_path: Path) -> ObjectStore:
        raise NotImplementedError

    def raw_write(self, objects: ObjectStore, key: str, data: bytes) -> None:
        """Put an object there without the code under test."""
        raise NotImplementedError

    def raw_read(self, objects: ObjectStore) -> dict[str, bytes]:
        """Return everything that lies in the backend, temporary things included."""
        raise NotImplementedError

    # -- put

    @pytest.mark.parametrize("data", [b"", b"x", DATA, DATA * 300], ids=["0", "1", "10k", "3M"])
    def test_put(self, objects, data):
        objects.put("packs/ab/abcd", source(data), size=len(data))
        assert self.raw_read(objects) == {"packs/ab/abcd": data}

    def test_put_again_changes_nothing(self, objects):
        for _ in range(2):
            objects.put("a/b", source(DATA), size=len(DATA))
        assert self.raw_read(objects) == {"a/b": DATA}

    @pytest.mark.parametrize("size", [len(DATA) - 1, len(DATA) + 1, 0])
    def test_put_of_another_size_is_refused_and_not_visible(self, objects, size):
        with pytest.raises(StorageError, match="instead of"):
            objects.put("a/b", source(DATA), size=size)
        assert self.raw_read(objects) == {}
        assert list(objects.list()) == []

    def test_put_from_a_source_that_breaks_is_not_visible(self, objects):
        class Breaking(io.BytesIO):
            reads = 0

            def read(self, size=-1, /):
                self.reads += 1
                if self.reads > 1 or size is None or size < 0:
                    raise OSError(5, "Input/output error")
                return super().read(min(size, 100))

        with pytest.raises((StorageError, OSError)):
            objects.put("a/b", lambda: Breaking(DATA), size=len(DATA))
        assert self.raw_read(objects) == {}

    def test_put_of_a_staged_file(self, objects, tmp_path):
        path = tmp_path / "staged"
        path.write_bytes(DATA)
        objects.put("a/b", StagedFile(path), size=len(DATA))
        assert self.raw_read(objects) == {"a/b": DATA}

    def test_put_of_a_staged_file_of_another_size_is_refused(self, objects, tmp_path):
        path = tmp_path / "staged"
        path.write_bytes(DATA)
        with pytest.raises(StorageError, match="instead of"):
            objects.put("a/b", StagedFile(path), size=len(DATA) + 1)
        assert self.raw_read(objects) == {}

    def test_one_key_put_by_several_threads(self, objects):
        barrier = threading.Barrier(4)
        errors = []

        def put():
            barrier.wait()
            try:
                objects.put("a/b", source(DATA), size=len(DATA))
            except Exception as error:  # noqa: BLE001 - shown below
                errors.append(error)

        threads = [threading.Thread(target=put) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert errors == []
        assert self.raw_read(objects) == {"a/b": DATA}

    # -- open

    def test_open(self, objects):
        self.raw_write(objects, "a/b", DATA)
        with objects.open("a/b") as file:
            assert file.read() == DATA

    @pytest.mark.parametrize(
        ("offset", "length"),
        [
            (0, None),
            (0, 0),
            (0, 1),
            (100, 1000),
            (100, None),
            (len(DATA) - 1, 1),
            (len(DATA) - 1, 100),
            (len(DATA), 10),
            (len(DATA) + 10, 10),
            (len(DATA) + 10, None),
            (0, len(DATA) * 2),
        ],
    )
    def test_ranges(self, objects, offset, length):
        self.raw_write(objects, "a/b", DATA)
        end = None if length is None else offset + length
        with objects.open("a/b", offset=offset, length=length) as file:
            assert file.read() == DATA[offset:end]
            assert file.read() == b""

    def test_ranges_can_be_read_in_pieces_and_sought(self, objects):
        self.raw_write(objects, "a/b", DATA)
        expected = DATA[50:2050]
        with objects.open("a/b", offset=50, length=2000) as file:
            assert file.read(10) == expected[:10]
            assert file.tell() == 10
            buffer = bytearray(20)
            assert file.readinto(buffer) == 20
            assert buffer == expected[10:30]
            assert file.seek(-5, io.SEEK_END) == 1995
            assert file.read(100) == expected[-5:]
            file.seek(0)
            assert b"".join(iter(lambda: file.read(333), b"")) == expected
            file.seek(7)
            assert b"".join(copying.pieces_of(file)) == expected[7:]

    def test_open_of_nothing(self, objects):
        with pytest.raises(ObjectNotFoundError, match="a/b"):
            objects.open("a/b")
        self.raw_write(objects, "a/b", DATA)
        with pytest.raises(ObjectNotFoundError):
            objects.open("a/c", offset=1, length=2)

    # -- stat, list

    def test_stat_says_only_what_is_there(self, objects):
        self.raw_write(objects, "a/b", DATA)
        self.raw_write(objects, "empty", b"")
        found = set(objects.stat(["empty", "a/c", "a/b", "b"]))
        assert found == {ObjectInfo("a/b", len(DATA)), ObjectInfo("empty", 0)}
        assert list(objects.stat([])) == []

    def test_list(self, objects):
        assert list(objects.list()) == []
        for key in ("blobs/ab/1", "blobs/ab/2", "blobs/ac/1", "packs/ab/1", "top"):
            self.raw_write(objects, key, b"xyz")
        assert set(objects.list()) == infos(
            "blobs/ab/1", "blobs/ab/2", "blobs/ac/1", "packs/ab/1", "top", size=3
        )
        assert set(objects.list("blobs/")) == infos(
            "blobs/ab/1", "blobs/ab/2", "blobs/ac/1", size=3
        )
        assert set(objects.list("blobs/a")) == infos(
            "blobs/ab/1", "blobs/ab/2", "blobs/ac/1", size=3
        )
        assert set(objects.list("blobs/ab/2")) == infos("blobs/ab/2", size=3)
        assert set(objects.list("t")) == infos("top", size=3)
        assert list(objects.list("nothing/here")) == []

    def test_objects_may_go_while_they_are_listed(self, objects):
        keys = {f"a/{i}" for i in range(20)}
        for key in keys:
            self.raw_write(objects, key, b"x")
        listing = objects.list()
        first = next(listing)
        objects.delete(keys - {first.key})
        assert {info.key for info in listing} <= keys

    # -- delete

    def test_delete(self, objects):
        for key in ("a/1", "a/2", "b"):
            self.raw_write(objects, key, b"x")
        objects.delete(["a/1", "b", "missing/one"])
        objects.delete(["a/1"])
        objects.delete([])
        assert self.raw_read(objects) == {"a/2": b"x"}
        with pytest.raises(ObjectNotFoundError):
            objects.open("a/1")

    # -- keys

    @pytest.mark.parametrize(
        "key", ["", "/a", "a/", "a//b", ".", "..", "../a", "a/../b", "a/./b", "é", "a\nb", "a\0b"]
    )
    def test_bad_keys(self, objects, key):
        with pytest.raises(InvalidInputError):
            objects.put(key, source(b"x"), size=1)
        with pytest.raises(InvalidInputError):
            objects.open(key)
        with pytest.raises(InvalidInputError):
            list(objects.stat([key]))
        with pytest.raises(InvalidInputError):
            objects.delete([key])
        assert self.raw_read(objects) == {}
