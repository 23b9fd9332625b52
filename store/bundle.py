"""Exports: a store, or a part of it, as one file or a folder.

::

    bundle.json     which store it is from, and when
    catalog.jsonl   a `transcript` of its catalog
    packs/…, blobs/…  objects of the store's own format, none for an export of the catalog alone
    end.json        what the above must be: written last, so that its absence shows a cut

As one file it is a plain tar archive of these members in this order. A tar file can be written to
a pipe and unpacked anywhere, it needs no table of all members in memory, and what is in it need
not be compressed again. (A zip file ends with its table, so that none of it can be read before
all of it is there; its checksums say less than the digests that every blob has anyway.)

Blobs verify themselves: a pack by its index, a loose object by its name. The digest of
``catalog.jsonl`` is in ``end.json``. Nothing is ever unpacked to a path that a bundle names.
"""

from __future__ import annotations

import io
import os
import re
import secrets
import shutil
import tarfile
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple

import orjson

from artifacts.store import copying, filesystems, keys, packs, reading, transcript
from artifacts.store.digests import Digest, Hasher, format_digest, parse_digest
from artifacts.store.errors import (
    AlreadyExistsError,
    FormatError,
    IntegrityError,
    ObjectNotFoundError,
    PermissionDeniedError,
    StoreNotFoundError,
    from_os_error,
)
from artifacts.store.objects import ObjectInfo, ObjectStore
from artifacts.store.objects.local import FileRange
from artifacts.store.packing import StoredBlob, make_pack
from artifacts.store.places import BlobLocation, BlobPlace, Encoding
from artifacts.store.upload import PACK_TARGET, PACK_THRESHOLD

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

    from artifacts.store.transcript import Record

FORMAT = 1
SUFFIX = ".tar"
"""Exports whose name ends so are one file; others are folders."""

MAX_DECODED = 1 << 30
"""Raw bytes of the largest compressed blob that is read: a larger one is taken for a trap."""

_HEADER = "bundle.json"
_CATALOG = "catalog.jsonl"
_END = "end.json"
_SMALL_FILE = 64 * 1024
_MAX_PACK = 128 << 20
_LOOSE = re.compile(r"blobs/[0-9a-f]{2}/([0-9a-f]{64})\.[0-9a-f]{16}(\.zst)?")
_PACK = re.compile(r"packs/[0-9a-f]{2}/[0-9a-f]{32}")
_BLOCK = 512
_COPY = 1 << 20


class Part(NamedTuple):
    """An object of a bundle.

    Attributes:
        places: Its blobs.
    """

    key: str
    places: list[BlobLocation]


# -- writing


