"""Tables of the bars."""

from __future__ import annotations

from datetime import date, datetime
from datetime import date as date_type  # `date` is a column's name below
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, func, text
from sqlalchemy.orm import Mapped, mapped_column

from tickstock_automation.db.base import Base, Id
from tickstock_automation.db.runs import RunMixin


class Bar(Base):
    """One daily bar as the vendor gave it, unadjusted. Partitioned by year.

    No foreign keys: they halve the speed of a load, whose rows are joined with `symbols` and its own `loads` row anyway.
    """

    __tablename__ = "historical_data"
    __table_args__ = (
        # Bars lie in the order in which they came, day after day: a few kilobytes find all of a day.
        Index("ix_historical_data_date", "date", postgresql_using="brin", postgresql_with={"pages_per_range": 16}),
        {"postgresql_partition_by": "RANGE (date)"},
    )

    symbol_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    date: Mapped[date_type] = mapped_column(primary_key=True)
    open: Mapped[float]
    high: Mapped[float]
    low: Mapped[float]
    close: Mapped[float]
    volume: Mapped[float] = mapped_column(doc="shares; the vendor gives fractions since 2025")
    vwap: Mapped[float | None]
    trade_count: Mapped[int | None]
    source: Mapped[str]
    load_id: Mapped[int]
    loaded_at: Mapped[datetime] = mapped_column(server_default=func.now())
    flag: Mapped[str | None] = mapped_column(
        doc="contradictory, zero_price or negative_price: the vendor's word is kept"
    )
    suspect: Mapped[bool] = mapped_column(
        server_default=text("false"), doc="a check calls it wrong, and nothing better was to be had (docs/repairs.md)"
    )


class CorporateAction(Base):
    """A split or a dividend that the vendor lists. What it lists no more moves to `withdrawn_actions`."""

    __tablename__ = "corporate_actions"
    __table_args__ = (
        CheckConstraint("kind IN ('split', 'dividend')", name="kind"),
        Index(
            "uq_corporate_actions", "symbol_id", "kind", "ex_date", "split_from", "split_to", "cash_amount", unique=True
        ),
    )

    id: Mapped[Id]
    symbol_id: Mapped[int] = mapped_column(ForeignKey("symbols.id"))
    kind: Mapped[str]
    ex_date: Mapped[date] = mapped_column(doc="first session that trades after it")
    split_from: Mapped[float] = mapped_column(server_default="1", doc="this many old shares ...")
    split_to: Mapped[float] = mapped_column(server_default="1", doc="... became this many")
    cash_amount: Mapped[float] = mapped_column(server_default="0", doc="US dollars a share")
    absent_since: Mapped[date | None] = mapped_column(doc="session whose answer lacked it, and was not believed")
    loaded_at: Mapped[datetime] = mapped_column(server_default=func.now())


class WithdrawnAction(Base):
    """A split or a dividend that the vendor listed once, and then no more."""

    __tablename__ = "withdrawn_actions"
    __table_args__ = (Index("ix_withdrawn_actions_symbol_id", "symbol_id"),)

    id: Mapped[Id]
    symbol_id: Mapped[int] = mapped_column(ForeignKey("symbols.id"))
    kind: Mapped[str]
    ex_date: Mapped[date]
    split_from: Mapped[float]
    split_to: Mapped[float]
    cash_amount: Mapped[float]
    loaded_at: Mapped[datetime]
    withdrawn_at: Mapped[datetime] = mapped_column(server_default=func.now())


class BarRequest(Base):
    """The bars that are wanted of one symbol, from one session to another, and why.

    A pair of symbol and session that is stored, known to be empty or unloaded is settled; a request without any other pair
    is done.
    """

    __tablename__ = "bar_requests"
    __table_args__ = (
        CheckConstraint("status IN ('waiting', 'done', 'cancelled')", name="status"),
        CheckConstraint("first_session <= last_session", name="sessions"),
        Index("ix_bar_requests_waiting", "symbol_id", "last_session", postgresql_where=text("status = 'waiting'")),
        Index("ix_bar_requests_job_id", "job_id"),
        Index("ix_bar_requests_symbol_id", "symbol_id", "created_at"),
        Index("ix_bar_requests_unplanned", "not_before", postgresql_where=text("status = 'waiting' AND NOT planned")),
    )

    id: Mapped[Id]
    symbol_id: Mapped[int] = mapped_column(ForeignKey("symbols.id"))
    first_session: Mapped[date]
    last_session: Mapped[date]
    reason: Mapped[str] = mapped_column(doc="new_listing, missing, suspect, asked or backfill")
    priority: Mapped[int] = mapped_column(server_default="50", doc="what is higher is asked for first")
    reread: Mapped[bool] = mapped_column(
        server_default=text("false"), doc="what is stored already is asked for as well"
    )
    job_id: Mapped[int | None] = mapped_column(ForeignKey("backfill_jobs.id"))
    status: Mapped[str] = mapped_column(server_default="waiting")
    asks_left: Mapped[int] = mapped_column(
        server_default="0", doc="an answer without the bar is not believed so many times more, but asked for again"
    )
    not_before: Mapped[datetime] = mapped_column(server_default=func.now())
    planned: Mapped[bool] = mapped_column(server_default=text("false"), doc="the plan of calls has it in it")
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    completed_at: Mapped[datetime | None]


