"""Statements that make, rename and delete versions: commits, aliases, tags, tombstones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from artifacts.store.catalog import consumers, runs
from artifacts.store.catalog import projects as project_statements
from artifacts.store.catalog import versions as reading
from artifacts.store.catalog.schema import (
    alias_events,
    aliases,
    artifacts,
    version_tags,
    versions,
)
from artifacts.store.errors import (
    AlreadyExistsError,
    ConflictError,
    RefNotFoundError,
    StateError,
)
from artifacts.store.refs import LATEST

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy.engine import Connection

    from artifacts.store.catalog.database import Database
    from artifacts.store.records import VersionDraft, VersionRecord


def commit(db: Database, connection: Connection, draft: VersionDraft) -> tuple[VersionRecord, bool]:
    """Create the version, or find the existing one of equal content; move its aliases to it.

    Returns:
        The version, and whether it is new.

    Raises:
        StateError: One of the aliases is protected, and another version has it.
    """
    project_statements.check_type(connection, draft.entity, draft.project, draft.name, draft.type)
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
            "ttl": draft.ttl,
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
    return reading.get(connection, version_id), created


def edit_artifact(
    db: Database,
    connection: Connection,
    artifact_id: int,
    *,
    name: str,
    type_: str,
    description: str | None,
) -> None:
    """Rename an artifact, or change the type or description that all its versions share.

    Raises:
        AlreadyExistsError: Another artifact of the project has the name.
    """
    own = sa.select(artifacts.c.project_id).where(artifacts.c.id == artifact_id)
    taken = sa.select(artifacts.c.id).where(
        artifacts.c.project_id == own.scalar_subquery(),
        artifacts.c.name == name,
        artifacts.c.id != artifact_id,
    )
    if connection.scalar(taken) is not None:
        raise AlreadyExistsError(
            f"the project has an artifact {name!r} already", hint="choose another name"
        )
    values = {
        "name": name,
        "type": type_,
        "description": description,
        "updated_at": db.now(connection),
    }
    connection.execute(sa.update(artifacts).where(artifacts.c.id == artifact_id).values(**values))


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
            f"{reading.get(connection, version_id).ref} was deleted while its successor was "
            "being logged",
            hint="log the artifact again",
            kind="base_deleted",
        )


def set_alias(
    db: Database,
    connection: Connection,
    version_id: int,
    alias: str,
    *,
    expected: int | None = None,
    force: bool = False,
    by: str | None = None,
) -> None:
    """Point an alias at a version; it leaves the version that had it.

    Args:
        expected: Key of the version that has the alias now; compare-and-set.
        force: Also if it is protected, which it stays.

    Raises:
        ConflictError: The alias is not where it was expected.
        StateError: It is protected, and another version has it.
    """
    artifact_id = check_not_deleted(connection, version_id)
    _touch_artifact(db, connection, artifact_id)
    check_not_deleted(connection, version_id)  # again: others had to wait from here on
    if expected is not None:
        holder = reading.by_alias(connection, artifact_id, alias)
        if holder is None or holder.id != expected:
            raise ConflictError(
                f"alias {alias!r} has moved meanwhile to {holder.version if holder else 'nothing'}"
            )
    _move_alias(connection, artifact_id, alias, version_id, db.now(connection), by, force=force)


def remove_alias(
    db: Database,
    connection: Connection,
    version_id: int,
    alias: str,
    *,
    force: bool = False,
    by: str | None = None,
) -> bool:
    """Take an alias away from a version; False if it does not have it.

    Raises:
        StateError: It is protected, and ``force`` is False.
    """
    artifact_id = check_not_deleted(connection, version_id)
    _touch_artifact(db, connection, artifact_id)
    check_not_deleted(connection, version_id)  # again: others had to wait from here on
    here = sa.and_(
        aliases.c.artifact_id == artifact_id,
        aliases.c.name == alias,
        aliases.c.version_id == version_id,
    )
    if not force and connection.scalar(sa.select(aliases.c.protected).where(here)):
        raise _protected(connection, version_id, [alias])
    if connection.execute(sa.delete(aliases).where(here)).rowcount == 0:
        return False
    _record_move(connection, artifact_id, alias, version_id, None, db.now(connection), by)
    return True


def protect_alias(
    db: Database, connection: Connection, version_id: int, alias: str, *, protected: bool
) -> bool:
    """Protect an alias of a version, or end that; False if the version does not have it."""
    artifact_id = check_not_deleted(connection, version_id)
    _touch_artifact(db, connection, artifact_id)
    statement = (
        sa.update(aliases)
        .where(
            aliases.c.artifact_id == artifact_id,
            aliases.c.name == alias,
            aliases.c.version_id == version_id,
        )
        .values(protected=int(protected))
    )
    return connection.execute(statement).rowcount > 0


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
    ttl: int | None,
    force: bool = False,
    by: str | None = None,
) -> None:
    """Change what differs from ``before``; what others changed since then stays.

    Raises:
        StateError: It moves or removes a protected alias, and ``force`` is False.
    """
    version_id = before.id
    check_not_deleted(connection, version_id)
    for alias in sorted(set(aliases) - set(before.aliases)):
        set_alias(db, connection, version_id, alias, force=force, by=by)
    for alias in sorted(set(before.aliases) - set(aliases)):
        remove_alias(db, connection, version_id, alias, force=force, by=by)
    add_tags(db, connection, version_id, [tag for tag in tags if tag not in before.tags])
    for tag in set(before.tags) - set(tags):
        remove_tag(connection, version_id, tag)
    values: dict[str, Any] = {"updated_at": db.now(connection)}
    if description != before.description:
        values["description"] = description
    if dict(metadata) != before.metadata:
        values["metadata"] = dict(metadata)
    if ttl != before.ttl:
        values["ttl"] = ttl
    connection.execute(sa.update(versions).where(versions.c.id == version_id).values(**values))


def delete(
    db: Database,
    connection: Connection,
    version_id: int,
    *,
    delete_aliases: bool,
    force: bool,
    by: str | None = None,
) -> None:
    """Delete a version: it becomes a tombstone, which lineage still shows.

    ``latest`` moves on to the remaining version that was logged last.

    Raises:
        StateError: It has other aliases than ``latest`` and ``delete_aliases`` is False, or a
            running run or a consumer works with it or one of the aliases is protected and
            ``force`` is False.
    """
    artifact_id = check_not_deleted(connection, version_id)
    _touch_artifact(db, connection, artifact_id)
    check_not_deleted(connection, version_id)  # again: others had to wait from here on
    held = sa.select(aliases.c.name, aliases.c.protected).where(aliases.c.version_id == version_id)
    guarded = {row.name: row.protected for row in connection.execute(held)}
    names = sorted(guarded)
    if any(guarded.values()) and not force:
        raise _protected(connection, version_id, [name for name in names if guarded[name]])
    blocking = [name for name in names if name != LATEST]
    if blocking and not delete_aliases:
        raise StateError(
            f"{reading.get(connection, version_id).ref} has the aliases {', '.join(blocking)}",
            hint="move them (art alias), or delete it all the same with delete_aliases=True "
            "(--delete-aliases)",
            kind="has_aliases",
        )
    user = runs.running_users(connection, [version_id]).get(version_id)
    if user is not None and not force:
        raise StateError(
            f"{reading.get(connection, version_id).ref} is being used by run {user}",
            hint="wait until the run has finished, or delete with force=True (--force)",
            kind="in_use",
        )
    consumer = consumers.at_work(connection, [version_id]).get(version_id)
    if consumer is not None and not force:
        raise StateError(
            f"{consumer.kind} {consumer.name} works with {consumer.version.ref}",
            hint="end that first (art deploy --end), or delete with force=True (--force)",
            kind="deployed",
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
            _insert_alias(connection, artifact_id, LATEST, successor)
            _record_move(connection, artifact_id, name, version_id, successor, now, by)
        else:
            _record_move(connection, artifact_id, name, version_id, None, now, by)


def restore(
    db: Database, connection: Connection, version_id: int, *, by: str | None = None
) -> None:
    """Undo a deletion. Aliases that the version had are not given back, but ``latest`` may move.

    Raises:
        StateError: The version is not deleted, or another one has the same content.
    """
    found = connection.execute(
        sa.select(versions.c.artifact_id, versions.c.digest, versions.c.deleted_at).where(
            versions.c.id == version_id
        )
    ).one()
    ref = reading.get(connection, version_id).ref
    if found.deleted_at is None:
        raise StateError(f"{ref} is not deleted", kind="not_deleted")
    _touch_artifact(db, connection, found.artifact_id)
    same = sa.select(versions.c.number).where(
        versions.c.artifact_id == found.artifact_id,
        versions.c.digest == found.digest,
        versions.c.deleted_at.is_(None),
    )
    number = connection.scalar(same)
    if number is not None:
        raise StateError(f"{ref} was logged again since, as v{number}", kind="logged_again")
    undone = sa.update(versions).where(versions.c.id == version_id).values(deleted_at=None)
    connection.execute(undone)
    if reading.by_alias(connection, found.artifact_id, LATEST) is None:
        now = db.now(connection)
        _move_alias(connection, found.artifact_id, LATEST, version_id, now, by)


def set_retention(
    db: Database, connection: Connection, artifact_id: int, policy: Mapping[str, Any] | None
) -> None:
    """Set which versions of an artifact are kept."""
    values = {"retention": policy, "updated_at": db.now(connection)}
    connection.execute(sa.update(artifacts).where(artifacts.c.id == artifact_id).values(**values))


def set_ttl(db: Database, connection: Connection, version_id: int, ttl: int | None) -> None:
    """Set how long a version is kept."""
    check_not_deleted(connection, version_id)
    values = {"ttl": ttl, "updated_at": db.now(connection)}
    connection.execute(sa.update(versions).where(versions.c.id == version_id).values(**values))


def _lock_artifact(db: Database, connection: Connection, draft: VersionDraft) -> int:
    """Return the artifact's key, created if need be, its row locked until the end."""
    project_id = project_statements.ensure_project(db, connection, draft.entity, draft.project)
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
        project_statements.check_type(
            connection, draft.entity, draft.project, draft.name, draft.type
        )
    return int(artifact_id)


