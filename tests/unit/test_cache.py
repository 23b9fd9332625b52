import fcntl
import logging
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from artifacts.store import packs, reading
from artifacts.store.cache import BlobCache, database, files, holds, index, space, upkeep
from artifacts.store.digests import hash_bytes
from artifacts.store.errors import (
    FormatError,
    IntegrityError,
    InvalidInputError,
    ObjectNotFoundError,
    StorageError,
)
from artifacts.store.places import BlobPlace, Encoding
from tests.support import damage

MINUTE = 60 * 10**6
LARGE = 300 * 1024  # an object of its own
LIMIT = 10 * LARGE


class Clock:
    """Microseconds; a little more each time it is asked."""

    def __init__(self):
        self.time = holds.now()

    def __call__(self):
        self.time += 1
        return self.time


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    for module in (holds, upkeep, sys.modules[BlobCache.__module__]):
        monkeypatch.setattr(module, "now", clock)
    monkeypatch.setattr(time, "time_ns", lambda: clock.time * 1000)
    return clock


@pytest.fixture
def root(tmp_path):
    return tmp_path / "cache"


@pytest.fixture
def cache(root):
    cache = BlobCache(root, limit=LIMIT)
    yield cache
    cache.close()


def blob(data, encoding=Encoding.IDENTITY):
    stored = packs.compress(data)[0] if encoding is Encoding.ZSTD else data
    return hash_bytes(data), len(data), stored, encoding


def large(number, size=LARGE):
    return bytes([number]) * size


def digests(datas):
    return [hash_bytes(data) for data in datas]


def read(cache, data):
    """Read a blob the way a store does; None if it is not there."""
    location = cache.locate([hash_bytes(data)]).get(hash_bytes(data))
    return None if location is None else bytes(reading.read_blob(cache.objects, location))


def objects(root):
    return sorted(p for p in (root / "objects").rglob("*") if p.is_file())


def staged(cache, data):
    folder = cache.staging()
    path = folder.new_path()
    path.write_bytes(data)
    return folder, path


def write_pack(path, datas):
    places = packs.layout((hash_bytes(d), len(d), len(d), Encoding.IDENTITY) for d in datas)
    path.write_bytes(b"".join(datas) + packs.trailer(places))
    return places


def index_file(root):
    [path] = root.glob("index-*.sqlite")
    return path


# -- adding and reading


def test_small_blobs_become_a_pack(cache, root):
    datas = [b"a", b"", b"b" * 1000]
    added = cache.add(map(blob, datas))
    assert added == cache.locate(digests(datas))
    assert {place.key for place in added.values()} == {
        str(objects(root)[0].relative_to(root / "objects"))
    }
    assert [read(cache, data) for data in datas] == datas
    assert objects(root)[0].stat().st_mode & 0o777 == 0o444


@pytest.mark.parametrize("encoding", Encoding)
def test_large_blobs_become_objects_of_their_own(cache, root, encoding):
    data = os.urandom(LARGE) + bytes(LARGE)
    [location] = cache.add([blob(data, encoding)]).values()
    assert location.key.startswith("blobs/")
    assert location.key.endswith(".zst") == (encoding is Encoding.ZSTD)
    assert read(cache, data) == data


def test_nothing_is_found_that_was_not_added(cache):
    cache.add([blob(b"a")])
    assert cache.locate(digests([b"b"])) == {}
    assert cache.locate([]) == {}


def test_never_more_than_one_copy(cache, root):
    cache.add(map(blob, [b"a", b"b", large(1)]))
    before = objects(root)
    again = cache.add(map(blob, [b"a", b"b", b"a", large(1)]))
    assert set(again) == set(digests([b"a", b"b", large(1)]))
    assert objects(root) == before
    cache.add(map(blob, [b"b", b"c", b"c"]))
    [new] = set(objects(root)) - set(before)
    places = reading.read_pack_index(
        cache.objects, str(new.relative_to(root / "objects")), new.stat().st_size
    )
    assert [place.digest for place in places] == digests([b"c"])


def test_blobs_that_another_process_adds_meanwhile_are_not_stored_twice(cache, root, monkeypatch):
    other = BlobCache(root, limit=LIMIT)
    real = files.write_file

    def write_file(path, pieces):
        monkeypatch.setattr(files, "write_file", real)
        other.add(map(blob, [b"a", b"b"]))
        real(path, pieces)

    monkeypatch.setattr(files, "write_file", write_file)
    datas = [b"a", b"b", b"c"]
    assert set(cache.add(map(blob, datas))) == set(digests(datas))
    other.close()
    assert [read(cache, data) for data in datas] == datas
    assert cache.info().objects == len(objects(root)) == 2
    assert cache.info().blobs == 3


