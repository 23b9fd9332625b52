"""What the product has to reach, checked against the same run's figures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from benchmarks.data import MIB, Kind
from benchmarks.stats import Figures
from benchmarks.tools.base import Step

MEMORY_LIMIT = 250 * MIB
PULL_AGAIN_SECONDS = 0.4
_TO_FLOOR: tuple[tuple[Step, float], ...] = (
    ("first", 2.0),
    ("again", 2.0),
    ("second", 2.5),
    ("restore", 1.8),
    ("verify", 2.0),
)
_LARGE_TO_COPY = 1.3
_TIMES_FASTER: tuple[tuple[str, float], ...] = (("restic", 2.5), ("dvc", 4.0), ("wandb", 4.0))
_PRODUCT = ("artifacts", "art")
_WHOLE_STEPS: tuple[Step, ...] = ("first", "again", "second", "restore")


@dataclass(frozen=True)
class Check:
    """One target. `passed` is empty when a figure is missing."""

    what: str
    target: str
    measured: str
    passed: bool | None


def checks(figures: Mapping[Kind, Figures]) -> list[Check]:
    """Every target of the sets that were measured."""
    found: list[Check] = []
    if not any(one.has(tool) for one in figures.values() for tool in _PRODUCT):
        return found
    if "small" in figures:
        found += _small(figures["small"])
    if "large" in figures:
        found += _large(figures["large"])
    for kind, measured in figures.items():
        found += _memory(kind, measured)
        found += _correct(kind, measured)
    return found


def _small(figures: Figures) -> Iterator[Check]:
    for step, limit in _TO_FLOOR:
        yield _at_most(
            f"warm, small files: {step}",
            figures.ratio("artifacts", "floor", step),
            limit,
            "× floor",
        )
    seconds = figures.seconds("artifacts", "restore again")
    yield _at_most("warm, small files: restore again", seconds, PULL_AGAIN_SECONDS, " s")
    for tool, times in _TIMES_FASTER:
        for step in _WHOLE_STEPS:
            faster = figures.ratio(tool, "art", step)
            net = figures.ratio(tool, "art", step, without_start_up=True)
            note = "" if net is None else f" ({net:.1f} without start-up of either)"
            yield Check(
                f"whole processes, small files: {step}, `art` against {tool}",
                f"≥ {times:g}× faster",
                "not measured" if faster is None else f"{faster:.1f}×{note}",
                None if faster is None else faster >= times,
            )


def _large(figures: Figures) -> Iterator[Check]:
    for step, verb in (("first", "log"), ("restore", "pull")):
        ratio = figures.ratio("artifacts", "cp-fsync", step)
        yield _at_most(f"warm, one large file: {verb}", ratio, _LARGE_TO_COPY, "× `cp` and fsync")


def _memory(kind: Kind, figures: Figures) -> Iterator[Check]:
    for tool in _PRODUCT:
        peaks = figures.peaks(tool)
        if not peaks:
            yield Check(f"{kind}: peak memory, {tool}", "< 250 MiB each", "not measured", None)
            continue
        step, peak = max(peaks.items(), key=lambda item: item[1])
        measured = f"{peak / MIB:.0f} MiB at most ({step})"
        yield Check(f"{kind}: peak memory, {tool}", "< 250 MiB each", measured, peak < MEMORY_LIMIT)


def _correct(kind: Kind, figures: Figures) -> Iterator[Check]:
    for tool in _PRODUCT:
        if figures.has(tool):
            problems = figures.problems(tool)
            yield Check(
                f"{kind}: nothing failed, restored files equal the inputs, {tool}",
                "every repetition",
                "no, see problems" if problems else "yes",
                not problems,
            )


def _at_most(what: str, value: float | None, limit: float, unit: str) -> Check:
    if value is None:
        return Check(what, f"≤ {limit:g}{unit}", "not measured", None)
    return Check(what, f"≤ {limit:g}{unit}", f"{value:.2f}{unit}", value <= limit)
