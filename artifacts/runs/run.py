"""`Run`: one execution, from its start to its end."""

from __future__ import annotations

import logging
import os
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self

from artifacts import _reads, _session
from artifacts._lineage_events import start_sending
from artifacts._parts import in_parts
from artifacts._reads import RunReads
from artifacts._run_folders import media_folder, run_folder
from artifacts.runs import active, exits, folders
from artifacts.runs.alerts import AlertCalls, Alerts
from artifacts.runs.attributes import Attributes
from artifacts.runs.chart_calls import ChartCalls
from artifacts.runs.checkpoints import Checkpoints
from artifacts.runs.code_calls import CodeCalls
from artifacts.runs.completing import complete, ended_as
from artifacts.runs.config import Config
from artifacts.runs.file_calls import FileCalls
from artifacts.runs.files import RunFiles
from artifacts.runs.link_calls import LinkCalls
from artifacts.runs.live import LiveView
from artifacts.runs.metrics import SummaryState
from artifacts.runs.observer import NOTE, Observer
from artifacts.runs.observer_calls import ObserverCalls
from artifacts.runs.row_calls import RowCalls
from artifacts.runs.rows import Rows
from artifacts.runs.sharing_calls import SharingCalls
from artifacts.runs.summary import Summary
from artifacts.runs.watch_calls import WatchCalls
from artifacts.store.errors import ArtifactsError, StorageError, is_lost
from artifacts.store.journal import forked

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

    from artifacts._session import Place
    from artifacts.runs.media import MediaLog
    from artifacts.runs.starting import Start

log = logging.getLogger("artifacts")


