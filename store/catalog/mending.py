"""Statements of a repair: objects whose bytes are lost, and versions that are broken by that."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from artifacts.store.catalog import blobs as blob_statements
from artifacts.store.catalog.database import chunked
from artifacts.store.catalog.schema import objects, versions
from artifacts.store.digests import Digest
from artifacts.store.places import BlobPlace, Encoding
from artifacts.store.records import ObjectState

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from sqlalchemy.engine import Connection

    from artifacts.store.catalog.database import Database

_ENCODINGS = tuple(Encoding)
_READABLE = (ObjectState.LIVE.value, ObjectState.CONDEMNED.value)


def places_in(connection: Connection, ids: Collection[int]) -> dict[int, list[BlobPlace]]:
    """Return what should lie in some objects, by their keys; one scan of all blobs."""
    statement = 'SELECT object_id, digest, size, "offset", length, encoding FROM blobs'
    found: dict[int, list[BlobPlace]] = {id_: [] for id_ in ids}
    cursor = connection.exec_driver_sql(statement).cursor
    while rows := cursor.fetchmany(10_000):
        for object_id, digest, size, offset, length, encoding in rows:
            if object_id in found:
                place = BlobPlace(Digest(bytes(digest)), size, offset, length, _ENCODINGS[encoding])
                found[object_id].append(place)
    return found


def copies_outside(
    db: Database, connection: Connection, digests: Iterable[Digest], ids: Collection[int]
) -> set[Digest]:
    """Return which blobs can be read from an object that is not one of these."""
    statement = (
        "SELECT blobs.digest, blobs.object_id FROM blobs "
        "JOIN objects ON objects.id = blobs.object_id "
        "WHERE objects.state IN ('live', 'condemned') AND blobs.digest IN {values}"
    )
    return {
        Digest(bytes(digest))
        for digest, object_id in db.select_in(connection, statement, digests)
        if object_id not in ids
    }


def replace_damaged(
    db: Database, connection: Connection, lease: str | None, uploaded: int, damaged: Iterable[int]
) -> list[str]:
    """Make the copies of a repair live and give up the damaged objects; return their keys.

    A writer that relies on one of those is refused when it commits, and claims again.

    Raises:
        ConflictError: The lease is gone.
    """
    blob_statements.confirm(db, connection, lease, frozenset(), uploaded)
    keys: list[str] = []
    for batch in chunked(sorted(damaged)):
        statement = (
            sa.update(objects)
            .where(objects.c.id.in_(batch), objects.c.state.in_(_READABLE))
            .values(state=ObjectState.DELETING.value)
            .returning(objects.c.key)
        )
        keys.extend(connection.scalars(statement))
    return keys


def mark_broken(
    db: Database, connection: Connection, found: Mapping[Digest, str | None]
) -> list[int]:
    """Say what is lost of all versions with some manifests, None for nothing; return them."""
    changed: list[int] = []
    for digest, text in found.items():
        statement = (
            sa.update(versions)
            .where(
                versions.c.digest == digest,
                versions.c.deleted_at.is_(None),
                versions.c.broken.is_distinct_from(text),
            )
            .values(broken=text, updated_at=db.now(connection))
            .returning(versions.c.id)
        )
        changed.extend(connection.scalars(statement))
    return changed


def broken_versions(connection: Connection) -> dict[Digest, str]:
    """Return what is lost, by the manifests of live versions that are marked."""
    statement = sa.select(versions.c.digest, versions.c.broken).where(
        versions.c.broken.is_not(None), versions.c.deleted_at.is_(None)
    )
    return {Digest(bytes(row.digest)): row.broken for row in connection.execute(statement)}
