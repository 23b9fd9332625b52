"""Edges say whether their version merely records a run, so that walks need no other table."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

# As they were when this migration was written: it must not change when the program does.
_INTERNAL = ("run-files", "run-history", "run-summary", "upsert-part")

_INDEXES = {
    "ix_links_version_id_kind_run_id": ["version_id", "kind", "run_id"],
    "ix_links_run_id_kind_version_id": ["run_id", "kind", "version_id"],
}


def upgrade() -> None:
    op.add_column(
        "links", sa.Column("internal", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    links = sa.table("links", sa.column("version_id"), sa.column("internal", sa.Boolean))
    versions = sa.table("versions", sa.column("id"), sa.column("artifact_id"))
    artifacts = sa.table("artifacts", sa.column("id"), sa.column("type"))
    internal = (
        sa.select(versions.c.id)
        .join(artifacts, artifacts.c.id == versions.c.artifact_id)
        .where(artifacts.c.type.in_(_INTERNAL))
    )
    op.execute(sa.update(links).where(links.c.version_id.in_(internal)).values(internal=True))
    for name, columns in _INDEXES.items():
        op.drop_index(name, "links")
        op.create_index(name, "links", [*columns, "internal"], unique=False)
