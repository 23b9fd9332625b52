"""Bringing a version of a store that is out of reach, from the cache into one that stands in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from artifacts.store import reading, transfer
from artifacts.store.digests import parse_digest
from artifacts.store.errors import BlobNotFoundError
from artifacts.store.manifest import Manifest
from artifacts.store.progress import Progress
from artifacts.store.refs import Ref
from artifacts.store.sources import BlobSource

if TYPE_CHECKING:
    from artifacts.store.cache import BlobCache
    from artifacts.store.digests import Digest
    from artifacts.store.records import VersionRecord
    from artifacts.store.remembered import Known
    from artifacts.store.store import Store
    from artifacts.store.transcript import Record


def recall(store: Store, known: Known, cache: BlobCache) -> VersionRecord:
    """Make a version that was seen before one of the store that stands in.

    It keeps its number if that is free, and gets no aliases: where they are now nobody knows.

    Raises:
        BlobNotFoundError: Not all of it is in the cache.
    """
    digest = parse_digest(known.record["digest"])
    with cache.hold():
        manifest = _manifest(cache, digest)
        needed = {entry.digest for entry in manifest if entry.reference is None}
        upload = store.upload()
        try:
            missing = needed - upload.claim(needed)
            found = cache.locate(missing)
            if len(found) < len(missing):
                raise _not_cached(len(missing) - len(found))
            source = BlobSource(cache.objects, list(found.values()))
            transfer.add_blobs(upload, [source], Progress())
            upload.add_manifest(manifest)
            upload.finish()
            store.catalog.take_in(
                _records(known),
                lease=upload.lease,
                claimed=upload.claimed,
                uploaded=upload.uploaded,
            )
        except BaseException:
            upload.abandon()
            raise
        upload.close()
    record = known.record
    ref = Ref(record["entity"], record["project"], record["name"], digest=digest.hex())
    return store.catalog.resolve(ref, entity=record["entity"], project=record["project"])


def _manifest(cache: BlobCache, digest: Digest) -> Manifest:
    place = cache.locate([digest]).get(digest)
    if place is None:
        raise _not_cached(1)
    return Manifest.parse([bytes(reading.read_blob(cache.objects, place))])


def _not_cached(count: int) -> BlobNotFoundError:
    return BlobNotFoundError(f"{count} blob(s) of it are not in the cache", kind="not_cached")


def _records(known: Known) -> list[Record]:
    """Return what a transcript would hold of the version."""
    version = known.record
    place = {name: version[name] for name in ("entity", "project")}
    times = {name: version[name] for name in ("created_at", "updated_at")}
    return [
        {
            "record": "project",
            "entity": version["entity"],
            "name": version["project"],
            "created_at": version["created_at"],
        },
        {
            "record": "artifact",
            **place,
            **times,
            "name": version["name"],
            "type": known.type,
            "description": None,
            "next_number": 0,
            "retention": None,
            "tags": [],
        },
        version | {"aliases": []},
    ]
