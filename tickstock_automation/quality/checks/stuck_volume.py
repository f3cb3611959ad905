"""The same volume day after day."""

from __future__ import annotations

import polars as pl

from tickstock_automation.events.catalogue import Channel
from tickstock_automation.quality.findings import Complaint, Finding
from tickstock_automation.quality.frame import Context

LARGE = 50_000  # shares: in hundreds, 500 different numbers and more
RUN, LONG_RUN = 3, 5
COMPLAINT = Complaint("stuck_volume", Channel.VOLUME_ANOMALY, "bars alike")


def stuck_volume(context: Context) -> list[Finding]:
    """The same volume three sessions running, of a number that chance does not repeat; five of any.

    Six pairs, and no three, of 112,000 bars of large companies with volumes in hundreds were alike: two large ones alike are worth a
    look and decide nothing.
    """
    alike = (
        (pl.col("volume") == pl.col("volume").shift(1)) & (pl.col("number") > 0) & (pl.col("volume") > 0)
    ).fill_null(value=False)
    bars = context.bars.select(
        "symbol_id", "symbol", "date", "volume", alike.alias("alike"), pl.col("date").shift(1).alias("prior_date")
    )
    if not bars["alike"].any():
        return []
    runs = bars.with_columns((~pl.col("alike")).cum_sum().alias("run")).with_columns(pl.len().over("run").alias("bars"))
    rows = runs.filter(pl.col("alike") & pl.col("date").is_in(context.judged))
    found = []
    for row in rows.iter_rows(named=True):
        large = row["volume"] >= LARGE
        wrong = row["bars"] >= (RUN if large else LONG_RUN)
        if not (wrong or large):
            continue
        found.append(
            COMPLAINT.about(
                row, f"volume {row['volume']:,.0f} is that of {row['prior_date']} again, {row['bars']} sessions in all",
                "data_error" if wrong else "undetermined", "low", "refetch" if wrong else "review", observed=row["volume"],
                threshold=float(RUN),
            )
        )  # fmt: skip
    return found
