"""Wrappers that fail on request: at the n-th call, before or after its effect."""

from __future__ import annotations

import threading
from typing import IO, TYPE_CHECKING, Any, Literal

from artifacts.store.errors import StorageError
from artifacts.store.objects import ObjectInfo, ObjectStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from artifacts.store.store import Store

When = Literal["before", "after"]


class Faults:
    """Counts calls, and lets one of them fail.

    Args:
        at: Number of the call that fails, from 1; 0 for none.
        when: Before its effect, or after it: the answer is lost.
        error: What is raised.
    """

    def __init__(
        self,
        at: int = 0,
        when: When = "before",
        error: Callable[[], BaseException] | None = None,
    ) -> None:
        self.at = at
        self.when = when
        self.calls: list[str] = []
        self.failed: str | None = None
        self._error = error or (lambda: StorageError("injected fault", retryable=True))
        self._lock = threading.Lock()

    def before(self, call: str) -> int:
        """Count a call, and fail if it is its turn."""
        with self._lock:
            self.calls.append(call)
            number = len(self.calls)
        if number == self.at and self.when == "before":
            self.failed = call
            raise self._error()
        return number

    def after(self, number: int) -> None:
        """Lose the answer if it is the call's turn."""
        if number == self.at and self.when == "after":
            self.failed = self.calls[number - 1]
            raise self._error()


class FaultyObjects(ObjectStore):
    """An object store that passes everything on, unless a call is to fail."""

    def __init__(self, inner: ObjectStore, faults: Faults) -> None:
        self.inner = inner
        self.faults = faults

    def put(self, key: str, source: Callable[[], IO[bytes]], *, size: int) -> None:
        number = self.faults.before("put")
        self.inner.put(key, source, size=size)
        self.faults.after(number)

    def open(self, key: str, *, offset: int = 0, length: int | None = None) -> IO[bytes]:
        number = self.faults.before("open")
        file = self.inner.open(key, offset=offset, length=length)
        try:
            self.faults.after(number)
        except BaseException:
            file.close()
            raise
        return file

    def stat(self, keys: Iterable[str]) -> Iterator[ObjectInfo]:
        number = self.faults.before("stat")
        yield from self.inner.stat(keys)
        self.faults.after(number)

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        number = self.faults.before("list")
        yield from self.inner.list(prefix)
        self.faults.after(number)

    def delete(self, keys: Iterable[str]) -> None:
        number = self.faults.before("delete")
        self.inner.delete(keys)
        self.faults.after(number)

    def local_path(self, key: str) -> Path | None:
        return self.inner.local_path(key)


def inject(store: Store, faults: Faults) -> Callable[[], None]:
    """Let calls of a store's object store and of its database fail; return how to end that."""
    objects, database = store.objects, store.catalog._db
    real = {name: getattr(database, name) for name in ("read", "write")}
    store.objects = FaultyObjects(objects, faults)

    def faulty(name: str) -> Callable[[Any], Any]:
        def call(work: Any, **options: Any) -> Any:
            number = faults.before(name)
            result = real[name](work, **options)
            faults.after(number)
            return result

        return call

    for name in real:
        setattr(database, name, faulty(name))

    def heal() -> None:
        store.objects = objects
        for name in real:
            delattr(database, name)

    return heal
