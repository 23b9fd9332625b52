"""Statements that read versions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from artifacts.store.catalog.database import chunked
from artifacts.store.catalog.schema import (
    aliases,
    artifacts,
    projects,
    version_tags,
    versions,
)
from artifacts.store.digests import Digest
from artifacts.store.records import INTERNAL_TYPES, WITHOUT_DATA, VersionRecord

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy.engine import Connection


_COLUMNS = (
    versions,
    artifacts.c.name.label("artifact_name"),
    artifacts.c.type.label("artifact_type"),
    projects.c.name.label("project_name"),
    projects.c.entity.label("entity"),
)


def get(connection: Connection, version_id: int) -> VersionRecord:
    """Return one version by its key, deleted or not."""
    return _load(connection, versions.c.id == version_id)[0]


def get_many(connection: Connection, ids: Iterable[int]) -> dict[int, VersionRecord]:
    """Return versions by their keys, deleted or not."""
    found: dict[int, VersionRecord] = {}
    for batch in chunked(sorted(set(ids))):
        found.update((v.id, v) for v in _load(connection, versions.c.id.in_(batch)))
    return found


def is_internal(version_id: int) -> sa.ScalarSelect[bool]:
    """Return the expression that says whether a version merely records a run."""
    return (
        sa.select(artifacts.c.type.in_(sorted(INTERNAL_TYPES)))
        .join_from(versions, artifacts, artifacts.c.id == versions.c.artifact_id)
        .where(versions.c.id == version_id)
        .scalar_subquery()
    )


def list_versions(
    connection: Connection,
    *,
    entity: str,
    project: str,
    name: str,
    deleted: bool = False,
) -> list[VersionRecord]:
    """Return the versions of an artifact, newest first."""
    condition = sa.and_(
        projects.c.entity == entity, projects.c.name == project, artifacts.c.name == name
    )
    if not deleted:
        condition = sa.and_(condition, versions.c.deleted_at.is_(None))
    return sorted(_load(connection, condition), key=lambda v: -v.number)


def live_manifests(
    connection: Connection, *, ignore: frozenset[int] = frozenset()
) -> dict[Digest, list[str]]:
    """Return the manifests of all versions that are not deleted, with the versions' names.

    Those of which no data have ever been here are left out.

    Args:
        ignore: Keys of versions that count as deleted.
    """
    statement = (
        sa.select(
            versions.c.id,
            versions.c.digest,
            versions.c.number,
            artifacts.c.name,
            projects.c.name.label("project"),
        )
        .join(artifacts, artifacts.c.id == versions.c.artifact_id)
        .join(projects, projects.c.id == artifacts.c.project_id)
        .where(versions.c.deleted_at.is_(None), versions.c.broken.is_distinct_from(WITHOUT_DATA))
        .order_by(versions.c.id)
    )
    found: dict[Digest, list[str]] = {}
    for row in connection.execute(statement):
        if row.id not in ignore:
            name = f"{row.project}/{row.name}:v{row.number}"
            found.setdefault(Digest(row.digest), []).append(name)
    return found


def by_digest_prefix(
    connection: Connection, digits: str, *, artifact_id: int | None = None
) -> list[VersionRecord]:
    """Return the live versions whose digest starts with ``digits``, oldest first."""
    low, high = bytes.fromhex(digits.ljust(64, "0")), bytes.fromhex(digits.ljust(64, "f"))
    condition = sa.and_(versions.c.digest.between(low, high), versions.c.deleted_at.is_(None))
    if artifact_id is not None:
        condition = sa.and_(condition, versions.c.artifact_id == artifact_id)
    return sorted(_load(connection, condition), key=lambda v: v.id)


def by_number(connection: Connection, artifact_id: int, number: int) -> VersionRecord | None:
    """Return version ``number`` of an artifact, deleted or not."""
    condition = sa.and_(versions.c.artifact_id == artifact_id, versions.c.number == number)
    return next(iter(_load(connection, condition)), None)


def by_alias(connection: Connection, artifact_id: int, alias: str) -> VersionRecord | None:
    """Return the version that an alias points at."""
    statement = sa.select(aliases.c.version_id).where(
        aliases.c.artifact_id == artifact_id, aliases.c.name == alias
    )
    version_id = connection.scalar(statement)
    return None if version_id is None else get(connection, version_id)


def _load(connection: Connection, condition: sa.ColumnElement[bool]) -> list[VersionRecord]:
    statement = (
        sa.select(*_COLUMNS)
        .join(artifacts, artifacts.c.id == versions.c.artifact_id)
        .join(projects, projects.c.id == artifacts.c.project_id)
        .where(condition)
        .order_by(versions.c.id)
    )
    rows = connection.execute(statement).all()
    ids = [row.id for row in rows]
    alias_map = _grouped(connection, aliases.c.version_id, aliases.c.name, ids)
    guarded = _grouped(
        connection, aliases.c.version_id, aliases.c.name, ids, aliases.c.protected == 1
    )
    tag_map = _grouped(connection, version_tags.c.version_id, version_tags.c.tag, ids)
    return [
        VersionRecord(
            row.id,
            row.entity,
            row.project_name,
            row.artifact_name,
            row.artifact_type,
            row.number,
            Digest(row.digest),
            row.size,
            row.file_count,
            row.description,
            row.metadata,
            tuple(alias_map.get(row.id, ())),
            tuple(tag_map.get(row.id, ())),
            row.created_at,
            row.updated_at,
            row.created_by,
            row.deleted_at,
            row.ttl,
            row.broken,
            row.logged_at,
            tuple(guarded.get(row.id, ())),
        )
        for row in rows
    ]


def _grouped(
    connection: Connection,
    key: sa.ColumnElement[int],
    value: sa.ColumnElement[str],
    ids: Sequence[int],
    condition: sa.ColumnElement[bool] | None = None,
) -> dict[int, list[str]]:
    groups: dict[int, list[str]] = {}
    for batch in chunked(ids):
        statement = sa.select(key, value).where(key.in_(batch)).order_by(key, value)
        if condition is not None:
            statement = statement.where(condition)
        for id_, text in connection.execute(statement):
            groups.setdefault(id_, []).append(text)
    return groups
