import errno
import os

import blake3
import pytest

from artifacts.store import copying


@pytest.fixture
def target(tmp_path):
    descriptor = os.open(tmp_path / "target", os.O_CREAT | os.O_RDWR)
    yield descriptor
    os.close(descriptor)


def pieces(data, piece=None):
    position = 0

    def read(buffer):
        nonlocal position
        count = min(len(buffer), len(data) - position, piece or len(buffer))
        buffer[:count] = data[position : position + count]
        position += count
        return count

    return copying.pieces(read)


@pytest.mark.parametrize(
    "size",
    [0, 1, copying.BUFFER_SIZE, copying.BUFFER_SIZE + 1, 4 * copying.BUFFER_SIZE + 7],
)
def test_copy_and_hash(tmp_path, target, size):
    data = os.urandom(size)
    seen: list[int] = []
    digest, count = copying.copy_and_hash(pieces(data), target, seen.append)
    assert (digest, count) == (blake3.blake3(data).digest(), size)
    assert (tmp_path / "target").read_bytes() == data
    assert sum(seen) == size


def test_copy_in_odd_pieces(tmp_path, target):
    data = os.urandom(100_000)
    digest, _ = copying.copy_and_hash(pieces(data, piece=777), target)
    assert digest == blake3.blake3(data).digest()
    assert (tmp_path / "target").read_bytes() == data


def test_short_writes_are_continued(tmp_path, target, monkeypatch):
    real = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: real(fd, memoryview(data)[:1000]))
    data = os.urandom(10_500)
    copying.copy_and_hash(pieces(data), target)
    assert (tmp_path / "target").read_bytes() == data


def test_a_write_that_fails_is_not_lost(target, monkeypatch):
    def full(descriptor, data):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OSError, match="No space"):
        copying.copy_and_hash(pieces(b"x"), target)


def test_a_read_that_fails_is_not_lost(target):
    def broken(buffer):
        raise OSError(errno.EIO, "Input/output error")

    with pytest.raises(OSError, match="Input/output"):
        copying.copy_and_hash(copying.pieces(broken), target)


def test_hash_file(tmp_path):
    data = os.urandom(copying.BUFFER_SIZE + 5)
    (tmp_path / "file").write_bytes(data)
    descriptor = os.open(tmp_path / "file", os.O_RDONLY)
    try:
        assert copying.hash_file(descriptor) == (blake3.blake3(data).digest(), len(data))
    finally:
        os.close(descriptor)


def test_reflink_copies_or_says_that_it_cannot(tmp_path, target):
    (tmp_path / "source").write_bytes(b"x" * 10_000)
    source = os.open(tmp_path / "source", os.O_RDONLY)
    try:
        done = copying.reflink(source, target)
    finally:
        os.close(source)
    assert (tmp_path / "target").read_bytes() == (b"x" * 10_000 if done else b"")
