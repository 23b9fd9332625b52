"""Reading exports: everything that a `bundle` holds and the store does not have.

A bundle may come from anybody. Its records, manifests and blobs are checked like what a user
enters, its blobs are claimed and uploaded like those of any writer, and one transaction at the
end makes all of it visible. An import that fails leaves nothing; a second one brings nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from artifacts.store import reading, transcript, transfer
from artifacts.store.bundle import Bundle
from artifacts.store.digests import format_digest, parse_digest
from artifacts.store.errors import (
    BlobNotFoundError,
    ConflictError,
    FormatError,
    IntegrityError,
    InvalidInputError,
)
from artifacts.store.manifest import Manifest
from artifacts.store.progress import Progress
from artifacts.store.sources import BlobSource

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from artifacts.store.catalog.restore import Restored
    from artifacts.store.digests import Digest
    from artifacts.store.places import BlobLocation
    from artifacts.store.store import Store
    from artifacts.store.transcript import Record
    from artifacts.store.upload import Upload


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did.

    Attributes:
        changes: To the catalog.
        blobs: How many blobs the store did not have.
        new_bytes: Bytes that were written.
    """

    changes: Restored
    blobs: int
    new_bytes: int


class _Claimed(NamedTuple):
    """What a record says of its manifest."""

    ref: str
    size: int
    file_count: int


def import_bundle(
    store: Store,
    path: Path,
    *,
    project: str | None = None,
    move_aliases: bool = False,
    by: str | None = None,
    progress: Progress | None = None,
) -> Imported:
    """Bring what an export holds into a store.

    Versions keep their numbers where nobody has them. Content that an artifact has already is the
    version that is there. Aliases that another version has stay with it.

    Args:
        path: What `exporting.export` has written.
        project: Bring everything into this project; the export must hold one project.
        move_aliases: Move aliases to the versions of the export, unless they are protected.
        by: Who imports.

    Raises:
        StoreNotFoundError: There is no export.
        FormatError: It is none, or of a newer format, or something in it is not acceptable.
        IntegrityError: It is cut off, or something in it is damaged.
        InvalidInputError: An artifact exists with another type, or there are several projects.
        StorageError: Reading or writing failed; nothing was imported.
    """
    work = _Import(store, Bundle(path), project, progress or Progress())
    work.read_catalog()
    upload = store.upload()
    try:
        work.bring(upload)
        upload.finish()
        changes = store.catalog.restore(
            work.records,
            lease=upload.lease,
            claimed=upload.claimed,
            uploaded=upload.uploaded,
            move_aliases=move_aliases,
            by=by,
        )
    except BaseException as error:
        upload.abandon()
        if isinstance(error, ConflictError) and error.kind == "upload_expired":
            raise ConflictError(
                "what the store had was collected while the import was running",
                hint="import once more",
                kind=error.kind,
            ) from error
        raise
    upload.close()
    return Imported(changes, work.blobs, upload.new_bytes)


class _Import:
    def __init__(
        self, store: Store, bundle: Bundle, project: str | None, progress: Progress
    ) -> None:
        self._store = store
        self._bundle = bundle
        self._project = project
        self._progress = progress
        self._manifests: dict[Digest, _Claimed] = {}
        self.blobs = 0

    def records(self) -> Iterator[Record]:
        """Yield the records of the catalog as they are to be entered."""
        for record in self._bundle.records():
            if self._project is None:
                yield record
            else:
                yield transcript.in_project(record, self._project)

    def read_catalog(self) -> None:
        """Check every record, and note whose data are needed."""
        self._bundle.verify_catalog()
        projects = set()
        for record in self._bundle.records():
            kind = record["record"]
            if kind == "project":
                projects.add(record["name"])
            elif kind == "artifact":
                project = self._project or record["project"]
                self._store.catalog.check_type(
                    record["entity"], project, record["name"], record["type"]
                )
            elif kind == "version" and record["deleted_at"] is None and record["broken"] is None:
                ref = "{project}/{name}:v{number}".format_map(record)
                said = _Claimed(ref, record["size"], record["file_count"])
                self._manifests.setdefault(parse_digest(record["digest"]), said)
        if self._project is not None and len(projects) > 1:
            raise InvalidInputError(
                f"the export holds several projects: {', '.join(sorted(projects))}",
                hint="export one of them with --project, or import without --project",
                kind="several_projects",
            )

    def bring(self, upload: Upload) -> None:
        """Add everything that the store does not have to an upload."""
        places = self._find_manifests()
        missing: set[Digest] = set()
        asked: set[Digest] = set()
        for digest, said in self._manifests.items():
            manifest = self._manifest(digest, said, places.get(digest))
            needed = {entry.digest for entry in manifest if entry.reference is None} - asked
            missing |= needed - upload.claim(needed)
            asked |= needed
            upload.add_manifest(manifest)
        self.blobs = len(missing)
        self._add_blobs(upload, missing)

    def _find_manifests(self) -> dict[Digest, BlobLocation]:
        return {
            place.digest: place for found in self._bundle.find(self._manifests) for place in found
        }

    def _manifest(self, digest: Digest, said: _Claimed, place: BlobLocation | None) -> Manifest:
        try:
            if place is None:
                data = self._store.read_blob(digest)
            else:
                data = bytes(reading.read_blob(self._bundle.objects, place))
            manifest = Manifest.parse([data])
        except BlobNotFoundError as error:
            raise self._incomplete(said.ref, {digest}) from error
        except FormatError as error:
            raise FormatError(f"{said.ref}: {error.message}", hint=error.hint) from error
        if (manifest.size, len(manifest)) != (said.size, said.file_count):
            raise FormatError(
                f"{said.ref}: the record says otherwise than the manifest", kind="bad_export"
            )
        return manifest

    def _add_blobs(self, upload: Upload, missing: set[Digest]) -> None:
        found: set[Digest] = set()
        self._progress.start(len(missing), 0)
        for places in self._bundle.find(missing):
            source = BlobSource(self._bundle.objects, places)
            transfer.add_blobs(upload, [source], self._progress)
            found.update(place.digest for place in places)
        if found != missing:
            raise self._incomplete("versions", missing - found)

    def _incomplete(self, whose: str, missing: set[Digest]) -> IntegrityError:
        hint = None
        if not self._bundle.has_data:
            hint = (
                "an export without data brings back a lost catalog: "
                "art check --rebuild --catalog FILE"
            )
        return IntegrityError(
            f"{len(missing)} blob(s) of {whose} are neither in the export nor in the store, such "
            f"as {format_digest(min(missing))}",
            hint=hint,
            kind="export_incomplete",
        )