class BundleWriter:
    """Writes a bundle under a temporary name; `finish` gives it its own.

    Args:
        target: A name that is not taken; see `SUFFIX`.
    """

    def __init__(self, target: Path, store: str, at: int) -> None:
        if target.exists() or target.is_symlink():
            raise AlreadyExistsError(
                f"{target} exists already", hint="choose another name, or delete it first"
            )
        self.bytes = 0
        self.objects = 0
        self._target = target
        self._temporary = target.with_name(f".{target.name}.{secrets.token_hex(8)}.part")
        self._catalog: dict[str, object] | None = None
        self._pack: list[StoredBlob] = []
        self._pack_bytes = 0
        try:
            self._sink: _Sink
            if target.name.endswith(SUFFIX):
                self._sink = _TarSink(self._temporary)
            else:
                self._sink = _FolderSink(self._temporary)
        except OSError as error:
            raise from_os_error(error, f"write {target}") from error
        said = {"format": FORMAT, "store": store, "at": at}
        self._put_bytes(_HEADER, orjson.dumps(said, option=orjson.OPT_INDENT_2) + b"\n")

    def add_catalog(self, path: Path) -> None:
        """Add the transcript of the catalog, before all blobs."""
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            hasher = Hasher()

            def pieces() -> Iterator[bytes]:
                while piece := file.read(_COPY):
                    hasher.update(piece)
                    yield piece

            self._put(_CATALOG, size, pieces())
        self._catalog = {"size": size, "digest": format_digest(hasher.digest())}

    def add(self, digest: Digest, data: bytes | memoryview, *, compress: bool = False) -> None:
        """Add a verified blob that is in memory."""
        size, encoding, stored = len(data), Encoding.IDENTITY, data
        if compress:
            stored, encoding = packs.compress(bytes(data))
        if len(stored) > PACK_THRESHOLD:
            self._add_object(keys.new_loose_key(digest, encoding), len(stored), [stored])
            return
        self._pack.append(StoredBlob(digest, size, bytes(stored), encoding))
        self._pack_bytes += len(stored)
        if self._pack_bytes >= PACK_TARGET:
            self._write_pack()

    def add_stream(self, digest: Digest, size: int, pieces: Iterable[bytes | memoryview]) -> None:
        """Add a large blob that is verified while it is read."""
        self._add_object(keys.new_loose_key(digest, Encoding.IDENTITY), size, pieces)

    def finish(self) -> None:
        """Complete the bundle: it is durable, and appears under its name."""
        self._write_pack()
        said = {
            "catalog": self._catalog,
            "objects": {"count": self.objects, "bytes": self.bytes},
        }
        self._put_bytes(_END, orjson.dumps(said, option=orjson.OPT_INDENT_2) + b"\n")
        try:
            self._sink.close()
            if self._target.exists():
                raise AlreadyExistsError(f"{self._target} exists already", hint="try another name")
            self._temporary.rename(self._target)
            filesystems.sync(self._target.parent)
        except OSError as error:
            raise from_os_error(error, f"write {self._target}") from error

    def abandon(self) -> None:
        """Remove what was written."""
        self._sink.abandon()
        if self._temporary.is_dir():
            shutil.rmtree(self._temporary, ignore_errors=True)
        else:
            self._temporary.unlink(missing_ok=True)

    def _write_pack(self) -> None:
        if self._pack:
            draft, pieces = make_pack(self._pack)
            self._pack, self._pack_bytes = [], 0
            self._add_object(draft.key, draft.size, pieces)

    def _add_object(self, key: str, size: int, pieces: Iterable[bytes | memoryview]) -> None:
        self._put(key, size, pieces)
        self.objects += 1
        self.bytes += size

    def _put_bytes(self, name: str, data: bytes) -> None:
        self._put(name, len(data), [data])

    def _put(self, name: str, size: int, pieces: Iterable[bytes | memoryview]) -> None:
        try:
            written = self._sink.put(name, size, pieces)
        except OSError as error:
            raise from_os_error(error, f"write {self._target}") from error
        if written != size:
            raise IntegrityError(f"{name} would have {written} instead of {size} bytes")


class _FolderSink:
    def __init__(self, root: Path) -> None:
        self._root = root
        root.mkdir()

    def put(self, name: str, size: int, pieces: Iterable[bytes | memoryview]) -> int:
        path = self._root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        written = 0
        with path.open("xb") as file:
            for piece in pieces:
                written += file.write(piece)
            file.flush()
            os.fsync(file.fileno())
        return written

    def close(self) -> None:
        for folder, _, _ in os.walk(self._root):
            filesystems.sync(Path(folder))

    def abandon(self) -> None:
        pass


class _TarSink:
    def __init__(self, path: Path) -> None:
        self._file = path.open("xb")

    def put(self, name: str, size: int, pieces: Iterable[bytes | memoryview]) -> int:
        header = tarfile.TarInfo(name)
        header.size, header.mode = size, 0o444
        self._file.write(header.tobuf(tarfile.GNU_FORMAT))
        written = 0
        for piece in pieces:
            written += self._file.write(piece)
        self._file.write(bytes(-written % _BLOCK))
        return written

    def close(self) -> None:
        self._file.write(bytes(2 * _BLOCK))
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()

    def abandon(self) -> None:
        self._file.close()


_Sink = _FolderSink | _TarSink


# -- reading


