"""`art run diff`."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import click

from artifacts.cli._app import App
from artifacts.cli._command import READING, Art
from artifacts.cli._params import run_argument

if TYPE_CHECKING:
    from artifacts._run_diff import RunChange, RunDiff

_SIGNS = {"added": "+", "removed": "-", "changed": "M"}
_COLORS = {"added": "green", "removed": "red", "changed": "yellow"}
_PARTS = ("about", "config", "summary", "metadata", "inputs")


@click.command(
    "diff",
    cls=Art,
    example="""
        art run diff 8kd9s2la 1m4x0qpz
        art run diff 8kd9s2la 1m4x0qpz --exit-code
    """,
    exits=READING,
)
@run_argument("before", help="A run, as in art run ls.")
@run_argument("after", help="The run to compare with it.")
@click.option("--exit-code", is_flag=True, help="End with exit code 1 if there are differences.")
@click.pass_context
def command(ctx: click.Context, before: str, after: str, exit_code: bool) -> None:
    """Show in what two runs differ.

    These are what they say of themselves, their settings, their results, what ran where, and the
    versions they used. A line begins with + for what only the second run has, - for what only the
    first has, and M for what both have with different values.
    """
    app = ctx.ensure_object(App)
    out = app.output
    diff = app.api.diff_runs(before, after)

    def human() -> None:
        if not diff:
            out.line("no differences")
        for part, changes in _parts(diff):
            out.line(part, bold=True)
            for change in changes:
                out.line(f"  {_SIGNS[change.kind]} {_text(change)}", fg=_COLORS[change.kind])

    out.result(
        lambda: dataclasses.asdict(diff),
        human=human,
        quiet=lambda: (f"{part}.{change.key}" for part, found in _parts(diff) for change in found),
    )
    if exit_code and diff:
        ctx.exit(1)


def _parts(diff: RunDiff) -> list[tuple[str, list[RunChange]]]:
    found: list[tuple[str, list[RunChange]]] = [(part, getattr(diff, part)) for part in _PARTS]
    return [(part, changes) for part, changes in found if changes]


def _text(change: RunChange) -> str:
    from artifacts.cli import _describe

    if change.kind == "added":
        return f"{change.key}: {_describe.plain(change.after)}"
    if change.kind == "removed":
        return f"{change.key}: {_describe.plain(change.before)}"
    return f"{change.key}: {_describe.plain(change.before)} → {_describe.plain(change.after)}"
