"""The part of `Catalog` about what people say of versions: edges, recalls, consumers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from artifacts.store.catalog import consumers, derivations, events, parts, recalls, runs

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy.engine import Connection

    from artifacts.store.catalog.database import Database
    from artifacts.store.records import (
        ConsumerRecord,
        DerivationKind,
        DerivationRecord,
        EventNote,
        RecallRecord,
    )


class Facts:
    """What is only added to: nothing here is ever changed but to say that it has ended."""

    _db: Database

    # -- what those who follow lineage are to be told

    def note_events(self) -> None:
        """From now on, note changes of lineage for `waiting_events`."""
        self._db.notes_events = True

    def waiting_events(self, limit: int) -> list[EventNote]:
        """Return the oldest notes of changes."""
        return self._db.read(lambda c: events.waiting(c, limit))

    def count_events(self) -> int:
        """Return how many notes there are."""
        return self._db.read(events.count)

    def drop_events(self, ids: Iterable[int]) -> None:
        """Delete notes of what was told."""
        wanted = list(ids)
        self._db.write(lambda c: events.drop(c, wanted))

    # -- exact edges, which commits record

    def derivations_of(
        self, outputs: Iterable[int], kind: DerivationKind | None = None
    ) -> list[DerivationRecord]:
        """Return what these versions were made of, oldest first."""
        wanted = list(outputs)
        return self._db.read(lambda c: derivations.of_outputs(c, wanted, kind))

    def derivations_from(
        self, inputs: Iterable[int], kind: DerivationKind | None = None
    ) -> list[DerivationRecord]:
        """Return what was made of these versions, oldest first."""
        wanted = list(inputs)
        return self._db.read(lambda c: derivations.of_inputs(c, wanted, kind))

    def drop_part(self, version_id: int) -> None:
        """Delete what a process has added to a shared version for itself alone."""
        self._db.write(lambda c: parts.drop(self._db, c, version_id))

    def in_use(self, version_ids: Iterable[int]) -> dict[int, str]:
        """Return, by version, who works with it: a running run, or a consumer."""
        wanted = list(version_ids)

        def work(connection: Connection) -> dict[int, str]:
            at_work = consumers.at_work(connection, wanted).items()
            deployed = {version: f"{each.kind} {each.name}" for version, each in at_work}
            running = runs.running_users(connection, wanted).items()
            return deployed | {version: f"run {run}" for version, run in running}

        return self._db.read(work)

    # -- recalls

    def recall(self, version_id: int, reason: str, by: str | None = None) -> RecallRecord:
        """Say that a version is bad.

        Raises:
            AlreadyExistsError: It is recalled already.
        """
        return self._db.write(lambda c: recalls.add(self._db, c, version_id, reason, by))

    def undo_recall(self, version_id: int, by: str | None = None) -> RecallRecord:
        """Take the recall of a version back.

        Raises:
            StateError: It is not recalled.
        """
        return self._db.write(lambda c: recalls.undo(self._db, c, version_id, by))

    def recalls_in_force(self, version_ids: Iterable[int]) -> dict[int, RecallRecord]:
        """Return the recalls that hold of these versions, by version."""
        wanted = list(version_ids)
        return self._db.read(lambda c: recalls.in_force(c, wanted))

    def list_recalls(
        self, *, entity: str | None = None, project: str | None = None, undone: bool = False
    ) -> list[RecallRecord]:
        """Return recalls, newest first; those that were taken back if ``undone``."""
        return self._db.read(
            lambda c: recalls.list_recalls(c, entity=entity, project=project, undone=undone)
        )

    # -- consumers

    def deploy(
        self, version_id: int, kind: str, name: str, by: str | None = None
    ) -> ConsumerRecord:
        """Say that something works with a version from now on; see `consumers.deploy`.

        Raises:
            RefNotFoundError: The version was deleted.
        """
        return self._db.write(lambda c: consumers.deploy(self._db, c, version_id, kind, name, by))

    def end_consumer(self, entity: str, name: str, by: str | None = None) -> ConsumerRecord:
        """Say that something has stopped.

        Raises:
            NotFoundError: Nothing of that name is at work.
        """
        return self._db.write(lambda c: consumers.end(self._db, c, entity, name, by))

    def list_consumers(
        self, *, entity: str | None = None, ended: bool = False
    ) -> list[ConsumerRecord]:
        """Return what works with versions, newest first; what has stopped if ``ended``."""
        return self._db.read(lambda c: consumers.list_consumers(c, entity=entity, ended=ended))
