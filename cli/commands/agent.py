"""`art agent`."""

from __future__ import annotations

import click

from artifacts.cli._app import App
from artifacts.cli._command import READING, Art
from artifacts.cli._params import sweep_argument


@click.command(
    "agent",
    cls=Art,
    example="""
        art agent 4fz0q81d
        art agent demo/4fz0q81d --count 10
    """,
    exits=READING,
)
@sweep_argument
@click.option("--count", type=click.IntRange(min=1), metavar="N", help="Try at most so many.")
@click.pass_obj
def command(app: App, sweep_id: str, count: int | None) -> None:
    """Try the configurations of a sweep.

    One is tried after the other, until nothing is left to try, by the program or the command that
    the sweep says, in the working directory; what it prints goes where art prints. Any number of
    agents may work on a sweep at once. Interrupted with Ctrl-C, an agent ends the program, and its
    configuration is tried again by another one.
    """
    from artifacts.cli import _text
    from artifacts.sweeps.calls import run_agent

    out = app.output
    tried = run_agent(sweep_id, count=count, place=app.api._place)
    out.result(
        lambda: {"sweep": sweep_id, "tried": tried},
        human=lambda: out.line(f"tried {_text.count(tried, 'configuration')}"),
        quiet=lambda: [str(tried)],
    )
