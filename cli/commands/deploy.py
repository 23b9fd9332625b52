"""`art deploy`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from artifacts.cli import _complete
from artifacts.cli._app import App
from artifacts.cli._command import READING, Art
from artifacts.cli._params import ref_argument

if TYPE_CHECKING:
    from artifacts._consumers import Consumer


@click.command(
    "deploy",
    cls=Art,
    example="""
        art deploy model:v3 --as api-prod
        art deploy --end api-prod
        art deploy
    """,
    exits=READING,
)
@ref_argument(required=False)
@click.option(
    "--as",
    "name",
    metavar="NAME",
    shell_complete=_complete.consumers,
    help="What works with the version from now on.",
)
@click.option(
    "--kind",
    metavar="WORD",
    help="What kind of thing that is; `deployment` by default.",
)
@click.option(
    "--end",
    "ended",
    metavar="NAME",
    shell_complete=_complete.consumers,
    help="Say that this has stopped.",
)
@click.option("--history", is_flag=True, help="List also what has stopped.")
@click.pass_obj
def command(
    app: App, ref: str | None, name: str | None, kind: str | None, ended: str | None, history: bool
) -> None:
    """Record what works with a version, or list that.

    Nothing is sent anywhere: this is for those who ask later what a version has reached. What
    had the name before ends. A version that something works with is deleted by force only.
    """
    given = [ref is not None or name is not None or kind is not None, ended is not None, history]
    if sum(given) > 1:
        raise click.UsageError("give a version with --as, or --end, or --history")
    if ended is not None:
        _report(app, app.api.end_deployment(ended))
    elif not given[0]:
        _list(app, app.api.consumers(ended=history), history=history)
    elif ref is None or name is None:
        raise click.UsageError("for instance: art deploy model:v3 --as api-prod")
    else:
        _deploy(app, ref, name, kind)


def _deploy(app: App, ref: str, name: str, kind: str | None) -> None:
    from artifacts._consumers import DEPLOYMENT
    from artifacts.cli import _describe

    _describe.warn_if_recalled(app.output, app.artifact(ref))
    _report(app, app.api.deploy(ref, name, kind or DEPLOYMENT))


def _report(app: App, found: Consumer) -> None:
    from artifacts.cli import _describe

    out = app.output

    def human() -> None:
        said = "works" if found.until is None else "no longer works"
        out.line(f"{found.kind} {found.name} {said} with {_describe.in_entity(found.version)}")

    out.result(
        lambda: {"consumer": _describe.consumer(found)}, human=human, quiet=lambda: [found.name]
    )


def _list(app: App, found: list[Consumer], *, history: bool) -> None:
    from artifacts.cli import _describe, _text

    out = app.output

    def data() -> dict[str, Any]:
        return {"consumers": [_describe.consumer(each) for each in found]}

    def human() -> None:
        if not found:
            out.note("nothing is deployed")
            return
        headers = ["NAME", "KIND", "VERSION", "SINCE", "BY"]
        rows = [
            [
                *(each.name, each.kind, _describe.in_entity(each.version)),
                _text.age(_describe.microseconds(each.since)),
                each.by or "",
            ]
            for each in found
        ]
        if history:
            headers.insert(4, "UNTIL")
            for row, each in zip(rows, found, strict=True):
                until = each.until
                row.insert(4, "" if until is None else _text.age(_describe.microseconds(until)))
        out.table(headers, rows)

    out.result(data, human=human, quiet=lambda: (each.name for each in found))
