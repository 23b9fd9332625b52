"""`Run`: one execution, and the versions it uses and logs."""

from __future__ import annotations

import logging
import os
import re
import threading
from typing import TYPE_CHECKING, Any, Self

from artifacts import _session, settings
from artifacts._find import check_type, find_version, texts
from artifacts.artifact import Artifact, _check_aliases, _check_tags
from artifacts.runs import exits
from artifacts.runs.config import Config, to_config
from artifacts.runs.names import new_id, new_name
from artifacts.runs.summary import Summary
from artifacts.store.errors import (
    ArtifactsError,
    InvalidInputError,
    InvalidTypeError,
    RunFinishedError,
    StateError,
)
from artifacts.store.records import LinkKind, to_datetime
from artifacts.store.refs import LATEST, MAX_NAME, Ref, check_project, check_run_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime
    from types import TracebackType
    from typing import Literal

    from artifacts._session import Place
    from artifacts.store.progress import Progress
    from artifacts.store.records import RunRecord, VersionRecord

    Reinit = Literal["return_previous", "finish_previous"]

log = logging.getLogger("artifacts")

_MAX_TAG = 64

_active: list[Run] = []
_init_lock = threading.RLock()


class Run:
    """One execution. Made by `init`; use it as a context manager or call `finish`.

    A run that is still active when the interpreter exits is finished then. Threads may share a
    run. A forked child may log and use artifacts through the run of its parent, which stays the
    parent's: only the parent finishes it.

    Assigning an attribute that does not exist raises AttributeError.
    """

    def __init__(self, place: Place, record: RunRecord) -> None:
        self._place = place
        self._record = record
        self._pid = os.getpid()
        self._finished = False
        self._lock = threading.RLock()
        self._config = Config(record.config, self._store_config)
        self._summary = Summary(record.summary, self._store_summary)
        self._frozen = True

    # -- identity

    @property
    def id(self) -> str:
        """Unique within the project."""
        return self._record.id

    @property
    def entity(self) -> str:
        """Owner of the project."""
        return self._record.entity

    @property
    def project(self) -> str:
        """Project it belongs to."""
        return self._record.project

    @property
    def path(self) -> str:
        """``entity/project/id``."""
        return f"{self.entity}/{self.project}/{self.id}"

    @property
    def group(self) -> str | None:
        """Name that bundles runs, such as the processes of one training."""
        return self._record.group

    @property
    def job_type(self) -> str | None:
        """What kind of work it does, such as ``train``."""
        return self._record.job_type

    @property
    def start_time(self) -> float:
        """When it began, in seconds since 1970."""
        return self._record.created_at / 1e6

    @property
    def created_at(self) -> datetime:
        """When it began, in UTC."""
        return to_datetime(self._record.created_at)

    @property
    def state(self) -> str:
        """``running``, ``finished`` or ``failed``."""
        return self._record.state

    @property
    def exit_code(self) -> int | None:
        """What it ended with; None while it runs."""
        return self._record.exit_code

    @property
    def url(self) -> str | None:
        """Page of the run; None, because a local store has no pages."""
        return None

    @property
    def name(self) -> str:
        """Display name; setting it stores it at once."""
        return self._record.name

    @name.setter
    def name(self, value: str) -> None:
        self._update({"name": str(value)})

    @property
    def notes(self) -> str | None:
        """Free text; setting it stores it at once."""
        return self._record.notes

    @notes.setter
    def notes(self, value: str | None) -> None:
        self._update({"notes": value})

    @property
    def tags(self) -> tuple[str, ...]:
        """Labels; setting them stores them at once. A label of over 64 characters is dropped."""
        return self._record.tags

    @tags.setter
    def tags(self, value: Iterable[str]) -> None:
        tags = list(dict.fromkeys(texts(value, "tags")))
        dropped = [tag for tag in tags if not 0 < len(tag) <= _MAX_TAG]
        if dropped:
            log.warning("tags have 1 to %d characters; dropped %r", _MAX_TAG, dropped)
        self._update({"tags": [tag for tag in tags if tag not in dropped]})

    @property
    def config(self) -> Config:
        """The experiment's settings."""
        return self._config

    @property
    def summary(self) -> Summary:
        """The experiment's results."""
        return self._summary

    # -- artifacts

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
            progress: Told about every file of a folder.

        Returns:
            The artifact, committed and durable.

        Raises:
            ValueError: There is nothing at the path, a name, alias or tag cannot be used, the
                artifact exists with another type, or a logged version belongs to another project.
            TypeError: ``artifact_or_path`` is something else.
            RunFinishedError: The run has ended.
        """
        self._check_running("log_artifact")
        names = _check_aliases(texts(aliases, "aliases"))
        labels = _check_tags(texts(tags, "tags"))
        if isinstance(artifact_or_path, Artifact):
            artifact = artifact_or_path
        elif isinstance(artifact_or_path, str | os.PathLike):
            path = os.fspath(artifact_or_path)
            ref = self._output_ref(name, path)
            if ref.selector is not None:
                names += _check_aliases([ref.selector])
            artifact = Artifact(
                ref.name or "", type or "unspecified", entity=ref.entity, project=ref.project
            )
            entity, project = artifact._target(self._place)
            # Before anything is uploaded.
            self._place.store.catalog.check_type(
                entity, project, artifact.collection, artifact.type
            )
            self._adopt(artifact)
            try:
                _fill(artifact, path, include=include, exclude=exclude, progress=progress)
            except BaseException:
                artifact.discard()
                raise
        else:
            raise InvalidTypeError(
                "log_artifact() takes an Artifact, a path or a reference, not "
                f"{artifact_or_path.__class__.__name__}"
            )
        with self._lock:
            self._check_running("log_artifact")
            if artifact.is_draft():
                self._log_draft(artifact, names, labels, latest=latest, output=True)
            else:
                self._log_again(artifact, names, labels, latest=latest)
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
                names = _check_aliases(texts(aliases, "aliases"))
                self._log_draft(artifact, names, (), latest=True, output=False)
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

    def logged_artifacts(self) -> list[Artifact]:
        """Return the versions that this run has logged, in order."""
        return self._linked(LinkKind.OUTPUT)

    def used_artifacts(self) -> list[Artifact]:
        """Return the versions that this run has used, in order."""
        return self._linked(LinkKind.INPUT)

    # -- ending

    def finish(self, exit_code: int | None = None) -> None:
        """End the run; calling it again does nothing, and neither does a forked child's call.

        Args:
            exit_code: 0 or None for success; anything else marks the run as failed.
        """
        if self._pid != os.getpid():
            log.warning("run %s belongs to the parent process, which finishes it", self.id)
            return
        with self._lock:
            if self._finished:
                return
            code = exit_code or 0
            state = "finished" if code == 0 else "failed"
            self._place.store.catalog.finish_run(self._record.key, state, code)
            self._finished = True
            self._reload()
        if self in _active:
            _active.remove(self)
        _session.leave(self._place)

    def join(self, exit_code: int | None = None) -> None:
        """Older name of `finish`."""
        self.finish(exit_code)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.finish(exits.code_of(exception))

    def __setattr__(self, name: str, value: Any) -> None:
        known = hasattr(type(self), name) or name in self.__dict__
        if getattr(self, "_frozen", False) and not known:
            raise AttributeError(f"Attribute {name} is not supported on Run object.", name=name)
        object.__setattr__(self, name, value)

    def __repr__(self) -> str:
        return f"<Run {self.path} ({self.name}, {self.state})>"

    # -- inside

    def _output_ref(self, name: str | None, path: str) -> Ref:
        if name is None:
            base = os.path.basename(os.path.abspath(path.rpartition("://")[2])) or "root"
            safe = re.sub(r"[^a-zA-Z0-9_.-]", "_", f"run-{self.id}-{base}")
            return Ref(None, None, safe[:MAX_NAME])
        return Ref.parse_target(name)

    def _adopt(self, artifact: Artifact) -> None:
        """Make a draft use this run's store."""
        if artifact._draft is None:
            from artifacts._draft import Draft

            place = self._place.at(*artifact._target(self._place))
            artifact._draft = Draft(place, artifact._name, incremental=artifact._incremental)
        elif not artifact._draft.place.has_same_store(self._place):
            raise StateError(
                f"the files of {artifact.name!r} were added to the store at "
                f"{artifact._draft.place.store.location}, and this run uses "
                f"{self._place.store.location}",
                hint="call artifacts.init() before adding files, or pass store= to Artifact()",
                kind="other_store",
            )

    def _log_draft(
        self,
        artifact: Artifact,
        aliases: tuple[str, ...],
        tags: tuple[str, ...],
        *,
        latest: bool,
        output: bool,
    ) -> None:
        self._adopt(artifact)
        entity, project = artifact._target(self._place)
        artifact._log(
            entity=entity,
            project=project,
            aliases=aliases,
            tags=tags,
            latest=latest,
            run=self._record.key,
            output=output,
        )

    def _log_again(
        self,
        artifact: Artifact,
        aliases: tuple[str, ...],
        tags: tuple[str, ...],
        *,
        latest: bool,
    ) -> None:
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
        artifact._become(
            logged.log_again(self._record.key, aliases=aliases, tags=tags, latest=latest)
        )

    def _use(self, text: str, ref: Ref, record: VersionRecord) -> Artifact:
        """Declare as an input what a name has led to."""
        artifact = Artifact._from_record(self._place, record)
        alias: str | None = None
        if ref.name is not None and ref.digest is None and ref.number is None:
            alias = ref.selector or LATEST
            if ref.selector is None:
                log.info("%s names no version: using %s", text, artifact.name)
        self._link(artifact, LinkKind.INPUT, ref_text=text, alias=alias)
        return artifact

    def _check_store(self, artifact: Artifact) -> None:
        place = artifact._version().place
        if not place.has_same_store(self._place):
            raise StateError(
                f"{artifact.name} is in the store at {place.store.location}, and this run "
                f"uses {self._place.store.location}",
                hint="download it and log the files",
                kind="other_store",
            )

    def _link(
        self,
        artifact: Artifact,
        kind: LinkKind,
        *,
        ref_text: str | None = None,
        alias: str | None = None,
    ) -> None:
        logged = artifact._stored()
        self._check_store(artifact)
        self._place.store.catalog.link(
            self._record.key, logged.record.id, kind, ref_text=ref_text, alias=alias
        )

    def _linked(self, kind: LinkKind) -> list[Artifact]:
        links = self._place.store.catalog.links_of_runs([self._record.key], kind)
        return [Artifact._from_record(self._place, link.version) for link in links]

    def _store_config(self, values: dict[str, Any]) -> None:
        self._update({"config": values})

    def _store_summary(self, values: dict[str, Any]) -> None:
        self._update({"summary": values})

    def _update(self, values: Mapping[str, Any]) -> None:
        with self._lock:
            self._check_running(f"set {', '.join(values)}")
            self._place.store.catalog.update_run(self._record.key, values)
            self._reload()

    def _reload(self) -> None:
        record = self._record
        self._record = self._place.store.catalog.run(record.entity, record.project, record.id)

    def _check_running(self, call: str) -> None:
        if self._finished:
            raise RunFinishedError(
                f"Run ({self.id}) is finished. The call to `{call}` will be ignored.",
                hint="start another run with artifacts.init()",
            )


