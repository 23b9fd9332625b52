"""What two versions share by content, whatever the paths: test data among training data."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from artifacts.store.digests import Digest
    from artifacts.store.manifest import Entry, Manifest

DEFAULT_EXAMPLES = 10


class SharedContent(NamedTuple):
    """One content that is in both.

    Attributes:
        paths: Where it is in the first.
        other_paths: Where it is in the second.
    """

    digest: Digest
    size: int
    paths: list[str]
    other_paths: list[str]


class Side(NamedTuple):
    """One of the two versions.

    Attributes:
        files: How many files it has; empty ones are not counted, because all of them are alike.
        bytes: Sum of their sizes.
        shared_files: How many of them have a content that the other version has too.
        shared_bytes: Sum of their sizes.
    """

    files: int
    bytes: int
    shared_files: int
    shared_bytes: int


class Overlap(NamedTuple):
    """What two versions share; true if that is anything.

    Attributes:
        contents: How many different contents are in both.
        first: Of the first version.
        second: Of the second version.
        examples: The largest contents in both.
    """

    contents: int
    first: Side
    second: Side
    examples: list[SharedContent]

    def __bool__(self) -> bool:
        return self.contents > 0


def overlap(first: Manifest, second: Manifest, *, examples: int = DEFAULT_EXAMPLES) -> Overlap:
    """Compare two manifests by the digests of their entries.

    A reference counts too; one that nobody has read only equals itself.

    Args:
        first: One of them.
        second: The other one.
        examples: At most so many examples.
    """
    ours, theirs = _by_digest(first), _by_digest(second)
    shared = ours.keys() & theirs.keys()
    largest = sorted(shared, key=lambda digest: (-ours[digest][0].size, ours[digest][0].path))
    return Overlap(
        len(shared),
        _side(ours, theirs),
        _side(theirs, ours),
        [
            SharedContent(
                digest,
                ours[digest][0].size,
                [entry.path for entry in ours[digest]],
                [entry.path for entry in theirs[digest]],
            )
            for digest in largest[:examples]
        ],
    )


def _by_digest(manifest: Manifest) -> dict[Digest, list[Entry]]:
    found: dict[Digest, list[Entry]] = {}
    for entry in manifest:
        if entry.size:
            found.setdefault(entry.digest, []).append(entry)
    return found


def _side(own: Mapping[Digest, list[Entry]], other: Mapping[Digest, list[Entry]]) -> Side:
    files = size = shared_files = shared_size = 0
    for digest, entries in own.items():
        there = sum(entry.size for entry in entries)
        files += len(entries)
        size += there
        if digest in other:
            shared_files += len(entries)
            shared_size += there
    return Side(files, size, shared_files, shared_size)
