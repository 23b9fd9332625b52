"""Any number of keys as one value of a statement, on the way in and on the way out.

On the way in, because a statement has no room for a hundred thousand parameters: psycopg writes
an array number by number, and PostgreSQL would estimate each of them when it plans. On the way
out, because databases take longer to drop keys that come again than we do, unless they come in
order, and several times as long to hand them over one by one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
import sqlalchemy as sa

if TYPE_CHECKING:
    from collections.abc import Collection


_NAME = "keys"


def to_text(dialect: str, keys: Collection[int]) -> str:
    """Return keys as the text that the other functions take as a parameter."""
    text = orjson.dumps(sorted(keys)).decode()
    return f"{{{text[1:-1]}}}" if dialect == "postgresql" else text


def named() -> sa.BindParameter[str]:
    """Return keys as the parameter of a statement that is put together once; see `values`."""
    return sa.bindparam(_NAME, type_=sa.Text)


def values(dialect: str, keys: Collection[int]) -> dict[str, str]:
    """Return what to execute a statement with of which `named` is the parameter."""
    return {_NAME: to_text(dialect, keys)}


def parameter(dialect: str, keys: Collection[int]) -> sa.BindParameter[str]:
    """Return keys as a parameter of a statement that is used once."""
    return sa.bindparam(None, to_text(dialect, keys), sa.Text)


def is_among(
    dialect: str, column: sa.ColumnElement[int], keys: sa.BindParameter[str]
) -> sa.ColumnElement[bool]:
    """Return the condition that a column is one of the keys."""
    if dialect == "postgresql":
        # Behind a SELECT, so that the planner does not look at the keys: it would estimate each
        # of them, and read a whole table rather than look up some thousands.
        hidden = sa.select(_array(keys)).scalar_subquery()
        return column == sa.any_(sa.cast(hidden, sa.ARRAY(sa.Integer)))
    return column.in_(sa.select(table_of(dialect, keys).c.value))


def table_of(dialect: str, keys: sa.BindParameter[str]) -> sa.TableValuedAlias:
    """Return the keys as a table with the column ``value``."""
    if dialect == "postgresql":
        return sa.func.unnest(_array(keys)).table_valued("value").render_derived()
    return sa.func.json_each(keys).table_valued("value")


def collected(dialect: str, key: sa.ColumnElement[int]) -> sa.ColumnElement[str]:
    """Return the aggregate of all keys of a column as one text, for `parse`.

    Args:
        key: ``column.distinct()`` for each only once; cheap where they come in order.
    """
    if dialect == "postgresql":
        return sa.cast(sa.func.array_agg(key), sa.Text)
    return sa.func.json_group_array(key)


def parse(text: str | None) -> list[int]:
    """Return the keys in what was collected; PostgreSQL has {1,2}, and null instead of {}."""
    found: list[int] = orjson.loads(f"[{text[1:-1]}]") if text else []
    return found


def _array(keys: sa.BindParameter[str]) -> sa.Cast[Any]:
    return sa.cast(keys, sa.ARRAY(sa.Integer))
