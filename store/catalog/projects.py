"""Statements about projects and the artifacts in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from artifacts.store.catalog import versions as reading
from artifacts.store.catalog.schema import (
    aliases,
    artifacts,
    projects,
    versions,
)
from artifacts.store.errors import InvalidInputError
from artifacts.store.records import INTERNAL_TYPES, ArtifactRecord
from artifacts.store.refs import LATEST

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from artifacts.store.catalog.database import Database

_LOOKED_AT = 1000  # names that may have been meant


def ensure_project(db: Database, connection: Connection, entity: str, name: str) -> int:
    """Return the id of a project, which is created if it does not exist."""
    find = sa.select(projects.c.id).where(projects.c.entity == entity, projects.c.name == name)
    found: int | None = connection.scalar(find)
    if found is not None:
        return found
    row = {"entity": entity, "name": name, "created_at": db.now(connection)}
    connection.execute(db.insert(projects).values(row).on_conflict_do_nothing())
    return int(connection.execute(find).scalar_one())


def find_artifact(
    connection: Connection, entity: str, project: str, name: str
) -> tuple[int, str] | None:
    """Return (key, type) of an artifact."""
    statement = (
        sa.select(artifacts.c.id, artifacts.c.type)
        .join(projects, projects.c.id == artifacts.c.project_id)
        .where(projects.c.entity == entity, projects.c.name == project, artifacts.c.name == name)
    )
    row = connection.execute(statement).first()
    return None if row is None else (row.id, row.type)


def check_type(connection: Connection, entity: str, project: str, name: str, type_: str) -> None:
    """Refuse to log another type under a name that is taken.

    Raises:
        InvalidInputError: The artifact exists with another type.
    """
    statement = (
        sa.select(artifacts.c.type)
        .join(projects, projects.c.id == artifacts.c.project_id)
        .where(projects.c.entity == entity, projects.c.name == project, artifacts.c.name == name)
    )
    existing = connection.scalar(statement)
    if existing is not None and existing != type_:
        raise InvalidInputError(
            f"artifact {name!r} already exists with type {existing!r}; "
            f"cannot create another with type {type_!r}",
            hint=f"use type {existing!r} or another name",
            kind="type_mismatch",
        )


def list_artifacts(
    connection: Connection,
    *,
    entity: str | None = None,
    project: str | None = None,
    type_: str | None = None,
    name: str | None = None,
    internal: bool = True,
) -> list[ArtifactRecord]:
    """Return artifacts that have live versions, by project and name."""
    counts = (
        sa.select(versions.c.artifact_id, sa.func.count().label("n"))
        .where(versions.c.deleted_at.is_(None))
        .group_by(versions.c.artifact_id)
        .subquery()
    )
    statement = (
        sa.select(
            artifacts,
            projects.c.name.label("project_name"),
            projects.c.entity.label("entity"),
            counts.c.n,
            aliases.c.version_id.label("latest_id"),
        )
        .join(projects, projects.c.id == artifacts.c.project_id)
        .join(counts, counts.c.artifact_id == artifacts.c.id)
        .outerjoin(
            aliases, sa.and_(aliases.c.artifact_id == artifacts.c.id, aliases.c.name == LATEST)
        )
        .order_by(projects.c.entity, projects.c.name, artifacts.c.name)
    )
    if entity is not None:
        statement = statement.where(projects.c.entity == entity)
    if project is not None:
        statement = statement.where(projects.c.name == project)
    if type_ is not None:
        statement = statement.where(artifacts.c.type == type_)
    if name is not None:
        statement = statement.where(artifacts.c.name == name)
    if not internal:
        statement = statement.where(artifacts.c.type.not_in(INTERNAL_TYPES))
    rows = connection.execute(statement).all()
    latest = reading.get_many(
        connection, (row.latest_id for row in rows if row.latest_id is not None)
    )
    return [
        ArtifactRecord(
            row.id,
            row.entity,
            row.project_name,
            row.name,
            row.type,
            row.description,
            row.n,
            latest.get(row.latest_id),
            row.created_at,
            row.updated_at,
            row.retention,
        )
        for row in rows
    ]


def artifacts_with_rules(connection: Connection) -> list[ArtifactRecord]:
    """Return artifacts with a retention policy, or with versions that have a lifetime."""
    mortal = sa.select(versions.c.artifact_id).where(
        versions.c.ttl > 0, versions.c.deleted_at.is_(None)
    )
    statement = sa.select(artifacts.c.id).where(
        sa.or_(artifacts.c.retention.is_not(None), artifacts.c.id.in_(mortal))
    )
    wanted = set(connection.scalars(statement))
    return [record for record in list_artifacts(connection) if record.id in wanted]


def list_projects(connection: Connection) -> list[tuple[str, str]]:
    """Return (entity, name) of every project."""
    statement = sa.select(projects.c.entity, projects.c.name).order_by(
        projects.c.entity, projects.c.name
    )
    return [(row.entity, row.name) for row in connection.execute(statement)]


def some_names(connection: Connection, entity: str, project: str) -> list[str]:
    """Return names of artifacts of a project that somebody may have meant: the newest ones."""
    statement = (
        sa.select(artifacts.c.name)
        .join(projects, projects.c.id == artifacts.c.project_id)
        .where(
            projects.c.entity == entity,
            projects.c.name == project,
            artifacts.c.type.not_in(sorted(INTERNAL_TYPES)),
        )
        .order_by(artifacts.c.id.desc())
        .limit(_LOOKED_AT)
    )
    return sorted(connection.scalars(statement))


def projects_with(connection: Connection, name: str) -> list[str]:
    """Return ``project/name`` for every project that has an artifact called ``name``."""
    statement = (
        sa.select(projects.c.name)
        .join(artifacts, projects.c.id == artifacts.c.project_id)
        .where(artifacts.c.name == name)
        .order_by(projects.c.name)
    )
    return [f"{project}/{name}" for project in connection.scalars(statement)]


def alias_names(connection: Connection, artifact_id: int) -> list[str]:
    """Return the aliases of an artifact."""
    statement = sa.select(aliases.c.name).where(aliases.c.artifact_id == artifact_id)
    return sorted(connection.scalars(statement))
