"""A price that does not move though the share is traded: a feed that is stuck."""

from __future__ import annotations

import math

import polars as pl

from tickstock_automation.events.catalogue import Channel
from tickstock_automation.quality.findings import Complaint, Finding
from tickstock_automation.quality.frame import PRICES, Context

AROUND = 41
LIVELY = 0.25  # of the bars around at most are without a range
HARDLY = 1_000
COMPLAINT = Complaint("stuck_price", Channel.DATA_GAP, "bars alike")


def stuck_price(context: Context) -> list[Finding]:
    """Open, high, low and close the same in a share that trades and moves; or the same close three times with other prices.

    A share that hardly trades rightly repeats its price: where a quarter of the 40 bars around have no range either, or
    fewer than 1,000 shares are usual, nothing is said. Of 92 large companies over five years one day had a single price,
    with a hundredth of its volume. RealTest calls such bars flat spikes.
    """
    flat = (pl.col("high") == pl.col("low")) & (pl.col("open") == pl.col("close"))
    around = flat.cast(pl.Float64).rolling_mean(AROUND, min_samples=1, center=True).over("symbol_id")
    again = ((pl.col("close") == pl.col("close").shift(1)) & (pl.col("number") > 0)).fill_null(value=False)
    rows = context.bars.with_columns(
        flat.alias("flat"), around.alias("flat_share"), again.alias("again"), pl.col("date").shift(1).alias("prior_date")
    ).filter(
        pl.col("flat") & (pl.col("flat_share") < LIVELY) & (pl.col("volume") > 0)
        & (pl.col("v_usual").fill_null(0.0) > math.log(HARDLY)) & pl.col("date").is_in(context.judged)
    )  # fmt: skip
    return [
        COMPLAINT.about(
            row, f"open, high, low and close are all {row['close']:g}"
            + (f", as on {row['prior_date']}" if row["again"] else "") + "; it trades and moves on other days",
            "data_error", "medium", "refetch", observed=row["close"], threshold=4.0,
            **{name: row[name] for name in PRICES},
        )
        for row in rows.iter_rows(named=True)
    ]  # fmt: skip
