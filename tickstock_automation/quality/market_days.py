"""What the whole market did on each day, kept from the first whole sweep that saw it.

A sweep of few symbols, a shard, a repair that is judged again: all hold a bar against the same market, so that a finding is not
there for one and gone for the other.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

import polars as pl
from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from tickstock_automation.quality.frame import MARKET
from tickstock_automation.quality.models import QualityMetric

SCOPE = "market"


def market_days(session: Session, first: date, last: date) -> pl.DataFrame:
    """MARKET of the days that are known, oldest first."""
    rows = session.execute(
        select(QualityMetric.session, QualityMetric.figures)
        .where(QualityMetric.scope == SCOPE, QualityMetric.session.between(first, last))
        .order_by(QualityMetric.session)
    )
    return pl.DataFrame([{"date": day, **figures} for day, figures in rows], schema=MARKET)


def forget_market(session: Session, days: Collection[date]) -> None:
    """Days of which many bars were put right: the next whole sweep says anew what the market did."""
    session.execute(
        delete(QualityMetric).where(QualityMetric.scope == SCOPE, QualityMetric.session.in_(sorted(days)))
    )  # fmt: skip


def note_market(session: Session, days: pl.DataFrame) -> None:
    """Keeps the days (MARKET) that are not known yet."""
    rows = [
        {"session": day["date"], "scope": SCOPE, "figures": {name: day[name] for name in MARKET if name != "date"}}
        for day in days.iter_rows(named=True)
    ]
    if rows:
        session.execute(upsert(QualityMetric).on_conflict_do_nothing(), rows)
