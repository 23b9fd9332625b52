"""Open stores and the active run's place, shared by everything in this process."""

from __future__ import annotations

import fcntl
import os
import threading
from typing import TYPE_CHECKING

from artifacts.settings import load as load_settings
from artifacts.store.errors import StorageError, is_lost

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import IO

    from artifacts.settings import Settings
    from artifacts.store.delivering import Deliveries
    from artifacts.store.remembered import Remembered
    from artifacts.store.store import Store


class Place:
    """Where artifacts and runs live unless something else is said.

    Args:
        store: Opened by this process.
        settings: What it was opened with.
        entity: Default owner.
        project: Default project.
        run: Key of the run that is active here, or None.
        offline: Whether nothing here is to reach a store behind a network.
        remembered: What this machine knows of the store for which this one stands in, or None.
    """

    __slots__ = (
        "_pid",
        "_store",
        "entity",
        "offline",
        "project",
        "remembered",
        "run",
        "settings",
    )

    def __init__(
        self,
        store: Store,
        settings: Settings,
        entity: str,
        project: str,
        run: int | None = None,
        *,
        offline: bool = False,
        remembered: Remembered | None = None,
    ) -> None:
        self._store = store
        self._pid = os.getpid()
        self.settings = settings
        self.entity = entity
        self.project = project
        self.run = run
        self.offline = offline
        self.remembered = remembered

    @property
    def store(self) -> Store:
        """The store; in a forked child one that the child has opened itself."""
        if self._pid != os.getpid():
            self._store = open_store(self.settings, create=False)
            self._pid = os.getpid()
        return self._store

    @property
    def writes_behind(self) -> bool:
        """Whether a run here logs without waiting for the network."""
        return self.run is not None and self.store.remote and self.settings.write_behind

    def check_type(self, entity: str, project: str, name: str, type_: str) -> None:
        """Refuse to log another type under a name that is taken, as far as that is known now.

        What is logged behind is checked again when it is delivered.

        Raises:
            InvalidInputError: The artifact exists with another type.
            StorageError: The store cannot be asked, and has to be.
        """
        try:
            self.store.catalog.check_type(entity, project, name, type_)
        except StorageError as error:
            if not (self.writes_behind and is_lost(error)):
                raise

    def at(self, entity: str | None, project: str | None) -> Place:
        """Return this place with another owner or project, where one is given."""
        return Place(
            self.store,
            self.settings,
            entity or self.entity,
            project or self.project,
            self.run,
            offline=self.offline,
            remembered=self.remembered,
        )

    def has_same_store(self, other: Place) -> bool:
        """Whether both are in one store."""
        return self.store.uuid == other.store.uuid


_lock = threading.Lock()
_turns: dict[str, threading.Lock] = {}
_held: dict[str, IO[bytes]] = {}
_stores: dict[str, Store] = {}
_deliveries: dict[str, Deliveries] = {}
_inherited: list[dict[str, Store]] = []
_closing: list[Callable[[], None]] = []
_active: list[Place | None] = []


def open_store(settings: Settings, *, create: bool = True) -> Store:
    """Return the store that the settings name, opened once in this process.

    Args:
        create: Make it if there is none.

    Raises:
        StoreNotFoundError: There is none, and ``create`` is False.
    """
    from artifacts.store.store import Store

    # One that takes long to open keeps nobody from another.
    with _lock:
        turn = _turns.setdefault(settings.store, threading.Lock())
    with turn:
        store = _stores.get(settings.store)
        if store is None:
            store = Store.open(
                settings.store,
                create=create,
                cache_dir=settings.cache_dir,
                cache_limit=settings.cache_limit,
                outbox_dir=settings.outbox_dir,
            )
            if not settings.backup:
                store.backups.turn_off()
            if settings.lineage_events is not None:
                store.catalog.note_events()
            with _lock:
                _stores[settings.store] = store
        return store


def hold(path: Path) -> None:
    """Keep a shared lock on a file until `close_stores`, or the end of this process."""
    with _lock:
        if str(path) not in _held:
            file = path.open("ab")
            fcntl.flock(file, fcntl.LOCK_SH)
            _held[str(path)] = file


def deliveries(store: Store) -> Deliveries:
    """Return the thread that brings versions to a remote store."""
    from artifacts.store.delivering import Deliveries

    with _lock:
        found = _deliveries.get(store.uuid)
        if found is None:
            found = _deliveries[store.uuid] = Deliveries(store)
        return found


def delivery_counts(store: Store) -> tuple[int, int]:
    """Return how many versions this process has handed over for a store, and how many wait."""
    found = _deliveries.get(store.uuid)
    return (0, 0) if found is None else (found.submitted, found.pending)


def wait_for_deliveries(store: Store) -> None:
    """Wait until everything that was logged to a store is there.

    Raises:
        StorageError: Something could not be delivered; it is safe on this machine.
    """
    if store.uuid in _deliveries:
        _deliveries[store.uuid].wait()


def before_close(end: Callable[[], None]) -> None:
    """Call something each time before stores are closed, and before the process ends."""
    from artifacts.store.delivering import before_exit

    with _lock:
        _closing.append(end)
    before_exit(end)


def close_stores() -> None:
    """Close every open store of this process, when what was logged to it is there."""
    for end in _closing:
        end()
    for found in list(_deliveries.values()):
        found.wait()
    with _lock:
        _deliveries.clear()
        while _stores:
            _stores.popitem()[1].close()
        while _held:
            _held.popitem()[1].close()


def place(
    *,
    store: str | os.PathLike[str] | None = None,
    entity: str | None = None,
    project: str | None = None,
    create: bool = True,
) -> Place:
    """Return where to work: what is given, else where the active run is, else the settings."""
    here = active()
    if store is None and here is not None:
        return here.at(entity, project)
    settings = load_settings(store=store, entity=entity, project=project)
    opened = open_store(settings, create=create)
    return Place(opened, settings, settings.entity, settings.project)


def active() -> Place | None:
    """Return the place of the active run."""
    return _active[-1] if _active else None


def is_disabled() -> bool:
    """Whether the active run is one that does nothing."""
    return bool(_active) and _active[-1] is None


def enter(active: Place | None) -> None:
    """Make a run's place the default; None for a run that does nothing."""
    _active.append(active)


def leave(active: Place | None) -> None:
    """Undo `enter`."""
    if active in _active:
        _active.remove(active)


def _after_fork() -> None:
    # A database connection must not be used, nor closed, by two processes: the child opens its
    # own and keeps the inherited ones alive without touching them.
    global _lock, _stores  # noqa: PLW0603 - the child's own
    _lock = threading.Lock()
    _turns.clear()
    _inherited.append(_stores)
    _stores = {}
    _deliveries.clear()  # the parent's thread goes on with them
    _active.clear()


os.register_at_fork(after_in_child=_after_fork)
