"""Prices of one bar that contradict each other."""

import polars as pl

from tickstock_automation.events.catalogue import Channel
from tickstock_automation.quality.findings import Finding, raised
from tickstock_automation.quality.frame import Context

TOLERANCE = 1e-6  # of the price: vendors round each price by itself


def ohlc_inconsistent(context: Context) -> list[Finding]:
    """High below low, open or close outside the range, zero, negative or missing prices: always a data error."""
    prices = [pl.col(name) for name in ("open", "high", "low", "close")]
    slack = pl.col("close").abs() * TOLERANCE
    complaint = (
        pl.when(pl.any_horizontal(price.is_null() | price.is_nan() for price in prices)).then(pl.lit("a price is missing"))
        .when(pl.any_horizontal(price <= 0 for price in prices)).then(pl.lit("a price is zero or negative"))
        .when(pl.col("high") < pl.col("low") - slack).then(pl.lit("high is below low"))
        .when(pl.col("close") > pl.col("high") + slack).then(pl.lit("close is above high"))
        .when(pl.col("close") < pl.col("low") - slack).then(pl.lit("close is below low"))
        .when(pl.col("open") > pl.col("high") + slack).then(pl.lit("open is above high"))
        .when(pl.col("open") < pl.col("low") - slack).then(pl.lit("open is below low"))
    )  # fmt: skip
    rows = context.bars.filter(pl.col("date").is_in(context.judged)).with_columns(complaint.alias("complaint"))
    return [
        Finding(
            symbol_id=row["symbol_id"], symbol=row["symbol"], date=row["date"], check="ohlc_inconsistent",
            channel=Channel.PRICE_ANOMALY, severity=raised("medium", "data_error"), verdict="data_error",
            observed=row["close"], expected=None, threshold=TOLERANCE, remediation="refetch",
            evidence={
                "words": f"{row['complaint']}: open {row['open']:g}, high {row['high']:g}, low {row['low']:g}, close {row['close']:g}",
                "measure": "share of the close",
                "open": row["open"], "high": row["high"], "low": row["low"], "close": row["close"],
            },
        )
        for row in rows.filter(pl.col("complaint").is_not_null()).iter_rows(named=True)
    ]  # fmt: skip
