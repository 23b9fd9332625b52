"""Bringing runs that were kept on this machine to their store."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from artifacts._recorded import record_name
from artifacts._session import Place
from artifacts.runs import folders
from artifacts.runs.completing import ended_as, recover
from artifacts.runs.offline import settings_in, stand_in_for
from artifacts.store import joining, opening
from artifacts.store.errors import ArtifactsError, is_lost
from artifacts.store.store import Store

if TYPE_CHECKING:
    from artifacts.runs.folders import Left
    from artifacts.settings import Settings
    from artifacts.store.joining import Joined, Part
    from artifacts.store.progress import Progress
    from artifacts.store.records import RunRecord
    from artifacts.store.stand_in import StandIn


@dataclass(frozen=True, slots=True)
class Kept:
    """What was kept on this machine while a store could not be reached.

    Attributes:
        parts: What can be brought there.
        unfinished: Runs that have not ended, as far as is known without recovering them.
    """

    parts: tuple[Part, ...] = ()
    unfinished: tuple[RunRecord, ...] = ()


@dataclass(slots=True)
class Synced:
    """What became of it.

    Attributes:
        joined: What was brought, or was there already.
        failed: What was not, and why; None for what was not tried, after the store was lost.
        unfinished: Runs that go on, and stay where they are.
        recovery: Why what killed processes have left could not be recovered.
        emptied: Whether something was kept, and nothing is any more.
    """

    joined: list[Joined] = field(default_factory=list)
    failed: list[tuple[Part, Exception | None]] = field(default_factory=list)
    unfinished: list[RunRecord] = field(default_factory=list)
    recovery: ArtifactsError | None = None
    emptied: bool = False


def left_journals(place: Place) -> list[Left]:
    """Return the journals of runs of the store that killed processes have left here."""
    return folders.find_left(place)


def look(settings: Settings) -> Kept:
    """Return what is kept for the store of the settings, without changing anything."""
    stand_in = _existing(settings)
    if stand_in is None:
        return Kept()
    with stand_in.reading():
        if _existing(settings) is None:
            return Kept()
        store = _open(stand_in, settings)
        try:
            parts, unfinished = joining.parts(store)
        finally:
            store.close()
    return Kept(tuple(parts), tuple(unfinished))


def bring_over(place: Place, progress: Progress | None = None) -> Synced:
    """Bring what is kept for a store there, and forget it when everything is there.

    It can be interrupted and repeated: nothing is brought twice, and nothing is forgotten before.
    Runs that go on stay, and so does what only they have to do with.

    Args:
        place: In the store, which can be reached.
        progress: Told about every blob.
    """
    synced = Synced()
    stand_in = stand_in_for(place.settings)
    if stand_in is None:
        return synced
    if not opening.is_store(stand_in.store):
        stand_in.sweep()
        return synced
    abandoned = _abandoned(stand_in, place.settings)
    with stand_in.reading():
        if _existing(place.settings) is None:
            return synced  # another process was faster
        store = _open(stand_in, place.settings)
        try:
            _recover(store, stand_in, place, abandoned, synced)
            parts, synced.unfinished = joining.parts(store)
            _join(store, parts, place.store, synced, progress)
        finally:
            store.close()
    if not synced.failed and not synced.unfinished and synced.recovery is None:
        synced.emptied = _forget(stand_in, place.settings, parts)
    return synced


def _existing(settings: Settings) -> StandIn | None:
    stand_in = stand_in_for(settings)
    return stand_in if stand_in is not None and opening.is_store(stand_in.store) else None


def _open(stand_in: StandIn, settings: Settings) -> Store:
    return Store.open(stand_in.store, cache_dir=settings.cache_dir)


def _abandoned(stand_in: StandIn, settings: Settings) -> list[RunRecord]:
    """Return the runs whose processes are gone: those that have not ended, if nobody is there."""
    with stand_in.alone() as alone:
        if not alone or _existing(settings) is None:
            return []
        store = _open(stand_in, settings)
        try:
            return [run for run in store.catalog.list_runs() if run.finished_at is None]
        finally:
            store.close()


def _recover(
    store: Store,
    stand_in: StandIn,
    place: Place,
    abandoned: list[RunRecord],
    synced: Synced,
) -> None:
    """Record what killed processes have left, and end their runs."""
    settings = settings_in(stand_in, place.settings)
    catalog = store.catalog
    try:
        recover(Place(store, settings, place.entity, place.project))
        for run in abandoned:
            now = catalog.run(run.entity, run.project, run.id)
            # Unless somebody has gone on with it since.
            if now.finished_at is None and now.heartbeat_at == run.heartbeat_at:
                catalog.finish_run(run.key, ended_as(now.state, None), None)
    except ArtifactsError as error:
        synced.recovery = error


def _join(
    store: Store, parts: list[Part], target: Store, synced: Synced, progress: Progress | None
) -> None:
    unreachable = False
    for part in parts:
        if unreachable:
            synced.failed.append((part, None))
            continue
        try:
            joined = joining.join(store, part, target, record_name=record_name, progress=progress)
        except (ArtifactsError, OSError) as error:
            synced.failed.append((part, error))
            unreachable = is_lost(error)
        else:
            synced.joined.append(joined)


def _forget(stand_in: StandIn, settings: Settings, brought: list[Part]) -> bool:
    """Remove the store that stood in, unless somebody uses it or there is more in it."""
    with stand_in.alone() as alone:
        if not alone:
            return False
        if not _existing(settings):
            return True
        store = _open(stand_in, settings)
        try:
            found, unfinished = joining.parts(store)
        finally:
            store.close()
        if unfinished or found != brought:
            return False
        stand_in.remove()
        return True
