"""What media have in common that are one file each: where its bytes are, and reading them."""

from __future__ import annotations

import io
import os
import tempfile
import weakref
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, ClassVar, NamedTuple, Self

from artifacts.media.base import Media
from artifacts.store.errors import InvalidInputError, InvalidTypeError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from artifacts.media.base import Files, Keeper

Content = bytes | Path


class _Stored(NamedTuple):
    """A file to which a description leads."""

    files: Files
    path: str


class OneFile(Media):
    """Media of which each is one file.

    Attributes:
        format: Of the file, which is its suffix, without the first dot.
        caption: What is shown with it, or None.
    """

    folder: ClassVar[str]
    """What its files lie in, below ``media/``."""

    _content: Content | _Stored
    _facts: dict[str, Any]

    def _hold(self, content: Content, format_: str, caption: str | None, **facts: Any) -> None:
        """Begin as what a user has made.

        Args:
            facts: What the description says besides what it says of every file.
        """
        told = {"format": format_, "caption": check_caption(caption), **facts}
        self._content = content
        self._facts = {name: value for name, value in told.items() if value is not None}

    def _keep(self, keeper: Keeper) -> dict[str, Any]:
        content = self._content
        if isinstance(content, _Stored):
            content = content.files.local(content.path)
        kept = keeper.keep(self.folder, f".{self.format}", content)
        described = kept.described(self.type_name)
        return described | {
            name: value for name, value in self._facts.items() if name not in described
        }

    @classmethod
    def _load(cls, description: Mapping[str, Any], files: Files) -> Self:
        loaded = cls.__new__(cls)
        loaded._facts = dict(description)
        loaded._content = _Stored(files, description["path"])
        return loaded

    @property
    def format(self) -> str:
        """Format of the file."""
        return str(self._facts["format"])

    @property
    def caption(self) -> str | None:
        """What is shown with it."""
        return self._facts.get("caption")

    def open(self) -> IO[bytes]:
        """Open the file for reading; the caller closes it.

        Raises:
            EntryNotFoundError: It was logged, and is not there any more.
        """
        if isinstance(self._content, _Stored):
            return self._content.files.open(self._content.path)
        return open_content(self._content)

    @property
    def path(self) -> Path:
        """A file on this machine with the contents, to be read only.

        It is the one that the object was made of, if it was made of one. Others live as long as the
        object does.

        Raises:
            EntryNotFoundError: It was logged, and is not there any more.
        """
        if isinstance(self._content, _Stored):
            return self._content.files.local(self._content.path)
        if isinstance(self._content, Path):
            return self._content
        descriptor, path = temporary_file(self, f".{self.format}")
        with open(descriptor, "wb") as file:
            file.write(self._content)
        self._content = path
        return path


def temporary_file(owner: object, suffix: str) -> tuple[int, Path]:
    """Make a file that lives as long as an object does.

    Returns:
        Its descriptor, open for writing, and its path.
    """
    descriptor, name = tempfile.mkstemp(prefix="artifacts-", suffix=suffix)
    weakref.finalize(owner, _remove, name, os.getpid())
    return descriptor, Path(name)


def _remove(name: str, owner: int) -> None:
    if os.getpid() == owner:  # not in a forked process, which has a copy of the object
        os.unlink(name)


def open_content(content: Content) -> IO[bytes]:
    """Open what may be in memory or in a file."""
    return io.BytesIO(content) if isinstance(content, bytes) else content.open("rb")


def is_path(value: Any) -> bool:
    """Whether a value names a file."""
    return isinstance(value, str | os.PathLike)


def existing_file(path: Any, argument: str = "data_or_path") -> Path:
    """Return the path of a file that is there.

    Raises:
        InvalidInputError: It is not there, no file, or a URL.
    """
    text = os.fsdecode(path)
    if "://" in text:
        raise InvalidInputError(
            f"{argument} is a URL, and media are kept as files: {text}",
            hint="download it first, or record where it is with Artifact.add_reference()",
        )
    found = Path(os.path.abspath(text))
    if not found.is_file():
        reason = "is no file" if found.exists() else "does not exist"
        raise InvalidInputError(f"{argument} {reason}: {text}")
    return found


def read_all(file: Any, argument: str = "data_or_path") -> bytes:
    """Return the contents of an open file, in bytes, wherever it stands and in whatever mode it is.

    Raises:
        InvalidTypeError: It is no open file.
        InvalidInputError: It is not open for reading.
    """
    if not hasattr(file, "read"):
        raise InvalidTypeError(
            f"{argument} must be a path, an open file or data, not {type(file).__name__}"
        )
    binary = getattr(file, "buffer", file)  # text that is read as it is in the file
    try:
        if hasattr(file, "flush"):
            file.flush()
        if hasattr(binary, "seekable") and binary.seekable():
            binary.seek(0)
        data = binary.read()
    except io.UnsupportedOperation as error:
        raise InvalidInputError(f"{argument} cannot be read: {error}") from error
    return data.encode("utf-8") if isinstance(data, str) else bytes(data)


def take_file(
    data_or_path: Any, formats: Collection[str], file_type: str | None
) -> tuple[Content, str]:
    """Return the content of a file that was given as a path or open, and its format.

    Args:
        formats: Those that there are.
        file_type: Format of an open file that has no name with a suffix.

    Raises:
        InvalidInputError: It cannot be read, or is of none of the formats.
        InvalidTypeError: It is neither a path nor an open file.
    """
    if is_path(data_or_path):
        path = existing_file(data_or_path)
        return path, format_of(path, formats)
    content = read_all(data_or_path)
    if file_type is not None:
        return content, check_format(file_type, formats, "file_type")
    name = getattr(data_or_path, "name", None)
    found = _suffix_in(name, formats) if isinstance(name, str) else None
    if found is None:
        raise InvalidInputError(
            "file_type is needed for an open file without a name that says it",
            hint=f"it is one of {listed(formats)}",
        )
    return content, found


def format_of(path: Path, formats: Collection[str], argument: str = "data_or_path") -> str:
    """Return the format that the name of a file says.

    Args:
        formats: Those that there are; one may have a dot in it.

    Raises:
        InvalidInputError: It is none of those.
    """
    found = _suffix_in(path.name, formats)
    if found is None:
        raise InvalidInputError(f"{argument} must have a suffix of {listed(formats)}: {path.name}")
    return found


def _suffix_in(name: str, formats: Collection[str]) -> str | None:
    lower = name.lower()
    return next((format_ for format_ in formats if lower.endswith(f".{format_}")), None)


def check_format(format_: Any, formats: Collection[str], argument: str) -> str:
    """Return a format as it is spelled here.

    Raises:
        InvalidInputError: There is no such format.
    """
    found = format_.lower().removeprefix(".") if isinstance(format_, str) else format_
    if found not in formats:
        raise InvalidInputError(f"{argument} must be one of {listed(formats)}, not {format_!r}")
    return str(found)


def listed(names: Collection[str]) -> str:
    """Return names as a text."""
    return ", ".join(names)


def check_caption(caption: Any) -> str | None:
    """Return a caption.

    Raises:
        InvalidTypeError: It is no text.
    """
    if caption is not None and not isinstance(caption, str):
        raise InvalidTypeError(f"caption must be text, not {type(caption).__name__}")
    return caption
