"""Which files of a version a run has read, in a form whose size does not grow with their number."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

MOST_PATHS = 1_000
"""More paths than this are only counted."""

MOST_PREFIXES = 100
"""Folders for which files are counted; of more folders only the sum is known."""


@dataclass(frozen=True, slots=True)
class Subset:
    """What was read of a version.

    Attributes:
        paths: All files that were read, sorted; empty if the whole version was, and if they are
            more than `MOST_PATHS`.
        count: How many files were read. If several processes have read more than `MOST_PATHS`, at
            least so many.
        complete: Whether the whole version was read.
        prefixes: If they are only counted, how many there are below each folder at the top.
    """

    paths: tuple[str, ...] = ()
    count: int = 0
    complete: bool = False
    prefixes: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def whole(cls, total: int) -> Subset:
        """Return the subset that is everything.

        Args:
            total: How many files the version has.
        """
        return cls(count=total, complete=True)

    @classmethod
    def of(cls, paths: Collection[str], total: int) -> Subset:
        """Return the subset that is made of different paths.

        Args:
            total: How many files the version has.
        """
        if len(paths) >= total:
            return cls.whole(total)
        if len(paths) <= MOST_PATHS:
            return cls(tuple(sorted(paths)), len(paths))
        return cls((), len(paths), prefixes=_few(_folders(paths)))

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Subset:
        """Return what `to_json` was made of."""
        return cls(
            tuple(value["paths"]), value["count"], value["complete"], value.get("prefixes", {})
        )

    def to_json(self) -> dict[str, Any]:
        """Return it as the catalog and exports have it."""
        told = {"paths": list(self.paths), "count": self.count, "complete": self.complete}
        return told | ({"prefixes": dict(self.prefixes)} if self.prefixes else {})

    def merge(self, other: Subset, total: int) -> Subset:
        """Return what both have read together.

        Where paths are only counted it is not known which of them are the same: the larger number
        counts then.

        Args:
            total: How many files the version has.
        """
        if self.complete or other.complete:
            return Subset.whole(total)
        if self._is_exact() and other._is_exact():
            return Subset.of({*self.paths, *other.paths}, total)
        prefixes = Counter(self._prefixes()) | Counter(other._prefixes())  # the larger of each
        count = max(self.count, other.count, prefixes.total())
        if count >= total:
            return Subset.whole(total)
        return Subset((), count, prefixes=_few(prefixes))

    def _is_exact(self) -> bool:
        return len(self.paths) == self.count

    def _prefixes(self) -> Mapping[str, int]:
        return _folders(self.paths) if self.paths else self.prefixes


def _folders(paths: Iterable[str]) -> Counter[str]:
    """Count paths by the folder at the top, with a slash after its name; those in none are not."""
    return Counter(f"{path.partition('/')[0]}/" for path in paths if "/" in path)


def _few(prefixes: Counter[str]) -> dict[str, int]:
    return dict(sorted(prefixes.items())) if len(prefixes) <= MOST_PREFIXES else {}
