"""What a program prints, on its way to the terminal: others may listen."""

from __future__ import annotations

import logging
import os
import sys
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    Listener = Callable[[str], None]

log = logging.getLogger("artifacts")


class Console:
    """Listens to what this process prints to standard output and standard error.

    What a forked child prints is not heard, nor what other programs do.

    Args:
        listen: Makes a listener for each of the two. It is given the text in order, by the thread
            that prints, and must not raise.
    """

    def __init__(self, listen: Callable[[], Listener]) -> None:
        self._heard: list[tuple[_Tap, Listener]] = []
        with _lock:
            for stream in dict.fromkeys((sys.stdout, sys.stderr)):
                tap = _tap_of(stream)
                if tap is not None:
                    listener = listen()
                    tap.listeners = (*tap.listeners, listener)
                    self._heard.append((tap, listener))

    def close(self) -> None:
        """Stop listening; again does nothing."""
        with _lock:
            while self._heard:
                tap, listener = self._heard.pop()
                tap.listeners = tuple(each for each in tap.listeners if each is not listener)
                if not tap.listeners and tap in _taps:
                    tap.remove()
                    _taps.remove(tap)


class _Tap:
    """Takes the place of the method ``write`` of a stream, which stays the object that it is.

    So whoever holds the stream, such as a handler of `logging`, is heard as well. What is written
    to the stream's buffer is not.
    """

    def __init__(self, stream: Any) -> None:
        self.stream = stream
        self.listeners: tuple[Listener, ...] = ()
        self._here = threading.local()
        self._original = stream.write
        self._was_own = "write" in vars(stream)
        # Kept: a method is another object each time that it is asked for.
        self._replacement = self._write
        stream.write = self._replacement

    @property
    def is_in_place(self) -> bool:
        """Whether nobody has taken the place since."""
        return vars(self.stream).get("write") is self._replacement

    def remove(self) -> None:
        """Let the stream be as before. If somebody has taken the place since, only pass on."""
        if not self.is_in_place:
            return
        if self._was_own:
            self.stream.write = self._original
        else:
            del self.stream.write

    def _write(self, text: str) -> Any:
        result = self._original(text)
        # A listener that prints, say a warning, does not hear itself; neither is a signal handler
        # heard that interrupts it.
        if self.listeners and not getattr(self._here, "listening", False):
            self._here.listening = True
            try:
                for listener in self.listeners:
                    listener(text)
            finally:
                self._here.listening = False
        return result


_lock = threading.Lock()
_taps: list[_Tap] = []


def _tap_of(stream: Any) -> _Tap | None:
    for tap in _taps:
        if tap.stream is stream and tap.is_in_place:
            return tap
    if stream is None:  # a process without a terminal
        return None
    try:
        tap = _Tap(stream)
    except (AttributeError, TypeError) as error:  # a stream whose methods are fixed
        log.debug("what is printed to %r is not kept: %s", stream, error)
        return None
    _taps.append(tap)
    return tap


def _after_fork() -> None:
    # A listener may need a lock that a thread had which is no more.
    global _lock  # noqa: PLW0603 - the child's own
    _lock = threading.Lock()
    while _taps:
        tap = _taps.pop()
        tap.listeners = ()
        tap.remove()


os.register_at_fork(after_in_child=_after_fork)
