"""Which runs have worked with a version, or with something that was made of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from artifacts.store.lineage.walk import walk
from artifacts.store.records import LinkKind

if TYPE_CHECKING:
    from artifacts.store.catalog.graph import GraphReader
    from artifacts.store.records import RunRecord, VersionRecord
    from artifacts.store.store import Store


def users(
    store: Store, version: VersionRecord, *, transitive: bool = False, type_: str | None = None
) -> list[RunRecord]:
    """Return the runs that have used a version, oldest first.

    Args:
        store: Where the version is.
        version: The version.
        transitive: Also those that have used something that was made of it, and so on.
        type_: Only runs that have logged a version of this type.
    """

    def work(graph: GraphReader) -> list[RunRecord]:
        if transitive:
            found = set(walk(graph, [version.id], "down").runs)
        else:
            found = graph.runs_of([version.id], LinkKind.INPUT)
        if type_ is not None:
            pairs = graph.links_at_runs(found, LinkKind.OUTPUT)
            wanted = graph.matching({made for _, made in pairs}, types=[type_])
            found = {run for run, made in pairs if made in wanted}
        return [run for _, run in sorted(graph.runs(found).items())]

    return store.catalog.read_graph(work)
