"""What is fetched in ranges is handed out as it lies in memory."""

import io
from concurrent.futures import Future

import blake3
import pytest

from artifacts.store import copying
from artifacts.store.errors import StorageError
from artifacts.store.objects import MemoryObjects, RetryingObjects
from artifacts.store.objects.budget import MemoryBudget
from artifacts.store.objects.ranges import RangeReader
from artifacts.store.objects.retrying import RetryPolicy
from artifacts.store.objects.wrapping import WrappedObjects, WrappedStream

DATA = bytes(range(256)) * 40


class Fetching:
    """Ranges that are there at once; remembers which were asked for."""

    def __init__(self):
        self.ranges = []

    def __call__(self, offset, length):
        future: Future[bytes] = Future()
        self.ranges.append(DATA[offset : offset + length])
        future.set_result(self.ranges[-1])
        return future


def reader(fetch, **options):
    options = {"length": len(DATA), "first": b"", "range_size": 1000, **options}
    policy = RetryPolicy(attempts=1)
    return RangeReader(fetch, budget=MemoryBudget(), policy=policy, doing="read", **options)


def test_pieces_are_the_ranges_themselves():
    fetch = Fetching()
    with reader(fetch, eager=True) as file:
        pieces = list(copying.pieces_of(file))
    assert b"".join(pieces) == DATA
    assert len(pieces) == len(fetch.ranges) > 10
    assert all(piece.obj is data for piece, data in zip(pieces, fetch.ranges, strict=True))


def test_pieces_are_as_small_as_was_asked():
    with reader(Fetching(), first=DATA[:100]) as file:
        assert file.read_piece(60) == DATA[:60]
        assert file.tell() == 60
        assert file.read_piece(1000) == DATA[60:100]
        assert file.read_piece(1000) == DATA[100:1100]
        file.seek(-3, io.SEEK_END)
        assert file.read_piece(1000) == DATA[-3:]
        assert file.read_piece(1000) == b""
        file.seek(len(DATA) + 5)
        assert file.read_piece(1000) == b""


def test_pieces_go_on_where_a_stream_broke():
    objects = Breaking(MemoryObjects())
    objects.put("a", lambda: io.BytesIO(DATA), size=len(DATA))
    policy = RetryPolicy(attempts=3, base=0)
    with RetryingObjects(objects, policy).open("a") as file:
        hashed = copying.hash_all(iter(lambda: copying.read_piece(file, 700), b""))
    assert hashed == (blake3.blake3(DATA).digest(), len(DATA))
    assert objects.opened > 2


def test_an_error_beyond_repeating_is_raised():
    objects = Breaking(MemoryObjects())
    objects.put("a", lambda: io.BytesIO(DATA), size=len(DATA))
    policy = RetryPolicy(attempts=1)
    with (
        RetryingObjects(objects, policy).open("a") as file,
        pytest.raises(StorageError, match="broke"),
    ):
        list(iter(lambda: copying.read_piece(file, 700), b""))


class Breaking(WrappedObjects):
    """Objects whose streams break after some reads."""

    opened = 0

    def open(self, key, *, offset=0, length=None):
        self.opened += 1
        return BreakingStream(super().open(key, offset=offset, length=length))


class BreakingStream(WrappedStream):
    def __init__(self, file):
        self.file = file
        self.left = 4

    def read(self, size=-1):
        self.left -= 1
        if not self.left:
            raise StorageError("it broke", retryable=True)
        return self.file.read(size)

    def seek(self, offset, whence=io.SEEK_SET):
        return self.file.seek(offset, whence)

    def tell(self):
        return self.file.tell()
