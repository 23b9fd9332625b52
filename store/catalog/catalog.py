"""The catalog: every SQL statement of the product runs through this class.

Each method is one transaction. The statements themselves are in the modules beside it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from artifacts.store.catalog import (
    blobs,
    changes,
    leases,
    lookup,
    migrate,
    projects,
    runs,
    versions,
)
from artifacts.store.catalog.database import Database
from artifacts.store.catalog.schema import store as store_table
from artifacts.store.records import LinkKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from artifacts.store.catalog.blobs import Claim
    from artifacts.store.digests import Digest
    from artifacts.store.records import (
        ArtifactRecord,
        BlobLocation,
        LeaseKind,
        LeaseRecord,
        LinkRecord,
        ObjectDraft,
        ObjectRecord,
        RunRecord,
        VersionDraft,
        VersionRecord,
    )
    from artifacts.store.refs import Ref


class Catalog:
    """Projects, artifacts, versions, aliases, runs, links, and where every blob lies.

    Thread-safe; may be open in many processes at once.
    """

    def __init__(self, database: Database, *, read_only: bool = False) -> None:
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

    def close(self) -> None:
        """Close all connections."""
        self._db.close()

    # -- the store itself

    def identify(self, uuid: str, format_version: int) -> tuple[str, int]:
        """Enter the store's identity unless there is one; return the one that is there."""

        def work(connection: sa.Connection) -> tuple[str, int]:
            row = connection.execute(sa.select(store_table)).first()
            if row is None:
                now = self._db.now(connection)
                values = {"uuid": uuid, "format": format_version, "created_at": now}
                connection.execute(sa.insert(store_table).values(values))
                return uuid, format_version
            return row.uuid, row.format

        return self._db.write(work)

    def identity(self) -> tuple[str, int] | None:
        """Return (uuid, format version) of the store, or None before `identify`."""

        def work(connection: sa.Connection) -> tuple[str, int] | None:
            row = connection.execute(sa.select(store_table)).first()
            return None if row is None else (row.uuid, row.format)

        return self._db.read(work)

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
            if base is not None:
                changes.check_live(connection, base)
            blobs.confirm(self._db, connection, lease, claimed, uploaded)
            version, created = changes.commit(self._db, connection, draft)
            if draft.run is not None and draft.output:
                runs.link(self._db, connection, draft.run, version.id, LinkKind.OUTPUT)
            return version, created

        return self._db.write(work)

    def check_type(self, entity: str, project: str, name: str, type_: str) -> None:
        """Raise InvalidInputError if the artifact exists with another type."""
        self._db.read(lambda c: projects.check_type(c, entity, project, name, type_))

    def resolve(self, ref: Ref, *, entity: str, project: str) -> VersionRecord:
        """Return the version that ``ref`` names; see `lookup.resolve`."""
        return self._db.read(lambda c: lookup.resolve(c, ref, entity=entity, project=project))

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
    ) -> list[ArtifactRecord]:
        """Return artifacts that have versions, by project and name."""
        return self._db.read(
            lambda c: projects.list_artifacts(
                c, entity=entity, project=project, type_=type_, name=name
            )
        )

    def list_projects(self) -> list[tuple[str, str]]:
        """Return (entity, name) of every project."""
        return self._db.read(projects.list_projects)

    def live_manifests(self) -> dict[Digest, list[str]]:
        """Return the manifests of all live versions, with the versions' names."""
        return self._db.read(versions.live_manifests)

    def set_alias(
        self, version_id: int, alias: str, *, expected: int | None = None, by: str | None = None
    ) -> None:
        """Point an alias at a version.

        Raises:
            ConflictError: ``expected`` is given and another version has the alias.
        """
        self._db.write(
            lambda c: changes.set_alias(self._db, c, version_id, alias, expected=expected, by=by)
        )

    def remove_alias(self, version_id: int, alias: str, *, by: str | None = None) -> bool:
        """Take an alias away from a version; False if it does not have it."""
        return self._db.write(lambda c: changes.remove_alias(self._db, c, version_id, alias, by=by))

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
        self, version_id: int, *, delete_aliases: bool = False, by: str | None = None
    ) -> None:
        """Delete a version; see `changes.delete`.

        Raises:
            StateError: It has aliases other than ``latest`` and ``delete_aliases`` is False.
        """
        self._db.write(
            lambda c: changes.delete(self._db, c, version_id, delete_aliases=delete_aliases, by=by)
        )

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

    def finish_run(self, key: int, state: str, exit_code: int) -> None:
        """End a run."""
        self._db.write(lambda c: runs.finish(self._db, c, key, state, exit_code))

    def run(self, entity: str, project: str, run_id: str) -> RunRecord:
        """Return one run.

        Raises:
            RunNotFoundError: The project has no run of this id.
        """
        return self._db.read(lambda c: runs.get(c, entity, project, run_id))

    def list_runs(
        self, *, entity: str | None = None, project: str | None = None
    ) -> list[RunRecord]:
        """Return runs, newest first."""
        return self._db.read(lambda c: runs.list_runs(c, entity=entity, project=project))

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

    def links_of_runs(self, keys: Iterable[int], kind: LinkKind) -> list[LinkRecord]:
        """Return the edges of the given direction at any of these runs, oldest first."""
        return self._db.read(lambda c: runs.links_of_runs(c, keys, kind))

    def links_of_versions(self, ids: Iterable[int], kind: LinkKind) -> list[LinkRecord]:
        """Return the edges of the given direction at any of these versions, oldest first."""
        return self._db.read(lambda c: runs.links_of_versions(c, ids, kind))
