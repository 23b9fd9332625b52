"""`art run`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from artifacts.cli import _complete
from artifacts.cli._app import App
from artifacts.cli._command import READING, WRITING, ArtGroup

if TYPE_CHECKING:
    from artifacts.store.records import RunRecord, VersionRecord


@click.group("run", cls=ArtGroup, example="art run ls")
def command() -> None:
    """List runs, or show one."""


@command.command(
    "ls",
    example="""
        art run ls
        art run ls demo/
    """,
    exits=READING,
)
@click.argument("project", required=False, metavar="[PROJECT/]", help="Another project.")
@click.option("--all", "all_projects", is_flag=True, help="The runs of all projects.")
@click.pass_obj
def ls(app: App, project: str | None, all_projects: bool) -> None:
    """List the runs of a project, newest first.

    If the default project has none, those of all projects are listed.
    """
    from artifacts.cli import _describe, _text

    if project is not None and all_projects:
        raise click.UsageError("give either PROJECT or --all, not both")
    out, entity = app.output, app.settings.entity
    where = None if all_projects else (project or app.settings.project).rstrip("/")
    found = app.catalog.list_runs(entity=entity, project=where)
    if not found and project is None:
        where, found = None, app.catalog.list_runs(entity=entity)

    def path(run: RunRecord) -> str:
        return run.id if where is not None else f"{run.project}/{run.id}"

    def row(run: RunRecord) -> list[str]:
        took = "" if run.finished_at is None else _text.duration(run.finished_at - run.created_at)
        job = run.job_type or ""
        return [path(run), run.name, job, run.state, took, _text.age(run.created_at)]

    def human() -> None:
        if not found:
            out.note("no runs yet; a run begins with artifacts.init() in Python")
            return
        out.table(["ID", "NAME", "JOB", "STATE", "TOOK", "AGE"], map(row, found), right="TOOK")

    out.result(
        lambda: {"runs": [_describe.run(run) for run in found]},
        human=human,
        quiet=lambda: map(path, found),
    )


@command.command("show", example="art run show 8kd9s2la", exits=READING)
@click.argument(
    "run_id", metavar="[PROJECT/]ID", shell_complete=_complete.runs, help="As in art run ls."
)
@click.pass_obj
def show(app: App, run_id: str) -> None:
    """Show a run: its settings, its results, what it used and what it logged."""
    from artifacts.cli import _describe, _text
    from artifacts.store.records import INTERNAL_TYPES, LinkKind

    settings, out = app.settings, app.output
    *owner, name = run_id.split("/")
    project = owner[-1] if owner else settings.project
    entity = owner[-2] if len(owner) > 1 else settings.entity
    run = app.catalog.run(entity, project, name)
    used = [link.version for link in app.catalog.links_of_runs([run.key], LinkKind.INPUT)]
    outputs = [link.version for link in app.catalog.links_of_runs([run.key], LinkKind.OUTPUT)]
    logged = [version for version in outputs if version.type not in INTERNAL_TYPES]

    def data() -> dict[str, Any]:
        return {
            "run": _describe.run(run),
            "used": [_describe.version(version) for version in used],
            "logged": [_describe.version(version) for version in logged],
        }

    def human() -> None:
        ended = run.finished_at
        code = f" with exit code {run.exit_code}" if run.exit_code else ""
        out.line(f"{run.project}/{run.id} {run.name}", bold=True)
        out.fields(
            [
                ("state", run.state + code),
                ("job type", run.job_type or ""),
                ("group", run.group or ""),
                ("tags", ", ".join(run.tags)),
                ("began", f"{_text.moment(run.created_at)} by {run.user}@{run.host}"),
                ("took", "" if ended is None else _text.duration(ended - run.created_at)),
                ("used", _versions(used) or "nothing"),
                ("logged", _versions(logged) or "nothing"),
                ("notes", run.notes or ""),
                ("config", _describe.mapping(run.config)),
                ("summary", _describe.mapping(run.summary)),
            ]
        )

    out.result(data, human=human, quiet=lambda: [f"{run.project}/{run.id}"])


@command.command(
    "recover",
    example="""
        art run recover
        art run recover 8kd9s2la
    """,
    exits=(*READING[:2], *WRITING),
)
@click.argument(
    "run_id",
    required=False,
    metavar="[[PROJECT/]ID]",
    shell_complete=_complete.runs,
    help="Only this run, wherever it was running.",
)
@click.pass_obj
def recover(app: App, run_id: str | None) -> None:
    """Record in the store what killed processes have logged.

    Rows that were logged on this machine and never became a version are made one. A run that
    nobody goes on with is ended as crashed. What ran on another machine is recovered there; here,
    if its ID is given, as far as others could see it.
    """
    from artifacts.cli import _describe
    from artifacts.runs.completing import recover as recover_runs

    settings, out = app.settings, app.output
    run = None
    if run_id is not None:
        *owner, name = run_id.split("/")
        project = owner[-1] if owner else settings.project
        entity = owner[-2] if len(owner) > 1 else settings.entity
        run = app.catalog.run(entity, project, name)
    found = recover_runs(app.api._place, run)

    def human() -> None:
        if not found:
            out.note("nothing to recover")
        for each in found:
            out.line(f"{each.project}/{each.id} {each.state}")

    out.result(
        lambda: {"runs": [_describe.run(each) for each in found]},
        human=human,
        quiet=lambda: (f"{each.project}/{each.id}" for each in found),
    )


def _versions(found: list[VersionRecord]) -> str:
    lines = []
    for version in found:
        aliases = f" [{', '.join(version.aliases)}]" if version.aliases else ""
        deleted = ", deleted" if version.deleted_at is not None else ""
        lines.append(f"{version.ref}{aliases} ({version.type}){deleted}")
    return "\n".join(lines)
