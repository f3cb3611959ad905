"""The summaries are found among the figures of checks and symbols, of which each session adds thousands."""

import sqlalchemy as sa
from alembic import op

from tickstock_automation.db.migration import as_owner

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    with as_owner():
        op.create_index(
            "ix_quality_metrics_summaries",
            "quality_metrics",
            ["session"],
            postgresql_where=sa.text("scope = 'summary'"),
        )


def downgrade() -> None:
    with as_owner():
        op.drop_index("ix_quality_metrics_summaries", "quality_metrics")
