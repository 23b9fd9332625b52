"""`art ls`."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from artifacts.cli import _complete
from artifacts.cli._app import App
from artifacts.cli._command import READING, Art
from artifacts.cli._params import comma_separated

if TYPE_CHECKING:
    from artifacts.cli._version_columns import Column
    from artifacts.store.records import ArtifactRecord, VersionRecord


class _Wanted(NamedTuple):
    """Which versions to list, and how; see the options."""

    where: tuple[str, ...]
    tags: tuple[str, ...]
    aliases: tuple[str, ...]
    type: str | None
    sort: str
    limit: int | None
    columns: list[str] | None
    all_projects: bool
    internal: bool


@click.command(
    "ls",
    cls=Art,
    example="""
        art ls
        art ls corpus
        art ls demo/ -t model
        art ls --where 'metadata.acc > 0.9' --sort -metadata.acc
        art ls corpus --tag golden --columns version,size,metadata.rows
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
@click.option(
    "--where",
    multiple=True,
    metavar="EXPR",
    help="Versions for which this is true, such as 'metadata.acc > 0.9'; repeatable.",
)
@click.option("--tag", "tags", multiple=True, metavar="TAG", help="Versions with this tag.")
@click.option(
    "--alias", "aliases", multiple=True, metavar="ALIAS", help="Versions with this alias."
)
@click.option(
    "--sort",
    metavar="KEY",
    help="By what to sort versions, after - the highest first; those without it come last.",
)
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="At most so many versions.")
@click.option(
    "--columns",
    callback=comma_separated,
    metavar="NAME,NAME",
    shell_complete=_complete.version_columns,
    help="What to show of versions, such as name,version,metadata.acc.",
)
@click.pass_obj
def command(
    app: App,
    name: str | None,
    all_projects: bool,
    type_: str | None,
    internal: bool,
    where: tuple[str, ...],
    tags: tuple[str, ...],
    aliases: tuple[str, ...],
    sort: str | None,
    limit: int | None,
    columns: list[str] | None,
) -> None:
    """List artifacts, or the versions of one.

    Without NAME, the artifacts of the project; if no project is set, or it has none, those of all
    projects. With a condition, an order, a limit or columns, the versions of them all are listed.

    In a condition, values are compared with = != > >= < <= and ~ for a regular expression, with
    in (A, B) and contains; conditions are joined by and, or, not and parentheses. Times are
    2026-01-05 or 7d, which is seven days ago, and sizes 10MB.
    """
    of_one = name is not None and not name.endswith("/")
    if of_one and all_projects:
        raise click.UsageError("--all lists artifacts, and NAME the versions of one")
    asked = where or tags or aliases or sort is not None or limit is not None
    if asked or (columns is not None and not of_one):
        wanted = _Wanted(
            where,
            tags,
            aliases,
            type_,
            sort or "-created_at",
            limit,
            columns,
            all_projects,
            internal,
        )
        _find_versions(app, name, wanted)
        return
    if name is not None and of_one:
        _list_versions(app, name, type_, columns)
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


def _list_versions(app: App, name: str, type_: str | None, columns: list[str] | None) -> None:
    from artifacts.cli._version_columns import OF_ONE, parse_columns
    from artifacts.store.refs import Ref

    ref = Ref.parse(name)
    if ref.name is None or ref.selector is not None or ref.digest is not None:
        raise click.UsageError(f"ls takes a name without a version; try: art show {name}")
    settings = app.settings
    found = app.catalog.list_versions(
        ref.entity or settings.entity, ref.project or settings.project, ref.name
    )
    if not found or (type_ is not None and found[0].type != type_):
        app.api.artifact(name, type_)  # says what is wrong, and what is like it

    _show_versions(app, found, parse_columns(columns or OF_ONE), chosen=columns is not None)


def _find_versions(app: App, name: str | None, wanted: _Wanted) -> None:
    """List the versions of an artifact, of a project or of all projects that pass."""
    from artifacts._where import parse_where
    from artifacts.cli._version_columns import OF_ONE, OF_SEVERAL, parse_columns
    from artifacts.store.filters import VERSION_FIELDS

    of_one = name is not None and not name.endswith("/")
    columns = parse_columns(wanted.columns or (OF_ONE if of_one else OF_SEVERAL))
    parts = [parse_where(wanted.where, VERSION_FIELDS)] if wanted.where else []
    parts += [{"tags": tag} for tag in wanted.tags]
    parts += [{"aliases": alias} for alias in wanted.aliases]
    found = app.api.artifacts(
        wanted.type,
        name if of_one else None,
        order=wanted.sort,
        filters={"$and": parts} if parts else None,
        project=name.rstrip("/") if name is not None and not of_one else None,
        all_projects=wanted.all_projects,
        internal=wanted.internal,
    )
    if not found and name is not None and not of_one:
        _check_project(app, name)
    versions = found[: wanted.limit] if wanted.limit is not None else found
    chosen = wanted.columns is not None
    _show_versions(app, [each.record for each in versions], columns, chosen=chosen)


def _show_versions(
    app: App, found: list[VersionRecord], columns: list[Column], *, chosen: bool
) -> None:
    from artifacts.cli import _describe

    out = app.output

    def human() -> None:
        if not found:
            out.note("no such versions")
            return
        right = [number for number, column in enumerate(columns) if column.is_right]
        rows = [[column.cell(record) for column in columns] for record in found]
        out.table([column.title for column in columns], rows, right=right)

    def data(record: VersionRecord) -> dict[str, Any]:
        if not chosen:
            return _describe.version(record)
        return {"ref": record.ref, **{column.text: column.value(record) for column in columns}}

    out.result(
        lambda: {"versions": [data(record) for record in found]},
        human=human,
        quiet=lambda: (record.ref for record in found),
    )
