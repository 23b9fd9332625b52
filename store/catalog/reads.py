"""Statements about what runs have really read of their inputs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from artifacts.store.catalog import runs as run_statements
from artifacts.store.catalog.schema import links, versions
from artifacts.store.records import LinkKind
from artifacts.store.subset import Subset

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.engine import Connection

    from artifacts.store.catalog.database import Database


def begin(
    db: Database,
    connection: Connection,
    run: int,
    version_id: int,
    *,
    ref_text: str | None = None,
    alias: str | None = None,
) -> bool:
    """Make a version of which a run reads something an input of it.

    What a run has logged itself does not become an input by being read.

    Returns:
        Whether it is an input.
    """
    known = sa.select(links.c.kind).where(links.c.run_id == run, links.c.version_id == version_id)
    kinds = set(connection.scalars(known))
    if not kinds:
        # Also if it was deleted since: it was read.
        run_statements.insert_link(
            db, connection, run, version_id, LinkKind.INPUT, ref_text=ref_text, alias=alias
        )
    return not kinds or LinkKind.INPUT.value in kinds


def add(connection: Connection, run: int, subsets: Mapping[int, Subset]) -> None:
    """Add to what is known to have been read of inputs.

    Args:
        subsets: By version. Of what is no input of the run nothing is recorded.
    """
    statement = (
        sa.select(links.c.id, links.c.version_id, links.c.subset, versions.c.file_count)
        .join(versions, versions.c.id == links.c.version_id)
        .where(
            links.c.run_id == run,
            links.c.kind == LinkKind.INPUT.value,
            links.c.version_id.in_(sorted(subsets)),
        )
        .order_by(links.c.id)
        .with_for_update(of=links)
    )
    for row in connection.execute(statement).all():
        read = subsets[row.version_id]
        known = None if row.subset is None else Subset.from_json(row.subset)
        merged = read if known is None else known.merge(read, row.file_count)
        if merged != known:
            connection.execute(
                sa.update(links).where(links.c.id == row.id).values(subset=merged.to_json())
            )