class BarCall(Base):
    """One vendor call of the plan that covers all requests. What it brings is stored in the transaction that ends it.

    Planned anew whenever something else is wanted; one that runs, or has ended, stays.
    """

    __tablename__ = "bar_calls"
    __table_args__ = (
        CheckConstraint("status IN ('waiting', 'running', 'done', 'failed')", name="status"),
        CheckConstraint("(endpoint = 'range') = (ticker IS NOT NULL)", name="ticker"),
        Index(
            "ix_bar_calls_open",
            text("priority DESC"),
            text("last_session DESC"),
            "id",
            postgresql_where=text("status IN ('waiting', 'running')"),
        ),
        Index("ix_bar_calls_finished_at", "finished_at", postgresql_where=text("status = 'done'")),
    )

    id: Mapped[Id]
    endpoint: Mapped[str] = mapped_column(doc="grouped, range, or splits (all of an interval)")
    ticker: Mapped[str | None] = mapped_column(doc="of a range")
    first_session: Mapped[date]
    last_session: Mapped[date] = mapped_column(doc="of a grouped call the same as the first")
    priority: Mapped[int]
    status: Mapped[str] = mapped_column(server_default="waiting")
    attempts: Mapped[int] = mapped_column(server_default="0", doc="answers that could not be used, workers that died")
    waits: Mapped[int] = mapped_column(server_default="0", doc="times in a row that the vendor was not to be had")
    due_at: Mapped[datetime] = mapped_column(server_default=func.now())
    lease_until: Mapped[datetime | None]
    claim_token: Mapped[int] = mapped_column(server_default="0", doc="grows with every claim; an old one is refused")
    load_id: Mapped[int | None] = mapped_column(ForeignKey("loads.id"))
    error_message: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    finished_at: Mapped[datetime | None]


class UnloadedBar(Base):
    """A bar that was asked for and could not be had: its row was refused, its call failed, or nobody can tell.

    Gone as soon as the bar is stored; any new request asks for it again.
    """

    __tablename__ = "unloaded_bars"
    __table_args__ = (
        CheckConstraint("outcome IN ('refused', 'failed')", name="outcome"),
        Index("ix_unloaded_bars_session", "session"),
    )

    symbol_id: Mapped[int] = mapped_column(ForeignKey("symbols.id"), primary_key=True)
    session: Mapped[date] = mapped_column(primary_key=True)
    outcome: Mapped[str]
    reason: Mapped[str]
    load_id: Mapped[int | None] = mapped_column(ForeignKey("loads.id"))
    times: Mapped[int] = mapped_column(server_default="1", doc="how often it came to this")
    again: Mapped[bool] = mapped_column(server_default=text("false"), doc="it is asked for once more")
    recorded_at: Mapped[datetime] = mapped_column(server_default=func.now())


