"""What a sweep tries next, from what its runs say was tried.

Configurations have numbers. One whose run was lost, because its process or machine was killed or
somebody interrupted it, is tried again before a new one begins, a few times at most: what kills the
process each time is not tried for ever.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from artifacts.store.records import ACTIVE_STATES, Trial

if TYPE_CHECKING:
    from artifacts.store.records import RunRecord
    from artifacts.sweeps.configuration import Configuration

MOST_ATTEMPTS = 3

INTERRUPTED = 255
"""Exit code of a run that somebody has interrupted."""

_LOST_STATES = frozenset({"crashed", "preempted"})


@dataclass(frozen=True, slots=True)
class Plan:
    """What to try next.

    Attributes:
        number: Which configuration; None for none.
        config: The values of its parameters; None where they depend on what was found so far.
        waits: Whether runs are being tried that may have to be tried again.
    """

    number: int | None = None
    config: dict[str, Any] | None = None
    waits: bool = False


def is_open(run: RunRecord) -> bool:
    """Whether a trial is being tried."""
    return run.deleted_at is None and run.state in ACTIVE_STATES


def is_lost(run: RunRecord) -> bool:
    """Whether a trial ended without having been tried."""
    gone = run.deleted_at is not None
    return gone or run.state in _LOST_STATES or run.exit_code == INTERRUPTED


def plan(configuration: Configuration, runs: Sequence[RunRecord]) -> Plan:
    """Return what to try next.

    Args:
        runs: All trials of the sweep, also those of deleted runs.
    """
    waits = any(map(is_open, runs))
    if _is_good_enough(configuration, runs):
        return Plan(waits=waits)
    by_number: dict[int, list[RunRecord]] = {}
    for run in runs:
        number = Trial.of(run).number
        if number is not None:
            by_number.setdefault(number, []).append(run)
    for number, tried in sorted(by_number.items()):
        if len(tried) < MOST_ATTEMPTS and all(map(is_lost, tried)):
            return Plan(number, Trial.of(tried[-1]).config)
    if configuration.run_cap is not None and len(by_number) >= configuration.run_cap:
        return Plan(waits=waits)
    number = max(by_number, default=-1) + 1
    if configuration.method == "bayes":
        return Plan(number)
    if configuration.method == "random":
        seed = configuration.seed
        rng = random.Random(None if seed is None else f"{seed}/{number}")  # noqa: S311 - no secret
        return Plan(number, configuration.space.draw(rng))
    known = [Trial.of(run).config for run in runs if Trial.of(run).number is None]
    for candidate in range(number, configuration.space.size or 0):
        config = configuration.space.point(candidate)
        if config not in known:
            return Plan(candidate, config)
    return Plan(waits=waits)


def _is_good_enough(configuration: Configuration, runs: Sequence[RunRecord]) -> bool:
    metric = configuration.metric
    if metric is None or metric.target is None:
        return False
    found = (metric.of_summary(run.summary) for run in runs if run.deleted_at is None)
    return any(value is not None and metric.is_reached_by(value) for value in found)
