"""The vendor's calls: what they cost by day and endpoint, and the breaker that all workers share."""

import sqlalchemy as sa
from alembic import op

from tickstock_automation.db.migration import as_owner, run_sql

revision = "0006"
down_revision = "0005"

TABLES = ("vendor_usage", "vendor_breaker")
FUNCTIONS = ("vendor_before_call", "vendor_after_call")
READERS = "tickstock_quality_monitor, tickstock_app"


def upgrade() -> None:
    with as_owner():
        _tables()
        for table in TABLES:
            op.execute(f"GRANT SELECT ON {table} TO {READERS}")
            op.execute(f"GRANT SELECT, INSERT, UPDATE ON {table} TO tickstock_ipo_monitor")
        for function in FUNCTIONS:
            run_sql(function)
            op.execute(f"REVOKE EXECUTE ON FUNCTION {function} FROM PUBLIC")
            op.execute(f"GRANT EXECUTE ON FUNCTION {function} TO tickstock_ipo_monitor")


def downgrade() -> None:
    with as_owner():
        for function in FUNCTIONS:
            op.execute(f"DROP FUNCTION {function}")
        for table in TABLES:
            op.drop_table(table)


def _tables() -> None:
    none_yet = sa.text("0")
    op.create_table(
        "vendor_usage",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("endpoint", sa.Text(), nullable=False),
        *(
            sa.Column(name, sa.BigInteger(), server_default=none_yet, nullable=False)
            for name in ("calls", "answered", "failed", "limited", "refused", "unusable", "bytes")
        ),
        sa.Column("seconds", sa.Double(), server_default=none_yet, nullable=False),
        sa.PrimaryKeyConstraint("day", "endpoint", name=op.f("pk_vendor_usage")),
    )
    op.create_table(
        "vendor_breaker",
        sa.Column("vendor", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        *(
            sa.Column(name, sa.BigInteger(), server_default=none_yet, nullable=False)
            for name in ("failures", "openings", "probe")
        ),
        sa.Column("reason", sa.Text(), nullable=True),
        *(
            sa.Column(name, sa.DateTime(timezone=True), nullable=True)
            for name in ("opened_at", "open_until", "probe_until", "hold_until", "last_error_at")
        ),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("vendor", "key", name=op.f("pk_vendor_breaker")),
    )
