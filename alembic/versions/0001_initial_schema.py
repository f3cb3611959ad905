"""The initial schema: roles, tables, SQL functions, grants, what stands in them at the start."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from tickstock_automation.db.migration import as_owner, run_sql

FUNCTIONS = (
    "get_equity_processing_config",
    "queue_symbols_for_processing",
    "get_symbols_for_processing",
    "update_processing_stats",
    "get_session_status",
    "create_bar_partitions",
    "outbox_triggers",
    "adjusted_bars_first",
)


revision = "0001"
down_revision = None


def upgrade() -> None:
    run_sql("roles")
    with as_owner():
        _tables()
        op.execute("CREATE SEQUENCE claim_tokens")
        for name in FUNCTIONS:
            run_sql(name)
        run_sql("first_rows")
        op.execute("SELECT create_bar_partitions((now() - interval '1 year')::date, (now() + interval '1 year')::date)")
        run_sql("grants")
    op.execute("GRANT SELECT ON alembic_version TO tickstock_app, tickstock_ipo_monitor, tickstock_quality_monitor")


def downgrade() -> None:
    """Takes all of it away. The roles stay: they are the cluster's, and another database may use them."""
    op.execute("REVOKE ALL ON alembic_version FROM tickstock_app, tickstock_ipo_monitor, tickstock_quality_monitor")
    with as_owner():
        op.execute("DROP VIEW adjusted_bars")
        for signature in (
            "queue_symbols_for_processing(text, text[], text)",
            "get_symbols_for_processing(text, integer)",
            "update_processing_stats(text, integer, integer, double precision)",
            "get_equity_processing_config(text)",
            "get_session_status(date)",
            "create_bar_partitions(date, date)",
        ):
            op.execute(f"DROP FUNCTION {signature}")
        _drop_tables()
        op.execute("DROP SEQUENCE claim_tokens")
        op.execute("DROP FUNCTION outbox_check()")
        op.execute("DROP FUNCTION outbox_notify()")
    run_sql("revoke_schema")


