"""The language of Mermaid, which pages in Markdown can show."""

from __future__ import annotations

from typing import TYPE_CHECKING

from artifacts.store.lineage.formats.labels import node_ids, plain, run_label, version_label
from artifacts.store.lineage.graph import EdgeKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from artifacts.store.lineage.graph import LineageGraph

# Whatever means something to Mermaid, to Markdown inside it, or to HTML.
_INSIDE = frozenset(" ,.-/:_0123456789")
_AT_START: frozenset[str] = frozenset()


def lines(graph: LineageGraph) -> Iterator[str]:
    """Yield the lines of a flow chart: rectangles are versions, rounded ones are runs."""
    ids = node_ids(graph)
    yield "flowchart LR"
    for node, version in graph.versions.items():
        yield f"  {ids[node]}[{_quoted(version_label(version, recalled=node in graph.recalled))}]"
    for node, run in graph.runs.items():
        if node in ids:
            yield f"  {ids[node]}([{_quoted(run_label(run))}])"
    for edge in graph.edges:
        arrow = "-->"
        if edge.kind is EdgeKind.DERIVED:
            by = graph.runs.get(edge.run or "")
            label = f"|{_quoted([plain(f'run {by.id}')])}|" if by is not None else ""
            arrow = f"-.->{label}"
        yield f"  {ids[edge.source]} {arrow} {ids[edge.target]}"
    if graph.root in graph.versions:
        yield "  classDef root stroke-width:3px"
        yield f"  class {ids[graph.root]} root"
    deleted = [ids[n] for n, version in graph.versions.items() if version.deleted_at is not None]
    if deleted:
        yield "  classDef deleted stroke-dasharray:4"
        yield f"  class {','.join(deleted)} deleted"
    if graph.truncated:
        yield '  more["… and more"]'


def _quoted(parts: Iterable[str]) -> str:
    return '"' + "<br/>".join(map(_escaped, parts)) + '"'


def _escaped(text: str) -> str:
    """Return text with entities for all that means something, at the start of a line also lists."""
    first, rest = text[:1], text[1:]
    return _character(first, _AT_START) + "".join(_character(each, _INSIDE) for each in rest)


def _character(character: str, harmless: frozenset[str]) -> str:
    if character.isalpha() or character in harmless:
        return character
    return "".join(f"#{ord(each)};" for each in character)
