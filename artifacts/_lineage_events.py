"""Where the settings say that events of lineage go, and the thread that brings them there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from artifacts.settings import openlineage_key, user_name

if TYPE_CHECKING:
    from pathlib import Path

    from artifacts._session import Place
    from artifacts.settings import Settings
    from artifacts.store.lineage.openlineage.importing import ImportedEvents
    from artifacts.store.lineage.openlineage.sending import Sender
    from artifacts.store.lineage.openlineage.sinks import Sink
    from artifacts.store.records import VersionRecord
    from artifacts.store.store import Store

FILE = "lineage.jsonl"


def start_sending(place: Place) -> Sender | None:
    """Send events in the background from now on, if the settings of a run say so."""
    settings = place.settings
    if settings.lineage_events is None:
        return None
    from artifacts.store.lineage.openlineage.sending import Sender

    return Sender(lambda: place.store, lambda: _sink(place.store, settings))


def send_waiting(place: Place) -> int:
    """Send what is waiting; return how many events that was.

    Raises:
        ConfigError: The settings name a service, and the library for it is not installed.
        StorageError: Not everything could be sent; the rest goes on waiting.
    """
    if place.settings.lineage_events is None:
        return 0
    from artifacts.store.lineage.openlineage import sending

    sink = _sink(place.store, place.settings)
    return sending.send_waiting(place.store, sink)[0]


def export_to(place: Place, path: Path, version: VersionRecord | None) -> int:
    """Write what a version is connected with, or everything; return how many events it took.

    Args:
        path: A file, which is replaced when everything is written.
        version: None for everything.

    Raises:
        StorageError: The file cannot be written.
    """
    from artifacts.store.lineage.openlineage.exporting import write_events

    return write_events(place.store, path, None if version is None else [version.id])


def import_from(place: Place, path: Path) -> ImportedEvents:
    """Bring what events tell into a store.

    Raises:
        NotFoundError: There is no such file.
        FormatError: It holds something else.
        InvalidInputError: An artifact exists with another type.
    """
    from artifacts.store.lineage.openlineage.importing import import_events
    from artifacts.store.lineage.openlineage.reading import Home

    return import_events(place.store, path, home=Home(place.entity, place.project), by=user_name())


def file_of(store: Store) -> Path:
    """Return the file that takes the events of a store.

    It is beside the objects if these are on this machine, else beside what is on its way there.
    """
    if store.remote:
        return store.outbox.with_name(f"{store.uuid}-{FILE}")
    return store.staging.parent / FILE


def _sink(store: Store, settings: Settings) -> Sink:
    from artifacts.store.lineage.openlineage.sinks import FileSink, HttpSink

    target = settings.lineage_events
    assert target is not None  # those who call have looked
    if target == "file":
        return FileSink(file_of(store))
    return HttpSink(target, openlineage_key())
