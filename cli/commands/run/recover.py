"""`art run recover`."""

from __future__ import annotations

import click

from artifacts.cli._app import App
from artifacts.cli._command import READING, WRITING, Art
from artifacts.cli._params import run_argument


@click.command(
    "recover",
    cls=Art,
    example="""
        art run recover
        art run recover 8kd9s2la
    """,
    exits=(*READING[:2], *WRITING),
)
@run_argument(
    required=False, metavar="[[PROJECT/]ID]", help="Only this run, wherever it was running."
)
@click.pass_obj
def command(app: App, run_id: str | None) -> None:
    """Record in the store what killed processes have logged.

    Rows that were logged on this machine and never became a version are made one. A run that
    nobody goes on with is ended as crashed. What ran on another machine is recovered there; here,
    if its ID is given, as far as others could see it.
    """
    from artifacts.cli import _describe
    from artifacts.runs.completing import recover

    out = app.output
    run = None if run_id is None else app.api.run(run_id)._record
    found = recover(app.api._place, run)

    def human() -> None:
        if not found:
            out.note("nothing to recover")
        for each in found:
            out.line(f"{each.project}/{each.id} {each.state}")

    out.result(
        lambda: {"runs": [_describe.run(each) for each in found]},
        human=human,
        quiet=lambda: (f"{each.project}/{each.id}" for each in found),
    )
