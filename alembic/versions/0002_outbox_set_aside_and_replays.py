"""Outbox: rows that cannot be sent are set aside with their reason; sent ones can be asked for again."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from tickstock_automation.db.migration import as_owner

revision = "0002"
down_revision = "0001"

WRITERS = "tickstock_ipo_monitor, tickstock_quality_monitor"
READERS = "tickstock_quality_monitor, tickstock_app"


def upgrade() -> None:
    with as_owner():
        op.add_column("outbox", sa.Column("set_aside", sa.Text(), nullable=True))
        op.drop_index("ix_outbox_waiting", "outbox")
        op.create_index(
            "ix_outbox_waiting",
            "outbox",
            ["seq"],
            postgresql_where=sa.text("batch IS NULL AND set_aside IS NULL"),
        )
        op.execute(f"REVOKE INSERT ON outbox FROM {WRITERS}")  # what is not named is the relay's, or a default
        op.execute(f"GRANT INSERT (id, channel, service, event_type, version, symbol_id, data) ON outbox TO {WRITERS}")
        op.create_table(
            "outbox_replays",
            sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
            sa.Column("requested_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
            sa.Column("channels", postgresql.ARRAY(sa.Text()), nullable=False),
            sa.Column("sent_through", sa.BigInteger(), nullable=False),
            sa.Column("until_seq", sa.BigInteger(), nullable=False),
            sa.Column("sent", sa.BigInteger(), server_default="0", nullable=False),
            sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
            sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox_replays")),
        )
        op.execute(f"GRANT SELECT ON outbox_replays TO {READERS}")
        op.execute("GRANT UPDATE (set_aside) ON outbox TO tickstock_relay")
        op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON outbox_replays TO tickstock_relay")


def downgrade() -> None:
    """What was set aside is kept as if it had been sent: the older relay would stop at it."""
    with as_owner():
        op.execute("UPDATE outbox SET batch = 0 WHERE set_aside IS NOT NULL AND batch IS NULL")
        op.execute(f"GRANT INSERT ON outbox TO {WRITERS}")
        op.drop_table("outbox_replays")
        op.drop_index("ix_outbox_waiting", "outbox")
        op.drop_column("outbox", "set_aside")
        op.create_index("ix_outbox_waiting", "outbox", ["seq"], postgresql_where=sa.text("batch IS NULL"))
