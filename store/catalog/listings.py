"""The part of the catalog that lists runs and versions by filters."""

from __future__ import annotations

from typing import TYPE_CHECKING

# The statements are imported where they are used: most commands never filter.

if TYPE_CHECKING:
    from artifacts.store.catalog.database import Database
    from artifacts.store.query import Cursor, Page, Query
    from artifacts.store.records import RunRecord, VersionRecord


class Listings:
    """The part of `Catalog` that lists runs and versions by filters."""

    _db: Database

    def find_runs(
        self, query: Query, *, limit: int, after: Cursor | None = None, offset: int = 0
    ) -> Page[RunRecord]:
        """Return some of the runs that a query finds.

        Args:
            limit: At most so many; at least 1.
            after: Where the page before has ended.
            offset: How many to leave out from there on.
        """
        from artifacts.store.catalog import queries

        return self._db.read(
            lambda c: queries.page_of_runs(self._db, c, query, after, offset, limit)
        )

    def find_versions(
        self, query: Query, *, limit: int, after: Cursor | None = None, offset: int = 0
    ) -> Page[VersionRecord]:
        """Return some of the versions that a query finds; see `find_runs`."""
        from artifacts.store.catalog import queries

        return self._db.read(
            lambda c: queries.page_of_versions(self._db, c, query, after, offset, limit)
        )

    def count_found_runs(self, query: Query) -> int:
        """Return how many runs a query finds."""
        from artifacts.store.catalog import queries

        return self._db.read(lambda c: queries.count_runs(self._db, c, query))

    def count_found_versions(self, query: Query) -> int:
        """Return how many versions a query finds."""
        from artifacts.store.catalog import queries

        return self._db.read(lambda c: queries.count_versions(self._db, c, query))
