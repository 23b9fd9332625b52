"""Graphs of runs and versions of a million edges, entered straight into a catalog."""

from __future__ import annotations

import functools
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from artifacts.store.catalog import Catalog, schema

LAYERS = 40
INPUTS = 18
ARTIFACTS = 500
TYPES = ("dataset", "dataset", "features", "model", "report")

_START = 1_700_000_000_000_000
_HISTORY = ARTIFACTS + 1
_BATCH = 50_000
_REACH = 8  # layers that a skip link goes back at most


@dataclass(frozen=True)
class Graph:
    """What was entered.

    Attributes:
        layers: Keys of the versions, layer by layer.
        edges: How many links there are.
    """

    layers: list[list[int]]
    versions: int
    runs: int
    edges: int


def enter(catalog: Catalog, edges: int, *, seed: int = 1) -> Graph:
    """Enter a graph of about so many edges into an empty catalog.

    Every run uses versions of the layer before, a tenth of them of layers farther back, and logs
    one version and its own history. One run of fifty logs the content of an older version again,
    which closes a circle; versions share a few hundred artifacts, so that an artifact is made of
    itself over and over.
    """
    writer = _Writer(catalog, random.Random(seed), edges)
    return writer.write()


class _Writer:
    def __init__(self, catalog: Catalog, rng: random.Random, edges: int) -> None:
        self._catalog = catalog
        self._rng = rng
        self._width = max(edges // (INPUTS + 2) // LAYERS, 2)
        self._numbers = [0] * (_HISTORY + 1)
        self._versions: list[tuple[Any, ...]] = []
        self._runs: list[tuple[Any, ...]] = []
        self._links: list[tuple[Any, ...]] = []
        self._layers: list[list[int]] = []

    def write(self) -> Graph:
        self._layers.append([self._version(place) for place in range(self._width)])
        for _ in range(LAYERS):
            self._layers.append([self._run(place) for place in range(self._width)])
        types = [*(TYPES[number % len(TYPES)] for number in range(ARTIFACTS)), "run-history"]
        artifacts = [
            (key, 1, f"artifact-{key}", type_, self._numbers[key], _START, _START)
            for key, type_ in enumerate(types, 1)
        ]
        self._insert(schema.projects, "id entity name created_at", [(1, "local", "big", _START)])
        self._insert(
            schema.artifacts,
            "id project_id name type next_number created_at updated_at",
            artifacts,
        )
        self._insert(
            schema.versions,
            "id artifact_id number digest size file_count metadata created_at updated_at logged_at",
            self._versions,
        )
        self._insert(
            schema.runs,
            "id project_id run_id name state job_type tags config summary created_at finished_at",
            self._runs,
        )
        self._insert(schema.links, "run_id version_id kind at internal", self._links)
        self._settle()
        return Graph(self._layers, len(self._versions), len(self._runs), len(self._links))

    def _settle(self) -> None:
        """Do what a database does by itself with tables that have grown over time.

        What was entered is written out before anything is timed.
        """
        engine = self._catalog._db.engine
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            postgres = engine.dialect.name == "postgresql"
            for statement in ("VACUUM ANALYZE", "CHECKPOINT") if postgres else ("ANALYZE",):
                connection.exec_driver_sql(statement)

    def _version(self, place: int) -> int:
        return self._next_version(place % ARTIFACTS + 1)

    def _next_version(self, artifact: int) -> int:
        key = len(self._versions) + 1
        number = self._numbers[artifact]
        self._numbers[artifact] += 1
        when = _START + key
        row = (key, artifact, number, key.to_bytes(32, "big"), 1000, 1, "{}", when, when, when)
        self._versions.append(row)
        return key

    def _run(self, place: int) -> int:
        key = len(self._runs) + 1
        when = _START + key
        config = '{"learning_rate": 0.1, "layers": 12}'
        self._runs.append(
            (key, 1, f"run-{key}", "bench", "finished", "train", "[]", config, "{}", when, when)
        )
        for version in sorted({self._source(place) for _ in range(INPUTS)}):
            self._links.append((key, version, "in", when, False))
        made = self._version(place)
        history = self._next_version(_HISTORY)
        self._links += [(key, made, "out", when, False), (key, history, "out", when, True)]
        if place % 50 == 0 and len(self._layers) > 2:
            self._links.append((key, self._layers[-2][place], "out", when, False))
        return made

    def _source(self, place: int) -> int:
        back = 1
        if self._rng.random() > 0.9:
            back = self._rng.randint(1, min(len(self._layers), _REACH))
        layer = self._layers[-back]
        near = round(self._rng.gauss(place, self._width / 50))
        return layer[min(max(near, 0), len(layer) - 1)]

    def _insert(self, table: Any, columns: str, rows: Sequence[tuple[Any, ...]]) -> None:
        database = self._catalog._db
        names = columns.split()
        for batch in _batches(rows):
            work = functools.partial(database.insert_many, table=table, columns=names, rows=batch)
            database.write(work)


def _batches(rows: Sequence[tuple[Any, ...]]) -> Iterator[Sequence[tuple[Any, ...]]]:
    for start in range(0, len(rows), _BATCH):
        yield rows[start : start + _BATCH]
