"""A pack that grows in a file is the pack that would have been made in memory."""

import errno
import os

import pytest

from artifacts.store import packs
from artifacts.store.digests import hash_bytes
from artifacts.store.errors import StorageError
from artifacts.store.packing import PackFile, StoredBlob, make_pack
from artifacts.store.places import Encoding

BLOBS = [
    StoredBlob(hash_bytes(data), len(data), data, Encoding.IDENTITY)
    for data in (b"first", b"", b"third" * 1000, *(b"%d" % number for number in range(3000)))
]


@pytest.mark.parametrize("cuts", [[], [1], [1, 2], [2, 2, 1500]])
def test_a_growing_pack_is_the_same_as_one_made_at_once(tmp_path, cuts):
    pack = PackFile(tmp_path / "pack")
    for start, end in zip([0, *cuts], [*cuts, len(BLOBS)], strict=True):
        pack.add(BLOBS[start:end])
    draft = pack.finish()
    expected, pieces = make_pack(BLOBS)
    data = pack.path.read_bytes()
    assert data == b"".join(pieces)
    assert len(data) == draft.size == pack.size
    assert draft.digest == expected.digest == hash_bytes(data)
    assert draft.blobs == expected.blobs
    assert draft.key != expected.key  # a key is never used twice


def test_a_growing_pack_can_be_read_from_its_index(tmp_path):
    pack = PackFile(tmp_path / "pack")
    compressed, encoding = packs.compress(b"compressed" * 1000)
    pack.add([StoredBlob(hash_bytes(b"compressed" * 1000), 10_000, compressed, encoding)])
    pack.add(BLOBS[:1])
    draft = pack.finish()
    data = pack.path.read_bytes()
    found = packs.read_index(lambda offset, length: data[offset : offset + length], len(data))
    assert tuple(found) == draft.blobs
    assert encoding is Encoding.ZSTD
    [first, second] = found
    assert data[first.offset : first.offset + first.length] == compressed
    assert data[second.offset : second.offset + second.length] == b"first"


def test_blobs_are_in_the_file_as_soon_as_they_were_added(tmp_path):
    pack = PackFile(tmp_path / "pack")
    pack.add(BLOBS[:1])
    assert pack.size == 5
    assert pack.path.read_bytes() == b"first"


def test_a_file_that_is_there_is_not_overwritten(tmp_path):
    (tmp_path / "pack").write_bytes(b"another")
    with pytest.raises(StorageError):
        PackFile(tmp_path / "pack")
    assert (tmp_path / "pack").read_bytes() == b"another"


def test_a_full_disk_is_told(tmp_path, monkeypatch):
    pack = PackFile(tmp_path / "pack")

    def full(descriptor, pieces):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "writev", full)
    with pytest.raises(StorageError) as caught:
        pack.add(BLOBS[:1])
    assert caught.value.kind == "disk_full"
