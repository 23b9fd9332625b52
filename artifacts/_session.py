"""Open stores and the active run's place, shared by everything in this process."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

from artifacts.settings import load as load_settings

if TYPE_CHECKING:
    from artifacts.settings import Settings
    from artifacts.store.delivering import Deliveries
    from artifacts.store.store import Store


class Place:
    """Where artifacts and runs live unless something else is said.

    Args:
        store: Opened by this process.
        settings: What it was opened with.
        entity: Default owner.
        project: Default project.
        run: Key of the run that is active here, or None.
    """

    __slots__ = ("_pid", "_store", "entity", "project", "run", "settings")

    def __init__(
        self,
        store: Store,
        settings: Settings,
        entity: str,
        project: str,
        run: int | None = None,
    ) -> None:
        self._store = store
        self._pid = os.getpid()
        self.settings = settings
        self.entity = entity
        self.project = project
        self.run = run

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

    def at(self, entity: str | None, project: str | None) -> Place:
        """Return this place with another owner or project, where one is given."""
        return Place(
            self.store, self.settings, entity or self.entity, project or self.project, self.run
        )

    def has_same_store(self, other: Place) -> bool:
        """Whether both are in one store."""
        return self.store.uuid == other.store.uuid


_lock = threading.Lock()
_stores: dict[str, Store] = {}
_deliveries: dict[str, Deliveries] = {}
_inherited: list[dict[str, Store]] = []
_active: list[Place] = []


def open_store(settings: Settings, *, create: bool = True) -> Store:
    """Return the store that the settings name, opened once in this process.

    Args:
        create: Make it if there is none.

    Raises:
        StoreNotFoundError: There is none, and ``create`` is False.
    """
    from artifacts.store.store import Store

    with _lock:
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
            _stores[settings.store] = store
        return store


def deliveries(store: Store) -> Deliveries:
    """Return the thread that brings versions to a remote store."""
    from artifacts.store.delivering import Deliveries

    with _lock:
        found = _deliveries.get(store.uuid)
        if found is None:
            found = _deliveries[store.uuid] = Deliveries(store)
        return found


def wait_for_deliveries(store: Store) -> None:
    """Wait until everything that was logged to a store is there.

    Raises:
        StorageError: Something could not be delivered; it is safe on this machine.
    """
    if store.uuid in _deliveries:
        _deliveries[store.uuid].wait()


def close_stores() -> None:
    """Close every open store of this process, when what was logged to it is there."""
    for found in list(_deliveries.values()):
        found.wait()
    with _lock:
        _deliveries.clear()
        while _stores:
            _stores.popitem()[1].close()


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


def enter(active: Place) -> None:
    """Make a run's place the default."""
    _active.append(active)


def leave(active: Place) -> None:
    """Undo `enter`."""
    if active in _active:
        _active.remove(active)


def _after_fork() -> None:
    # A database connection must not be used, nor closed, by two processes: the child opens its
    # own and keeps the inherited ones alive without touching them.
    global _lock, _stores  # noqa: PLW0603 - the child's own
    _lock = threading.Lock()
    _inherited.append(_stores)
    _stores = {}
    _deliveries.clear()  # the parent's thread goes on with them
    _active.clear()


os.register_at_fork(after_in_child=_after_fork)
