"""Sending alerts to people, through the library apprise.

URLs of such services hold secrets. They appear nowhere: neither in messages nor in the log of the
libraries that use them.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import threading
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from artifacts.store.records import AlertLevel

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

log = logging.getLogger("artifacts")

LAST_SECONDS = 10.0
"""How long the end of a run waits for what is being sent."""

_TALKATIVE = ("apprise", "requests", "urllib3", "urllib3.connectionpool")
_KINDS = {AlertLevel.INFO: "info", AlertLevel.WARN: "warning", AlertLevel.ERROR: "failure"}

_told: set[str] = set()


class _Message(NamedTuple):
    title: str
    body: str
    level: AlertLevel


class Notifier:
    """Sends messages to some URLs, one after the other, from a thread of its own.

    A message that cannot be sent is reported in the log, and not sent again: the alert itself is
    stored with its run.

    Args:
        urls: As apprise understands them; none for no messages at all.
    """

    def __init__(self, urls: Sequence[str]) -> None:
        self._urls = urls
        self.after_fork()

    def after_fork(self) -> None:
        """Forget the thread of the parent, which sends what waits."""
        self._messages: queue.SimpleQueue[_Message | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def send(self, title: str, body: str, level: AlertLevel) -> None:
        """Send a message soon."""
        if not self._urls:
            return
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._work, name="artifacts-notify", daemon=True
                )
                self._thread.start()
        self._messages.put(_Message(title, body, level))

    def close(self) -> None:
        """Wait some seconds for what is being sent."""
        if self._thread is None:
            return
        self._messages.put(None)
        self._thread.join(LAST_SECONDS)
        if self._thread.is_alive():
            log.warning(
                "not all alerts were sent within %.0f seconds; they are stored with the run",
                LAST_SECONDS,
            )

    def _work(self) -> None:
        with _silence():
            services = _services(self._urls)
            while (message := self._messages.get()) is not None:
                for service in services:
                    _send(service, message)


def _services(urls: Sequence[str]) -> list[Any]:
    """Return what apprise makes of the URLs; say which of them it does not know."""
    try:
        import apprise
    except ImportError:
        _tell_once(
            "alerts are stored, but not sent: alert_urls needs the library apprise; install it "
            "with: pip install 'artifacts-cas[alerts]'"
        )
        return []
    found = []
    for number, url in enumerate(urls, start=1):
        try:
            service = apprise.Apprise.instantiate(url)
        except Exception as error:  # noqa: BLE001 - as in `_send`
            log.warning("alerts cannot be sent to URL %d: %s", number, type(error).__name__)
            continue
        if service is None:
            _tell_once(
                f"URL {number} of {len(urls)} in alert_urls is none that apprise can send to"
            )
        else:
            found.append(service)
    return found


def _send(service: Any, message: _Message) -> None:
    started = time.monotonic()
    try:
        sent = service.notify(
            title=message.title, body=message.body, notify_type=_KINDS[message.level]
        )
    except Exception as error:  # noqa: BLE001 - whatever it is, it must not end the thread
        # Not its text, which may name the URL.
        log.warning("an alert was not sent to %s: %s", service.service_name, type(error).__name__)
        return
    if not sent:
        took = time.monotonic() - started
        log.warning("%s did not take an alert (%.1f s)", service.service_name, took)


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Drop what libraries log in this thread, because it may name URLs."""
    here = threading.get_ident()

    def is_elsewhere(record: logging.LogRecord) -> bool:
        return record.thread != here

    loggers = [logging.getLogger(name) for name in _TALKATIVE]
    for logger in loggers:
        logger.addFilter(is_elsewhere)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeFilter(is_elsewhere)


def _tell_once(text: str) -> None:
    if text not in _told:
        _told.add(text)
        log.warning("%s", text)
