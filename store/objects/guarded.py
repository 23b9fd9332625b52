"""An object store that is asked who it is before it is used for the first time."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from artifacts.store.objects.wrapping import WrappedObjects

if TYPE_CHECKING:
    from collections.abc import Callable

    from artifacts.store.objects.base import ObjectStore


class GuardedObjects(WrappedObjects):
    """Makes sure, at the first use and not before, that these are the right objects.

    Who needs none of them makes no request.

    Args:
        check: Raises if they are not; is called with ``inner``, once unless it raises.
    """

    def __init__(self, inner: ObjectStore, check: Callable[[ObjectStore], None]) -> None:
        super().__init__(inner)
        self._check: Callable[[ObjectStore], None] | None = check
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return repr(self.wrapped)

    @property
    def inner(self) -> ObjectStore:
        """The objects, when they have turned out to be the right ones."""
        if self._check is not None:
            with self._lock:
                if self._check is not None:
                    self._check(self.wrapped)
                    self._check = None
        return self.wrapped
