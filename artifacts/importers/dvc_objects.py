"""The objects of a DVC repository: files by their MD5, in its cache and in its remotes."""

from __future__ import annotations

import configparser
import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from artifacts.importers.dvc_files import is_checksum
from artifacts.importers.dvc_remotes import keys_of, remote_at
from artifacts.importers.sources import Md5, SourceFile
from artifacts.store.errors import FormatError, IntegrityError, from_os_error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from artifacts.importers.dvc_files import Out
    from artifacts.importers.dvc_remotes import Remote

DIRECTORY = ".dir"
"""What the checksum of a folder ends with; its object is a list of files."""


class Objects:
    """Finds objects.

    Args:
        root: The folder in which ``.dvc`` is.
        work: An empty folder for what has to be downloaded.

    Raises:
        FormatError: The configuration cannot be read.
    """

    def __init__(self, root: Path, work: Path) -> None:
        self._work = work
        self._roots, self._remotes = _places(root, work)
        self._missing: set[str] = set()

    def unread(self) -> dict[str, str]:
        """Return the remotes in which objects may be that were not found, each with the reason."""
        return {each.name: each.failure for each in self._remotes if each.failure is not None}

    def files(self, out: Out, read: Callable[[str], bytes | None]) -> list[SourceFile] | None:
        """Return the files of an output; None if one of them is nowhere.

        Args:
            read: Returns a file of the repository as it was, for what Git keeps.

        Raises:
            IntegrityError: The list of files of a folder is damaged.
            StorageError: Reading failed.
        """
        if not out.md5.endswith(DIRECTORY):
            name = out.path.rpartition("/")[2]
            if self._place_of(out.md5) is None:  # what Git keeps was never pushed
                data = read(out.path)
                if data is not None and is_content(data, out):
                    return [SourceFile(name, data)]
            found = self._find(out.md5)
            return None if found is None else [SourceFile(name, found, Md5(out.md5, out.of_text))]
        listed = self.listing(out)
        if listed is None:
            return None
        self._fetch(listed.values())
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
        self._fetch([md5])
        return self._place_of(md5)

    def _place_of(self, md5: str) -> Path | None:
        """Return where an object is on this machine."""
        places = [root / key for root in self._roots for key in keys_of(md5)]
        return next((place for place in (*places, self._work / md5) if place.is_file()), None)

    def _fetch(self, md5s: Iterable[str]) -> None:
        """Download what is not on this machine, if one of the remotes has it."""
        wanted = dict.fromkeys(md5 for md5 in md5s if md5 not in self._missing)
        for remote in self._remotes:
            wanted = {md5: None for md5 in wanted if self._place_of(md5) is None}
            if wanted:
                remote.fetch(wanted)
        self._missing.update(md5 for md5 in wanted if self._place_of(md5) is None)


def is_content(data: bytes, out: Out) -> bool:
    """Whether some bytes are the output."""
    contents = [data, data.replace(b"\r\n", b"\n")] if out.of_text else [data]
    return any(hashlib.md5(c, usedforsecurity=False).hexdigest() == out.md5 for c in contents)


def _places(root: Path, work: Path) -> tuple[list[Path], list[Remote]]:
    """Return the cache with the remotes that are folders, and the other remotes."""
    own = root / ".dvc"
    config = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        config.read([own / "config", own / "config.local"], encoding="utf-8")
    except (configparser.Error, UnicodeDecodeError) as error:
        raise FormatError(f"the configuration of {root} is not one of DVC: {error}") from error
    cache = config.get("cache", "dir", fallback="cache")
    folders, remotes = [own / Path(cache).expanduser()], []
    for section in config.sections():
        kind, _, name = section.strip("'").partition(" ")
        url = config.get(section, "url", fallback="")
        if kind != "remote" or not url:
            continue
        if not urlsplit(url).scheme:
            folders.append(own / Path(url).expanduser())
        else:
            remotes.append(remote_at(name.strip('"'), url, config[section], work))
    return folders, remotes
