"""Statements about leases, objects and blobs.

The state of bytes is the state of the object they lie in; a blob row only says where in it. So
a claim and a commit touch a handful of object rows, however many blobs a version has, and a
blob exists exactly when a row leads to an object that is live (or condemned, which a claim
undoes). See ``docs/design/0002-object-states.md``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from artifacts.store.catalog.database import chunked
from artifacts.store.catalog.schema import blobs, leases, objects
from artifacts.store.digests import Digest
from artifacts.store.errors import ConflictError
from artifacts.store.places import BlobLocation, Encoding
from artifacts.store.records import ObjectKind, ObjectRecord, ObjectState

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy.engine import Connection

    from artifacts.store.catalog.database import Database
    from artifacts.store.places import BlobPlace
    from artifacts.store.records import ObjectDraft

_READABLE = (ObjectState.LIVE.value, ObjectState.CONDEMNED.value)
_ENCODINGS = tuple(Encoding)


@dataclass(frozen=True, slots=True)
class Claim:
    """Answer to "which of these do you have?".

    Attributes:
        present: Digests that need no upload.
        objects: Ids of the objects they lie in; to be confirmed at commit.
    """

    present: frozenset[Digest]
    objects: frozenset[int]


def claim(db: Database, connection: Connection, digests: Iterable[Digest]) -> Claim:
    """Find which blobs exist, and protect the objects they lie in by touching them."""
    statement = (
        "SELECT blobs.digest, blobs.object_id FROM blobs JOIN objects "
        "ON objects.id = blobs.object_id "
        "WHERE objects.state IN ('live', 'condemned') AND blobs.digest IN {values}"
    )
    found: dict[Digest, int] = dict(db.select_in(connection, statement, sorted(digests)))
    held = touch(db, connection, set(found.values()))
    present = frozenset(digest for digest, object_id in found.items() if object_id in held)
    return Claim(present, held)


def touch(db: Database, connection: Connection, ids: Iterable[int]) -> frozenset[int]:
    """Renew the protection of objects, condemned ones become live again; return those held.

    This is an UPDATE that tests the state, never a mere SELECT: on PostgreSQL it is what
    serializes a writer with a collector that condemns the same row.
    """
    now = db.now(connection)
    held: set[int] = set()
    for batch in chunked(sorted(ids)):
        statement = (
            sa.update(objects)
            .where(objects.c.id.in_(batch), objects.c.state.in_(_READABLE))
            .values(touched_at=now, state=ObjectState.LIVE.value, condemned_at=None)
            .returning(objects.c.id)
        )
        held.update(connection.scalars(statement))
    return frozenset(held)


def reserve(
    db: Database, connection: Connection, lease: str, drafts: Sequence[ObjectDraft]
) -> None:
    """Register objects, with the blobs in them, before anything is uploaded under their keys.

    Raises:
        ConflictError: The lease is gone.
    """
    now = db.now(connection)
    renewal = sa.update(leases).where(leases.c.id == lease).values(renewed_at=now)
    if connection.execute(renewal).rowcount != 1:
        raise _expired()
    for draft in drafts:
        object_id = _insert_object(connection, draft, ObjectState.PENDING, now, lease)
        _insert_blobs(db, connection, object_id, draft.blobs)


def confirm(
    db: Database,
    connection: Connection,
    lease: str | None,
    claimed: frozenset[int],
    uploaded: int,
) -> None:
    """Make the uploaded objects of a lease live and check that the claimed ones still are.

    Args:
        claimed: Ids of objects that hold blobs which were not uploaded because they exist.
        uploaded: How many objects this lease has reserved and uploaded.

    Raises:
        ConflictError: The lease is gone or a claimed object was deleted: the upload took so
            long that its blobs count as abandoned.
    """
    if lease is not None:
        ended = connection.execute(sa.delete(leases).where(leases.c.id == lease)).rowcount
        statement = (
            sa.update(objects)
            .where(objects.c.lease_id == lease, objects.c.state == ObjectState.PENDING.value)
            .values(state=ObjectState.LIVE.value, touched_at=db.now(connection), lease_id=None)
        )
        confirmed = connection.execute(statement).rowcount
        if ended != 1 or confirmed != uploaded:
            raise _expired()
    if touch(db, connection, claimed) != claimed:
        raise _expired()


def abandon(connection: Connection, lease: str) -> list[str]:
    """End a lease without a commit. Return the keys that may now be deleted, then `forget`."""
    connection.execute(sa.delete(leases).where(leases.c.id == lease))
    statement = (
        sa.update(objects)
        .where(objects.c.lease_id == lease, objects.c.state == ObjectState.PENDING.value)
        .values(state=ObjectState.DELETING.value)
        .returning(objects.c.key)
    )
    return list(connection.scalars(statement))


def forget(connection: Connection, keys: Iterable[str]) -> None:
    """Drop the rows of objects whose bytes have been deleted."""
    for batch in chunked(keys):
        doomed = sa.select(objects.c.id).where(
            objects.c.key.in_(batch), objects.c.state == ObjectState.DELETING.value
        )
        connection.execute(sa.delete(blobs).where(blobs.c.object_id.in_(doomed)))
        connection.execute(
            sa.delete(objects).where(
                objects.c.key.in_(batch), objects.c.state == ObjectState.DELETING.value
            )
        )


def locate(
    db: Database, connection: Connection, digests: Iterable[Digest]
) -> dict[Digest, BlobLocation]:
    """Return a readable copy of each blob that has one, preferably in a live object."""
    statement = (
        'SELECT objects.state, objects.key, blobs.digest, blobs.size, blobs."offset", '
        "blobs.length, blobs.encoding FROM blobs JOIN objects ON objects.id = blobs.object_id "
        "WHERE objects.state IN ('live', 'condemned') AND blobs.digest IN {values}"
    )
    found: dict[Digest, BlobLocation] = {}
    for state, key, digest, size, offset, length, encoding in db.select_in(
        connection, statement, digests
    ):
        if state == "live" or digest not in found:
            place = BlobLocation(key, digest, size, offset, length, _ENCODINGS[encoding])
            found[Digest(digest)] = place
    return found


def list_objects(connection: Connection) -> list[ObjectRecord]:
    """Return every object row, by key."""
    rows = connection.execute(sa.select(objects).order_by(objects.c.key))
    return [
        ObjectRecord(
            row.id,
            row.key,
            ObjectKind(row.kind),
            ObjectState(row.state),
            row.size,
            None if row.digest is None else Digest(row.digest),
            row.touched_at,
            row.condemned_at,
            row.lease_id,
        )
        for row in rows
    ]


def keys_with(connection: Connection, digest: Digest) -> set[str]:
    """Return the keys of all objects that hold a blob, whatever their state."""
    statement = (
        sa.select(objects.c.key)
        .join(blobs, blobs.c.object_id == objects.c.id)
        .where(blobs.c.digest == digest)
    )
    return set(connection.scalars(statement))


def fingerprints(connection: Connection) -> dict[int, tuple[int, int]]:
    """Return `places.fingerprint` of the rows of each object, by the object's key; one scan."""
    statement = 'SELECT object_id, digest, size, "offset", length, encoding FROM blobs'
    found: dict[int, tuple[int, int]] = {}
    cursor = connection.exec_driver_sql(statement).cursor
    while rows := cursor.fetchmany(10_000):
        for object_id, *place in rows:
            count, mixed = found.get(object_id, (0, 0))
            found[object_id] = (count + 1, mixed ^ hash(tuple(place)))
    return found


