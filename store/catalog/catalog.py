"""The catalog: every SQL statement of the product runs through this class.

Each method is one transaction. What they are about is cut into parts: `storage`, `versioning`,
`tracking`, `sweeping`, `facts`, `listings`, `exchange`. The statements themselves are in the
modules beside them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from artifacts.store.catalog import migrate
from artifacts.store.catalog.database import Database
from artifacts.store.catalog.exchange import Exchange
from artifacts.store.catalog.facts import Facts
from artifacts.store.catalog.listings import Listings
from artifacts.store.catalog.schema import store as store_table
from artifacts.store.catalog.storage import Storage
from artifacts.store.catalog.sweeping import Sweeping
from artifacts.store.catalog.tracking import Tracking
from artifacts.store.catalog.versioning import Versioning

if TYPE_CHECKING:
    from pathlib import Path


_IDENTITY_LOCK = 3


class Catalog(Storage, Versioning, Tracking, Sweeping, Facts, Listings, Exchange):
    """Projects, artifacts, versions, aliases, runs, links, and where every blob lies.

    Thread-safe; may be open in many processes at once.

    Attributes:
        created_at: When the store was made, or its catalog was rebuilt; None before `identity`
            has said it.
    """

    def __init__(self, database: Database, *, read_only: bool = False) -> None:
        self.created_at: int | None = None
        self._db = database
        migrate.ensure_schema(database, writable=not read_only)

    @classmethod
    def sqlite(cls, path: Path, *, read_only: bool = False) -> Catalog:
        """Open the SQLite catalog at ``path``, which is created unless ``read_only``."""
        database = Database.sqlite(path, read_only=read_only)
        try:
            return cls(database, read_only=read_only)
        except BaseException:
            database.close()
            raise

    @classmethod
    def open_url(cls, url: str, *, read_only: bool = False) -> Catalog:
        """Open the catalog in a PostgreSQL database; its tables are made unless ``read_only``.

        Args:
            url: ``postgresql://user@host:port/database?…``. What it leaves out is taken from
                where libpq looks: ``PGHOST`` and the like, a service file, ``~/.pgpass``.

        Raises:
            ConfigError: The URL is wrong or holds a password, psycopg is not installed, or the
                server is too old.
            StoreNotFoundError: There is no such database.
            PermissionDeniedError: The server refused the login, or to make the tables.
            StorageError: The server cannot be reached.
        """
        database = Database.postgres(url, read_only=read_only)
        try:
            return cls(database, read_only=read_only)
        except BaseException:
            database.close()
            raise

    def close(self) -> None:
        """Close all connections."""
        self._db.close()

    @property
    def shared(self) -> bool:
        """Whether it is on a server, and not a file of this machine."""
        return self._db.dialect != "sqlite"

    # -- the store itself

    def identify(
        self, uuid: str, format_version: int, objects: str | None = None
    ) -> tuple[str, int]:
        """Enter the store's identity unless there is one; return the one that is there.

        Args:
            objects: URL of the object store, unless that is beside the catalog.
        """

        def work(connection: sa.Connection) -> tuple[str, int]:
            self._db.lock(connection, _IDENTITY_LOCK)
            row = connection.execute(sa.select(store_table)).first()
            if row is None:
                now = self._db.now(connection)
                values = {
                    "uuid": uuid,
                    "format": format_version,
                    "objects": objects,
                    "created_at": now,
                }
                connection.execute(sa.insert(store_table).values(values))
                return uuid, format_version
            return row.uuid, row.format

        return self._db.write(work)

    def identity(self) -> tuple[str, int] | None:
        """Return (uuid, format version) of the store, or None before `identify`."""

        def work(connection: sa.Connection) -> tuple[str, int] | None:
            row = connection.execute(sa.select(store_table)).first()
            if row is None:
                return None
            self.created_at = row.created_at
            return row.uuid, row.format

        return self._db.read(work)

    def objects_url(self) -> str | None:
        """Return where the object store is, if the catalog says so."""
        return self._db.read(lambda c: c.scalar(sa.select(store_table.c.objects)))

    def now(self) -> int:
        """Return microseconds since 1970 by the catalog's clock."""
        return self._db.read(self._db.now)
