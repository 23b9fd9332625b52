"""What ran where, alerts, exact edges, recalls, consumers, events."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"


def _json() -> Any:
    return sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    op.add_column("runs", sa.Column("sweep_id", sa.String(), nullable=True))
    op.add_column("runs", sa.Column("metadata", _json(), nullable=True))
    op.add_column("runs", sa.Column("system_metrics", _json(), nullable=True))
    op.add_column("runs", sa.Column("deleted_at", sa.BigInteger(), nullable=True))
    op.add_column("links", sa.Column("subset", _json(), nullable=True))
    op.create_table(
        "alerts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("level", sa.String(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("suppressed", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_alerts_run_id"),
        sa.PrimaryKeyConstraint("id", name="pk_alerts"),
    )
    op.create_index("ix_alerts_run_id", "alerts", ["run_id"], unique=False)
    op.create_table(
        "derivations",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("output_id", sa.Integer(), nullable=False),
        sa.Column("input_id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=True),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["input_id"], ["versions.id"], name="fk_derivations_input_id"),
        sa.ForeignKeyConstraint(["output_id"], ["versions.id"], name="fk_derivations_output_id"),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_derivations_run_id"),
        sa.PrimaryKeyConstraint("id", name="pk_derivations"),
        sa.UniqueConstraint("output_id", "input_id", name="uq_derivations_output_id_input_id"),
    )
    op.create_index(
        "ix_derivations_input_id_output_id", "derivations", ["input_id", "output_id"], unique=False
    )
    op.create_table(
        "recalls",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("version_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("by", sa.String(), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("undone_at", sa.BigInteger(), nullable=True),
        sa.Column("undone_by", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["version_id"], ["versions.id"], name="fk_recalls_version_id"),
        sa.PrimaryKeyConstraint("id", name="pk_recalls"),
    )
    op.create_index("ix_recalls_version_id", "recalls", ["version_id"], unique=False)
    op.create_table(
        "consumers",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("version_id", sa.Integer(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=True),
        sa.Column("by", sa.String(), nullable=True),
        sa.Column("ended_by", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["version_id"], ["versions.id"], name="fk_consumers_version_id"),
        sa.PrimaryKeyConstraint("id", name="pk_consumers"),
    )
    op.create_index("ix_consumers_version_id", "consumers", ["version_id"], unique=False)
    op.create_index("ix_consumers_kind_name", "consumers", ["kind", "name"], unique=False)
    op.create_table(
        "lineage_events",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("payload", _json(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_lineage_events_run_id"),
        sa.PrimaryKeyConstraint("id", name="pk_lineage_events"),
    )
