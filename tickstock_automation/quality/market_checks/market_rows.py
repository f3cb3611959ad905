"""A day with far fewer, or far more, bars than the days before."""

import polars as pl

from tickstock_automation.quality.market_checks.facts import MarketFacts, usual
from tickstock_automation.quality.market_checks.finding import MarketFinding

LEAST = 20
FEWER, HALF, MORE = 0.9, 0.5, 1.5


def market_rows(facts: MarketFacts) -> list[MarketFinding]:
    """Fewer than 90% of the median of the 20 sessions before (a data error), or more than 150% (undetermined)."""
    days = facts.days.filter(pl.col("date").is_in(facts.sessions)).with_columns(usual("rows").alias("usual"))
    share = pl.col("rows") / pl.col("usual")
    rows = days.with_columns(share.alias("share")).filter(
        facts.is_judged() & (pl.col("usual") >= LEAST) & ((pl.col("share") < FEWER) | (pl.col("share") > MORE))
    )
    found = []
    for row in rows.iter_rows(named=True):
        fewer = row["share"] < 1
        found.append(
            MarketFinding(
                date=row["date"], check="market_rows",
                severity=("critical" if row["share"] < HALF else "high") if fewer else "medium",
                verdict="data_error" if fewer else "undetermined", observed=float(row["rows"]), expected=row["usual"],
                threshold=FEWER if fewer else MORE, remediation="reload" if fewer else "review",
                evidence={
                    "words": f"{row['rows']:,} bars in all, {row['usual']:,.0f} are usual ({row['share']:.0%})",
                    "measure": "share of the usual count", "share": row["share"],
                },
            )
        )  # fmt: skip
    return found
