"""`art why`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from artifacts.cli._app import App
from artifacts.cli._command import READING, Art
from artifacts.cli._params import exact_option, ref_argument

if TYPE_CHECKING:
    from artifacts.store.lineage.paths import LineagePaths
    from artifacts.store.records import RunRecord, VersionRecord


@click.command("why", cls=Art, example="art why model:v3 data:v1", exits=READING)
@ref_argument()
@ref_argument("other", help="The other version; it does not matter which was made of which.")
@exact_option
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    metavar="N",
    default=10,
    show_default=True,
    help="At most so many ways.",
)
@click.option("--exit-code", is_flag=True, help="End with exit code 1 if nothing connects them.")
@click.pass_context
def command(
    ctx: click.Context, ref: str, other: str, exact: bool, limit: int, exit_code: bool
) -> None:
    """Show the shortest ways on which data flowed between two versions."""
    app = ctx.ensure_object(App)
    found, out = app.api.why(ref, other, exact=exact, limit=limit), app.output
    out.result(
        lambda: _data(found),
        human=lambda: _show(app, found),
        quiet=lambda: (" ".join(map(_name, path)) for path in found.paths),
    )
    if exit_code and not found:
        ctx.exit(1)


def _show(app: App, found: LineagePaths) -> None:
    from artifacts.cli import _describe, _text
    from artifacts.store.records import VersionRecord

    out = app.output
    if not found:
        out.line(f"nothing connects {found.target.ref} with {found.source.ref}")
        return
    for number, path in enumerate(found.paths):
        if number:
            out.line()
        for place, node in enumerate(path):
            arrow = "" if not place else "→ "
            if isinstance(node, VersionRecord):
                deleted = ", deleted" if node.deleted_at is not None else ""
                when = _text.ago(node.created_at)
                text = f"{arrow}{node.ref} ({node.type}), {when}{deleted}"
            else:
                text = f"{arrow}{_describe.run_title(node)}, {_text.ago(node.created_at)}"
            out.line(text, **({"bold": True} if place in {0, len(path) - 1} else {}))
    if found.truncated:
        out.line(f"… and more of the same length, cut off by --limit {len(found.paths)}")


def _name(node: VersionRecord | RunRecord) -> str:
    from artifacts.store.records import VersionRecord

    return node.ref if isinstance(node, VersionRecord) else f"run:{node.id}"


def _data(found: LineagePaths) -> dict[str, Any]:
    from artifacts.cli import _describe
    from artifacts.store.records import VersionRecord

    def node(record: VersionRecord | RunRecord) -> dict[str, Any]:
        if isinstance(record, VersionRecord):
            return {"version": _describe.version(record)}
        return {"run": _describe.run(record)}

    return {
        "source": _describe.version(found.source),
        "target": _describe.version(found.target),
        "distance": found.distance,
        "paths": [[node(record) for record in path] for path in found.paths],
        "truncated": found.truncated,
    }
