"""Many symbols moved by one and the same factor."""

import math

import polars as pl

from tickstock_automation.quality.market_checks.facts import MarketFacts
from tickstock_automation.quality.market_checks.finding import MarketFinding

LEAST = 10
SHARE = 0.01


def same_factor(facts: MarketFacts) -> list[MarketFinding]:
    """Ten symbols and 1% of the market moved by one factor to within 0.025%, over a tenth, without a known split of theirs.

    A unit error, a currency, or splits applied twice. Trades do not agree so.
    """
    bound = pl.max_horizontal(pl.lit(LEAST), SHARE * pl.col("compared"))
    rows = facts.days.filter(facts.is_judged() & (pl.col("factor_symbols") >= bound))
    return [
        MarketFinding(
            date=row["date"], check="same_factor", severity="critical", verdict="data_error",
            observed=float(row["factor_symbols"]), expected=0.0, threshold=float(max(LEAST, math.ceil(SHARE * row["compared"]))),
            remediation="refetch",
            evidence={
                "words": f"{row['factor_symbols']:,} symbols moved by the same factor {row['factor']:.4g}: {', '.join(row['tickers'][:8])}, ...",
                "measure": "symbols", "factor": row["factor"], "symbols": row["tickers"],
            },
        )
        for row in rows.iter_rows(named=True)
    ]  # fmt: skip
