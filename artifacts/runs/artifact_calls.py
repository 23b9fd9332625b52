"""What a run does with artifacts: it logs and uses versions."""

from __future__ import annotations

import logging
import os
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from artifacts._find import check_type, find_version
from artifacts._logged import Named
from artifacts._recorded import RecordedRun
from artifacts._values import LogOptions, to_aliases, to_tags
from artifacts.artifact import Artifact
from artifacts.store.errors import (
    InvalidInputError,
    InvalidTypeError,
    RunFinishedError,
    StateError,
)
from artifacts.store.records import LinkKind, Source
from artifacts.store.refs import MAX_NAME, Ref

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterable

    from artifacts._reads import RunReads
    from artifacts.store.progress import Progress
    from artifacts.store.records import VersionRecord

log = logging.getLogger("artifacts")


class ArtifactCalls(RecordedRun):
    """The part of `Run` that logs and uses artifacts."""

    _lock: threading.RLock
    _reads: RunReads
    _finished: bool

    def log_artifact(
        self,
        artifact_or_path: Artifact | str | os.PathLike[str],
        name: str | None = None,
        type: str | None = None,
        aliases: Iterable[str] | str | None = None,
        *,
        tags: Iterable[str] | None = None,
        latest: bool = True,
        include: Iterable[str] | str | None = None,
        exclude: Iterable[str] | str | None = None,
        derived_from: Iterable[Artifact | str] | Artifact | str | None = None,
        progress: Progress | None = None,
    ) -> Artifact:
        """Log an output of this run as a version of an artifact.

        Content that equals an existing version's makes no new version: the existing one is
        returned, gets the aliases, and is linked to this run all the same.

        Args:
            artifact_or_path: A draft, a version that was logged before, a file, a folder, or a
                ``file://`` reference. A draft is logged in the project that it was made for, if
                it was made for one.
            name: ``[[entity/]project/]name``, with ``:alias`` for one more alias. Default for a
                path: ``run-<run id>-<file name>``, with ``_`` for what a name cannot hold. Not
                used with an artifact.
            type: Kind of artifact; default ``unspecified``. Not used with an artifact.
            aliases: Movable names that shall point at the version, besides ``latest``.
            tags: Labels for the version.
            latest: Whether ``latest`` moves to it too.
            include: For a folder: patterns of which a file has to match one.
            exclude: For a folder: patterns of what is left out.
            derived_from: Versions that it was made of, by name or as artifacts: exact lineage.
                Without it, all inputs of the run count. What is not an input of the run yet
                becomes one.
            progress: Told about every file of a folder.

        Returns:
            The artifact, committed and durable.

        Raises:
            ValueError: There is nothing at the path, a name, alias or tag cannot be used, the
                artifact exists with another type, a logged version belongs to another project,
                or a version in ``derived_from`` does not exist (any more). Nothing is changed.
            TypeError: ``artifact_or_path`` is something else.
            RunFinishedError: The run has ended.
        """
        self._check_running("log_artifact")
        options = LogOptions(
            to_aliases(aliases),
            to_tags(tags),
            latest,
            self._record.key,
            sources=self._sources(derived_from),
        )
        check_artifact_or_path("log_artifact", artifact_or_path)
        if isinstance(artifact_or_path, Artifact):
            artifact = artifact_or_path
        else:
            path = os.fspath(artifact_or_path)
            ref = self._output_ref(name, path)
            options = replace(options, aliases=(*options.aliases, *to_aliases(ref.selector)))
            artifact = self._new_artifact(ref, type or "unspecified")
            fill(artifact, path, include=include, exclude=exclude, progress=progress)
        with self._lock:
            self._check_running("log_artifact")
            if artifact.is_draft():
                self._log_draft(artifact, options)
            else:
                self._log_again(artifact, options)
        return artifact

    def use_artifact(
        self,
        artifact_or_name: Artifact | str,
        type: str | None = None,
        aliases: Iterable[str] | str | None = None,
    ) -> Artifact:
        """Declare a version as an input of this run.

        Args:
            artifact_or_name: ``[[entity/]project/]name[:alias|:vN|:digest|@digest]``, a digest or
                its prefix, or an artifact. A draft is logged first, as something the user brought
                along and not as an output of this run. A bare name means ``:latest``.
            type: If given, the artifact must be of this type.
            aliases: Aliases for a draft that is logged.

        Returns:
            The version; download it with ``.download()``.

        Raises:
            ValueError: The name is malformed, nothing has it, or the type differs.
            TypeError: ``artifact_or_name`` is something else.
            RunFinishedError: The run has ended.
        """
        self._check_running("use_artifact")
        if isinstance(artifact_or_name, str):
            ref, record = find_version(self._place, artifact_or_name, type)
            return self._use(artifact_or_name, ref, record)
        if not isinstance(artifact_or_name, Artifact):
            raise InvalidTypeError(
                "use_artifact() takes an Artifact or a name, not "
                f"{artifact_or_name.__class__.__name__}"
            )
        artifact = artifact_or_name
        check_type(artifact.type, artifact.name, type)
        with self._lock:
            if artifact.is_draft():
                brought = LogOptions(to_aliases(aliases), run=self._record.key, output=False)
                self._log_draft(artifact, brought)
            self._link(artifact, LinkKind.INPUT)
        return artifact

    def log_model(
        self,
        path: str | os.PathLike[str],
        name: str | None = None,
        aliases: Iterable[str] | str | None = None,
    ) -> Artifact:
        """Log a file or folder as an artifact of type ``model``.

        Args:
            path: The file or folder.
            name: As for `log_artifact`.
            aliases: As for `log_artifact`.

        Returns:
            The artifact, committed and durable.

        Raises:
            ValueError: As for `log_artifact`.
        """
        return self.log_artifact(path, name=name, type="model", aliases=aliases)

    def use_model(self, name: str) -> str:
        """Use and download an artifact of type ``model``, or of one with that word in it.

        Args:
            name: As for `use_artifact`.

        Returns:
            The path of its file if it has only one, else of its folder.

        Raises:
            ValueError: The name is malformed, nothing has it, or the artifact is of another type.
        """
        self._check_running("use_model")
        ref, record = find_version(self._place, name)
        if "model" not in record.type:
            raise InvalidInputError(
                f"{record.ref} has type {record.type!r}; use_model() needs a model",
                hint="use use_artifact() and download()",
                kind="type_mismatch",
            )
        artifact = self._use(name, ref, record)
        return artifact.file() if artifact.file_count == 1 else artifact.download()

    def logged_artifacts(self, *, internal: bool = False) -> list[Artifact]:
        """Return the versions that this run has logged, in order.

        Args:
            internal: Also those in which the run itself is recorded: its history, its summary.
        """
        return self._linked(LinkKind.OUTPUT, internal=internal)

    def used_artifacts(self) -> list[Artifact]:
        """Return the versions that this run has used, in order."""
        return self._linked(LinkKind.INPUT)

    # -- inside

    def _output_ref(self, name: str | None, path: str) -> Ref:
        if name is None:
            base = (
                os.path.basename(os.path.abspath(path.partition("?")[0].rpartition("://")[2]))
                or "root"
            )
            safe = re.sub(r"[^a-zA-Z0-9_.-]", "_", f"run-{self.id}-{base}")
            return Ref(None, None, safe[:MAX_NAME])
        return Ref.parse_target(name)

    def _new_artifact(self, ref: Ref, type_: str) -> Artifact:
        """Return an empty draft in this run's store."""
        artifact = Artifact(ref.name or "", type_, entity=ref.entity, project=ref.project)
        entity, project = artifact._target(self._place)
        # Before anything is uploaded.
        self._place.check_type(entity, project, artifact.collection, artifact.type)
        artifact._adopt(self._place)
        return artifact

    def _log_draft(self, artifact: Artifact, options: LogOptions) -> None:
        artifact._adopt(self._place)
        artifact._log(self._place, options)

    def _log_again(self, artifact: Artifact, options: LogOptions) -> None:
        """Log a version that exists already: all that logging does but making it."""
        logged = artifact._stored()
        self._check_store(artifact)
        record = logged.record
        if (record.entity, record.project) != (self.entity, self.project):
            raise InvalidInputError(
                f"{artifact.qualified_name} belongs to another project and can't be moved to "
                f"{self.entity}/{self.project}",
                hint="declare it as an input with use_artifact(), or log a new artifact with "
                "add_reference() of its entries",
                kind="other_project",
            )
        artifact._become(logged.log_again(options))

    def _use(self, text: str, ref: Ref, record: VersionRecord) -> Artifact:
        """Declare as an input what a name has led to."""
        artifact = Artifact._from_record(self._place, record, Named.by(text, ref))
        if ref.name is not None and ref.digest is None and ref.selector is None:
            log.info("%s names no version: using %s", text, artifact.name)
        self._link(artifact, LinkKind.INPUT)
        return artifact

    def _sources(
        self, derived_from: Iterable[Artifact | str] | Artifact | str | None
    ) -> tuple[Source, ...]:
        """Return what an output is declared to be made of.

        Raises:
            RefNotFoundError: There is no such version (any more).
            ArtifactNotLoggedError: It is a draft.
            InvalidTypeError: It is neither an artifact nor a name.
        """
        found: dict[int, Source] = {}
        for each in _listed(derived_from):
            if isinstance(each, str):
                ref, record = find_version(self._place, each)
                source = Artifact._from_record(self._place, record, Named.by(each, ref))
            else:
                source = each
            logged = source._stored()
            self._check_store(source)
            logged.warn_if_recalled()
            text, alias = logged.named or (None, None)
            key = logged.record.id
            found.setdefault(key, Source(key, ref_text=text, alias=alias))
        return tuple(found.values())

    def _check_store(self, artifact: Artifact) -> None:
        place = artifact._version().place
        if not place.has_same_store(self._place):
            raise StateError(
                f"{artifact.name} is in the store at {place.store.location}, and this run "
                f"uses {self._place.store.location}",
                hint="download it and log the files",
                kind="other_store",
            )

    def _link(self, artifact: Artifact, kind: LinkKind) -> None:
        logged = artifact._stored()
        self._check_store(artifact)
        text, alias = logged.named or (None, None)
        self._place.store.catalog.link(
            self._record.key, logged.record.id, kind, ref_text=text, alias=alias
        )
        self._reads.use(logged.record)
        logged.warn_if_recalled()

    def _check_running(self, call: str) -> None:
        if self._finished:
            raise RunFinishedError(
                f"Run ({self.id}) is finished. The call to `{call}` will be ignored.",
                hint="start another run with artifacts.init()",
            )