def test_packs_are_closed_when_they_are_full(cache, monkeypatch):
    monkeypatch.setattr(sys.modules[BlobCache.__module__], "PACK_TARGET", 1000)
    datas = [bytes([n]) * 400 for n in range(10)]
    added = cache.add(map(blob, datas))
    assert len({place.key for place in added.values()}) == 4
    assert [read(cache, data) for data in datas] == datas


@pytest.mark.parametrize("share", [1, 4, 40])
def test_many_blobs_in_several_packs(cache, share):
    """Some of the packs are read as a whole, because much of them is wanted, and others not."""
    datas = [b"%d" % n for n in range(12_000)]
    for start in range(0, len(datas), 3000):
        cache.add(map(blob, datas[start : start + 3000]))
    wanted = datas[:3000] + datas[3000::share]
    found = cache.locate([*digests(wanted), *digests([b"unknown", b"neither"])])
    assert set(found) == set(digests(wanted))
    assert all(location.digest == digest for digest, location in found.items())
    assert len({location.key for location in found.values()}) == 4
    for data in wanted[::500]:
        assert bytes(reading.read_blob(cache.objects, found[hash_bytes(data)])) == data


def test_files_are_adopted_without_a_copy(cache, root):
    folder, path = staged(cache, large(1))
    inode = path.stat().st_ino
    location = cache.adopt(path, hash_bytes(large(1)), LARGE)
    assert location == cache.locate(digests([large(1)]))[hash_bytes(large(1))]
    assert not path.exists()
    [file] = objects(root)
    assert file.stat().st_ino == inode
    assert file.stat().st_mode & 0o777 == 0o444
    path.write_bytes(large(1))
    assert cache.adopt(path, hash_bytes(large(1)), LARGE) == location
    assert not path.exists()
    folder.close()


def test_files_of_another_file_system_are_copied(cache, tmp_path, monkeypatch):
    path = tmp_path / "file"
    path.write_bytes(large(1))
    real = os.rename

    def rename(source, target, **kwargs):
        if Path(source) == path:
            raise OSError(18, "Invalid cross-device link")
        real(source, target, **kwargs)

    monkeypatch.setattr(os, "rename", rename)
    assert cache.adopt(path, hash_bytes(large(1)), LARGE) is not None
    assert read(cache, large(1)) == large(1)
    assert not path.exists()


def test_a_file_of_the_wrong_size_is_not_adopted(cache, root, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"abc")
    with pytest.raises(IntegrityError):
        cache.adopt(path, hash_bytes(b"abcd"), 4)
    (tmp_path / "link").symlink_to(path)
    with pytest.raises(InvalidInputError):
        cache.adopt(tmp_path / "link", hash_bytes(b"abc"), 3)
    assert path.read_bytes() == b"abc"
    assert objects(root) == []


def test_packs_are_adopted(cache, root, tmp_path):
    path = tmp_path / "pack"
    places = write_pack(path, [b"a", b"b"])
    content = path.read_bytes()
    assert cache.adopt_pack(path, places) == cache.locate(digests([b"a", b"b"]))
    assert [file.read_bytes() for file in objects(root)] == [content]
    assert not path.exists()


def test_of_an_adopted_pack_only_what_is_new_is_kept(cache, root, tmp_path):
    cache.add([blob(b"a")])
    path = tmp_path / "pack"
    places = write_pack(path, [b"a", b"b"])
    assert set(cache.adopt_pack(path, places)) == set(digests([b"a", b"b"]))
    assert not path.exists()
    assert cache.info().blobs == 2
    assert sum(file.read_bytes().count(b"a" + b"b") for file in objects(root)) == 0
    assert read(cache, b"b") == b"b"


@pytest.mark.parametrize("fault", ["no pack", "damaged", "other blobs"])
def test_what_is_not_the_expected_pack_is_not_adopted(cache, root, tmp_path, fault):
    path = tmp_path / "pack"
    places = write_pack(path, [b"a", b"b"])
    if fault == "no pack":
        path.write_bytes(b"ab" * 100)
    elif fault == "damaged":
        damage(path, at=10)
    else:
        places.append(BlobPlace(hash_bytes(b"c"), 1, 0, 1))
    with pytest.raises((FormatError, IntegrityError)):
        cache.adopt_pack(path, places)
    assert objects(root) == []
    assert path.exists()


