"""Statements that list runs and versions by filters, in pages that stay apart while rows are added.

A page begins behind the last row of the one before (a keyset), so that a row is seen once however
many are added or deleted meanwhile.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from artifacts.store.catalog import runs as run_statements
from artifacts.store.catalog import versions as version_statements
from artifacts.store.catalog.filters import Compiler, Members, SortKey
from artifacts.store.catalog.schema import (
    aliases,
    artifacts,
    projects,
    runs,
    version_tags,
    versions,
)
from artifacts.store.filters import mentions
from artifacts.store.query import Cursor, Page

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from artifacts.store.catalog.database import Database
    from artifacts.store.query import Query
    from artifacts.store.records import RunRecord, VersionRecord


class _Listing:
    """Rows that a query is about.

    Args:
        now: By which states and durations are worked out.
    """

    key: sa.ColumnElement[int]

    def __init__(self, db: Database, query: Query, now: int) -> None:
        self._db = db
        self._query = query
        self._now = now
        self._compiler = Compiler(db.dialect, self.columns(now))

    def columns(self, now: int) -> dict[str, sa.ColumnElement[Any] | Members]:
        """Return what the fields of filters are."""
        raise NotImplementedError

    def tables(self) -> sa.FromClause:
        """Return where the rows come from."""
        raise NotImplementedError

    def scope(self) -> list[sa.ColumnElement[bool]]:
        """Return what holds for all rows of the query besides its filter."""
        query, found = self._query, []
        if query.entity is not None:
            found.append(projects.c.entity == query.entity)
        if query.project is not None:
            found.append(projects.c.name == query.project)
        return found

    def count(self, connection: Connection) -> int:
        """Return how many rows there are."""
        statement = self._select(sa.func.count())
        return int(connection.execute(statement).scalar_one())

    def page(
        self, connection: Connection, after: Cursor | None, offset: int, limit: int
    ) -> tuple[list[int], Cursor | None]:
        """Return the keys of some rows, and where the next ones begin."""
        rank, keys = self._compiler.order(self._query.order)
        down = self._query.order.descending
        # Numbers as text: a double would not hold all of them.
        shown = [self._exact(key.value) for key in keys]
        statement = self._select(
            self.key.label("key"),
            rank.label("rank"),
            *(value.label(f"value_{i}") for i, value in enumerate(shown)),
        )
        if after is not None:
            statement = statement.where(self._behind(rank, keys, after))
        directed = [each.value.desc() if down else each.value.asc() for each in keys]
        statement = (
            statement.order_by(rank, *directed, self.key.desc() if down else self.key.asc())
            .limit(limit)
            .offset(offset or None)
        )
        rows = connection.execute(statement).all()
        if len(rows) < limit or not rows:
            return [row.key for row in rows], None
        last = rows[-1]
        values = {each.rank: last[2 + i] for i, each in enumerate(keys)}
        end = Cursor(last.rank, values.get(last.rank), last.key, self._now)
        return [row.key for row in rows], end

    def _select(self, *columns: Any) -> sa.Select[Any]:
        condition = self._compiler.condition(self._query.condition)
        return sa.select(*columns).select_from(self.tables()).where(condition, *self.scope())

    def _behind(
        self, rank: sa.ColumnElement[int], keys: list[SortKey], after: Cursor
    ) -> sa.ColumnElement[bool]:
        """Return whether a row comes after a place."""
        down = self._query.order.descending
        here: sa.ColumnElement[bool] = self.key < after.key if down else self.key > after.key
        for each in keys:
            if each.rank == after.rank:
                value = self._bound(each.value, after.value)
                further = each.value < value if down else each.value > value
                here = sa.or_(further, sa.and_(each.value == value, here))
        return sa.or_(rank > after.rank, sa.and_(rank == after.rank, here))

    def _exact(self, value: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        return sa.cast(value, sa.Text()) if self._is_decimal(value) else value

    def _bound(self, column: sa.ColumnElement[Any], value: Any) -> Any:
        if self._is_decimal(column):
            return sa.cast(sa.literal(value, sa.Text()), sa.Numeric())
        return sa.literal(value)

    def _is_decimal(self, value: sa.ColumnElement[Any]) -> bool:
        return self._db.dialect == "postgresql" and isinstance(value.type, sa.Numeric)


class _Runs(_Listing):
    key = runs.c.id

    def columns(self, now: int) -> dict[str, sa.ColumnElement[Any] | Members]:
        state = run_statements.state_at(now)
        end = sa.func.coalesce(
            runs.c.finished_at,
            sa.case((state == runs.c.state, now), else_=runs.c.heartbeat_at),
        )
        return {
            "id": runs.c.run_id,
            "state": state,
            "duration": end - runs.c.created_at,
            "project": projects.c.name,
            "entity": projects.c.entity,
            **{
                name: runs.c[name]
                for name in (
                    *("name", "group", "job_type", "notes", "user", "host", "sweep_id"),
                    *("exit_code", "created_at", "finished_at", "tags"),
                    *("config", "summary", "metadata", "system_metrics"),
                )
            },
        }

    def tables(self) -> sa.FromClause:
        return runs.join(projects, projects.c.id == runs.c.project_id)

    def scope(self) -> list[sa.ColumnElement[bool]]:
        return [*super().scope(), runs.c.deleted_at.is_(None)]


class _Versions(_Listing):
    key = versions.c.id

    def columns(self, now: int) -> dict[str, sa.ColumnElement[Any] | Members]:
        return {
            "name": artifacts.c.name,
            "type": artifacts.c.type,
            "version": versions.c.number,
            "project": projects.c.name,
            "entity": projects.c.entity,
            "state": sa.case((versions.c.deleted_at.is_(None), "COMMITTED"), else_="DELETED"),
            "aliases": Members(aliases.c.version_id == versions.c.id, aliases.c.name),
            "tags": Members(version_tags.c.version_id == versions.c.id, version_tags.c.tag),
            **{
                name: versions.c[name]
                for name in (
                    *("description", "created_by", "size", "file_count"),
                    *("created_at", "updated_at", "digest", "metadata"),
                )
            },
        }

    def tables(self) -> sa.FromClause:
        return versions.join(artifacts, artifacts.c.id == versions.c.artifact_id).join(
            projects, projects.c.id == artifacts.c.project_id
        )

    def scope(self) -> list[sa.ColumnElement[bool]]:
        query, found = self._query, super().scope()
        if not mentions(query.condition, "state"):
            found.append(versions.c.deleted_at.is_(None))
        if query.artifact is not None:
            found.append(artifacts.c.name == query.artifact)
        if query.types is not None:
            found.append(artifacts.c.type.in_(sorted(query.types)))
        if query.other_types:
            found.append(artifacts.c.type.not_in(sorted(query.other_types)))
        return found


def count_runs(db: Database, connection: Connection, query: Query) -> int:
    """Return how many runs a query finds."""
    return _Runs(db, query, db.now(connection)).count(connection)


def count_versions(db: Database, connection: Connection, query: Query) -> int:
    """Return how many versions a query finds."""
    return _Versions(db, query, db.now(connection)).count(connection)


def page_of_runs(
    db: Database,
    connection: Connection,
    query: Query,
    after: Cursor | None,
    offset: int,
    limit: int,
) -> Page[RunRecord]:
    """Return some of the runs that a query finds.

    Args:
        after: Where the page before has ended.
        offset: How many to leave out from there on.
        limit: At most so many; at least 1.
    """
    now = db.now(connection) if after is None else after.now
    keys, end = _Runs(db, query, now).page(connection, after, offset, limit)
    found = run_statements.get_many(db, connection, keys)
    return Page([found[key] for key in keys], end)


def page_of_versions(
    db: Database,
    connection: Connection,
    query: Query,
    after: Cursor | None,
    offset: int,
    limit: int,
) -> Page[VersionRecord]:
    """Return some of the versions that a query finds; see `page_of_runs`."""
    now = db.now(connection) if after is None else after.now
    keys, end = _Versions(db, query, now).page(connection, after, offset, limit)
    found = version_statements.get_many(connection, keys)
    return Page([found[key] for key in keys], end)
