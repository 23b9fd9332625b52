"""What a run does with alerts: it sends them and shows them."""

from __future__ import annotations

import datetime as dt
import logging
import math
import threading
import time
from typing import TYPE_CHECKING, Any

from artifacts._alerts import Alert, stored_alerts, to_alert
from artifacts._recorded import RecordedRun
from artifacts.runs.alert_outbox import AlertOutbox
from artifacts.runs.notifying import Notifier
from artifacts.store.errors import InvalidInputError, InvalidTypeError
from artifacts.store.records import AlertLevel, AlertRecord

if TYPE_CHECKING:
    from artifacts._session import Place
    from artifacts.runs.rows import Rows
    from artifacts.store.records import RunRecord

log = logging.getLogger("artifacts")

LONGEST_TITLE = 63
"""Characters."""

LONGEST_TEXT = 64 << 10
"""Bytes of UTF-8."""

_WAIT = 60_000_000
_LOG_LEVELS = {
    AlertLevel.INFO: logging.INFO,
    AlertLevel.WARN: logging.WARNING,
    AlertLevel.ERROR: logging.ERROR,
}


class Alerts:
    """Sends the alerts of a run: into the catalog, the log, and to where the settings say.

    Thread-safe; in a forked child, to be used after `after_fork`.
    """

    def __init__(self, place: Place, run: RunRecord, rows: Rows) -> None:
        self._place = place
        self._run = run
        self._outbox = AlertOutbox(lambda: place.store.catalog, run.key, rows.write_note)
        self._notifier = Notifier(place.settings.alert_urls)
        self._lock = threading.Lock()
        self._sent: dict[str, int] = {}
        self._last = 0

    def send(self, title: str, text: str, level: AlertLevel, wait: int) -> bool:
        """Send one, unless one of its title was sent less than ``wait`` microseconds ago."""
        with self._lock:
            now = max(time.time_ns() // 1000, self._last + 1)
            before = self._sent.get(title)
            if before is not None and now - before < wait:
                self._outbox.suppress(title, before)
                return False
            # Now, so that another thread does not send the same one meanwhile.
            self._sent[title] = self._last = now
        if not self._outbox.put(AlertRecord(title, text, level, now), wait):
            return False
        log.log(_LOG_LEVELS[level], "alert: %s: %s", title, text)
        run = self._run
        self._notifier.send(title, f"{text}\n\n{run.project}/{run.id} ({run.name})", level)
        return True

    def all(self) -> list[Alert]:
        """Return those of the run, oldest first."""
        found = {(each.title, each.at): each for each in self._outbox.waiting()}
        found.update(
            {(each.title, each.at): each for each in stored_alerts(self._place, self._run)}
        )
        return [to_alert(each) for each in sorted(found.values(), key=lambda each: each.at)]

    def close(self) -> None:
        """Bring what waits to the catalog, and give what is being sent some seconds.

        Raises:
            ArtifactsError: The catalog cannot be reached; what waits is in the run's journal.
        """
        try:
            self._outbox.close()
        finally:
            self._notifier.close()

    def after_fork(self) -> None:
        """Forget the threads of the parent, and what waits there."""
        self._lock = threading.Lock()
        self._outbox.after_fork()
        self._notifier.after_fork()


class AlertCalls(RecordedRun):
    """The part of `Run` that sends alerts."""

    _alerts: Alerts

    if TYPE_CHECKING:

        def _check_running(self, call: str) -> None: ...

    def alert(
        self,
        title: str,
        text: str,
        level: AlertLevel | str | None = None,
        wait_duration: float | dt.timedelta | None = None,
    ) -> bool:
        """Tell people something about the run.

        The alert is stored with the run and logged, and sent to the URLs of the setting
        ``alert_urls``, which happens in the background. If the store cannot be reached the alert
        is kept on this machine, and stored as soon as it can be.

        Args:
            title: 1 to 63 characters.
            text: At most 64 KiB.
            level: An `AlertLevel` or its name: ``INFO``, the default, ``WARN`` or ``ERROR``.
            wait_duration: Seconds, or a timedelta, that have to lie between two alerts of this
                title. Default: one minute; 0 for no limit.

        Returns:
            Whether it was sent; False if it was dropped, because it followed too soon on one of
            its title. Those are counted: `Alert.suppressed`.

        Raises:
            ValueError: An argument cannot be used; it is a TypeError, too, for one of a wrong
                type.
            RunFinishedError: The run has ended.
        """
        self._check_running("alert")
        told = _to_text(title, "title"), _to_text(text, "text")
        if not 0 < len(title) <= LONGEST_TITLE:
            raise InvalidInputError(
                f"the title of an alert has 1 to {LONGEST_TITLE} characters, this one {len(title)}",
                hint="put the details into the text",
                kind="bad_alert",
            )
        size = len(told[1].encode())
        if size > LONGEST_TEXT:
            raise InvalidInputError(
                f"the text of an alert has at most {LONGEST_TEXT} bytes, this one {size}",
                hint="log it as a file, and say in the alert which one it is",
                kind="bad_alert",
            )
        return self._alerts.send(*told, to_level(level), to_wait(wait_duration))

    @property
    def alerts(self) -> list[Alert]:
        """The alerts of the run, oldest first."""
        return self._alerts.all()


def to_level(level: Any) -> AlertLevel:
    """Return a level as one; None is INFO.

    Raises:
        InvalidInputError: There is no such level.
    """
    if level is None:
        return AlertLevel.INFO
    try:
        return AlertLevel(level)
    except ValueError:
        raise InvalidInputError(
            "level must be one of 'INFO', 'WARN', or 'ERROR'", kind="bad_alert"
        ) from None


def to_wait(duration: Any) -> int:
    """Return the time between two alerts of one title, in microseconds; None is a minute.

    Raises:
        InvalidInputError: It is negative or not finite.
        InvalidTypeError: It is no number and no timedelta.
    """
    if duration is None:
        return _WAIT
    if isinstance(duration, dt.timedelta):
        duration = duration.total_seconds()
    if isinstance(duration, bool) or not isinstance(duration, int | float):
        raise InvalidTypeError(
            f"wait_duration must be seconds or a timedelta, not {duration!r}", kind="bad_alert"
        )
    if not (duration >= 0 and math.isfinite(duration)):
        raise InvalidInputError(
            f"wait_duration must be at least 0, not {duration!r}",
            hint="0 sends every alert",
            kind="bad_alert",
        )
    return int(duration * 1e6)


def _to_text(value: Any, name: str) -> str:
    """Return text as every catalog can hold it."""
    if not isinstance(value, str):
        raise InvalidTypeError(
            f"the {name} of an alert must be text, not {type(value).__name__}", kind="bad_alert"
        )
    return value.replace("\0", "\ufffd").encode("utf-8", "replace").decode()
