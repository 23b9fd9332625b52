"""Tells others what the catalog has noted for them, and a thread that does so meanwhile."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from artifacts.store.errors import ArtifactsError
from artifacts.store.lineage.openlineage.exporting import links_of, writer_for
from artifacts.store.records import INTERNAL_TYPES, EventKind, LinkRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from artifacts.store.lineage.openlineage.datasets import Json
    from artifacts.store.lineage.openlineage.events import EventWriter
    from artifacts.store.lineage.openlineage.sinks import Sink
    from artifacts.store.records import EventNote, RunRecord
    from artifacts.store.store import Store

log = logging.getLogger("artifacts")

INTERVAL = 5.0
"""Seconds between two looks at what is to be told."""

PATIENCE = 10.0
"""Seconds for which the end of a run waits until everything was told."""

_BATCH = 100


def send_waiting(
    store: Store, sink: Sink, *, go_on: Callable[[], bool] = lambda: True
) -> tuple[int, int]:
    """Send everything that was noted, in the order in which it happened.

    What is sent twice, because a process was killed in between, is the same event.

    Args:
        store: Where it was noted.
        sink: Where it goes.
        go_on: Asked before each event.

    Returns:
        How many events were sent, and how many notes were done with.

    Raises:
        StorageError: An event was not taken, or the store cannot be reached. What was not sent
            stays noted.
    """
    sent = done = 0
    if not store.catalog.waiting_events(1):
        return sent, done
    with sink.turn():
        while notes := store.catalog.waiting_events(_BATCH):
            finished: list[int] = []
            try:
                for note, event in _events(store, notes):
                    if not go_on():
                        return sent, done
                    if event is not None:
                        sink.send(event)
                        sent += 1
                    finished.append(note.id)
            finally:
                if finished:
                    sink.flush()
                    store.catalog.drop_events(finished)
                    done += len(finished)
    return sent, done


class Sender:
    """Sends in the background, every few seconds and once more at the end.

    Args:
        store: Returns the store.
        sink: Returns where events go; called by the thread.
    """

    def __init__(self, store: Callable[[], Store], sink: Callable[[], Sink]) -> None:
        self._store = store
        self._sink = sink
        self._stop = threading.Event()
        self._given_up = threading.Event()
        self._thread = threading.Thread(target=self._work, name="artifacts-events", daemon=True)
        self._thread.start()

    def stop(self, patience: float = PATIENCE) -> None:
        """End the thread when everything was sent; what takes too long goes on waiting."""
        self._stop.set()
        self._thread.join(patience)
        self._given_up.set()
        # It ends with the event that it is sending, of which there is a limit.
        self._thread.join(patience)

    def _work(self) -> None:
        failing = last = False
        sink: Sink | None = None
        while not last:
            last = self._stop.wait(INTERVAL)
            try:
                sink = sink or self._sink()
                send_waiting(self._store(), sink, go_on=lambda: not self._given_up.is_set())
            except ArtifactsError as error:
                if not failing:
                    log.warning("events of lineage are waiting, none is lost: %s", error)
                failing = True
            else:
                failing = False


def _events(store: Store, notes: Sequence[EventNote]) -> Iterator[tuple[EventNote, Json | None]]:
    """Yield each note with its event; None for what is nobody else's business."""
    keys = {note.run for note in notes}
    runs = store.catalog.read_graph(lambda graph: graph.runs(keys))
    links = {
        key: [link for link in found if link.version.type not in INTERNAL_TYPES]
        for key, found in links_of(store, keys).items()
    }
    versions = {link.version.id: link.version for found in links.values() for link in found}
    writer = writer_for(store, versions.values())
    for note in notes:
        run = runs.get(note.run)
        yield note, None if run is None else _event(writer, note, run, links[note.run])


def _event(
    writer: EventWriter, note: EventNote, run: RunRecord, links: Sequence[LinkRecord]
) -> Json | None:
    if note.kind is EventKind.START:
        return writer.start(run, note.at)
    if note.kind is EventKind.END:
        return writer.outcome(run, links, state=note.state, at=note.at)
    for link in links:
        if (link.version.id, link.kind) == (note.version, note.link):
            return writer.step(link)
    return None
