"""A process that fills the cache is killed at every call that changes something."""

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from artifacts.store import reading
from artifacts.store.cache import BlobCache
from artifacts.store.digests import hash_bytes
from artifacts.store.places import Encoding

VICTIM = """
import json, os, signal, sys
from pathlib import Path

from artifacts.store.cache import BlobCache, upkeep
from artifacts.store.cache.database import IndexFile
from artifacts.store.digests import hash_bytes
from artifacts.store.places import Encoding

root, action, name, last, when = Path(sys.argv[1]), *sys.argv[2:4], int(sys.argv[4]), sys.argv[5]
counts = {}


def deadly(call, real):
    def wrapped(*args, **kwargs):
        counts[call] = counts.get(call, 0) + 1
        mine = call == name and counts[call] == last
        if mine and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        result = real(*args, **kwargs)
        if mine:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    return wrapped


def add(cache, *datas):
    cache.add((hash_bytes(d), len(d), d, Encoding.IDENTITY) for d in datas)


cache = BlobCache(root, limit=1_500_000)
upkeep.SMALL_PACKS = 2
if action == "rebuild":
    [index] = root.glob("index-*.sqlite")
    index.unlink()
for call in ("write", "writev", "rename", "mkdir", "unlink", "open", "chmod"):
    setattr(os, call, deadly(call, getattr(os, call)))
IndexFile._attempt = deadly("transaction", IndexFile._attempt)
if action == "add":
    add(cache, b"new", b"newer")
    add(cache, b"n" * 400_000)
elif action == "evict":
    with cache.hold():
        add(cache, b"e" * 1_000_000)
elif action == "prune":
    cache.prune()
elif action == "rebuild":
    cache.info()
cache.close()
print(json.dumps(counts))
"""

BEFORE = [b"a", b"b", b"c", b"x" * 300_000, b"y" * 300_000]
NEW = [b"new", b"newer", b"n" * 400_000, b"e" * 1_000_000]


def fill(cache, datas):
    return cache.add((hash_bytes(d), len(d), d, Encoding.IDENTITY) for d in datas)


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    root = tmp_path_factory.mktemp("template") / "cache"
    cache = BlobCache(root, limit=1_500_000)
    for data in BEFORE:
        fill(cache, [data])
    cache.close()
    return root


def run(root, action, call, number, when):
    """Run the victim; return what it counted, or None if it was killed."""
    command = [sys.executable, "-c", VICTIM, str(root), action, call, str(number), when]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode == -signal.SIGKILL:
        return None
    assert ended.returncode == 0, ended.stderr
    counts: dict[str, int] = json.loads(ended.stdout)
    return counts


def check(template: Path, root: Path, action, call="none", number=0, when="before"):
    shutil.copytree(template, root)
    counts = run(root, action, call, number, when)
    cache = BlobCache(root, limit=3_000_000)
    # Whatever is believed to be here is here and sound.
    found = cache.locate(map(hash_bytes, BEFORE + NEW))
    for data in BEFORE + NEW:
        location = found.get(hash_bytes(data))
        if location is not None:
            assert bytes(reading.read_blob(cache.objects, location)) == data
    if action != "evict":
        assert set(map(hash_bytes, BEFORE)) <= set(found)
    # The next one that adds removes what was left: nothing is there that the index does not know.
    fill(cache, [b"afterwards"])
    files = [path for path in (root / "objects").rglob("*") if path.is_file()]
    info = cache.info()
    assert len(files) == info.objects
    assert sum(path.stat().st_size for path in files) == info.bytes
    assert len(list((root / "staging").iterdir())) == 1
    assert cache.verify().damaged == ()
    assert fill(cache, BEFORE + NEW).keys() == set(map(hash_bytes, BEFORE + NEW))
    cache.close()
    assert {path.name for path in root.iterdir()} - {"objects", "staging", "lock", "holds"} == {
        path.name for path in root.glob("index-*.sqlite")
    }
    assert len(list(root.glob("index-*.sqlite"))) == 1
    return counts


# Between a file and its row, between a row and its file, half a pack, half an index.
POINTS = [
    ("add", "writev", 1, "after"),
    ("add", "rename", 1, "before"),
    ("add", "rename", 1, "after"),
    ("add", "rename", 2, "after"),
    ("evict", "rename", 1, "after"),
    ("evict", "unlink", 1, "before"),
    ("evict", "unlink", 2, "before"),
    ("prune", "rename", 1, "after"),
    ("prune", "unlink", 2, "before"),
    ("rebuild", "rename", 1, "before"),
    ("rebuild", "rename", 1, "after"),
]


@pytest.mark.parametrize(("action", "call", "number", "when"), POINTS)
def test_killed(template, tmp_path, action, call, number, when):
    counted = check(template, tmp_path / "cache", action, call, number, when)
    assert counted is None, "not a point any more"


@pytest.mark.long
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("action", ["add", "evict", "prune", "rebuild"])
def test_killed_anywhere(template, tmp_path, action, when):
    counts = check(template, tmp_path / "count", action)
    assert counts is not None
    for call, total in counts.items():
        for number in range(1, total + 1):
            root = tmp_path / f"{call}-{number}"
            check(template, root, action, call, number, when)
            shutil.rmtree(root)
