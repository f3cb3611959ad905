"""IPO monitor: a person's word on a symbol, held listings, the IPO calendar in full, universes and equity types by rules."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from tickstock_automation.db.migration import as_owner, run_sql

revision = "0003"
down_revision = "0002"

TABLES = ("held_listings", "symbol_decisions", "vendor_differences", "universe_choices", "equity_type_rules")
READERS = "tickstock_quality_monitor, tickstock_app"


def upgrade() -> None:
    with as_owner():
        op.add_column("symbols", sa.Column("kept_by", sa.Text(), nullable=True))
        op.add_column("symbols", sa.Column("details_on", sa.Date(), nullable=True))
        op.add_column("symbols", sa.Column("ipo_price", sa.Double(), nullable=True))
        op.add_column("symbols", sa.Column("archived_by", sa.Text(), nullable=True))
        op.create_index("ix_symbols_details_on", "symbols", ["details_on"], postgresql_where=sa.text("active"))
        for name, kind in (
            ("announced", sa.Date()),
            ("low_price", sa.Double()),
            ("high_price", sa.Double()),
            ("currency", sa.Text()),
            ("exchange", sa.Text()),
            ("symbol_id", sa.BigInteger()),
        ):
            op.add_column("ipo_calendar", sa.Column(name, kind, nullable=True))
        op.execute("UPDATE ipo_calendar SET issuer = '' WHERE issuer IS NULL")
        op.alter_column("ipo_calendar", "issuer", nullable=False, server_default="")
        op.create_foreign_key(
            op.f("fk_ipo_calendar_symbol_id_symbols"), "ipo_calendar", "symbols", ["symbol_id"], ["id"]
        )
        op.create_unique_constraint(op.f("uq_ipo_calendar_ticker_issuer"), "ipo_calendar", ["ticker", "issuer"])
        _tables()
        for table in TABLES:
            op.execute(f"GRANT SELECT ON {table} TO {READERS}")
            op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO tickstock_ipo_monitor")
        run_sql("default_universes")


def downgrade() -> None:
    with as_owner():
        for table in TABLES:
            op.drop_table(table)
        op.drop_constraint(op.f("uq_ipo_calendar_ticker_issuer"), "ipo_calendar")
        op.alter_column("ipo_calendar", "issuer", nullable=True, server_default=None)
        for name in ("announced", "low_price", "high_price", "currency", "exchange", "symbol_id"):
            op.drop_column("ipo_calendar", name)
        op.drop_index("ix_symbols_details_on", "symbols")
        for name in ("kept_by", "details_on", "ipo_price", "archived_by"):
            op.drop_column("symbols", name)


def _tables() -> None:
    op.create_table(
        "held_listings",
        sa.Column("ticker", sa.Text(), nullable=False),
        sa.Column("session", sa.Date(), nullable=False),
        sa.Column("listing", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("ticker", name=op.f("pk_held_listings")),
    )
    op.create_table(
        "symbol_decisions",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("symbol_id", sa.BigInteger(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["symbol_id"], ["symbols.id"], name=op.f("fk_symbol_decisions_symbol_id_symbols")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_symbol_decisions")),
    )
    op.create_index("ix_symbol_decisions_symbol_id", "symbol_decisions", ["symbol_id"])
    op.create_table(
        "vendor_differences",
        sa.Column("session", sa.Date(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("ticker", sa.Text(), nullable=False),
        sa.Column("words", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("session", "kind", "ticker", name=op.f("pk_vendor_differences")),
    )
    op.create_table(
        "universe_choices",
        sa.Column("universe", sa.Text(), nullable=False),
        sa.Column("symbol_id", sa.BigInteger(), nullable=False),
        sa.Column("included", sa.Boolean(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("chosen_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["symbol_id"], ["symbols.id"], name=op.f("fk_universe_choices_symbol_id_symbols")),
        sa.ForeignKeyConstraint(["universe"], ["universes.name"], name=op.f("fk_universe_choices_universe_universes")),
        sa.PrimaryKeyConstraint("universe", "symbol_id", name=op.f("pk_universe_choices")),
    )
    op.create_table(
        "equity_type_rules",
        sa.Column("position", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("equity_type", sa.Text(), nullable=False),
        sa.Column("rule", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(
            ["equity_type"], ["equity_types.name"], name=op.f("fk_equity_type_rules_equity_type_equity_types")
        ),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_equity_type_rules")),
    )
