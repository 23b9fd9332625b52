"""How fast rows of ten floats are logged, side by side with other trackers, one process each."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from benchmarks.tables import table
from benchmarks.targets import Check
from benchmarks.tools.base import CHECKOUT, Site, first_line, own_python

_SCRIPT = CHECKOUT / "benchmarks" / "rows_child.py"
_TIMEOUT = 900.0
_LEAST_RATE = 50_000
_OF_FLOOR = 0.5
LABELS = {
    "floor": "floor: serialise and append a line",
    "artifacts": "Artifacts, `run.log`",
    "wandb": "W&B, offline",
    "mlflow": "MLflow, SQLite",
    "trackio": "Trackio",
    "tensorboard": "tensorboardX",
}
_DISTRIBUTIONS = {
    "floor": "orjson",
    "artifacts": "artifacts-cas",
    "wandb": "wandb",
    "mlflow": "mlflow-skinny",
    "trackio": "trackio",
    "tensorboard": "tensorboardX",
}
# Slow tools get fewer rows: a rate does not need minutes.
_SHARE = {"mlflow": 0.01, "tensorboard": 0.1, "wandb": 0.1}


@dataclass
class RowsResult:
    """One tool.

    Attributes:
        rows: How many a repetition logs.
        log: Seconds of all calls, of each repetition.
        finish: Seconds until everything is stored, of each repetition.
        size: Bytes on disk afterwards.
    """

    tool: str
    rows: int
    log: list[float] = field(default_factory=list)
    finish: list[float] = field(default_factory=list)
    size: int = 0

    @property
    def rate(self) -> float:
        """Rows a second, by the median."""
        return self.rows / median(self.log)


def measure_rows(root: Path, rows: int, repeat: int) -> Iterator[RowsResult]:
    """Measure every tool that is installed, in turn.

    Args:
        root: An empty folder on a disk.
    """
    pythons = {name: _python(name) for name in LABELS}
    results = {
        name: RowsResult(name, max(100, int(rows * _SHARE.get(name, 1.0))))
        for name, python in pythons.items()
        if python is not None
    }
    for repetition in range(repeat):
        for name, result in results.items():
            site = Site(root / f"{repetition}-{name}")
            site.create()
            python = pythons[name]
            assert python is not None
            said = _run(python, name, result.rows, site)
            result.log.append(said["log"])
            result.finish.append(said["finish"])
            result.size = sum(f.stat().st_size for f in site.store.rglob("*") if f.is_file())
    yield from results.values()


def _python(name: str) -> str | None:
    if name in {"floor", "artifacts"}:
        return sys.executable
    python = own_python(name)
    return None if python is None else str(python)


def rows_versions() -> dict[str, str]:
    """The version of every tool that is installed."""
    found = {}
    for name, distribution in _DISTRIBUTIONS.items():
        python = _python(name)
        code = f"from importlib.metadata import version; print(version({distribution!r}))"
        version = None if python is None else first_line(python, "-c", code)
        if version is not None:
            found[name] = version
    return found


def _run(python: str, name: str, rows: int, site: Site) -> dict[str, float]:
    done = subprocess.run(
        # -P: modules beside the script must not shadow a tool's.
        [python, "-P", str(_SCRIPT), name, str(rows), str(site.store)],
        cwd=site.scratch,
        env=site.environment(),
        capture_output=True,
        text=True,
        timeout=_TIMEOUT,
        check=False,
    )
    if done.returncode:
        raise OSError(f"{name} failed: {done.stderr[-1000:]}")
    said: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
    return said


def rows_section(results: list[RowsResult], versions: dict[str, str]) -> str:
    """The table of all tools, and whether the product reached what it has to."""
    base = {result.tool: result for result in results}.get("floor")
    lines = [
        [
            f"{LABELS[one.tool]}<br>{versions.get(one.tool, '')}".removesuffix("<br>"),
            f"{one.rows:,}",
            f"**{one.rate:,.0f}**",
            f"{1e6 / one.rate:,.1f}",
            "" if base is None else f"{one.rate / base.rate:.2f}×",
            f"{median(one.finish):.2f}",
            f"{one.size / one.rows:,.0f}",
        ]
        for one in results
    ]
    head = [
        *("", "rows", "rows per second", "µs for a row", "of the floor's rate"),
        *("seconds to finish", "bytes on disk for a row"),
    ]
    repeated = max((len(one.log) for one in results), default=0)
    checks = [
        [check.what, check.target, check.measured, "pass" if check.passed else "**FAIL**"]
        for check in rows_checks(results)
    ]
    return "\n\n".join(
        [
            f"Ten floats a row, one process, medians of {repeated}.",
            table(head, lines),
            table(["", "target", "measured", ""], checks),
        ]
    )


def rows_checks(results: list[RowsResult]) -> list[Check]:
    """What `run.log` has to reach."""
    by_tool = {result.tool: result for result in results}
    mine, base = by_tool.get("artifacts"), by_tool.get("floor")
    if mine is None or base is None:
        return []
    share = mine.rate / base.rate
    return [
        Check(
            "rows in one process",
            f"≥ {_LEAST_RATE:,} a second",
            f"{mine.rate:,.0f}",
            mine.rate >= _LEAST_RATE,
        ),
        Check(
            "rows in one process", f"≥ {_OF_FLOOR:.1f}× floor", f"{share:.2f}×", share >= _OF_FLOOR
        ),
    ]