def _listed(
    derived_from: Iterable[Artifact | str] | Artifact | str | None,
) -> list[Artifact | str]:
    if derived_from is None:
        return []
    if isinstance(derived_from, Artifact | str):
        return [derived_from]
    try:
        found = list(derived_from)
    except TypeError:
        raise _no_source(derived_from) from None
    for each in found:
        if not isinstance(each, Artifact | str):
            raise _no_source(each)
    return found


def _no_source(given: object) -> InvalidTypeError:
    return InvalidTypeError(
        f"derived_from takes artifacts and names, not {given.__class__.__name__}"
    )


def check_artifact_or_path(call: str, given: object) -> None:
    """Raise InvalidTypeError unless something can be logged.

    Args:
        call: Name of the method, for the message.
    """
    if not isinstance(given, Artifact | str | os.PathLike):
        raise InvalidTypeError(
            f"{call}() takes an Artifact, a path or a reference, not {given.__class__.__name__}"
        )


def fill(
    artifact: Artifact,
    path: str,
    *,
    include: Iterable[str] | str | None = None,
    exclude: Iterable[str] | str | None = None,
    progress: Progress | None = None,
) -> None:
    """Add what is at a path to a new draft, which is given up if that fails.

    Raises:
        InvalidInputError: There is nothing, or something in it cannot be used.
    """
    try:
        _fill(artifact, path, include=include, exclude=exclude, progress=progress)
    except BaseException:
        artifact.discard()
        raise


def _fill(
    artifact: Artifact,
    path: str,
    *,
    include: Iterable[str] | str | None,
    exclude: Iterable[str] | str | None,
    progress: Progress | None,
) -> None:
    expanded = os.path.expanduser(path)
    if os.path.isfile(expanded):
        artifact.add_file(expanded)
    elif os.path.isdir(expanded):
        artifact.add_dir(expanded, include=include, exclude=exclude, progress=progress)
    elif "://" in path:
        artifact.add_reference(path)
    else:
        raise InvalidInputError(
            f"path must be a file, directory or external reference like s3://bucket/path: {path!r}",
            kind="no_such_path",
        )
