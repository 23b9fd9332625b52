"""`art recall`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from artifacts.cli._app import App
from artifacts.cli._command import READING, Art
from artifacts.cli._params import ref_argument

if TYPE_CHECKING:
    from artifacts._recalls import Recall


@click.command(
    "recall",
    cls=Art,
    example="""
        art recall data:v7 --reason "labels of March are swapped"
        art recall --undo data:v7
        art recall
    """,
    exits=(*READING[:2], 12, *READING[2:]),
)
@ref_argument(required=False)
@click.option("--reason", metavar="TEXT", help="What is wrong with it; those who use it read it.")
@click.option("--undo", is_flag=True, help="Take the recall back.")
@click.option("--history", is_flag=True, help="List also recalls that were taken back.")
@click.option("--all-projects", is_flag=True, help="List the recalls of all projects.")
@click.pass_obj
def command(
    app: App, ref: str | None, reason: str | None, undo: bool, history: bool, all_projects: bool
) -> None:
    """Say that a version is bad, or list what was recalled.

    Nothing is deleted. Whoever uses or pulls the version from then on is warned, and lineage
    shows what was made of it.
    """
    if ref is None:
        if undo or reason is not None:
            raise click.UsageError("which version? For instance: art recall data:v7 --reason TEXT")
        _list(app, app.api.recalls(all_projects=all_projects, undone=history), history=history)
        return
    if history or all_projects:
        raise click.UsageError("--history and --all-projects go with the list: without a version")
    if undo == (reason is not None):
        raise click.UsageError("give either --reason or --undo")
    found = app.api.undo_recall(ref) if reason is None else app.api.recall(ref, reason)
    _report(app, found)


def _report(app: App, found: Recall) -> None:
    from artifacts.cli import _describe

    out, name = app.output, _describe.in_entity(found.version)

    def human() -> None:
        if found.undone_at is not None:
            out.line(f"{name} is recalled no more")
        else:
            out.line(f"recalled {name}: {found.reason}")
            out.note(f"what was made of it: art lineage {name} --down")

    out.result(
        lambda: {"recall": _describe.recall(found)}, human=human, quiet=lambda: [found.version]
    )


def _list(app: App, found: list[Recall], *, history: bool) -> None:
    from artifacts.cli import _describe, _text

    out = app.output

    def data() -> dict[str, Any]:
        return {"recalls": [_describe.recall(each) for each in found]}

    def human() -> None:
        if not found:
            out.note("nothing is recalled")
            return
        headers = ["VERSION", "RECALLED", "BY", "REASON"]
        rows = [
            [
                _describe.in_entity(each.version),
                _text.age(_describe.microseconds(each.at)),
                *(each.by or "", each.reason),
            ]
            for each in found
        ]
        if history:
            headers.insert(3, "UNDONE")
            for row, each in zip(rows, found, strict=True):
                ended = each.undone_at
                row.insert(3, "" if ended is None else _text.age(_describe.microseconds(ended)))
        out.table(headers, rows)

    out.result(data, human=human, quiet=lambda: (each.version for each in found))