def adopt(db: Database, connection: Connection, draft: ObjectDraft) -> bool:
    """Enter an object that lies in the object store as live; False if its key is known."""
    known = connection.scalar(sa.select(objects.c.id).where(objects.c.key == draft.key))
    if known is not None:
        return False
    object_id = _insert_object(connection, draft, ObjectState.LIVE, db.now(connection), None)
    _insert_blobs(db, connection, object_id, draft.blobs)
    return True


def _insert_blobs(
    db: Database, connection: Connection, object_id: int, places: Sequence[BlobPlace]
) -> None:
    # The driver looks for an adapter for anything that is not exactly an int.
    rows = [
        (digest, object_id, offset, length, size, int(encoding))
        for digest, size, offset, length, encoding in places
    ]
    rows.sort()  # in the order of the index
    columns = ("digest", "object_id", "offset", "length", "size", "encoding")
    db.insert_many(connection, blobs, columns, rows)


def _insert_object(
    connection: Connection, draft: ObjectDraft, state: ObjectState, now: int, lease: str | None
) -> int:
    row = {
        "key": draft.key,
        "kind": draft.kind.value,
        "state": state.value,
        "size": draft.size,
        "digest": draft.digest,
        "touched_at": now,
        "lease_id": lease,
    }
    statement = sa.insert(objects).values(row).returning(objects.c.id)
    return int(connection.execute(statement).scalar_one())


def _expired() -> ConflictError:
    return ConflictError(
        "the upload expired before it was committed, and its data were collected",
        hint="log the artifact again",
        kind="upload_expired",
    )
