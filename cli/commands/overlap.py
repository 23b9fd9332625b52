"""`art overlap`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from artifacts.cli._app import App
from artifacts.cli._command import READING, Art
from artifacts.cli._params import ref_argument

if TYPE_CHECKING:
    from artifacts.store.lineage.overlap import Overlap, Side


@click.command(
    "overlap",
    cls=Art,
    example="""
        art overlap train:v3 test:v3
        art overlap train:v3 test:v3 --exit-code
    """,
    exits=READING,
)
@ref_argument("first", help="A version, as NAME[:ALIAS].")
@ref_argument("second", help="Another one.")
@click.option(
    "--examples",
    type=click.IntRange(min=0),
    metavar="N",
    default=10,
    show_default=True,
    help="Name so many of the shared files, the largest.",
)
@click.option("--exit-code", is_flag=True, help="End with exit code 1 if they share anything.")
@click.pass_context
def command(ctx: click.Context, first: str, second: str, examples: int, exit_code: bool) -> None:
    """Show which files two versions share by content.

    Their names do not matter: a test set that has leaked into a training set is found. Empty files
    do not count.
    """
    app = ctx.ensure_object(App)
    one, other = app.artifact(first), app.artifact(second)
    found = one.overlap(other, examples=examples)
    names = (one.record.ref, other.record.ref)
    app.output.result(
        lambda: _data(names, found),
        human=lambda: _show(app, names, found),
        quiet=lambda: (path for each in found.examples for path in each.paths),
    )
    if exit_code and found:
        ctx.exit(1)


def _show(app: App, names: tuple[str, str], found: Overlap) -> None:
    from artifacts.cli import _text

    out = app.output
    if not found:
        out.line(f"{names[0]} and {names[1]} share nothing")
        return
    out.line(f"{_text.count(found.contents, 'content')} in both", bold=True)
    for name, side in zip(names, (found.first, found.second), strict=True):
        out.line(
            f"  {name}: {side.shared_files:,} of {_text.count(side.files, 'file')}"
            f" ({_percent(side)}), {_text.size(side.shared_bytes)} of {_text.size(side.bytes)}"
        )
    if found.examples:
        rows = [
            [_text.size(each.size), _some(each.paths), _some(each.other_paths)]
            for each in found.examples
        ]
        out.table(["SIZE", *names], rows, right="SIZE")
    if found.contents > len(found.examples):
        out.line(f"… {found.contents - len(found.examples):,} more")


def _percent(side: Side) -> str:
    share = 100 * side.shared_files / side.files
    return f"{share:.1f} %" if share >= 0.1 else "<0.1 %"  # noqa: PLR2004 - one decimal


def _some(paths: list[str]) -> str:
    return paths[0] if len(paths) == 1 else f"{paths[0]} and {len(paths) - 1:,} more"


def _data(names: tuple[str, str], found: Overlap) -> dict[str, Any]:
    from artifacts.store.digests import format_digest

    sides = zip(names, (found.first, found.second), strict=True)
    return {
        "contents": found.contents,
        "versions": [{"ref": name, **side._asdict()} for name, side in sides],
        "examples": [
            {
                "digest": format_digest(each.digest),
                "size": each.size,
                "paths": each.paths,
                "other_paths": each.other_paths,
            }
            for each in found.examples
        ],
    }
