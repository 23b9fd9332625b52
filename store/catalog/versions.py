"""Statements about projects, artifacts, versions, aliases and tags."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from artifacts.store.catalog.database import chunked
from artifacts.store.catalog.tables import (
    alias_events,
    aliases,
    artifacts,
    projects,
    version_tags,
    versions,
)
from artifacts.store.digests import Digest
from artifacts.store.errors import ConflictError, InvalidInputError, RefNotFoundError, StateError
from artifacts.store.records import ArtifactRecord, VersionRecord
from artifacts.store.refs import LATEST

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy.engine import Connection

    from artifacts.store.catalog.database import Database
    from artifacts.store.records import VersionDraft

_COLUMNS = (
    versions,
    artifacts.c.name.label("artifact_name"),
    artifacts.c.type.label("artifact_type"),
    projects.c.name.label("project_name"),
    projects.c.entity.label("entity"),
)


def ensure_project(db: Database, connection: Connection, entity: str, name: str) -> int:
    """Return the id of a project, which is created if it does not exist."""
    find = sa.select(projects.c.id).where(projects.c.entity == entity, projects.c.name == name)
    found: int | None = connection.scalar(find)
    if found is not None:
        return found
    row = {"entity": entity, "name": name, "created_at": db.now(connection)}
    connection.execute(db.insert(projects).values(row).on_conflict_do_nothing())
    return int(connection.execute(find).scalar_one())


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


def commit(db: Database, connection: Connection, draft: VersionDraft) -> tuple[VersionRecord, bool]:
    """Create the version, or find the existing one of equal content; move its aliases to it.

    Returns:
        The version, and whether it is new.
    """
    check_type(connection, draft.entity, draft.project, draft.name, draft.type)
    artifact_id = _lock_artifact(db, connection, draft)
    _check_latest(connection, artifact_id, draft)
    now = db.now(connection)
    same_content = sa.select(versions.c.id).where(
        versions.c.artifact_id == artifact_id,
        versions.c.digest == draft.digest,
        versions.c.deleted_at.is_(None),
    )
    version_id = connection.scalar(same_content.order_by(versions.c.number.desc()).limit(1))
    created = version_id is None
    if version_id is None:
        row = {
            "artifact_id": artifact_id,
            "digest": draft.digest,
            "size": draft.size,
            "file_count": draft.file_count,
            "description": draft.description,
            "metadata": dict(draft.metadata),
            "created_at": now,
            "updated_at": now,
            "logged_at": now,
            "created_by": draft.created_by,
            # Last, so that the number is taken when nothing can fail any more.
            "number": _next_number(connection, artifact_id),
        }
        version_id = connection.scalar(sa.insert(versions).values(row).returning(versions.c.id))
    else:
        logged = sa.update(versions).where(versions.c.id == version_id).values(logged_at=now)
        connection.execute(logged)
    names = (*draft.aliases, LATEST) if draft.latest else draft.aliases
    for alias in dict.fromkeys(names):
        _move_alias(connection, artifact_id, alias, version_id, now, draft.created_by)
    add_tags(db, connection, version_id, draft.tags)
    return get(connection, version_id), created


def check_live(connection: Connection, version_id: int) -> None:
    """Make sure that a version is not deleted before this transaction ends.

    Raises:
        ConflictError: It is deleted.
    """
    statement = (
        sa.select(versions.c.deleted_at).where(versions.c.id == version_id).with_for_update()
    )
    if connection.execute(statement).scalar_one() is not None:
        raise ConflictError(
            f"{get(connection, version_id).ref} was deleted while its successor was being logged",
            hint="log the artifact again",
            kind="base_deleted",
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


def live_manifests(connection: Connection) -> dict[Digest, list[str]]:
    """Return the manifests of all versions that are not deleted, with the versions' names."""
    statement = (
        sa.select(
            versions.c.digest,
            versions.c.number,
            artifacts.c.name,
            projects.c.name.label("project"),
        )
        .join(artifacts, artifacts.c.id == versions.c.artifact_id)
        .join(projects, projects.c.id == artifacts.c.project_id)
        .where(versions.c.deleted_at.is_(None))
        .order_by(versions.c.id)
    )
    found: dict[Digest, list[str]] = {}
    for row in connection.execute(statement):
        found.setdefault(Digest(row.digest), []).append(f"{row.project}/{row.name}:v{row.number}")
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


def set_alias(
    db: Database,
    connection: Connection,
    version_id: int,
    alias: str,
    *,
    expected: int | None = None,
    by: str | None = None,
) -> None:
    """Point an alias at a version; it leaves the version that had it.

    Args:
        expected: Key of the version that has the alias now; compare-and-set.

    Raises:
        ConflictError: The alias is not where it was expected.
    """
    artifact_id = _live_artifact_of(connection, version_id)
    _touch_artifact(db, connection, artifact_id)
    if expected is not None:
        holder = by_alias(connection, artifact_id, alias)
        if holder is None or holder.id != expected:
            raise ConflictError(
                f"alias {alias!r} has moved meanwhile to {holder.version if holder else 'nothing'}"
            )
    _move_alias(connection, artifact_id, alias, version_id, db.now(connection), by)


