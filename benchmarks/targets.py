"""What the product has to reach, checked against the same run's figures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from benchmarks.data import MIB, Kind
from benchmarks.stats import Figures
from benchmarks.tools.base import Step

MEMORY_LIMIT = 250 * MIB
# The budget of transfers, 256 MiB, beside some 90 for the interpreter and the client of S3.
S3_MEMORY_LIMIT = 350 * MIB
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
_S3_LOOP_TIMES = 10.0
_S3_RESTIC_TIMES = 1.0
_S3_OF_S5CMD = 0.8
_S3_SHARE_SENT = 0.02  # of the first version, for a second one with 1 % changed and 0.25 % added
_S3_STEPS: tuple[Step, ...] = ("first", "restore")
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


def s3_checks(figures: Mapping[Kind, Figures]) -> list[Check]:
    """Every target of the sets over S3 that were measured."""
    found: list[Check] = []
    if "s3-small" in figures:
        found += _s3_small(figures["s3-small"])
    if "s3-large" in figures:
        found += _s3_large(figures["s3-large"])
    for kind, measured in figures.items():
        found += _memory(kind, measured)
        found += _correct(kind, measured)
    return found


def _s3_small(figures: Figures) -> Iterator[Check]:
    pairs = (
        ("artifacts", "floor-s3fs", _S3_LOOP_TIMES),
        ("art", "floor-s3fs", _S3_LOOP_TIMES),
        ("artifacts", "restic", _S3_RESTIC_TIMES),
        ("art", "restic", _S3_RESTIC_TIMES),
    )
    for ours, other, times in pairs:
        for step in _S3_STEPS:
            what = f"S3, small files: {step}, {ours} against {other}"
            yield _faster(what, figures.ratio(other, ours, step), times)
    for ours in _PRODUCT:
        first, second = figures.traffic(ours, "first"), figures.traffic(ours, "second")
        yield _at_most(
            f"S3, small files: sent for the second version, {ours}",
            None if first is None or second is None else second.received / first.received,
            _S3_SHARE_SENT,
            " of the first",
            digits=4,
        )
        again = figures.traffic(ours, "restore again")
        requests = None if again is None else again.requests
        yield _at_most(f"S3, small files: pull again, {ours}", requests, 0, " requests")


def _s3_large(figures: Figures) -> Iterator[Check]:
    for ours in _PRODUCT:
        for step in _S3_STEPS:
            what = f"S3, one large file: {step}, {ours} against s5cmd"
            yield _faster(what, figures.ratio("s5cmd", ours, step), _S3_OF_S5CMD)


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
        limit = S3_MEMORY_LIMIT if kind.startswith("s3") else MEMORY_LIMIT
        target = f"< {limit // MIB} MiB each"
        yield Check(f"{kind}: peak memory, {tool}", target, measured, peak < limit)


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


def _faster(what: str, ratio: float | None, times: float) -> Check:
    measured = "not measured" if ratio is None else f"{ratio:.2f}× as fast"
    passed = None if ratio is None else ratio >= times
    return Check(what, f"≥ {times:g}× as fast", measured, passed)


def _at_most(what: str, value: float | None, limit: float, unit: str, *, digits: int = 2) -> Check:
    if value is None:
        return Check(what, f"≤ {limit:g}{unit}", "not measured", None)
    return Check(what, f"≤ {limit:g}{unit}", f"{value:.{digits}f}{unit}", value <= limit)
