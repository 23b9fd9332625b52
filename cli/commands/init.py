"""`art init`."""

from __future__ import annotations

import os

import click

from artifacts.cli._app import App
from artifacts.cli._command import Art


@click.command("init", cls=Art, example="art init", exits=(12, 14, 15, 16))
@click.argument(
    "directory",
    required=False,
    metavar="[DIR]",
    type=click.Path(file_okay=False),
    help="Make the store in DIR/.artifacts.",
)
@click.pass_obj
def command(app: App, directory: str | None) -> None:
    """Make a store.

    It is the folder `.artifacts` in the working directory, or in DIR; with --store, or where the
    setting `store` is given, it is exactly that folder. In and below the directory in which
    `.artifacts` lies, it is found by itself.
    """
    from artifacts import settings
    from artifacts.store.store import Store

    before = app.settings["store"]
    chosen = before.origin not in {settings.NEAREST, settings.DEFAULT}
    if directory is not None and app.store is not None:
        raise click.UsageError("give either DIR or --store, not both")
    if directory is not None or not chosen:
        location = os.path.abspath(os.path.join(directory or ".", settings.STORE_FOLDER))
    else:
        location = before.value
    store = Store.create(location, cache_dir=app.settings.cache_dir)
    made, identity = store.location, store.uuid
    store.close()
    out = app.output

    def human() -> None:
        out.line(f"made a store in {made}")
        out.fields([("uuid", identity), ("next", "art push PATH NAME")])
        if chosen and before.value != made:
            out.note(f"Note: {before.origin} names another store: {before.value}")
        elif before.origin == settings.NEAREST and before.value != made:
            out.note(f"Note: from here, {before.value} is not found any more.")

    out.result(lambda: {"store": made, "uuid": identity}, human=human, quiet=lambda: [made])
