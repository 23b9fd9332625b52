import sqlite3
import threading

import pytest

from artifacts.store.digests import hash_bytes
from artifacts.store.statcache import FileStat, StatCache

STAT = FileStat(device=1, inode=2, size=3, mtime_ns=4, ctime_ns=5)
DIGEST = hash_bytes(b"abc")


@pytest.fixture
def cache(tmp_path):
    cache = StatCache(tmp_path / "cache")
    yield cache
    cache.close()


def test_remembers(cache, tmp_path):
    cache.store([(STAT, DIGEST)])
    assert cache.lookup([STAT]) == [DIGEST]
    other = StatCache(tmp_path / "cache")
    assert other.lookup([STAT]) == [DIGEST]
    other.close()


@pytest.mark.parametrize("field", FileStat._fields)
def test_any_difference_makes_another_file(cache, field):
    cache.store([(STAT, DIGEST)])
    changed = STAT._replace(**{field: getattr(STAT, field) + 1})
    assert cache.lookup([changed, STAT]) == [None, DIGEST]


def test_the_newest_entry_of_an_inode_wins(cache):
    changed = STAT._replace(mtime_ns=9)
    cache.store([(STAT, DIGEST)])
    cache.store([(changed, hash_bytes(b"abd"))])
    assert cache.lookup([STAT, changed]) == [None, hash_bytes(b"abd")]


def test_numbers_of_64_bits(cache):
    stat = FileStat((1 << 64) - 1, (1 << 64) - 2, 1 << 62, 1 << 62, 1 << 62)
    cache.store([(stat, DIGEST)])
    assert cache.lookup([stat]) == [DIGEST]


def test_many_files_on_several_devices(cache):
    stats = [FileStat(i % 3, i, 1, 1, 1) for i in range(2000)]
    digests = [hash_bytes(str(i).encode()) for i in range(2000)]
    cache.store(zip(stats, digests, strict=True))
    unknown = FileStat(7, 7, 7, 7, 7)
    assert cache.lookup([*reversed(stats), unknown]) == [*reversed(digests), None]


def test_without_a_folder_nothing_is_kept():
    cache = StatCache(None)
    cache.store([(STAT, DIGEST)])
    assert cache.lookup([STAT]) == [None]


@pytest.mark.parametrize("content", [b"this is not a database at all" * 100, b""])
def test_a_damaged_file_is_survived_and_made_anew(tmp_path, content):
    folder = tmp_path / "cache"
    first = StatCache(folder)
    first.store([(STAT, DIGEST)])
    first.close()
    [path] = folder.iterdir()
    path.write_bytes(content)
    damaged = StatCache(folder)
    assert damaged.lookup([STAT]) == [None]
    damaged.store([(STAT, DIGEST)])
    damaged.close()
    again = StatCache(folder)
    again.store([(STAT, DIGEST)])
    assert again.lookup([STAT]) == [DIGEST]
    again.close()


def test_a_file_that_breaks_while_it_is_open_is_survived(tmp_path):
    folder = tmp_path / "cache"
    cache = StatCache(folder)
    cache.store([(STAT, DIGEST)])
    [path] = [p for p in folder.iterdir() if p.suffix == ".sqlite"]
    with sqlite3.connect(path) as connection:
        connection.execute("DROP TABLE files")
    connection.close()
    assert cache.lookup([STAT]) == [None]
    cache.store([(STAT, DIGEST)])
    cache.close()


def test_a_folder_that_cannot_be_made_is_survived(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    cache = StatCache(tmp_path / "file" / "cache")
    cache.store([(STAT, DIGEST)])
    assert cache.lookup([STAT]) == [None]


def test_several_threads(cache):
    failures = []

    def work(number):
        stats = [FileStat(number, i, 1, 1, 1) for i in range(200)]
        cache.store((stat, DIGEST) for stat in stats)
        if cache.lookup(stats) != [DIGEST] * 200:
            failures.append(number)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_changed_before():
    assert STAT.changed_before(6)
    assert not STAT.changed_before(5)
    assert not STAT._replace(mtime_ns=9).changed_before(6)
