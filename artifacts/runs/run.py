"""`Run`: one execution, from its start to its end."""

from __future__ import annotations

import logging
import os
import threading
from typing import TYPE_CHECKING, Any, Self

from artifacts import _session, settings
from artifacts._parts import in_parts
from artifacts._values import texts
from artifacts.runs import exits, folders
from artifacts.runs.artifact_calls import ArtifactCalls
from artifacts.runs.completing import complete
from artifacts.runs.config import Config, to_config
from artifacts.runs.live import LiveView
from artifacts.runs.metrics import SummaryState
from artifacts.runs.row_calls import RowCalls
from artifacts.runs.rows import Rows
from artifacts.runs.starting import begin, check_resume
from artifacts.runs.summary import Summary
from artifacts.store.errors import ArtifactsError, InvalidInputError
from artifacts.store.journal import forked
from artifacts.store.refs import check_project, check_run_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from types import TracebackType
    from typing import Literal

    from artifacts._session import Place
    from artifacts.runs.starting import Resume, Start

    Reinit = Literal["return_previous", "finish_previous"]

log = logging.getLogger("artifacts")

_MAX_TAG = 64

_active: list[Run] = []
_init_lock = threading.RLock()


@in_parts
class Run(RowCalls, ArtifactCalls):
    """One execution. Made by `init`; use it as a context manager or call `finish`.

    A run that is still active when the interpreter exits is finished then. Threads may share a
    run. A forked child may log and use artifacts through the run of its parent, which stays the
    parent's: only the parent logs rows and finishes it.

    Assigning an attribute that does not exist raises AttributeError.
    """

    def __init__(self, place: Place, start: Start) -> None:
        record = start.record
        self._place = place
        self._record = record
        self._pid = os.getpid()
        self._finished = False
        self._lock = threading.RLock()
        self._start_time = start.time
        self._first_step = start.step
        self._resumed = start.resumed
        self._config = Config(record.config, self._store_config)
        folder = folders.run_folder(
            place.settings.run_dir, record.entity, record.project, record.id
        )
        self._rows = Rows(
            folders.new_journal(folder),
            self._begin,
            SummaryState(record.summary, record.tracking),
            start=start.time,
            step=start.step,
        )
        self._summary = Summary(self._rows.state, self._rows.lock, self._summary_changes)
        self._live = LiveView(place.store.catalog, record.key, self._rows)
        self._frozen = True

    # -- identity

    @property
    def path(self) -> str:
        """``entity/project/id``."""
        return f"{self.entity}/{self.project}/{self.id}"

    @property
    def start_time(self) -> float:
        """When it began, in seconds since 1970; the time between its processes does not count."""
        return self._start_time

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
        """The experiment's results: the last value of every key that was logged, and more."""
        return self._summary

    # -- ending

    def finish(self, exit_code: int | None = None) -> None:
        """End the run; calling it again does nothing, and neither does a forked child's call.

        It returns when everything that was logged is in the store: the artifacts, and what was
        logged with `log` as a version of ``run-<id>-history``, with its summary as one of
        ``run-<id>-summary``.

        Args:
            exit_code: 0 or None for success; anything else marks the run as failed.

        Raises:
            StorageError: Something could not be brought to the store. It is safe on this machine,
                ``art sync`` brings artifacts and ``art run recover`` the history, and the run has
                ended all the same.
        """
        if self._pid != os.getpid():
            log.warning("run %s belongs to the parent process, which finishes it", self.id)
            return
        with self._lock:
            if self._finished:
                return
            code = exit_code or 0
            self._live.stop()
            self._rows.close(code)
            try:
                self._complete()
            finally:
                state = "finished" if code == 0 else "failed"
                values = self._rows.snapshot() if self._rows.changes else {}
                self._place.store.catalog.finish_run(self._record.key, state, code, values)
                self._finished = True
                self._rows.release()
                self._reload()
                if self in _active:
                    _active.remove(self)
                _session.leave(self._place)
        if code == 0:
            folders.forget(self._place, self.id)
        _session.wait_for_deliveries(self._place.store)

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

    def _store_config(self, values: dict[str, Any]) -> None:
        self._update({"config": values})

    def _begin(self) -> list[Any]:
        state = self._rows.state
        columns = {"summary": state.values, "tracking": state.tracking()}
        return folders.begin_note(self._place, self._record, columns)

    def _summary_changes(self, before: bool) -> None:
        if before:
            self._check_running("set summary")
            if self._pid != os.getpid():
                raise forked()
            return
        with self._lock:
            self._rows.note()
            self._update(self._rows.snapshot())

    def _complete(self) -> None:
        """Make versions of what was logged."""
        journal = self._rows.journal
        summary = self._rows.state.values
        if journal is None and not summary and not self._resumed:
            return
        try:
            complete(self._place, self._record, [journal.path] if journal else [], summary)
        except ArtifactsError as error:
            log.error(  # noqa: TRY400 - a message, no bug
                "what run %s has logged is safe on this machine, and not in the store yet: "
                "art run recover %s",
                self.id,
                self.id,
            )
            error.hint = error.hint or f"finish the job with: art run recover {self.id}"
            raise

    def _update(self, values: Mapping[str, Any]) -> None:
        with self._lock:
            self._check_running(f"set {', '.join(values)}")
            self._place.store.catalog.update_run(self._record.key, values)
            self._reload()

    def _reload(self) -> None:
        record = self._record
        self._record = self._place.store.catalog.run(record.entity, record.project, record.id)


def init(
    project: str | None = None,
    *,
    entity: str | None = None,
    name: str | None = None,
    id: str | None = None,
    resume: bool | Resume | None = None,
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
        resume: What to do if the project has a run of this id: ``allow`` goes on with it,
            ``must`` also asks that there is one, ``never`` (the default) refuses. ``auto`` (also
            True) goes on with the last run that was begun so in this directory and did not end
            with success. A run that goes on keeps its history, its summary and its config.
        config: The experiment's settings: a dict, or a namespace such as argparse makes.
        tags: Labels of 1 to 64 characters.
        group: Name that bundles runs.
        job_type: What kind of work it does, such as ``train``.
        notes: Free text.
        reinit: What to do while a run is active: ``return_previous`` (the default, also False),
            or ``finish_previous`` (also True) and start another one.
        store: Folder of the store, which is made if need be; default from the settings.

    Raises:
        InvalidInputError: A name, the id, a tag, ``reinit`` or ``resume`` cannot be used.
        AlreadyExistsError: The project has a run of this id, and ``resume`` does not allow that.
        RunNotFoundError: ``resume`` is ``must``, and there is no such run.
    """
    if reinit not in {None, False, True, "return_previous", "finish_previous"}:
        raise InvalidInputError(
            f"reinit must be 'return_previous' or 'finish_previous', not {reinit!r}"
        )
    how = check_resume(resume, id)
    values = {
        "group": group,
        "job_type": job_type,
        "notes": notes,
        "tags": _check_run_tags(tags),
        "config": to_config(config),
        **_creator(),
    }
    if id is not None:
        check_run_id(id)
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
        start = begin(place, how, id, name, values)
        place.run = start.record.key
        run = Run(place, start)
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
        run._rows.after_fork()
        object.__setattr__(run._summary, "_lock", run._rows.lock)
    _active.clear()


os.register_at_fork(after_in_child=_after_fork)