class BackfillJob(Base):
    """A backfill's plan, progress and outcome. A pair is one symbol on one session."""

    __tablename__ = "backfill_jobs"
    __table_args__ = (
        CheckConstraint("state IN ('planned', 'running', 'paused', 'done', 'failed', 'cancelled')", name="state"),
    )

    id: Mapped[Id]
    reason: Mapped[str]
    as_of: Mapped[date] = mapped_column(doc="session that it works up to")
    first_session: Mapped[date]
    last_session: Mapped[date]
    symbols: Mapped[int]
    pairs: Mapped[int] = mapped_column(server_default="0", doc="wanted when it began")
    state: Mapped[str] = mapped_column(server_default="planned")
    why: Mapped[str | None] = mapped_column(doc="who or what paused or cancelled it")
    author: Mapped[str | None]
    max_calls: Mapped[int | None] = mapped_column(doc="paused after so many")
    percent: Mapped[int] = mapped_column(server_default="0")
    bars: Mapped[int] = mapped_column(server_default="0")
    empty: Mapped[int] = mapped_column(server_default="0")
    failed: Mapped[int] = mapped_column(server_default="0")
    vendor_calls: Mapped[int] = mapped_column(server_default="0", doc="answered; one may serve several jobs")
    calls_left: Mapped[int] = mapped_column(server_default="0", doc="by the newest plan")
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class Load(Base):
    """One vendor call that brought bars."""

    __tablename__ = "loads"
    __table_args__ = (Index("ix_loads_session", "session", postgresql_where=text("session IS NOT NULL")),)

    id: Mapped[Id]
    session: Mapped[date | None] = mapped_column(doc="of a grouped call")
    endpoint: Mapped[str] = mapped_column(doc="grouped, range, or by_hand: no call, a person's word")
    arguments: Mapped[dict[str, Any]]
    answer_hash: Mapped[str] = mapped_column(doc="SHA-256 of the answer's body")
    rows: Mapped[int] = mapped_column(doc="rows in the answer")
    inserted: Mapped[int] = mapped_column(server_default="0")
    updated: Mapped[int] = mapped_column(server_default="0")
    unchanged: Mapped[int] = mapped_column(server_default="0")
    refused: Mapped[int] = mapped_column(server_default="0")
    not_asked: Mapped[int] = mapped_column(server_default="0", doc="rows cut away because nobody asked for them")
    job: Mapped[str] = mapped_column(
        doc="what it served: eod:DATE, reread:DATE, backfill:ID ..., or the requests' reasons"
    )
    loaded_at: Mapped[datetime] = mapped_column(server_default=func.now())


class QuarantinedBar(Base):
    """A refused row with its raw values."""

    __tablename__ = "quarantined_bars"

    id: Mapped[Id]
    load_id: Mapped[int] = mapped_column(ForeignKey("loads.id"))
    ticker: Mapped[str | None]
    session: Mapped[date | None]
    reason: Mapped[str]
    raw: Mapped[dict[str, Any]]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class BarCorrection(Base):
    """A stored bar that was changed, by the vendor or by a repair: what it was, what it became.

    A side without a bar is an empty object.
    """

    __tablename__ = "bar_corrections"
    __table_args__ = (Index("ix_bar_corrections_symbol_id_session", "symbol_id", "session"),)

    id: Mapped[Id]
    symbol_id: Mapped[int] = mapped_column(ForeignKey("symbols.id"))
    session: Mapped[date]
    old: Mapped[dict[str, Any]]
    new: Mapped[dict[str, Any]]
    reason: Mapped[str] = mapped_column(server_default="", doc="why it was asked for again; repair, by hand or undo")
    load_id: Mapped[int] = mapped_column(ForeignKey("loads.id"))
    repair_id: Mapped[int | None] = mapped_column(ForeignKey("repair_requests.id"))
    corrected_at: Mapped[datetime] = mapped_column(server_default=func.now())


class KnownEmpty(Base):
    """A bar that was asked for and is known not to exist."""

    __tablename__ = "known_empty"

    symbol_id: Mapped[int] = mapped_column(ForeignKey("symbols.id"), primary_key=True)
    session: Mapped[date] = mapped_column(primary_key=True)
    reason: Mapped[str]
    load_id: Mapped[int | None] = mapped_column(ForeignKey("loads.id"))
    found_at: Mapped[datetime] = mapped_column(server_default=func.now())


class SessionStatus(Base):
    """May this session's data be used? expected = stored + known_empty + refused + failed."""

    __tablename__ = "session_status"
    __table_args__ = (CheckConstraint("state IN ('pending', 'ready', 'degraded', 'missing')", name="state"),)

    session: Mapped[date] = mapped_column(primary_key=True)
    state: Mapped[str] = mapped_column(server_default="pending")
    expected: Mapped[int] = mapped_column(server_default="0")
    stored: Mapped[int] = mapped_column(server_default="0")
    known_empty: Mapped[int] = mapped_column(server_default="0")
    refused: Mapped[int] = mapped_column(server_default="0")
    failed: Mapped[int] = mapped_column(server_default="0")
    closed: Mapped[bool] = mapped_column(
        server_default=text("false"), doc="the exchange did not trade, though the calendar has it: no bar is expected"
    )
    exchanges: Mapped[dict[str, Any]] = mapped_column(
        server_default="{}", doc="by MIC of the primary exchange (or ?): the same counts"
    )
    reasons: Mapped[list[str]] = mapped_column(server_default="[]")
    ready_at: Mapped[datetime | None]
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())


