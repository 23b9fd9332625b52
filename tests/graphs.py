"""Graphs of runs and versions, entered straight into a catalog."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, NamedTuple

from artifacts.store.catalog import schema
from artifacts.store.records import INTERNAL_TYPES, LinkKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from artifacts.store.catalog import Catalog

NOW = 1_700_000_000_000_000


class Entered(NamedTuple):
    """Keys of what was entered, in the order in which it was given."""

    versions: list[int]
    runs: list[int]


class GraphWriter:
    """Enters graphs one beside the other; none is connected with another.

    Args:
        catalog: An empty one.
    """

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self._keys = itertools.count(1)

    def enter(
        self,
        types: Sequence[str],
        runs: Iterable[tuple[Iterable[int], Iterable[int]]],
        derivations: Iterable[tuple[int, int]] = (),
    ) -> Entered:
        """Enter a graph.

        Args:
            types: Of each version; all of them are of different artifacts.
            runs: The numbers of the versions that each run has used, and logged.
            derivations: Numbers of an input and of the output that was made of it.
        """
        db = self.catalog._db
        project = next(self._keys)
        versions = [next(self._keys) for _ in types]
        steps = [(next(self._keys), list(used), list(made)) for used, made in runs]
        links = [
            (run, versions[number], kind.value, NOW, types[number] in INTERNAL_TYPES)
            for run, used, made in steps
            for kind, numbers in ((LinkKind.INPUT, used), (LinkKind.OUTPUT, made))
            for number in sorted(set(numbers))
        ]
        exact = [(versions[o], versions[i], "declared", NOW) for i, o in sorted(set(derivations))]

        def work(connection):
            def insert(table, columns, rows):
                db.insert_many(connection, table, columns.split(), list(rows))

            insert(
                schema.projects,
                "id entity name created_at",
                [(project, "local", f"p{project}", NOW)],
            )
            insert(
                schema.artifacts,
                "id project_id name type next_number created_at updated_at",
                (
                    (key, project, f"a{key}", type_, 1, NOW, NOW)
                    for key, type_ in zip(versions, types, strict=True)
                ),
            )
            insert(
                schema.versions,
                "id artifact_id number digest size file_count metadata created_at updated_at"
                " logged_at",
                (
                    (key, key, 0, key.to_bytes(32, "big"), 1, 1, "{}", NOW, NOW, NOW)
                    for key in versions
                ),
            )
            insert(
                schema.runs,
                "id project_id run_id name state tags config summary created_at",
                (
                    (run, project, f"r{run}", "n", "finished", "[]", "{}", "{}", NOW)
                    for run, _, _ in steps
                ),
            )
            insert(schema.links, "run_id version_id kind at internal", links)
            insert(schema.derivations, "output_id input_id kind at", exact)

        db.write(work)
        return Entered(versions, [run for run, _, _ in steps])
