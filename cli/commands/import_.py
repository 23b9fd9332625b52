"""`art import`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from artifacts.cli._app import App
from artifacts.cli._command import WRITING, Art

if TYPE_CHECKING:
    from artifacts.store.importing import Imported


@click.command(
    "import",
    cls=Art,
    example="""
        art import store.tar
        art import model.tar --project demo
    """,
    exits=(10, *WRITING),
)
@click.argument(
    "path",
    metavar="FILE|DIR",
    type=click.Path(path_type=Path),
    help="What `art export` has written.",
)
@click.option(
    "--move-aliases",
    is_flag=True,
    help="Move aliases that other versions have, unless they are protected.",
)
@click.pass_obj
def command(app: App, path: Path, move_aliases: bool) -> None:
    """Bring what an export holds into the store.

    Only what the store does not have is written, and all of it appears at once or nothing does.
    Versions keep their numbers where nobody has them; others get the next ones, which is said.
    Content that an artifact has already is the version that is there. Aliases that another
    version has stay with it unless --move-aliases is given. With --project, what comes from one
    project goes into that one.
    """
    from artifacts.settings import user_name
    from artifacts.store.importing import import_bundle
    from artifacts.store.refs import check_project

    project = None if app.project is None else check_project(app.project)
    with app.output.progress("importing") as progress:
        done = import_bundle(
            app.opened,
            path,
            project=project,
            move_aliases=move_aliases,
            by=user_name(),
            progress=progress,
        )
    _report(app, done)


def _report(app: App, done: Imported) -> None:
    from artifacts.cli import _imported
    from artifacts.cli._text import count, size

    out, changes = app.output, done.changes

    def human() -> None:
        new = size(done.new_bytes) if done.new_bytes else "nothing new was stored"
        out.line(
            f"imported {count(len(changes.versions), 'version')}, "
            f"{changes.existing:,} {'was' if changes.existing == 1 else 'were'} there already; "
            f"{count(changes.runs, 'run')}; {new}"
        )
        _imported.show(out, changes)

    out.result(
        lambda: {
            **_imported.as_json(changes),
            "blobs": done.blobs,
            "bytes": done.new_bytes,
        },
        human=human,
        quiet=lambda: changes.versions,
    )