def test_several_threads_add_and_read(cache):
    failures = []
    datas = [b"%d" % n * 100 for n in range(60)] + [large(n) for n in range(3)]

    def work(start):
        try:
            mine = datas[start:] + datas[:start]
            for position in range(0, len(mine), 7):
                part = mine[position : position + 7]
                cache.add(map(blob, part))
                assert [read(cache, data) for data in part] == part
        except BaseException as error:  # noqa: BLE001 - shown below
            failures.append(error)

    threads = [threading.Thread(target=work, args=(n * 10,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert cache.info().blobs == len(datas)


ADDER = """
import sys
from pathlib import Path
from artifacts.store.cache import BlobCache
from artifacts.store.digests import hash_bytes
from artifacts.store.places import Encoding
cache = BlobCache(Path(sys.argv[1]), limit=1 << 30)
datas = [b"%d" % n * 100 for n in range(300)] + [bytes([n]) * 300_000 for n in range(4)]
print("ready", flush=True)
sys.stdin.readline()
for start in range(0, len(datas), 10):
    part = datas[start : start + 10]
    added = cache.add((hash_bytes(d), len(d), d, Encoding.IDENTITY) for d in part)
    assert len(added) == len(part)
cache.close()
"""


def test_two_processes_add_the_same(root, cache):
    commands = [sys.executable, "-W", "error", "-c", ADDER, str(root)]
    pipe = subprocess.PIPE
    processes = [subprocess.Popen(commands, stdin=pipe, stdout=pipe, text=True) for _ in range(2)]
    for process in processes:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    for process in processes:
        process.communicate()
        assert process.returncode == 0
    info = cache.info()
    assert info.blobs == 304
    assert info.objects == len(objects(root))
    assert info.bytes == sum(file.stat().st_size for file in objects(root))
    # Not one byte more than the blobs and the index entries of the packs.
    packed = info.objects - 4
    assert info.bytes == sum(len(b"%d" % n) * 100 for n in range(300)) + 1_200_000 + (
        300 * 57 + packed * 48
    )
    assert cache.verify().damaged == ()


# -- eviction


def test_the_least_recently_used_go_first(cache, root, clock):
    for number in range(10):
        cache.add([blob(large(number))])
    clock.time += 2 * MINUTE
    assert read(cache, large(0))
    clock.time += 2 * MINUTE
    cache.add([blob(large(10))])
    # Down to nine tenths of the limit: two had to go.
    assert [n for n in range(11) if read(cache, large(n)) is None] == [1, 2]
    assert len(objects(root)) == 9
    assert cache.info().bytes == 9 * LARGE


def test_uses_are_noted_once_a_minute(cache, clock, monkeypatch):
    cache.add([blob(b"a")])
    writes = []
    real = index.CacheIndex.touch

    def touch(self, keys, now):
        writes.append(now)
        return real(self, keys, now)

    monkeypatch.setattr(index.CacheIndex, "touch", touch)
    for _ in range(3):
        cache.locate(digests([b"a"]))
    assert writes == []
    clock.time += MINUTE + 10
    for _ in range(3):
        cache.locate(digests([b"a"]))
    assert len(writes) == 1
    assert cache.info().newest_use == writes[0]


def test_what_is_too_large_is_not_cached_and_drives_nothing_out(cache, root, tmp_path, clock):
    cache.add([blob(b"a")])
    data = bytes(LIMIT + 1)
    assert cache.add([blob(data)]) == {}
    path = tmp_path / "file"
    path.write_bytes(data)
    assert cache.adopt(path, hash_bytes(data), len(data)) is None
    assert path.stat().st_size == len(data)
    places = write_pack(path, [data])
    assert cache.adopt_pack(path, places) == {}
    assert path.exists()
    assert read(cache, b"a") == b"a"
    assert list((root / "staging").glob("*/[0-9]*")) == []


def test_nothing_goes_where_that_would_not_be_enough(cache, clock):
    for number in range(5):
        cache.add([blob(large(number))])
    with cache.hold():
        for number in range(5, 10):
            cache.add([blob(large(number))])
        data = large(10, 6 * LARGE)
        assert cache.add([blob(data)]) == {}
        assert [read(cache, large(n)) for n in range(10)] == [large(n) for n in range(10)]
    assert cache.add([blob(data)])


def test_a_call_does_not_drive_out_what_it_has_added(cache, clock):
    cache.add([blob(large(99))])
    added = cache.add(blob(large(n)) for n in range(12))
    assert set(added) == set(digests(large(n) for n in range(10)))
    assert read(cache, large(99)) is None


def test_a_limit_of_nothing(root):
    cache = BlobCache(root, limit=0)
    assert cache.add([blob(b"a")]) == {}
    assert cache.locate(digests([b"a"])) == {}
    cache.close()


def test_the_default_limit(root, monkeypatch):
    total = 7 * 10**9
    monkeypatch.setattr(shutil, "disk_usage", lambda path: _Usage(total, path))
    assert BlobCache(root / "deep" / "down").info().limit == 7 * 10**8
    total = 10**15
    assert BlobCache(root).info().limit == space.DEFAULT_LIMIT


class _Usage:
    def __init__(self, total, path):
        assert path.exists()
        self.total = total


def test_what_is_held_stays(cache, root, clock):
    other = BlobCache(root, limit=LIMIT)
    for number in range(10):
        cache.add([blob(large(number))])
    with cache.hold():
        # Used within the last minute, and all the same it is noted that it is held.
        assert read(cache, large(0))
        cache.add([blob(large(20))])
        for number in range(30, 50):
            other.add([blob(large(number))])
        assert read(cache, large(0)) == large(0)
        assert read(cache, large(20)) == large(20)
        assert other.prune(to=0) == 0
    assert list((root / "holds").iterdir()) == []
    assert other.prune(to=0) > 0
    assert objects(root) == []
    other.close()


def test_holds_of_the_dead_do_not_count(cache, root, clock):
    cache.add([blob(b"a")])
    (root / "holds").mkdir()
    (root / "holds" / f"{0:020}-0123456789abcdef").touch()
    (root / "holds" / "mine").touch()
    assert cache.prune(to=0) > 0
    assert [path.name for path in (root / "holds").iterdir()] == ["mine"]


def test_a_hold_that_is_taken_for_dead_before_it_is_locked_is_taken_again(cache, monkeypatch):
    real = fcntl.flock
    stolen: list[Path] = []

    def flock(descriptor, how):
        if not stolen:
            [path] = (cache.root / "holds").iterdir()
            path.unlink()
            stolen.append(path)
        real(descriptor, how)

    monkeypatch.setattr(fcntl, "flock", flock)
    with cache.hold():
        [path] = (cache.root / "holds").iterdir()
        assert path != stolen[0]


def test_a_clock_that_was_wrong_protects_nothing(cache, clock):
    now = clock.time
    clock.time += 365 * 24 * 60 * MINUTE
    cache.add([blob(large(n)) for n in range(10)])
    clock.time = now
    assert cache.add([blob(large(10))])
    assert cache.info().bytes <= LIMIT


def test_what_is_evicted_between_find_and_open(cache, root, clock):
    cache.add([blob(b"a")])
    [location] = cache.locate(digests([b"a"])).values()
    file = cache.objects.open(location.key, offset=location.offset, length=location.length)
    cache.clear()
    with pytest.raises(ObjectNotFoundError):
        reading.read_blob(cache.objects, location)
    assert cache.locate(digests([b"a"])) == {}
    assert file.read() == b"a"
    file.close()


def test_evicted_while_it_is_located(cache, clock, monkeypatch):
    cache.add([blob(b"a")])
    clock.time += 2 * MINUTE
    real = index.CacheIndex.touch

    def touch(self, keys, now):
        monkeypatch.setattr(index.CacheIndex, "touch", real)
        self.forget(keys)
        return real(self, keys, now)

    monkeypatch.setattr(index.CacheIndex, "touch", touch)
    assert cache.locate(digests([b"a"])) == {}


# -- faults


def fail_writes(monkeypatch, times):
    """Let the disk be full for so many files."""
    real = os.writev
    calls = []

    def writev(descriptor, pieces):
        calls.append(1)
        if len(calls) <= times:
            os.write(descriptor, b"half")
            raise OSError(28, "No space left on device")
        return real(descriptor, pieces)

    monkeypatch.setattr(os, "writev", writev)


def test_a_full_disk_makes_room_once(cache, root, clock, monkeypatch):
    for number in range(3):
        cache.add([blob(large(number))])
    fail_writes(monkeypatch, 1)
    assert cache.add([blob(large(3))])
    assert [n for n in range(4) if read(cache, large(n)) is None] == [0]
    assert list((root / "staging").glob("*/[0-9]*")) == []


def test_a_disk_that_stays_full_is_an_error(cache, root, clock, monkeypatch):
    cache.add([blob(large(0))])
    fail_writes(monkeypatch, 99)
    with pytest.raises(StorageError) as caught:
        cache.add([blob(large(1))])
    assert caught.value.kind == "disk_full"
    with pytest.raises(StorageError):  # with nothing left to evict
        cache.add([blob(b"a")])
    assert objects(root) == []
    assert list((root / "staging").glob("*/[0-9]*")) == []


def full_index(monkeypatch, name, times=99):
    """Let the index have no room for what one of its methods writes."""
    real = getattr(index.CacheIndex, name)
    calls = []

    def method(self, *args):
        calls.append(1)
        if len(calls) <= times:
            raise StorageError("full", kind="disk_full")
        return real(self, *args)

    monkeypatch.setattr(index.CacheIndex, name, method)


def test_room_is_made_even_if_that_cannot_be_noted(cache, root, clock, monkeypatch):
    cache.add([blob(b"a")])
    full_index(monkeypatch, "evict")
    assert cache.prune(to=0) > 0
    assert objects(root) == []
    assert cache.info().objects == 0


def test_what_is_here_can_be_read_on_a_full_disk(cache, clock, monkeypatch, caplog):
    cache.add([blob(b"a")])
    full_index(monkeypatch, "touch")
    for _ in range(3):
        clock.time += 2 * MINUTE
        assert read(cache, b"a") == b"a"
    assert len(caplog.records) == 1


@pytest.mark.parametrize("full", [0, 1])
def test_a_transaction_that_fails_leaves_the_file_to_its_owner(cache, root, monkeypatch, full):
    path = root.parent / "file"
    path.write_bytes(large(1))
    real = files.place_file

    def place_file(source, target):
        real(source, target)
        monkeypatch.setattr(files, "place_file", real)
        error = sqlite3.OperationalError("database or disk is full")
        error.sqlite_errorcode = sqlite3.SQLITE_FULL if full else sqlite3.SQLITE_IOERR
        raise error

    monkeypatch.setattr(files, "place_file", place_file)
    with pytest.raises(StorageError) as caught:
        cache.adopt(path, hash_bytes(large(1)), LARGE)
    assert (caught.value.kind == "disk_full") == bool(full)
    assert path.stat().st_size == LARGE
    assert objects(root) == []
    assert cache.adopt(path, hash_bytes(large(1)), LARGE) is not None


def test_a_folder_that_cannot_be_used(tmp_path):
    (tmp_path / "file").touch()
    cache = BlobCache(tmp_path / "file" / "cache")
    for use in (
        lambda: cache.locate(digests([b"a"])),
        lambda: cache.add([blob(b"a")]),
        cache.info,
        cache.staging,
        cache.hold().__enter__,
        cache.clear,
    ):
        with pytest.raises(StorageError):
            use()
    cache.close()


def test_an_index_that_cannot_be_opened(cache, root):
    cache.add([blob(b"a")])
    cache.close()
    index_file(root).chmod(0)
    if os.access(index_file(root), os.R_OK):
        index_file(root).unlink()
        (root / "index-99999999999999999999.sqlite").mkdir()
    with pytest.raises(StorageError):
        cache.locate(digests([b"a"]))


DAMAGE = {
    "garbage": lambda path: path.write_bytes(b"this is not a database at all" * 1000),
    "empty": lambda path: path.write_bytes(b""),
    "pages": lambda path: path.write_bytes(path.read_bytes()[:4096] + b"\xff" * 40000),
    "removed": lambda path: path.unlink(),
}


@pytest.mark.parametrize("fault", [*DAMAGE, "no table", "version", "encoding"])
@pytest.mark.parametrize("opened", [True, False])
def test_a_damaged_index_is_made_anew(cache, root, fault, opened):
    datas = [b"a", b"b", large(1)]
    cache.add(map(blob, datas))
    cache.add([blob(bytes(1 << 20), Encoding.ZSTD)])
    cache.add([blob(os.urandom(LARGE) + bytes(LARGE), Encoding.ZSTD)])
    before = cache.info()
    if not opened:
        cache.close()
    if fault in DAMAGE:
        with sqlite3.connect(index_file(root)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()
        DAMAGE[fault](index_file(root))
    else:
        statement = {
            "no table": "DROP TABLE blobs",
            "version": "PRAGMA user_version = 99",
            "encoding": "UPDATE blobs SET encoding = 9",
        }[fault]
        with sqlite3.connect(index_file(root)) as connection:
            connection.execute(statement)
        connection.close()
    if opened and fault == "version":
        cache.close()  # it is looked at when the file is opened
    assert [read(cache, data) for data in datas] == datas
    assert read(cache, bytes(1 << 20)) == bytes(1 << 20)
    after = cache.info()
    assert (after.bytes, after.objects, after.blobs) == (before.bytes, before.objects, before.blobs)


def test_another_process_makes_the_index_anew(cache, root):
    cache.add([blob(b"a")])
    index_file(root).unlink()
    other = BlobCache(root, limit=LIMIT)
    other.add([blob(b"b")])
    cache.add([blob(b"c")])
    assert [read(other, data) for data in (b"a", b"b", b"c")] == [b"a", b"b", b"c"]
    assert read(cache, b"b") == b"b"
    other.close()
    assert cache.info().blobs == 3


def test_a_damaged_index_is_replaced_only_once(cache, root, monkeypatch):
    """Two processes notice the damage; the second one finds a sound index."""
    cache.add([blob(b"a")])
    cache.close()
    index_file(root).write_bytes(b"not a database" * 1000)
    other = BlobCache(root, limit=LIMIT)
    real = database.IndexFile._replace
    replaced = []

    def replace(self):
        monkeypatch.setattr(database.IndexFile, "_replace", real)
        other.add([blob(b"b")])
        replaced.append(index_file(root))
        real(self)

    monkeypatch.setattr(database.IndexFile, "_replace", replace)
    assert read(cache, b"a") == b"a"
    assert read(cache, b"b") == b"b"
    assert [index_file(root)] == replaced
    other.close()


def test_what_builds_of_the_index_have_left_is_removed(cache, root):
    root.mkdir()
    (root / ".index-0123456789abcdef").write_bytes(b"half")
    (root / "index-of-mine.sqlite").write_bytes(b"mine")
    cache.add([blob(b"a")])
    assert not list(root.glob(".index-*"))
    assert (root / "index-of-mine.sqlite").exists()


def test_a_rebuilt_index_drops_broken_packs_and_second_copies(cache, root, tmp_path):
    cache.add([blob(b"a")])
    cache.add([blob(b"b"), blob(b"c")])
    for path in objects(root):
        if path.read_bytes().startswith(b"bc"):
            damage(path, at=10)
    copy = root / "objects" / "packs" / "ab" / ("ab" + "0" * 30)
    copy.parent.mkdir(exist_ok=True)
    write_pack(copy, [b"a"])
    index_file(root).unlink()
    assert read(cache, b"a") == b"a"
    assert cache.locate(digests([b"b", b"c"])) == {}
    assert len(objects(root)) == 1


@pytest.mark.parametrize("fault", ["removed", "torn"])
def test_an_object_that_is_not_complete_is_not_believed(cache, root, fault):
    cache.add(map(blob, [b"a", b"b"]))
    cache.add([blob(b"c")])
    [path] = [p for p in objects(root) if p.read_bytes().startswith(b"ab")]
    if fault == "removed":
        path.unlink()
    else:
        path.chmod(0o644)
        path.write_bytes(path.read_bytes()[:-1])
    assert cache.locate(digests([b"a", b"b"])) == {}
    assert read(cache, b"c") == b"c"
    assert not path.exists()
    assert cache.info().objects == 1
    cache.add(map(blob, [b"a", b"b"]))
    assert read(cache, b"a") == b"a"


def test_a_cache_that_is_removed_while_it_is_open(cache, root):
    cache.add([blob(b"a")])
    shutil.rmtree(root)
    assert cache.locate(digests([b"a"])) == {}
    cache.add([blob(b"a")])
    assert read(cache, b"a") == b"a"


def test_damaged_blobs_are_discarded(cache, root):
    cache.add(map(blob, [b"a", b"b"]))
    cache.discard(digests([b"a", b"unknown"]))
    assert list(cache.locate(digests([b"a", b"b"]))) == digests([b"b"])
    assert len(objects(root)) == 1
    cache.discard(digests([b"b"]))
    assert objects(root) == []


# -- looking after it


def test_info(cache, root, clock):
    assert cache.info().oldest_use is None
    before = clock.time
    cache.add([blob(b"a")])
    cache.add([blob(large(1))])
    info = cache.info()
    assert (info.path, info.limit, info.objects, info.blobs) == (root, LIMIT, 2, 2)
    assert info.bytes == LARGE + 1 + 57 + 48
    assert before < info.oldest_use < info.newest_use <= clock.time


def test_prune_by_size(cache, clock):
    for number in range(4):
        cache.add([blob(large(number))])
    assert cache.prune() == 0
    assert cache.prune(to=2 * LARGE) == 2 * LARGE
    assert [n for n in range(4) if read(cache, large(n)) is None] == [0, 1]


def test_prune_by_age(cache, clock):
    cache.add([blob(large(0))])
    clock.time += 100 * 10**6
    cache.add([blob(large(1))])
    assert cache.prune(older_than=101) == 0
    assert cache.prune(older_than=99) == LARGE
    assert read(cache, large(0)) is None
    assert read(cache, large(1))


def test_small_packs_are_merged(cache, root, clock):
    datas = [b"%d" % n * 50 for n in range(150)]
    for data in datas:
        cache.add([blob(data)])
    cache.add([blob(bytes(5000), Encoding.ZSTD)])
    cache.add([blob(large(1))])
    newest = cache.info().newest_use
    assert cache.compact() == 150
    assert len(objects(root)) == cache.info().objects == 2
    assert cache.info().newest_use == newest
    assert [read(cache, data) for data in datas] == datas
    assert read(cache, bytes(5000)) == bytes(5000)
    assert cache.compact() == 0
    index_file(root).unlink()
    assert [read(cache, data) for data in datas] == datas


def test_few_small_packs_are_left_alone(cache, root, clock):
    for number in range(100):
        cache.add([blob(b"%d" % number)])
    assert cache.compact() == 0
    assert len(objects(root)) == 100
    cache.add([blob(b"last")])
    cache.prune()
    assert len(objects(root)) == 1


def test_packs_in_use_are_not_merged(cache, root, clock, monkeypatch):
    monkeypatch.setattr(upkeep, "SMALL_PACKS", 3)
    for number in range(3):
        cache.add([blob(b"%d" % number)])
    with cache.hold():
        location = cache.add([blob(b"held")])[hash_bytes(b"held")]
        assert cache.compact() == 2
        assert bytes(reading.read_blob(cache.objects, location)) == b"held"


@pytest.mark.parametrize("meanwhile", ["evicted", "held"])
def test_packs_that_change_while_they_are_merged_stay(cache, root, clock, monkeypatch, meanwhile):
    monkeypatch.setattr(upkeep, "SMALL_PACKS", 2)
    datas = [b"a", b"b", b"c"]
    for data in datas:
        cache.add([blob(data)])
    real = files.write_file
    held = cache.hold()

    def write_file(path, pieces):
        real(path, pieces)
        if meanwhile == "evicted":
            cache.discard(digests([b"a"]))
        else:
            held.__enter__()
            cache.locate(digests([b"a"]))

    monkeypatch.setattr(files, "write_file", write_file)
    assert cache.compact() == 0
    if meanwhile == "held":
        held.__exit__(None, None, None)
    left = datas[1:] if meanwhile == "evicted" else datas
    assert [data for data in datas if read(cache, data)] == left
    assert len(objects(root)) == len(left)


def test_damage_is_not_merged(cache, root, clock, monkeypatch, caplog):
    monkeypatch.setattr(upkeep, "SMALL_PACKS", 2)
    for data in (b"a", b"b", b"c"):
        cache.add([blob(data)])
    [path] = [p for p in objects(root) if p.read_bytes().startswith(b"a")]
    damage(path)
    assert cache.compact() == 2
    assert read(cache, b"a") is None
    assert read(cache, b"b") == b"b"
    assert "dropped from the cache" in caplog.text


def test_a_merge_without_room_for_it_is_left_for_later(cache, clock, monkeypatch, caplog):
    monkeypatch.setattr(upkeep, "SMALL_PACKS", 2)
    for data in (b"a", b"b", b"c"):
        cache.add([blob(data)])
    fail_writes(monkeypatch, 99)
    assert cache.prune() == 0
    assert "not merged" in caplog.text
    assert read(cache, b"a") == b"a"


def test_verify_names_and_drops_what_is_damaged(cache, root, caplog):
    caplog.set_level(logging.CRITICAL, "artifacts.store.cache")
    datas = [b"a", b"b", large(1), large(2)]
    cache.add(map(blob, datas))
    assert cache.verify() == upkeep.VerifyReport(3, 4, cache.info().bytes, (), 0)
    for path in objects(root):
        if path.read_bytes().startswith((b"ab", large(1))):
            damage(path)
    report = cache.verify()
    assert set(report.damaged) == set(digests([b"a", large(1)]))
    assert (report.objects, report.blobs, report.freed) == (3, 4, LARGE)
    assert [data for data in datas if read(cache, data)] == [b"b", large(2)]
    cache.add(map(blob, datas))
    assert [read(cache, data) for data in datas] == datas
    assert cache.verify().damaged == ()


def test_verify_forgets_what_is_gone(cache, root):
    cache.add(map(blob, [b"a", large(1)]))
    for path in objects(root):
        path.unlink()
    assert cache.verify().objects == 0
    assert cache.info().objects == 0


def test_verify_while_others_evict(cache, monkeypatch):
    cache.add(map(blob, [b"a", large(1)]))
    real = index.CacheIndex.objects

    def listed(self):
        rows = real(self)
        cache.clear()
        return rows

    monkeypatch.setattr(index.CacheIndex, "objects", listed)
    assert cache.verify() == upkeep.VerifyReport(0, 0, 0, (), 0)


def test_clear(cache, root):
    cache.add(map(blob, [b"a", large(1)]))
    size = cache.info().bytes
    with cache.hold():
        assert cache.clear() == size
    assert objects(root) == []
    assert cache.info().bytes == cache.info().blobs == 0
    cache.add([blob(b"a")])
    assert read(cache, b"a") == b"a"


def test_leftovers_of_the_dead_are_removed(root):
    cache = BlobCache(root, limit=LIMIT)
    cache.add([blob(b"a")])
    leftover = root / "objects" / "blobs" / "ab" / ("ab" + "0" * 62 + "." + "0" * 16)
    leftover.parent.mkdir(parents=True)
    leftover.write_bytes(b"x" * 100)
    abandoned = root / "staging" / "0123456789abcdef"
    abandoned.mkdir()
    (abandoned / "1").write_bytes(b"half")
    cache.add([blob(b"b")])  # it looks only when it begins
    assert leftover.exists()
    cache.close()
    cache.add([blob(b"c")])
    assert not leftover.exists()
    assert not abandoned.exists()
    assert read(cache, b"a") == b"a"
    leftover.write_bytes(b"x" * 100)
    assert cache.prune() == 100
    cache.close()


# -- nothing but its own


def test_nothing_outside_the_root_and_nothing_of_others_is_touched(tmp_path, clock):
    home = tmp_path / "home"
    theirs = [
        home / "objects" / "mine",
        home / "objects" / "blobs" / "notes.txt",
        home / "objects" / "blobs" / "ab" / "notes.txt",
        home / "objects" / "packs" / "ab" / "pack",
        home / "index.sqlite",
        home / "staging" / "mine" / "file",
        tmp_path / "beside",
    ]
    for path in theirs:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"mine")
    cache = BlobCache(home, limit=LIMIT)
    cache.add(map(blob, [b"a", large(1)]))
    cache.verify()
    cache.prune(to=0)
    cache.clear()
    index_file(home).unlink()
    cache.clear()
    cache.close()
    assert all(path.read_bytes() == b"mine" for path in theirs)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["beside", "home"]


def test_the_root_may_be_a_link(tmp_path):
    (tmp_path / "large disk").mkdir()
    (tmp_path / "cache").symlink_to(tmp_path / "large disk")
    cache = BlobCache(tmp_path / "cache", limit=LIMIT)
    cache.add(map(blob, [b"a", large(1)]))
    assert read(cache, b"a") == b"a"
    cache.clear()
    cache.close()
    assert (tmp_path / "cache").is_symlink()


@pytest.mark.parametrize("name", ["objects", "objects/packs", "holds", "staging"])
def test_no_link_inside_is_followed(tmp_path, root, name):
    key = "packs/ab/ab" + "0" * 30
    for target in (key, key.removeprefix("packs/")):
        (tmp_path / "elsewhere" / target).parent.mkdir(parents=True, exist_ok=True)
        write_pack(tmp_path / "elsewhere" / target, [b"x"])
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).symlink_to(tmp_path / "elsewhere")
    cache = BlobCache(root, limit=LIMIT)
    with pytest.raises(InvalidInputError) as caught:
        cache.add([blob(b"a")])
    assert caught.value.kind == "in_the_way"
    if name != "staging":
        with pytest.raises(InvalidInputError):
            cache.clear()
    cache.close()
    assert len([p for p in (tmp_path / "elsewhere").rglob("*") if p.is_file()]) == 2
