import struct

import blake3
import pytest
import zstandard

from artifacts.store import packs
from artifacts.store.digests import hash_bytes
from artifacts.store.errors import FormatError, IntegrityError
from artifacts.store.places import BlobPlace, Encoding

BLOBS = [b"first", b"", b"third" * 1000]


def make_pack(blobs):
    stored = [packs.compress(data) for data in blobs]
    places = packs.layout(
        (hash_bytes(raw), len(raw), len(data), encoding)
        for raw, (data, encoding) in zip(blobs, stored, strict=True)
    )
    return b"".join(data for data, _ in stored) + packs.trailer(places), places


def read_index(pack):
    return packs.read_index(lambda offset, length: pack[offset : offset + length], len(pack))


def test_round_trip():
    pack, places = make_pack(BLOBS)
    assert read_index(pack) == places
    for raw, place in zip(BLOBS, places, strict=True):
        data = pack[place.offset : place.offset + place.length]
        assert place.size == len(raw)
        if place.encoding is Encoding.ZSTD:
            data = packs.decompress(data, place.size)
        assert data == raw


def test_layout_of_the_trailer():
    digest = hash_bytes(b"abc")
    place = BlobPlace(digest, 3, 0, 3)
    index = digest + struct.pack("<QQQB", 0, 3, 3, 0)
    footer = struct.pack("<Q", 57) + blake3.blake3(index).digest() + b"ARTPACK\x01"
    assert packs.trailer([place]) == index + footer


def test_an_empty_pack():
    assert read_index(packs.trailer([])) == []


@pytest.mark.parametrize("keep", [0, 1, 47])
def test_too_short(keep):
    pack, _ = make_pack(BLOBS)
    with pytest.raises(FormatError, match="too short"):
        read_index(pack[:keep])


@pytest.mark.parametrize("cut", [1, 8, 47, 48, 100])
def test_cut_off(cut):
    pack, _ = make_pack(BLOBS)
    with pytest.raises((FormatError, IntegrityError)):
        read_index(pack[:-cut])


def test_newer_version():
    pack, _ = make_pack(BLOBS)
    with pytest.raises(FormatError, match="known version") as caught:
        read_index(pack[:-1] + b"\x02")
    assert caught.value.kind == "bad_pack"


def test_every_damaged_byte_of_the_trailer_is_noticed():
    pack, places = make_pack(BLOBS)
    end = places[-1].offset + places[-1].length
    for at in range(end, len(pack)):
        damaged = bytearray(pack)
        damaged[at] ^= 1
        with pytest.raises((FormatError, IntegrityError)):
            read_index(bytes(damaged))


@pytest.mark.parametrize(
    "place",
    [
        pytest.param(BlobPlace(hash_bytes(b"abc"), 3, 1, 3), id="behind the end"),
        pytest.param(BlobPlace(hash_bytes(b"abc"), 3, 1 << 63, 3), id="far away"),
        pytest.param(
            BlobPlace(hash_bytes(b"abc"), 3, 0, 3, 9),  # type: ignore[arg-type]
            id="unknown encoding",
        ),
    ],
)
def test_an_index_that_points_elsewhere_is_refused(place):
    with pytest.raises(IntegrityError, match="out of range"):
        read_index(b"abc" + packs.trailer([place]))


@pytest.mark.parametrize("length", [1, 56, 57 * 100, 1 << 62])
def test_impossible_index_lengths(length):
    pack, _ = make_pack(BLOBS)
    footer = struct.pack("<Q", length) + pack[-40:]
    with pytest.raises(IntegrityError):
        read_index(pack[:-48] + footer)


def test_compression_only_where_it_helps():
    assert packs.compress(b"")[1] is Encoding.IDENTITY
    assert packs.compress(b"x")[1] is Encoding.IDENTITY
    stored, encoding = packs.compress(bytes(10_000))
    assert encoding is Encoding.ZSTD
    assert len(stored) < 100
    assert packs.raw_size(stored) == 10_000
    assert packs.decompress(stored, 10_000) == bytes(10_000)


def test_a_frame_of_another_size_is_not_unpacked():
    bomb = zstandard.ZstdCompressor().compress(bytes(50 << 20))
    with pytest.raises(IntegrityError, match="of this size"):
        packs.decompress(bomb, 10)


def test_damaged_frames():
    stored, _ = packs.compress(b"text " * 1000)
    with pytest.raises(IntegrityError):
        packs.decompress(b"not zstd at all", 15)
    with pytest.raises(IntegrityError):
        packs.decompress(stored[:-3], 5000)
    with pytest.raises(IntegrityError):
        packs.raw_size(b"not zstd at all")


def test_a_frame_that_does_not_say_its_size():
    compressor = zstandard.ZstdCompressor(write_content_size=False).compressobj()
    frame = compressor.compress(b"abc") + compressor.flush()
    with pytest.raises(IntegrityError, match="size"):
        packs.raw_size(frame)
    with pytest.raises(IntegrityError):
        packs.decompress(frame, 3)
