"""Storing an artifact: logging a draft, changing and deleting a version."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Self

from artifacts import _session, settings
from artifacts._draft import Draft
from artifacts._identity import Identity
from artifacts._lifetime import from_ttl, to_ttl
from artifacts._logged import Logged
from artifacts._metadata import check_metadata
from artifacts._values import LogOptions, to_aliases, to_description, to_tags
from artifacts.store.errors import ArtifactFinalizedError, InvalidInputError
from artifacts.store.records import VersionDraft
from artifacts.store.refs import LATEST, check_project

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import timedelta

    from artifacts._lifetime import ArtifactTTL
    from artifacts._session import Place
    from artifacts.artifact import Artifact

log = logging.getLogger("artifacts")


class Editing(Identity):
    """The part of `Artifact` that changes what the store says about it."""

    @property
    def description(self) -> str | None:
        """Free text. After a change of a logged version call `save`."""
        return self._description

    @description.setter
    def description(self, value: str | None) -> None:
        self._description = to_description(value)

    @property
    def metadata(self) -> dict[str, Any]:
        """A JSON object. After a change of a logged version call `save`."""
        return self._metadata

    @metadata.setter
    def metadata(self, value: Mapping[str, Any] | None) -> None:
        self._metadata = check_metadata(value)

    @property
    def aliases(self) -> list[str]:
        """Movable names of the version. After a change of a logged version call `save`.

        A name that another version has moves to this one. ``latest`` stays until another version
        gets it: a bare name always means something.
        """
        return self._aliases

    @aliases.setter
    def aliases(self, value: Iterable[str]) -> None:
        self._aliases = list(to_aliases(value))

    @property
    def tags(self) -> list[str]:
        """Free labels. After a change of a logged version call `save`."""
        return self._tags

    @tags.setter
    def tags(self, value: Iterable[str]) -> None:
        self._tags = list(to_tags(value))

    @property
    def ttl(self) -> timedelta | ArtifactTTL | None:
        """How long the version is kept, from when it was last logged on; None is for ever.

        ``ArtifactTTL.INHERIT``, which it is at first, leaves that to the artifact's retention.
        After a change of a logged version call `save`. A version that has an alias other than
        ``latest``, or that a running run uses, stays when its time is over.
        """
        return from_ttl(self._ttl)

    @ttl.setter
    def ttl(self, value: timedelta | ArtifactTTL | None) -> None:
        self._ttl = to_ttl(value)

    @property
    def protected_aliases(self) -> list[str]:
        """Aliases of the version that are not moved or removed by mistake."""
        return list(self._version().record.protected)

    def protect_alias(self, alias: str) -> None:
        """Protect an alias: nobody moves, removes or deletes it without ``force``.

        Args:
            alias: One that the version has.

        Raises:
            NotFoundError: The version does not have it.
            InvalidInputError: It is ``latest``, which has to move.
        """
        if alias == LATEST:
            raise InvalidInputError(
                "'latest' cannot be protected: it follows what was logged last",
                hint="give the version an alias of its own, and protect that",
                kind="bad_alias",
            )
        self._protect(alias, protected=True)

    def unprotect_alias(self, alias: str) -> None:
        """Undo `protect_alias`.

        Args:
            alias: One that the version has.

        Raises:
            NotFoundError: The version does not have it.
        """
        self._protect(alias, protected=False)

    def _protect(self, alias: str, *, protected: bool) -> None:
        # Nothing else that was changed here is stored, or lost.
        self._logged = self._stored().protect(alias, protected=protected)

    # -- logging

    def save(self, project: str | None = None, *, latest: bool = True, force: bool = False) -> Self:
        """Log a draft without a run, or store changes of a logged version's description,
        metadata, aliases, tags and lifetime.

        Args:
            project: Where to log a draft; default as in the constructor, else the project of
                the active run, else that of the settings.
            latest: Whether the alias ``latest`` moves to a draft that is logged.
            force: Change a logged version even if that moves or removes a protected alias.

        Returns:
            The artifact itself. If a run is active, a draft is an output of that run.

        Raises:
            InvalidInputError: Metadata, an alias or a tag cannot be used, or the artifact exists
                with another type.
            RefNotFoundError: The version was deleted.
            StateError: Another version has one of the aliases, and it is protected.
        """
        self._settle()
        if self._logged is not None:
            self._store_changes(force=force)
            return self
        place = self._place()
        active = _session.active()
        run = active.run if active is not None and active.has_same_store(place) else None
        target = place if active is None or run is None else active
        self._log(target, LogOptions(latest=latest, run=run), project=project)
        return self

    def _store_changes(self, *, force: bool) -> None:
        aliases = to_aliases(self._aliases)
        logged = self._stored()
        if LATEST in logged.record.aliases and LATEST not in aliases:
            aliases += (LATEST,)
        self._become(
            logged.edit(
                description=self._description,
                metadata=check_metadata(self._metadata),
                aliases=aliases,
                tags=to_tags(self._tags),
                ttl=self._ttl,
                force=force,
            )
        )

    def _log(self, place: Place, options: LogOptions, *, project: str | None = None) -> None:
        """Commit the draft and become its version.

        Args:
            place: Where to log it, unless it was made for another project.
            options: How.
            project: Goes before both.
        """
        if self._logged is not None or self._pending is not None or self._upserted:
            raise ArtifactFinalizedError(f"{self.name} was logged already")
        draft = self._draft_for_logging()
        version = self._to_version(draft, place, options, project)
        if draft.later:
            self._pending = draft.commit_later(version)
            self._new_bytes = draft.new_bytes
            log.info("%s is on its way to the store", self.name)
            return
        record, created = draft.commit(version)
        self._draft = None
        self._become(Logged(draft.place, record))
        self._is_new, self._new_bytes = created, draft.new_bytes
        if created:
            log.info("logged %s (%d files, %d bytes)", self.name, self.file_count, self.size)
        else:
            log.info("%s exists already with the same content; no new version was made", self.name)
            said, kept = ((v.description, v.metadata) for v in (version, record))
            if said not in ((None, {}), kept):
                log.warning(
                    "%s keeps its description and metadata; to change them, set them and call "
                    "save()",
                    self.name,
                )
            if version.ttl not in (None, record.ttl):
                log.warning(
                    "%s keeps its lifetime; to change that, set ttl and call save()", self.name
                )

    def _to_version(
        self, draft: Draft, place: Place, options: LogOptions, project: str | None
    ) -> VersionDraft:
        """Return what is to be committed, with the contents as they are now."""
        entity, own_project = self._target(place)
        manifest = draft.manifest
        return VersionDraft(
            entity=check_project(entity, what="entity"),
            project=check_project(project or own_project),
            name=self._name,
            type=self._type,
            digest=manifest.digest,
            size=manifest.size,
            file_count=len(manifest),
            description=self._description,
            metadata=check_metadata(self._metadata),
            aliases=to_aliases((*options.aliases, *self._aliases)),
            tags=to_tags((*options.tags, *self._tags)),
            latest=options.latest,
            run=options.run,
            output=options.output,
            created_by=settings.user_name(),
            ttl=self._ttl,
            sources=options.sources,
        )

    def wait(self, timeout: float | None = None) -> Self:
        """Return when the version is committed. On a local store it is when it is logged.

        Args:
            timeout: Seconds to wait at most; not needed on a local store.

        Returns:
            The artifact itself.

        Raises:
            ArtifactNotLoggedError: The artifact is still a draft.
            StorageError: It could not be brought to the store; it is safe on this machine, and
                ``art sync`` finishes the job.
            TimeoutError: It is not there in time.
        """
        self._settle(timeout=timeout)
        self._version()
        return self

    def new_draft(self) -> Artifact:
        """Return a draft with the files of this version, nothing of which is copied.

        It has the version's name, type, description, metadata and project; logging it makes the
        next version.

        Raises:
            ArtifactNotLoggedError: The artifact is still a draft.
            RefNotFoundError: The version was deleted.
        """
        from artifacts.artifact import Artifact

        logged = self._stored()
        record = logged.record
        draft = Artifact(
            record.name,
            record.type,
            record.description,
            record.metadata,
            entity=record.entity,
            project=record.project,
        )
        draft._draft = Draft(logged.place.at(record.entity, record.project), record.name)
        draft._draft.carry(record)
        return draft

    # -- deleting

    def delete(self, delete_aliases: bool = False, *, force: bool = False) -> None:
        """Delete this version. Its number is not used again, and lineage still shows it.

        Its bytes stay until they are collected; so long `restore` undoes it.

        Args:
            delete_aliases: Also if it has aliases other than ``latest``.
            force: Also if a running run uses it, something that is deployed works with it, or one
                of these aliases is protected.

        Raises:
            ArtifactNotLoggedError: The artifact is still a draft.
            RefNotFoundError: It was deleted already.
            StateError: It has such aliases, or is in use.
        """
        self._become(self._stored().delete(delete_aliases=delete_aliases, force=force))

    def restore(self) -> None:
        """Undo `delete`. Aliases that the version had are not given back.

        Raises:
            ArtifactNotLoggedError: The artifact is still a draft.
            StateError: It is not deleted, its content was logged again since, or its bytes were
                collected.
        """
        self._become(self._version().restore())