@in_parts
class Run(
    Attributes,
    RowCalls,
    AlertCalls,
    LinkCalls,
    SharingCalls,
    CodeCalls,
    FileCalls,
    ObserverCalls,
    WatchCalls,
    ChartCalls,
):
    """One execution. Made by `init`; use it as a context manager or call `finish`.

    A run that is still active when the interpreter exits is finished then. Threads may share a
    run. A forked child may log and use artifacts through the run of its parent, which stays the
    parent's: only the parent logs rows and finishes it.

    Assigning an attribute that does not exist raises AttributeError.
    """

    def __init__(self, place: Place, start: Start, *, allow_val_change: bool = False) -> None:
        record = start.record
        self._place = place
        self._record = record
        self._pid = os.getpid()
        self._finished = False
        self._lock = threading.RLock()
        self._endings: list[Callable[[], None]] = []
        self._start_time = start.time
        self._first_step = start.step
        self._resumed = start.resumed
        self._recorded = start.recorded
        self._unsent_config = False
        self._config = Config(record.config, self._store_config, allow_val_change=allow_val_change)
        folder = run_folder(place.settings.run_dir, record.entity, record.project, record.id)
        self._trial = start.trial
        if start.trial is not None:
            chosen = start.trial.chosen
            self._config.update_locked({key: record.config[key] for key in chosen})
        on_stale_step = place.settings.on_stale_step
        self._rows = Rows(
            folders.new_journal(folder, corrected=on_stale_step == "merge"),
            self._begin,
            SummaryState(record.summary, record.tracking),
            start=start.time,
            step=start.step,
            on_stale_step=on_stale_step,
            follow=None if start.trial is None else start.trial.follow,
            media=self._make_media,
        )
        self._summary = Summary(
            self._rows.state,
            self._rows.lock,
            self._summary_changes,
            describer=self._rows.describer,
            load=lambda value: self._loader().value(value),
        )
        self._alerts = Alerts(place, record, self._rows)
        self._files = RunFiles(place, record, self._rows)
        self._observer = Observer(
            place.settings, self._rows, self._files, self._earlier_output if start.resumed else None
        )
        self._reads = RunReads(place, record.key)
        self._live = LiveView(
            place.store.catalog, record.key, self._rows, [self._observer], self._reads.flush
        )
        self._observer.start()
        self._checkpoints = Checkpoints(place, self._rows, lambda: self._record)
        self._events = start_sending(place)
        _reads.enter(self._reads)
        self._frozen = True

    # -- ending

    def finish(self, exit_code: int | None = None, quiet: bool | None = None) -> None:
        """End the run; calling it again does nothing, and neither does a forked child's call.

        It returns when everything that was logged is in the store: artifacts, files, and what was
        logged with `log` as a version of ``run-<id>-history``, with its summary as one of
        ``run-<id>-summary``.

        Args:
            exit_code: 0 or None for success; anything else marks the run as failed.
            quiet: Accepted for compatibility, without effect.

        Raises:
            StorageError: Something could not be brought to the store. It is safe on this machine,
                ``art sync`` brings it there, and the run has ended all the same.
        """
        if self._pid != os.getpid():
            log.warning("run %s belongs to the parent process, which finishes it", self.id)
            return
        try:
            try:
                while self._endings:
                    self._endings.pop()()
            finally:
                self._finish(exit_code or 0)
        finally:
            if self._events is not None:
                self._events.stop()

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
        self._log_failure(exception)
        self.finish(exits.code_of(exception))

    def __setattr__(self, name: str, value: Any) -> None:
        known = hasattr(type(self), name) or name in self.__dict__
        if getattr(self, "_frozen", False) and not known:
            raise AttributeError(f"Attribute {name} is not supported on Run object.", name=name)
        object.__setattr__(self, name, value)

    def __repr__(self) -> str:
        return f"<Run {self.path} ({self.name}, {self.state})>"

    # -- inside

    def _before_end(self, do: Callable[[], None]) -> None:
        """Have something done when the run is about to end: it can log until then."""
        self._endings.append(do)

    def _store_config(self, values: dict[str, Any]) -> None:
        self._update({"config": values})

    def _begin(self) -> list[Any]:
        state = self._rows.state
        columns = {"summary": state.values, "tracking": state.tracking()}
        columns |= self._observer.snapshot()
        return folders.begin_note(self._place, self._record, columns)

    def _make_media(self) -> MediaLog:
        from artifacts.runs.media import MediaLog

        rows, folder = self._rows, media_folder(self._rows.path)
        return MediaLog(folder, self.path, rows.begin_journal, self._define_chart)

    def _define_chart(self, key: str, definition: dict[str, Any]) -> None:
        try:
            self._config._define_chart(key, definition)
        except StorageError as error:
            if not is_lost(error):
                raise
            # The journal has it, and it is stored when the run ends.
            config = self._config._everything()
            self._unsent_config = True
            self._rows.write_note([NOTE, {"config": config}])

    def _summary_changes(self, before: bool) -> None:
        if before:
            self._check_running("set summary")
            if self._pid != os.getpid():
                raise forked()
            return
        with self._lock:
            self._rows.note()
            try:
                self._update(self._rows.snapshot())
            except StorageError as error:
                if not is_lost(error):
                    raise
                # The journal has it; the others are told when the store is back.
                self._rows.keep_summary()

    def _finish(self, code: int) -> None:
        with self._lock:
            if self._finished:
                return
            self.unwatch()
            self._observer.stop()
            self._checkpoints.stop()
            self._live.stop()
            self._files.stop()
            self._rows.close(code)
            try:
                self._end(code)
            finally:
                self._finished = True
                self._rows.release()
                _reads.leave(self._reads)
                active.leave(self)
                _session.leave(self._place)
        if code == 0:
            folders.forget(self._place, self.id)
        _session.wait_for_deliveries(self._place.store)

    def _end(self, exit_code: int) -> None:
        """Record in the store what was logged, and that this is the end."""
        state = ended_as(self._record.state, exit_code)
        try:
            try:
                self._reads.flush()
                self._alerts.close()
                self._complete()
            except ArtifactsError as error:
                if is_lost(error):
                    raise
                self._enter_end(state, exit_code)
                raise
            self._enter_end(state, exit_code)
        except StorageError as error:
            if is_lost(error):
                self._rows.leave_word(exit_code)
                self._record = replace(self._record, state=state, exit_code=exit_code)
                error.hint = f"what run {self.id} has logged is safe here; bring it with: art sync"
            raise

    def _enter_end(self, state: str, exit_code: int) -> None:
        values = self._rows.snapshot() if self._rows.changes else {}
        values |= self._observer.snapshot()
        if self._unsent_config:
            values["config"] = self._config._everything()
        self._place.store.catalog.finish_run(self._record.key, state, exit_code, values)
        self._reload()

    def _complete(self) -> None:
        """Make versions of what was logged."""
        journal = self._rows.journal
        summary = self._rows.state.values
        files = self._files
        if not (
            journal is not None
            or summary
            or self._record.config
            or self._recorded
            or files.folder.exists()
        ):
            return
        journals = [journal.path] if journal else []
        try:
            if not self._rows.has_summary:
                self._reload()  # another process may have gone on with the run
                summary = self._record.summary
            complete(self._place, self._record, journals, summary, files.finish)
        except ArtifactsError as error:
            command = "art sync" if is_lost(error) else f"art run recover {self.id}"
            log.error(  # noqa: TRY400 - a message, no bug
                "what run %s has logged is safe on this machine, and not in the store yet: %s",
                self.id,
                command,
            )
            error.hint = error.hint or f"finish the job with: {command}"
            raise

    def _update(self, values: Mapping[str, Any]) -> None:
        with self._lock:
            self._check_running(f"set {', '.join(values)}")
            self._place.store.catalog.update_run(self._record.key, values)
            self._reload()

    def _reload(self) -> None:
        record = self._record
        # Others may delete it while it runs.
        self._record = self._place.store.catalog.run(
            record.entity, record.project, record.id, deleted=True
        )

    def _after_fork(self) -> None:
        # The run stays the parent's; its lock may have been held by a thread that is no more.
        self._lock = threading.RLock()
        self._rows.after_fork()
        self._observer.after_fork()
        self._alerts.after_fork()
        self._files.after_fork()
        self._reads.after_fork()
        object.__setattr__(self._summary, "_lock", self._rows.lock)
