"""How long questions about lineage take in large graphs, on SQLite and on PostgreSQL."""

from __future__ import annotations

import math
import random
import resource
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from artifacts.store.catalog import Catalog
from artifacts.store.lineage import lineage
from artifacts.store.lineage.impact import impact
from artifacts.store.lineage.paths import why
from artifacts.store.lineage.walk import walk
from artifacts.store.records import VersionRecord
from artifacts.store.store import Store
from benchmarks.facts import CoreTime
from benchmarks.lineage_data import Graph, enter
from benchmarks.lineage_table import LineageResult
from benchmarks.servers import has_postgresql, postgresql

_SHARE = 0.95


def measure(
    folder: Path, edges: int, samples: int, *, say: Callable[[str], None]
) -> Iterator[LineageResult]:
    """Yield what each question took.

    Args:
        folder: Where the catalogs go.
        edges: Size of the graph.
        samples: Of how many versions each question is asked.
        say: Is told how far it is.
    """
    for name, opened in (("SQLite", _sqlite), ("PostgreSQL", _postgresql)):
        if name == "PostgreSQL" and not has_postgresql():
            say(f"{name}: not installed, skipped")
            continue
        with opened(folder) as catalog:
            started = time.perf_counter()
            graph = enter(catalog, edges)
            say(f"{name}: {graph.edges:,} edges in {time.perf_counter() - started:.0f} s")
            for result in _questions(name, catalog, graph, samples):
                say(
                    f"  {result.question:<28} median {result.median:6.3f} s"
                    f"  p95 {result.p95:6.3f} s  slowest {result.slowest:6.3f} s"
                )
                yield result
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    say(f"peak memory of the process, generating included: {peak:.0f} MiB")


def _questions(name: str, catalog: Catalog, graph: Graph, samples: int) -> Iterator[LineageResult]:
    # The engine needs no more of a store than this.
    store = cast("Store", SimpleNamespace(catalog=catalog, uuid="benchmark"))
    rng = random.Random(7)
    keys = [key for layer in graph.layers for key in layer]
    starts = [catalog.version(key) for key in rng.sample(keys, min(samples, len(keys)))]
    ends = [catalog.version(rng.choice(graph.layers[-1])) for _ in starts]

    def closure(direction: Any) -> Callable[[VersionRecord, VersionRecord], int]:
        def ask(version: VersionRecord, _: VersionRecord) -> int:
            return len(catalog.read_graph(lambda g: walk(g, [version.id], direction)).versions)

        return ask

    questions: dict[str, Callable[[VersionRecord, VersionRecord], int]] = {
        "upstream, all keys": closure("up"),
        "downstream, all keys": closure("down"),
        "upstream, 1,000 shown": lambda v, _: len(lineage(store, v, limit=1000).versions),
        "downstream, 1,000 shown": lambda v, _: len(
            lineage(store, v, direction="down", limit=1000).versions
        ),
        "impact": lambda v, _: impact(store, v, limit=100).version_count,
        "why": lambda v, end: len(why(store, end, v).paths),
    }
    for question, ask in questions.items():
        yield _timed(name, graph, question, ask, list(zip(starts, ends, strict=True)))


def _timed(
    name: str,
    graph: Graph,
    question: str,
    ask: Callable[[VersionRecord, VersionRecord], int],
    arguments: Sequence[tuple[VersionRecord, VersionRecord]],
) -> LineageResult:
    seconds, largest = [], 0
    before = CoreTime.now()
    for first, second in arguments:
        started = time.perf_counter()
        largest = max(largest, ask(first, second))
        seconds.append(time.perf_counter() - started)
    seconds.sort()
    place = math.ceil(len(seconds) * _SHARE) - 1
    return LineageResult(
        catalog=name,
        edges=graph.edges,
        versions=graph.versions,
        runs=graph.runs,
        samples=len(arguments),
        question=question,
        median=seconds[len(seconds) // 2],
        p95=seconds[place],
        slowest=seconds[-1],
        largest=largest,
        stolen=CoreTime.now().stolen_since(before),
    )


@contextmanager
def _sqlite(folder: Path) -> Iterator[Catalog]:
    catalog = Catalog.sqlite(folder / "catalog.sqlite")
    try:
        yield catalog
    finally:
        catalog.close()


@contextmanager
def _postgresql(folder: Path) -> Iterator[Catalog]:
    with postgresql(folder) as url:
        catalog = Catalog.open_url(url)
        try:
            yield catalog
        finally:
            catalog.close()
