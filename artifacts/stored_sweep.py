"""`Sweep`: a search over settings as the store knows it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from artifacts._find import MAX_RUN_PARTS
from artifacts._listing import list_runs
from artifacts._parts import in_parts
from artifacts._recorded import Recorded
from artifacts.store.errors import InvalidInputError, NotFoundError, StateError
from artifacts.store.records import SweepState, to_datetime
from artifacts.stored_run import StoredRun

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from artifacts._paging import Results
    from artifacts._session import Place
    from artifacts.store.records import SweepRecord
    from artifacts.sweeps.configuration import Configuration

_GOES_ON = frozenset({SweepState.RUNNING, SweepState.PAUSED})
_OVER = frozenset({SweepState.STOPPED, SweepState.FINISHED})


@in_parts
class Sweep(Recorded):
    """A search over settings. Two are equal if they are the same one."""

    _record: SweepRecord

    def __init__(self, place: Place, record: SweepRecord) -> None:
        self._place = place
        self._record = record

    @property
    def id(self) -> str:
        """Unique within the project."""
        return self._record.id

    @property
    def name(self) -> str:
        """Display name; the id if it was given none."""
        return self._record.name

    @property
    def path(self) -> list[str]:
        """Entity, project and id."""
        return [self.entity, self.project, self.id]

    @property
    def config(self) -> dict[str, Any]:
        """How it searches, as it was given to `sweep`."""
        return dict(self._record.config)

    @property
    def state(self) -> str:
        """``running``, ``paused``, ``stopped``, ``cancelled`` or ``finished``."""
        self._record = self._place.store.catalog.sweep(self.entity, self.project, self.id)
        return self._record.state.value

    @property
    def created_at(self) -> datetime:
        """When it was made, in UTC."""
        return to_datetime(self._record.created_at)

    @property
    def created_by(self) -> str | None:
        """Who has made it, as ``user@host``."""
        return self._record.created_by

    @property
    def expected_run_count(self) -> int | None:
        """How many configurations are tried; None if there is no end."""
        return self._configuration().expected

    @property
    def url(self) -> str | None:
        """Page of the sweep; None without the setting ``app_url``."""
        base = self._place.settings.app_url
        if base is None or self._place.offline:
            return None
        parts = (self.entity, self.project, "sweeps", self.id)
        return "/".join((base, *(quote(part, safe="") for part in parts)))

    @property
    def runs(self) -> Results[StoredRun]:
        """Its runs, oldest first, read as they are needed."""
        return self._list("created_at")

    def best_run(self, order: str | None = None) -> StoredRun | None:
        """Return the run that has come furthest.

        Args:
            order: What to sort by instead of the metric, after ``-`` the highest first; such as
                ``-summary.acc``.

        Returns:
            None if no run has that value, or there is no metric.

        Raises:
            InvalidInputError: The order is malformed.
        """
        if order is not None:
            return next(iter(self._list(order.removeprefix("+"))), None)
        metric = self._configuration().metric
        if metric is None:
            return None
        found = [(metric.of_summary(run._record.summary), run) for run in self.runs]
        measured = [(value, run) for value, run in found if value is not None]
        choose = max if metric.maximize else min
        return choose(measured, key=lambda each: each[0], default=(None, None))[1]

    def importances(self) -> dict[str, float]:
        """Return how much of the differences of the metric each parameter explains.

        Returns:
            Shares that are 1 together, by parameter, the largest first; nothing without a metric,
            or if the runs do not tell.

        Raises:
            ConfigError: Optuna is not installed.
        """
        from artifacts.sweeps.bayes import importances

        configuration = self._configuration()
        if configuration.metric is None:
            return {}
        return importances(configuration, self._place.store.catalog.trials(self._record))

    def pause(self) -> None:
        """Have agents wait; what is being tried goes on.

        Raises:
            StateError: It is over.
        """
        self._change(SweepState.PAUSED, _GOES_ON)

    def resume(self) -> None:
        """Have agents go on, also after `stop`, or where a run was deleted since it had finished.

        Raises:
            StateError: It was cancelled.
        """
        self._change(SweepState.RUNNING, _GOES_ON | _OVER)

    def stop(self) -> None:
        """Have agents end; what is being tried goes on.

        Raises:
            StateError: It was cancelled, or has finished.
        """
        self._change(SweepState.STOPPED, _GOES_ON | {SweepState.STOPPED})

    def cancel(self) -> None:
        """Have agents end, and end what is being tried.

        Raises:
            StateError: It has finished.
        """
        self._change(SweepState.CANCELLED, set(SweepState) - {SweepState.FINISHED})

    def _change(self, state: SweepState, before: Collection[SweepState]) -> None:
        def change(now: SweepState) -> SweepState:
            if now not in before:
                raise StateError(
                    f"sweep {self.id} is {now.value}, and so cannot be {state.value}",
                    kind="sweep_state",
                )
            return state

        self._record = self._place.store.catalog.change_sweep(self._record.key, change)

    def _configuration(self) -> Configuration:
        from artifacts.sweeps.configuration import parse

        return parse(self._record.config)

    def _list(self, order: str) -> Results[StoredRun]:
        filters = {"sweep_id": self.id}
        return list_runs(self._place, self.entity, self.project, filters=filters, order=order)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sweep) and self._identity() == other._identity()

    def __hash__(self) -> int:
        return hash(self._identity())

    def _identity(self) -> tuple[str, int]:
        return self._place.store.uuid, self._record.key

    def __repr__(self) -> str:
        return f"<Sweep {'/'.join(self.path)} ({self._record.state.value})>"


def find_sweep(
    place: Place, path: str, entity: str | None = None, project: str | None = None
) -> SweepRecord:
    """Return a sweep.

    Args:
        place: Where to look for what the path leaves out. If it leaves the project out and the
            one of the place has no such sweep, but exactly one other of the owner, that is meant.
        path: ``[[entity/]project/]id``.
        entity: Owner, unless the path says it.
        project: Project, unless the path says it.

    Raises:
        InvalidInputError: The path is malformed.
        NotFoundError: There is no such sweep; near matches are in the hint.
    """
    parts = path.split("/")
    if len(parts) > MAX_RUN_PARTS or not all(parts):
        raise InvalidInputError(
            f"invalid path of a sweep: {path!r}",
            hint="expected [[entity/]project/]id",
            kind="bad_sweep_path",
        )
    *owner, sweep_id = parts
    given = owner[-1] if owner else project
    owned_by = (owner[0] if len(owner) > 1 else entity) or place.entity
    catalog = place.store.catalog
    try:
        return catalog.sweep(owned_by, given or place.project, sweep_id)
    except NotFoundError:
        if given is not None:
            raise
        found = catalog.list_sweeps(entity=owned_by, sweep_id=sweep_id)
        if len(found) != 1:
            raise
        return found[0]


def list_sweeps(place: Place, entity: str, project: str | None) -> list[Sweep]:
    """Return the sweeps of a project, or of all projects of an owner, newest first."""
    records = place.store.catalog.list_sweeps(entity=entity, project=project)
    return [Sweep(place, record) for record in records]
