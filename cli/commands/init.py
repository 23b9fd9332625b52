"""`art init`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from artifacts.cli._app import App
from artifacts.cli._command import Art

if TYPE_CHECKING:
    from artifacts.store.store import Store


@click.command(
    "init",
    cls=Art,
    example="""
        art init
        art init --objects s3://bucket/prefix --catalog postgresql://host/database
    """,
    exits=(10, 12, 14, 15, 16),
)
@click.argument(
    "directory",
    required=False,
    metavar="[DIR]",
    type=click.Path(file_okay=False),
    help="Make the store in DIR/.artifacts.",
)
@click.option(
    "--objects",
    metavar="URL|DIR",
    help="Where the bytes go: s3://bucket/prefix, a URL of fsspec, or a folder.",
)
@click.option(
    "--catalog",
    metavar="URL",
    help="postgresql://host/database, so that many machines can write.",
)
@click.pass_obj
def command(app: App, directory: str | None, objects: str | None, catalog: str | None) -> None:
    """Make a store.

    It is the folder `.artifacts` in the working directory, or in DIR; with --store, or where the
    setting `store` is given, it is exactly that folder. In and below the directory in which
    `.artifacts` lies, it is found by itself.

    With --objects and --catalog its parts are elsewhere, and the folder says where, in
    `store.toml`. Both URLs are without credentials: these come from the environment, `~/.aws`,
    `~/.pgpass` or the role of the machine. Options of an S3 URL: `?endpoint_url=…&region=…`. What
    was interrupted or refused is finished by the same command. If there is a store already at
    both places, the folder leads to it.
    """
    from artifacts import _setting_list, settings
    from artifacts.store.store import Store

    before = app.settings["store"]
    chosen = before.origin not in {settings.NEAREST, settings.DEFAULT}
    if directory is not None and app.store is not None:
        raise click.UsageError("give either DIR or --store, not both")
    if directory is not None or not chosen:
        location = os.path.abspath(os.path.join(directory or ".", _setting_list.STORE_FOLDER))
    else:
        location = before.value
    known = _known_objects(location, objects, catalog)
    store = Store.create(
        location,
        objects=objects,
        catalog=catalog,
        cache_dir=app.settings.cache_dir,
        cache_limit=app.settings.cache_limit,
        outbox_dir=app.settings.outbox_dir,
    )
    named = store.catalog.objects_url()
    store.close()
    _report(app, store, objects, catalog, joined=known)
    if known and named != objects:
        app.output.note(
            f"Note: the catalog names other objects, {named}; these are found by store.toml alone."
        )
    out, made = app.output, store.location
    if chosen and before.value != made:
        out.note(f"Note: {before.origin} names another store: {before.value}")
    elif (
        before.origin == settings.NEAREST
        and before.value != made
        and Path.cwd().is_relative_to(Path(made).parent)
    ):
        out.note(f"Note: from here, {before.value} is not found any more.")


def _known_objects(location: str, objects: str | None, catalog: str | None) -> bool:
    """Return whether objects at a URL belong to a store already.

    Looks, and tries whether it may write, before anything is made: a store of which one half was
    refused would be in the way of the next attempt.

    Raises:
        AlreadyExistsError: They do, and the catalog would be a new one.
    """
    if objects is None or "://" not in objects or objects.startswith("file://"):
        return False
    from artifacts.store import doctor, opening
    from artifacts.store.errors import AlreadyExistsError
    from artifacts.store.objects import open_objects

    if "://" not in location and opening.is_store(Path(location)):
        return False  # which is what is told
    remote = open_objects(objects)
    if opening.read_identity(remote) is None:
        doctor.try_objects(remote)
        return False
    if catalog is None:
        raise AlreadyExistsError(
            f"there is a store already at {objects}",
            hint=f"use it with: export ART_STORE='{objects}', or choose another prefix",
        )
    return True


def _report(
    app: App, store: Store, objects: str | None, catalog: str | None, *, joined: bool
) -> None:
    out, made, identity = app.output, store.location, store.uuid
    if objects is not None and "://" not in objects:
        objects = os.path.abspath(os.path.expanduser(objects))

    def data() -> dict[str, Any]:
        found: dict[str, Any] = {"store": made, "uuid": identity}
        if objects is not None or catalog is not None:
            found |= {"objects": objects, "catalog": catalog, "joined": joined}
        return found

    def human() -> None:
        out.line(f"{made} leads to a store that was there" if joined else f"made a store in {made}")
        out.fields(
            [
                ("uuid", identity),
                ("objects", objects or ""),
                ("catalog", catalog or ""),
                ("next", "art push PATH NAME"),
            ]
        )
        if catalog is not None and (objects is not None or joined):
            out.line("On another machine:")
            out.line(f"  export ART_STORE='{catalog}'")
            out.line(f"or commit {os.path.join(made, 'store.toml')} to the project.")
        elif catalog is not None:
            out.line(f"The bytes are in {made}: other machines need that folder.")
        elif objects is not None:
            out.line("The catalog is a file of this machine, so that only this machine can use the")
            out.line("store, and its backup is up to you. For several machines: --catalog")

    out.result(data, human=human, quiet=lambda: [made])
