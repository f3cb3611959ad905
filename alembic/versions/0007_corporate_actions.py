"""Corporate actions: what the vendor lists no more is kept apart; bars adjusted as of any day, dividends included."""

import sqlalchemy as sa
from alembic import op

from tickstock_automation.db.migration import as_owner, run_sql

revision = "0007"
down_revision = "0006"

READERS = "tickstock_quality_monitor, tickstock_app"
AS_OF = "adjusted_bars_as_of(bigint[], date, date, date, boolean)"


def upgrade() -> None:
    with as_owner():
        op.add_column("corporate_actions", sa.Column("absent_since", sa.Date(), nullable=True))
        op.create_table(
            "withdrawn_actions",
            sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
            sa.Column("symbol_id", sa.BigInteger(), nullable=False),
            sa.Column("kind", sa.Text(), nullable=False),
            sa.Column("ex_date", sa.Date(), nullable=False),
            sa.Column("split_from", sa.Double(), nullable=False),
            sa.Column("split_to", sa.Double(), nullable=False),
            sa.Column("cash_amount", sa.Double(), nullable=False),
            sa.Column("loaded_at", sa.DateTime(timezone=True), nullable=False),
            sa.Column("withdrawn_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
            sa.ForeignKeyConstraint(["symbol_id"], ["symbols.id"], name=op.f("fk_withdrawn_actions_symbol_id_symbols")),
            sa.PrimaryKeyConstraint("id", name=op.f("pk_withdrawn_actions")),
        )
        op.create_index("ix_withdrawn_actions_symbol_id", "withdrawn_actions", ["symbol_id"])
        op.execute(f"GRANT SELECT ON withdrawn_actions TO {READERS}")
        op.execute("GRANT SELECT, INSERT ON withdrawn_actions TO tickstock_ipo_monitor")
        run_sql("adjusted_bars_second")
        op.execute(f"REVOKE EXECUTE ON FUNCTION {AS_OF} FROM PUBLIC")
        op.execute(f"GRANT EXECUTE ON FUNCTION {AS_OF} TO tickstock_ipo_monitor, {READERS}")


def downgrade() -> None:
    """What was withdrawn is forgotten: the older code knows only what is listed."""
    with as_owner():
        run_sql("adjusted_bars_first")
        op.execute(f"DROP FUNCTION {AS_OF}")
        op.execute("DROP AGGREGATE product(double precision)")
        op.drop_table("withdrawn_actions")
        op.drop_column("corporate_actions", "absent_since")
