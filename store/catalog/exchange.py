"""The part of `Catalog` that takes records out and in: exports, imports, repairs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from artifacts.store.catalog import blobs, mending

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    import sqlalchemy as sa

    from artifacts.store.catalog.database import Database
    from artifacts.store.catalog.export import Selection
    from artifacts.store.catalog.joining import RunPlace
    from artifacts.store.catalog.restore import Restored
    from artifacts.store.digests import Digest
    from artifacts.store.places import BlobPlace
    from artifacts.store.records import RunRecord
    from artifacts.store.transcript import Record


class Exchange:
    """Records on their way out of the catalog or into it, and copies that are replaced."""

    _db: Database

    def export(
        self, start: Callable[[], Callable[[Record], None]], selection: Selection | None = None
    ) -> None:
        """Hand over the records of everything, or of a selection, as of one moment.

        Args:
            start: Returns what takes the records; called again, to begin anew, when the
                connection to the catalog was lost.
        """
        # Here, as in `restore`, because no other command needs it.
        from artifacts.store.catalog import export

        self._db.read(lambda c: export.export(c, start(), selection))

    def restore(
        self,
        records: Callable[[], Iterable[Record]],
        *,
        lease: str | None = None,
        claimed: frozenset[int] = frozenset(),
        uploaded: int = 0,
        move_aliases: bool = False,
        by: str | None = None,
        dry_run: bool = False,
    ) -> Restored:
        """Enter records of an export, all or none; see `restore.restore`.

        Args:
            records: Returns them, as often as it is called.
            lease: The upload that brought the blobs, like the next two as for `commit`.
            claimed: Ids from `Claim.objects`.
            uploaded: Number of objects reserved under the lease.
            dry_run: Only say what would be entered; needs no upload.

        Raises:
            ConflictError: The upload expired.
        """

        from artifacts.store.catalog import restore

        def work(connection: sa.Connection) -> Restored:
            blobs.confirm(self._db, connection, lease, claimed, uploaded)
            done = restore.restore(
                self._db, connection, records(), move_aliases=move_aliases, by=by
            )
            if dry_run:
                raise restore.NotKept(done)
            return done

        try:
            return self._db.write(work)
        except restore.NotKept as tried:
            return tried.report

    def restore_lineage(
        self, records: Callable[[], Iterable[Record]], *, by: str | None = None
    ) -> Restored:
        """Enter versions and runs without data, all or none; see `restore_lineage`.

        Args:
            records: Returns them, as often as it is called.
            by: Who points the aliases.
        """
        from artifacts.store.catalog.restore_lineage import restore_lineage

        return self._db.write(lambda c: restore_lineage(self._db, c, records(), by=by))

    def join(
        self,
        records: Iterable[Record],
        *,
        lease: str | None,
        claimed: frozenset[int],
        uploaded: int,
    ) -> Restored:
        """Enter what was logged while it could not be reached, all or none; see `joining.join`.

        Args:
            records: Can be gone through several times.
            lease: As for `restore`, like the next two.

        Raises:
            ConflictError: The upload expired, or a run's id is another run's.
        """
        from artifacts.store.catalog import joining

        def work(connection: sa.Connection) -> Restored:
            blobs.confirm(self._db, connection, lease, claimed, uploaded)
            return joining.join(self._db, connection, records)

        return self._db.write(work)

    def take_in(
        self,
        records: Iterable[Record],
        *,
        lease: str | None,
        claimed: frozenset[int],
        uploaded: int,
    ) -> Restored:
        """Enter versions of another catalog, without their aliases; see `joining.take_in`.

        Args:
            records: As for `join`, like the rest.

        Raises:
            ConflictError: The upload expired.
        """
        from artifacts.store.catalog import joining

        def work(connection: sa.Connection) -> Restored:
            blobs.confirm(self._db, connection, lease, claimed, uploaded)
            return joining.take_in(self._db, connection, records)

        return self._db.write(work)

    def find_run_places(self, found: Iterable[RunRecord]) -> dict[int, RunPlace]:
        """Return, by key, where runs of another catalog belong; see `joining.find_places`."""
        from artifacts.store.catalog import joining

        wanted = list(found)
        return self._db.read(lambda c: joining.find_places(c, wanted))

    def places_in(self, object_ids: Collection[int]) -> dict[int, list[BlobPlace]]:
        """Return what should lie in some objects, by their keys; one scan of all blobs."""
        return self._db.read(lambda c: mending.places_in(c, object_ids))

    def copies_outside(
        self, digests: Collection[Digest], object_ids: Collection[int]
    ) -> set[Digest]:
        """Return which blobs can be read from an object that is not one of these."""
        return self._db.read(lambda c: mending.copies_outside(self._db, c, digests, object_ids))

    def replace_damaged(
        self, lease: str | None, uploaded: int, damaged: Iterable[int]
    ) -> list[str]:
        """End a repair; return the keys of damaged objects, to delete and then to `forget`.

        Raises:
            ConflictError: The lease is gone.
        """
        wanted = list(damaged)
        return self._db.write(
            lambda c: mending.replace_damaged(self._db, c, lease, uploaded, wanted)
        )

    def mark_broken(self, found: Mapping[Digest, str | None]) -> list[int]:
        """Say what is lost of all versions with some manifests, None for nothing; return them."""
        return self._db.write(lambda c: mending.mark_broken(self._db, c, found))

    def broken_versions(self) -> dict[Digest, str]:
        """Return what is lost, by the manifests of live versions that are marked."""
        return self._db.read(mending.broken_versions)
