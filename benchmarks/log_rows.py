"""How many rows a run logs in a second, against serialising and appending a line each.

    python -m benchmarks.log_rows [ROWS]

Ten floats a row. The floor makes no history of the rows, no summary, and nobody sees them.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from collections.abc import Callable

ROW = {f"k{number}": number * 0.37 for number in range(10)}


def floor(folder: Path) -> Callable[[dict[str, Any]], None]:
    file = os.open(folder / "floor.jsonl", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def log(row: dict[str, Any]) -> None:
        os.write(file, orjson.dumps(row) + b"\n")

    return log


def product(folder: Path) -> tuple[Callable[[dict[str, Any]], None], Callable[[], None]]:
    os.environ["ART_RUN_DIR"] = str(folder / "runs")
    import artifacts

    run = artifacts.init(project="bench", store=folder / "store")
    return run.log, run.finish


def per_second(log: Callable[[dict[str, Any]], None], rows: int) -> float:
    start = time.perf_counter()
    for _ in range(rows):
        log(ROW)
    return rows / (time.perf_counter() - start)


def main(rows: int) -> None:
    folder = Path(tempfile.mkdtemp(dir=Path.cwd()))
    try:
        base = per_second(floor(folder), rows)
        log, finish = product(folder)
        mine = per_second(log, rows)
        start = time.perf_counter()
        finish()
        took = time.perf_counter() - start
        print(f"floor    {base:10,.0f} rows/s")
        print(f"run.log  {mine:10,.0f} rows/s, {mine / base:.0%} of the floor")
        print(f"finish   {took:10.1f} s for {rows:,} rows")
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
