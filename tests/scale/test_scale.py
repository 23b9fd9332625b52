"""Large versions in bounded memory, each measured in a process of its own."""

import subprocess
import sys

import pytest

pytestmark = [pytest.mark.long, pytest.mark.timeout(1500)]

MIB = 1 << 20

COMMON = """
import os, resource, sys
from pathlib import Path
from artifacts.store.digests import Digest, hash_bytes
from artifacts.store.manifest import Entry, Manifest
from artifacts.store.store import Store
from artifacts.store.walking import walk
from artifacts.store import checkout, ingest
from tests.support import draft_of, log_tree

where = Path(sys.argv[1])

def report():
    status = Path("/proc/self/status")
    if status.exists():
        # What getrusage says includes the process that forked this one, which may be large.
        [peak] = [line for line in status.read_text().splitlines() if line.startswith("VmHWM")]
        print(int(peak.split()[1]) * 1024)
    else:
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""

MILLION = (
    COMMON
    + """
blob = b"the same small file"
digest = hash_bytes(blob)
store = Store.create(where / "store")
upload = store.upload()
upload.add(blob, digest)
# Every entry has a digest object of its own, as it has when files are hashed.
manifest = Manifest(
    Entry(f"part-{i // 1000:04}/sample-{i:07}.txt", Digest(bytes(bytearray(digest))), len(blob))
    for i in range(1_000_000)
)
version, created = store.commit(draft_of(manifest), upload, manifest)
assert created
assert version.file_count == 1_000_000
del manifest
again = store.manifest(version.digest)
assert len(again) == 1_000_000
assert again.digest == version.digest
store.close()
report()
"""
)

DISTINCT = (
    COMMON
    + """
store = Store.create(where / "store")
upload = store.upload()
entries = []
for i in range(300_000):
    blob = b"%d" % i
    digest = hash_bytes(blob)
    upload.add(blob, digest)
    entries.append(Entry(f"{i // 1000}/{i}", digest, len(blob)))
manifest = Manifest(entries)
version, _ = store.commit(draft_of(manifest), upload, manifest)
assert store.read_blob(hash_bytes(b"299999")) == b"299999"
store.close()
report()
"""
)

MANY_FILES = (
    COMMON
    + """
for i in range(20_000):
    file = where / "data" / str(i // 500) / str(i)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(i.to_bytes(4, "little") * 2560)  # 10 KiB
store = Store.create(where / "store", cache_dir=where / "cache")
version = log_tree(store, where / "data")
assert version.file_count == 20_000
result = checkout.checkout(store, store.manifest(version.digest), str(where / "out"))
assert result.written == 20_000
for i in (0, 777, 19_999):
    assert (where / "out" / str(i // 500) / str(i)).read_bytes() == i.to_bytes(4, "little") * 2560
again = checkout.checkout(store, store.manifest(version.digest), str(where / "out"))
assert again.unchanged == 20_000
store.close()
report()
"""
)

WALK = (
    COMMON
    + """
for i in range(100_000):
    folder = where / "data" / str(i // 1000)
    if i % 1000 == 0:
        folder.mkdir(parents=True)
    os.close(os.open(folder / str(i), os.O_CREAT))
assert len(walk(str(where / "data"))) == 100_000
report()
"""
)


@pytest.mark.parametrize(
    ("script", "limit"),
    [
        pytest.param(MILLION, 1024 * MIB, id="a million entries"),
        pytest.param(DISTINCT, 1024 * MIB, id="300,000 different blobs"),
        pytest.param(MANY_FILES, 250 * MIB, id="20,000 files there and back"),
        pytest.param(WALK, 250 * MIB, id="walk of 100,000 files"),
    ],
)
def test_memory_is_bounded(tmp_path, script, limit):
    command = [sys.executable, "-c", script, str(tmp_path)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert int(ended.stdout) <= limit


def test_one_large_file_is_not_held_in_memory(tmp_path):
    script = (
        COMMON
        + """
size = 2 << 30
with open(where / "big", "wb") as file:
    for i in range(size // (8 << 20)):
        file.write(i.to_bytes(8, "little") * (1 << 20))
(where / "data").mkdir()
os.rename(where / "big", where / "data" / "big")
store = Store.create(where / "store")
version = log_tree(store, where / "data")
checkout.checkout(store, store.manifest(version.digest), str(where / "out"))
assert os.path.getsize(where / "out" / "big") == size
store.close()
report()
"""
    )
    command = [sys.executable, "-c", script, str(tmp_path)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert int(ended.stdout) <= 200 * MIB