def init(
    project: str | None = None,
    *,
    entity: str | None = None,
    name: str | None = None,
    id: str | None = None,
    config: Any = None,
    tags: Iterable[str] | str | None = None,
    group: str | None = None,
    job_type: str | None = None,
    notes: str | None = None,
    reinit: bool | Reinit | None = None,
    store: str | os.PathLike[str] | None = None,
) -> Run:
    """Start a run and make it the active one; while one is active, return that one.

    Args:
        project: Namespace; default from the settings, else ``uncategorized``.
        entity: Owner of the project.
        name: Display name; default a readable random one.
        id: Unique within the project; default eight random characters.
        config: The experiment's settings: a dict, or a namespace such as argparse makes.
        tags: Labels of 1 to 64 characters.
        group: Name that bundles runs.
        job_type: What kind of work it does, such as ``train``.
        notes: Free text.
        reinit: What to do while a run is active: ``return_previous`` (the default, also False),
            or ``finish_previous`` (also True) and start another one.
        store: Folder of the store, which is made if need be; default from the settings.

    Raises:
        InvalidInputError: A name, the id, a tag or ``reinit`` cannot be used.
        AlreadyExistsError: The project has a run of this id.
    """
    if reinit not in {None, False, True, "return_previous", "finish_previous"}:
        raise InvalidInputError(
            f"reinit must be 'return_previous' or 'finish_previous', not {reinit!r}"
        )
    values = {
        "group": group,
        "job_type": job_type,
        "notes": notes,
        "tags": _check_run_tags(tags),
        "config": to_config(config),
        **_creator(),
    }
    run_id = new_id() if id is None else check_run_id(id)
    with _init_lock:
        if _active:
            if reinit in {None, False, "return_previous"}:
                asked = (project, entity, name, id, config, tags, group, job_type, notes, store)
                return _previous(ignored=any(value is not None for value in asked))
            _active[-1].finish()
        place = _session.place(
            store=store,
            entity=None if entity is None else check_project(entity, what="entity"),
            project=None if project is None else check_project(project),
        )
        check_project(place.project)
        check_project(place.entity, what="entity")
        catalog = place.store.catalog
        values["name"] = name or new_name(catalog.count_runs(place.entity, place.project) + 1)
        record = catalog.create_run(place.entity, place.project, run_id, values)
        place.run = record.key
        run = Run(place, record)
        _active.append(run)
        _session.enter(place)
    exits.watch(_finish_all)
    return run


