"""Kills this process before or after a call of some kind that changes something on disk."""

import os
import signal

from sqlalchemy.engine.default import DefaultDialect

counts: dict[str, int] = {}
"""How often each of them was called."""


def arm(name, last, when):
    """Begin to count; die at the call of that name and number.

    Args:
        name: Name of the call; ``commit`` is that of a database.
        last: Its number, from 1 on; 0 for none.
        when: ``before`` or ``after`` it.
    """

    def deadly(call, real):
        def wrapped(*args, **kwargs):
            counts[call] = counts.get(call, 0) + 1
            mine = call == name and counts[call] == last
            if mine and when == "before":
                os.kill(os.getpid(), signal.SIGKILL)
            result = real(*args, **kwargs)
            if mine:
                os.kill(os.getpid(), signal.SIGKILL)
            return result

        return wrapped

    for call in ("write", "writev", "fsync", "rename", "mkdir", "unlink", "open"):
        setattr(os, call, deadly(call, getattr(os, call)))
    DefaultDialect.do_commit = deadly("commit", DefaultDialect.do_commit)  # type: ignore[method-assign]
