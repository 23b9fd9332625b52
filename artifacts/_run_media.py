"""Where the files are that the rows of a run name: on this machine, and then in a version."""

from __future__ import annotations

import contextlib
import logging
import os
from typing import IO, TYPE_CHECKING, Any

from artifacts._media_files import LocalCopies, StoredFiles
from artifacts._recorded import record_name
from artifacts._run_folders import media_folder, media_folders, run_folder
from artifacts.media import registry
from artifacts.media.base import TYPE, named_files
from artifacts.media.spool import HEX, Spool
from artifacts.store import ingest, walking
from artifacts.store.digests import parse_digest
from artifacts.store.errors import BlobNotFoundError, EntryNotFoundError, InvalidInputError
from artifacts.store.manifest import Entry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from artifacts._session import Place
    from artifacts.store.digests import Digest
    from artifacts.store.records import RunRecord, VersionRecord
    from artifacts.store.store import Store
    from artifacts.store.upload import Upload

log = logging.getLogger("artifacts")

MEDIA = "media/"
"""What the paths of all these files begin with."""

VERSIONS_WITH_MEDIA = ("history", "summary")
"""Which artifacts of a run have them."""


class RunMedia:
    """The media files of a run.

    Args:
        place: Where the run is.
        run: Whose files.
    """

    def __init__(self, place: Place, run: RunRecord) -> None:
        self.place = place
        self.run = run
        self._entries: dict[str, Entry] | None = None
        self._copies = LocalCopies()
        self._folder = run_folder(place.settings.run_dir, run.entity, run.project, run.id)

    def spooled(self, path: str, digest: Digest | None = None) -> Path | None:
        """Return a file that is kept on this machine until the run ends; None if it is not here.

        Args:
            path: In the version that it goes to.
            digest: Of its contents, if that is known.
        """
        for folder in media_folders(self._folder):
            found = Spool(folder).find(path, digest)
            if found is not None:
                return found
        return None

    def entries(self, *, again: bool = False) -> Mapping[str, Entry]:
        """Return the files that are in versions, by path.

        Args:
            again: Look whether there is a newer version.
        """
        if self._entries is None or again:
            store, run = self.place.store, self.run
            self._entries = {}
            for what in VERSIONS_WITH_MEDIA:
                version = store.latest(run.entity, run.project, record_name(run.id, what))
                if version is not None:
                    files = store.manifest(version.digest)
                    self._entries |= {e.path: e for e in files if e.path.startswith(MEDIA)}
        return self._entries

    def entry(self, path: str, digest: Digest | None = None) -> Entry | None:
        """Return the file of a version; None if no version has it.

        Args:
            path: In the version.
            digest: Of its contents, if that is known.
        """
        for again in (False, True):
            found = self.entries(again=again).get(path)
            if found is not None and digest in {None, found.digest}:
                return found
        return None

    def open(self, path: str, digest: Digest | None = None) -> IO[bytes]:
        """Open a file.

        Raises:
            EntryNotFoundError: It is neither on this machine nor in a version.
        """
        spooled = self.spooled(path, digest)
        if spooled is not None:
            try:
                return spooled.open("rb")
            except FileNotFoundError:  # by now a version has it
                pass
        entry = self.entry(path, digest)
        if entry is None:
            raise self._missing(path)
        try:
            return self.place.store.open_blob(entry.digest)
        except BlobNotFoundError as error:
            raise EntryNotFoundError(
                f"{path} of run {self.run.id} is lost", hint="repair the store with: art check"
            ) from error

    def local(self, path: str, digest: Digest | None = None) -> Path:
        """Return a read-only file on this machine; see `open`."""
        with self.open(path, digest) as file:
            return self._copies.make(path, file)

    def files(self, description: Mapping[str, Any]) -> DescribedFiles:
        """Return the files for an object that is loaded."""
        return DescribedFiles(self, description)

    def _missing(self, path: str) -> EntryNotFoundError:
        run = self.run
        if run.finished_at is None:
            return EntryNotFoundError(
                f"run {run.id} has no {path} in the store yet",
                hint=f"its process is on {run.host or 'another machine'}: files come with the next "
                "version of its history, see history_interval, and when it ends",
            )
        return EntryNotFoundError(
            f"run {run.id} has no {path}: the file was lost before it was stored"
        )


