"""`art lineage`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from artifacts.cli import _complete, _text
from artifacts.cli._app import App
from artifacts.cli._command import READING, WRITING, CommandGroup
from artifacts.cli._output import Mode
from artifacts.cli._params import exact_option, ref_argument

if TYPE_CHECKING:
    from artifacts.store.lineage import LineageGraph


_TREE_DEPTH = 6
"""How many runs away a tree goes unless told otherwise: what fits into a terminal."""

_TREE_LIMIT = 1_000

_FORMATS = ("tree", "json", "dot", "mermaid", "openlineage", "prov")


@click.group(
    "lineage",
    cls=CommandGroup,
    example="""
        art lineage model:prod
        art lineage raw:v0 --down --depth 1
        art lineage raw:v0 --down --type model
        art lineage model:prod --format dot | dot -Tsvg > lineage.svg
        art lineage export model:prod -o lineage.jsonl
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
    help=f"Go no further than N runs; by default {_TREE_DEPTH} in a tree, else all the way.",
)
@click.option(
    "-t",
    "--type",
    "types",
    multiple=True,
    metavar="TYPE",
    shell_complete=_complete.types,
    help="Only versions of this type, and what leads to them; repeatable.",
)
@click.option(
    "--in",
    "places",
    multiple=True,
    metavar="PROJECT",
    help="Only versions in this project, and what leads to them; repeatable.",
)
@exact_option
@click.option(
    "--format",
    "form",
    type=click.Choice(_FORMATS),
    default="tree",
    show_default=True,
    help="JSON is what --json prints: versions, runs and edges.",
)
@click.option(
    "--all",
    "unfold",
    is_flag=True,
    help="Show every node of a tree, also if there are many, or far away.",
)
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    metavar="N",
    help=f"At most N versions; by default {_TREE_LIMIT:,} in a tree, else 10,000.",
)
@click.option("--cursor", metavar="CURSOR", help="Go on where an answer was cut off by its limit.")
@click.pass_obj
def command(
    app: App,
    ref: str,
    direction: Literal["up", "down"],
    depth: int | None,
    types: tuple[str, ...],
    places: tuple[str, ...],
    exact: bool,
    form: str,
    unfold: bool,
    limit: int | None,
    cursor: str | None,
) -> None:
    """Show what a version was made of, or what was made of it.

    Versions and runs follow each other: upwards a version, the run that logged it, the versions
    which that run used, and so on. --exact shows versions of which is known of what they were made
    below each other. An artifact that is named like one of the commands is reached as
    PROJECT/NAME.
    """
    app.json = app.json or form == Mode.JSON.value
    out = app.output
    as_tree = form == "tree" and out.mode is Mode.HUMAN
    if as_tree and cursor is not None:
        raise click.UsageError("a tree begins with its root; --cursor goes with another --format")
    if as_tree and not unfold:
        depth, limit = depth or _TREE_DEPTH, limit or _TREE_LIMIT
    graph = app.api.lineage(
        ref,
        direction=direction,
        depth=depth,
        type=types or None,
        project=places or None,
        exact=exact,
        limit=limit,
        cursor=cursor,
    )
    out.result(
        lambda: _document(graph),
        human=lambda: _show(app, graph, form, depth=depth, limit=limit, unfold=unfold),
        quiet=lambda: (version.ref for version in graph.selected()),
    )


def _document(graph: LineageGraph) -> dict[str, Any]:
    from artifacts.store.lineage.formats.document import document

    return document(graph)


def _show(
    app: App,
    graph: LineageGraph,
    form: str,
    *,
    depth: int | None,
    limit: int | None,
    unfold: bool,
) -> None:
    out = app.output
    if form != "tree":
        from artifacts.store.lineage.formats import write

        for text in write(graph, form):
            out.line(text)
        return
    from artifacts.cli._tree import MOST, tree

    for line in tree(graph, most=None if unfold else MOST):
        out.line(line.text, **({"bold": True} if line.strong else {}))
    if graph.matches is not None and not graph.matches:
        out.line("nothing of that kind leads to it" if graph.direction == "up" else
                 "nothing of that kind was made of it")  # fmt: skip
    elif not graph.edges:
        out.line("no run has logged it" if graph.direction == "up" else "no run has used it")
    if graph.cursor is not None:
        out.line(f"… and more, cut off by --limit {limit}")
    elif graph.truncated:
        out.line(f"… and more, cut off by --depth {depth}")


@command.command(
    "export",
    example="""
        art lineage export model:prod -o lineage.jsonl
        art lineage export --all -o lineage.jsonl
    """,
    exits=READING,
)
@ref_argument(required=False)
@click.option("--all", "whole", is_flag=True, help="Everything that the store knows.")
@click.option(
    "-o",
    "--output",
    "path",
    required=True,
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File to write, one event a line.",
)
@click.pass_obj
def export(app: App, ref: str | None, whole: bool, path: Path) -> None:
    """Write lineage as events of OpenLineage, without data.

    That is everything with which a version is connected, in both directions, or --all of the store.
    Deleted versions and runs are part of it; settings and results of runs are not.
    """
    if whole == (ref is not None):
        raise click.UsageError("name a version, or say --all")
    count = app.api.export_lineage(path, ref)
    out = app.output
    out.result(
        lambda: {"path": str(path), "events": count},
        human=lambda: out.line(f"wrote {_text.count(count, 'event')} to {path}"),
        quiet=lambda: [str(path)],
    )


@command.command(
    "import",
    example="art lineage import lineage.jsonl",
    exits=(11, *WRITING),
)
@click.argument(
    "path",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Events of OpenLineage, one a line.",
)
@click.pass_obj
def import_(app: App, path: Path) -> None:
    """Bring the versions, runs and edges of OpenLineage events into the store.

    No data come along: the versions count as broken until somebody logs or imports the same
    content under the same name. What is there already stays as it is, so that the same events can
    be imported again. Datasets and runs of other programs go to the project, --project or the
    default one.
    """
    from artifacts.cli import _imported

    done = app.api.import_lineage(path)
    out, changes = app.output, done.changes

    def human() -> None:
        out.line(
            f"read {_text.count(done.events, 'event')}: "
            f"{_text.count(len(changes.versions), 'new version')}, "
            f"{_text.count(changes.runs, 'new run')}, {_text.count(changes.links, 'new edge')}"
        )
        _imported.show(out, changes)

    out.result(
        lambda: {"events": done.events, **_imported.as_json(changes)},
        human=human,
        quiet=lambda: changes.versions,
    )
