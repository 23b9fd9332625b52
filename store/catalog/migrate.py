"""Schema versions of the catalog: Alembic migrations, applied when a store is opened to write.

Alembic itself is imported only when there is something to migrate.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

from artifacts.store.errors import FormatError

if TYPE_CHECKING:
    from alembic.config import Config

    from artifacts.store.catalog.database import Database

HEAD = "0005"
"""The revision that this code works with; a test compares it with the migrations' own head."""

KNOWN = ("0001", "0002", "0003", "0004", "0005")
"""Every revision that this code can upgrade from."""

_MIGRATION_LOCK = 2


def ensure_schema(database: Database, *, writable: bool) -> None:
    """Bring the schema to `HEAD`, or refuse.

    Raises:
        FormatError: The catalog was made by a newer version, or is older and ``writable`` is
            False.
    """
    revision = current_revision(database)
    if revision == HEAD:
        return
    if revision is not None and revision not in KNOWN:
        raise FormatError(
            f"this store was written by a newer version of artifacts (schema {revision}; "
            f"this program knows up to {HEAD})",
            hint="update with: pip install -U artifacts-cas",
            kind="store_too_new",
        )
    if not writable:
        raise FormatError(
            f"this store has schema {revision or 'none'} and must be upgraded to {HEAD} before "
            "it can be read",
            hint="open it once with write access, for instance with: art ls",
            kind="store_too_old",
        )
    _upgrade(database)


def current_revision(database: Database) -> str | None:
    """Return the schema revision of the catalog, or None for an empty database."""
    table = sa.table("alembic_version", sa.column("version_num"))

    def read(connection: sa.Connection) -> str | None:
        if not sa.inspect(connection).has_table(table.name):
            return None
        return connection.scalar(sa.select(table.c.version_num))

    return database.read(read)


def alembic_config() -> Config:
    """Return Alembic's configuration for the migrations in this package."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config


def _upgrade(database: Database) -> None:
    from alembic import command

    config = alembic_config()

    def upgrade(connection: sa.Connection) -> None:
        database.lock(connection, _MIGRATION_LOCK)
        config.attributes["connection"] = connection
        command.upgrade(config, "head")

    # One transaction with the write lock held: two processes that open a new store at once
    # wait for each other, and the second one finds nothing to do.
    database.write(upgrade)
