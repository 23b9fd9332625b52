"""One version that many processes, on one machine or on many, add to.

What a process adds is a *part*: a version of an internal artifact, which is named after the version
that is to be made and the id that the processes share. So a part is committed, durable and kept
from being collected like any version, and one that a process did not complete does not exist.
Finishing reads all parts and commits the version that they make together; the same transaction
deletes the parts, on the condition that they are still all that there are.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from artifacts import settings
from artifacts._metadata import check_metadata
from artifacts._values import LogOptions, to_aliases, to_tags
from artifacts.store.digests import hash_bytes
from artifacts.store.errors import ConflictError, InvalidInputError, StateError
from artifacts.store.manifest import Manifest
from artifacts.store.records import (
    FINISHED_AS,
    UPSERT_PART,
    Closing,
    LinkKind,
    VersionDraft,
)
from artifacts.store.refs import LATEST

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from artifacts._session import Place
    from artifacts.artifact import Artifact
    from artifacts.store.manifest import Entry
    from artifacts.store.records import VersionRecord

PART_LIFETIME = 7 * 86_400 * 1_000_000
"""Microseconds after which a part that nobody has finished is deleted by a collection."""

_ATTEMPTS = 20


class Finished(NamedTuple):
    """What finishing has led to.

    Attributes:
        version: The version.
        created: Whether it is new.
        new_bytes: How many bytes the store grew by.
    """

    version: VersionRecord
    created: bool
    new_bytes: int


class SharedVersion:
    """A version that is not finished.

    Args:
        place: Of the run that adds or finishes, in the entity and project of the version.
        run: Key of that run.
        name: Of the artifact.
        type: Of the artifact.
        shared_id: What all processes that add to it have in common.
    """

    def __init__(self, place: Place, run: int, name: str, type: str, shared_id: str) -> None:
        self._place = place
        self._run = run
        self._name = name
        self._type = type
        self._id = shared_id
        # Both may hold characters that the name of an artifact cannot, and be long.
        key = hash_bytes(json.dumps([name, shared_id]).encode()).hex()[:32]
        self._parts_name = f"upsert-{key}"

    def check_type(self) -> None:
        """Refuse another type than the artifact, or the parts that are there, have.

        Raises:
            InvalidInputError: The types differ.
        """
        store, place = self._place.store, self._place
        store.catalog.check_type(place.entity, place.project, self._name, self._type)
        newest = store.latest(place.entity, place.project, self._parts_name)
        if newest is not None:
            self._check_part(newest)

    def add(self, draft: Artifact, options: LogOptions) -> None:
        """Add the files of a draft as a part; it is durable, and others see it, on return."""
        self._commit(draft, options, self._parts_name)

    def finish(self, draft: Artifact | None, said: LogOptions, values: Artifact) -> Finished:
        """Make the version of all parts, and of what the caller brings.

        Args:
            draft: More files; None or a draft without any if there are none.
            said: Aliases and tags.
            values: Whose description, metadata and lifetime come last.

        Raises:
            InvalidInputError: Parts hold different files under one path.
            StateError: There are neither parts nor files.
            ConflictError: Others kept adding, or have finished without the files of the caller.
        """
        own = None
        if draft is not None and draft.file_count:
            own = self._commit(draft, replace(said, aliases=(), tags=()), f"{self._parts_name}-own")
        elif draft is not None:
            draft.discard()
        try:
            finished = self._close(own, said, values)
        except BaseException:
            self._drop(own)
            raise
        if finished is None:
            self._drop(own)
            finished = self._finish_again(own, said)
        return finished

    # -- inside

    def _commit(self, draft: Artifact, options: LogOptions, name: str) -> VersionRecord:
        building = draft._draft_for_logging()
        version = draft._to_version(building, self._place, options, self._place.project)
        part = replace(
            version,
            entity=self._place.entity,
            name=name,
            type=UPSERT_PART,
            description=None,
            metadata={
                "artifact": self._name,
                "type": self._type,
                "distributed_id": self._id,
                "description": version.description,
                "metadata": dict(version.metadata),
                "ttl": version.ttl,
            },
            ttl=PART_LIFETIME,
            # What only this process has brought goes into no listing of what its run has logged.
            output=name == self._parts_name,
        )
        if building.later:
            record, _ = building.commit_later(part).result()
        else:
            record, _ = building.commit(part)
        return record

    def _parts(self) -> list[VersionRecord]:
        """Return what was added so far, in the order in which it was.

        Raises:
            InvalidInputError: It was added for an artifact of another type.
        """
        catalog = self._place.store.catalog
        found = catalog.list_versions(self._place.entity, self._place.project, self._parts_name)
        for part in found:
            self._check_part(part)
        return found[::-1]

    def _check_part(self, part: VersionRecord) -> None:
        if part.metadata["type"] != self._type:
            raise InvalidInputError(
                f"other processes add to {self._name!r} with type {part.metadata['type']!r}; "
                f"cannot add to it with type {self._type!r}",
                hint="use the same type in all processes",
                kind="type_mismatch",
            )

    def _close(
        self, own: VersionRecord | None, said: LogOptions, values: Artifact
    ) -> Finished | None:
        """Commit the version; None if there are no parts, and it was finished before with these
        files.
        """
        began: bool | None = None
        for _ in range(_ATTEMPTS):
            parts = self._parts()
            if not parts and self._is_finished_with(own):
                return None
            if began is None:
                began = bool(parts)
            if not parts and own is None:
                raise StateError(
                    f"nothing was added to {self._name!r} with the id {self._id!r}",
                    hint="add files with upsert_artifact() first, or log_artifact()",
                    kind="nothing_to_finish",
                )
            if not parts and began:
                raise ConflictError(
                    f"another process has finished {self._name!r} meanwhile, without the files of "
                    "this call",
                    hint="add them with upsert_artifact(), and finish once, when all have",
                    kind="finished_meanwhile",
                )
            try:
                return self._commit_all(parts, own, said, values)
            except ConflictError as error:
                # upload_expired: parts were closed, and collected.
                if error.kind not in {"parts_changed", "upload_expired"}:
                    raise
        raise ConflictError(
            f"other processes kept adding to {self._name!r} while it was being finished",
            hint="finish it when all of them have added their part",
            kind="parts_changed",
        )

    def _commit_all(
        self,
        parts: Sequence[VersionRecord],
        own: VersionRecord | None,
        said: LogOptions,
        values: Artifact,
    ) -> Finished:
        store = self._place.store
        pieces = [*parts, *([] if own is None else [own])]
        manifest = self._merged(pieces)
        draft = replace(
            self._described(pieces, said, values),
            digest=manifest.digest,
            size=manifest.size,
            file_count=len(manifest),
            closing=Closing(tuple(part.id for part in parts), None if own is None else own.id),
        )
        upload = store.upload()
        try:
            version, created = store.commit(draft, upload, manifest)
        except BaseException:
            upload.abandon()
            raise
        return Finished(version, created, upload.new_bytes)

    def _merged(self, pieces: Sequence[VersionRecord]) -> Manifest:
        """Return all files.

        Raises:
            InvalidInputError: There are different ones under one path.
        """
        found: dict[str, tuple[Entry, VersionRecord]] = {}
        for piece in pieces:
            for entry in self._place.store.manifest(piece.digest):
                known, first = found.setdefault(entry.path, (entry, piece))
                if not known.same_content(entry):
                    raise InvalidInputError(
                        f"{entry.path!r} was added to {self._name!r} twice with different "
                        f"contents, by {self._who(first)} and by {self._who(piece)}",
                        hint="give each process paths of its own; to begin anew use another "
                        f"distributed_id, or delete the parts: art rm {first.ref} {piece.ref}",
                        kind="same_path",
                    )
        return Manifest(entry for entry, _ in found.values())

    def _described(
        self, pieces: Sequence[VersionRecord], said: LogOptions, values: Artifact
    ) -> VersionDraft:
        """Return what is said of the version: later parts before earlier, the caller before all."""
        aliases: list[str] = []
        tags: list[str] = []
        metadata: dict[str, Any] = {}
        description, ttl = None, None
        for piece in pieces:
            aliases += [alias for alias in piece.aliases if alias != LATEST]
            tags += piece.tags
            metadata |= piece.metadata["metadata"]
            description = piece.metadata["description"] or description
            ttl = piece.metadata["ttl"] if piece.metadata["ttl"] is not None else ttl
        return VersionDraft(
            entity=self._place.entity,
            project=self._place.project,
            name=self._name,
            type=self._type,
            digest=pieces[0].digest,
            size=0,
            file_count=0,
            description=values.description or description,
            metadata=check_metadata(metadata | values.metadata),
            aliases=to_aliases([*aliases, *values.aliases, *said.aliases]),
            tags=to_tags([*tags, *values.tags, *said.tags]),
            run=self._run,
            created_by=settings.user_name(),
            ttl=ttl if values._ttl is None else values._ttl,
        )

    def _last_finished(self) -> VersionRecord | None:
        """Return the version that was finished last with this id, if it is not deleted."""
        catalog, place = self._place.store.catalog, self._place
        parts = catalog.list_versions(place.entity, place.project, self._parts_name, deleted=True)
        closed = [part for part in parts if FINISHED_AS in part.metadata and part.deleted_at]
        if not closed:
            return None
        number = max(closed, key=lambda part: part.deleted_at or 0).metadata[FINISHED_AS]
        versions = catalog.list_versions(place.entity, place.project, self._name)
        return next((version for version in versions if version.number == number), None)

    def _is_finished_with(self, own: VersionRecord | None) -> bool:
        """Whether a version was finished that has all files of the caller."""
        last = self._last_finished()
        if last is None:
            return False
        if own is None:
            return True
        store = self._place.store
        there = store.manifest(last.digest).by_path
        return all(
            entry.path in there and there[entry.path].same_content(entry)
            for entry in store.manifest(own.digest)
        )

    def _finish_again(self, own: VersionRecord | None, said: LogOptions) -> Finished:
        """Take part in what another process has finished."""
        last = self._last_finished()
        if last is None:
            raise ConflictError(
                f"what another process has made of {self._name!r} was deleted",
                hint="add the files again",
                kind="finished_meanwhile",
            )
        draft = VersionDraft(
            entity=last.entity,
            project=last.project,
            name=last.name,
            type=last.type,
            digest=last.digest,
            size=last.size,
            file_count=last.file_count,
            aliases=said.aliases,
            tags=said.tags,
            latest=False,
            run=self._run,
            created_by=settings.user_name(),
        )
        version, created = self._place.store.catalog.commit(draft, base=last.id)
        return Finished(version, created, 0)

    def _drop(self, own: VersionRecord | None) -> None:
        """Delete what the caller has added for itself."""
        if own is not None:
            self._place.store.catalog.drop_part(own.id)

    def _who(self, part: VersionRecord) -> str:
        links = self._place.store.catalog.links_of_versions([part.id], LinkKind.OUTPUT)
        return f"run {links[-1].run.id}" if links else "this run"
