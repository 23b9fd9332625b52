"""The part of `Catalog` about projects, artifacts, versions, aliases and tags."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from artifacts.store.catalog import (
    blobs,
    changes,
    derivations,
    lookup,
    mending,
    parts,
    projects,
    runs,
    versions,
)
from artifacts.store.records import LinkKind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import sqlalchemy as sa

    from artifacts.store.catalog.database import Database
    from artifacts.store.digests import Digest
    from artifacts.store.records import ArtifactRecord, VersionDraft, VersionRecord
    from artifacts.store.refs import Ref


class Versioning:
    """Projects, artifacts, versions, and what they are called."""

    _db: Database

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