def _check_latest(connection: Connection, artifact_id: int, draft: VersionDraft) -> None:
    if draft.expected_latest is None:
        return
    latest = reading.by_alias(connection, artifact_id, LATEST)
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


def check_not_deleted(connection: Connection, version_id: int) -> int:
    """Return the artifact of a version.

    Raises:
        RefNotFoundError: The version was deleted.
    """
    statement = sa.select(versions.c.artifact_id, versions.c.deleted_at).where(
        versions.c.id == version_id
    )
    row = connection.execute(statement).one()
    if row.deleted_at is not None:
        raise RefNotFoundError(
            f"{reading.get(connection, version_id).ref} was deleted", kind="version_deleted"
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
    *,
    force: bool = False,
) -> None:
    here = sa.and_(aliases.c.artifact_id == artifact_id, aliases.c.name == alias)
    found = connection.execute(
        sa.select(aliases.c.version_id, aliases.c.protected).where(here)
    ).first()
    previous = None if found is None else found.version_id
    if previous == version_id:
        return
    if found is None:
        _insert_alias(connection, artifact_id, alias, version_id)
    elif found.protected and not force:
        raise _protected(connection, found.version_id, [alias])
    else:
        connection.execute(sa.update(aliases).where(here).values(version_id=version_id))
    _record_move(connection, artifact_id, alias, previous, version_id, now, by)


def _insert_alias(connection: Connection, artifact_id: int, alias: str, version_id: int) -> None:
    row = {"artifact_id": artifact_id, "name": alias, "version_id": version_id, "protected": 0}
    connection.execute(sa.insert(aliases).values(row))


def _protected(connection: Connection, version_id: int, names: Sequence[str]) -> StateError:
    return StateError(
        f"alias {', '.join(names)} of {reading.get(connection, version_id).ref} is protected",
        hint="to move, remove or delete it all the same: force=True (--force)",
        kind="alias_protected",
    )


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
