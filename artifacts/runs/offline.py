"""Where a run works whose store cannot be reached, or is not to be: in a store that stands in."""

from __future__ import annotations

import logging
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, Literal

from artifacts import _session
from artifacts._session import Place
from artifacts.settings import Settings, Value
from artifacts.store.errors import StorageError, is_lost
from artifacts.store.stand_in import StandIn

if TYPE_CHECKING:
    from artifacts.store.store import Store

    Mode = Literal["online", "offline"]

log = logging.getLogger("artifacts")


def choose_place(settings: Settings, mode: Mode | None) -> Place:
    """Return where a run is to work.

    Args:
        settings: They name the store, the project and its owner.
        mode: ``offline`` stays away from a remote store, ``online`` insists on it. With None it is
            used if it can be reached within the ``connect_timeout``; otherwise the run is kept on
            this machine, which is said.

    Raises:
        StorageError: The store cannot be reached, and ``mode`` is ``online``; or it failed.
    """
    stand_in = stand_in_for(settings)
    if stand_in is None:
        if mode == "offline":
            log.info("the store is on this machine: the run works in it, nothing needs art sync")
        store = _session.open_store(settings)
        return Place(store, settings, settings.entity, settings.project, offline=mode == "offline")
    if mode == "offline":
        return _place_in(stand_in, settings)
    try:
        store = open_in_time(settings)
    except StorageError as error:
        if not is_lost(error):
            raise
        if mode == "online":
            way = "leave out mode='online' (ART_MODE) to work on this machine meanwhile"
            error.hint = way if error.hint is None else f"{error.hint}; or {way}"
            raise
        from artifacts.store.opening import public

        log.warning(
            "the store %s cannot be reached, so the run is kept on this machine; bring it there "
            "later with: art sync (%s)",
            public(settings.store),
            error,
        )
        return _place_in(stand_in, settings)
    return Place(store, settings, settings.entity, settings.project)


def open_in_time(settings: Settings) -> Store:
    """Open a remote store, unless that takes longer than the ``connect_timeout``.

    Raises:
        StorageError: It cannot be reached, or not in time (``connect_timeout``).
    """
    opened: Future[Store] = Future()

    def work() -> None:
        try:
            opened.set_result(_session.open_store(settings))
        except BaseException as error:  # noqa: BLE001 - handed to whoever waits
            opened.set_exception(error)

    # It may hang in a look-up of a name, which nothing can interrupt, so nobody waits for its end.
    threading.Thread(target=work, name="artifacts-connect", daemon=True).start()
    seconds = settings.connect_timeout
    try:
        return opened.result(seconds)
    except TimeoutError as error:
        if opened.done():
            raise
        raise StorageError(
            f"the store did not answer within {seconds:g} s",
            hint="wait longer with the setting connect_timeout",
            kind="connect_timeout",
            retryable=True,
        ) from error


def stand_in_for(settings: Settings) -> StandIn | None:
    """Return where runs work while the store of the settings is out of reach; None if it is local.

    There need not be anything.
    """
    from artifacts.store.opening import key_of

    key = key_of(settings.store)
    return None if key is None else StandIn(settings.offline_dir, key)


def settings_in(stand_in: StandIn, settings: Settings) -> Settings:
    """Return settings whose store is the one that stands in."""
    changed = {
        "store": Value(str(stand_in.store), "offline"),
        "backup": Value("false", "offline"),  # all of it goes to the other store
        "lineage_events": Value("off", "offline"),  # they are noted there
    }
    return Settings({**settings.values, **changed})


def _place_in(stand_in: StandIn, settings: Settings) -> Place:
    from artifacts._remembering import memory_of
    from artifacts.store.opening import public

    stand_in.prepare_lock()
    _session.hold(stand_in.lock)
    stand_in.prepare(public(settings.store))
    local = settings_in(stand_in, settings)
    return Place(
        _session.open_store(local),
        local,
        settings.entity,
        settings.project,
        offline=True,
        remembered=memory_of(settings, stand_in.folder.name),
    )
