"""From a reference to the version that it named at a time in the past."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from artifacts.store.catalog import lookup, projects, versions
from artifacts.store.catalog.schema import alias_events
from artifacts.store.errors import RefNotFoundError
from artifacts.store.records import to_datetime
from artifacts.store.refs import LATEST

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from artifacts.store.records import VersionRecord
    from artifacts.store.refs import Ref


def resolve_at(
    connection: Connection, ref: Ref, at: int, *, entity: str, project: str
) -> VersionRecord:
    """Return the version that ``ref`` named at a time; it may have been deleted since.

    Args:
        connection: Within a transaction.
        ref: A name with an alias, a number, a digest or nothing, which means ``latest``.
        at: Microseconds since 1970, by the catalog's clock.
        entity: Used where the reference names none.
        project: Likewise.

    Raises:
        RefNotFoundError: There was no such thing then.
    """
    found = _named(connection, ref, at, entity, project)
    when = f"{to_datetime(at):%Y-%m-%d %H:%M} UTC"
    if found is None or found.created_at > at:
        raise RefNotFoundError(
            f"there was no {ref} at {when}", hint="choose another time", kind="not_there_then"
        )
    if found.deleted_at is not None and found.deleted_at <= at:
        raise RefNotFoundError(f"{found.ref} was deleted before {when}", kind="version_deleted")
    return found


def _named(
    connection: Connection, ref: Ref, at: int, entity: str, project: str
) -> VersionRecord | None:
    if ref.name is not None and ref.digest is None:
        place = projects.find_artifact(
            connection, ref.entity or entity, ref.project or project, ref.name
        )
        if place is not None:
            artifact_id, alias = place[0], ref.selector or LATEST
            if ref.number is not None:
                found = versions.by_number(connection, artifact_id, ref.number)
                if found is not None:
                    return found
            elif _has_moved(connection, artifact_id, alias):
                return _holder(connection, artifact_id, alias, at)
    # A digest names the same at all times; anything else raises, with near matches.
    return lookup.resolve(connection, ref, entity=entity, project=project)


def _has_moved(connection: Connection, artifact_id: int, alias: str) -> bool:
    """Whether there ever was an alias of that name."""
    statement = sa.select(alias_events.c.id).where(
        alias_events.c.artifact_id == artifact_id, alias_events.c.alias == alias
    )
    return connection.scalar(statement.limit(1)) is not None


def _holder(connection: Connection, artifact_id: int, alias: str, at: int) -> VersionRecord | None:
    statement = (
        sa.select(alias_events.c.to_version_id)
        .where(
            alias_events.c.artifact_id == artifact_id,
            alias_events.c.alias == alias,
            alias_events.c.at <= at,
        )
        .order_by(alias_events.c.at.desc(), alias_events.c.id.desc())
        .limit(1)
    )
    version_id = connection.scalar(statement)
    return None if version_id is None else versions.get(connection, version_id)
