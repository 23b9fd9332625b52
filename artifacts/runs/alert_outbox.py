"""The alerts of a run on their way to the catalog, which may not be reachable."""

from __future__ import annotations

import logging
import os
import threading
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from artifacts.store.errors import ArtifactsError
from artifacts.store.records import AlertLevel, AlertRecord

if TYPE_CHECKING:
    from collections.abc import Callable

    from artifacts.store.catalog import Catalog

log = logging.getLogger("artifacts")

NOTE = "alert"
"""First item of a journal's note about an alert that had not reached the catalog."""

ANSWER_WITHIN = 2.0
"""Seconds that a program waits for the catalog to take an alert."""

_RETRY_EVERY = 5.0
_COUNT_EVERY = 1.0


@dataclass(slots=True)
class _Waiting:
    alert: AlertRecord
    wait: int
    entered: bool = True
    done: threading.Event = field(default_factory=threading.Event)


class AlertOutbox:
    """Brings alerts to the catalog, each once, from a thread of its own.

    What the catalog does not take within two seconds is written into the run's journal before
    the program goes on, so that it survives this process. Counts of suppressed alerts are held in
    memory only, for a second.

    Args:
        catalog: Returns where the run is.
        run: Its key.
        write_note: Appends to the run's journal.
    """

    def __init__(
        self, catalog: Callable[[], Catalog], run: int, write_note: Callable[[list[Any]], None]
    ) -> None:
        self._catalog = catalog
        self._run = run
        self._write_note = write_note
        self._pid = os.getpid()
        self._reset()

    def _reset(self) -> None:
        self._changed = threading.Condition()
        self._delivering = threading.Lock()
        self._waiting: list[_Waiting] = []
        self._suppressed: Counter[tuple[str, int]] = Counter()
        self._closing = False
        self._failing = False
        self._thread: threading.Thread | None = None

    def put(self, alert: AlertRecord, wait: int) -> bool:
        """Hand an alert over.

        Args:
            wait: Microseconds within which an earlier one of its title suppresses it.

        Returns:
            False if the catalog knows such a one; True also if it could not be asked yet.
        """
        if self._pid != os.getpid():
            return self._put_now(alert, wait)
        waiting = _Waiting(alert, wait)
        with self._changed:
            self._waiting.append(waiting)
            failing = self._failing
            self._wake()
        if not failing:
            waiting.done.wait(ANSWER_WITHIN)
        if not waiting.done.is_set():
            self._keep(waiting)
        return waiting.entered

    def suppress(self, title: str, at: int) -> None:
        """Count an alert that was not sent, because of the one that was sent at some time."""
        with self._changed:
            self._suppressed[title, at] += 1
            if self._pid == os.getpid():
                self._wake()
                return
        try:
            self._count()
        except ArtifactsError as error:
            log.warning("a suppressed alert %r was not counted: %s", title, error)

    def waiting(self) -> list[AlertRecord]:
        """Return those that the catalog has not taken yet."""
        with self._changed:
            return [each.alert for each in self._waiting]

    def close(self) -> None:
        """End the thread, and deliver what is left.

        Raises:
            ArtifactsError: The catalog cannot be reached.
        """
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()
        self._deliver()

    def after_fork(self) -> None:
        """Leave what waits to the parent."""
        self._reset()

    def _put_now(self, alert: AlertRecord, wait: int) -> bool:
        """Deliver from a forked child, which has no journal."""
        try:
            entered = self._catalog().add_alert(self._run, alert, wait)
            self._count()
        except ArtifactsError as error:
            log.error("the alert %r could not be stored: %s", alert.title, error)  # noqa: TRY400 - a message, no bug
            return True
        return entered

    def _keep(self, waiting: _Waiting) -> None:
        try:
            self._write_note(to_note(waiting.alert, waiting.wait))
        except ArtifactsError as error:
            log.error(  # noqa: TRY400 - a message, no bug
                "the alert %r waits in memory only: %s", waiting.alert.title, error
            )

    def _wake(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="artifacts-alerts", daemon=True)
            self._thread.start()
        self._changed.notify_all()

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closing or self._waiting or self._suppressed)
                if not self._waiting and not self._closing:
                    # A loop that sends one alert after the other is no load for the catalog.
                    self._changed.wait_for(lambda: self._closing or self._waiting, _COUNT_EVERY)
                if self._closing:
                    return
            try:
                self._deliver()
            except ArtifactsError as error:
                if not self._failing:
                    log.warning("alerts wait until the store can be reached again: %s", error)
                with self._changed:
                    self._failing = True
                    self._changed.wait_for(lambda: self._closing, _RETRY_EVERY)
            else:
                self._failing = False

    def _deliver(self) -> None:
        with self._delivering:
            while self._waiting:
                first = self._waiting[0]
                first.entered = self._catalog().add_alert(self._run, first.alert, first.wait)
                with self._changed:
                    del self._waiting[0]
                first.done.set()
            self._count()

    def _count(self) -> None:
        with self._changed:
            counts = dict(self._suppressed)
        if counts:
            self._catalog().suppress_alerts(self._run, counts)
            with self._changed:
                self._suppressed.subtract(counts)
                self._suppressed = +self._suppressed


def to_note(alert: AlertRecord, wait: int) -> list[Any]:
    """Return an alert as a note in a journal."""
    told = {"title": alert.title, "text": alert.text, "level": alert.level.value, "at": alert.at}
    return [NOTE, told, wait]


def from_note(note: list[Any]) -> tuple[AlertRecord, int]:
    """Return the alert of a note, and its ``wait``."""
    told = note[1]
    level = AlertLevel(told["level"])
    return AlertRecord(told["title"], told["text"], level, told["at"]), note[2]
