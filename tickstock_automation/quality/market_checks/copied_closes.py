"""Most closes of a day are the day before's."""

import polars as pl

from tickstock_automation.quality.market_checks.facts import MarketFacts, usual
from tickstock_automation.quality.market_checks.finding import MarketFinding

LEAST = 20
SHARE = 0.3
MOST = 0.5


def copied_closes(facts: MarketFacts) -> list[MarketFinding]:
    """Over 30% of the closes are exactly the day before's, and three times as many as usual (and a tenth).

    Seen at a vendor with fresh highs and lows (iexg/IEX-API 601), so that no bar by itself looks wrong.
    """
    days = facts.days.filter(pl.col("date").is_in(facts.sessions) & (pl.col("compared") >= LEAST)).with_columns(
        (pl.col("copied") / pl.col("compared")).alias("share")
    )
    days = days.with_columns(usual("share").alias("usual"))
    bound = pl.max_horizontal(pl.lit(SHARE), 3 * pl.col("usual") + 0.1)
    rows = days.filter(facts.is_judged() & pl.col("usual").is_not_null() & (pl.col("share") > bound))
    return [
        MarketFinding(
            date=row["date"], check="copied_bar", severity="critical" if row["share"] >= MOST else "high",
            verdict="data_error", observed=float(row["copied"]), expected=row["usual"] * row["compared"],
            threshold=SHARE, remediation="refetch",
            evidence={
                "words": f"{row['copied']:,} of {row['compared']:,} closes are the day before's ({row['share']:.0%}; {row['usual']:.0%} is usual)",
                "measure": "share of the closes", "share": row["share"], "usual": row["usual"],
            },
        )
        for row in rows.iter_rows(named=True)
    ]  # fmt: skip
