"""Repairs: what a request went through, the mark of a suspect bar in the data and in the adjusted view."""

import sqlalchemy as sa
from alembic import op

from tickstock_automation.db.migration import as_owner, run_sql

revision = "0009"
down_revision = "0008"

READERS = "tickstock_ipo_monitor, tickstock_quality_monitor, tickstock_app"
AS_OF = "adjusted_bars_as_of(bigint[], date, date, date, boolean)"
MOMENT = sa.DateTime(timezone=True)
NOW, NO, NONE_YET = sa.text("now()"), sa.text("false"), sa.text("0")
ACTIONS = "action IN ('refetch', 'reload', 'look_up_split', 'check_listing', 'fix', 'delete', 'mark', 'undo')"
STATES = (
    "state IN ('waiting', 'running', 'answered', 'accepted', 'refused', 'applied', 'marked', 'kept', 'done', 'failed',"
    " 'superseded', 'undone')"
)


def _columns() -> tuple[sa.Column, ...]:
    """New ones each time: a column belongs to one table."""
    return (
        sa.Column("check_name", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("endpoint", sa.Text(), nullable=True),
        sa.Column("mark", sa.Boolean(), server_default=NO, nullable=False),
        sa.Column("priority", sa.BigInteger(), server_default=NONE_YET, nullable=False),
        sa.Column("asked_on", sa.Date(), server_default=sa.text("CURRENT_DATE"), nullable=False),
        sa.Column("undo_of", sa.BigInteger(), nullable=True),
        sa.Column("load_id", sa.BigInteger(), nullable=True),
        sa.Column("attempts", sa.BigInteger(), server_default=NONE_YET, nullable=False),
        sa.Column("waits", sa.BigInteger(), server_default=NONE_YET, nullable=False),
        sa.Column("due_at", MOMENT, server_default=NOW, nullable=False),
        sa.Column("lease_until", MOMENT, nullable=True),
        sa.Column("claim_token", sa.BigInteger(), server_default=NONE_YET, nullable=False),
        sa.Column("told_at", MOMENT, nullable=True),
    )


CHECKS = {
    "action": ACTIONS,
    "state": STATES,
    "undo_of": "(action = 'undo') = (undo_of IS NOT NULL)",
    "endpoint": "(action = 'refetch') = (endpoint IS NOT NULL)",
}
OPEN = sa.text("state IN ('waiting', 'running', 'answered', 'accepted', 'refused')")


def upgrade() -> None:
    with as_owner():
        op.add_column("historical_data", sa.Column("suspect", sa.Boolean(), server_default=NO, nullable=False))
        _requests()
        op.add_column("bar_corrections", sa.Column("repair_id", sa.BigInteger(), nullable=True))
        op.create_foreign_key(
            op.f("fk_bar_corrections_repair_id_repair_requests"), "bar_corrections", "repair_requests", ["repair_id"], ["id"]
        )  # fmt: skip
        op.execute("DROP VIEW adjusted_bars")
        op.execute(f"DROP FUNCTION {AS_OF}")
        run_sql("adjusted_bars")
        op.execute(f"GRANT SELECT ON trusted_bars TO {READERS}")
        _grant_as_of()


def downgrade() -> None:
    """The requests and what they changed are forgotten; the bars stay as they are now, and no mark is left."""
    with as_owner():
        op.execute("DROP VIEW trusted_bars")
        op.execute("DROP VIEW adjusted_bars")
        op.execute(f"DROP FUNCTION {AS_OF}")
        run_sql("adjusted_bars_second")
        _grant_as_of()
        op.drop_column("bar_corrections", "repair_id")
        for index in ("open", "untold", "alert_id", "symbol_id_session", "asked_on"):
            op.drop_index(f"ix_repair_requests_{index}", "repair_requests")
        op.drop_index("uq_repair_requests_undo_of", "repair_requests")
        for name in CHECKS:
            op.drop_constraint(op.f(f"ck_repair_requests_{name}"), "repair_requests")
        for column in _columns():
            op.drop_column("repair_requests", column.name)
        op.drop_column("historical_data", "suspect")


def _requests() -> None:
    for column in _columns():
        op.add_column("repair_requests", column)
    op.execute("DELETE FROM repair_requests")  # nothing made or did any before this migration
    for name, condition in CHECKS.items():
        op.create_check_constraint(op.f(f"ck_repair_requests_{name}"), "repair_requests", condition)
    for name, table in (("undo_of", "repair_requests"), ("load_id", "loads")):
        op.create_foreign_key(op.f(f"fk_repair_requests_{name}_{table}"), "repair_requests", table, [name], ["id"])
    op.create_index(
        "ix_repair_requests_open", "repair_requests", [sa.text("priority DESC"), "id"], postgresql_where=OPEN
    )
    op.create_index(
        "ix_repair_requests_untold", "repair_requests", ["alert_id"], postgresql_where=sa.text("told_at IS NULL")
    )
    op.create_index("ix_repair_requests_alert_id", "repair_requests", ["alert_id"])
    op.create_index("ix_repair_requests_symbol_id_session", "repair_requests", ["symbol_id", "session"])
    op.create_index("ix_repair_requests_asked_on", "repair_requests", ["asked_on"])
    op.create_index(
        "uq_repair_requests_undo_of", "repair_requests", ["undo_of"], unique=True,
        postgresql_where=sa.text("state IN ('accepted', 'applied')"),
    )  # fmt: skip


def _grant_as_of() -> None:
    op.execute(f"GRANT SELECT ON adjusted_bars TO {READERS}")
    op.execute(f"REVOKE EXECUTE ON FUNCTION {AS_OF} FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION {AS_OF} TO {READERS}")
