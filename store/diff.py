"""What changed from one manifest to another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from artifacts.store.manifest import Entry, Manifest


class Change(NamedTuple):
    """An entry before and after. A rename has the same contents under two paths."""

    before: Entry
    after: Entry


class MetadataChange(NamedTuple):
    """A member of the metadata before and after.

    Attributes:
        key: Its name; those of nested objects are joined by dots.
        before: Its value; None also if there was none.
        after: Likewise.
    """

    key: str
    before: Any
    after: Any


class ManifestDiff(NamedTuple):
    """Every list is sorted by path.

    Attributes:
        added: Entries with new paths.
        removed: Entries whose paths are gone.
        changed: Same path, other contents or attributes.
        renamed: Same contents, path gone and path new.
        unchanged: How many entries are the same.
        metadata: What differs in the metadata.
    """

    added: list[Entry]
    removed: list[Entry]
    changed: list[Change]
    renamed: list[Change]
    unchanged: int
    metadata: tuple[MetadataChange, ...] = ()

    @property
    def added_bytes(self) -> int:
        """Bytes of added entries and of the new side of changed ones."""
        return sum(e.size for e in self.added) + sum(c.after.size for c in self.changed)

    @property
    def removed_bytes(self) -> int:
        """Bytes of removed entries and of the old side of changed ones."""
        return sum(e.size for e in self.removed) + sum(c.before.size for c in self.changed)

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed or self.renamed or self.metadata)


def diff_manifests(before: Manifest, after: Manifest) -> ManifestDiff:
    """Compare two manifests by path, then pair what was removed with what was added by content."""
    old, new = before.by_path, after.by_path
    changed = []
    unchanged = 0
    for path, entry in old.items():
        other = new.get(path)
        if other is None:
            continue
        if other == entry:
            unchanged += 1
        else:
            changed.append(Change(entry, other))
    removed = [entry for path, entry in old.items() if path not in new]
    added = [entry for path, entry in new.items() if path not in old]
    renamed = _pair(removed, added)
    moved_away = {change.before.path for change in renamed}
    moved_here = {change.after.path for change in renamed}
    return ManifestDiff(
        added=[entry for entry in added if entry.path not in moved_here],
        removed=[entry for entry in removed if entry.path not in moved_away],
        changed=changed,
        renamed=renamed,
        unchanged=unchanged,
    )


def diff_metadata(
    before: Mapping[str, Any], after: Mapping[str, Any]
) -> tuple[MetadataChange, ...]:
    """Compare metadata member by member, by key."""
    old, new = dict(_members(before)), dict(_members(after))
    return tuple(
        MetadataChange(key, old.get(key), new.get(key))
        for key in sorted(old.keys() | new.keys())
        if key not in old or key not in new or not _equal(old[key], new[key])
    )


def _members(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, dict) and value:
            yield from _members(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


def _equal(one: Any, other: Any) -> bool:
    # 1 == True, but nobody would call them the same value.
    return type(one) is type(other) and bool(one == other)


def _pair(removed: list[Entry], added: list[Entry]) -> list[Change]:
    sources: dict[tuple[object, ...], list[Entry]] = {}
    for entry in reversed(removed):
        if entry.size == 0:
            continue  # all empty files are alike: that is no sign of a rename
        sources.setdefault(entry[1:], []).append(entry)
    pairs = []
    for entry in added:
        candidates = sources.get(entry[1:])
        if candidates:
            pairs.append(Change(candidates.pop(), entry))
    return sorted(pairs)
