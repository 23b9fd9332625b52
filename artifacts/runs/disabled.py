"""A run that takes everything and does nothing."""

from __future__ import annotations

import os
import tempfile
import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from artifacts import _session
from artifacts._disabled import DisabledArtifact
from artifacts._session import Place
from artifacts._silence import silent
from artifacts.artifact import Artifact
from artifacts.runs import active
from artifacts.runs.config import Config
from artifacts.runs.metrics import Metric, SummaryState
from artifacts.runs.names import new_id, new_name
from artifacts.runs.run import Run
from artifacts.runs.starting import Request
from artifacts.runs.summary import Summary
from artifacts.settings import load as load_settings
from artifacts.store.errors import StateError
from artifacts.store.records import RUNNING, RunRecord

if TYPE_CHECKING:
    from collections.abc import Sequence

    from artifacts.runs.mapping import Path
    from artifacts.settings import Settings
    from artifacts.store.store import Store


_UNSAID = ("notes", "group", "job_type", "sweep_id", "finished_at", "exit_code")


class Nowhere(Place):
    """Where a disabled run works: nothing is opened there.

    Args:
        settings: As for `Place`.
    """

    __slots__ = ()

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.entity, self.project = settings.entity, settings.project
        self.run = self.remembered = None
        self.offline = False

    @property
    def store(self) -> Store:
        raise StateError("a disabled run has no store", kind="run_disabled")


class LooseSummary(Summary):
    """A summary that takes values of any type."""

    def _set_paths(self, values: Sequence[tuple[Path, Any]]) -> None:
        for path, value in values:
            self._state.set_by_hand(path, value)


@silent(
    *("id", "project", "entity", "path", "project_name", "group", "job_type", "sweep_id"),
    *("user", "host", "display_name", "created_at", "start_time", "state", "exit_code"),
    *("name", "notes", "tags", "config", "config_static", "summary", "summary_metrics"),
    *("starting_step", "resumed", "offline", "mode", "read_only", "to_html", "display"),
    makers={"Artifact": lambda _: DisabledArtifact()},
)
class DisabledRun(Run):
    """A run for when nothing is to be recorded: ``init(mode="disabled")``.

    Its methods take everything and return what stands for nothing. Configuration, summary and
    steps behave as always, in memory only. No store is opened and no file is made.

    Args:
        settings: They say how the project is called; default those that hold now.
        request: What was asked for; default nothing.
    """

    def __init__(self, settings: Settings | None = None, request: Request | None = None) -> None:
        settings = settings or load_settings()
        request = request or Request()
        now = time.time_ns() // 1000
        values = dict(request.values)
        values["tags"] = tuple(values.pop("tags", ()))
        empty = dict.fromkeys(_UNSAID)
        fields = {**empty, "user": None, "host": None, "config": {}, **values}
        self._place = Nowhere(settings)
        self._record = RunRecord(
            key=0,
            entity=settings.entity,
            project=settings.project,
            id=request.id or new_id(),
            name=request.name or new_name(1),
            state=RUNNING,
            summary={},
            created_at=now,
            **fields,
        )
        self._pid = os.getpid()
        self._start_time = now / 1e6
        self._finished = self._resumed = False
        self._step = self._first_step = 0
        self._state = SummaryState({}, None)
        self._config = Config(self._record.config, self._store_config, allow_val_change=True)
        self._summary = LooseSummary(self._state, threading.RLock(), lambda _before: None)
        self._frozen = True

    @property
    def disabled(self) -> bool:
        return True

    @property
    def step(self) -> int:
        return self._step

    @property
    def dir(self) -> str:
        return tempfile.gettempdir()

    def log(
        self,
        data: Any = None,
        step: int | None = None,
        commit: bool | None = None,
        sync: bool | None = None,
    ) -> None:
        if isinstance(data, Mapping):
            self._state.values.update(data)
        if isinstance(step, int):
            self._step = max(self._step, step)
        if commit or (commit is None and step is None):
            self._step += 1

    def define_metric(self, name: str, *_: Any, **__: Any) -> Metric:
        return Metric(str(name))

    def log_artifact(
        self,
        artifact_or_path: Any,
        name: str | None = None,
        type: str | None = None,
        *_: Any,
        **__: Any,
    ) -> Artifact:
        return _stand_in(artifact_or_path, name, type)

    def use_artifact(self, artifact_or_name: Any, type: str | None = None, *_: Any) -> Artifact:
        return _stand_in(artifact_or_name, None, type)

    def finish(self, exit_code: int | None = None, quiet: bool | None = None) -> None:
        if self._finished or self._pid != os.getpid():
            return
        code = exit_code or 0
        self._finished = True
        self._record = replace(
            self._record,
            state="failed" if code else "finished",
            exit_code=code,
            finished_at=time.time_ns() // 1000,
        )
        active.leave(self)
        _session.leave(None)

    def join(self, exit_code: int | None = None) -> None:
        self.finish(exit_code)

    def _update(self, values: Mapping[str, Any]) -> None:
        changed = dict(values)
        if "tags" in changed:
            changed["tags"] = tuple(changed["tags"])
        self._record = replace(self._record, **changed)

    def _page(self, *parts: str) -> str | None:
        return None

    def _log_failure(self, error: BaseException | None) -> None:
        pass

    def _after_fork(self) -> None:
        object.__setattr__(self._summary, "_lock", threading.RLock())


def _stand_in(given: Any, name: str | None, type_: str | None) -> DisabledArtifact:
    """Return what stands for the version of something."""
    if isinstance(given, DisabledArtifact):
        return given
    if isinstance(given, Artifact):
        return DisabledArtifact(given._name, given._type)
    text = str(name if name is not None else given)
    base = os.path.basename(os.path.normpath(text)).partition(":")[0]
    return DisabledArtifact(base or "disabled", type_ or "unspecified")
