"""Storing an artifact: logging a draft, changing and deleting a version."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Self

from artifacts import _session, settings
from artifacts._draft import Draft
from artifacts._identity import Identity
from artifacts._logged import Logged
from artifacts._metadata import check_metadata
from artifacts._values import LogOptions, to_aliases, to_description, to_tags
from artifacts.store.errors import ArtifactFinalizedError, StateError
from artifacts.store.records import VersionDraft
from artifacts.store.refs import LATEST, check_project

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

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

    # -- logging

    def save(self, project: str | None = None, *, latest: bool = True) -> Self:
        """Log a draft without a run, or store changes of a logged version's description,
        metadata, aliases and tags.

        Args:
            project: Where to log a draft; default as in the constructor, else the project of
                the active run, else that of the settings.
            latest: Whether the alias ``latest`` moves to a draft that is logged.

        Returns:
            The artifact itself. If a run is active, a draft is an output of that run.

        Raises:
            InvalidInputError: Metadata, an alias or a tag cannot be used, or the artifact exists
                with another type.
            RefNotFoundError: The version was deleted.
        """
        if self._logged is not None:
            self._store_changes()
            return self
        place = self._place()
        active = _session.active()
        run = active.run if active is not None and active.has_same_store(place) else None
        target = place if active is None or run is None else active
        self._log(target, LogOptions(latest=latest, run=run), project=project)
        return self

    def _store_changes(self) -> None:
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
            )
        )

    def _log(self, place: Place, options: LogOptions, *, project: str | None = None) -> None:
        """Commit the draft and become its version.

        Args:
            place: Where to log it, unless it was made for another project.
            options: How.
            project: Goes before both.
        """
        if self._logged is not None:
            raise ArtifactFinalizedError(f"{self.name} was logged already")
        draft = self._draft_for_logging()
        version = self._to_version(draft, place, options, project)
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
        )

    def wait(self, timeout: float | None = None) -> Self:
        """Return when the version is committed. On a local store it is when it is logged.

        Args:
            timeout: Seconds to wait at most; not needed on a local store.

        Returns:
            The artifact itself.

        Raises:
            ArtifactNotLoggedError: The artifact is still a draft.
        """
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

    def delete(self, delete_aliases: bool = False) -> None:
        """Delete this version. Its number is not used again, and lineage still shows it.

        Args:
            delete_aliases: Also if it has aliases other than ``latest``.

        Raises:
            ArtifactNotLoggedError: The artifact is still a draft.
            RefNotFoundError: It was deleted already.
            StateError: It has such aliases.
        """
        self._become(self._stored().delete(delete_aliases=delete_aliases))

    def _check_deletable(self) -> None:
        """Raise what `delete` would raise without ``delete_aliases``."""
        names = [alias for alias in self._stored().record.aliases if alias != LATEST]
        if names:
            raise StateError(
                f"{self.name} has the aliases {', '.join(names)}",
                hint="move or remove the aliases first, or pass delete_aliases=True",
                kind="has_aliases",
            )
