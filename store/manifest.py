"""Manifests: the canonical list of what a version contains.

A manifest is text: one header line, then one line for each entry, sorted by path. A line is a
JSON array ``[path, digest, size]``, or ``[path, digest, size, {...}]`` when the entry is a
reference or an executable file. Equal contents give equal bytes, so the digest of the bytes is
the identity of the contents. ``docs/spec/format-v1.md`` is the specification.

Paths are checked when a manifest is made *and* when one is read, so that a hostile manifest
cannot name a place outside the folder into which it is written.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from binascii import unhexlify
from operator import attrgetter, lt
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from artifacts.store.digests import DIGEST_SIZE, Digest, Hasher, format_digest, hash_bytes
from artifacts.store.errors import FormatError, InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

HEADER = b'{"format":"artifacts-manifest","version":1}\n'

_SIZE_LIMIT = 1 << 63
_PLAIN_ROW = 3
_TEXTS = ("uri", "etag", "version_id")
_CHUNK_ENTRIES = 8192
_BLOCK_SIZE = 1 << 20
_KEEP_ENCODED = 16 << 20

# Segments are not empty, not "." and not "..", and hold no control character, no backslash (it
# separates folders on Windows) and no lone surrogate (a file name that is not UTF-8).
_PATH = re.compile(
    r"(?:(?!\.{1,2}(?:/|\Z))[^/\\\x00-\x1f\x7f-\x9f\ud800-\udfff]+(?:/(?!\Z)|\Z))+", re.DOTALL
)
_DRIVE = re.compile(r"[A-Za-z]:")
# What may be wrong with one of many printable ASCII paths, each between two newlines.
_SUSPECT = ("\n/", "/\n", "//", "\n\n", "\\")
_SUSPECT_DOTS = ("/./", "/../", "\n./", "\n../", "/.\n", "/..\n", "\n.\n", "\n..\n")
_DIGEST_OFFSET = len("blake3:")


class Reference(NamedTuple):
    """Where the bytes of an entry lie that the store does not keep itself.

    Attributes:
        uri: Where to read them.
        etag: The service's own checksum at the time of logging, or None.
        version_id: The service's version of the object, or None.
        hashed: Whether the entry's digest is that of the bytes. Otherwise nobody read them, and
            the digest is that of uri, etag and version id.
    """

    uri: str
    etag: str | None = None
    version_id: str | None = None
    hashed: bool = True

    def identity(self) -> Digest:
        """Return the digest that stands for bytes nobody has read."""
        return hash_bytes("\n".join((self.uri, self.etag or "", self.version_id or "")).encode())


class Entry(NamedTuple):
    """One file of a version.

    Attributes:
        path: Relative, ``/``-separated, Unicode NFC.
        digest: BLAKE3-256 of the contents.
        size: Bytes.
        executable: Whether the file may be executed by its owner.
        reference: Where the bytes lie, if not in the store.
    """

    path: str
    digest: Digest
    size: int
    executable: bool = False
    reference: Reference | None = None

    def same_content(self, other: Entry) -> bool:
        """Whether both name the same bytes with the same attributes, under whatever path."""
        return self[1:] == other[1:]


def check_path(path: str) -> str:
    """Return ``path`` in the form in which a manifest holds it (Unicode NFC).

    Raises:
        InvalidInputError: The path is absolute, leaves its folder, or cannot be written on every
            system; the message names the reason.
    """
    if not path.isascii() and not unicodedata.is_normalized("NFC", path):
        path = unicodedata.normalize("NFC", path)
    if _PATH.fullmatch(path) is None or _DRIVE.match(path):
        raise InvalidInputError(
            f"not a usable path inside an artifact: {path!r} ({_why_refused(path)})",
            hint="rename the file, exclude it, or pass name= with a relative path",
            kind="bad_path",
        )
    return path


def check_paths(paths: list[str]) -> list[str]:
    """Return what `check_path` returns for each of many paths, faster."""
    text = "\n".join(["", *paths, ""])
    suspicious = (
        not text.isascii()
        or text.count("\n") != len(paths) + 1
        or not text.replace("\n", "").isprintable()
        or any(part in text for part in (*_SUSPECT, *_SUSPECT_DOTS))
        or (":" in text and re.search(r"\n[A-Za-z]:", text) is not None)
    )
    if not suspicious:
        return paths
    return [check_path(path) for path in paths]


def _why_refused(path: str) -> str:
    if not path:
        return "it is empty"
    if path.startswith("/") or _DRIVE.match(path):
        return "it is absolute"
    if any("\ud800" <= c <= "\udfff" for c in path):
        return "the name is not valid UTF-8"
    if "\\" in path:
        return "it contains a backslash"
    if any(unicodedata.category(c) == "Cc" for c in path):
        return "it contains a control character"
    segments = path.split("/")
    if ".." in segments:
        return "it leaves its folder with '..'"
    return "it has an empty or '.' segment"


class Manifest:
    """An immutable, sorted, checked list of entries with its canonical bytes and digest.

    Args:
        entries: In any order.

    Raises:
        InvalidInputError: A path is unusable, occurs twice, or is both a file and a folder.
    """

    __slots__ = ("_by_path", "_digest", "_encoded", "_size", "entries")

    entries: Sequence[Entry]

    def __init__(self, entries: Iterable[Entry]) -> None:
        ordered = sorted(entries, key=_path_of)
        paths = [entry.path for entry in ordered]
        if check_paths(paths) != paths:
            raise InvalidInputError("a path is not Unicode NFC", kind="bad_path")
        _OrderCheck().all(paths)
        self._fill(ordered, None)

    def _fill(self, ordered: list[Entry], digest: Digest | None) -> None:
        self.entries = ordered
        self._digest = digest
        self._encoded: list[bytes] | None = None
        self._size: int | None = None
        self._by_path: dict[str, Entry] | None = None

    @classmethod
    def parse(cls, chunks: Iterable[bytes]) -> Manifest:
        """Read canonical bytes back.

        Raises:
            FormatError: The bytes are not a canonical manifest of a version that is known.
        """
        hasher = Hasher()

        def hashed() -> Iterator[bytes]:
            for chunk in chunks:
                hasher.update(chunk)
                yield chunk

        entries = list(iter_entries(hashed()))
        self = cls.__new__(cls)
        self._fill(entries, hasher.digest())
        return self

    def chunks(self) -> Iterator[bytes]:
        """Yield the canonical bytes in pieces of about a megabyte."""
        if self._encoded is not None:
            yield from self._encoded
            return
        yield HEADER
        iterator = iter(self.entries)
        while batch := list(itertools.islice(iterator, _CHUNK_ENTRIES)):
            yield b"".join([_encode(entry) for entry in batch])

    @property
    def digest(self) -> Digest:
        """BLAKE3-256 of the canonical bytes: the identity of the contents."""
        if self._digest is None:
            hasher, size = Hasher(), 0
            encoded: list[bytes] | None = []
            for chunk in self.chunks():
                hasher.update(chunk)
                size += len(chunk)
                if encoded is not None:
                    # The bytes are wanted again when the manifest is stored.
                    encoded = [*encoded, chunk] if size <= _KEEP_ENCODED else None
            self._digest, self._encoded = hasher.digest(), encoded
        return self._digest

    @property
    def size(self) -> int:
        """Sum of the sizes of all entries, references included, in bytes."""
        if self._size is None:
            self._size = sum(map(_size_of, self.entries))
        return self._size

    @property
    def by_path(self) -> Mapping[str, Entry]:
        """The entries by their path."""
        if self._by_path is None:
            self._by_path = {entry.path: entry for entry in self.entries}
        return self._by_path

    def get(self, path: str) -> Entry | None:
        """Return the entry at ``path``, or None."""
        return self.by_path.get(path)

    def __len__(self) -> int:
        return len(self.entries)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Manifest) and self.entries == other.entries

    def __hash__(self) -> int:
        return hash(self.digest)

    def __repr__(self) -> str:
        return f"<Manifest {format_digest(self.digest)[:19]} with {len(self)} entries>"


def iter_entries(chunks: Iterable[bytes]) -> Iterator[Entry]:
    """Yield the entries of a manifest from its bytes, holding no more than one chunk.

    Args:
        chunks: The canonical bytes, cut anywhere.

    Raises:
        FormatError: See `Manifest.parse`. Entries before the fault have been yielded.
    """
    blocks = _blocks(chunks)
    header, _, first = next(blocks, b"").partition(b"\n")
    if header + b"\n" != HEADER:
        raise FormatError(_header_problem(header))
    check = _OrderCheck()
    for block in itertools.chain([first], blocks):
        entries = _decode_block(block)
        paths = [entry.path for entry in entries]
        try:
            if check_paths(paths) != paths:
                raise InvalidInputError("a path is not Unicode NFC")
            check.all(paths)
        except InvalidInputError as error:
            raise FormatError(f"refused manifest: {error.message}", kind="bad_manifest") from error
        yield from entries


def digests_in(data: bytes) -> set[Digest]:
    """Return the digests of all entries whose bytes the store keeps, from canonical bytes.

    Much faster than reading the entries, for manifests that this program wrote itself.
    """
    if b'"uri":' in data:
        return {entry.digest for entry in iter_entries([data]) if entry.reference is None}
    # A quote inside a path is escaped, so this is where a path ends and nowhere else.
    pieces = data.split(b'","blake3:')[1:]
    return {Digest(unhexlify(piece[: 2 * DIGEST_SIZE])) for piece in pieces}


_size_of = attrgetter("size")


def entry_at(data: bytes, path: str) -> Entry | None:
    """Return the entry of a path from canonical bytes, or None; the others are not read."""
    # A line begins with its path, and a path holds no newline.
    start = data.find(b"\n[" + orjson.dumps(path) + b",") + 1
    return _decode_block(data[start : data.index(b"\n", start) + 1])[0] if start else None


def entries_with(data: bytes, digest: Digest) -> list[Entry]:
    """Return the entries of a content from canonical bytes; the others are not read."""
    wanted = b'","' + format_digest(digest).encode() + b'",'
    found: list[Entry] = []
    position = data.find(wanted)
    while position >= 0:
        start, end = data.rindex(b"\n", 0, position) + 1, data.index(b"\n", position) + 1
        # The same text may be in the address of a reference.
        found += [entry for entry in _decode_block(data[start:end]) if entry.digest == digest]
        position = data.find(wanted, end)
    return found


_path_of = attrgetter("path")  # code point order is the byte order of UTF-8


class _OrderCheck:
    """Sees paths in order; refuses repetition, disorder, and a file that is also a folder."""

    __slots__ = ("_last", "_open")

    def __init__(self) -> None:
        self._last = ""
        # Files that the last path begins with. In sorted order whatever is below a folder "a"
        # follows the file "a" with nothing in between that does not begin with "a".
        self._open: set[str] = set()

    def all(self, paths: list[str]) -> None:
        """Go on with these paths.

        Raises:
            InvalidInputError: One of them is out of order or both file and folder.
        """
        if not paths:
            return
        if paths[0] <= self._last or not all(map(lt, paths, itertools.islice(paths, 1, None))):
            self._refuse_disorder(paths)
        files = self._open.union(paths)
        folders = {path.rpartition("/")[0] for path in paths}
        for folder in sorted(folders):
            for ancestor in (folder, *_ancestors(folder)):
                if ancestor in files:
                    raise InvalidInputError(
                        f"{ancestor!r} is both a file and a folder", kind="bad_path"
                    )
        last = self._last = paths[-1]
        self._open = files.intersection(last[:end] for end in range(1, len(last) + 1))

    def _refuse_disorder(self, paths: list[str]) -> None:
        for before, path in itertools.pairwise([self._last, *paths]):
            if path <= before:
                problem = "occurs twice" if path == before else "is out of order"
                raise InvalidInputError(
                    f"path {problem} in the manifest: {path!r}", kind="bad_path"
                )


def _ancestors(path: str) -> Iterator[str]:
    while path := path.rpartition("/")[0]:
        yield path


def _encode(entry: Entry) -> bytes:
    path, digest, size, executable, reference = entry
    if not executable and reference is None:
        return orjson.dumps((path, "blake3:" + digest.hex(), size)) + b"\n"
    attributes: dict[str, object] = {}
    if executable:
        attributes["executable"] = True
    if reference is not None:
        attributes["uri"] = reference.uri
        if reference.etag is not None:
            attributes["etag"] = reference.etag
        if reference.version_id is not None:
            attributes["version_id"] = reference.version_id
        if not reference.hashed:
            attributes["unread"] = True
    line = (path, format_digest(digest), size, attributes)
    return orjson.dumps(line, option=orjson.OPT_SORT_KEYS) + b"\n"


def _decode_block(block: bytes) -> list[Entry]:
    """Return the entries of whole lines; all at once, as a line at a time is much slower."""
    if not block:
        return []
    text = b"[" + block[:-1].replace(b"\n", b",") + b"]"
    try:
        rows = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise FormatError(f"refused manifest: {error}", kind="bad_manifest") from error
    count = block.count(b"\n")
    # Every line is one array, and all are written as this program writes them.
    one_per_line = len(rows) == count and block.count(b"\n[") == count - 1 and block[:1] == b"["
    if not one_per_line or orjson.dumps(rows, option=orjson.OPT_SORT_KEYS) != text:
        raise FormatError("refused manifest: a line is not canonical", kind="bad_manifest")
    try:
        if all(len(row) == _PLAIN_ROW for row in rows):
            return _plain_entries(rows)
        return [_entry_of(row) for row in rows]
    except (ValueError, TypeError, KeyError) as error:
        raise FormatError(f"refused manifest: bad line: {error}", kind="bad_manifest") from error


def _plain_entries(rows: list[list[Any]]) -> list[Entry]:
    """Return entries without attributes.

    Raises:
        ValueError, TypeError: A digest or a size is wrong. Paths are checked by the caller.
    """
    if not all(type(row[2]) is int and 0 <= row[2] < _SIZE_LIMIT for row in rows):
        raise ValueError("bad size")
    if not all(type(row[0]) is str for row in rows):
        raise ValueError("bad path")
    fromhex = bytes.fromhex
    digests = [fromhex(row[1][_DIGEST_OFFSET:]) for row in rows]
    if ["blake3:" + digest.hex() for digest in digests] != [row[1] for row in rows]:
        raise ValueError("bad digest")
    if any(len(digest) != DIGEST_SIZE for digest in digests):
        raise ValueError("digest of another length")
    new = tuple.__new__
    # As Entry(path, digest, size), in half the time.
    return [
        new(Entry, (row[0], digest, row[2], False, None))
        for row, digest in zip(rows, digests, strict=True)
    ]


def _entry_of(row: list[Any]) -> Entry:
    """Return one entry, attributes included.

    Raises:
        ValueError, TypeError, KeyError: Something in it is wrong.
    """
    if len(row) == _PLAIN_ROW:
        return _plain_entries([row])[0]
    path, digest, size, attributes = row
    if not isinstance(attributes, dict):
        raise TypeError(f"attributes of {path!r}")
    entry = _plain_entries([[path, digest, size]])[0]
    unknown = attributes.keys() - {"executable", "unread", *_TEXTS}
    if unknown:
        raise FormatError(
            f"manifest uses attributes that this version does not know: {sorted(unknown)}",
            hint="update artifacts-cas",
        )
    if not all(isinstance(attributes.get(name, ""), str) for name in _TEXTS):
        raise ValueError(f"attributes of {path!r}")
    reference = None
    if "uri" in attributes:
        reference = Reference(
            attributes["uri"],
            attributes.get("etag"),
            attributes.get("version_id"),
            "unread" not in attributes,
        )
        if not reference.hashed and reference.identity() != entry.digest:
            raise ValueError(f"digest of {path!r} is not that of its reference")
    entry = entry._replace(executable="executable" in attributes, reference=reference)
    # Also refuses attributes that say what goes without saying.
    if _encode(entry) != orjson.dumps(row) + b"\n":
        raise ValueError(f"attributes of {path!r}")
    return entry


def _blocks(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Cut anew, into blocks of whole lines of about a megabyte."""
    rest = b""
    for chunk in chunks:
        start = 0
        while start < len(chunk):
            piece = rest + chunk[start : start + _BLOCK_SIZE]
            start += _BLOCK_SIZE
            end = piece.rfind(b"\n") + 1
            if end:
                yield piece[:end]
            rest = piece[end:]
    if rest:
        raise FormatError("refused manifest: the last line is cut off", kind="bad_manifest")


def _header_problem(header: bytes) -> str:
    try:
        described = orjson.loads(header)
        version = described["version"] if described["format"] == "artifacts-manifest" else None
    except (ValueError, TypeError, KeyError):
        version = None
    if version is None:
        return "not a manifest"
    return f"manifest of format version {version!r}; this program reads version 1"
