"""A compact set of digests, for marking what is in use: eight bytes for each of many millions.

Only the first eight bytes of a digest are kept. Two digests that share them count as one, which
keeps some garbage a little longer and never takes anything that is needed.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from artifacts.store.digests import Digest

PREFIX = 8
PARTITIONS = 256
_COMPACT_FROM = 4096


class MarkSet:
    """Digests by their first byte, so that a reader needs one 256th of them as a set at a time."""

    def __init__(self) -> None:
        self._partitions = [array("Q") for _ in range(PARTITIONS)]
        self._compact_at = [_COMPACT_FROM] * PARTITIONS

    def update(self, digests: Iterable[Digest]) -> None:
        """Add digests; those of many similar versions may come again and again."""
        partitions = self._partitions
        for digest in digests:
            partitions[digest[0]].append(int.from_bytes(digest[:PREFIX], "big"))
        for number, marks in enumerate(partitions):
            if len(marks) >= self._compact_at[number]:
                unique = array("Q", set(marks))
                partitions[number] = unique
                self._compact_at[number] = max(_COMPACT_FROM, 2 * len(unique))

    def partition(self, first: int) -> frozenset[bytes]:
        """Return the prefixes, of `PREFIX` bytes, of all digests that start with this byte."""
        return frozenset(mark.to_bytes(PREFIX, "big") for mark in self._partitions[first])

    def __contains__(self, digest: Digest) -> bool:
        return int.from_bytes(digest[:PREFIX], "big") in self._partitions[digest[0]]
