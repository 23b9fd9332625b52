"""The floors over S3: the same work with nothing around it.

One object per file is what a plain loop does. Packs are what the wire allows: the files one after
the other in objects of 16 MiB, hashed on the way in and checked on the way out, a few requests at
a time. As in benchmarks/floor.py there is no catalog, no history and no second writer.
"""

from __future__ import annotations

import marshal
import os
from abc import ABC, abstractmethod
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from blake3 import blake3

from benchmarks import floor

PACK = 16 * 1024 * 1024
_AT_ONCE = 8
_INDEX = "index"


class Loop(ABC):
    """Pushes a folder to a place in a bucket, and pulls it from there."""

    @abstractmethod
    def push(self, data: Path, store: Path, remote: str) -> None: ...

    @abstractmethod
    def pull(self, store: Path, remote: str, target: Path) -> None: ...


class ObjectPerFile(Loop):
    """`put` and `get` of s3fs with lists of files; what did not change is known by its stat."""

    def __init__(self) -> None:
        self._s3 = s3fs_client()

    def push(self, data: Path, store: Path, remote: str) -> None:
        known = floor.load(store / _INDEX)
        found = {relative: (path, stat) for relative, path, stat in floor.walk(str(data))}
        changed = [
            relative
            for relative, (_, stat) in found.items()
            if relative not in known or known[relative].stat != stat
        ]
        self._s3.put(
            [found[relative][0] for relative in changed],
            [f"{remote}/data/{relative}" for relative in changed],
        )
        gone = [f"{remote}/data/{relative}" for relative in known if relative not in found]
        if gone:
            self._s3.rm(gone)
        index = {name: floor.Entry(stat, b"", "", 0) for name, (_, stat) in found.items()}
        floor.save(store / _INDEX, index)

    def pull(self, store: Path, remote: str, target: Path) -> None:
        missing = [
            relative
            for relative in floor.load(store / _INDEX)
            if not os.path.exists(target / relative)
        ]
        if missing:
            self._s3.get(
                [f"{remote}/data/{relative}" for relative in missing],
                [str(target / relative) for relative in missing],
            )


class Piece(NamedTuple):
    """Where some bytes of a file lie."""

    digest: bytes
    pack: str
    offset: int
    length: int


class Packs(Loop):
    """Files one after the other in objects of 16 MiB, and an index beside them."""

    @abstractmethod
    def put(self, remote: str, name: str, data: bytes) -> None: ...

    @abstractmethod
    def get(self, remote: str, name: str) -> bytes: ...

    def push(self, data: Path, store: Path, remote: str) -> None:
        known = _load(store / _INDEX)
        index: dict[str, tuple[floor.Stat, list[Piece]]] = {}
        packs = _Packing(lambda name, content: self.put(remote, name, content))
        with packs.pool:
            for relative, path, stat in floor.walk(str(data)):
                entry = known.get(relative)
                if entry is not None and entry[0] == stat:
                    index[relative] = entry
                else:
                    index[relative] = (stat, [packs.add(content) for content in _pieces(path)])
            packs.finish()
        _save(store / _INDEX, index)
        self.put(remote, _INDEX, (store / _INDEX).read_bytes())

    def pull(self, store: Path, remote: str, target: Path) -> None:
        placed = _load(store / "placed")
        # Where nothing was pulled before, the index too has to come from the bucket.
        index = _load(store / _INDEX) if placed else _parsed(self.get(remote, _INDEX))
        by_pack: dict[str, list[tuple[str, int, Piece]]] = {}
        for relative, (_, pieces) in index.items():
            if placed.get(relative, (None, None))[1] != pieces:
                position = 0
                for piece in pieces:
                    by_pack.setdefault(piece.pack, []).append((relative, position, piece))
                    position += piece.length
        for folder in {os.path.dirname(relative) for relative in index} if by_pack else ():
            os.makedirs(target / folder, exist_ok=True)
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            waiting: list[tuple[str, Future[bytes]]] = []
            names = iter(by_pack)
            while True:
                while len(waiting) < _AT_ONCE and (name := next(names, None)) is not None:
                    waiting.append((name, pool.submit(self.get, remote, name)))
                if not waiting:
                    break
                name, future = waiting.pop(0)
                _write(memoryview(future.result()), by_pack[name], str(target))
        _save(store / "placed", index)


