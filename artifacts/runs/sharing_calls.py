"""What a run does together with others: it adds to a version, and finishes it."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING

from artifacts._logged import Logged
from artifacts._values import LogOptions, to_aliases
from artifacts.artifact import Artifact
from artifacts.runs.artifact_calls import ArtifactCalls, check_artifact_or_path, fill
from artifacts.runs.shared_versions import SharedVersion
from artifacts.store.errors import ArtifactFinalizedError, InvalidInputError, InvalidTypeError
from artifacts.store.refs import Ref

if TYPE_CHECKING:
    from collections.abc import Iterable


log = logging.getLogger("artifacts")


class SharingCalls(ArtifactCalls):
    """The part of `Run` with which many processes make one version."""

    def upsert_artifact(
        self,
        artifact_or_path: Artifact | str | os.PathLike[str],
        name: str | None = None,
        type: str | None = None,
        aliases: Iterable[str] | str | None = None,
        distributed_id: str | None = None,
    ) -> Artifact:
        """Add files to a version that other processes add to as well, on any machine.

        The version exists when one of them calls `finish_artifact`. What is added is durable when
        this returns, and belongs to the version also if the process is killed afterwards; of a
        call that did not return, nothing does. Nobody sees the files before.

        What is not finished is deleted by a collection a week after it was added.

        Args:
            artifact_or_path: A draft, a file, a folder, or a reference.
            name: ``[[entity/]project/]name[:alias]``, the same in all processes. Needed for a
                path, not used with an artifact.
            type: Kind of artifact; default ``unspecified``. Not used with an artifact.
            aliases: Aliases for the version.
            distributed_id: What those have in common who add to the version; default the run's
                group.

        Returns:
            The artifact, ``PENDING`` from now on: it takes no more files.

        Raises:
            TypeError: The run has no group and there is no ``distributed_id``, or
                ``artifact_or_path`` is something else.
            ValueError: There is nothing at the path, a name or alias cannot be used, or the
                artifact, or what others have added, has another type.
            RunFinishedError: The run has ended.
        """
        self._check_running("upsert_artifact")
        shared_id = self._shared_id("upsert", distributed_id)
        check_artifact_or_path("upsert_artifact", artifact_or_path)
        artifact, options = self._shared_draft(artifact_or_path, name, type, aliases)
        if not artifact.is_draft():
            raise _no_draft(artifact)
        with self._lock:
            self._check_running("upsert_artifact")
            shared = self._shared(artifact, shared_id)
            if not isinstance(artifact_or_path, Artifact):
                fill(artifact, os.fspath(artifact_or_path))
            shared.add(artifact, options)
            artifact._upserted = artifact._finalized = True
        return artifact

    def finish_artifact(
        self,
        artifact_or_path: Artifact | str | os.PathLike[str],
        name: str | None = None,
        type: str | None = None,
        aliases: Iterable[str] | str | None = None,
        distributed_id: str | None = None,
    ) -> Artifact:
        """Make the version of all files that processes have added with `upsert_artifact`.

        What is added with the same id afterwards begins another version. Of processes that
        finish at the same time one makes the version and the others get it; so does one that
        finishes later and brings nothing new. The version is an output of every run that has
        added to it.

        Descriptions, metadata, aliases and tags of all parts come together; where they differ
        the later part counts, and the artifact that is given here last.

        Args:
            artifact_or_path: The rest of the files: a draft, which may be without files, one that
                was added already, or a path.
            name: As for `upsert_artifact`.
            type: As for `upsert_artifact`.
            aliases: Aliases for the version, besides ``latest`` and those that were given before.
            distributed_id: As for `upsert_artifact`.

        Returns:
            The artifact, committed and durable.

        Raises:
            TypeError: As for `upsert_artifact`.
            ValueError: As for `upsert_artifact`; two parts hold different files under one path,
                which is named; or there is nothing to finish. What was added stays as it is.
            ConflictError: Another process has finished meanwhile, without the files of this call.
            RunFinishedError: The run has ended.
        """
        self._check_running("finish_artifact")
        shared_id = self._shared_id("finish", distributed_id)
        check_artifact_or_path("finish_artifact", artifact_or_path)
        artifact, options = self._shared_draft(artifact_or_path, name, type, aliases)
        if not artifact.is_draft() and not artifact._upserted:
            raise _no_draft(artifact)
        with self._lock:
            self._check_running("finish_artifact")
            shared = self._shared(artifact, shared_id)
            if not isinstance(artifact_or_path, Artifact):
                fill(artifact, os.fspath(artifact_or_path))
            rest = None if artifact._upserted else artifact
            finished = shared.finish(rest, options, artifact)
            artifact._upserted, artifact._draft = False, None
            artifact._become(Logged(self._place, finished.version))
            artifact._is_new, artifact._new_bytes = finished.created, finished.new_bytes
            log.info("finished %s (%d files)", artifact.name, artifact.file_count)
        return artifact

    # -- inside

    def _shared_id(self, call: str, distributed_id: str | None) -> str:
        if distributed_id is not None and not isinstance(distributed_id, str):
            raise InvalidTypeError(
                f"distributed_id must be text, not {distributed_id.__class__.__name__}"
            )
        found = distributed_id or self.group
        if not found:
            raise InvalidTypeError(
                f"Cannot {call} artifact unless run is in a group or distributed_id is provided",
                hint="artifacts.init(group=…), the same in all processes",
            )
        return found

    def _shared_draft(
        self,
        artifact_or_path: Artifact | str | os.PathLike[str],
        name: str | None,
        type: str | None,
        aliases: Iterable[str] | str | None,
    ) -> tuple[Artifact, LogOptions]:
        """Return the artifact, of a path without its files yet, and how it is logged."""
        wanted = to_aliases(aliases)
        if isinstance(artifact_or_path, Artifact):
            if artifact_or_path._incremental:
                raise InvalidInputError(
                    "an incremental artifact changes the latest version, and cannot be made by "
                    "many processes",
                    hint="log it with log_artifact()",
                    kind="incremental",
                )
            return artifact_or_path, LogOptions(wanted, run=self._record.key)
        if name is None:
            raise InvalidInputError(
                "a path needs a name, the same in all processes",
                hint="for instance name='corpus'",
                kind="no_name",
            )
        ref = Ref.parse_target(name)
        artifact = self._new_artifact(ref, type or "unspecified")
        named = to_aliases([*wanted, *to_aliases(ref.selector)])
        return artifact, LogOptions(named, run=self._record.key)

    def _shared(self, artifact: Artifact, shared_id: str) -> SharedVersion:
        artifact._adopt(self._place)
        place = self._place.at(*artifact._target(self._place))
        shared = SharedVersion(
            place, self._record.key, artifact.collection, artifact.type, shared_id
        )
        shared.check_type()  # before anything is uploaded
        return shared


def _no_draft(artifact: Artifact) -> ArtifactFinalizedError:
    return ArtifactFinalizedError(
        f"{artifact.name} was logged already, and takes no more files",
        hint="make a new draft from it with .new_draft()",
    )
