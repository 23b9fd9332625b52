"""Writing exports: a whole store, or a part of it, as a `bundle`."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from artifacts.store import transcript, transfer
from artifacts.store.bundle import BundleWriter
from artifacts.store.catalog.export import Selection
from artifacts.store.digests import parse_digest
from artifacts.store.errors import from_os_error
from artifacts.store.manifest import digests_in
from artifacts.store.progress import Progress
from artifacts.store.records import LinkKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from artifacts.store.digests import Digest
    from artifacts.store.sources import BlobSource
    from artifacts.store.store import Store
    from artifacts.store.transcript import Record

_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class Exported:
    """What is in an export.

    Attributes:
        versions: Versions with their data, or with ``data=False`` without.
        deleted: Versions of which only the record came along: deleted ones.
        broken: Names of versions whose data are lost, so that only the record came along.
        blobs: Different blobs.
        bytes: Stored bytes of those.
    """

    path: Path
    versions: int
    deleted: int
    broken: tuple[str, ...]
    blobs: int
    bytes: int


def select(
    store: Store,
    versions: Iterable[int] = (),
    *,
    projects: Iterable[tuple[str, str]] = (),
    with_inputs: bool = False,
) -> Selection:
    """Choose what to export.

    The runs that logged a chosen version come along; of a project, everything does.

    Args:
        versions: Keys of versions.
        projects: (entity, name) of projects.
        with_inputs: Also what the chosen versions were made of, all the way.
    """
    catalog = store.catalog
    chosen, runs = set(versions), set[int]()
    for entity, project in projects:
        runs.update(run.key for run in catalog.list_runs(entity=entity, project=project))
        for artifact in catalog.list_artifacts(entity=entity, project=project):
            found = catalog.list_versions(entity, project, artifact.name, deleted=True)
            chosen.update(version.id for version in found)
    frontier, unread = set(chosen), set(runs)
    while frontier:
        logged_by = {link.run.key for link in catalog.links_of_versions(frontier, LinkKind.OUTPUT)}
        unread |= logged_by - runs
        runs |= logged_by
        if not with_inputs:
            break
        inputs = catalog.links_of_runs(unread, LinkKind.INPUT)
        declared = {edge.input.id for edge in catalog.derivations_of(frontier)}
        frontier = ({link.version.id for link in inputs} | declared) - chosen
        chosen |= frontier
        unread = set()
    return Selection(frozenset(chosen), frozenset(runs))


def export(
    store: Store,
    target: Path,
    *,
    selection: Selection | None = None,
    data: bool = True,
    progress: Progress | None = None,
) -> Exported:
    """Write an export; it appears under its name when it is complete.

    Args:
        target: A file if its name ends with ``.tar``, else a folder; it must not exist.
        selection: What; None for the whole store.
        data: Whether blobs come along, or only the catalog.

    Raises:
        AlreadyExistsError: The target exists.
        IntegrityError: A blob is damaged.
        BlobNotFoundError: A blob is missing.
        StorageError: Reading or writing failed.
    """
    header = transcript.Header(store.uuid, store.catalog.now())
    text = target.with_name(f".{target.name}.{secrets.token_hex(8)}.catalog")
    writer = BundleWriter(target, header.store, header.at)
    work = _Export(store, writer, progress or Progress())
    try:
        work.write_catalog(text, header, selection)
        writer.add_catalog(text)
        if data:
            work.add_data()
        writer.finish()
    except OSError as error:
        writer.abandon()
        raise from_os_error(error, f"write {target}") from error
    except BaseException:
        writer.abandon()
        raise
    finally:
        text.unlink(missing_ok=True)
    return Exported(
        target,
        work.versions,
        work.deleted,
        tuple(work.broken),
        work.blobs,
        writer.bytes,
    )


class _Export:
    def __init__(self, store: Store, writer: BundleWriter, progress: Progress) -> None:
        self._store = store
        self._writer = writer
        self._progress = progress
        self._begin()
        self.blobs = 0

    def _begin(self) -> None:
        self.versions = self.deleted = 0
        self.broken: list[str] = []
        self._size = self._files = 0
        self._manifests: dict[Digest, None] = {}

    def write_catalog(
        self, path: Path, header: transcript.Header, selection: Selection | None
    ) -> None:
        """Write the transcript, and note whose data are to come along."""
        written: list[transcript.Writer] = []
        with path.open("xb") as file:

            def start() -> Callable[[Record], None]:
                file.seek(0)
                file.truncate()
                self._begin()
                written[:] = [transcript.Writer(file, header)]
                return add

            def add(record: Record) -> None:
                written[0].add(record)
                if record["record"] == "version":
                    self._note(record)

            self._store.catalog.export(start, selection)
            written[0].end()

    def _note(self, version: Record) -> None:
        if version["deleted_at"] is not None:
            self.deleted += 1
        elif version["broken"] is not None:
            self.broken.append("{project}/{name}:v{number}".format_map(version))
        else:
            self.versions += 1
            digest = parse_digest(version["digest"])
            if digest not in self._manifests:
                self._manifests[digest] = None
                self._files += version["file_count"]
                self._size += version["size"]

    def add_data(self) -> None:
        """Add manifests and what they name, each blob once, verified."""
        self._progress.start(self._files, self._size)
        for digest in self._manifests:
            self._writer.add(digest, self._store.read_blob(digest), compress=True)
        done = set(self._manifests)
        self.blobs = len(done)
        for digest in self._manifests:
            fresh = digests_in(self._store.read_blob(digest)) - done
            if fresh:
                for source in self._store.sources(fresh):
                    self._add(source)
            done |= fresh
            self.blobs += len(fresh)

    def _add(self, source: BlobSource) -> None:
        small = [place for place in source.locations if transfer.is_small(place)]
        for blobs in source.read(small):
            for place, data in blobs:
                self._writer.add(place.digest, data)
            self._progress.advance(len(blobs), sum(place.size for place, _ in blobs))
        for place in source.locations:
            if transfer.is_small(place):
                continue
            with source.open(place) as file:
                self._writer.add_stream(place.digest, place.size, _pieces(file))
            self._progress.advance(1, place.size)


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    """Yield a blob in pieces; the read that reaches its end verifies it."""
    while piece := file.read(_PIECE):
        yield piece
