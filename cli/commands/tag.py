"""`art tag`."""

from __future__ import annotations

import click

from artifacts.cli import _complete
from artifacts.cli._app import App
from artifacts.cli._command import READING, Art
from artifacts.cli._labels import change, label_arguments


@click.command(
    "tag",
    cls=Art,
    example="""
        art tag corpus:v3 reviewed "first half"
        art tag -d corpus:v3 reviewed
    """,
    exits=READING,
)
@label_arguments(
    "tags",
    metavar="TAG...",
    shell_complete=_complete.tags,
    help="Words of letters, digits, dashes and underscores.",
)
@click.pass_obj
def command(app: App, ref: str, tags: tuple[str, ...], delete: bool) -> None:
    """Label a version, or take labels away.

    Unlike an alias, many versions can have the same tag.
    """
    change(app, ref, "tags", tags, delete=delete)