class EodRun(RunMixin, Base):
    """The end-of-day load of one session."""

    __tablename__ = "eod_runs"


class RereadRun(RunMixin, Base):
    """The morning before one session: the last sessions read once more, and old gaps asked for."""

    __tablename__ = "reread_runs"


class RepairRequest(Base):
    """What quality or a person wants put right of one symbol's session; the bars service does it, and undoes it.

    `old` and `new` are the symbol's day before and after: the bar with all its columns, or `absent` with what stood in its
    place. Before it is done, `new` is what the vendor's other endpoint says, or what a person wants changed.
    """

    __tablename__ = "repair_requests"
    __table_args__ = (
        CheckConstraint(
            "action IN ('refetch', 'reload', 'look_up_split', 'check_listing', 'fix', 'delete', 'mark', 'undo')",
            name="action",
        ),
        CheckConstraint(
            "state IN ('waiting', 'running', 'answered', 'accepted', 'refused', 'applied', 'marked', 'kept', 'done', 'failed',"
            " 'superseded', 'undone')",
            name="state",
        ),
        CheckConstraint("(action = 'undo') = (undo_of IS NOT NULL)", name="undo_of"),
        CheckConstraint("(action = 'refetch') = (endpoint IS NOT NULL)", name="endpoint"),
        Index(
            "ix_repair_requests_open",
            text("priority DESC"),
            "id",
            postgresql_where=text("state IN ('waiting', 'running', 'answered', 'accepted', 'refused')"),
        ),
        Index("ix_repair_requests_untold", "alert_id", postgresql_where=text("told_at IS NULL")),
        Index("ix_repair_requests_alert_id", "alert_id"),
        Index("ix_repair_requests_symbol_id_session", "symbol_id", "session"),
        Index("ix_repair_requests_asked_on", "asked_on"),
        Index(
            "uq_repair_requests_undo_of",
            "undo_of",
            unique=True,
            postgresql_where=text("state IN ('accepted', 'applied')"),
        ),
    )

    id: Mapped[Id]
    alert_id: Mapped[int | None] = mapped_column(ForeignKey("quality_alerts.id"))
    symbol_id: Mapped[int] = mapped_column(ForeignKey("symbols.id"))
    session: Mapped[date]
    action: Mapped[str] = mapped_column(doc="an Action")
    state: Mapped[str] = mapped_column(server_default="waiting", doc="a State")
    check_name: Mapped[str | None] = mapped_column(doc="the check that the bar failed")
    reason: Mapped[str] = mapped_column(server_default="", doc="the finding, or a person's reason, in words")
    endpoint: Mapped[str | None] = mapped_column(doc="of a refetch: grouped or range, not the one that brought the bar")
    mark: Mapped[bool] = mapped_column(
        server_default=text("false"), doc="refused, and the bar is wrong all the same: it is to be marked as suspect"
    )
    priority: Mapped[int] = mapped_column(server_default="0", doc="more severe findings first")
    asked_on: Mapped[date] = mapped_column(
        server_default=text("CURRENT_DATE"), doc="the day (New York) whose limit it counts against"
    )
    undo_of: Mapped[int | None] = mapped_column(ForeignKey("repair_requests.id"))
    old: Mapped[dict[str, Any] | None]
    new: Mapped[dict[str, Any] | None]
    load_id: Mapped[int | None] = mapped_column(ForeignKey("loads.id"))
    author: Mapped[str]
    error_message: Mapped[str | None] = mapped_column(doc="why it failed or was refused")
    attempts: Mapped[int] = mapped_column(server_default="0", doc="answers that could not be used, workers that died")
    waits: Mapped[int] = mapped_column(server_default="0", doc="times in a row that the vendor was not to be had")
    due_at: Mapped[datetime] = mapped_column(server_default=func.now())
    lease_until: Mapped[datetime | None]
    claim_token: Mapped[int] = mapped_column(server_default="0", doc="grows with every claim; an old one is refused")
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    completed_at: Mapped[datetime | None]
    told_at: Mapped[datetime | None] = mapped_column(doc="its alert took the step, with the event, that this led to")
