"""What all media have in common: files that are kept, and a description that leads back to them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import IO, TYPE_CHECKING, Any, ClassVar, NamedTuple, Protocol, Self

if TYPE_CHECKING:
    from pathlib import Path

TYPE = "_type"
"""Member of a description that says what it describes."""


class Kept(NamedTuple):
    """A file as it was kept.

    Attributes:
        path: Inside the artifact to which it goes, such as ``media/images/loss_3_1a2b3c4d.png``.
        digest: ``blake3:`` and 64 hexadecimal digits.
        sha256: 64 hexadecimal digits; what readers of rows of the reference look for.
        size: Bytes.
    """

    path: str
    digest: str
    sha256: str
    size: int

    def described(self, type_name: str) -> dict[str, Any]:
        """Return the members that the description of every file has."""
        return {
            TYPE: type_name,
            "path": self.path,
            "digest": self.digest,
            "sha256": self.sha256,
            "size": self.size,
        }


class Keeper(Protocol):
    """Keeps files until they are part of a version: for a run, or for a draft."""

    def keep(self, folder: str, suffix: str, content: bytes | Path) -> Kept:
        """Keep a file; the same content is kept once.

        Args:
            folder: What it is, such as ``images``: its folder below ``media/``.
            suffix: Of its name, such as ``.png``.
            content: The bytes, or a file of which a copy is kept as it is now.

        Raises:
            InvalidInputError: The file cannot be read.
            StorageError: There is no space for it.
        """
        ...


class Files(Protocol):
    """Where the files are to which a description leads."""

    def open(self, path: str) -> IO[bytes]:
        """Open a file; only what is read is fetched.

        Raises:
            EntryNotFoundError: It is not there.
        """
        ...

    def local(self, path: str) -> Path:
        """Return a read-only file on this machine with the contents of one."""
        ...


class Media(ABC):
    """Something that is logged as files and a description, which is a JSON object.

    An object is either made by a user, or loaded from a description. A loaded one reads its files
    when they are needed. What the description says can be read as from a dict, before and after:
    ``row["image"]["path"]``.
    """

    type_name: ClassVar[str]
    """What its description calls it, such as ``image-file``."""

    batch_name: ClassVar[str | None] = None
    """What the description of several is called, such as ``images/separated``; None for a type of
    which a list is described one by one."""

    batch_limit: ClassVar[int | None] = None
    """How many of a list are kept; the others are left out with a warning."""

    _description: dict[str, Any] | None = None

    @abstractmethod
    def _keep(self, keeper: Keeper) -> dict[str, Any]:
        """Keep the files and return the description; called once for each place it goes to."""

    @classmethod
    @abstractmethod
    def _load(cls, description: Mapping[str, Any], files: Files) -> Self:
        """Return the object that was described, without reading its files."""

    @classmethod
    def _batched(cls, items: Sequence[Self], descriptions: Sequence[dict[str, Any]]) -> Any:
        """Return the description of several, of which ``items`` holds those of each."""
        return {
            TYPE: cls.batch_name,
            "count": len(items),
            "filenames": [each["path"] for each in descriptions],
            "captions": [each.get("caption") for each in descriptions],
            "items": list(descriptions),
        }

    def to_json(self) -> dict[str, Any]:
        """Return the description.

        Returns:
            A copy; empty for an object that was neither logged nor loaded.
        """
        return dict(self._description or {})

    def keys(self) -> Iterator[str]:
        """Return the names in the description."""
        return iter(self.to_json())

    def get(self, name: str, default: Any = None) -> Any:
        """Return a value of the description."""
        return self.to_json().get(name, default)

    def __getitem__(self, name: str) -> Any:
        return self.to_json()[name]

    def __contains__(self, name: object) -> bool:
        return name in self.to_json()
