"""Statements that read the whole catalog, or a part of it, as records of a `transcript`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa

from artifacts.store.catalog.database import chunked
from artifacts.store.catalog.export_facts import add_facts
from artifacts.store.catalog.pages import ids_where, pages
from artifacts.store.catalog.schema import (
    alerts,
    alias_events,
    aliases,
    artifact_tags,
    artifacts,
    links,
    projects,
    runs,
    sweeps,
    version_tags,
    versions,
)
from artifacts.store.digests import Digest, format_digest

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from sqlalchemy.engine import Connection

    from artifacts.store.transcript import Record


class Selection(NamedTuple):
    """A part of a catalog. Artifacts and projects follow from what is in them.

    Attributes:
        versions: Keys of versions.
        runs: Keys of runs. Their links come along, also those to versions that do not.
    """

    versions: frozenset[int]
    runs: frozenset[int]


def export(
    connection: Connection, add: Callable[[Record], None], selection: Selection | None
) -> None:
    """Hand over every record, what is named before what names it. A page is in memory at a time.

    Args:
        selection: None for everything.
    """
    chosen = None if selection is None else _artifacts_of(connection, selection.versions)
    wanted = None if selection is None else _projects_of(connection, chosen or (), selection.runs)
    for rows in pages(connection, sa.select(projects), projects.c.id, wanted):
        for row in rows:
            add(
                {
                    "record": "project",
                    "entity": row.entity,
                    "name": row.name,
                    "created_at": row.created_at,
                }
            )
    _add_artifacts(connection, add, chosen)
    _add_versions(connection, add, None if selection is None else selection.versions)
    _add_events(connection, add, chosen, None if selection is None else selection.versions)
    _add_sweeps(connection, add, None if selection is None else selection.runs)
    _add_runs(connection, add, None if selection is None else selection.runs)
    _add_alerts(connection, add, None if selection is None else selection.runs)
    _add_links(connection, add, None if selection is None else selection.runs)
    add_facts(connection, add, None if selection is None else selection.versions)


def _add_artifacts(
    connection: Connection, add: Callable[[Record], None], ids: Collection[int] | None
) -> None:
    statement = _in_project(sa.select(artifacts, *_PLACE), artifacts)
    for rows in pages(connection, statement, artifacts.c.id, ids):
        tags = _grouped(connection, artifact_tags.c.artifact_id, artifact_tags.c.tag, rows)
        for row in rows:
            add(
                {
                    "record": "artifact",
                    **_place(row),
                    **_columns(
                        row,
                        *("name", "type", "description", "next_number", "retention"),
                        *("created_at", "updated_at"),
                    ),
                    "tags": tags.get(row.id, []),
                }
            )


def _add_versions(
    connection: Connection, add: Callable[[Record], None], ids: Collection[int] | None
) -> None:
    statement = _of_artifact(
        sa.select(versions, artifacts.c.name.label("artifact_name"), *_PLACE), versions
    )
    for rows in pages(connection, statement, versions.c.id, ids):
        named = _grouped(connection, aliases.c.version_id, aliases.c.name, rows)
        guarded = _grouped(
            connection, aliases.c.version_id, aliases.c.name, rows, aliases.c.protected == 1
        )
        tags = _grouped(connection, version_tags.c.version_id, version_tags.c.tag, rows)
        for row in rows:
            add(
                {
                    "record": "version",
                    **_place(row),
                    "name": row.artifact_name,
                    "digest": format_digest(Digest(row.digest)),
                    **_columns(
                        row,
                        *("number", "size", "file_count", "description", "metadata"),
                        *("created_at", "updated_at", "logged_at", "created_by"),
                        *("ttl", "broken", "deleted_at"),
                    ),
                    "aliases": named.get(row.id, []),
                    "protected": guarded.get(row.id, []),
                    "tags": tags.get(row.id, []),
                }
            )


def _add_events(
    connection: Connection,
    add: Callable[[Record], None],
    artifact_ids: Collection[int] | None,
    version_ids: Collection[int] | None,
) -> None:
    """Add moves of aliases; a version that does not come along is left out of its move."""
    before, after = versions.alias("before"), versions.alias("after")
    statement = (
        _of_artifact(
            sa.select(
                alias_events,
                artifacts.c.name.label("artifact_name"),
                before.c.number.label("from_number"),
                after.c.number.label("to_number"),
                *_PLACE,
            ),
            alias_events,
        )
        .outerjoin(before, before.c.id == alias_events.c.from_version_id)
        .outerjoin(after, after.c.id == alias_events.c.to_version_id)
    )

    def number(version: int | None, found: int | None) -> int | None:
        return found if version_ids is None or version in version_ids else None

    ids = None if artifact_ids is None else _events_of(connection, artifact_ids)
    for rows in pages(connection, statement, alias_events.c.id, ids):
        for row in rows:
            start = number(row.from_version_id, row.from_number)
            end = number(row.to_version_id, row.to_number)
            if start is None and end is None:
                continue
            add(
                {
                    "record": "alias_event",
                    **_place(row),
                    "name": row.artifact_name,
                    "event": row.id,
                    "from": start,
                    "to": end,
                    **_columns(row, "alias", "at", "by"),
                }
            )


def _add_sweeps(
    connection: Connection, add: Callable[[Record], None], run_ids: Collection[int] | None
) -> None:
    """Add all sweeps, or those to which the runs belong."""
    ids = None if run_ids is None else _sweeps_of(connection, run_ids)
    statement = _in_project(sa.select(sweeps, *_PLACE), sweeps)
    for rows in pages(connection, statement, sweeps.c.id, ids):
        for row in rows:
            add(
                {
                    "record": "sweep",
                    **_place(row),
                    "id": row.sweep_id,
                    **_columns(row, "name", "config", "state", "created_at", "created_by"),
                }
            )


def _add_runs(
    connection: Connection, add: Callable[[Record], None], ids: Collection[int] | None
) -> None:
    statement = _in_project(sa.select(runs, *_PLACE), runs)
    for rows in pages(connection, statement, runs.c.id, ids):
        for row in rows:
            add(
                {
                    "record": "run",
                    **_place(row),
                    "id": row.run_id,
                    **_columns(
                        row,
                        *("name", "state", "group", "job_type", "notes", "tags", "config"),
                        *("summary", "created_at", "finished_at", "exit_code", "user", "host"),
                        *("tracking", "sweep_id", "metadata", "system_metrics", "deleted_at"),
                        "trial",
                    ),
                }
            )


def _add_alerts(
    connection: Connection, add: Callable[[Record], None], run_ids: Collection[int] | None
) -> None:
    statement = (
        sa.select(alerts, runs.c.run_id.label("run_name"), *_PLACE)
        .join(runs, runs.c.id == alerts.c.run_id)
        .join(projects, projects.c.id == runs.c.project_id)
    )
    ids = None if run_ids is None else ids_where(connection, alerts.c.id, alerts.c.run_id, run_ids)
    for rows in pages(connection, statement, alerts.c.id, ids):
        for row in rows:
            add(
                {
                    "record": "alert",
                    "run": {**_place(row), "id": row.run_name},
                    **_columns(row, "title", "text", "level", "at", "suppressed"),
                }
            )


def _add_links(
    connection: Connection, add: Callable[[Record], None], run_ids: Collection[int] | None
) -> None:
    run_project, project = projects.alias("run_project"), projects
    statement = (
        sa.select(
            links,
            runs.c.run_id.label("run_name"),
            run_project.c.entity.label("run_entity"),
            run_project.c.name.label("run_project"),
            artifacts.c.name.label("artifact_name"),
            versions.c.number,
            versions.c.digest,
            *_PLACE,
        )
        .join(runs, runs.c.id == links.c.run_id)
        .join(run_project, run_project.c.id == runs.c.project_id)
        .join(versions, versions.c.id == links.c.version_id)
        .join(artifacts, artifacts.c.id == versions.c.artifact_id)
        .join(project, project.c.id == artifacts.c.project_id)
    )
    ids = None if run_ids is None else _links_of(connection, run_ids)
    for rows in pages(connection, statement, links.c.id, ids):
        for row in rows:
            add(
                {
                    "record": "link",
                    "run": {
                        "entity": row.run_entity,
                        "project": row.run_project,
                        "id": row.run_name,
                    },
                    "version": {
                        **_place(row),
                        "name": row.artifact_name,
                        "number": row.number,
                    },
                    "digest": format_digest(Digest(row.digest)),
                    "event": row.alias_event_id,
                    **_columns(row, "kind", "at", "ref_text", "subset"),
                }
            )


_PLACE = (projects.c.entity.label("entity"), projects.c.name.label("project_name"))


def _place(row: sa.Row[Any]) -> Record:
    return {"entity": row.entity, "project": row.project_name}


def _columns(row: sa.Row[Any], *names: str) -> Record:
    return {name: getattr(row, name) for name in names}


def _in_project(statement: sa.Select[Any], table: sa.TableClause) -> sa.Select[Any]:
    return statement.join_from(table, projects, projects.c.id == table.c.project_id)


def _of_artifact(statement: sa.Select[Any], table: sa.TableClause) -> sa.Select[Any]:
    joined = statement.join_from(table, artifacts, artifacts.c.id == table.c.artifact_id)
    return joined.join(projects, projects.c.id == artifacts.c.project_id)


def _grouped(
    connection: Connection,
    key: sa.ColumnElement[int],
    value: sa.ColumnElement[str],
    rows: Sequence[sa.Row[Any]],
    condition: sa.ColumnElement[bool] | None = None,
) -> dict[int, list[str]]:
    statement = sa.select(key, value).where(key.in_([row.id for row in rows])).order_by(key, value)
    if condition is not None:
        statement = statement.where(condition)
    groups: dict[int, list[str]] = {}
    for id_, text in connection.execute(statement):
        groups.setdefault(id_, []).append(text)
    return groups


def _artifacts_of(connection: Connection, ids: Collection[int]) -> set[int]:
    return ids_where(connection, versions.c.artifact_id, versions.c.id, ids)


def _projects_of(
    connection: Connection, artifact_ids: Collection[int], run_ids: Collection[int]
) -> set[int]:
    return ids_where(connection, artifacts.c.project_id, artifacts.c.id, artifact_ids) | ids_where(
        connection, runs.c.project_id, runs.c.id, run_ids
    )


def _events_of(connection: Connection, ids: Collection[int]) -> set[int]:
    return ids_where(connection, alias_events.c.id, alias_events.c.artifact_id, ids)


def _links_of(connection: Connection, ids: Collection[int]) -> set[int]:
    return ids_where(connection, links.c.id, links.c.run_id, ids)


def _sweeps_of(connection: Connection, run_ids: Collection[int]) -> set[int]:
    found: set[int] = set()
    for batch in chunked(sorted(run_ids)):
        statement = (
            sa.select(sweeps.c.id)
            .join(
                runs,
                sa.and_(
                    runs.c.project_id == sweeps.c.project_id, runs.c.sweep_id == sweeps.c.sweep_id
                ),
            )
            .where(runs.c.id.in_(batch))
        )
        found.update(connection.scalars(statement))
    return found
