"""`art alias`."""

from __future__ import annotations

import click

from artifacts.cli import _complete
from artifacts.cli._app import App
from artifacts.cli._command import READING, Art
from artifacts.cli._labels import change, label_arguments


@click.command(
    "alias",
    cls=Art,
    example="""
        art alias corpus:v3 prod --protect
        art alias -d corpus:v2 candidate
    """,
    exits=(*READING[:2], 12, *READING[2:]),
)
@click.option(
    "--protect", is_flag=True, help="Let nobody move, remove or delete them without --force."
)
@click.option("--unprotect", is_flag=True, help="Let everybody again.")
@click.option("--force", is_flag=True, help="Move or take away protected aliases too.")
@label_arguments(
    "aliases",
    metavar="ALIAS...",
    shell_complete=_complete.aliases,
    help="Names such as `prod`; `latest` moves by itself too, vN is reserved.",
)
@click.pass_obj
def command(
    app: App,
    ref: str,
    aliases: tuple[str, ...],
    delete: bool,
    protect: bool,
    unprotect: bool,
    force: bool,
) -> None:
    """Point aliases at a version, or take them away.

    An alias belongs to one version of an artifact: pointing it at another one moves it. One that
    is protected stays where it is unless --force is given; so does the version it names.
    """
    if delete + protect + unprotect > 1:
        raise click.UsageError("--delete, --protect and --unprotect exclude one another")
    change(
        app,
        ref,
        "aliases",
        aliases,
        delete=delete,
        protect=protect if protect or unprotect else None,
        force=force,
    )
