"""`Run`: one execution, and the versions it uses and logs."""

from __future__ import annotations

import atexit
import logging
import os
import sys
import threading
from typing import TYPE_CHECKING, Any, Self

from artifacts import _session, config
from artifacts.artifact import Artifact
from artifacts.runs.config import Config, _as_mapping
from artifacts.runs.names import new_id, new_name
from artifacts.runs.summary import Summary
from artifacts.store.errors import (
    InvalidInputError,
    InvalidTypeError,
    RefNotFoundError,
    RunFinishedError,
    StateError,
)
from artifacts.store.records import LinkKind, to_datetime
from artifacts.store.refs import LATEST, Ref, check_name, check_project, check_run_id

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime
    from types import TracebackType

    from artifacts._session import Place
    from artifacts.store.progress import Progress
    from artifacts.store.records import RunRecord

log = logging.getLogger("artifacts")

_INTERRUPTED = 255

_active: list[Run] = []
_hooks_lock = threading.Lock()
_uncaught: list[int] = []


class Run:
    """One execution. Made by `init`; use it as a context manager or call `finish`.

    Assigning an attribute that does not exist raises AttributeError.
    """

    def __init__(self, place: Place, record: RunRecord) -> None:
        self._place = place
        self._record = record
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
        """Labels; setting them stores them at once."""
        return self._record.tags

    @tags.setter
    def tags(self, value: Iterable[str]) -> None:
        self._update({"tags": list(dict.fromkeys(value))})

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
            artifact_or_path: A draft, a file, a folder, or a ``file://`` reference.
            name: ``[[entity/]project/]name``, with ``:alias`` for one more alias. Default for a
                path: ``run-<run id>-<file name>``. Not used with a draft.
            type: Kind of artifact; default ``unspecified``. Not used with a draft.
            aliases: Movable names that shall point at the version, besides ``latest``.
            tags: Labels for the version.
            latest: Whether ``latest`` moves to it too.
            include: For a folder: patterns of which a file has to match one.
            exclude: For a folder: patterns of what is left out.
            progress: Told about every file of a folder.

        Returns:
            The artifact, committed and durable.

        Raises:
            ValueError: There is nothing at the path, or a name or alias cannot be used.
            TypeError: ``artifact_or_path`` is something else.
            RunFinishedError: The run has ended.
        """
        self._check_running("log_artifact")
        extra = [aliases] if isinstance(aliases, str) else list(aliases or ())
        entity, project = self.entity, self.project
        if isinstance(artifact_or_path, Artifact):
            artifact = artifact_or_path
        elif isinstance(artifact_or_path, str | os.PathLike):
            path = os.fspath(artifact_or_path)
            ref = self._output_ref(name, path)
            entity, project = ref.entity or entity, ref.project or project
            if ref.selector is not None:
                extra.append(ref.selector)
            artifact = Artifact(ref.name or "", type or "unspecified", project=project)
            self._adopt(artifact, entity, project)
            _fill(artifact, path, include=include, exclude=exclude, progress=progress)
        else:
            raise InvalidTypeError(
                "log_artifact() takes an Artifact, a path or a reference, not "
                f"{artifact_or_path.__class__.__name__}"
            )
        with self._lock:
            if not artifact.is_draft():
                return self._log_again(artifact, extra)
            self._adopt(artifact, entity, project)
            artifact._log(
                entity=entity,
                project=project,
                aliases=extra,
                tags=tuple(tags or ()),
                latest=latest,
                run=self._record.key,
                progress=progress,
            )
        return artifact

    def use_artifact(
        self,
        artifact_or_name: Artifact | str,
        type: str | None = None,
        aliases: Iterable[str] | str | None = None,
    ) -> Artifact:
        """Declare a version as an input of this run.

        Args:
            artifact_or_name: ``[[entity/]project/]name[:alias|:vN|:digest|@digest]``, a digest,
                or an artifact. A draft is logged first, as something the user brought along and
                not as an output of this run. A bare name means ``:latest``.
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
        text: str | None = None
        alias: str | None = None
        if isinstance(artifact_or_name, Artifact):
            artifact = artifact_or_name
            if artifact.is_draft():
                names = [aliases] if isinstance(aliases, str) else list(aliases or ())
                self._adopt(artifact, self.entity, self.project)
                artifact._log(
                    entity=self.entity,
                    project=self.project,
                    aliases=names,
                    run=self._record.key,
                    output=False,
                )
        elif isinstance(artifact_or_name, str):
            text = artifact_or_name
            ref = Ref.parse(text)
            record = self._place.store.catalog.resolve(
                ref, entity=self.entity, project=self.project
            )
            artifact = Artifact._from_record(self._place, record)
            if ref.name is not None and ref.digest is None and ref.number is None:
                alias = ref.selector or LATEST
                if ref.selector is None:
                    log.info("%s names no version: using %s:latest", text, text)
        else:
            raise InvalidTypeError(
                "use_artifact() takes an Artifact or a name, not "
                f"{artifact_or_name.__class__.__name__}"
            )
        if type is not None and artifact.type != type:
            raise InvalidInputError(
                f"Supplied type {type} does not match type {artifact.type} of artifact "
                f"{artifact.name}",
                kind="type_mismatch",
            )
        self._link(artifact, LinkKind.INPUT, ref_text=text, alias=alias)
        return artifact

    def log_model(
        self,
        path: str | os.PathLike[str],
        name: str | None = None,
        aliases: Iterable[str] | str | None = None,
    ) -> Artifact:
        """Log a file or folder as an artifact of type ``model``."""
        return self.log_artifact(path, name=name, type="model", aliases=aliases)

    def use_model(self, name: str) -> str:
        """Use and download an artifact of type ``model``.

        Returns:
            The path of its file if it has only one, else of its folder.

        Raises:
            ValueError: The artifact is of another type.
        """
        artifact = self.use_artifact(name)
        if "model" not in artifact.type:
            raise InvalidInputError(
                f"{artifact.name} has type {artifact.type!r}; use_model() needs a model",
                kind="type_mismatch",
            )
        return artifact.file() if artifact.file_count == 1 else artifact.download()

    def logged_artifacts(self) -> list[Artifact]:
        """Return the versions that this run has logged, in order."""
        return self._linked(LinkKind.OUTPUT)

    def used_artifacts(self) -> list[Artifact]:
        """Return the versions that this run has used, in order."""
        return self._linked(LinkKind.INPUT)

    # -- ending

    def finish(self, exit_code: int | None = None) -> None:
        """End the run; calling it again does nothing.

        Args:
            exit_code: 0 or None for success; anything else marks the run as failed.
        """
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
        self.finish(0 if exception_type is None else 1)

    def __setattr__(self, name: str, value: Any) -> None:
        known = hasattr(type(self), name) or name in self.__dict__
        if getattr(self, "_frozen", False) and not known:
            raise AttributeError(f"Attribute {name} is not supported on Run object.")
        object.__setattr__(self, name, value)

    def __repr__(self) -> str:
        return f"<Run {self.path} ({self.name}, {self.state})>"

    # -- inside

    def _output_ref(self, name: str | None, path: str) -> Ref:
        if name is None:
            base = os.path.basename(os.path.normpath(path.rpartition("://")[2])) or "root"
            return Ref(None, None, check_name(f"run-{self.id}-{base}"))
        ref = Ref.parse(name)
        if ref.name is None or ref.digest is not None:
            raise InvalidInputError(
                f"cannot log under {name!r}: the digest follows from the contents",
                hint="use [project/]name or name:alias",
                kind="bad_name",
            )
        if ref.number is not None:
            raise InvalidInputError(
                f"cannot log as {name!r}: version numbers are given by the store",
                hint="leave the version out",
                kind="bad_name",
            )
        return ref

    def _adopt(self, artifact: Artifact, entity: str, project: str) -> None:
        """Make a draft use this run's store."""
        if artifact._draft is None:
            from artifacts._draft import Draft

            place = _session.Place(self._place.store, self._place.settings, entity, project)
            artifact._draft = Draft(place, artifact._name, incremental=artifact._incremental)
        elif artifact._draft.place.store is not self._place.store:
            raise StateError(
                f"the files of {artifact.name!r} were added to the store at "
                f"{artifact._draft.place.store.location}, and this run uses "
                f"{self._place.store.location}",
                hint="call artifacts.init() before adding files, or pass store= to Artifact()",
                kind="other_store",
            )

    def _log_again(self, artifact: Artifact, aliases: list[str]) -> Artifact:
        """Log a version that exists already: aliases and the edge."""
        self._link(artifact, LinkKind.OUTPUT)
        if aliases:
            artifact.aliases = [*artifact.aliases, *aliases]
            artifact.save()
        return artifact

    def _link(
        self,
        artifact: Artifact,
        kind: LinkKind,
        *,
        ref_text: str | None = None,
        alias: str | None = None,
    ) -> None:
        logged = artifact._version()
        if logged.place.store is not self._place.store:
            raise StateError(
                f"{artifact.name} is in the store at {logged.place.store.location}, and this run "
                f"uses {self._place.store.location}",
                kind="other_store",
            )
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
    tags: Iterable[str] | None = None,
    group: str | None = None,
    job_type: str | None = None,
    notes: str | None = None,
    reinit: bool = False,
    store: str | os.PathLike[str] | None = None,
) -> Run:
    """Start a run and make it the active one; while one is active, return that one.

    Args:
        project: Namespace; default from the settings, else ``uncategorized``.
        entity: Owner of the project.
        name: Display name; default a readable random one.
        id: Unique within the project; default eight random characters.
        config: The experiment's settings: a dict, or a namespace such as argparse makes.
        tags: Labels.
        group: Name that bundles runs.
        job_type: What kind of work it does, such as ``train``.
        notes: Free text.
        reinit: Finish the active run first and start another one.
        store: Folder of the store, which is made if need be; default from the settings.

    Raises:
        InvalidInputError: A name or the id cannot be used.
        AlreadyExistsError: The project has a run of this id.
    """
    if _active:
        if not reinit:
            return _active[-1]
        _active[-1].finish()
    place = _session.place(store=store, entity=entity, project=project)
    check_project(place.project)
    check_project(place.entity, what="entity")
    catalog = place.store.catalog
    run_id = new_id() if id is None else check_run_id(id)
    values = {
        "name": name or new_name(len(catalog.list_runs(project=place.project)) + 1),
        "group": group,
        "job_type": job_type,
        "notes": notes,
        "tags": list(dict.fromkeys(tags or ())),
        "config": Config(_as_mapping(config or {}), lambda _: None).as_dict(),
        **_creator(),
    }
    run = Run(place, catalog.create_run(place.entity, place.project, run_id, values))
    _active.append(run)
    _session.enter(place)
    _install_hooks()
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
    user, _, host = config.user_name().partition("@")
    return {"user": user, "host": host}


def _install_hooks() -> None:
    """Finish runs when the interpreter exits, as failed if an exception ended it."""
    with _hooks_lock:
        if _uncaught:
            return
        _uncaught.append(0)
    previous: Callable[..., Any] = sys.excepthook

    def hook(
        kind: type[BaseException], error: BaseException, traceback: TracebackType | None
    ) -> None:
        _uncaught[0] = _INTERRUPTED if issubclass(kind, KeyboardInterrupt) else 1
        previous(kind, error, traceback)

    sys.excepthook = hook
    atexit.register(_finish_all)


def _finish_all() -> None:
    while _active:
        _active[-1].finish(_uncaught[0])


def _after_fork() -> None:
    # The run belongs to the parent.
    _active.clear()


os.register_at_fork(after_in_child=_after_fork)

__all__ = ["RefNotFoundError", "Run", "active_run", "init"]
