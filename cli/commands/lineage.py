"""`art lineage`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import click

from artifacts.cli._app import App
from artifacts.cli._command import READING, Art
from artifacts.cli._output import Mode
from artifacts.cli._params import ref_argument

if TYPE_CHECKING:
    from collections.abc import Iterator

    from artifacts.store.lineage import LineageGraph


_TREE_DEPTH = 6
"""How many runs away a tree goes unless told otherwise: what fits into a terminal."""


@click.command(
    "lineage",
    cls=Art,
    example="""
        art lineage model:prod
        art lineage raw:v0 --down --depth 1
    """,
    exits=READING,
)
@ref_argument()
@click.option(
    "--up", "direction", flag_value="up", default="up", help="What it was made of (default)."
)
@click.option("--down", "direction", flag_value="down", help="What was made of it.")
@click.option(
    "--depth",
    type=click.IntRange(min=1),
    metavar="N",
    help=f"Go no further than N runs; by default {_TREE_DEPTH} in a tree, and all the way in JSON.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["tree", "json"]),
    default="tree",
    show_default=True,
    help="JSON is what --json prints: versions, runs and edges.",
)
@click.pass_obj
def command(
    app: App,
    ref: str,
    direction: Literal["up", "down"],
    depth: int | None,
    form: str,
) -> None:
    """Show what a version was made of, or what was made of it.

    Versions and runs follow each other: upwards a version, the run that logged it, the versions
    which that run used, and so on.
    """
    app.json = app.json or form == Mode.JSON.value
    out = app.output
    if depth is None and out.mode is Mode.HUMAN:
        depth = _TREE_DEPTH
    graph = app.api.lineage(ref, direction=direction, depth=depth)

    def human() -> None:
        lines = tree(graph)
        out.line(next(lines), bold=True)
        for line in lines:
            out.line(line)
        if not graph.runs:
            out.line("no run has logged it" if direction == "up" else "no run has used it")
        if graph.truncated:
            out.line(f"… and more, cut off by --depth {depth}")

    out.result(
        lambda: _data(graph),
        human=human,
        quiet=lambda: (version.ref for version in graph.versions.values()),
    )


def tree(graph: LineageGraph) -> Iterator[str]:
    """Yield the lines of a tree; a node that was shown before is not unfolded again."""
    following: dict[str, list[str]] = {}
    for edge in graph.edges:
        here, there = edge.source, edge.target
        if graph.direction == "up":
            here, there = there, here
        following.setdefault(here, []).append(there)
    shown = set()
    # A stack, not recursion: a chain may be longer than Python's stack.
    stack = [(graph.root, "", "")]
    while stack:
        node, branch, indent = stack.pop()
        children = following.get(node, [])
        again = node in shown and bool(children)
        yield f"{branch}{_title(graph, node)}{' (see above)' if again else ''}"
        if node in shown:
            continue
        shown.add(node)
        last = len(children) - 1
        stack += [
            (
                child,
                f"{indent}{'└─ ' if i == last else '├─ '}",
                indent + ("   " if i == last else "│  "),
            )
            for i, child in reversed(list(enumerate(children)))
        ]


def _title(graph: LineageGraph, node: str) -> str:
    from artifacts.cli import _describe, _text

    run = graph.runs.get(node)
    if run is not None:
        state = "" if run.state == "finished" else f", {run.state}"
        return f"{_describe.run_title(run)}, {_text.ago(run.created_at)}{state}"
    version = graph.versions[node]
    here = graph.versions[graph.root].project == version.project
    name = f"{version.name}:{version.version}" if here else version.ref
    aliases = f" [{', '.join(version.aliases)}]" if version.aliases else ""
    deleted = ", deleted" if version.deleted_at is not None else ""
    return f"{name}{aliases} ({version.type}), {_text.ago(version.created_at)}{deleted}"


def _data(graph: LineageGraph) -> dict[str, Any]:
    from artifacts.cli import _describe

    return {
        "root": graph.root,
        "direction": graph.direction,
        "truncated": graph.truncated,
        "versions": [
            {"node": node, "depth": graph.depths[node], **_describe.version(version)}
            for node, version in graph.versions.items()
        ],
        "runs": [{"node": node, **_describe.run(run)} for node, run in graph.runs.items()],
        "edges": [
            {"source": edge.source, "target": edge.target, "kind": edge.kind.name.lower()}
            for edge in graph.edges
        ],
    }
