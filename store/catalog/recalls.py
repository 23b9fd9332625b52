"""Statements about recalls: somebody says that a version is bad, and perhaps takes that back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from artifacts.store.catalog import versions as version_statements
from artifacts.store.catalog.database import chunked
from artifacts.store.catalog.schema import artifacts, derivations, projects, recalls, versions
from artifacts.store.errors import AlreadyExistsError, StateError
from artifacts.store.records import DerivationKind, RecallRecord

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy.engine import Connection

    from artifacts.store.catalog.database import Database


def add(
    db: Database, connection: Connection, version_id: int, reason: str, by: str | None
) -> RecallRecord:
    """Recall a version; a deleted one may be recalled too, because others were made of it.

    Raises:
        AlreadyExistsError: It is recalled already.
    """
    _lock(connection, version_id)
    held = _of_versions(connection, [version_id]).get(version_id)
    if held is not None:
        raise AlreadyExistsError(
            f"{held.version.ref} is recalled already: {held.reason}",
            hint="take that recall back first, to give another reason (--undo)",
            kind="already_recalled",
        )
    row = {"version_id": version_id, "at": db.now(connection), "by": by, "reason": reason}
    key = connection.scalar(sa.insert(recalls).values(row).returning(recalls.c.id))
    return _load(connection, recalls.c.id == key)[0]


def undo(db: Database, connection: Connection, version_id: int, by: str | None) -> RecallRecord:
    """Take the recall of a version back, and return it.

    Raises:
        StateError: The version is not recalled.
    """
    _lock(connection, version_id)
    held = sa.and_(recalls.c.version_id == version_id, recalls.c.undone_at.is_(None))
    statement = (
        sa.update(recalls)
        .where(held)
        .values(undone_at=db.now(connection), undone_by=by)
        .returning(recalls.c.id)
    )
    # An import may have brought a second one.
    keys = connection.scalars(statement).all()
    if not keys:
        ref = version_statements.get(connection, version_id).ref
        raise StateError(f"{ref} is not recalled", kind="not_recalled")
    return _load(connection, recalls.c.id == max(keys))[0]


def in_force(connection: Connection, version_ids: Iterable[int]) -> dict[int, RecallRecord]:
    """Return the recalls that hold of these versions, the newest of each, by version.

    One that holds of a version holds of the links to it, too.
    """
    wanted = sorted(set(version_ids))
    linked: list[sa.Row[Any]] = []
    for batch in chunked(wanted):
        statement = sa.select(derivations.c.output_id, derivations.c.input_id).where(
            derivations.c.output_id.in_(batch), derivations.c.kind == DerivationKind.LINK.value
        )
        linked.extend(connection.execute(statement))
    own = _of_versions(connection, {*wanted, *(row.input_id for row in linked)})
    through = {row.output_id: own[row.input_id] for row in linked if row.input_id in own}
    return through | {version: own[version] for version in wanted if version in own}


def _of_versions(connection: Connection, version_ids: Iterable[int]) -> dict[int, RecallRecord]:
    found: dict[int, RecallRecord] = {}
    for batch in chunked(sorted(version_ids)):
        condition = sa.and_(recalls.c.version_id.in_(batch), recalls.c.undone_at.is_(None))
        found.update((record.version.id, record) for record in _load(connection, condition))
    return found


def list_recalls(
    connection: Connection,
    *,
    entity: str | None = None,
    project: str | None = None,
    undone: bool = False,
) -> list[RecallRecord]:
    """Return recalls, newest first.

    Args:
        undone: Also those that were taken back.
    """
    conditions: list[sa.ColumnElement[bool]] = [] if undone else [recalls.c.undone_at.is_(None)]
    if entity is not None:
        conditions.append(projects.c.entity == entity)
    if project is not None:
        conditions.append(projects.c.name == project)
    return _load(connection, sa.and_(sa.true(), *conditions))[::-1]


def _lock(connection: Connection, version_id: int) -> None:
    # Recalls of one version come one after the other.
    connection.execute(
        sa.select(versions.c.id).where(versions.c.id == version_id).with_for_update()
    )


def _load(connection: Connection, condition: sa.ColumnElement[bool]) -> list[RecallRecord]:
    statement = (
        sa.select(recalls)
        .join(versions, versions.c.id == recalls.c.version_id)
        .join(artifacts, artifacts.c.id == versions.c.artifact_id)
        .join(projects, projects.c.id == artifacts.c.project_id)
        .where(condition)
        .order_by(recalls.c.id)
    )
    rows: Sequence[sa.Row[Any]] = connection.execute(statement).all()
    found = version_statements.get_many(connection, (row.version_id for row in rows))
    return [
        RecallRecord(
            found[row.version_id], row.reason, row.at, row.by, row.undone_at, row.undone_by
        )
        for row in rows
    ]
