"""Signs of life for work in progress, so that the collector of another machine leaves it alone.

One thread for each open store renews the leases that this process holds, as long as there are
any. A lease that is not renewed for `EXPIRY` counts as abandoned: its holder was killed, or cut
off for so long that it has to start again.
"""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import socket
import threading
from typing import TYPE_CHECKING

from artifacts.store.errors import ArtifactsError
from artifacts.store.records import LeaseKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from artifacts.store.catalog import Catalog
    from artifacts.store.digests import Digest

log = logging.getLogger(__name__)

EXPIRY = 15 * 60 * 1_000_000
"""Microseconds without a sign of life after which a lease counts as abandoned."""

RENEWAL = 60.0
"""Seconds between two signs of life."""

READING_FROM = 5.0
"""Seconds after which a pull takes a lease. Until then the grace period protects it."""


def holder_name() -> str:
    """Return who works here, for people: ``host:process``."""
    return f"{socket.gethostname()}:{os.getpid()}"


class LeaseKeeper:
    """Opens leases and renews them until they are dropped. Thread-safe.

    Args:
        renewal: Seconds between two signs of life.
        reading_from: Seconds after which a pull takes a lease.
    """

    def __init__(
        self,
        catalog: Catalog,
        *,
        renewal: float = RENEWAL,
        reading_from: float = READING_FROM,
    ) -> None:
        self._catalog = catalog
        self._renewal = renewal
        self._reading_from = reading_from
        self._held: set[str] = set()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closed = False

    def open(self, kind: LeaseKind, *, manifest: Digest | None = None) -> str:
        """Take a lease; return its id. It is renewed until `drop`."""
        lease = secrets.token_hex(16)
        self._catalog.open_lease(lease, kind, holder_name(), manifest)
        self.keep(lease)
        return lease

    def open_collector(self, max_age: int) -> str:
        """Take the lease of the one collector that may run.

        Args:
            max_age: Microseconds of silence after which another collector counts as gone.

        Raises:
            ConflictError: Somebody else is collecting.
        """
        lease = secrets.token_hex(16)
        self._catalog.open_collector(lease, holder_name(), max_age)
        self.keep(lease)
        return lease

    def drop(self, lease: str) -> None:
        """Stop renewing a lease: its work has ended."""
        with self._changed:
            self._held.discard(lease)
            self._changed.notify_all()

    @contextlib.contextmanager
    def reading(self, manifest: Digest) -> Iterator[None]:
        """Keep what a manifest names from being collected, if reading it takes long.

        A short pull costs nothing: what was just deleted stays readable for the grace period. A
        catalog that cannot be written to is no reason not to read.
        """
        lease: list[str] = []

        def take() -> None:
            try:
                lease.append(self.open(LeaseKind.PULL, manifest=manifest))
            except ArtifactsError as error:
                log.debug("a long pull goes on without a lease: %s", error)

        timer = threading.Timer(self._reading_from, take)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            timer.join()  # it may be taking one
            for taken in lease:
                self.drop(taken)
                try:
                    self._catalog.close_lease(taken)
                except ArtifactsError as error:
                    log.warning("the lease of a pull has to expire by itself: %s", error)

    def close(self) -> None:
        """Stop renewing anything."""
        with self._changed:
            self._closed = True
            self._held.clear()
            self._changed.notify_all()
            thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join()

    def keep(self, lease: str) -> None:
        """Renew a lease that was taken already, until `drop`."""
        with self._changed:
            self._held.add(lease)
            # In a forked child the thread is there but does not live.
            if not self._closed and (self._thread is None or not self._thread.is_alive()):
                self._thread = threading.Thread(
                    target=self._renew, name="artifacts-leases", daemon=True
                )
                self._thread.start()

    def _renew(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: not self._held, timeout=self._renewal)
                if not self._held:
                    self._thread = None
                    return
                held = set(self._held)
            try:
                alive = self._catalog.renew_leases(held)
            except ArtifactsError as error:
                log.warning("could not renew the lease of an upload or pull: %s", error)
                continue
            if lost := held - alive:
                with self._changed:
                    gone = lost & self._held
                    self._held -= lost
                if gone:
                    log.warning(
                        "the lease of an upload or pull expired: this machine gave no sign of "
                        "life for too long"
                    )
