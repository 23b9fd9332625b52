"""A trial under way: how it does beside the others of its sweep, and whether it is to end."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from artifacts.runs.trials import TrialStopped
from artifacts.store.errors import StorageError, is_lost
from artifacts.store.records import Trial
from artifacts.sweeps.configuration import parse

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from artifacts._session import Place
    from artifacts.runs.trials import Ticket
    from artifacts.store.records import RunRecord

log = logging.getLogger("artifacts")


class TrialWatch:
    """Compares a trial with the others of its sweep, and ends it when it is told to.

    Args:
        record: The run, which is a trial.
        ticket: What it was reserved with.
    """

    def __init__(self, place: Place, record: RunRecord, ticket: Ticket) -> None:
        self._place = place
        self._record = record
        self._ticket = ticket
        catalog = place.store.catalog
        self._sweep = catalog.sweep(record.entity, record.project, ticket.sweep_id)
        self._configuration = parse(self._sweep.config)
        self._values: list[float] = []
        self._due: int | None = None

    @property
    def chosen(self) -> dict[str, Any]:
        """The configuration that was chosen for the trial."""
        return Trial.of(self._record).config

    def follow(self, row: Mapping[str, Any]) -> None:
        """Take note of a row that was logged."""
        metric, rule = self._configuration.metric, self._configuration.early
        value = None if metric is None or rule is None else metric.of_row(row)
        if value is None or rule is None:
            return
        self._values.append(value)
        if len(self._values) in rule.brackets:
            self._due = len(self._values)

    def check(self) -> None:
        """End the trial, if it is to end.

        Without the store, which may be out of reach for a while, a trial goes on.

        Raises:
            TrialStopped: It is.
        """
        bracket, self._due = self._due, None
        if bracket is None and self._ticket.ending is None:
            return
        try:
            if bracket is not None and self._is_beaten(bracket):
                self._ticket.ending = f"hyperband at iteration {bracket}"
            if self._ticket.ending is not None:
                note_stop(self._place, self._record.key, self._ticket.ending)
        except StorageError as error:
            if not is_lost(error):
                raise
            log.warning("run %s is not compared with others: %s", self._record.id, error)
        if self._ticket.ending is not None:
            log.info("run %s ends early: %s", self._record.id, self._ticket.ending)
            raise TrialStopped(self._ticket.ending)

    def _is_beaten(self, bracket: int) -> bool:
        """Enter what the trial has reached, and compare it with what others have entered."""
        metric, rule = self._configuration.metric, self._configuration.early
        assert metric is not None
        assert rule is not None
        reached = self._values[bracket - 1]
        catalog = self._place.store.catalog

        def enter(run: RunRecord) -> Mapping[str, Any]:
            trial = Trial.of(run)
            brackets = {**trial.brackets, str(bracket): reached}
            return {"trial": replace(trial, brackets=brackets).to_json()}

        catalog.edit_run(self._record.key, enter)
        others = [
            Trial.of(run).brackets.get(str(bracket))
            for run in catalog.trials(self._sweep)
            if run.deleted_at is None
        ]
        return rule.is_stopped(
            reached if rule.strict else metric.best(self._values),
            [value for value in others if value is not None],
            maximize=metric.maximize,
        )


def note_stop(place: Place, key: int, reason: str) -> None:
    """Record why a trial was ended early."""

    def stop(run: RunRecord) -> Mapping[str, Any]:
        return {"trial": replace(Trial.of(run), stopped=reason).to_json()}

    place.store.catalog.edit_run(key, stop)
