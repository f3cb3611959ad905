"""Sweeps over shards with leases, which loads they covered, and how a sweep last saw a finding."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from tickstock_automation.db.migration import as_owner

revision = "0010"
down_revision = "0009"

READERS = "tickstock_ipo_monitor, tickstock_app"
NOW = sa.text("now()")
MOMENT = sa.DateTime(timezone=True)
TABLES = ("quality_sweeps", "quality_sweep_shards", "quality_sweep_loads")


def upgrade() -> None:
    with as_owner():
        op.create_table(
            "quality_sweeps",
            sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
            sa.Column("kind", sa.Text(), nullable=False),
            sa.Column("session", sa.Date(), nullable=False),
            sa.Column("first_session", sa.Date(), nullable=False),
            sa.Column("shards", sa.BigInteger(), nullable=False),
            sa.Column("figures", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
            sa.Column("created_at", MOMENT, server_default=NOW, nullable=False),
            sa.Column("finished_at", MOMENT, nullable=True),
            sa.CheckConstraint("kind IN ('whole', 'touched')", name=op.f("ck_quality_sweeps_kind")),
            sa.PrimaryKeyConstraint("id", name=op.f("pk_quality_sweeps")),
        )
        op.create_index(
            "uq_quality_sweeps_whole", "quality_sweeps", ["session"], unique=True, postgresql_where=sa.text("kind = 'whole'")
        )  # fmt: skip
        op.create_table(
            "quality_sweep_shards",
            sa.Column("sweep_id", sa.BigInteger(), nullable=False),
            sa.Column("shard", sa.BigInteger(), nullable=False),
            sa.Column("state", sa.Text(), server_default="waiting", nullable=False),
            sa.Column("claim_token", sa.BigInteger(), server_default="0", nullable=False),
            sa.Column("lease_until", MOMENT, nullable=True),
            sa.Column("attempts", sa.BigInteger(), server_default="0", nullable=False),
            sa.Column("figures", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
            sa.Column("finished_at", MOMENT, nullable=True),
            sa.CheckConstraint("state IN ('waiting', 'running', 'done')", name=op.f("ck_quality_sweep_shards_state")),
            sa.ForeignKeyConstraint(
                ["sweep_id"], ["quality_sweeps.id"], name=op.f("fk_quality_sweep_shards_sweep_id_quality_sweeps")
            ),
            sa.PrimaryKeyConstraint("sweep_id", "shard", name=op.f("pk_quality_sweep_shards")),
        )
        op.create_index(
            "ix_quality_sweep_shards_open", "quality_sweep_shards", ["sweep_id"], postgresql_where=sa.text("state <> 'done'")
        )  # fmt: skip
        op.create_table(
            "quality_sweep_loads",
            sa.Column("load_id", sa.BigInteger(), nullable=False),
            sa.Column("sweep_id", sa.BigInteger(), nullable=True),
            sa.ForeignKeyConstraint(["load_id"], ["loads.id"], name=op.f("fk_quality_sweep_loads_load_id_loads")),
            sa.ForeignKeyConstraint(
                ["sweep_id"], ["quality_sweeps.id"], name=op.f("fk_quality_sweep_loads_sweep_id_quality_sweeps")
            ),
            sa.PrimaryKeyConstraint("load_id", name=op.f("pk_quality_sweep_loads")),
        )
        op.create_index("ix_quality_sweep_loads_sweep_id", "quality_sweep_loads", ["sweep_id"])
        op.execute("INSERT INTO quality_sweep_loads (load_id) SELECT id FROM loads")  # the daily sweeps have seen them
        op.add_column("quality_alerts", sa.Column("seen_as", sa.Text(), nullable=True))
        op.add_column(
            "quality_alerts",
            sa.Column("closed_by_person", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        )
        op.create_index("ix_quality_alerts_session", "quality_alerts", ["session"])
        for table in TABLES:
            op.execute(f"GRANT SELECT ON {table} TO {READERS}")
            op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO tickstock_quality_monitor")


def downgrade() -> None:
    """The next sweep after an upgrade judges all anew; alerts keep their states."""
    with as_owner():
        op.drop_index("ix_quality_alerts_session", "quality_alerts")
        op.drop_column("quality_alerts", "closed_by_person")
        op.drop_column("quality_alerts", "seen_as")
        for table in reversed(TABLES):
            op.drop_table(table)
