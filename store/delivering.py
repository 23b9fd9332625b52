"""The thread that brings versions from the outbox to their store, in the order they were logged."""

from __future__ import annotations

import atexit
import logging
import threading
from concurrent.futures import Future
from queue import SimpleQueue
from typing import TYPE_CHECKING

from artifacts.store.errors import ArtifactsError, StorageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from artifacts.store.outbox import Delivery
    from artifacts.store.records import VersionRecord
    from artifacts.store.store import Store

    Delivered = Future[tuple[VersionRecord, bool]]

log = logging.getLogger(__name__)


class Deliveries:
    """Deliveries of one process to one store. Thread-safe.

    The process does not end before they have: what cannot be delivered stays in the outbox.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._queue: SimpleQueue[tuple[Delivery, Delivered]] = SimpleQueue()
        self._open: set[Delivered] = set()
        self._failed: list[Exception] = []
        self.submitted = 0
        """How many there were so far."""
        self._delivered = 0
        self._thread: threading.Thread | None = None

    def submit(self, delivery: Delivery) -> Delivered:
        """Deliver something after everything that was submitted before."""
        future: Delivered = Future()
        with self._lock:
            self.submitted += 1
            self._open.add(future)
            self._queue.put((delivery, future))
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._work, name="artifacts-delivery", daemon=True
                )
                self._thread.start()
                before_exit(self._finish)
        return future

    @property
    def pending(self) -> int:
        """How many have not been delivered, those that failed among them."""
        with self._lock:
            return self.submitted - self._delivered

    def wait(self) -> None:
        """Wait for everything that was submitted.

        Raises:
            StorageError: Something could not be delivered since the last call; it is in the
                outbox.
        """
        while True:
            with self._lock:
                waiting = list(self._open)
            if not waiting:
                break
            for future in waiting:
                future.exception()
        with self._lock:
            failed, self._failed = self._failed, []
        if failed:
            raise StorageError(
                f"{len(failed)} version(s) could not be brought to the store: {failed[0]}",
                hint="nothing is lost; finish the job with: art sync",
                kind="not_delivered",
            ) from failed[0]

    def _work(self) -> None:
        while True:
            delivery, future = self._queue.get()
            try:
                result = delivery.run(self._store)
            except Exception as error:  # noqa: BLE001 - handed to whoever waits
                delivery.leave()
                with self._lock:
                    self._failed.append(error)
                    self._open.discard(future)
                future.set_exception(error)
            else:
                with self._lock:
                    self._delivered += 1
                    self._open.discard(future)
                future.set_result(result)

    def _finish(self) -> None:
        with self._lock:
            waiting = len(self._open)
        if waiting:
            log.info("waiting for %d version(s) on their way to the store", waiting)
        try:
            self.wait()
        except ArtifactsError as error:
            # The process is ending: nobody can catch it any more.
            log.error("%s (%s)", error.message, error.hint)  # noqa: TRY400 - a message, no bug


def before_exit(finish: Callable[[], None]) -> None:
    """Call something when the process ends, while threads can still be begun."""
    # Exit handlers run after the pools of concurrent.futures were shut down, without which
    # nothing can be uploaded. What is registered here, as they themselves do it, runs before.
    register = getattr(threading, "_register_atexit", atexit.register)
    register(finish)
