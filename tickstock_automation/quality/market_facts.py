"""Reading what the whole-market checks look at beside the bars: the vendor's contradictions, the splits."""

from __future__ import annotations

from typing import Any

import polars as pl
from sqlalchemy import text
from sqlalchemy.orm import Session

from tickstock_automation.quality.market_checks.facts import NOTES, SPLITS_SEEN, MarketFacts
from tickstock_automation.quality.reading import Window

_NOTES = text("""
SELECT session, kind, count(*), (array_agg(ticker ORDER BY ticker))[1:20]
  FROM vendor_differences WHERE session BETWEEN :first AND :last AND kind IN ('bars_without_listing', 'listing_without_bars')
 GROUP BY session, kind""")

_SPLITS = text("""
SELECT c.symbol_id, s.ticker, c.ex_date, c.split_to / c.split_from,
       (SELECT b.close FROM historical_data b WHERE b.symbol_id = c.symbol_id AND b.date < c.ex_date AND b.date >= c.ex_date - 10
         ORDER BY b.date DESC LIMIT 1),
       (SELECT b.close FROM historical_data b WHERE b.symbol_id = c.symbol_id AND b.date = c.ex_date)
  FROM corporate_actions c JOIN symbols s ON s.id = c.symbol_id
 WHERE c.kind = 'split' AND c.ex_date BETWEEN :first AND :last""")


def read_market_facts(session: Session, days: pl.DataFrame, found: Window) -> MarketFacts:
    """`days`: the shards' figures put together, DAYS."""
    span = {"first": found.first, "last": found.last}
    notes, splits = session.execute(_NOTES, span).all(), session.execute(_SPLITS, span).all()
    return MarketFacts(
        sessions=found.sessions, judged=found.judged, days=days, notes=_frame(notes, NOTES), splits=_frame(splits, SPLITS_SEEN)
    )  # fmt: skip


def _frame(rows: Any, schema: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame([tuple(row) for row in rows], schema=schema, orient="row")
