"""`art cp`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from artifacts.cli._app import App
from artifacts.cli._command import READING, Art
from artifacts.cli._params import ref_argument

if TYPE_CHECKING:
    from artifacts.api import Api
    from artifacts.artifact import Artifact

_STORE: dict[str, Any] = {"metavar": "STORE", "type": click.Path()}


@click.command(
    "cp",
    cls=Art,
    example="""
        art cp demo/model:prod release/model
        art cp model:v3 model --to s3://bucket/store
    """,
    exits=(*READING[:2], 12, *READING[2:]),
)
@ref_argument("source", metavar="SRC")
@click.argument(
    "target",
    metavar="DST",
    help="[PROJECT/]NAME[:ALIAS] of the copy.",
)
@click.option("--to", "to_store", **_STORE, help="Store of DST; this one by default.")
@click.option("--from", "from_store", **_STORE, help="Store of SRC; this one by default.")
@click.pass_obj
def command(
    app: App, source: str, target: str, to_store: str | None, from_store: str | None
) -> None:
    """Copy a version to another artifact, project or store.

    The copy has the same digest, and says in its metadata where it came from. Within a store no
    byte is copied; to another one only what is not there yet. Content that DST has already makes
    no new version.
    """
    if to_store is not None and from_store is not None:
        raise click.UsageError("give either --to or --from: the other one is this store")
    _report(app, source, _api(app, from_store).copy(source, target, to=_api(app, to_store)))


def _api(app: App, store: str | None) -> Api:
    from artifacts.api import Api

    if store is None:
        return app.api
    return Api(store=store, project=app.project, entity=app.entity)


def _report(app: App, source: str, copied: Artifact) -> None:
    from artifacts.cli import _describe
    from artifacts.cli._text import size

    out, record, sent = app.output, copied.record, copied.new_bytes

    def human() -> None:
        what = f"{record.ref}: {_describe.amount(record)}"
        if copied.is_new:
            out.line(f"copied {source} to {what}, {size(sent) if sent else 'nothing'} new")
        else:
            out.line(f"same content as {what}; no new version was made")

    out.result(
        lambda: {"version": _describe.version(record), "new": copied.is_new, "bytes": sent},
        human=human,
        quiet=lambda: [record.ref],
    )