def remove_alias(
    db: Database, connection: Connection, version_id: int, alias: str, *, by: str | None = None
) -> bool:
    """Take an alias away from a version; False if it does not have it."""
    artifact_id = _live_artifact_of(connection, version_id)
    _touch_artifact(db, connection, artifact_id)
    statement = sa.delete(aliases).where(
        aliases.c.artifact_id == artifact_id,
        aliases.c.name == alias,
        aliases.c.version_id == version_id,
    )
    if connection.execute(statement).rowcount == 0:
        return False
    _record_move(connection, artifact_id, alias, version_id, None, db.now(connection), by)
    return True


def alias_event(connection: Connection, version_id: int, alias: str) -> int | None:
    """Return the newest movement of ``alias`` onto a version."""
    statement = sa.select(sa.func.max(alias_events.c.id)).where(
        alias_events.c.to_version_id == version_id, alias_events.c.alias == alias
    )
    event: int | None = connection.scalar(statement)
    return event


def add_tags(db: Database, connection: Connection, version_id: int, tags: Iterable[str]) -> None:
    """Label a version; labels that it has stay."""
    rows = [{"version_id": version_id, "tag": tag} for tag in dict.fromkeys(tags)]
    if rows:
        connection.execute(db.insert(version_tags).values(rows).on_conflict_do_nothing())


def remove_tag(connection: Connection, version_id: int, tag: str) -> bool:
    """Remove a label; False if the version does not have it."""
    statement = sa.delete(version_tags).where(
        version_tags.c.version_id == version_id, version_tags.c.tag == tag
    )
    return connection.execute(statement).rowcount > 0


def edit(
    db: Database,
    connection: Connection,
    before: VersionRecord,
    *,
    description: str | None,
    metadata: Mapping[str, Any],
    aliases: Sequence[str],
    tags: Sequence[str],
    by: str | None = None,
) -> None:
    """Change what differs from ``before``; what others changed since then stays."""
    version_id = before.id
    _live_artifact_of(connection, version_id)
    for alias in sorted(set(aliases) - set(before.aliases)):
        set_alias(db, connection, version_id, alias, by=by)
    for alias in sorted(set(before.aliases) - set(aliases)):
        remove_alias(db, connection, version_id, alias, by=by)
    add_tags(db, connection, version_id, [tag for tag in tags if tag not in before.tags])
    for tag in set(before.tags) - set(tags):
        remove_tag(connection, version_id, tag)
    values: dict[str, Any] = {"updated_at": db.now(connection)}
    if description != before.description:
        values["description"] = description
    if dict(metadata) != before.metadata:
        values["metadata"] = dict(metadata)
    connection.execute(sa.update(versions).where(versions.c.id == version_id).values(**values))


def delete(
    db: Database,
    connection: Connection,
    version_id: int,
    *,
    delete_aliases: bool,
    by: str | None = None,
) -> None:
    """Delete a version: it becomes a tombstone, which lineage still shows.

    ``latest`` moves on to the remaining version that was logged last.

    Raises:
        StateError: It has other aliases than ``latest`` and ``delete_aliases`` is False.
    """
    artifact_id = _live_artifact_of(connection, version_id)
    _touch_artifact(db, connection, artifact_id)
    held = sa.select(aliases.c.name).where(aliases.c.version_id == version_id)
    names = sorted(connection.scalars(held))
    blocking = [name for name in names if name != LATEST]
    if blocking and not delete_aliases:
        raise StateError(
            f"{get(connection, version_id).ref} has the aliases {', '.join(blocking)}",
            hint="move or remove the aliases first, or delete with delete_aliases=True "
            "(--delete-aliases)",
            kind="has_aliases",
        )
    now = db.now(connection)
    tombstone = sa.update(versions).where(versions.c.id == version_id).values(deleted_at=now)
    connection.execute(tombstone)
    connection.execute(sa.delete(aliases).where(aliases.c.version_id == version_id))
    successor = connection.scalar(
        sa.select(versions.c.id)
        .where(versions.c.artifact_id == artifact_id, versions.c.deleted_at.is_(None))
        .order_by(versions.c.logged_at.desc(), versions.c.number.desc())
        .limit(1)
    )
    for name in names:
        if name == LATEST and successor is not None:
            row = {"artifact_id": artifact_id, "name": LATEST, "version_id": successor}
            connection.execute(sa.insert(aliases).values(row))
            _record_move(connection, artifact_id, name, version_id, successor, now, by)
        else:
            _record_move(connection, artifact_id, name, version_id, None, now, by)


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


