"""The floor: the same work with nothing around it, to divide the product's figures by.

No catalog, no history, no cleaning up, no second writer: walk, hash, append to one pack, one fsync;
a large file is hashed and copied side by side. What a versioning tool needs beyond this is what the
ratio to the floor measures, so this must stay as fast as Python can do it and no shorter than the
work: bytes are hashed on the way in and checked on the way out.
"""

from __future__ import annotations

import marshal
import mmap
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from threading import Thread
from typing import NamedTuple

from blake3 import blake3

SMALL = 256 * 1024
_BUFFER = 8 * 1024 * 1024
_PIECE = 64 * 1024 * 1024

Stat = tuple[int, int, int, int]


class Entry(NamedTuple):
    """Where a file's bytes lie in the store, and the file's stat when they were read."""

    stat: Stat
    digest: bytes
    object: str
    offset: int


def walk(root: str) -> Iterator[tuple[str, str, Stat]]:
    """Relative path, path and stat of every file below `root`."""
    cut = len(root) + 1
    folders = [root]
    while folders:
        with os.scandir(folders.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
                else:
                    yield entry.path[cut:], entry.path, _stat(entry.stat(follow_symlinks=False))


def log(data: Path, store: Path) -> None:
    """Store the files below `data`; read only those whose stat differs from the last time."""
    store.mkdir(exist_ok=True)
    known = load(store / "index")
    index: dict[str, Entry] = {}
    pack_name = f"pack-{len(list(store.iterdir()))}"
    pack, offset, waiting, held = -1, 0, [], 0
    for relative, path, stat in walk(str(data)):
        entry = known.get(relative)
        if entry is not None and entry.stat == stat:
            index[relative] = entry
        elif stat[0] > SMALL:
            name = f"large-{pack_name}-{len(index)}"
            index[relative] = Entry(
                stat, copy_and_hash(path, str(store / name), durable=True), name, 0
            )
        else:
            content = _read(path, stat[0])
            index[relative] = Entry(stat, blake3(content).digest(), pack_name, offset)
            offset += len(content)
            waiting.append(content)
            held += len(content)
            if held >= _BUFFER:
                pack = _append(pack, store / pack_name, waiting)
                held = 0
    if waiting:
        pack = _append(pack, store / pack_name, waiting)
    if pack >= 0:
        os.fsync(pack)
        os.close(pack)
    if index != known:
        save(store / "index", index)


def restore(store: Path, target: Path) -> None:
    """Write the last logged files into `target`, leaving those alone that are already there."""
    index, placed = load(store / "index"), load(store / "placed")
    target.mkdir(exist_ok=True)
    root = str(target)
    present = {relative: stat for relative, _, stat in walk(root)} if placed else {}
    missing = {
        relative: entry
        for relative, entry in index.items()
        if (old := placed.get(relative)) is None
        or old.digest != entry.digest
        or old.stat != present.get(relative)
    }
    if not missing:
        return
    for folder in sorted({os.path.dirname(relative) for relative in missing}):
        os.makedirs(os.path.join(root, folder), exist_ok=True)
    maps = _packs(store, missing)
    for relative, entry in missing.items():
        path = f"{root}/{relative}"
        if entry.stat[0] > SMALL:
            _check(copy_and_hash(str(store / entry.object), path, durable=False), entry, relative)
            stat = _stat(os.stat(path))
        else:
            content = maps[entry.object][entry.offset : entry.offset + entry.stat[0]]
            _check(blake3(content).digest(), entry, relative)
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
            os.write(descriptor, content)
            stat = _stat(os.fstat(descriptor))
            os.close(descriptor)
        placed[relative] = entry._replace(stat=stat)
    save(store / "placed", placed)


def verify(store: Path) -> None:
    """Hash every stored file against the index."""
    index = load(store / "index")
    maps = _packs(store, index)
    for relative, entry in index.items():
        if entry.stat[0] > SMALL:
            _check(_hash(str(store / entry.object), blake3.AUTO), entry, relative)
        else:
            content = maps[entry.object][entry.offset : entry.offset + entry.stat[0]]
            _check(blake3(content).digest(), entry, relative)


def verify_folder(store: Path, target: Path) -> None:
    """Hash every file of a restored folder against the index."""
    index = load(store / "index")
    found = 0
    for relative, path, stat in walk(str(target)):
        entry = index[relative]
        large = stat[0] > SMALL
        _check(
            _hash(path, blake3.AUTO) if large else blake3(_read(path, stat[0])).digest(),
            entry,
            relative,
        )
        found += 1
    if found != len(index):
        raise ValueError(f"{len(index) - found} files are missing")


def copy_and_hash(source: str, target: str, *, durable: bool) -> bytes:
    """Copy inside the kernel while another thread hashes the source; the digest."""
    digests: list[bytes] = []
    hasher = Thread(target=lambda: digests.append(_hash(source, 1)))
    hasher.start()
    read = os.open(source, os.O_RDONLY)
    write = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
    try:
        while os.copy_file_range(read, write, _PIECE):
            pass
        if durable:
            os.fsync(write)
    finally:
        os.close(read)
        os.close(write)
        hasher.join()
    return digests[0]


def load(path: Path) -> dict[str, Entry]:
    """The index in that file; empty when there is none."""
    try:
        return {key: Entry(*value) for key, value in marshal.loads(path.read_bytes()).items()}
    except FileNotFoundError:
        return {}


def save(path: Path, index: Mapping[str, Entry]) -> None:
    """Replace the index in that file."""
    temporary = path.with_suffix(".new")
    temporary.write_bytes(marshal.dumps({key: tuple(value) for key, value in index.items()}))
    os.replace(temporary, path)


def _stat(found: os.stat_result) -> Stat:
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino


def _read(path: str, size: int) -> bytes:
    descriptor = os.open(path, os.O_RDONLY)
    content = os.read(descriptor, size + 1)  # one more, to see that it did not grow
    os.close(descriptor)
    if len(content) != size:
        raise ValueError(f"changed while it was read: {path}")
    return content


def _append(pack: int, path: Path, waiting: list[bytes]) -> int:
    if pack < 0:
        pack = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    os.write(pack, b"".join(waiting))
    waiting.clear()
    return pack


def _packs(store: Path, index: Mapping[str, Entry]) -> dict[str, memoryview]:
    maps: dict[str, memoryview] = {}
    for name in {entry.object for entry in index.values() if entry.stat[0] <= SMALL}:
        with open(store / name, "rb") as file:
            maps[name] = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    return maps


def _hash(path: str, threads: int) -> bytes:
    return blake3(max_threads=threads).update_mmap(path).digest()


def _check(digest: bytes, entry: Entry, relative: str) -> None:
    if digest != entry.digest:
        raise ValueError(f"different content: {relative}")