class Bundle:
    """An export that is complete, as far as can be seen without reading its data.

    Attributes:
        header: What the transcript of its catalog says of itself.
        objects: Its objects, under their keys; they can be read and nothing else.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            if path.is_dir():
                self._members = _folder_members(path)
            else:
                self._members = _tar_members(path)
        except FileNotFoundError as error:
            raise StoreNotFoundError(f"there is no export at {path}") from error
        except OSError as error:
            raise from_os_error(error, f"read {path}") from error
        self.objects: ObjectStore = _Members(self._members)
        if _HEADER not in self._members:
            raise FormatError(f"{path} is not an export", kind="bad_export")
        _check_format(self._small(_HEADER))
        if _END not in self._members:
            raise IntegrityError(
                f"the export {path} is cut off: its end is missing", kind="cut_off"
            )
        self._catalog_digest = self._check_end(self._small(_END))
        with self._members[_CATALOG].open() as file:
            self.header = transcript.read_header(file)

    @property
    def has_data(self) -> bool:
        """Whether it holds more than the catalog."""
        return any("/" in name for name in self._members)

    def verify_catalog(self) -> None:
        """Compare the transcript with its digest.

        Raises:
            IntegrityError: It was changed.
        """
        with self._members[_CATALOG].open() as file:
            found, _ = copying.hash_all(copying.pieces_of(file))
        if found != self._catalog_digest:
            raise IntegrityError(f"the catalog in {self.path} is damaged", kind="export_damaged")

    def records(self) -> Iterator[Record]:
        """Yield the records of its catalog, checked."""
        with self._members[_CATALOG].open() as file, io.BufferedReader(file, _COPY) as lines:
            yield from transcript.read(lines)

    def find(self, digests: Collection[Digest]) -> Iterator[list[BlobLocation]]:
        """Yield where those of the blobs lie that it holds, each once, an object at a time."""
        wanted = set(digests)
        for part in self.parts():
            found = {place.digest: place for place in part.places if place.digest in wanted}
            wanted -= found.keys()
            if found:
                yield list(found.values())

    def parts(self) -> Iterator[Part]:
        """Yield every object with what it says it holds.

        Raises:
            FormatError: One of them is not an object of a store.
            IntegrityError: The index of a pack is damaged.
        """
        for key, size in self.objects.list():
            if key.startswith("packs/"):
                if size > _MAX_PACK:
                    raise FormatError(f"pack {key} is too large", kind="bad_pack")
                places = reading.read_pack_index(self.objects, key, size)
            else:
                places = [self._loose(key, size)]
            found = [BlobLocation(key, *place) for place in places]
            if any(p.encoding is not Encoding.IDENTITY and p.size > MAX_DECODED for p in found):
                raise FormatError(f"a compressed blob in {key} is too large", kind="bad_export")
            yield Part(key, found)

    def _loose(self, key: str, size: int) -> BlobPlace:
        match = _LOOSE.fullmatch(key)
        assert match is not None  # as a member it was looked at
        digest = parse_digest(f"blake3:{match[1]}")
        if match[2] is None:
            return BlobPlace(digest, size, 0, size)
        with self.objects.open(key, length=min(size, 64)) as file:
            raw = packs.raw_size(file.read())
        return BlobPlace(digest, raw, 0, size, Encoding.ZSTD)

    def _small(self, name: str) -> dict[str, Any]:
        member = self._members[name]
        try:
            if member.size > _SMALL_FILE:
                raise ValueError("too large")
            with member.open() as file:
                return dict(orjson.loads(file.read()))
        except (ValueError, TypeError) as error:
            raise FormatError(f"{name} of {self.path} is damaged", kind="bad_export") from error

    def _check_end(self, end: dict[str, Any]) -> Digest:
        found = [member.size for name, member in self._members.items() if "/" in name]
        try:
            said, catalog = end["objects"], end["catalog"]
            complete = (said["count"], said["bytes"]) == (len(found), sum(found))
            complete &= _CATALOG in self._members
            complete &= catalog["size"] == self._members[_CATALOG].size if complete else False
            digest = parse_digest(catalog["digest"])
        except (KeyError, TypeError, ValueError) as error:
            raise FormatError(f"{_END} of {self.path} is damaged", kind="bad_export") from error
        if not complete:
            raise IntegrityError(f"the export {self.path} is not complete", kind="cut_off")
        return digest


class _Member(NamedTuple):
    """Some bytes of a file."""

    path: Path
    offset: int
    size: int

    def open(self, offset: int = 0, length: int | None = None) -> FileRange:
        rest = max(self.size - offset, 0)
        file = self.path.open("rb", buffering=0)
        return FileRange(file, self.offset + offset, rest if length is None else min(length, rest))


class _Members(ObjectStore):
    """The objects among the members."""

    def __init__(self, members: dict[str, _Member]) -> None:
        self._members = {name: member for name, member in members.items() if "/" in name}

    def open(self, key: str, *, offset: int = 0, length: int | None = None) -> IO[bytes]:
        member = self._members.get(key)
        if member is None:
            raise ObjectNotFoundError(f"object {key} is missing")
        try:
            return member.open(offset, length)
        except OSError as error:
            raise from_os_error(error, f"read {member.path}") from error

    def stat(self, keys: Iterable[str]) -> Iterator[ObjectInfo]:
        for key in keys:
            if key in self._members:
                yield ObjectInfo(key, self._members[key].size)

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        for key, member in self._members.items():
            if key.startswith(prefix):
                yield ObjectInfo(key, member.size)

    def put(self, key: str, source: Callable[[], IO[bytes]], *, size: int) -> None:
        raise PermissionDeniedError("an export is not written to")

    def delete(self, keys: Iterable[str]) -> None:
        raise PermissionDeniedError("an export is not written to")


def is_bundle(path: Path) -> bool:
    """Whether there is an export, rather than a store, at a path."""
    return path.is_file() or (path / _HEADER).is_file()


def _check_format(said: dict[str, Any]) -> None:
    if said.get("format") != FORMAT:
        raise FormatError(
            f"this export has format {said.get('format')!r}; this program knows format {FORMAT}",
            hint="update with: pip install -U artifacts-cas",
            kind="export_too_new",
        )


def _is_member(name: str) -> bool:
    return name in {_HEADER, _CATALOG, _END} or any(
        pattern.fullmatch(name) for pattern in (_LOOSE, _PACK)
    )


def _folder_members(root: Path) -> dict[str, _Member]:
    found: dict[str, _Member] = {}

    def fail(error: OSError) -> None:
        raise error

    for folder, _, names in os.walk(root, onerror=fail):
        for name in names:
            path = Path(folder, name)
            relative = path.relative_to(root).as_posix()
            if path.is_symlink() or not path.is_file() or not _is_member(relative):
                raise _unexpected(root, relative)
            found[relative] = _Member(path, 0, path.stat().st_size)
    return found


def _tar_members(path: Path) -> dict[str, _Member]:
    """Find the members of a tar file by their headers alone; only plain files are accepted.

    Raises:
        FormatError: It is not a tar file, or holds what no export holds.
        IntegrityError: It is cut off.
    """
    found: dict[str, _Member] = {}
    with path.open("rb") as file:
        end = os.fstat(file.fileno()).st_size
        position = 0
        while True:
            file.seek(position)
            block = file.read(_BLOCK)
            if len(block) < _BLOCK:
                break  # cut off: `end.json` is missing then
            if not block.strip(b"\0"):
                break
            try:
                header = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
            except tarfile.HeaderError as error:
                raise FormatError(f"{path} is not an export", kind="bad_export") from error
            name, size = header.name, header.size
            position += _BLOCK
            if header.isdir():
                continue  # whoever packed a folder again has those too
            name = name.removeprefix("./")
            if header.type not in {tarfile.REGTYPE, tarfile.AREGTYPE} or not _is_member(name):
                raise _unexpected(path, name)
            if name in found:
                raise FormatError(f"{path} holds {name} twice", kind="bad_export")
            if size < 0 or position + size > end:
                raise IntegrityError(f"the export {path} is cut off", kind="cut_off")
            found[name] = _Member(path, position, size)
            position += size + -size % _BLOCK
    return found


def _unexpected(path: Path, name: str) -> FormatError:
    return FormatError(f"{path} holds {name!r}, which no export holds", kind="bad_export")
