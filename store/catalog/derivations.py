"""Statements about exact edges: which version was made of which."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from artifacts.store.catalog import runs
from artifacts.store.catalog import versions as version_statements
from artifacts.store.catalog.database import chunked
from artifacts.store.catalog.schema import derivations
from artifacts.store.records import DerivationKind, DerivationRecord, LinkKind

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy.engine import Connection

    from artifacts.store.catalog.database import Database
    from artifacts.store.records import Source


def add(
    db: Database,
    connection: Connection,
    output: int,
    sources: Iterable[Source],
    run: int | None = None,
) -> None:
    """Record what a version was made of; recording it again changes nothing.

    A source that was deleted meanwhile is recorded all the same: it was used. A version is not
    made of itself, also where its content turned out to be there already.

    Args:
        run: Key of the run that says so. What it declares becomes an input of it.
    """
    now = db.now(connection)
    for source in sources:
        if run is not None and source.kind is DerivationKind.DECLARED:
            runs.insert_link(
                db,
                connection,
                run,
                source.version,
                LinkKind.INPUT,
                ref_text=source.ref_text,
                alias=source.alias,
            )
        if source.version == output:
            continue
        row = {
            "output_id": output,
            "input_id": source.version,
            "run_id": run,
            "kind": source.kind.value,
            "at": now,
        }
        connection.execute(db.insert(derivations).values(row).on_conflict_do_nothing())


def of_outputs(
    connection: Connection, ids: Iterable[int], kind: DerivationKind | None = None
) -> list[DerivationRecord]:
    """Return what these versions were made of, oldest first."""
    return _load(connection, derivations.c.output_id, ids, kind)


def of_inputs(
    connection: Connection, ids: Iterable[int], kind: DerivationKind | None = None
) -> list[DerivationRecord]:
    """Return what was made of these versions, oldest first."""
    return _load(connection, derivations.c.input_id, ids, kind)


def _load(
    connection: Connection,
    column: sa.ColumnElement[int],
    ids: Iterable[int],
    kind: DerivationKind | None,
) -> list[DerivationRecord]:
    rows: list[sa.Row[Any]] = []
    for batch in chunked(sorted(set(ids))):
        statement = sa.select(derivations).where(column.in_(batch))
        if kind is not None:
            statement = statement.where(derivations.c.kind == kind.value)
        rows.extend(connection.execute(statement))
    rows.sort(key=lambda row: row.id)
    ends = {end for row in rows for end in (row.output_id, row.input_id)}
    found = version_statements.get_many(connection, ends)
    return [
        DerivationRecord(
            found[row.output_id], found[row.input_id], DerivationKind(row.kind), row.run_id, row.at
        )
        for row in rows
    ]
