"""Statements that read exact edges, recalls and consumers as records of a `transcript`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from artifacts.store.catalog import versions as version_statements
from artifacts.store.catalog.pages import ids_where, pages
from artifacts.store.catalog.schema import consumers, derivations, projects, recalls, runs
from artifacts.store.digests import format_digest

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from sqlalchemy.engine import Connection

    from artifacts.store.records import VersionRecord
    from artifacts.store.transcript import Record

    Add = Callable[[Record], None]


def add_facts(connection: Connection, add: Add, version_ids: Collection[int] | None) -> None:
    """Hand over what is said of all versions, or of these.

    An edge comes along if one of its ends does.
    """
    _add_derivations(connection, add, version_ids)
    _add_recalls(connection, add, version_ids)
    _add_consumers(connection, add, version_ids)


def _add_derivations(connection: Connection, add: Add, version_ids: Collection[int] | None) -> None:
    statement = (
        sa.select(
            derivations,
            runs.c.run_id.label("run_name"),
            projects.c.entity.label("run_entity"),
            projects.c.name.label("run_project"),
        )
        .outerjoin(runs, runs.c.id == derivations.c.run_id)
        .outerjoin(projects, projects.c.id == runs.c.project_id)
    )
    ids = None
    if version_ids is not None:
        ids = {
            key
            for end in (derivations.c.output_id, derivations.c.input_id)
            for key in ids_where(connection, derivations.c.id, end, version_ids)
        }
    for rows in pages(connection, statement, derivations.c.id, ids):
        ends = {end for row in rows for end in (row.output_id, row.input_id)}
        found = version_statements.get_many(connection, ends)
        for row in rows:
            output, source = found[row.output_id], found[row.input_id]
            add(
                {
                    "record": "derivation",
                    "version": _named(output),
                    "digest": format_digest(output.digest),
                    "source": _named(source),
                    "source_digest": format_digest(source.digest),
                    "run": _run(row),
                    "kind": row.kind,
                    "at": row.at,
                }
            )


def _add_recalls(connection: Connection, add: Add, version_ids: Collection[int] | None) -> None:
    columns = ("at", "by", "reason", "undone_at", "undone_by")
    _add_said(connection, add, "recall", recalls, columns, version_ids)


def _add_consumers(connection: Connection, add: Add, version_ids: Collection[int] | None) -> None:
    columns = ("kind", "name", "since", "by", "until", "ended_by")
    _add_said(connection, add, "consumer", consumers, columns, version_ids)


def _add_said(
    connection: Connection,
    add: Add,
    kind: str,
    table: sa.TableClause,
    columns: tuple[str, ...],
    version_ids: Collection[int] | None,
) -> None:
    ids = None
    if version_ids is not None:
        ids = ids_where(connection, table.c.id, table.c.version_id, version_ids)
    for rows in pages(connection, sa.select(table), table.c.id, ids):
        found = version_statements.get_many(connection, {row.version_id for row in rows})
        for row in rows:
            version = found[row.version_id]
            add(
                {
                    "record": kind,
                    "version": _named(version),
                    "digest": format_digest(version.digest),
                    **{name: getattr(row, name) for name in columns},
                }
            )


def _named(version: VersionRecord) -> Record:
    return {
        "entity": version.entity,
        "project": version.project,
        "name": version.name,
        "number": version.number,
    }


def _run(row: sa.Row[Any]) -> Record | None:
    if row.run_name is None:
        return None
    return {"entity": row.run_entity, "project": row.run_project, "id": row.run_name}
