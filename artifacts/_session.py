"""Open stores and the active run's place, shared by everything in this process."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from artifacts import config

if TYPE_CHECKING:
    from artifacts.config import Settings
    from artifacts.store.store import Store


@dataclass(frozen=True, slots=True)
class Place:
    """Where artifacts and runs live unless something else is said."""

    store: Store
    settings: Settings
    entity: str
    project: str


_lock = threading.Lock()
_stores: dict[str, Store] = {}
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
            store = Store.open(settings.store, create=create, cache_dir=settings.cache_dir)
            _stores[settings.store] = store
        return store


def close_stores() -> None:
    """Close every open store of this process."""
    with _lock:
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
    if store is None and _active:
        active = _active[-1]
        return Place(
            active.store,
            active.settings,
            entity or active.entity,
            project or active.project,
        )
    settings = config.load(store=store, entity=entity, project=project)
    opened = open_store(settings, create=create)
    return Place(opened, settings, settings.entity, settings.project)


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
    _active.clear()


os.register_at_fork(after_in_child=_after_fork)