class S3fsPacks(Packs):
    """Packs through s3fs."""

    def __init__(self) -> None:
        self._s3 = s3fs_client()

    def put(self, remote: str, name: str, data: bytes) -> None:
        self._s3.pipe_file(f"{remote}/{name}", data)

    def get(self, remote: str, name: str) -> bytes:
        return bytes(self._s3.cat_file(f"{remote}/{name}", max_concurrency=1))


class ObstorePacks(Packs):
    """Packs through obstore."""

    def __init__(self) -> None:
        self._obstore: Any = import_module("obstore")
        self._stores: dict[str, Any] = {}

    def put(self, remote: str, name: str, data: bytes) -> None:
        # One request for each, as the others do.
        self._obstore.put(self._store(remote), name, data, use_multipart=False)

    def get(self, remote: str, name: str) -> bytes:
        return bytes(self._obstore.get(self._store(remote), name).bytes())

    def _store(self, remote: str) -> Any:
        if remote not in self._stores:
            stores: Any = import_module("obstore.store")
            self._stores[remote] = stores.S3Store.from_url(
                remote, client_options={"allow_http": True}
            )
        return self._stores[remote]


class _Packing:
    """Collects pieces into packs, and sends these a few at a time."""

    def __init__(self, put: Any) -> None:
        self.pool = ThreadPoolExecutor(_AT_ONCE)
        self._put = put
        self._parts: list[bytes] = []
        self._name = _new_name()
        self._size = 0
        self._sent: list[Future[None]] = []

    def add(self, content: bytes) -> Piece:
        if self._size and self._size + len(content) > PACK:
            self._send()
        piece = Piece(blake3(content).digest(), self._name, self._size, len(content))
        self._parts.append(content)
        self._size += len(content)
        return piece

    def finish(self) -> None:
        if self._parts:
            self._send()
        for future in self._sent:
            future.result()

    def _send(self) -> None:
        if len(self._sent) >= _AT_ONCE:
            self._sent.pop(0).result()
        self._sent.append(self.pool.submit(self._put, self._name, b"".join(self._parts)))
        self._parts, self._size, self._name = [], 0, _new_name()


def s3fs_client() -> Any:
    """A file system of s3fs for the service of the environment."""
    s3fs: Any = import_module("s3fs")
    return s3fs.S3FileSystem(config_kwargs={"max_pool_connections": 64}, use_listings_cache=False)


def _new_name() -> str:
    return f"pack-{os.urandom(8).hex()}"


def _pieces(path: str) -> Iterator[bytes]:
    with open(path, "rb", buffering=0) as file:
        while content := file.read(PACK):
            yield content


def _write(data: memoryview, pieces: list[tuple[str, int, Piece]], root: str) -> None:
    for relative, position, piece in pieces:
        content = data[piece.offset : piece.offset + piece.length]
        if blake3(content).digest() != piece.digest:
            raise ValueError(f"different content: {relative}")
        descriptor = os.open(f"{root}/{relative}", os.O_WRONLY | os.O_CREAT, 0o666)
        os.pwrite(descriptor, content, position)
        os.close(descriptor)


def _load(path: Path) -> dict[str, tuple[floor.Stat, list[Piece]]]:
    return _parsed(path.read_bytes()) if path.exists() else {}


def _parsed(data: bytes) -> dict[str, tuple[floor.Stat, list[Piece]]]:
    return {
        relative: (stat, [Piece(*piece) for piece in pieces])
        for relative, (stat, pieces) in marshal.loads(data).items()
    }


def _save(path: Path, index: dict[str, tuple[floor.Stat, list[Piece]]]) -> None:
    plain = {name: (stat, [tuple(p) for p in pieces]) for name, (stat, pieces) in index.items()}
    path.write_bytes(marshal.dumps(plain))
