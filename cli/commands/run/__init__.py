"""`art run`: each of its commands is a module here, which is imported when it runs."""

from __future__ import annotations

from importlib import import_module

import click

from artifacts.cli._command import LazyGroup

COMMANDS = {
    "ls": "List the runs of a project, newest first.",
    "show": "Show a run: its settings, its results, what it used and what it logged.",
    "history": "Print or write the rows that a run has logged.",
    "summary": "Print the results of a run.",
    "plot": "Draw metrics of runs.",
    "files": "List the files of a run, or download them.",
    "log": "Print what a run has written to the console.",
    "alerts": "List the alerts of a run.",
    "diff": "Show in what two runs differ.",
    "export": "Write runs as files: their settings, results and rows.",
    "rm": "Delete runs.",
    "recover": "Record in the store what killed processes have logged.",
}


def _load(name: str) -> click.Command:
    loaded: click.Command = import_module(f"{__name__}.{name}").command
    return loaded


@click.group(
    "run",
    cls=LazyGroup,
    lazy=COMMANDS,
    load=_load,
    example="""
        art run ls --where 'summary.loss < 0.1' --sort summary.loss
        art run show 8kd9s2la
        art run plot 8kd9s2la loss
    """,
)
def command() -> None:
    """Look at runs, and look after them."""
