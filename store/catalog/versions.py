"""Statements that read versions."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from artifacts.store.catalog import key_lists
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


# In the order of the fields of a `VersionRecord`, before and after its aliases and tags.
_FIRST_COLUMNS = (
    versions.c.id,
    projects.c.entity,
    projects.c.name,
    artifacts.c.name,
    artifacts.c.type,
    versions.c.number,
    versions.c.digest,
    versions.c.size,
    versions.c.file_count,
    versions.c.description,
    versions.c.metadata,
)
_OTHER_COLUMNS = (
    versions.c.created_at,
    versions.c.updated_at,
    versions.c.created_by,
    versions.c.deleted_at,
    versions.c.ttl,
    versions.c.broken,
    versions.c.logged_at,
)


def get(connection: Connection, version_id: int) -> VersionRecord:
    """Return one version by its key, deleted or not."""
    return get_many(connection, [version_id])[version_id]


def get_many(connection: Connection, ids: Iterable[int]) -> dict[int, VersionRecord]:
    """Return versions by their keys, deleted or not."""
    keys = set(ids)
    if not keys:
        return {}
    dialect = connection.dialect.name
    statement, values = _keys_statement(dialect), key_lists.values(dialect, keys)
    found = _records(connection, connection.execute(statement, values).all())
    return {version.id: version for version in found}


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
    return _records(connection, connection.execute(_select(condition)).all())


def _select(condition: sa.ColumnElement[bool]) -> sa.Select[Any]:
    return (
        sa.select(*_FIRST_COLUMNS, *_OTHER_COLUMNS)
        .join_from(versions, artifacts, artifacts.c.id == versions.c.artifact_id)
        .join(projects, projects.c.id == artifacts.c.project_id)
        .where(condition)
        .order_by(versions.c.id)
    )


def _records(connection: Connection, rows: Sequence[Any]) -> list[VersionRecord]:
    if not rows:
        return []
    # By position: to ask a row for a column by its name takes longer than to read it.
    ids = [row[0] for row in rows]
    named: dict[int, list[str]] = {}
    guarded: dict[int, list[str]] = {}
    dialect = connection.dialect.name
    at_them = key_lists.values(dialect, ids)
    for version, name, protected in connection.execute(_aliases_statement(dialect), at_them):
        named.setdefault(version, []).append(name)
        if protected:
            guarded.setdefault(version, []).append(name)
    tagged: dict[int, list[str]] = {}
    for version, tag in connection.execute(_tags_statement(dialect), at_them):
        tagged.setdefault(version, []).append(tag)
    middle = len(_FIRST_COLUMNS)
    found = []
    for id_, row in zip(ids, rows, strict=True):
        names, tags = tuple(named.get(id_, ())), tuple(tagged.get(id_, ()))
        values = (*row[:middle], names, tags, *row[middle:], tuple(guarded.get(id_, ())))
        found.append(VersionRecord(*values))
    return found


# Put together once, because that takes longer than to answer them.


@functools.cache
def _keys_statement(dialect: str) -> sa.Select[Any]:
    return _select(key_lists.is_among(dialect, versions.c.id, key_lists.named()))


@functools.cache
def _aliases_statement(dialect: str) -> sa.Select[Any]:
    return (
        sa.select(aliases.c.version_id, aliases.c.name, aliases.c.protected)
        .where(key_lists.is_among(dialect, aliases.c.version_id, key_lists.named()))
        .order_by(aliases.c.version_id, aliases.c.name)
    )


@functools.cache
def _tags_statement(dialect: str) -> sa.Select[Any]:
    return (
        sa.select(version_tags.c.version_id, version_tags.c.tag)
        .where(key_lists.is_among(dialect, version_tags.c.version_id, key_lists.named()))
        .order_by(version_tags.c.version_id, version_tags.c.tag)
    )
