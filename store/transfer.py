"""Bringing blobs that lie elsewhere into a store: what it has already does not travel."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from artifacts.store import copying, reading
from artifacts.store.errors import IntegrityError
from artifacts.store.manifest import digests_in
from artifacts.store.places import Encoding
from artifacts.store.progress import Progress
from artifacts.store.records import VersionDraft

if TYPE_CHECKING:
    from collections.abc import Iterable

    from artifacts.store.places import BlobLocation
    from artifacts.store.records import VersionRecord
    from artifacts.store.sources import BlobSource
    from artifacts.store.store import Store
    from artifacts.store.upload import Upload

COPIED_FROM = "copied_from"
"""Member of the metadata of a copied version that says where it came from."""


class Target(NamedTuple):
    """What a copy is to be called.

    Attributes:
        aliases: Besides ``latest``.
        by: Who copies.
    """

    entity: str
    project: str
    name: str
    aliases: tuple[str, ...] = ()
    by: str | None = None


class Copied(NamedTuple):
    """What a copy did.

    Attributes:
        version: The version in the target.
        created: Whether it is new.
        sent: Bytes that were written to the target.
    """

    version: VersionRecord
    created: bool
    sent: int


def copy_version(
    source: Store,
    version: VersionRecord,
    target: Store,
    called: Target,
    progress: Progress | None = None,
) -> Copied:
    """Make a version with the contents of another one, in the same store or in another.

    Within a store that is one transaction. Between stores only those blobs are read that the
    target does not have. The copy has the same digest, type, description, metadata and tags, and
    says in its metadata where it came from.

    Raises:
        IntegrityError: The version is broken, or a blob of it is damaged.
        InvalidInputError: The target is an artifact of another type.
    """
    if version.broken is not None:
        raise IntegrityError(
            f"{version.ref} is broken: {version.broken}",
            hint="repair it first with: art check --repair",
            kind="version_broken",
        )
    origin = {"ref": f"{version.entity}/{version.ref}", "store": source.uuid}
    draft = VersionDraft(
        entity=called.entity,
        project=called.project,
        name=called.name,
        type=version.type,
        digest=version.digest,
        size=version.size,
        file_count=version.file_count,
        description=version.description,
        metadata={**version.metadata, COPIED_FROM: origin},
        aliases=called.aliases,
        tags=version.tags,
        created_by=called.by,
    )
    if source.uuid == target.uuid:
        return Copied(*target.catalog.commit(draft, base=version.id), 0)
    target.catalog.check_type(draft.entity, draft.project, draft.name, draft.type)
    data = source.read_blob(version.digest)
    needed = digests_in(data)
    upload = target.upload()
    try:
        missing = needed - upload.claim(needed)
        sources = source.sources(missing) if missing else []
        places = [place for found in sources for place in found.locations]
        progress = progress or Progress()
        progress.start(len(places), sum(place.size for place in places))
        add_blobs(upload, sources, progress)
        result = target.commit(draft, upload, source.manifest(version.digest))
    except BaseException:
        upload.abandon()
        raise
    return Copied(*result, upload.new_bytes)


def add_blobs(upload: Upload, sources: Iterable[BlobSource], progress: Progress) -> None:
    """Read all blobs of some sources, verify them, and add them to an upload.

    Raises:
        IntegrityError: A blob is damaged.
    """
    for source in sources:
        small = [place for place in source.locations if is_small(place)]
        for blobs in source.read(small):
            for place, data in blobs:
                upload.add(bytes(data), place.digest)
            progress.advance(len(blobs), sum(place.size for place, _ in blobs))
        for place in source.locations:
            if not is_small(place):
                _add_large(upload, source, place, progress)


def is_small(place: BlobLocation) -> bool:
    """Whether a blob is read into memory as a whole."""
    return place.size <= reading.IN_MEMORY or place.encoding is not Encoding.IDENTITY


def _add_large(upload: Upload, source: BlobSource, place: BlobLocation, progress: Progress) -> None:
    path = upload.new_path()
    descriptor = copying.create(path)
    try:
        found = source.copy(place, descriptor, lambda count: progress.advance(0, count))
    finally:
        os.close(descriptor)
    if found != (place.digest, place.size):
        raise reading.damaged(place)
    upload.add_staged(path, place.digest, place.size)
    progress.advance(1, 0)
