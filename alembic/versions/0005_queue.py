"""The processing queue: types can be paused, a batch is begun, claims by index, dead rows that stay few."""

import sqlalchemy as sa
from alembic import op

from tickstock_automation.db.migration import as_owner, run_sql

revision = "0005"
down_revision = "0004"

QUEUE = "equity_processing_queue"
PENDING = sa.text("status = 'pending'")
FUNCTIONS = ("queue_symbols_for_processing", "get_symbols_for_processing", "update_processing_stats")

# A row is written four times in its life. Room in its page keeps signs of life HOT; vacuum comes by the number of dead
# rows, not by their share of a table that also holds what was done long ago, and does not pause.
STORAGE = {
    "fillfactor": 70,
    "autovacuum_vacuum_scale_factor": 0,
    "autovacuum_vacuum_threshold": 2000,
    "autovacuum_vacuum_insert_scale_factor": 0,
    "autovacuum_vacuum_insert_threshold": 10000,
    "autovacuum_analyze_scale_factor": 0,
    "autovacuum_analyze_threshold": 5000,
    "autovacuum_vacuum_cost_delay": 0,
}


def upgrade() -> None:
    with as_owner():
        for name, kind in (
            ("paused_at", sa.DateTime(timezone=True)),
            ("paused_by", sa.Text()),
            ("paused_reason", sa.Text()),
        ):
            op.add_column("equity_types", sa.Column(name, kind, nullable=True))
        op.add_column(QUEUE, sa.Column("begun_at", sa.DateTime(timezone=True), nullable=True))
        op.execute("UPDATE equity_processing_queue SET begun_at = last_attempt WHERE status = 'running'")
        op.drop_index(f"ix_{QUEUE}_due", QUEUE)
        op.create_index(f"ix_{QUEUE}_due", QUEUE, ["equity_type", "scheduled_time", "id"], postgresql_where=PENDING)
        op.create_index(
            f"ix_{QUEUE}_next",
            QUEUE,
            ["equity_type", sa.text("processing_priority DESC"), "scheduled_time", "id"],
            postgresql_where=PENDING,
        )
        op.create_index(f"ix_{QUEUE}_token", QUEUE, ["claim_token"], postgresql_where=sa.text("status = 'running'"))
        op.create_index(f"ix_{QUEUE}_failed", QUEUE, ["symbol_id"], postgresql_where=sa.text("status = 'failed'"))
        op.create_index(f"ix_{QUEUE}_symbol_id", QUEUE, ["symbol_id"])
        op.execute(f"ALTER TABLE {QUEUE} SET ({', '.join(f'{name} = {value}' for name, value in STORAGE.items())})")
        for name in FUNCTIONS:
            run_sql(name)


def downgrade() -> None:
    """The functions stay as they are: they work on the older tables too."""
    with as_owner():
        op.execute(f"ALTER TABLE {QUEUE} RESET ({', '.join(STORAGE)})")
        for name in ("symbol_id", "failed", "token", "next", "due"):
            op.drop_index(f"ix_{QUEUE}_{name}", QUEUE)
        op.create_index(
            f"ix_{QUEUE}_due",
            QUEUE,
            ["equity_type", "scheduled_time"],
            postgresql_where=sa.text("status IN ('pending', 'running')"),
        )
        op.drop_column(QUEUE, "begun_at")
        for name in ("paused_at", "paused_by", "paused_reason"):
            op.drop_column("equity_types", name)
