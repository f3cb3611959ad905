"""Prices of one bar that contradict each other."""

import polars as pl

from tickstock_automation.events.catalogue import Channel
from tickstock_automation.quality.findings import Complaint, Finding
from tickstock_automation.quality.frame import PRICES, Context

ROUNDING = 1e-6  # of the price: vendors round each price by itself
ALIKE = 1e-4  # of the price: real bars of four decimals differ by as much, and which of the two prices is wrong is not decided
COMPLAINT = Complaint("ohlc_inconsistent", Channel.PRICE_ANOMALY, "share of the close")


def ohlc_inconsistent(context: Context) -> list[Finding]:
    """High below low, open or close outside the range, zero, negative or missing prices: a data error.

    True by definition of a bar, so the threshold is rounding alone. Prices within a ten-thousandth of each other count as the
    same elsewhere: a contradiction no larger is told, as undetermined.
    """
    slack = pl.col("close") * ROUNDING
    contradiction = (
        pl.when(pl.col("high") < pl.col("low") - slack).then(pl.lit("high is below low"))
        .when(pl.col("close") > pl.col("high") + slack).then(pl.lit("close is above high"))
        .when(pl.col("close") < pl.col("low") - slack).then(pl.lit("close is below low"))
        .when(pl.col("open") > pl.col("high") + slack).then(pl.lit("open is above high"))
        .when(pl.col("open") < pl.col("low") - slack).then(pl.lit("open is below low"))
    )  # fmt: skip
    missing = pl.any_horizontal(
        pl.col(name).is_null() | pl.col(name).is_nan() | pl.col(name).is_infinite() for name in PRICES
    )
    lacking = pl.when(missing).then(pl.lit("a price is missing")).otherwise(pl.lit("a price is zero or negative"))
    columns = ["symbol_id", "symbol", "date", *PRICES]
    rows = pl.concat([
        context.bars.filter(contradiction.is_not_null()).select(*columns, contradiction.alias("words"), pl.lit(value=False).alias("broken")),
        context.broken.select(*columns, lacking.alias("words"), pl.lit(value=True).alias("broken")),
    ]).filter(pl.col("date").is_in(context.judged))  # fmt: skip
    return [
        COMPLAINT.about(
            row, f"{row['words']}: " + ", ".join(f"{name} {_written(row[name])}" for name in PRICES),
            "data_error" if row["broken"] or _off(row) >= ALIKE else "undetermined", "medium", "refetch", observed=_known(row["close"]),
            threshold=ROUNDING,
            **{name: _known(row[name]) for name in PRICES},
        )
        for row in rows.iter_rows(named=True)
    ]  # fmt: skip


def _off(row: dict[str, float]) -> float:
    """How far the prices contradict each other, as a share of the close."""
    _, high, low, close = prices = [row[name] for name in PRICES]
    return max(max(prices) - high, low - min(prices)) / close


def _known(price: float | None) -> float | None:
    """NaN and infinity are no JSON."""
    return price if price is not None and abs(price) < float("inf") else None


def _written(price: float | None) -> str:
    return "?" if price is None else f"{price:g}"