class DescribedFiles(StoredFiles):
    """The files of one object that a run has logged.

    Args:
        media: Those of the run.
        description: Of the object.
    """

    def __init__(self, media: RunMedia, description: Mapping[str, Any]) -> None:
        self._media = media
        self._description = description
        self._digests: dict[str, Digest] | None = None

    @property
    def store(self) -> Store:
        return self._media.place.store

    def find(self, path: str) -> Entry | None:
        return self._media.entry(path, self._digest(path))

    def open(self, path: str) -> IO[bytes]:
        return self._media.open(path, self._digest(path))

    def local(self, path: str) -> Path:
        return self._media.local(path, self._digest(path))

    def below(self, folder: str) -> list[str]:
        prefix = f"{folder.rstrip('/')}/"
        paths = {*self._named(), *self._media.entries()}
        return sorted(path for path in paths if path.startswith(prefix))

    def _digest(self, path: str) -> Digest | None:
        return self._named().get(path)

    def _named(self) -> dict[str, Digest]:
        if self._digests is None:
            self._digests = dict(media_files(dict(self._description)))
        return self._digests


class Loader:
    """Turns what rows have instead of media objects into the objects.

    Args:
        media: The files of the run.
    """

    def __init__(self, media: RunMedia) -> None:
        self._media = media

    def rows(self, rows: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        """Yield rows with the objects in them."""
        for row in rows:
            if _may_hold(row):
                yield {key: self.value(value) for key, value in row.items()}
            else:
                yield row

    def value(self, value: Any) -> Any:
        """Return the object of a description; anything else as it is."""
        if type(value) is dict:
            if TYPE in value:
                return registry.load(value, self._media.files(value))
            return {key: self.value(item) for key, item in value.items()}
        if type(value) is list and dict in map(type, value):
            return [self.value(item) for item in value]
        return value


class NamedMedia:
    """The media files that rows name, collected from the rows as they pass by.

    Attributes:
        files: Their digests by their paths.
    """

    def __init__(self) -> None:
        self.files: dict[str, Digest] = {}

    def watched(
        self, rows: Callable[[], Iterable[dict[str, Any]]]
    ) -> Callable[[], Iterable[dict[str, Any]]]:
        """Return what returns the rows, too, and looks at them the first time."""
        seen = False

        def watching() -> Iterable[dict[str, Any]]:
            nonlocal seen
            if seen:
                return rows()
            seen = True
            return self._looked_at(rows())

        return watching

    def _looked_at(self, rows: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        for row in rows:
            if _may_hold(row):
                self.files.update(media_files(row))
            yield row


def _may_hold(row: Mapping[str, Any]) -> bool:
    """Whether a row has values in which there may be descriptions."""
    types = set(map(type, row.values()))
    return dict in types or list in types


def add_media(media: RunMedia, upload: Upload, wanted: Mapping[str, Digest]) -> list[Entry]:
    """Bring media files into an upload, and return their entries.

    What the store has already is not read. A file that is lost is left out, with a warning.

    Args:
        media: Where they are.
        wanted: Their digests by their paths.
    """
    if not wanted:
        return []
    store = media.place.store
    present = upload.claim(set(wanted.values()))
    known = {entry.digest: entry.size for entry in media.entries(again=True).values()}
    sizes = {digest: known[digest] for digest in present & known.keys()}
    found, _ = store.find(present - sizes.keys())
    sizes |= {digest: place.size for digest, place in found.items()}
    entries = [
        Entry(path, digest, sizes[digest]) for path, digest in wanted.items() if digest in sizes
    ]
    spooled = {}
    for path, digest in wanted.items():
        source = None if digest in sizes else media.spooled(path, digest)
        if source is not None:
            spooled[path] = walking.source_file(str(source), path)
    added = ingest.add_files(store, upload, list(spooled.values()))
    # A file that is not as it was, after a power failure, is lost.
    entries += [entry for entry in added if entry.digest == wanted[entry.path]]
    lost = sorted(wanted.keys() - {entry.path for entry in entries})
    if lost:
        log.warning(
            "run %s: %d media file(s) are lost, or on the machine of another process that logs to "
            "it; their rows are recorded without them: %s%s",
            media.run.id,
            len(lost),
            lost[0],
            ", …" if lost[1:] else "",
        )
    return [entry._replace(executable=False) for entry in entries]


def has_more(store: Store, version: VersionRecord, journals: Iterable[Path]) -> bool:
    """Whether there are media files on this machine that a version of the history lacks.

    That is so if another process has made the version, for which the rows were to be seen, but
    not their files.

    Args:
        journals: Of this run, on this machine.
    """
    kept: set[str] = set()
    for journal in journals:
        with contextlib.suppress(FileNotFoundError):
            names = os.listdir(media_folder(journal))
            kept.update(name[:HEX] for name in names if len(name) >= HEX)
    if not kept:
        return False
    return not kept <= {entry.digest.hex() for entry in store.manifest(version.digest)}


def media_files(value: Any) -> Iterator[tuple[str, Digest]]:
    """Yield the media files that a value names, with their digests."""
    for path, text in named_files(value).items():
        if path.startswith(MEDIA):
            try:
                yield path, parse_digest(text)
            except InvalidInputError:  # written by somebody else, who called something else so
                continue
