"""Events of OpenLineage, one a line: what `openlineage.exporting` writes, of this graph only."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from artifacts.store.lineage.graph import EdgeKind
from artifacts.store.lineage.openlineage.datasets import DatasetWriter, Origin
from artifacts.store.lineage.openlineage.events import EventWriter
from artifacts.store.records import DerivationKind, LinkKind, LinkRecord

if TYPE_CHECKING:
    from collections.abc import Iterator

    from artifacts.store.lineage.graph import LineageGraph

_KINDS = {EdgeKind.INPUT: LinkKind.INPUT, EdgeKind.OUTPUT: LinkKind.OUTPUT}


def lines(graph: LineageGraph) -> Iterator[str]:
    """Yield an event for each version, and those of each run.

    A graph does not say when a run has used or logged something: it counts as done when the run
    began. Edges whose other end is on another page of the answer are left out.
    """
    writer = EventWriter(graph.store, DatasetWriter(graph.store, origins=_origins(graph)))
    links: dict[str, list[LinkRecord]] = {node: [] for node in graph.runs}
    for edge in graph.edges:
        kind = _KINDS.get(edge.kind)
        if kind is None:
            continue
        ends = (edge.source, edge.target)
        version, run = ends if kind is LinkKind.INPUT else ends[::-1]
        if version in graph.versions and run in graph.runs:
            record = graph.runs[run]
            links[run].append(
                LinkRecord(record, graph.versions[version], kind, record.created_at, None)
            )
    for version_record in graph.versions.values():
        yield json.dumps(writer.dataset(version_record))
    for node, record in graph.runs.items():
        yield json.dumps(writer.start(record))
        yield json.dumps(writer.outcome(record, links[node]))


def _origins(graph: LineageGraph) -> dict[int, list[Origin]]:
    found: dict[int, list[Origin]] = {}
    for edge in graph.edges:
        if edge.kind is not EdgeKind.DERIVED:
            continue
        source, output = graph.versions.get(edge.source), graph.versions.get(edge.target)
        if source is not None and output is not None:
            run = graph.runs.get(edge.run or "")
            origin = Origin(source, DerivationKind.DECLARED, run, output.created_at)
            found.setdefault(output.id, []).append(origin)
    return found
