"""The part of `Catalog` about runs: what they log, and what they use and make."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from artifacts.store.catalog import alerts, history, run_removal, runs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    import sqlalchemy as sa

    from artifacts.store.catalog.database import Database
    from artifacts.store.catalog.graph import GraphReader
    from artifacts.store.records import (
        AlertRecord,
        HistoryChunk,
        LinkKind,
        LinkRecord,
        RunRecord,
        VersionRecord,
    )
    from artifacts.store.subset import Subset

T = TypeVar("T")


class Tracking:
    """Runs, their rows and alerts, and the edges between runs and versions."""

    _db: Database

    def create_run(
        self, entity: str, project: str, run_id: str, values: Mapping[str, Any]
    ) -> RunRecord:
        """Start a run.

        Raises:
            AlreadyExistsError: The project has a run of this id.
        """
        return self._db.write(lambda c: runs.create(self._db, c, entity, project, run_id, values))

    def update_run(self, key: int, values: Mapping[str, Any]) -> None:
        """Change columns of a run."""
        self._db.write(lambda c: runs.update(c, key, values))

    def finish_run(
        self,
        key: int,
        state: str,
        exit_code: int | None,
        values: Mapping[str, Any] | None = None,
    ) -> None:
        """End a run, and change columns of it."""
        changed = values or {}
        self._db.write(lambda c: runs.finish(self._db, c, key, state, exit_code, changed))

    def resume_run(self, key: int, values: Mapping[str, Any]) -> None:
        """Make a run a running one again, and change columns of it."""
        self._db.write(lambda c: runs.resume(self._db, c, key, values))

    def restart_run(self, key: int, values: Mapping[str, Any]) -> None:
        """Make a run one that begins now, with nothing known of it but what is given."""
        self._db.write(lambda c: runs.restart(self._db, c, key, values))

    def beat(
        self, key: int, values: Mapping[str, Any], chunks: Sequence[HistoryChunk] = ()
    ) -> None:
        """Give a sign of life of a run, with rows that it has logged and columns that changed.

        Args:
            chunks: A chunk replaces the one that begins with the same row.
        """

        def work(connection: sa.Connection) -> None:
            history.put(self._db, connection, key, chunks)
            runs.beat(self._db, connection, key, values)

        self._db.write(work)

    def delete_run(
        self,
        key: int,
        *,
        delete_artifacts: bool = False,
        force: bool = False,
        by: str | None = None,
    ) -> list[int]:
        """Delete a run, and return the versions that went with it; see `run_removal.delete`.

        Raises:
            StateError: It is running, or what would be deleted with it is in use or has a
                protected alias, and ``force`` is False.
        """
        return self._db.write(
            lambda c: run_removal.delete(
                self._db, c, key, delete_artifacts=delete_artifacts, force=force, by=by
            )
        )

    def add_alert(self, run: int, alert: AlertRecord, wait: int = 0) -> bool:
        """Enter an alert; again changes nothing. False if an earlier one suppresses it.

        Args:
            wait: Microseconds within which an earlier one of its title does.
        """
        return self._db.write(lambda c: alerts.add(c, run, alert, wait))

    def suppress_alerts(self, run: int, counts: Mapping[tuple[str, int], int]) -> None:
        """Count alerts that were not sent.

        Args:
            counts: By title and time: they count at the last one of the title until then.
        """

        def work(connection: sa.Connection) -> None:
            for (title, at), count in counts.items():
                alerts.suppress(connection, run, title, at, count)

        self._db.write(work)

    def list_alerts(self, keys: Iterable[int]) -> dict[int, list[AlertRecord]]:
        """Return the alerts of runs, by the run's key, oldest first."""
        wanted = list(keys)
        return self._db.read(lambda c: alerts.list_alerts(c, wanted))

    def history_chunks(self, keys: Iterable[int]) -> dict[int, list[HistoryChunk]]:
        """Return the rows of runs that are in no version yet, by run, in order."""
        wanted = list(keys)
        return self._db.read(lambda c: history.chunks(c, wanted))

    def drop_history(self, key: int, sessions: Mapping[str, int]) -> None:
        """Delete those rows of a run that are in a version.

        Args:
            sessions: How many rows of each journal are in it.
        """
        self._db.write(lambda c: history.drop(c, key, sessions))

    def history_versions(self, keys: Iterable[int]) -> dict[int, VersionRecord]:
        """Return, by the key of the run, the newest version of its history."""
        wanted = list(keys)
        return self._db.read(lambda c: runs.history_versions(c, wanted))

    def find_run(self, entity: str, project: str, run_id: str) -> RunRecord | None:
        """Return one run that is not deleted; None if the project has none of this id."""
        found = self._db.read(lambda c: runs.find(self._db, c, entity, project, run_id))
        return None if found is None or found.deleted_at is not None else found

    def run(self, entity: str, project: str, run_id: str, *, deleted: bool = False) -> RunRecord:
        """Return one run.

        Args:
            deleted: Also one that was deleted.

        Raises:
            RunNotFoundError: The project has no run of this id, or it was deleted.
        """
        return self._db.read(
            lambda c: runs.get(self._db, c, entity, project, run_id, deleted=deleted)
        )

    def list_runs(
        self, *, entity: str | None = None, project: str | None = None
    ) -> list[RunRecord]:
        """Return runs, newest first."""
        return self._db.read(lambda c: runs.list_runs(self._db, c, entity=entity, project=project))

    def edit_run(self, key: int, change: Callable[[RunRecord], Mapping[str, Any]]) -> RunRecord:
        """Change columns of a run as they are now; return the run.

        Args:
            change: Returns columns with their new values for the run as it is. What it raises
                leaves everything as it was. It may be called again.
        """
        return self._db.write(lambda c: runs.edit(self._db, c, key, change))

    def count_runs(self, entity: str, project: str) -> int:
        """Return how many runs a project has."""
        return self._db.read(lambda c: runs.count(c, entity, project))

    def link(
        self,
        run: int,
        version_id: int,
        kind: LinkKind,
        *,
        ref_text: str | None = None,
        alias: str | None = None,
    ) -> None:
        """Record an edge between a run and a version; again changes nothing."""
        self._db.write(
            lambda c: runs.link(self._db, c, run, version_id, kind, ref_text=ref_text, alias=alias)
        )

    def begin_read(
        self, run: int, version_id: int, *, ref_text: str | None = None, alias: str | None = None
    ) -> bool:
        """Make what a run reads an input of it; see `reads.begin`."""
        from artifacts.store.catalog import reads  # few commands need it

        return self._db.write(
            lambda c: reads.begin(self._db, c, run, version_id, ref_text=ref_text, alias=alias)
        )

    def add_reads(self, run: int, subsets: Mapping[int, Subset]) -> None:
        """Add to what a run has read of its inputs, by version."""
        from artifacts.store.catalog import reads

        self._db.write(lambda c: reads.add(c, run, subsets))

    def links_of_runs(self, keys: Iterable[int], kind: LinkKind) -> list[LinkRecord]:
        """Return the edges of the given direction at any of these runs, oldest first."""
        return self._db.read(lambda c: runs.links_of_runs(self._db, c, keys, kind))

    def links_of_versions(self, ids: Iterable[int], kind: LinkKind) -> list[LinkRecord]:
        """Return the edges of the given direction at any of these versions, oldest first."""
        return self._db.read(lambda c: runs.links_of_versions(self._db, c, ids, kind))

    def read_graph(self, work: Callable[[GraphReader], T]) -> T:
        """Run ``work`` over the graph of runs and versions as of one moment."""
        # Here, as in `restore`, because few commands need it.
        from artifacts.store.catalog.graph import GraphReader

        return self._db.read(lambda c: work(GraphReader(self._db, c)))
