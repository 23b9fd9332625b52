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
from typing import TYPE_CHECKING, NamedTuple

import orjson

from artifacts.store.digests import Digest, Hasher, format_digest, hash_bytes, parse_digest
from artifacts.store.errors import FormatError, InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

HEADER = b'{"format":"artifacts-manifest","version":1}\n'

_CHUNK_ENTRIES = 8192

# Segments are not empty, not "." and not "..", and hold no control character, no backslash (it
# separates folders on Windows) and no lone surrogate (a file name that is not UTF-8).
_PATH = re.compile(
    r"(?:(?!\.{1,2}(?:/|\Z))[^/\\\x00-\x1f\x7f-\x9f\ud800-\udfff]+(?:/(?!\Z)|\Z))+", re.DOTALL
)
_DRIVE = re.compile(r"[A-Za-z]:")

# The common line: no character that JSON escapes, no attributes. What matches is canonical.
_PLAIN_LINE = re.compile(r'\["([^"\\\x00-\x1f]+)","blake3:([0-9a-f]{64})",(0|[1-9][0-9]{0,18})\]')

_LINE_DIGEST = re.compile(
    rb'^\["(?:[^"\\]|\\.)*","blake3:([0-9a-f]{64})",[0-9]+(?:\]|,\{"executable":true\}\])$',
    re.MULTILINE,
)


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

    __slots__ = ("_by_path", "_digest", "_size", "entries")

    entries: Sequence[Entry]

    def __init__(self, entries: Iterable[Entry]) -> None:
        ordered = sorted(entries, key=_path_of)
        check = _OrderCheck()
        for entry in ordered:
            if check_path(entry.path) != entry.path:
                raise InvalidInputError(f"path is not Unicode NFC: {entry.path!r}", kind="bad_path")
            check.next(entry.path)
        self._fill(ordered, None)

    def _fill(self, ordered: list[Entry], digest: Digest | None) -> None:
        self.entries = ordered
        self._digest = digest
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
        yield HEADER
        iterator = iter(self.entries)
        while batch := list(itertools.islice(iterator, _CHUNK_ENTRIES)):
            yield b"".join([_encode(entry) for entry in batch])

    @property
    def digest(self) -> Digest:
        """BLAKE3-256 of the canonical bytes: the identity of the contents."""
        if self._digest is None:
            hasher = Hasher()
            for chunk in self.chunks():
                hasher.update(chunk)
            self._digest = hasher.digest()
        return self._digest

    @property
    def size(self) -> int:
        """Sum of the sizes of all entries, references included, in bytes."""
        if self._size is None:
            self._size = sum(entry.size for entry in self.entries)
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
    lines = _lines(chunks)
    header = next(lines, b"")
    if header + b"\n" != HEADER:
        raise FormatError(_header_problem(header))
    check = _OrderCheck()
    for line in lines:
        entry = _decode(line)
        try:
            normal = check_path(entry.path)
            check.next(entry.path)
        except InvalidInputError as error:
            raise FormatError(f"refused manifest: {error.message}", kind="bad_manifest") from error
        if normal != entry.path:
            raise FormatError(
                f"refused manifest: path is not Unicode NFC: {entry.path!r}", kind="bad_manifest"
            )
        yield entry


def digests_in(data: bytes) -> set[Digest]:
    """Return the digests of all entries whose bytes the store keeps, from canonical bytes.

    Much faster than reading the entries, for manifests that this program wrote itself.
    """
    fromhex = bytes.fromhex
    return {Digest(fromhex(digits.decode())) for digits in _LINE_DIGEST.findall(data)}


def _path_of(entry: Entry) -> str:
    # Code point order is the byte order of UTF-8.
    return entry.path


class _OrderCheck:
    """Sees paths in order; refuses repetition, disorder, and a file that is also a folder."""

    __slots__ = ("_files", "_last")

    def __init__(self) -> None:
        self._last = ""
        # Files seen so far that are string prefixes of the current path: in sorted order all
        # paths below a folder "a" follow the file "a", with only "a…" in between.
        self._files: list[str] = []

    def next(self, path: str) -> None:
        if path <= self._last:
            problem = "occurs twice" if path == self._last else "is out of order"
            raise InvalidInputError(f"path {problem} in the manifest: {path!r}", kind="bad_path")
        files = self._files
        while files and not path.startswith(files[-1]):
            files.pop()
        for file in files:
            if path[len(file)] == "/":
                raise InvalidInputError(
                    f"{file!r} is both a file and a folder (of {path!r})", kind="bad_path"
                )
        files.append(path)
        self._last = path


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


def _decode(line: bytes) -> Entry:
    try:
        text = line.decode()
    except UnicodeDecodeError as error:
        raise FormatError("refused manifest: not UTF-8", kind="bad_manifest") from error
    plain = _PLAIN_LINE.fullmatch(text)
    if plain is not None:
        path, digits, size = plain.groups()
        return Entry(path, Digest(bytes.fromhex(digits)), int(size))
    entry = _decode_json(line)
    if _encode(entry) != line + b"\n":
        raise FormatError(
            f"refused manifest: line is not canonical: {text[:200]!r}", kind="bad_manifest"
        )
    return entry


def _decode_json(line: bytes) -> Entry:
    try:
        path, digest, size, *rest = orjson.loads(line)
        attributes = dict(rest[0]) if rest else {}
        entry = Entry(
            path, parse_digest(digest), size, bool(attributes.pop("executable", False)), None
        )
        if "uri" in attributes:
            reference = Reference(
                attributes.pop("uri"),
                attributes.pop("etag", None),
                attributes.pop("version_id", None),
                not attributes.pop("unread", False),
            )
            entry = entry._replace(reference=reference)
    except (ValueError, TypeError, IndexError, AttributeError, KeyError) as error:
        raise FormatError(
            f"refused manifest: unreadable line: {line[:200]!r}", kind="bad_manifest"
        ) from error
    if attributes:
        raise FormatError(
            f"manifest uses attributes that this version does not know: {sorted(attributes)}",
            hint="update artifacts-cas",
        )
    if not isinstance(path, str) or type(size) is not int or size < 0:
        raise FormatError(f"refused manifest: bad line: {line[:200]!r}", kind="bad_manifest")
    return entry


def _lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    rest = b""
    for chunk in chunks:
        *complete, rest = (rest + chunk).split(b"\n")
        yield from complete
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
