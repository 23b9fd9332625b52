"""The language of Graphviz."""

from __future__ import annotations

from typing import TYPE_CHECKING

from artifacts.store.lineage.formats.labels import node_ids, plain, run_label, version_label
from artifacts.store.lineage.graph import EdgeKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from artifacts.store.lineage.graph import LineageGraph


def lines(graph: LineageGraph) -> Iterator[str]:
    """Yield the lines of a directed graph: boxes are versions, ellipses are runs."""
    ids = node_ids(graph)
    yield "digraph lineage {"
    yield "  rankdir=LR;"
    yield '  node [fontname="sans-serif"];'
    for node, version in graph.versions.items():
        style = ["filled"] if node == graph.root else []
        style += ["dashed"] if version.deleted_at is not None else []
        extra = f' style="{",".join(style)}"' if style else ""
        label = _quoted(version_label(version, recalled=node in graph.recalled))
        yield f"  {ids[node]} [shape=box label={label}{extra}];"
    for node, run in graph.runs.items():
        if node in ids:
            yield f"  {ids[node]} [shape=ellipse label={_quoted(run_label(run))}];"
    for edge in graph.edges:
        extra = ""
        if edge.kind is EdgeKind.DERIVED:
            by = graph.runs.get(edge.run or "")
            label = f" label={_quoted([plain(f'run {by.id}')])}" if by is not None else ""
            extra = f" [style=dashed{label}]"
        yield f"  {ids[edge.source]} -> {ids[edge.target]}{extra};"
    if graph.truncated:
        yield '  more [shape=plaintext label="… and more"];'
    yield "}"


def _quoted(parts: Iterable[str]) -> str:
    escaped = (part.replace("\\", "\\\\").replace('"', '\\"') for part in parts)
    return '"' + "\\n".join(escaped) + '"'