def _previous(*, ignored: bool) -> Run:
    run = _active[-1]
    if ignored:
        log.warning(
            "init() returned run %s, which is active; its arguments were not used. Finish the run "
            "first, or pass reinit='finish_previous'",
            run.id,
        )
    return run


def active_run() -> Run | None:
    """Return the run that module-level functions act on."""
    return _active[-1] if _active else None


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


def _creator() -> dict[str, str]:
    user, _, host = settings.user_name().partition("@")
    return {"user": user, "host": host}


def _check_run_tags(tags: Iterable[str] | str | None) -> list[str]:
    found = list(dict.fromkeys(texts(tags, "tags")))
    for tag in found:
        if not 0 < len(tag) <= _MAX_TAG:
            raise InvalidInputError(
                f"invalid tag {tag!r}: the tag of a run has 1 to {_MAX_TAG} characters",
                kind="bad_tag",
            )
    return found


def _finish_all(exit_code: int) -> None:
    """Finish what is active when the interpreter exits."""
    for run in reversed(_active[:]):
        try:
            run.finish(exit_code)
        except ArtifactsError:
            log.exception("run %s could not be finished", run.id)


def _after_fork() -> None:
    # The run belongs to the parent; its lock may have been held by a thread that is no more.
    global _init_lock  # noqa: PLW0603 - the child's own
    _init_lock = threading.RLock()
    for run in _active:
        run._lock = threading.RLock()
    _active.clear()


os.register_at_fork(after_in_child=_after_fork)
