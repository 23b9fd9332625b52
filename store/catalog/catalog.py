"""The catalog: every SQL statement of the product runs through this class.

Each method is one transaction. The statements themselves are in the modules beside it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import sqlalchemy as sa

from artifacts.store.catalog import (
    alerts,
    blobs,
    changes,
    derivations,
    garbage,
    history,
    leases,
    lookup,
    mending,
    migrate,
    parts,
    projects,
    run_removal,
    runs,
    versions,
)
from artifacts.store.catalog.database import Database
from artifacts.store.catalog.facts import Facts
from artifacts.store.catalog.listings import Listings
from artifacts.store.catalog.schema import store as store_table
from artifacts.store.marks import PARTITIONS
from artifacts.store.records import LinkKind

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
    from pathlib import Path

    from artifacts.store.catalog.blobs import Claim
    from artifacts.store.catalog.export import Selection
    from artifacts.store.catalog.graph import GraphReader
    from artifacts.store.catalog.joining import RunPlace
    from artifacts.store.catalog.restore import Restored
    from artifacts.store.digests import Digest
    from artifacts.store.marks import MarkSet
    from artifacts.store.records import (
        AlertRecord,
        ArtifactRecord,
        BlobLocation,
        BlobPlace,
        HistoryChunk,
        LeaseKind,
        LeaseRecord,
        LinkRecord,
        ObjectDraft,
        ObjectRecord,
        ObjectUsage,
        RunRecord,
        VersionDraft,
        VersionRecord,
    )
    from artifacts.store.refs import Ref
    from artifacts.store.subset import Subset
    from artifacts.store.transcript import Record

T = TypeVar("T")

_IDENTITY_LOCK = 3


class Catalog(Facts, Listings):
    """Projects, artifacts, versions, aliases, runs, links, and where every blob lies.

    Thread-safe; may be open in many processes at once.

    Attributes:
        created_at: When the store was made, or its catalog was rebuilt; None before `identity`
            has said it.
    """

    def __init__(self, database: Database, *, read_only: bool = False) -> None:
        self.created_at: int | None = None
        self._db = database
        migrate.ensure_schema(database, writable=not read_only)

    @classmethod
    def sqlite(cls, path: Path, *, read_only: bool = False) -> Catalog:
        """Open the SQLite catalog at ``path``, which is created unless ``read_only``."""
        database = Database.sqlite(path, read_only=read_only)
        try:
            return cls(database, read_only=read_only)
        except BaseException:
            database.close()
            raise

    @classmethod
    def open_url(cls, url: str, *, read_only: bool = False) -> Catalog:
        """Open the catalog in a PostgreSQL database; its tables are made unless ``read_only``.

        Args:
            url: ``postgresql://user@host:port/database?…``. What it leaves out is taken from
                where libpq looks: ``PGHOST`` and the like, a service file, ``~/.pgpass``.

        Raises:
            ConfigError: The URL is wrong or holds a password, psycopg is not installed, or the
                server is too old.
            StoreNotFoundError: There is no such database.
            PermissionDeniedError: The server refused the login, or to make the tables.
            StorageError: The server cannot be reached.
        """
        database = Database.postgres(url, read_only=read_only)
        try:
            return cls(database, read_only=read_only)
        except BaseException:
            database.close()
            raise

    def close(self) -> None:
        """Close all connections."""
        self._db.close()

    @property
    def shared(self) -> bool:
        """Whether it is on a server, and not a file of this machine."""
        return self._db.dialect != "sqlite"

    # -- the store itself

    def identify(
        self, uuid: str, format_version: int, objects: str | None = None
    ) -> tuple[str, int]:
        """Enter the store's identity unless there is one; return the one that is there.

        Args:
            objects: URL of the object store, unless that is beside the catalog.
        """

        def work(connection: sa.Connection) -> tuple[str, int]:
            self._db.lock(connection, _IDENTITY_LOCK)
            row = connection.execute(sa.select(store_table)).first()
            if row is None:
                now = self._db.now(connection)
                values = {
                    "uuid": uuid,
                    "format": format_version,
                    "objects": objects,
                    "created_at": now,
                }
                connection.execute(sa.insert(store_table).values(values))
                return uuid, format_version
            return row.uuid, row.format

        return self._db.write(work)

    def identity(self) -> tuple[str, int] | None:
        """Return (uuid, format version) of the store, or None before `identify`."""

        def work(connection: sa.Connection) -> tuple[str, int] | None:
            row = connection.execute(sa.select(store_table)).first()
            if row is None:
                return None
            self.created_at = row.created_at
            return row.uuid, row.format

        return self._db.read(work)

    def objects_url(self) -> str | None:
        """Return where the object store is, if the catalog says so."""
        return self._db.read(lambda c: c.scalar(sa.select(store_table.c.objects)))

    def now(self) -> int:
        """Return microseconds since 1970 by the catalog's clock."""
        return self._db.read(self._db.now)

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
        """Return `records.fingerprint` of the blob rows of each object, by the object's key."""
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

    # -- versions

    def commit(
        self,
        draft: VersionDraft,
        *,
        lease: str | None = None,
        claimed: frozenset[int] = frozenset(),
        uploaded: int = 0,
        base: int | None = None,
    ) -> tuple[VersionRecord, bool]:
        """Make a version visible: the only commit point of a write.

        Args:
            lease: The upload that brought its blobs; None when nothing was uploaded.
            claimed: Ids from `Claim.objects`.
            uploaded: Number of objects reserved under the lease.
            base: Key of a version whose blobs were taken to exist; it must not be deleted.

        Returns:
            The version, and whether it is new; a version of equal content is not made twice.

        Raises:
            InvalidInputError: The artifact exists with another type.
            ConflictError: The upload expired.
        """

        def work(connection: sa.Connection) -> tuple[VersionRecord, bool]:
            blobs.confirm(self._db, connection, lease, claimed, uploaded)
            version, created = changes.commit(self._db, connection, draft)
            if version.broken is not None and (lease is not None or claimed):
                # What was lost was brought again.
                mending.mark_broken(self._db, connection, {version.digest: None})
                version = versions.get(connection, version.id)
            if base is not None:
                # After the artifact's row was locked: who deletes a version locks in that order.
                changes.check_live(connection, base)
            if draft.run is not None and draft.output:
                runs.link(self._db, connection, draft.run, version.id, LinkKind.OUTPUT)
            if draft.sources:
                derivations.add(self._db, connection, version.id, draft.sources, draft.run)
            if draft.closing is not None:
                parts.close(self._db, connection, draft.closing, version)
            return version, created

        return self._db.write(work, proof=_is_there)

    def check_type(self, entity: str, project: str, name: str, type_: str) -> None:
        """Raise InvalidInputError if the artifact exists with another type."""
        self._db.read(lambda c: projects.check_type(c, entity, project, name, type_))

    def resolve(self, ref: Ref, *, entity: str, project: str) -> VersionRecord:
        """Return the version that ``ref`` names; see `lookup.resolve`."""
        return self._db.read(lambda c: lookup.resolve(c, ref, entity=entity, project=project))

    def latest(self, entity: str, project: str, name: str) -> VersionRecord | None:
        """Return the latest version of an artifact, None if there is none."""
        return self._db.read(lambda c: lookup.latest(c, entity, project, name))

    def resolve_at(self, ref: Ref, at: int, *, entity: str, project: str) -> VersionRecord:
        """Return the version that ``ref`` named at a time; see `past.resolve_at`."""
        from artifacts.store.catalog import past

        return self._db.read(lambda c: past.resolve_at(c, ref, at, entity=entity, project=project))

    def version(self, version_id: int) -> VersionRecord:
        """Return one version by its key, deleted or not."""
        return self._db.read(lambda c: versions.get(c, version_id))

    def list_versions(
        self, entity: str, project: str, name: str, *, deleted: bool = False
    ) -> list[VersionRecord]:
        """Return the versions of an artifact, newest first."""
        return self._db.read(
            lambda c: versions.list_versions(
                c, entity=entity, project=project, name=name, deleted=deleted
            )
        )

    def list_artifacts(
        self,
        *,
        entity: str | None = None,
        project: str | None = None,
        type_: str | None = None,
        name: str | None = None,
        internal: bool = True,
    ) -> list[ArtifactRecord]:
        """Return artifacts that have versions, by project and name.

        Args:
            internal: Also those of `records.INTERNAL_TYPES`.
        """
        return self._db.read(
            lambda c: projects.list_artifacts(
                c, entity=entity, project=project, type_=type_, name=name, internal=internal
            )
        )

    def list_projects(self) -> list[tuple[str, str]]:
        """Return (entity, name) of every project."""
        return self._db.read(projects.list_projects)

    def live_manifests(self, *, ignore: frozenset[int] = frozenset()) -> dict[Digest, list[str]]:
        """Return the manifests of all live versions, with the versions' names.

        Args:
            ignore: Keys of versions that count as deleted.
        """
        return self._db.read(lambda c: versions.live_manifests(c, ignore=ignore))

    def keys_with(self, digest: Digest) -> set[str]:
        """Return the keys of all objects that hold a blob, whatever their state."""
        return self._db.read(lambda c: blobs.keys_with(c, digest))

    def artifacts_with_rules(self) -> list[ArtifactRecord]:
        """Return artifacts with a retention policy, or with versions that have a lifetime."""
        return self._db.read(projects.artifacts_with_rules)

    def set_retention(self, artifact_id: int, policy: Mapping[str, Any] | None) -> None:
        """Set the `retention.Policy` of an artifact, or remove it."""
        self._db.write(lambda c: changes.set_retention(self._db, c, artifact_id, policy))

    def set_ttl(self, version_id: int, ttl: int | None) -> None:
        """Set how long a version is kept: microseconds, 0 for ever, None as its artifact says."""
        self._db.write(lambda c: changes.set_ttl(self._db, c, version_id, ttl))

    def set_alias(
        self,
        version_id: int,
        alias: str,
        *,
        expected: int | None = None,
        force: bool = False,
        by: str | None = None,
    ) -> None:
        """Point an alias at a version.

        Raises:
            ConflictError: ``expected`` is given and another version has the alias.
            StateError: Another version has it, it is protected, and ``force`` is False.
        """
        self._db.write(
            lambda c: changes.set_alias(
                self._db, c, version_id, alias, expected=expected, force=force, by=by
            )
        )

    def remove_alias(
        self, version_id: int, alias: str, *, force: bool = False, by: str | None = None
    ) -> bool:
        """Take an alias away from a version; False if it does not have it.

        Raises:
            StateError: It is protected, and ``force`` is False.
        """
        return self._db.write(
            lambda c: changes.remove_alias(self._db, c, version_id, alias, force=force, by=by)
        )

    def protect_alias(self, version_id: int, alias: str, *, protected: bool) -> bool:
        """Protect an alias of a version, or end that; False if the version does not have it.

        A protected alias is not moved, removed or deleted without ``force``.
        """
        return self._db.write(
            lambda c: changes.protect_alias(self._db, c, version_id, alias, protected=protected)
        )

    def add_tags(self, version_id: int, tags: Sequence[str]) -> None:
        """Label a version."""
        self._db.write(lambda c: changes.add_tags(self._db, c, version_id, tags))

    def remove_tag(self, version_id: int, tag: str) -> bool:
        """Remove a label; False if the version does not have it."""
        return self._db.write(lambda c: changes.remove_tag(c, version_id, tag))

    def edit_version(
        self,
        before: VersionRecord,
        *,
        description: str | None,
        metadata: Mapping[str, Any],
        aliases: Sequence[str],
        tags: Sequence[str],
        ttl: int | None,
        force: bool = False,
        by: str | None = None,
    ) -> None:
        """Apply what differs from ``before``, all or nothing; see `changes.edit`."""
        self._db.write(
            lambda c: changes.edit(
                self._db,
                c,
                before,
                description=description,
                metadata=metadata,
                aliases=aliases,
                tags=tags,
                ttl=ttl,
                force=force,
                by=by,
            )
        )

    def edit_artifact(
        self, artifact_id: int, *, name: str, type_: str, description: str | None
    ) -> None:
        """Rename an artifact, or change its type or description.

        Raises:
            AlreadyExistsError: Another artifact of the project has the name.
        """
        self._db.write(
            lambda c: changes.edit_artifact(
                self._db, c, artifact_id, name=name, type_=type_, description=description
            )
        )

    def delete_version(
        self,
        version_id: int,
        *,
        delete_aliases: bool = False,
        force: bool = False,
        by: str | None = None,
    ) -> None:
        """Delete a version; see `delete_versions`."""
        self.delete_versions([version_id], delete_aliases=delete_aliases, force=force, by=by)

    def delete_versions(
        self,
        version_ids: Sequence[int],
        *,
        delete_aliases: bool = False,
        force: bool = False,
        by: str | None = None,
    ) -> None:
        """Delete versions, all or none; see `changes.delete`.

        Raises:
            StateError: One has aliases other than ``latest`` and ``delete_aliases`` is False, or
                a running run uses it or an alias is protected and ``force`` is False.
        """

        def work(connection: sa.Connection) -> None:
            for version_id in version_ids:
                changes.delete(
                    self._db,
                    connection,
                    version_id,
                    delete_aliases=delete_aliases,
                    force=force,
                    by=by,
                )

        self._db.write(work)

    def restore_version(self, version_id: int, objects: frozenset[int], by: str | None) -> None:
        """Undo the deletion of a version.

        Args:
            objects: Ids of the objects that hold its blobs, from `claim`.

        Raises:
            ConflictError: One of them was collected meanwhile.
        """

        def work(connection: sa.Connection) -> None:
            blobs.confirm(self._db, connection, None, objects, 0)
            changes.restore(self._db, connection, version_id, by=by)

        self._db.write(work)

    # -- runs and lineage

    def create_run(
        self, entity: str, project: str, run_id: str, values: Mapping[str, Any]
    ) -> RunRecord:
        """Start a run.

        Raises:
            AlreadyExistsError: The project has a run of this id.
        """
        return self._db.write(lambda c: runs.create(self._db, c, entity, project, run_id, values))

    def update_run(self, key: int, values: Mapping[str, Any]) -> None:
        """Change columns of a run."""
        self._db.write(lambda c: runs.update(c, key, values))

    def finish_run(
        self,
        key: int,
        state: str,
        exit_code: int | None,
        values: Mapping[str, Any] | None = None,
    ) -> None:
        """End a run, and change columns of it."""
        changed = values or {}
        self._db.write(lambda c: runs.finish(self._db, c, key, state, exit_code, changed))

    def resume_run(self, key: int, values: Mapping[str, Any]) -> None:
        """Make a run a running one again, and change columns of it."""
        self._db.write(lambda c: runs.resume(self._db, c, key, values))

    def restart_run(self, key: int, values: Mapping[str, Any]) -> None:
        """Make a run one that begins now, with nothing known of it but what is given."""
        self._db.write(lambda c: runs.restart(self._db, c, key, values))

    def beat(
        self, key: int, values: Mapping[str, Any], chunks: Sequence[HistoryChunk] = ()
    ) -> None:
        """Give a sign of life of a run, with rows that it has logged and columns that changed.

        Args:
            chunks: A chunk replaces the one that begins with the same row.
        """

        def work(connection: sa.Connection) -> None:
            history.put(self._db, connection, key, chunks)
            runs.beat(self._db, connection, key, values)

        self._db.write(work)

    def delete_run(
        self,
        key: int,
        *,
        delete_artifacts: bool = False,
        force: bool = False,
        by: str | None = None,
    ) -> list[int]:
        """Delete a run, and return the versions that went with it; see `run_removal.delete`.

        Raises:
            StateError: It is running, or what would be deleted with it is in use or has a
                protected alias, and ``force`` is False.
        """
        return self._db.write(
            lambda c: run_removal.delete(
                self._db, c, key, delete_artifacts=delete_artifacts, force=force, by=by
            )
        )

    def add_alert(self, run: int, alert: AlertRecord, wait: int = 0) -> bool:
        """Enter an alert; again changes nothing. False if an earlier one suppresses it.

        Args:
            wait: Microseconds within which an earlier one of its title does.
        """
        return self._db.write(lambda c: alerts.add(c, run, alert, wait))

    def suppress_alerts(self, run: int, counts: Mapping[tuple[str, int], int]) -> None:
        """Count alerts that were not sent.

        Args:
            counts: By title and time: they count at the last one of the title until then.
        """

        def work(connection: sa.Connection) -> None:
            for (title, at), count in counts.items():
                alerts.suppress(connection, run, title, at, count)

        self._db.write(work)

    def list_alerts(self, keys: Iterable[int]) -> dict[int, list[AlertRecord]]:
        """Return the alerts of runs, by the run's key, oldest first."""
        wanted = list(keys)
        return self._db.read(lambda c: alerts.list_alerts(c, wanted))

    def history_chunks(self, keys: Iterable[int]) -> dict[int, list[HistoryChunk]]:
        """Return the rows of runs that are in no version yet, by run, in order."""
        wanted = list(keys)
        return self._db.read(lambda c: history.chunks(c, wanted))

    def drop_history(self, key: int, sessions: Mapping[str, int]) -> None:
        """Delete those rows of a run that are in a version.

        Args:
            sessions: How many rows of each journal are in it.
        """
        self._db.write(lambda c: history.drop(c, key, sessions))

    def history_versions(self, keys: Iterable[int]) -> dict[int, VersionRecord]:
        """Return, by the key of the run, the newest version of its history."""
        wanted = list(keys)
        return self._db.read(lambda c: runs.history_versions(c, wanted))

    def find_run(self, entity: str, project: str, run_id: str) -> RunRecord | None:
        """Return one run that is not deleted; None if the project has none of this id."""
        found = self._db.read(lambda c: runs.find(self._db, c, entity, project, run_id))
        return None if found is None or found.deleted_at is not None else found

    def run(self, entity: str, project: str, run_id: str, *, deleted: bool = False) -> RunRecord:
        """Return one run.

        Args:
            deleted: Also one that was deleted.

        Raises:
            RunNotFoundError: The project has no run of this id, or it was deleted.
        """
        return self._db.read(
            lambda c: runs.get(self._db, c, entity, project, run_id, deleted=deleted)
        )

    def list_runs(
        self, *, entity: str | None = None, project: str | None = None
    ) -> list[RunRecord]:
        """Return runs, newest first."""
        return self._db.read(lambda c: runs.list_runs(self._db, c, entity=entity, project=project))

    def edit_run(self, key: int, change: Callable[[RunRecord], Mapping[str, Any]]) -> RunRecord:
        """Change columns of a run as they are now; return the run.

        Args:
            change: Returns columns with their new values for the run as it is. What it raises
                leaves everything as it was. It may be called again.
        """
        return self._db.write(lambda c: runs.edit(self._db, c, key, change))

    def count_runs(self, entity: str, project: str) -> int:
        """Return how many runs a project has."""
        return self._db.read(lambda c: runs.count(c, entity, project))

    def link(
        self,
        run: int,
        version_id: int,
        kind: LinkKind,
        *,
        ref_text: str | None = None,
        alias: str | None = None,
    ) -> None:
        """Record an edge between a run and a version; again changes nothing."""
        self._db.write(
            lambda c: runs.link(self._db, c, run, version_id, kind, ref_text=ref_text, alias=alias)
        )

    def begin_read(
        self, run: int, version_id: int, *, ref_text: str | None = None, alias: str | None = None
    ) -> bool:
        """Make what a run reads an input of it; see `reads.begin`."""
        from artifacts.store.catalog import reads  # few commands need it

        return self._db.write(
            lambda c: reads.begin(self._db, c, run, version_id, ref_text=ref_text, alias=alias)
        )

    def add_reads(self, run: int, subsets: Mapping[int, Subset]) -> None:
        """Add to what a run has read of its inputs, by version."""
        from artifacts.store.catalog import reads

        self._db.write(lambda c: reads.add(c, run, subsets))

    def links_of_runs(self, keys: Iterable[int], kind: LinkKind) -> list[LinkRecord]:
        """Return the edges of the given direction at any of these runs, oldest first."""
        return self._db.read(lambda c: runs.links_of_runs(self._db, c, keys, kind))

    def links_of_versions(self, ids: Iterable[int], kind: LinkKind) -> list[LinkRecord]:
        """Return the edges of the given direction at any of these versions, oldest first."""
        return self._db.read(lambda c: runs.links_of_versions(self._db, c, ids, kind))

    def read_graph(self, work: Callable[[GraphReader], T]) -> T:
        """Run ``work`` over the graph of runs and versions as of one moment."""
        # Here, as in `restore`, because few commands need it.
        from artifacts.store.catalog.graph import GraphReader

        return self._db.read(lambda c: work(GraphReader(self._db, c)))

    # -- export, import and repair

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


def _is_there(connection: sa.Connection, committed: tuple[VersionRecord, bool]) -> bool:
    """Whether a commit whose answer was lost went through."""
    version = committed[0]
    found = versions.get_many(connection, [version.id]).get(version.id)
    # The clock's microsecond tells it from one that another writer made under the same key.
    return found is not None and (found.digest, found.created_at, found.ref) == (
        version.digest,
        version.created_at,
        version.ref,
    )