def _tables() -> None:
    op.create_table(
        "backfill_jobs",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("first_session", sa.Date(), nullable=False),
        sa.Column("last_session", sa.Date(), nullable=False),
        sa.Column("symbols", sa.BigInteger(), nullable=False),
        sa.Column("pairs", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), server_default="planned", nullable=False),
        sa.Column("percent", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("bars", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("empty", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("failed", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("vendor_calls", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_backfill_jobs")),
    )
    op.create_table(
        "eod_runs",
        sa.Column("session", sa.Date(), nullable=False),
        sa.Column("outcome", sa.Text(), server_default="running", nullable=False),
        sa.Column("claim_token", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("vendor_calls", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("figures", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("session", name=op.f("pk_eod_runs")),
    )
    op.create_table(
        "equity_types",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("update_frequency", sa.Text(), nullable=False),
        sa.Column("processing_rules", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("requires_eod_validation", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column(
            "additional_data_fields", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False
        ),
        sa.Column("priority_level", sa.BigInteger(), nullable=False),
        sa.Column("batch_size", sa.BigInteger(), nullable=False),
        sa.Column("rate_limit_ms", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("batch_size > 0", name=op.f("ck_equity_types_batch_size")),
        sa.CheckConstraint("priority_level >= 0", name=op.f("ck_equity_types_priority_level")),
        sa.CheckConstraint("rate_limit_ms >= 0", name=op.f("ck_equity_types_rate_limit_ms")),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_equity_types")),
    )
    op.create_table(
        "historical_data",
        sa.Column("symbol_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("open", sa.Double(), nullable=False),
        sa.Column("high", sa.Double(), nullable=False),
        sa.Column("low", sa.Double(), nullable=False),
        sa.Column("close", sa.Double(), nullable=False),
        sa.Column("volume", sa.Double(), nullable=False),
        sa.Column("vwap", sa.Double(), nullable=True),
        sa.Column("trade_count", sa.BigInteger(), nullable=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("load_id", sa.BigInteger(), nullable=False),
        sa.Column("loaded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("symbol_id", "date", name=op.f("pk_historical_data")),
        postgresql_partition_by="RANGE (date)",
    )
    op.create_table(
        "ipo_calendar",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("ticker", sa.Text(), nullable=False),
        sa.Column("issuer", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("listing_date", sa.Date(), nullable=True),
        sa.Column("issue_price", sa.Double(), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ipo_calendar")),
    )
    op.create_table(
        "loads",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("endpoint", sa.Text(), nullable=False),
        sa.Column("arguments", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("answer_hash", sa.Text(), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("inserted", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("updated", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("unchanged", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("refused", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("not_asked", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("job", sa.Text(), nullable=False),
        sa.Column("loaded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_loads")),
    )
    op.create_table(
        "operational_findings",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("check_name", sa.Text(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("session", sa.Date(), nullable=True),
        sa.Column("reported_by", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("evidence", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_operational_findings")),
    )
    op.create_table(
        "outbox",
        sa.Column("seq", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("event_type", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("symbol_id", sa.BigInteger(), nullable=True),
        sa.Column("data", sa.Text(), nullable=False),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("batch", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_outbox")),
        sa.UniqueConstraint("id", name=op.f("uq_outbox_id")),
    )
    op.create_index("ix_outbox_batch", "outbox", ["batch"], unique=False, postgresql_where=sa.text("batch IS NOT NULL"))
    op.create_index("ix_outbox_waiting", "outbox", ["seq"], unique=False, postgresql_where=sa.text("batch IS NULL"))
    op.create_table(
        "relay_state",
        sa.Column("outbox_id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("one_row", sa.BigInteger(), server_default="1", autoincrement=False, nullable=False),
        sa.Column("holder", sa.Text(), nullable=True),
        sa.Column("epoch", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("heartbeat_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_batch", sa.BigInteger(), server_default="0", nullable=False),
        sa.CheckConstraint("one_row = 1", name=op.f("ck_relay_state_one_row")),
        sa.PrimaryKeyConstraint("one_row", name=op.f("pk_relay_state")),
    )
    op.create_table(
        "scan_runs",
        sa.Column("session", sa.Date(), nullable=False),
        sa.Column("outcome", sa.Text(), server_default="running", nullable=False),
        sa.Column("claim_token", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("vendor_calls", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("figures", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("session", name=op.f("pk_scan_runs")),
    )
    op.create_table(
        "session_status",
        sa.Column("session", sa.Date(), nullable=False),
        sa.Column("state", sa.Text(), server_default="pending", nullable=False),
        sa.Column("expected", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("stored", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("known_empty", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("refused", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("failed", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("reasons", postgresql.JSONB(astext_type=sa.Text()), server_default="[]", nullable=False),
        sa.Column("ready_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "state IN ('pending', 'ready', 'degraded', 'missing')", name=op.f("ck_session_status_state")
        ),
        sa.PrimaryKeyConstraint("session", name=op.f("pk_session_status")),
    )
    op.create_table(
        "universes",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("rule", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_universes")),
    )
    op.create_table(
        "user_preferences",
        sa.Column("user_name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("value", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("user_name", "kind", "subject", name=op.f("pk_user_preferences")),
    )
    op.create_table(
        "processing_stats",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("equity_type", sa.Text(), nullable=False),
        sa.Column("processed", sa.BigInteger(), nullable=False),
        sa.Column("failed", sa.BigInteger(), nullable=False),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["equity_type"], ["equity_types.name"], name=op.f("fk_processing_stats_equity_type")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_processing_stats")),
    )
    op.create_index("ix_processing_stats_type_time", "processing_stats", ["equity_type", "finished_at"], unique=False)
    op.create_table(
        "quarantined_bars",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("load_id", sa.BigInteger(), nullable=False),
        sa.Column("ticker", sa.Text(), nullable=True),
        sa.Column("session", sa.Date(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("raw", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["load_id"], ["loads.id"], name=op.f("fk_quarantined_bars_load_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quarantined_bars")),
    )
    op.create_table(
        "symbols",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("ticker", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("type", sa.Text(), nullable=True),
        sa.Column("exchange", sa.Text(), nullable=True),
        sa.Column("market_cap", sa.Double(), nullable=True),
        sa.Column("sic_code", sa.Text(), nullable=True),
        sa.Column("list_date", sa.Date(), nullable=True),
        sa.Column("delist_date", sa.Date(), nullable=True),
        sa.Column("composite_figi", sa.Text(), nullable=True),
        sa.Column("share_class_figi", sa.Text(), nullable=True),
        sa.Column("cik", sa.Text(), nullable=True),
        sa.Column("active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("equity_type", sa.Text(), nullable=False),
        sa.Column("first_seen", sa.Date(), nullable=False),
        sa.Column("bootstrap", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("absent_since", sa.Date(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["equity_type"], ["equity_types.name"], name=op.f("fk_symbols_equity_type")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_symbols")),
    )
    op.create_index("ix_symbols_composite_figi", "symbols", ["composite_figi"], unique=False)
    op.create_index(
        "ix_symbols_equity_type", "symbols", ["equity_type"], unique=False, postgresql_where=sa.text("active")
    )
    op.create_index("uq_symbols_active_ticker", "symbols", ["ticker"], unique=True, postgresql_where=sa.text("active"))
    op.create_table(
        "bar_corrections",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("symbol_id", sa.BigInteger(), nullable=False),
        sa.Column("session", sa.Date(), nullable=False),
        sa.Column("old", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("new", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("load_id", sa.BigInteger(), nullable=False),
        sa.Column("corrected_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["load_id"], ["loads.id"], name=op.f("fk_bar_corrections_load_id")),
        sa.ForeignKeyConstraint(["symbol_id"], ["symbols.id"], name=op.f("fk_bar_corrections_symbol_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bar_corrections")),
    )
    op.create_index("ix_bar_corrections_symbol_id_session", "bar_corrections", ["symbol_id", "session"], unique=False)
    op.create_table(
        "bar_requests",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("symbol_id", sa.BigInteger(), nullable=False),
        sa.Column("session", sa.Date(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("job_id", sa.BigInteger(), nullable=True),
        sa.Column("status", sa.Text(), server_default="waiting", nullable=False),
        sa.Column("claim_token", sa.BigInteger(), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "status IN ('waiting', 'running', 'done', 'empty', 'failed')", name=op.f("ck_bar_requests_status")
        ),
        sa.ForeignKeyConstraint(["job_id"], ["backfill_jobs.id"], name=op.f("fk_bar_requests_job_id")),
        sa.ForeignKeyConstraint(["symbol_id"], ["symbols.id"], name=op.f("fk_bar_requests_symbol_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bar_requests")),
    )
    op.create_index("ix_bar_requests_job_id", "bar_requests", ["job_id"], unique=False)
    op.create_index(
        "ix_bar_requests_open_session",
        "bar_requests",
        ["session"],
        unique=False,
        postgresql_where=sa.text("status IN ('waiting', 'running')"),
    )
    op.create_index(
        "uq_bar_requests_open",
        "bar_requests",
        ["symbol_id", "session"],
        unique=True,
        postgresql_where=sa.text("status IN ('waiting', 'running')"),
    )
    op.create_table(
        "corporate_actions",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("symbol_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("ex_date", sa.Date(), nullable=False),
        sa.Column("split_from", sa.Double(), server_default="1", nullable=False),
        sa.Column("split_to", sa.Double(), server_default="1", nullable=False),
        sa.Column("cash_amount", sa.Double(), server_default="0", nullable=False),
        sa.Column("loaded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("kind IN ('split', 'dividend')", name=op.f("ck_corporate_actions_kind")),
        sa.ForeignKeyConstraint(["symbol_id"], ["symbols.id"], name=op.f("fk_corporate_actions_symbol_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_corporate_actions")),
    )
    op.create_index(
        "uq_corporate_actions",
        "corporate_actions",
        ["symbol_id", "kind", "ex_date", "split_from", "split_to", "cash_amount"],
        unique=True,
    )
    op.create_table(
        "equity_processing_queue",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("equity_type", sa.Text(), nullable=False),
        sa.Column("symbol_id", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), server_default="asked", nullable=False),
        sa.Column("processing_priority", sa.BigInteger(), nullable=False),
        sa.Column("scheduled_time", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("status", sa.Text(), server_default="pending", nullable=False),
        sa.Column("attempts", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("last_attempt", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("claim_token", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "status IN ('pending', 'running', 'done', 'failed', 'cancelled')",
            name=op.f("ck_equity_processing_queue_status"),
        ),
        sa.ForeignKeyConstraint(
            ["equity_type"], ["equity_types.name"], name=op.f("fk_equity_processing_queue_equity_type")
        ),
        sa.ForeignKeyConstraint(["symbol_id"], ["symbols.id"], name=op.f("fk_equity_processing_queue_symbol_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_equity_processing_queue")),
    )
    op.create_index(
        "ix_equity_processing_queue_due",
        "equity_processing_queue",
        ["equity_type", "scheduled_time"],
        unique=False,
        postgresql_where=sa.text("status IN ('pending', 'running')"),
    )
    op.create_index(
        "ix_equity_processing_queue_last_attempt",
        "equity_processing_queue",
        ["equity_type", "last_attempt"],
        unique=False,
    )
    op.create_index(
        "uq_equity_processing_queue_waiting",
        "equity_processing_queue",
        ["symbol_id"],
        unique=True,
        postgresql_where=sa.text("status IN ('pending', 'running')"),
    )
    op.create_table(
        "known_empty",
        sa.Column("symbol_id", sa.BigInteger(), nullable=False),
        sa.Column("session", sa.Date(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("load_id", sa.BigInteger(), nullable=True),
        sa.Column("found_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["load_id"], ["loads.id"], name=op.f("fk_known_empty_load_id")),
        sa.ForeignKeyConstraint(["symbol_id"], ["symbols.id"], name=op.f("fk_known_empty_symbol_id")),
        sa.PrimaryKeyConstraint("symbol_id", "session", name=op.f("pk_known_empty")),
    )
    op.create_table(
        "quality_alerts",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("finding_key", sa.Text(), nullable=False),
        sa.Column("symbol_id", sa.BigInteger(), nullable=True),
        sa.Column("operational_finding_id", sa.BigInteger(), nullable=True),
        sa.Column("session", sa.Date(), nullable=True),
        sa.Column("check_name", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default="open", nullable=False),
        sa.Column("observed", sa.Double(), nullable=True),
        sa.Column("expected", sa.Double(), nullable=True),
        sa.Column("threshold", sa.Double(), nullable=True),
        sa.Column("remediation", sa.Text(), nullable=False),
        sa.Column("evidence", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["operational_finding_id"],
            ["operational_findings.id"],
            name=op.f("fk_quality_alerts_operational_finding_id"),
        ),
        sa.ForeignKeyConstraint(["symbol_id"], ["symbols.id"], name=op.f("fk_quality_alerts_symbol_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quality_alerts")),
        sa.UniqueConstraint("finding_key", name=op.f("uq_quality_alerts_finding_key")),
    )
    op.create_index(
        "ix_quality_alerts_open",
        "quality_alerts",
        ["opened_at"],
        unique=False,
        postgresql_where=sa.text("state IN ('open', 'remediating')"),
    )
    op.create_index("ix_quality_alerts_symbol_id_session", "quality_alerts", ["symbol_id", "session"], unique=False)
    op.create_table(
        "quality_metrics",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("session", sa.Date(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("check_name", sa.Text(), nullable=True),
        sa.Column("symbol_id", sa.BigInteger(), nullable=True),
        sa.Column("figures", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["symbol_id"], ["symbols.id"], name=op.f("fk_quality_metrics_symbol_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quality_metrics")),
    )
    op.create_index(
        "uq_quality_metrics",
        "quality_metrics",
        [
            "session",
            "scope",
            sa.literal_column("coalesce(check_name, '')"),
            sa.literal_column("coalesce(symbol_id, 0)"),
        ],
        unique=True,
    )
    op.create_table(
        "symbol_aliases",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("symbol_id", sa.BigInteger(), nullable=False),
        sa.Column("ticker", sa.Text(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(["symbol_id"], ["symbols.id"], name=op.f("fk_symbol_aliases_symbol_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_symbol_aliases")),
    )
    op.create_index("ix_symbol_aliases_symbol_id", "symbol_aliases", ["symbol_id"], unique=False)
    op.create_index(
        "uq_symbol_aliases_open",
        "symbol_aliases",
        ["ticker"],
        unique=True,
        postgresql_where=sa.text("valid_to IS NULL"),
    )
    op.create_table(
        "universe_members",
        sa.Column("universe", sa.Text(), nullable=False),
        sa.Column("symbol_id", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["symbol_id"], ["symbols.id"], name=op.f("fk_universe_members_symbol_id")),
        sa.ForeignKeyConstraint(["universe"], ["universes.name"], name=op.f("fk_universe_members_universe")),
        sa.PrimaryKeyConstraint("universe", "symbol_id", name=op.f("pk_universe_members")),
    )
    op.create_index("ix_universe_members_symbol_id", "universe_members", ["symbol_id"], unique=False)
    op.create_table(
        "repair_requests",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("alert_id", sa.BigInteger(), nullable=True),
        sa.Column("symbol_id", sa.BigInteger(), nullable=False),
        sa.Column("session", sa.Date(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default="waiting", nullable=False),
        sa.Column("old", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("new", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["alert_id"], ["quality_alerts.id"], name=op.f("fk_repair_requests_alert_id")),
        sa.ForeignKeyConstraint(["symbol_id"], ["symbols.id"], name=op.f("fk_repair_requests_symbol_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_repair_requests")),
    )


def _drop_tables() -> None:
    op.drop_table("repair_requests")
    op.drop_table("universe_members")
    op.drop_table("symbol_aliases")
    op.drop_table("quality_metrics")
    op.drop_table("quality_alerts")
    op.drop_table("known_empty")
    op.drop_table("equity_processing_queue")
    op.drop_table("corporate_actions")
    op.drop_table("bar_requests")
    op.drop_table("bar_corrections")
    op.drop_table("symbols")
    op.drop_table("quarantined_bars")
    op.drop_table("processing_stats")
    op.drop_table("user_preferences")
    op.drop_table("universes")
    op.drop_table("session_status")
    op.drop_table("scan_runs")
    op.drop_table("relay_state")
    op.drop_table("outbox")
    op.drop_table("operational_findings")
    op.drop_table("loads")
    op.drop_table("ipo_calendar")
    op.drop_table("historical_data")
    op.drop_table("equity_types")
    op.drop_table("eod_runs")
    op.drop_table("backfill_jobs")
