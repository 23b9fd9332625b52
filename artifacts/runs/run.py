"""`Run`: one execution, from its start to its end."""

from __future__ import annotations

import logging
import os
import threading
from typing import TYPE_CHECKING, Any, Self

from artifacts import _session, settings
from artifacts._parts import in_parts
from artifacts._values import texts
from artifacts.runs import exits
from artifacts.runs.artifact_calls import ArtifactCalls
from artifacts.runs.config import Config, to_config
from artifacts.runs.names import new_id, new_name
from artifacts.runs.summary import Summary
from artifacts.store.errors import ArtifactsError, InvalidInputError
from artifacts.store.refs import check_project, check_run_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from types import TracebackType
    from typing import Literal

    from artifacts._session import Place
    from artifacts.store.records import RunRecord

    Reinit = Literal["return_previous", "finish_previous"]

log = logging.getLogger("artifacts")

_MAX_TAG = 64

_active: list[Run] = []
_init_lock = threading.RLock()


@in_parts
class Run(ArtifactCalls):
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
    def path(self) -> str:
        """``entity/project/id``."""
        return f"{self.entity}/{self.project}/{self.id}"

    @property
    def start_time(self) -> float:
        """When it began, in seconds since 1970."""
        return self._record.created_at / 1e6

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

    # -- ending

    def finish(self, exit_code: int | None = None) -> None:
        """End the run; calling it again does nothing, and neither does a forked child's call.

        It returns when everything that was logged is in the store.

        Args:
            exit_code: 0 or None for success; anything else marks the run as failed.

        Raises:
            StorageError: Something could not be brought to a remote store. It is safe on this
                machine, ``art sync`` finishes the job, and the run has ended all the same.
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
