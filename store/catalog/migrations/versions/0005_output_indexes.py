"""Indexes of the outputs alone, so that a walk does not come by the many inputs in between."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

# With the kind, though it is always the same: SQLite would read the table for it.
_INDEXES = {
    "ix_links_output_version_id": ["version_id", "kind", "run_id", "internal"],
    "ix_links_output_run_id": ["run_id", "kind", "version_id", "internal"],
}


def upgrade() -> None:
    is_output = sa.column("kind") == "out"
    for name, columns in _INDEXES.items():
        op.create_index(name, "links", columns, sqlite_where=is_output, postgresql_where=is_output)
