"""The part of `Catalog` about where blobs lie: uploads, leases, objects, and collecting them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from artifacts.store.catalog import blobs, garbage, leases
from artifacts.store.marks import PARTITIONS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import sqlalchemy as sa

    from artifacts.store.catalog.blobs import Claim
    from artifacts.store.catalog.database import Database
    from artifacts.store.digests import Digest
    from artifacts.store.marks import MarkSet
    from artifacts.store.places import BlobLocation
    from artifacts.store.records import (
        LeaseKind,
        LeaseRecord,
        ObjectDraft,
        ObjectRecord,
        ObjectUsage,
    )


class Storage:
    """Where every blob lies, and who is at work on it."""

    _db: Database

    # -- blobs

    def claim(self, digests: Iterable[Digest]) -> Claim:
        """Find which blobs exist already, and keep them from being collected."""
        wanted = set(digests)
        return self._db.write(lambda c: blobs.claim(self._db, c, wanted))

    def open_lease(
        self, lease: str, kind: LeaseKind, holder: str, manifest: Digest | None = None
    ) -> None:
        """Start a piece of work; it has to be renewed until it ends.

        Args:
            manifest: For a reader: what must not be collected meanwhile.
        """
        self._db.write(lambda c: leases.open_lease(self._db, c, lease, kind, holder, manifest))

    def open_collector(self, lease: str, holder: str, max_age: int) -> None:
        """Start the one collection that may run.

        Raises:
            ConflictError: Another one is running, and gave a sign of life within ``max_age``.
        """
        self._db.write(lambda c: leases.open_collector(self._db, c, lease, holder, max_age))

    def take_over(self, lease: str, finished: frozenset[str]) -> frozenset[str] | None:
        """Go on with the upload of a process that was killed; see `leases.take_over`."""
        return self._db.write(lambda c: leases.take_over(self._db, c, lease, finished))

    def renew_leases(self, ids: Iterable[str]) -> frozenset[str]:
        """Give a sign of life; return the leases that still exist."""
        return self._db.write(lambda c: leases.renew(self._db, c, ids))

    def close_lease(self, lease: str) -> None:
        """End a pull or a collection. (An upload ends by `commit` or `abandon`.)"""
        self._db.write(lambda c: leases.close_lease(c, lease))

    def reserve(self, lease: str, drafts: Sequence[ObjectDraft]) -> None:
        """Register objects before they are uploaded.

        Raises:
            ConflictError: The lease is gone.
        """
        self._db.write(lambda c: blobs.reserve(self._db, c, lease, drafts))

    def abandon(self, lease: str) -> list[str]:
        """End an upload without a commit; return the keys to delete and then to `forget`."""
        return self._db.write(lambda c: blobs.abandon(c, lease))

    def forget(self, keys: Sequence[str]) -> None:
        """Drop the rows of objects in state ``deleting`` whose bytes are gone."""
        self._db.write(lambda c: blobs.forget(c, keys))

    def locate(self, digests: Iterable[Digest]) -> dict[Digest, BlobLocation]:
        """Return where each blob lies; those that do not exist are left out."""
        return self._db.read(lambda c: blobs.locate(self._db, c, digests))

    def list_objects(self) -> list[ObjectRecord]:
        """Return every object, by key."""
        return self._db.read(blobs.list_objects)

    def fingerprints(self) -> dict[int, tuple[int, int]]:
        """Return `places.fingerprint` of the blob rows of each object, by the object's key."""
        return self._db.read(blobs.fingerprints)

    def adopt(self, draft: ObjectDraft) -> bool:
        """Enter an object that was found in the object store; False if its key is known."""
        return self._db.write(lambda c: blobs.adopt(self._db, c, draft))

    def leases(self) -> list[LeaseRecord]:
        """Return everybody at work, and those who were killed at it."""
        return self._db.read(leases.list_leases)

    # -- collecting

    def usage(self, marks: MarkSet, ranks: Mapping[int, int]) -> dict[int, ObjectUsage]:
        """Return how much of each object is needed, by the object's key; one scan of all blobs.

        Args:
            marks: The blobs that are needed.
            ranks: Of the objects that can be read: a blob is needed in the highest of them only.
        """
        found: dict[int, ObjectUsage] = {}
        for first in range(PARTITIONS):

            def work(connection: sa.Connection, first: int = first) -> None:
                marked = marks.partition(first)
                garbage.add_usage(self._db, connection, first, marked, ranks, found)

            self._db.read(work)
        return found

    def reap_leases(self, max_age: int) -> list[LeaseRecord]:
        """End the work that gave no sign of life for ``max_age`` microseconds; return it."""
        return self._db.write(lambda c: leases.reap(self._db, c, max_age))

    def condemn(self, ids: Iterable[int], before: int) -> list[int]:
        """Condemn live objects that were last touched before a time; return them.

        The time must lie before the one at which marking began.
        """
        wanted = list(ids)
        return self._db.write(lambda c: garbage.condemn(self._db, c, wanted, before))

    def revive(self, ids: Iterable[int]) -> list[int]:
        """Make condemned objects live again; return them."""
        wanted = list(ids)
        return self._db.write(lambda c: garbage.revive(c, wanted))

    def doom(self, ids: Iterable[int], before: int) -> list[int]:
        """Give up objects that were condemned before a time; return them.

        The time must lie before the one at which marking began.
        """
        wanted = list(ids)
        return self._db.write(lambda c: garbage.doom(c, wanted, before))

    def doom_abandoned(self) -> int:
        """Give up what uploads reserved whose lease is gone; return how many objects."""
        return self._db.write(garbage.doom_abandoned)

    def doomed(self, limit: int) -> list[tuple[str, int]]:
        """Return (key, size) of objects whose bytes may be deleted, and then be forgotten."""
        return self._db.read(lambda c: garbage.doomed(c, limit))

    def replace(
        self, lease: str | None, uploaded: int, old: Iterable[int], before: int
    ) -> list[int]:
        """End a repacking; return the old objects that are condemned now.

        Old ones that were touched since ``before`` stay.

        Raises:
            ConflictError: The lease is gone.
        """
        wanted = list(old)
        return self._db.write(
            lambda c: garbage.replace(self._db, c, lease, uploaded, wanted, before)
        )
