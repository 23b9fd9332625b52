"""`art ls`."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

import click

from artifacts.cli import _complete
from artifacts.cli._app import App
from artifacts.cli._command import READING, Art

if TYPE_CHECKING:
    from artifacts.store.records import ArtifactRecord, VersionRecord


@click.command(
    "ls",
    cls=Art,
    example="""
        art ls
        art ls corpus
        art ls demo/ -t model
    """,
    exits=READING,
)
@click.argument(
    "name",
    required=False,
    metavar="[NAME|PROJECT/]",
    shell_complete=_complete.artifacts,
    help="An artifact, to list its versions, or a project with a slash.",
)
@click.option("--all", "all_projects", is_flag=True, help="The artifacts of all projects.")
@click.option(
    "-t", "--type", "type_", shell_complete=_complete.types, help="Only artifacts of this type."
)
@click.option(
    "--internal", is_flag=True, help="Also those in which runs are recorded, such as histories."
)
@click.pass_obj
def command(
    app: App, name: str | None, all_projects: bool, type_: str | None, internal: bool
) -> None:
    """List artifacts, or the versions of one.

    Without NAME, the artifacts of the project; if no project is set, or it has none, those of all
    projects.
    """
    if name is not None and all_projects:
        raise click.UsageError("--all lists artifacts, and NAME the versions of one")
    if name is not None and not name.endswith("/"):
        _list_versions(app, name, type_)
        return
    from artifacts.settings import DEFAULT

    setting = app.settings["project"]
    project = None if all_projects else name.rstrip("/") if name else setting.value
    internal = internal or type_ is not None
    found = _artifacts(app, project, type_, internal=internal)
    if name is not None and not found:
        _check_project(app, name)
    if name is None and project is not None and (setting.origin == DEFAULT or not found):
        everywhere = _artifacts(app, None, type_, internal=internal)
        if setting.origin != DEFAULT and everywhere:
            app.output.note(f"project {project} has no artifacts; other projects have:")
        project, found = None, everywhere
    _list_artifacts(app, project, found)


def _artifacts(
    app: App, project: str | None, type_: str | None, *, internal: bool
) -> list[ArtifactRecord]:
    entity, _, project = (project or "").rpartition("/")
    return app.catalog.list_artifacts(
        entity=entity or app.settings.entity,
        project=project or None,
        type_=type_,
        internal=internal,
    )


def _check_project(app: App, name: str) -> None:
    from artifacts.store.errors import NotFoundError

    entity, _, project = name.rstrip("/").rpartition("/")
    owner = entity or app.settings.entity
    known = [project for entity, project in app.catalog.list_projects() if entity == owner]
    if project not in known:
        near = " or ".join(f"{text}/" for text in difflib.get_close_matches(project, known))
        raise NotFoundError(
            f"there is no project {project!r}",
            hint=f"did you mean {near}?" if near else "see what there is with: art ls --all",
            kind="project_not_found",
        )


def _list_artifacts(app: App, project: str | None, found: list[ArtifactRecord]) -> None:
    from artifacts.cli import _describe, _text

    out = app.output

    def name(record: ArtifactRecord) -> str:
        return record.name if project is not None else f"{record.project}/{record.name}"

    def row(record: ArtifactRecord) -> list[str]:
        latest = record.latest
        start = [name(record), record.type, latest.version if latest else "-"]
        if latest is None:
            return [*start, str(record.version_count), "", "", _text.age(record.updated_at)]
        size, files = _text.size(latest.size), f"{latest.file_count:,}"
        return [*start, str(record.version_count), size, files, _text.age(latest.created_at)]

    def human() -> None:
        if not found:
            out.note("no artifacts yet; store something with: art push PATH NAME")
            return
        headers = ["NAME", "TYPE", "LATEST", "VERSIONS", "SIZE", "FILES", "AGE"]
        out.table(headers, map(row, found), right="VERSIONS SIZE FILES")

    out.result(
        lambda: {"artifacts": [_describe.artifact(record) for record in found]},
        human=human,
        quiet=lambda: map(name, found),
    )


def _list_versions(app: App, name: str, type_: str | None) -> None:
    from artifacts.cli import _describe, _text
    from artifacts.store.refs import Ref

    ref = Ref.parse(name)
    if ref.name is None or ref.selector is not None or ref.digest is not None:
        raise click.UsageError(f"ls takes a name without a version; try: art show {name}")
    out, settings = app.output, app.settings
    found = app.catalog.list_versions(
        ref.entity or settings.entity, ref.project or settings.project, ref.name
    )
    if not found or (type_ is not None and found[0].type != type_):
        app.api.artifact(name, type_)  # says what is wrong, and what is like it

    def row(record: VersionRecord) -> list[str]:
        return [
            record.version,
            ", ".join(record.aliases),
            ", ".join(record.tags),
            _text.size(record.size),
            f"{record.file_count:,}",
            _describe.short(record.digest),
            _text.age(record.created_at),
        ]

    def human() -> None:
        headers = ["VERSION", "ALIASES", "TAGS", "SIZE", "FILES", "DIGEST", "AGE"]
        out.table(headers, map(row, found), right="SIZE FILES")

    out.result(
        lambda: {"versions": [_describe.version(record) for record in found]},
        human=human,
        quiet=lambda: (record.ref for record in found),
    )