def list_artifacts(
    connection: Connection,
    *,
    entity: str | None = None,
    project: str | None = None,
    type_: str | None = None,
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
    rows = connection.execute(statement).all()
    latest = get_many(connection, (row.latest_id for row in rows if row.latest_id is not None))
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
        )
        for row in rows
    ]


def list_projects(connection: Connection) -> list[tuple[str, str]]:
    """Return (entity, name) of every project."""
    statement = sa.select(projects.c.entity, projects.c.name).order_by(
        projects.c.entity, projects.c.name
    )
    return [(row.entity, row.name) for row in connection.execute(statement)]


def names_in_project(connection: Connection, entity: str, project: str) -> list[str]:
    """Return the names of all artifacts of a project."""
    statement = (
        sa.select(artifacts.c.name)
        .join(projects, projects.c.id == artifacts.c.project_id)
        .where(projects.c.entity == entity, projects.c.name == project)
        .order_by(artifacts.c.name)
    )
    return list(connection.scalars(statement))


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
        )
        for row in rows
    ]


def _grouped(
    connection: Connection,
    key: sa.ColumnElement[int],
    value: sa.ColumnElement[str],
    ids: Sequence[int],
) -> dict[int, list[str]]:
    groups: dict[int, list[str]] = {}
    for batch in chunked(ids):
        statement = sa.select(key, value).where(key.in_(batch)).order_by(key, value)
        for id_, text in connection.execute(statement):
            groups.setdefault(id_, []).append(text)
    return groups


def _lock_artifact(db: Database, connection: Connection, draft: VersionDraft) -> int:
    """Return the artifact's key, created if need be, its row locked until the end."""
    project_id = ensure_project(db, connection, draft.entity, draft.project)
    now = db.now(connection)
    row = {
        "project_id": project_id,
        "name": draft.name,
        "type": draft.type,
        "next_number": 0,
        "created_at": now,
        "updated_at": now,
    }
    connection.execute(db.insert(artifacts).values(row).on_conflict_do_nothing())
    lock = (
        sa.update(artifacts)
        .where(artifacts.c.project_id == project_id, artifacts.c.name == draft.name)
        .values(updated_at=now)
        .returning(artifacts.c.id, artifacts.c.type)
    )
    artifact_id, type_ = connection.execute(lock).one()
    if type_ != draft.type:  # another session created it after check_type
        check_type(connection, draft.entity, draft.project, draft.name, draft.type)
    return int(artifact_id)


def _check_latest(connection: Connection, artifact_id: int, draft: VersionDraft) -> None:
    if draft.expected_latest is None:
        return
    latest = by_alias(connection, artifact_id, LATEST)
    if (latest.id if latest else 0) != draft.expected_latest:
        raise ConflictError(
            f"another version of {draft.name!r} was logged meanwhile", kind="latest_moved"
        )


def _next_number(connection: Connection, artifact_id: int) -> int:
    statement = (
        sa.update(artifacts)
        .where(artifacts.c.id == artifact_id)
        .values(next_number=artifacts.c.next_number + 1)
        .returning(artifacts.c.next_number)
    )
    return int(connection.execute(statement).scalar_one()) - 1


def _live_artifact_of(connection: Connection, version_id: int) -> int:
    statement = sa.select(versions.c.artifact_id, versions.c.deleted_at).where(
        versions.c.id == version_id
    )
    row = connection.execute(statement).one()
    if row.deleted_at is not None:
        raise RefNotFoundError(
            f"{get(connection, version_id).ref} was deleted", kind="version_deleted"
        )
    return int(row.artifact_id)


def _touch_artifact(db: Database, connection: Connection, artifact_id: int) -> None:
    # Also the row lock under which aliases of one artifact move one after the other.
    statement = (
        sa.update(artifacts)
        .where(artifacts.c.id == artifact_id)
        .values(updated_at=db.now(connection))
    )
    connection.execute(statement)


def _move_alias(
    connection: Connection,
    artifact_id: int,
    alias: str,
    version_id: int,
    now: int,
    by: str | None,
) -> None:
    here = sa.and_(aliases.c.artifact_id == artifact_id, aliases.c.name == alias)
    previous = connection.scalar(sa.select(aliases.c.version_id).where(here))
    if previous == version_id:
        return
    if previous is None:
        row = {"artifact_id": artifact_id, "name": alias, "version_id": version_id}
        connection.execute(sa.insert(aliases).values(row))
    else:
        connection.execute(sa.update(aliases).where(here).values(version_id=version_id))
    _record_move(connection, artifact_id, alias, previous, version_id, now, by)


def _record_move(
    connection: Connection,
    artifact_id: int,
    alias: str,
    previous: int | None,
    current: int | None,
    now: int,
    by: str | None,
) -> None:
    row = {
        "artifact_id": artifact_id,
        "alias": alias,
        "from_version_id": previous,
        "to_version_id": current,
        "at": now,
        "by": by,
    }
    connection.execute(sa.insert(alias_events).values(row))
