"""How long it takes to read one key of the histories of many runs, and to filter them."""

from __future__ import annotations

import sys
from pathlib import Path
from statistics import median

from benchmarks.measure import Command, Measured, measure
from benchmarks.tables import table
from benchmarks.tools.base import CHECKOUT, Site

_SCRIPT = CHECKOUT / "benchmarks" / "runs_child.py"
_KEY = "key0"


def measure_runs(root: Path, *, runs: int, rows: int, keys: int, repeat: int) -> str:
    """Fill a store with runs and read them; return a table of what it took.

    Args:
        root: An empty folder on a disk.
        runs: How many.
        rows: How many rows each has.
        keys: How many values a row has.
    """
    site = Site(root / "runs")
    site.create()
    filled = _child(site, "fill", str(runs), str(rows), str(keys))
    lines = [["fill the store", f"{filled.seconds:.1f}", _mib(filled), ""]]
    for what, title in (
        ("history", f"one key of all runs: `api.history(keys=['{_KEY}'])`"),
        ("filter", "count the runs that pass a filter, and read the best 100"),
    ):
        measured = [_child(site, what, _KEY) for _ in range(repeat)]
        seconds = median(each.seconds for each in measured)
        peak = max(measured, key=lambda each: each.peak_bytes)
        lines.append([title, f"{seconds:.2f}", _mib(peak), f"{measured[0].details['rows']:,.0f}"])
    head = [
        f"{runs:,} runs × {rows:,} rows × {keys} keys",
        *("seconds", "peak memory, MiB", "rows or runs found"),
    ]
    return table(head, lines)


def _child(site: Site, what: str, *arguments: str) -> Measured:
    result = site.scratch / f"{what}.json"
    # -P: modules beside the script must not shadow the product's.
    argv = [sys.executable, "-P", str(_SCRIPT), what, str(site.store), *arguments, str(result)]
    command = Command(argv, site.scratch, site.environment(), result)
    return measure([command], site.scratch / "log.txt")


def _mib(measured: Measured) -> str:
    return f"{measured.peak_bytes / 2**20:,.0f}"
