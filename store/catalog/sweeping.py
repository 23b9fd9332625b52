"""The part of `Catalog` about searches over settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

# The statements are imported where they are used: most commands have nothing to do with sweeps.

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from artifacts.store.catalog.database import Database
    from artifacts.store.catalog.sweeps import Reserve
    from artifacts.store.records import RunRecord, SweepRecord, SweepState, Trial


class Sweeping:
    """Sweeps, and the runs that are their trials."""

    _db: Database

    def create_sweep(
        self,
        entity: str,
        project: str,
        sweep_id: str,
        values: Mapping[str, Any],
        prior: Mapping[int, Trial] | None = None,
    ) -> SweepRecord:
        """Make a sweep; see `sweeps.create`.

        Raises:
            AlreadyExistsError: The project has a sweep of this id.
            InvalidInputError: A run belongs to a sweep already.
        """
        from artifacts.store.catalog import sweeps

        return self._db.write(
            lambda c: sweeps.create(self._db, c, entity, project, sweep_id, values, prior or {})
        )

    def sweep(self, entity: str, project: str, sweep_id: str) -> SweepRecord:
        """Return one sweep.

        Raises:
            NotFoundError: The project has no sweep of this id.
        """
        from artifacts.store.catalog import sweeps

        return self._db.read(lambda c: sweeps.get(c, entity, project, sweep_id))

    def list_sweeps(
        self, *, entity: str, project: str | None = None, sweep_id: str | None = None
    ) -> list[SweepRecord]:
        """Return sweeps of a project, or of all projects of an owner, newest first."""
        from artifacts.store.catalog import sweeps

        return self._db.read(
            lambda c: sweeps.list_sweeps(c, entity=entity, project=project, sweep_id=sweep_id)
        )

    def change_sweep(self, key: int, change: Callable[[SweepState], SweepState]) -> SweepRecord:
        """Change the state of a sweep from what it is now; return the sweep.

        Args:
            change: What it raises leaves the state as it was. It may be called again.
        """
        from artifacts.store.catalog import sweeps

        return self._db.write(lambda c: sweeps.change(c, key, change))

    def trials(self, sweep: SweepRecord) -> list[RunRecord]:
        """Return the runs whose configurations a sweep has chosen, oldest first.

        Deleted ones are among them.
        """
        from artifacts.store.catalog import runs

        return self._db.read(lambda c: runs.trials(self._db, c, sweep))

    def reserve_trial(self, key: int, reserve: Reserve) -> RunRecord | None:
        """Reserve what to try next; see `sweeps.reserve_trial`."""
        from artifacts.store.catalog import sweeps

        return self._db.write(lambda c: sweeps.reserve_trial(self._db, c, key, reserve))
