"""Bars: requests as spans, the plan of calls that covers them, bars that could not be had, flags, the morning's re-reads."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from tickstock_automation.db.migration import as_owner, run_sql

revision = "0004"
down_revision = "0003"

READERS = "tickstock_quality_monitor, tickstock_app"
NOW = sa.text("now()")


def upgrade() -> None:
    with as_owner():
        _requests()
        _calls()
        op.create_table(
            "unloaded_bars",
            sa.Column("symbol_id", sa.BigInteger(), nullable=False),
            sa.Column("session", sa.Date(), nullable=False),
            sa.Column("outcome", sa.Text(), nullable=False),
            sa.Column("reason", sa.Text(), nullable=False),
            sa.Column("load_id", sa.BigInteger(), nullable=True),
            sa.Column("times", sa.BigInteger(), server_default="1", nullable=False),
            sa.Column("again", sa.Boolean(), server_default=sa.text("false"), nullable=False),
            sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=NOW, nullable=False),
            sa.CheckConstraint("outcome IN ('refused', 'failed')", name=op.f("ck_unloaded_bars_outcome")),
            sa.ForeignKeyConstraint(["load_id"], ["loads.id"], name=op.f("fk_unloaded_bars_load_id_loads")),
            sa.ForeignKeyConstraint(["symbol_id"], ["symbols.id"], name=op.f("fk_unloaded_bars_symbol_id_symbols")),
            sa.PrimaryKeyConstraint("symbol_id", "session", name=op.f("pk_unloaded_bars")),
        )
        op.create_index("ix_unloaded_bars_session", "unloaded_bars", ["session"])
        op.execute(_OLD_FAILURES)
        op.create_table(
            "reread_runs",
            sa.Column("session", sa.Date(), nullable=False),
            sa.Column("outcome", sa.Text(), server_default="running", nullable=False),
            sa.Column("claim_token", sa.BigInteger(), server_default="1", nullable=False),
            sa.Column("lease_until", sa.DateTime(timezone=True), nullable=False),
            sa.Column("started_at", sa.DateTime(timezone=True), server_default=NOW, nullable=False),
            sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
            sa.Column("vendor_calls", sa.BigInteger(), server_default="0", nullable=False),
            sa.Column("figures", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
            sa.Column("error", sa.Text(), nullable=True),
            sa.PrimaryKeyConstraint("session", name=op.f("pk_reread_runs")),
        )
        op.add_column("historical_data", sa.Column("flag", sa.Text(), nullable=True))
        op.create_index(
            "ix_historical_data_date", "historical_data", ["date"], postgresql_using="brin",
            postgresql_with={"pages_per_range": 16},
        )  # fmt: skip
        op.add_column("loads", sa.Column("session", sa.Date(), nullable=True))
        op.execute("UPDATE loads SET session = (arguments ->> 'date')::date WHERE endpoint = 'grouped'")
        op.create_index("ix_loads_session", "loads", ["session"], postgresql_where=sa.text("session IS NOT NULL"))
        op.add_column("bar_corrections", sa.Column("reason", sa.Text(), server_default="", nullable=False))
        op.add_column(
            "session_status", sa.Column("closed", sa.Boolean(), server_default=sa.text("false"), nullable=False)
        )
        op.create_index("ix_symbol_aliases_ticker", "symbol_aliases", ["ticker"])
        op.add_column(
            "session_status",
            sa.Column("exchanges", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        )
        run_sql("expected_symbols")
        run_sql("ticker_tenures")
        op.execute(f"GRANT SELECT ON ticker_tenures TO {READERS}, tickstock_ipo_monitor")
        for table in ("bar_calls", "unloaded_bars", "reread_runs"):
            op.execute(f"GRANT SELECT ON {table} TO {READERS}")
            op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO tickstock_ipo_monitor")


def downgrade() -> None:
    with as_owner():
        op.execute("DROP FUNCTION expected_symbols(date)")
        op.execute("DROP VIEW ticker_tenures")
        op.drop_index("ix_symbol_aliases_ticker", "symbol_aliases")
        op.drop_column("session_status", "exchanges")
        op.drop_column("session_status", "closed")
        op.drop_column("bar_corrections", "reason")
        op.drop_index("ix_loads_session", "loads")
        op.drop_column("loads", "session")
        op.drop_index("ix_historical_data_date", "historical_data")
        op.drop_column("historical_data", "flag")
        op.drop_table("reread_runs")
        op.drop_table("unloaded_bars")
        op.drop_table("bar_calls")
        _single_requests()


# What the newest request of a pair says; one that was refused says so in its message.
_OLD_FAILURES = sa.text("""
INSERT INTO unloaded_bars (symbol_id, session, outcome, reason)
SELECT DISTINCT ON (symbol_id, first_session) symbol_id, first_session,
       CASE WHEN error_message LIKE 'refused%' THEN 'refused' ELSE 'failed' END, coalesce(error_message, 'not said')
  FROM old_failures ORDER BY symbol_id, first_session, id DESC""")


def _requests() -> None:
    """One row for each symbol and session becomes one for each symbol and span; what has ended is not kept."""
    op.execute(
        "CREATE TEMPORARY TABLE old_failures ON COMMIT DROP AS"
        " SELECT id, symbol_id, session AS first_session, error_message FROM bar_requests q WHERE status = 'failed'"
        " AND NOT EXISTS (SELECT 1 FROM historical_data h WHERE h.symbol_id = q.symbol_id AND h.date = q.session)"
    )
    op.execute("DELETE FROM bar_requests WHERE status NOT IN ('waiting', 'running')")
    op.drop_index("uq_bar_requests_open", "bar_requests")
    op.drop_index("ix_bar_requests_open_session", "bar_requests")
    op.drop_constraint(op.f("ck_bar_requests_status"), "bar_requests")
    op.execute("UPDATE bar_requests SET status = 'waiting'")
    op.alter_column("bar_requests", "session", new_column_name="first_session")
    op.add_column("bar_requests", sa.Column("last_session", sa.Date(), nullable=True))
    op.execute("UPDATE bar_requests SET last_session = first_session")
    op.alter_column("bar_requests", "last_session", nullable=False)
    op.add_column("bar_requests", sa.Column("priority", sa.BigInteger(), server_default="50", nullable=False))
    op.add_column("bar_requests", sa.Column("reread", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.add_column("bar_requests", sa.Column("asks_left", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column(
        "bar_requests", sa.Column("not_before", sa.DateTime(timezone=True), server_default=NOW, nullable=False)
    )
    op.add_column("bar_requests", sa.Column("planned", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    for name in ("claim_token", "lease_until", "error_message"):
        op.drop_column("bar_requests", name)
    op.create_check_constraint(
        op.f("ck_bar_requests_status"), "bar_requests", "status IN ('waiting', 'done', 'cancelled')"
    )
    op.create_check_constraint(op.f("ck_bar_requests_sessions"), "bar_requests", "first_session <= last_session")
    op.create_index(
        "ix_bar_requests_waiting", "bar_requests", ["symbol_id", "last_session"],
        postgresql_where=sa.text("status = 'waiting'"),
    )  # fmt: skip
    op.create_index(
        "ix_bar_requests_unplanned", "bar_requests", ["not_before"],
        postgresql_where=sa.text("status = 'waiting' AND NOT planned"),
    )  # fmt: skip
    op.create_index("ix_bar_requests_symbol_id", "bar_requests", ["symbol_id", "created_at"])
    op.alter_column("backfill_jobs", "pairs", server_default="0")
    for column in (
        sa.Column("why", sa.Text(), nullable=True),
        sa.Column("author", sa.Text(), nullable=True),
        sa.Column("max_calls", sa.BigInteger(), nullable=True),
        sa.Column("calls_left", sa.BigInteger(), server_default="0", nullable=False),
    ):
        op.add_column("backfill_jobs", column)
    op.create_check_constraint(
        op.f("ck_backfill_jobs_state"), "backfill_jobs",
        "state IN ('planned', 'running', 'paused', 'done', 'failed', 'cancelled')",
    )  # fmt: skip


def _single_requests() -> None:
    """Back to one row for each pair: calendar days that are no sessions come with them, and are asked for in vain."""
    op.drop_constraint(op.f("ck_backfill_jobs_state"), "backfill_jobs")
    for name in ("why", "author", "max_calls", "calls_left"):
        op.drop_column("backfill_jobs", name)
    op.alter_column("backfill_jobs", "pairs", server_default=None)
    op.execute("DELETE FROM bar_requests WHERE status <> 'waiting'")
    op.drop_index("ix_bar_requests_symbol_id", "bar_requests")
    op.drop_index("ix_bar_requests_unplanned", "bar_requests")
    op.drop_index("ix_bar_requests_waiting", "bar_requests")
    op.drop_constraint(op.f("ck_bar_requests_sessions"), "bar_requests")
    op.drop_constraint(op.f("ck_bar_requests_status"), "bar_requests")
    op.execute(
        "CREATE TEMPORARY TABLE spans ON COMMIT DROP AS"
        " SELECT DISTINCT ON (r.symbol_id, d.day) r.symbol_id, d.day::date AS day, r.reason, r.job_id"
        " FROM bar_requests r CROSS JOIN generate_series(r.first_session, r.last_session, '1 day') AS d (day)"
        " WHERE extract(isodow FROM d.day) < 6"
    )
    op.execute("DELETE FROM bar_requests")
    for name in ("last_session", "priority", "reread", "asks_left", "not_before", "planned"):
        op.drop_column("bar_requests", name)
    op.alter_column("bar_requests", "first_session", new_column_name="session")
    op.add_column("bar_requests", sa.Column("claim_token", sa.BigInteger(), nullable=True))
    op.add_column("bar_requests", sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True))
    op.add_column("bar_requests", sa.Column("error_message", sa.Text(), nullable=True))
    op.execute(
        "INSERT INTO bar_requests (symbol_id, session, reason, job_id) SELECT symbol_id, day, reason, job_id FROM spans"
    )
    op.create_check_constraint(
        op.f("ck_bar_requests_status"), "bar_requests", "status IN ('waiting', 'running', 'done', 'empty', 'failed')"
    )
    op.create_index(
        "uq_bar_requests_open", "bar_requests", ["symbol_id", "session"], unique=True,
        postgresql_where=sa.text("status IN ('waiting', 'running')"),
    )  # fmt: skip
    op.create_index(
        "ix_bar_requests_open_session", "bar_requests", ["session"],
        postgresql_where=sa.text("status IN ('waiting', 'running')"),
    )  # fmt: skip


def _calls() -> None:
    op.create_table(
        "bar_calls",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("endpoint", sa.Text(), nullable=False),
        sa.Column("ticker", sa.Text(), nullable=True),
        sa.Column("first_session", sa.Date(), nullable=False),
        sa.Column("last_session", sa.Date(), nullable=False),
        sa.Column("priority", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.Text(), server_default="waiting", nullable=False),
        sa.Column("attempts", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("waits", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), server_default=NOW, nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("claim_token", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("load_id", sa.BigInteger(), nullable=True),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=NOW, nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(endpoint = 'range') = (ticker IS NOT NULL)", name=op.f("ck_bar_calls_ticker")),
        sa.CheckConstraint("status IN ('waiting', 'running', 'done', 'failed')", name=op.f("ck_bar_calls_status")),
        sa.ForeignKeyConstraint(["load_id"], ["loads.id"], name=op.f("fk_bar_calls_load_id_loads")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bar_calls")),
    )
    op.create_index(
        "ix_bar_calls_open", "bar_calls", [sa.text("priority DESC"), sa.text("last_session DESC"), "id"],
        postgresql_where=sa.text("status IN ('waiting', 'running')"),
    )  # fmt: skip
    op.create_index(
        "ix_bar_calls_finished_at", "bar_calls", ["finished_at"], postgresql_where=sa.text("status = 'done'")
    )
