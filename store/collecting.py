"""Python's garbage collector, out of the way of bulk work."""

from __future__ import annotations

import atexit
import contextlib
import gc
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


_SHORT_LIVED = 500_000
"""Objects made, less those freed, after which a short-lived process looks for circles.

A command on a few files makes 75,000 that stay, one on 20,000 files 100,000. Looking through those
once takes up to a tenth of a second and finds next to nothing; if all were garbage, they would take
some tens of megabytes.
"""


def expect_short_life() -> None:
    """Tune the collector for a process that does one job and ends, such as a command.

    What a command imports lives as long as it does, and by default the collector looks through
    that dozens of times while it is loaded and twice more when the interpreter ends: a quarter of
    the time of a small command. What it makes while it works stays until the end as a rule, too.
    """
    gc.set_threshold(_SHORT_LIVED, 20, 100)
    atexit.register(gc.freeze)  # registered first, so that it is done last


@contextlib.contextmanager
def paused() -> Iterator[None]:
    """Keep the collector from looking through everything again and again.

    It runs whenever many objects were made, on the guess that some are garbage in circles. Where
    a list of many small tuples is built there is none, and its runs take a fifth of the time.
    Reference counting goes on; a thread that makes circles meanwhile waits for their collection.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
