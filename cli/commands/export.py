"""`art export`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from artifacts.cli._app import App
from artifacts.cli._command import READING, Art
from artifacts.cli._params import ref_argument

if TYPE_CHECKING:
    from artifacts.store.catalog.export import Selection
    from artifacts.store.exporting import Exported


@click.command(
    "export",
    cls=Art,
    example="""
        art export -o store.tar
        art export model:prod --with-inputs -o model.tar
        art export --no-data -o catalog.tar
    """,
    exits=(*READING[:2], 12, *READING[2:]),
)
@ref_argument(
    "refs",
    nargs=-1,
    metavar="[REF]...",
    help="[PROJECT/]NAME[:ALIAS], :vN or @DIGEST; everything without.",
)
@click.option(
    "-o",
    "--output",
    "target",
    required=True,
    metavar="FILE|DIR",
    type=click.Path(path_type=Path),
    help="Where to: one file if it ends with .tar, else a folder.",
)
@click.option("--all-versions", is_flag=True, help="All versions; REF is a name alone then.")
@click.option("--with-inputs", is_flag=True, help="Also what the versions were made of.")
@click.option("--no-data", is_flag=True, help="The catalog alone, without files.")
@click.pass_obj
def command(
    app: App,
    refs: tuple[str, ...],
    target: Path,
    all_versions: bool,
    with_inputs: bool,
    no_data: bool,
) -> None:
    """Write a store, or a part of it, as one file or a folder.

    Without REF everything comes along: versions, aliases, tags, runs and lineage, of the whole
    store or of --project. With REF these versions and the runs that logged them. Every file is
    verified on its way, and the export appears under its name when it is complete. `art import`
    reads it; one without data brings back a lost catalog, with `art check --rebuild --catalog`.
    """
    from artifacts.store import exporting

    if with_inputs and not refs and app.project is None:
        raise click.UsageError("--with-inputs goes with REF or --project")
    if all_versions and not refs:
        raise click.UsageError("--all-versions goes with REF")
    selection = _select(app, refs, all_versions=all_versions, with_inputs=with_inputs)
    with app.output.progress("exporting") as progress:
        done = exporting.export(
            app.opened, target, selection=selection, data=not no_data, progress=progress
        )
    _report(app, done, data=not no_data)


def _select(
    app: App, refs: tuple[str, ...], *, all_versions: bool, with_inputs: bool
) -> Selection | None:
    from artifacts.store import exporting

    if not refs and app.project is None:
        return None
    if not refs:
        place = app.settings.entity, app.settings.project
        return exporting.select(app.opened, projects=[place], with_inputs=with_inputs)
    chosen: set[int] = set()
    for ref in refs:
        found = app.api.artifacts(None, ref) if all_versions else [app.artifact(ref)]
        chosen.update(artifact.record.id for artifact in found)
    return exporting.select(app.opened, chosen, with_inputs=with_inputs)


def _report(app: App, done: Exported, *, data: bool) -> None:
    from artifacts.cli._text import count, size

    out = app.output

    def described() -> dict[str, Any]:
        return {
            "path": str(done.path),
            "versions": done.versions,
            "deleted": done.deleted,
            "broken": list(done.broken),
            "blobs": done.blobs,
            "bytes": done.bytes,
            "data": data,
        }

    def human() -> None:
        what = count(done.versions, "version")
        if data:
            out.line(f"exported {what} to {done.path}: {size(done.bytes)}")
        else:
            out.line(f"exported {what} to {done.path}, without data")
        for ref in done.broken:
            out.note(f"{ref} is broken, and went without its data")

    out.result(described, human=human, quiet=lambda: [str(done.path)])
