"""`art check`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from artifacts.cli._app import App
from artifacts.cli._command import Art

if TYPE_CHECKING:
    from artifacts.store.check import CheckReport

_DAMAGED = 13


@click.command(
    "check",
    cls=Art,
    example="""
        art check
        art check --read-data
    """,
    exits=(10, 13, 14, 15, 16, 130),
)
@click.option("--read-data", is_flag=True, help="Read every stored byte and verify every digest.")
@click.option(
    "--rebuild",
    is_flag=True,
    help="First enter what the catalog does not know, from the objects themselves.",
)
@click.pass_context
def command(ctx: click.Context, read_data: bool, rebuild: bool) -> None:
    """Check that the store is sound.

    Compares the catalog, the manifests of all versions and the stored objects; changes nothing.
    With --rebuild, objects that the catalog has lost are entered again; versions, aliases and
    runs come back only from a backup of the catalog.
    """
    from artifacts.store import check

    app = ctx.ensure_object(App)
    rebuilt: tuple[int, int] | None = None
    if rebuild:
        with app.output.progress("rebuilding") as progress:
            rebuilt = check.rebuild(app.settings.store, progress)
    store = app.opened
    with app.output.progress("checking") as progress:
        report = check.check(store, read_data=read_data, progress=progress)
    _print(app, report, rebuilt, read_data=read_data)
    if report.problems:
        ctx.exit(_DAMAGED)


def _print(
    app: App, report: CheckReport, rebuilt: tuple[int, int] | None, *, read_data: bool
) -> None:
    from artifacts.cli._text import count, size

    out, location = app.output, app.opened.location

    def data() -> dict[str, Any]:
        return {
            "store": location,
            "sound": not report.problems,
            "versions": report.versions,
            "objects": report.objects,
            "bytes": report.bytes,
            "bytes_read": report.bytes_read,
            "problems": [
                {"kind": found.kind, "where": found.where, "detail": found.detail}
                for found in report.problems
            ],
            "unknown_objects": report.unknown_objects,
            "pending_objects": report.pending_objects,
            "rebuilt": None if rebuilt is None else {"objects": rebuilt[0], "blobs": rebuilt[1]},
        }

    def human() -> None:
        if rebuilt is not None:
            blobs = count(rebuilt[1], "blob")
            out.line(f"entered {count(rebuilt[0], 'object')} with {blobs}")
        objects = count(report.objects, "object")
        out.line(
            f"{location}: {count(report.versions, 'version')}, {objects}, {size(report.bytes)}"
        )
        for keys, what in (
            (report.unknown_objects, "unknown to the catalog; harmless, --rebuild enters them"),
            (report.pending_objects, "of uploads that have not ended; harmless"),
        ):
            if keys:
                out.line(f"{count(len(keys), 'object')} {what}")
        for problem in report.problems:
            out.line(f"{problem.kind}  {problem.where}: {problem.detail}", fg="red")
        if report.problems:
            out.line(f"{count(len(report.problems), 'problem')} found", bold=True)
        elif read_data:
            out.line(f"sound; all {size(report.bytes_read)} were read and verified")
        else:
            out.line("sound, as far as can be seen without reading the data (--read-data)")

    out.result(data, human=human, quiet=lambda: (problem.where for problem in report.problems))
