"""Reading many rows, a page at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from artifacts.store.catalog.database import chunked

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from sqlalchemy.engine import Connection

_PAGE = 500


def pages(
    connection: Connection,
    statement: sa.Select[Any],
    key: sa.ColumnElement[int],
    ids: Collection[int] | None,
) -> Iterator[Sequence[sa.Row[Any]]]:
    """Yield rows in the order of a key, a page at a time; of all rows, or of these keys."""
    if ids is not None:
        for batch in chunked(sorted(ids), _PAGE):
            yield connection.execute(statement.where(key.in_(batch)).order_by(key)).all()
        return
    last = 0
    while True:
        page = statement.where(key > last).order_by(key).limit(_PAGE)
        rows = connection.execute(page).all()
        if not rows:
            return
        yield rows
        last = rows[-1].id


def ids_where(
    connection: Connection,
    wanted: sa.ColumnElement[int],
    column: sa.ColumnElement[int],
    values: Collection[int],
) -> set[int]:
    """Return a column of the rows in which another one has one of these values."""
    found: set[int] = set()
    for batch in chunked(sorted(values)):
        found.update(connection.scalars(sa.select(wanted).where(column.in_(batch))))
    return found
