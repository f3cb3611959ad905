"""Bars on a day on which the exchange was closed."""

import polars as pl

from tickstock_automation.quality.market_checks.facts import MarketFacts
from tickstock_automation.quality.market_checks.finding import MarketFinding


def closed_day(facts: MarketFacts) -> list[MarketFinding]:
    """Stored bars of a day that is no session: always a data error. (Rows of such days are refused at the door since.)"""
    rows = facts.days.filter(facts.is_judged() & ~pl.col("date").is_in(facts.sessions) & (pl.col("rows") > 0))
    return [
        MarketFinding(
            date=row["date"], check="unexpected_session", severity="high", verdict="data_error",
            observed=float(row["rows"]), expected=0.0, threshold=0.0, remediation="review",
            evidence={"words": f"{row['rows']:,} bars of a day on which the exchange was closed", "measure": "bars"},
        )
        for row in rows.iter_rows(named=True)
    ]  # fmt: skip
