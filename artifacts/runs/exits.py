"""With which code the process ends, as far as that can be known before it has ended."""

from __future__ import annotations

import atexit
import contextlib
import sys
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

_INTERRUPTED = 255

_lock = threading.Lock()
_asked: list[object] = []
_watching = False


def watch(finish: Callable[[int], None]) -> None:
    """Call ``finish`` with the exit code when the interpreter exits. Only the first call counts."""
    global _watching  # noqa: PLW0603 - one pair of hooks for the process
    with _lock:
        if _watching:
            return
        _watching = True
    original = sys.exit

    def exit_(status: object = None, /) -> NoReturn:
        # In other threads it ends the thread only.
        if threading.current_thread() is threading.main_thread():
            _asked[:] = [status]
        original(status)  # type: ignore[arg-type] # whatever there is

    sys.exit = exit_  # the interpreter does not tell exit handlers
    atexit.register(_finish, finish)


def _finish(finish: Callable[[int], None]) -> None:
    finish(_exit_code())
    if isinstance(getattr(sys, "last_value", None), KeyboardInterrupt):
        # The interpreter is about to end itself by the signal, as shells expect. It forgets that
        # when code is compiled from a text and run, which libraries do at their first use of
        # something, and remembers it when such code is interrupted.
        with contextlib.suppress(KeyboardInterrupt):
            exec("raise KeyboardInterrupt")  # noqa: S102 - see above


def code_of(error: BaseException | None) -> int:
    """Return the exit code of a process, or of a part of it, that ends with this exception."""
    if error is None:
        return 0
    if isinstance(error, SystemExit):
        return _code_of_status(error.code)
    return _INTERRUPTED if isinstance(error, KeyboardInterrupt) else 1


def _exit_code() -> int:
    # The interpreter leaves here what it could not catch; at a prompt, every mistake.
    interactive = hasattr(sys, "ps1") or sys.flags.interactive
    uncaught = getattr(sys, "last_value", None)
    if uncaught is not None and not interactive:
        return code_of(uncaught)
    return _code_of_status(_asked[0]) if _asked else 0


def _code_of_status(status: object) -> int:
    if status is None:
        return 0
    return status & 0xFF if isinstance(status, int) else 1
