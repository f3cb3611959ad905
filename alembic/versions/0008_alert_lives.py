"""The lives of alerts: each step with its author and words, what a person has seen, and when an alert was closed."""

import sqlalchemy as sa
from alembic import op

from tickstock_automation.db.migration import as_owner

revision = "0008"
down_revision = "0007"

READERS = "tickstock_ipo_monitor, tickstock_app"
MOMENT = sa.DateTime(timezone=True)
COLUMNS = (("acknowledged_by", sa.Text()), ("acknowledged_at", MOMENT), ("closed_at", MOMENT))


def upgrade() -> None:
    with as_owner():
        for name, type_ in COLUMNS:
            op.add_column("quality_alerts", sa.Column(name, type_, nullable=True))
        op.create_table(
            "quality_alert_steps",
            sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
            sa.Column("alert_id", sa.BigInteger(), nullable=False),
            sa.Column("state", sa.Text(), nullable=False),
            sa.Column("verdict", sa.Text(), nullable=False),
            sa.Column("author", sa.Text(), nullable=False),
            sa.Column("words", sa.Text(), nullable=False),
            sa.Column("taken_at", MOMENT, server_default=sa.text("now()"), nullable=False),
            sa.ForeignKeyConstraint(
                ["alert_id"], ["quality_alerts.id"], name=op.f("fk_quality_alert_steps_alert_id_quality_alerts")
            ),
            sa.PrimaryKeyConstraint("id", name=op.f("pk_quality_alert_steps")),
        )
        op.create_index("ix_quality_alert_steps_alert_id", "quality_alert_steps", ["alert_id"])
        op.execute(f"GRANT SELECT ON quality_alert_steps TO {READERS}")
        op.execute("GRANT SELECT, INSERT ON quality_alert_steps TO tickstock_quality_monitor")


def downgrade() -> None:
    """The history of the alerts is forgotten; their last state stays."""
    with as_owner():
        op.drop_table("quality_alert_steps")
        for name, _ in COLUMNS:
            op.drop_column("quality_alerts", name)
