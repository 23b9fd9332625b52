"""Columns of a list of versions: what a version says of itself, and its metadata."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from artifacts.cli import _describe, _text
from artifacts.store.filters import VERSION_FIELDS, Kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from artifacts.store.filters import Field
    from artifacts.store.records import VersionRecord

_TITLES = {"file_count": "FILES", "created_at": "AGE"}

OF_ONE = ("version", "aliases", "tags", "size", "file_count", "digest", "created_at")
"""What is shown of the versions of one artifact."""

OF_SEVERAL = ("name", "version", "type", "aliases", "tags", "size", "created_at")
"""What is shown of the versions of several artifacts."""


class Column(NamedTuple):
    """One column.

    Attributes:
        text: What it was called on the command line.
        path: The keys that lead to a value of the metadata.
    """

    text: str
    field: Field
    path: tuple[str, ...]

    @property
    def title(self) -> str:
        """Header of the table."""
        return self.text if self.path else _TITLES.get(self.field.name, self.field.name.upper())

    @property
    def is_right(self) -> bool:
        """Whether it is aligned to the right, because numbers are in it."""
        return self.field.kind is Kind.JSON or self.field.name in {"size", "file_count"}

    def value(self, version: VersionRecord) -> Any:
        """Return the value of a version as JSON, None if it has none."""
        if self.path:
            found: Any = version.metadata
            for key in self.path:
                found = found.get(key) if isinstance(found, dict) else None
            return found
        if self.field.name == "state":
            return "COMMITTED" if version.deleted_at is None else "DELETED"
        return _describe.version(version)[self.field.name]

    def cell(self, version: VersionRecord) -> str:
        """Return the value as people read it."""
        name, value = self.field.name, self.value(version)
        if value is None:
            return ""
        if name == "size":
            return _text.size(version.size)
        if name == "digest":
            return _describe.short(version.digest)
        if self.field.kind is Kind.TIME:
            return _text.age(getattr(version, name))
        if name == "file_count":
            return f"{version.file_count:,}"
        return ", ".join(value) if self.field.kind is Kind.SET else _text.cell(value)


def parse_columns(names: Sequence[str]) -> list[Column]:
    """Return columns by their names: ``version``, ``size``, ``metadata.acc``.

    Raises:
        InvalidInputError: There is no such column; near matches are in the hint.
    """
    return [Column(name, *VERSION_FIELDS.find(name, "--columns")) for name in names]
