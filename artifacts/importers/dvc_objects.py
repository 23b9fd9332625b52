"""The objects of a DVC repository: files by their MD5, in its cache and in local remotes."""

from __future__ import annotations

import configparser
import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from artifacts.importers.dvc_files import is_checksum
from artifacts.importers.sources import Md5, SourceFile
from artifacts.store.errors import FormatError, IntegrityError, from_os_error

if TYPE_CHECKING:
    from collections.abc import Callable

    from artifacts.importers.dvc_files import Out

DIRECTORY = ".dir"
"""What the checksum of a folder ends with; its object is a list of files."""


class Objects:
    """Finds objects.

    Args:
        root: The folder in which ``.dvc`` is.

    Raises:
        FormatError: The configuration cannot be read.
    """

    def __init__(self, root: Path) -> None:
        self._roots = _places(root)

    def files(self, out: Out, read: Callable[[str], bytes | None]) -> list[SourceFile] | None:
        """Return the files of an output; None if one of them is nowhere.

        Args:
            read: Returns a file of the repository as it was, for what Git keeps.

        Raises:
            IntegrityError: The list of files of a folder is damaged.
        """
        if not out.md5.endswith(DIRECTORY):
            name = out.path.rpartition("/")[2]
            found = self._find(out.md5)
            if found is not None:
                return [SourceFile(name, found, Md5(out.md5, out.of_text))]
            data = read(out.path)
            if data is None or not is_content(data, out):
                return None
            return [SourceFile(name, data)]
        listed = self.listing(out)
        if listed is None:
            return None
        files = []
        for path, md5 in listed.items():
            found = self._find(md5)
            if found is None:
                return None
            files.append(SourceFile(path, found, Md5(md5, out.of_text)))
        return files

    def listing(self, out: Out) -> dict[str, str] | None:
        """Return the checksums of the files of a folder, by their paths in it; None if unknown.

        Raises:
            IntegrityError: The list is damaged.
        """
        place = self._find(out.md5)
        if place is None:
            return None
        try:
            data = place.read_bytes()
        except OSError as error:
            raise from_os_error(error, f"read {place}") from error
        digits = hashlib.md5(data, usedforsecurity=False).hexdigest()
        try:
            found = {str(each["relpath"]): str(each["md5"]) for each in json.loads(data)}
        except (ValueError, TypeError, KeyError):
            found = None
        if (
            found is None
            or digits + DIRECTORY != out.md5
            or not all(map(is_checksum, found.values()))
        ):
            raise IntegrityError(
                f"the list of files of {out.path} in {place} is damaged",
                hint="fetch it again with: dvc fetch",
                kind="source_damaged",
            )
        return found

    def _find(self, md5: str) -> Path | None:
        for root in self._roots:
            for folder in (root / "files" / "md5", root):  # the second is that of DVC 2
                place = folder / md5[:2] / md5[2:]
                if place.is_file():
                    return place
        return None


def is_content(data: bytes, out: Out) -> bool:
    """Whether some bytes are the output."""
    contents = [data, data.replace(b"\r\n", b"\n")] if out.of_text else [data]
    return any(hashlib.md5(c, usedforsecurity=False).hexdigest() == out.md5 for c in contents)


def _places(root: Path) -> list[Path]:
    """Return the cache, and the remotes that are folders."""
    own = root / ".dvc"
    config = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        config.read([own / "config", own / "config.local"], encoding="utf-8")
    except (configparser.Error, UnicodeDecodeError) as error:
        raise FormatError(f"the configuration of {root} is not one of DVC: {error}") from error
    cache = config.get("cache", "dir", fallback="cache")
    found = [own / Path(cache).expanduser()]
    for section in config.sections():
        url = config.get(section, "url", fallback="")
        if section.strip("'").startswith("remote ") and url and not urlsplit(url).scheme:
            found.append(own / Path(url).expanduser())
    return found
