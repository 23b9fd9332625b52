"""Fills a store with runs that have logged rows, or reads of all of them; a process of its own.

::

    python -P runs_child.py fill STORE RUNS ROWS KEYS RESULT
    python -P runs_child.py history STORE KEY RESULT
    python -P runs_child.py filter STORE KEY RESULT

``RESULT`` is a file in which it says what it took, as JSON.
"""

from __future__ import annotations

import json
import random
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

PROJECT = "many"


class _Rows:
    """The rows of one run: the same ones each time, and other ones than those of another run."""

    def __init__(self, seed: int, rows: int, keys: int) -> None:
        self.sessions: dict[str, int] = {}
        self._seed, self._rows = seed, rows
        self._keys = [f"key{number}" for number in range(keys)]

    def unsorted(self) -> Iterator[dict[str, Any]]:
        draw = random.Random(self._seed).random
        for step in range(self._rows):
            row: dict[str, Any] = {key: draw() for key in self._keys}
            yield {**row, "_timestamp": 1_700_000_000 + step, "_runtime": step, "_step": step}


def fill(store: str, runs: str, rows: str, keys: str) -> dict[str, float]:
    """Make runs whose histories are versions already; without journals, which `rows` measures."""
    from artifacts import _session
    from artifacts._history import DEFAULT_STREAM
    from artifacts.runs.completing import commit_streams

    place = _session.place(store=store, project=PROJECT)
    catalog = place.store.catalog
    for number in range(int(runs)):
        values = {
            "name": f"run-{number}",
            "config": {"lr": 10 ** -(number % 7), "layers": [64] * (number % 5)},
            "summary": {"key0": number / int(runs)},
        }
        run = catalog.create_run(place.entity, PROJECT, f"r{number}", values)
        history = _Rows(number, int(rows), int(keys))
        commit_streams(place, run, {DEFAULT_STREAM: history}, None)
        catalog.finish_run(run.key, "finished", 0)
    return {}


def history(store: str, key: str) -> dict[str, float]:
    """Read one key of all runs."""
    from artifacts import Api

    api = Api(store=store, project=PROJECT)
    started = time.perf_counter()
    table = api.history(keys=[key])
    return {"seconds": time.perf_counter() - started, "rows": table.num_rows}


def find(store: str, key: str) -> dict[str, float]:
    """Count the runs that pass a filter, and read the best hundred of them."""
    from artifacts import Api

    api = Api(store=store, project=PROJECT)
    started = time.perf_counter()
    found = api.runs(
        filters={"config.lr": {"$lt": 0.01}, f"summary.{key}": {"$exists": True}},
        order=f"-summary.{key}",
        per_page=100,
    )
    count, best = len(found), found[:100]
    return {"seconds": time.perf_counter() - started, "rows": count, "read": len(best)}


def main() -> None:
    """Run one command."""
    what, *arguments, result = sys.argv[1:]
    commands: dict[str, Callable[..., dict[str, float]]] = {
        "fill": fill,
        "history": history,
        "filter": find,
    }
    told = commands[what](*arguments)
    Path(result).write_text(json.dumps(told))


if __name__ == "__main__":
    main()
