"""Python's garbage collector, out of the way of bulk work."""

from __future__ import annotations

import contextlib
import gc
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


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
