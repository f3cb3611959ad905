"""The vendor against itself: who trades and is not listed, who is listed and does not trade."""

from dataclasses import dataclass

import polars as pl

from tickstock_automation.events.catalogue import Severity
from tickstock_automation.quality.market_checks.facts import MarketFacts, usual
from tickstock_automation.quality.market_checks.finding import MarketFinding

TIMES = 3


@dataclass(frozen=True)
class Kind:
    """`share` of the day's bars, and `least` tickers, from which it is found; three times the usual where that is known."""

    name: str
    check: str
    words: str
    share: float
    least: int
    severity: Severity


KINDS = (
    Kind("bars_without_listing", "bars_without_listing", "traded and are not listed", 0.05, 10, "medium"),
    Kind("listing_without_bars", "listing_without_bars", "are listed and have no bar", 0.05, 10, "medium"),
)


def bars_without_listing(facts: MarketFacts) -> list[MarketFinding]:
    """Over 5% of the day's tickers traded though the vendor does not list them, and three times the usual count."""
    return _found(facts, KINDS[0])


def listing_without_bars(facts: MarketFacts) -> list[MarketFinding]:
    """Over 5% of the listed had no bar in the day's answer, and three times the usual count."""
    return _found(facts, KINDS[1])


def _found(facts: MarketFacts, kind: Kind) -> list[MarketFinding]:
    days = facts.days.filter(pl.col("date").is_in(facts.sessions)).select("date", "rows")
    notes = facts.notes.filter(kind=kind.name).select("date", "count", "tickers")
    counted = days.join(notes, on="date", how="left").with_columns(pl.col("count").fill_null(0))
    bound = pl.max_horizontal(pl.lit(kind.least), kind.share * pl.col("rows"), TIMES * pl.col("usual").fill_null(0))
    rows = counted.with_columns(usual("count").alias("usual")).filter(facts.is_judged() & (pl.col("count") > bound))
    return [
        MarketFinding(
            date=row["date"], check=kind.check, severity=kind.severity, verdict="undetermined", observed=float(row["count"]),
            expected=row["usual"], threshold=kind.share, remediation="review",
            evidence={
                "words": f"{row['count']:,} {kind.words}, beside {row['rows']:,} bars: {', '.join(row['tickers'][:8])}, ...",
                "measure": "share of the day's bars", "count": row["count"], "symbols": row["tickers"],
            },
        )
        for row in rows.iter_rows(named=True)
    ]  # fmt: skip
