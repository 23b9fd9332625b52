"""Where events go: a file, or a service that understands OpenLineage."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import threading
from typing import IO, TYPE_CHECKING, Any, Protocol

from artifacts.store import filesystems
from artifacts.store.errors import ConfigError, StorageError, from_os_error

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from artifacts.store.lineage.openlineage.datasets import Json

TIMEOUT = 5.0
"""Seconds to wait for a service, for each event."""

_CHUNK = 1 << 16

_sending = threading.Lock()


class Sink(Protocol):
    """Takes events."""

    def turn(self) -> contextlib.AbstractContextManager[None]:
        """Keep other processes from sending the same events meanwhile, as far as that goes."""

    def send(self, event: Json) -> None:
        """Take one event.

        Raises:
            StorageError: It could not be taken; it may be sent again.
        """

    def flush(self) -> None:
        """Make sure that what was taken is not lost.

        Raises:
            StorageError: It may be.
        """


class FileSink:
    """Appends events to a file, one a line.

    Args:
        path: The file, which is made with its folder.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO[bytes] | None = None

    @contextlib.contextmanager
    def turn(self) -> Iterator[None]:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            file = self._path.open("a+b")
        except OSError as error:
            raise from_os_error(error, f"write {self._path}") from error
        with file:
            fcntl.flock(file, fcntl.LOCK_EX)
            _drop_torn_line(file)
            self._file = file
            try:
                yield
            finally:
                self._file = None

    def send(self, event: Json) -> None:
        assert self._file is not None  # within a turn
        try:
            self._file.write(json.dumps(event, separators=(",", ":")).encode() + b"\n")
        except OSError as error:
            raise from_os_error(error, f"write {self._path}") from error

    def flush(self) -> None:
        assert self._file is not None  # within a turn
        try:
            self._file.flush()
            filesystems.sync(self._path)
        except OSError as error:
            raise from_os_error(error, f"write {self._path}") from error


class HttpSink:
    """Sends events to a service, through the client library of OpenLineage.

    Args:
        url: Address of the service, without a password.
        api_key: Key of the service, if it needs one.

    Raises:
        ConfigError: The library is not installed.
    """

    def __init__(self, url: str, api_key: str | None = None) -> None:
        try:
            from openlineage.client.transport.http import HttpConfig, HttpTransport
        except ImportError as error:
            raise ConfigError(
                "sending events of lineage needs the library openlineage-python",
                hint="pip install 'artifacts-cas[openlineage]'",
                kind="missing_dependency",
            ) from error
        # What fails is tried again with all that came after it, in the right order.
        once = {"total": 0, "raise_on_status": False}
        settings: dict[str, Any] = {"url": url, "timeout": TIMEOUT, "retry": once}
        if api_key:
            settings["auth"] = {"type": "api_key", "apiKey": api_key}
        self._url = url
        self._transport = HttpTransport(HttpConfig.from_dict(settings))

    @contextlib.contextmanager
    def turn(self) -> Iterator[None]:
        # Two processes may send the same event: those who receive it know it by its run and time.
        with _sending:
            yield

    def send(self, event: Json) -> None:
        from requests.exceptions import RequestException

        try:
            self._transport.emit(event)  # type: ignore[arg-type]
        except RequestException as error:
            # What the library says may hold more of the request than anybody should see.
            status = getattr(error.response, "status_code", None)
            why = f"it answered {status}" if status else type(error).__name__
            raise StorageError(
                f"{self._url} did not take events of lineage: {why}",
                hint="they wait in the store; send them with: art sync",
                kind="events_not_sent",
            ) from None

    def flush(self) -> None:
        """Nothing is kept here."""


def _drop_torn_line(file: IO[bytes]) -> None:
    """Cut off what a process that was killed has written of a line; it will be written again."""
    end = position = file.seek(0, os.SEEK_END)
    while position:
        start = max(position - _CHUNK, 0)
        file.seek(start)
        last = file.read(position - start).rfind(b"\n")
        if last >= 0:
            position = start + last + 1
            break
        position = start
    if position != end:
        file.truncate(position)
    file.seek(0, os.SEEK_END)


def _after_fork() -> None:
    global _sending  # noqa: PLW0603 - the child's own: a thread that is no more may have held it
    _sending = threading.Lock()


os.register_at_fork(after_in_child=_after_fork)
