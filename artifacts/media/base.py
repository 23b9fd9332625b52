"""What all media have in common: files that are kept, and a description that leads back to them.

A description names every file that belongs to it, so that the files of a row can be found from the
row alone. Each is named by an object that has its ``path`` and its ``digest``, at any depth: the
description itself, or one within it, such as that of a mask. A type that keeps many files, such as
a table with images in its cells, has a member ``files`` instead: an object with the digest of each
by its path. See `named_files`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import KeysView, Mapping, Sequence
from typing import IO, TYPE_CHECKING, Any, ClassVar, NamedTuple, Protocol, Self

if TYPE_CHECKING:
    from pathlib import Path

TYPE = "_type"
"""Member of a description that says what it describes."""

FILES = "files"
"""Member of a description that names many files: an object of digests by path."""


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

    @property
    def run(self) -> str | None:
        """Path of the run for which it keeps them, None for a draft."""
        ...

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

    def below(self, folder: str) -> list[str]:
        """Return the paths of all files below a folder, in their order."""
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
    _files: Files | None = None
    """Where the files of a loaded object are, None for one that was made."""

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

    def keys(self) -> KeysView[str]:
        """Return the names in the description."""
        return self.to_json().keys()

    def get(self, name: str, default: Any = None) -> Any:
        """Return a value of the description.

        Args:
            name: As `keys` returns them.
            default: What is returned if there is no such name.
        """
        return self.to_json().get(name, default)

    def __getitem__(self, name: str) -> Any:
        return self.to_json()[name]

    def __contains__(self, name: object) -> bool:
        return name in self.to_json()

    def __eq__(self, other: object) -> bool:
        """Whether both have the same contents: the paths of the files do not matter."""
        if self is other:
            return True
        if self._description is None:
            return False
        if isinstance(other, Media):
            return other._description is not None and _contents(self._description) == _contents(
                other._description
            )
        return isinstance(other, Mapping) and self._description == other

    def __hash__(self) -> int:
        return hash(type(self))  # what is equal has one type, and may change when it is logged


def describe(value: Media, keeper: Keeper) -> dict[str, Any]:
    """Keep an object, and return its description, which the object has from then on."""
    value._description = description = value._keep(keeper)
    return dict(description)


def named_files(value: Any) -> dict[str, str]:
    """Return the files that a value of a row names: their digests by their paths.

    Args:
        value: Anything; a description, several of them, or what holds none.
    """
    found: dict[str, str] = {}
    _find_files(value, found)
    return found


def _find_files(value: Any, found: dict[str, str]) -> None:
    if type(value) is list:
        for item in value:
            if type(item) in {dict, list}:
                _find_files(item, found)
        return
    if type(value) is not dict:
        return
    path, digest = value.get("path"), value.get("digest")
    if type(path) is str and type(digest) is str:
        found[path] = digest
    for name, item in value.items():
        if (
            name == FILES
            and type(item) is dict
            and all(type(each) is str for each in item.values())
        ):
            found.update(item)
        elif type(item) in {dict, list}:
            _find_files(item, found)


def _contents(value: Any) -> Any:
    """Return a description without the paths of its files."""
    if isinstance(value, Mapping):
        if FILES in value:
            value = {**value, FILES: sorted(value[FILES].values())}
        return {name: _contents(item) for name, item in value.items() if name != "path"}
    if isinstance(value, list | tuple):
        return [_contents(item) for item in value]
    return value
