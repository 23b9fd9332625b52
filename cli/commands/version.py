"""`art version`."""

from __future__ import annotations

import click

from artifacts._version import __version__
from artifacts.cli._app import App
from artifacts.cli._command import Art


@click.command("version", cls=Art, example="art version --json")
@click.pass_obj
def command(app: App) -> None:
    """Print the version of art and of what it runs on."""
    import platform
    import sqlite3

    from artifacts.store.format import FORMAT

    python, out = platform.python_version(), app.output

    def human() -> None:
        parts = f"Python {python}, SQLite {sqlite3.sqlite_version}, store format {FORMAT}"
        out.line(f"art {__version__} ({parts})")

    out.result(
        lambda: {
            "version": __version__,
            "python": python,
            "sqlite": sqlite3.sqlite_version,
            "format": FORMAT,
        },
        human=human,
        quiet=lambda: [__version__],
    )
