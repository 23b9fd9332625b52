"""`art run ls`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from artifacts.cli import _complete
from artifacts.cli._app import App
from artifacts.cli._command import READING, Art
from artifacts.cli._params import comma_separated

if TYPE_CHECKING:
    from artifacts.cli._run_columns import Column
    from artifacts.stored_run import StoredRun

_DEFAULT = ("id", "name", "job_type", "state", "duration", "created_at")


@click.command(
    "ls",
    cls=Art,
    example="""
        art run ls
        art run ls demo/ --state finished --limit 20
        art run ls --where 'config.lr < 0.1' --sort -summary.acc
        art run ls --columns id,state,config.lr,summary.acc
    """,
    exits=READING,
)
@click.argument("project", required=False, metavar="[PROJECT/]", help="Another project.")
@click.option("--all", "all_projects", is_flag=True, help="The runs of all projects.")
@click.option(
    "--where",
    multiple=True,
    metavar="EXPR",
    help="Only runs for which this is true, such as 'summary.acc > 0.9'; repeatable.",
)
@click.option("--state", metavar="STATE", help="Only running, finished, failed, crashed, … ones.")
@click.option("--tag", multiple=True, metavar="TAG", help="Only with this tag; repeatable.")
@click.option("--group", metavar="NAME", help="Only of this group.")
@click.option(
    "--sort",
    metavar="KEY",
    default="-created_at",
    show_default=True,
    help="By what to sort, after - the highest first; runs without it come last.",
)
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="At most so many.")
@click.option(
    "--columns",
    callback=comma_separated,
    metavar="NAME,NAME",
    shell_complete=_complete.run_columns,
    help="What to show, such as id,state,config.lr,summary.acc.",
)
@click.option(
    "--format", "format_", type=click.Choice(["table", "csv", "json"]), help="Default: table."
)
@click.pass_obj
def command(
    app: App,
    project: str | None,
    all_projects: bool,
    where: tuple[str, ...],
    state: str | None,
    tag: tuple[str, ...],
    group: str | None,
    sort: str,
    limit: int | None,
    columns: list[str] | None,
    format_: str | None,
) -> None:
    """List the runs of a project, newest first.

    If the default project has none, those of all projects are listed. Settings and results are
    named config.KEY and summary.KEY, in conditions, columns and for sorting. In a condition,
    values are compared with = != > >= < <= and ~ for a regular expression.
    """
    from artifacts.cli._run_columns import parse_columns

    if project is not None and all_projects:
        raise click.UsageError("give either PROJECT or --all, not both")
    shown = parse_columns(columns or ())
    filters = _filters(where, state, tag, group)
    path = None if project is None else project.rstrip("/")
    runs = app.api.runs(path, filters, sort, all_projects=all_projects)
    if project is None and not filters and not runs and not all_projects:
        all_projects = True
        runs = app.api.runs(None, None, sort, all_projects=True)
    found = runs[:limit] if limit is not None else list(runs)
    if format_ in {"csv", "json"} and not app.json:
        _write(found, shown, format_)
        return
    _report(app, found, shown, with_project=all_projects, filtered=bool(filters))


def _filters(
    where: tuple[str, ...], state: str | None, tags: tuple[str, ...], group: str | None
) -> dict[str, Any] | None:
    """Return all conditions as one filter."""
    from artifacts._where import parse_where
    from artifacts.store.filters import RUN_FIELDS

    parts: list[dict[str, Any]] = [parse_where(where, RUN_FIELDS)] if where else []
    parts += [{"tags": tag} for tag in tags]
    parts += [{"state": state}] if state is not None else []
    parts += [{"group": group}] if group is not None else []
    return {"$and": parts} if parts else None


def _report(
    app: App, found: list[StoredRun], shown: list[Column], *, with_project: bool, filtered: bool
) -> None:
    from artifacts.cli import _run_columns

    out = app.output
    columns = shown or _run_columns.parse_columns(_DEFAULT)

    def path(run: StoredRun) -> str:
        return f"{run.project}/{run.id}" if with_project else run.id

    def row(run: StoredRun) -> list[str]:
        return [
            path(run) if column.field.name == "id" else column.cell(run._record)
            for column in columns
        ]

    def human() -> None:
        if not found and filtered:
            out.note("no such runs")
        elif not found:
            out.note("no runs yet; a run begins with artifacts.init() in Python")
        else:
            right = [number for number, column in enumerate(columns) if column.is_right]
            out.table([column.title for column in columns], map(row, found), right=right)

    out.result(
        lambda: {"runs": [_run_columns.to_json(shown, run._record) for run in found]},
        human=human,
        quiet=lambda: map(path, found),
    )


def _write(found: list[StoredRun], shown: list[Column], format_: str) -> None:
    """Print runs for other programs."""
    import csv
    import io

    from artifacts.cli import _run_columns
    from artifacts.cli._output import to_json
    from artifacts.cli._tables import csv_cell

    if format_ == "json":
        click.echo(to_json([_run_columns.to_json(shown, run._record) for run in found]))
        return
    columns = shown or _run_columns.parse_columns(_DEFAULT)
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([column.text for column in columns])
    for run in found:
        writer.writerow([csv_cell(column.plain(run._record)) for column in columns])
    click.echo(text.getvalue(), nl=False)
