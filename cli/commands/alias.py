"""`art alias`."""

from __future__ import annotations

import click

from artifacts.cli import _complete
from artifacts.cli._app import App
from artifacts.cli._command import READING, Art
from artifacts.cli._params import ref_argument


@click.command(
    "alias",
    cls=Art,
    example="""
        art alias corpus:v3 prod
        art alias -d corpus:v2 candidate
    """,
    exits=(*READING[:2], 12, *READING[2:]),
)
@ref_argument()
@click.argument(
    "aliases",
    nargs=-1,
    required=True,
    metavar="ALIAS...",
    shell_complete=_complete.aliases,
    help="Names such as `prod`; `latest` moves by itself too, vN is reserved.",
)
@click.option("-d", "--delete", is_flag=True, is_eager=True, help="Take the aliases away.")
@click.pass_obj
def command(app: App, ref: str, aliases: tuple[str, ...], delete: bool) -> None:
    """Point aliases at a version, or take them away.

    An alias belongs to one version of an artifact: pointing it at another one moves it.
    """
    from artifacts.cli import _describe
    from artifacts.store.errors import NotFoundError

    artifact, out = app.artifact(ref), app.output
    if delete:
        missing = [alias for alias in aliases if alias not in artifact.aliases]
        if missing:
            raise NotFoundError(
                f"{artifact.record.ref} does not have the alias {missing[0]!r}",
                hint=f"it has: {', '.join(artifact.aliases) or 'none'}",
                kind="alias_not_found",
            )
        artifact.aliases = [alias for alias in artifact.aliases if alias not in aliases]
    else:
        artifact.aliases = [*artifact.aliases, *aliases]
    record = artifact.save().record

    def human() -> None:
        out.line(f"{record.ref}: {', '.join(record.aliases) or 'no aliases'}")

    out.result(lambda: {"version": _describe.version(record)}, human=human)
