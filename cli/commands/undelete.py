"""`art undelete`."""

from __future__ import annotations

import click

from artifacts.cli._app import App
from artifacts.cli._command import READING, Art


@click.command(
    "undelete",
    cls=Art,
    example="art undelete corpus:v1",
    exits=(*READING[:2], 12, *READING[2:]),
)
@click.argument("refs", nargs=-1, required=True, metavar="REF...", help="[PROJECT/]NAME:vN.")
@click.pass_obj
def command(app: App, refs: tuple[str, ...]) -> None:
    """Bring deleted versions back.

    It works as long as their bytes were not collected. Aliases are not given back, because they
    may have gone to other versions.
    """
    from artifacts.cli import _describe

    out = app.output
    restored = [app.api.undelete(ref).record for ref in refs]

    def human() -> None:
        for record in restored:
            out.line(f"brought back {record.ref}  {_describe.amount(record)}")

    out.result(
        lambda: {"restored": [_describe.version(record) for record in restored]},
        human=human,
        quiet=lambda: (record.ref for record in restored),
    )
