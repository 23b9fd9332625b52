"""`art run rm`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from artifacts.cli._app import App
from artifacts.cli._command import READING, Art
from artifacts.cli._params import removal_options, run_argument

if TYPE_CHECKING:
    from artifacts.stored_run import StoredRun


@click.command(
    "rm",
    cls=Art,
    example="""
        art run rm 8kd9s2la
        art run rm 8kd9s2la 1m4x0qpz --artifacts --dry-run
    """,
    exits=READING,
)
@run_argument("run_ids", nargs=-1, required=True, metavar="[PROJECT/]ID...")
@click.option("--artifacts", is_flag=True, help="Also the versions that they alone have logged.")
@click.option("--force", is_flag=True, help="Also running ones, and versions that are held.")
@removal_options
@click.pass_obj
def command(
    app: App, run_ids: tuple[str, ...], artifacts: bool, force: bool, dry_run: bool, yes: bool
) -> None:
    """Delete runs.

    They are not listed any more, and neither are their histories, summaries and files. Lineage
    still shows them, and their ids are not used again. The versions that they have logged stay,
    unless --artifacts is given. `art gc` frees the space; until then `art undelete` brings versions
    back, but not runs.
    """
    from artifacts.store.errors import StateError
    from artifacts.store.records import ACTIVE_STATES

    found = list({run.key: run for run in map(app.api.run, run_ids)}.values())
    running = [run.id for run in found if run.state in ACTIVE_STATES]
    if running and not force:
        raise StateError(
            f"run {running[0]} is running",
            hint="wait until it has finished, or delete it all the same with --force",
            kind="run_is_running",
        )
    out = app.output
    if dry_run:
        _report(app, found, "would_delete", with_artifacts=artifacts)
        return
    if not yes:
        out.note("to delete:")
        for line in _rows(found, with_artifacts=artifacts):
            out.note(f"  {line}")
        if not out.confirm(f"delete {_count(found)}?"):
            raise StateError("nothing was deleted", kind="not_confirmed")
    for run in found:
        run.delete(delete_artifacts=artifacts, force=force)
    _report(app, found, "deleted", with_artifacts=artifacts)


def _count(found: list[StoredRun]) -> str:
    from artifacts.cli._text import count

    return count(len(found), "run")


def _rows(found: list[StoredRun], *, with_artifacts: bool) -> list[str]:
    from artifacts.cli import _text

    rows = []
    for run in found:
        logged = len(run.logged_artifacts())
        fate = "deleted, unless others logged it too" if with_artifacts else "kept"
        what = f"{_text.count(logged, 'version')} logged: {fate}" if logged else ""
        rows.append([f"{run.project}/{run.id}", run.name, run.state, what])
    return _text.layout(rows)


def _report(app: App, found: list[StoredRun], key: str, *, with_artifacts: bool) -> None:
    from artifacts.cli import _describe, _text

    out = app.output
    verb = key.replace("_", " ")
    deleted = key == "deleted"

    def data() -> dict[str, Any]:
        return {key: [_describe.run(run._record) for run in found]}

    def human() -> None:
        if deleted:
            for line in _text.layout([[f"{run.project}/{run.id}", run.name] for run in found]):
                out.line(f"{verb} {line}")
            return
        for line in _rows(found, with_artifacts=with_artifacts):
            out.line(f"{verb} {line}")
        out.line(f"would delete {_count(found)}; nothing was changed")

    out.result(data, human=human, quiet=lambda: (f"{run.project}/{run.id}" for run in found))
