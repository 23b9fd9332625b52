"""A `LineageGraph` as a tree that fits into a terminal."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from artifacts.cli import _describe, _text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from artifacts.store.lineage import Edge, LineageGraph

MOST = 12
"""So many children of one node are shown."""


class TreeLine(NamedTuple):
    """A line of a tree.

    Attributes:
        strong: Whether it is what was asked for: the root, or a version that was selected.
    """

    text: str
    strong: bool = False


class _Step(NamedTuple):
    """A node that is still to be written, at the place where it goes."""

    node: str
    branch: str
    indent: str
    depth: int
    edge: Edge | None = None


def tree(graph: LineageGraph, *, most: int | None = MOST) -> Iterator[TreeLine]:
    """Yield the lines of a tree that begins with the root.

    What was shown before is not unfolded again, and says whether it is above or, in a circle,
    where it came from.

    Args:
        graph: What to show.
        most: Show so many children of a node and count the others; None for all.
    """
    following: dict[str, list[Edge]] = {}
    for edge in graph.edges:
        here = edge.target if graph.direction == "up" else edge.source
        following.setdefault(here, []).append(edge)
    shown: set[str] = set()
    path: list[str] = []
    on_path: set[str] = set()
    # A stack, not recursion: a chain may be longer than Python's stack.
    stack = [_Step(graph.root, "", "", 0)]
    while stack:
        step = stack.pop()
        if step.node == _MORE:
            yield TreeLine(step.branch)
            continue
        while len(path) > step.depth:
            on_path.discard(path.pop())
        edges = following.get(step.node, [])
        mark = ""
        if step.node in on_path:
            mark = " (a circle)"
        elif step.node in shown and edges:
            mark = " (see above)"
        strong = step.depth == 0 or (graph.matches is not None and step.node in graph.matches)
        yield TreeLine(f"{step.branch}{_title(graph, step)}{mark}", strong)
        if step.node in shown:
            continue
        shown.add(step.node)
        path.append(step.node)
        on_path.add(step.node)
        stack += reversed(list(_children(graph, step, edges, most)))


_MORE = ""


def _children(
    graph: LineageGraph, step: _Step, edges: list[Edge], most: int | None
) -> Iterator[_Step]:
    up = graph.direction == "up"
    left_out = edges[most:] if most is not None and len(edges) > most + 1 else []
    shown = edges[: len(edges) - len(left_out)]
    for number, edge in enumerate(shown, 1):
        last = number == len(edges)
        yield _Step(
            edge.source if up else edge.target,
            f"{step.indent}{'└─ ' if last else '├─ '}",
            step.indent + ("   " if last else "│  "),
            step.depth + 1,
            edge,
        )
    if left_out:
        ends = [edge.source if up else edge.target for edge in left_out]
        text = f"{step.indent}└─ … {len(ends):,} more: {_counts(graph, ends)}"
        yield _Step(_MORE, text, "", step.depth + 1)


def _counts(graph: LineageGraph, nodes: list[str]) -> str:
    """Return ``30 dataset, 2 model`` or ``5 runs``."""
    types = Counter(graph.versions[node].type for node in nodes if node in graph.versions)
    parts = [f"{number:,} {type_}" for type_, number in types.most_common()]
    others = len(nodes) - types.total()
    return ", ".join(parts + ([_text.count(others, "run")] if others else []))


def _title(graph: LineageGraph, step: _Step) -> str:
    run = graph.runs.get(step.node)
    if run is not None:
        state = "" if run.state == "finished" else f", {run.state}"
        deleted = ", deleted" if run.deleted_at is not None else ""
        return f"{_describe.run_title(run)}, {_text.ago(run.created_at)}{state}{deleted}"
    version = graph.versions[step.node]
    here = graph.versions[graph.root].project == version.project
    name = f"{version.name}:{version.version}" if here else version.ref
    aliases = f" [{', '.join(version.aliases)}]" if version.aliases else ""
    deleted = ", deleted" if version.deleted_at is not None else ""
    through = graph.runs.get(step.edge.run or "") if step.edge is not None else None
    by = f", by run {through.id}" if through is not None else ""
    state = ", recalled" if step.node in graph.recalled else ""
    when = _text.ago(version.created_at)
    return f"{name}{aliases} ({version.type}), {when}{state}{deleted}{by}"
