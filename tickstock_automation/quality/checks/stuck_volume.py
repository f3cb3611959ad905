"""The same volume day after day."""

from __future__ import annotations

import polars as pl

from tickstock_automation.events.catalogue import Channel
from tickstock_automation.quality.findings import Complaint, Finding
from tickstock_automation.quality.frame import Context

ROUND = 100
LARGE = 50_000
COMPLAINT = Complaint("stuck_volume", Channel.VOLUME_ANOMALY, "bars alike")


def stuck_volume(context: Context) -> list[Finding]:
    """The same volume three sessions running; two may be chance where the number is large, and are where it is small.

    Six pairs, and no three, of 112,000 bars with volumes in hundreds were alike.
    """
    alike = (
        (pl.col("volume") == pl.col("volume").shift(1)) & (pl.col("number") > 0) & (pl.col("volume") > 0)
    ).fill_null(value=False)
    rows = context.bars.select(
        "symbol_id", "symbol", "date", "volume", alike.alias("alike"), pl.col("date").shift(1).alias("prior_date"),
        (alike & (alike.shift(1) | alike.shift(-1)).fill_null(value=False)).alias("run"),
    ).filter(pl.col("alike") & pl.col("date").is_in(context.judged))  # fmt: skip
    found = []
    for row in rows.iter_rows(named=True):
        wrong = row["run"] and row["volume"] >= ROUND
        if not wrong and row["volume"] < LARGE:
            continue
        found.append(
            COMPLAINT.about(
                row, f"volume {row['volume']:,.0f} is that of {row['prior_date']} again", "data_error" if wrong else "undetermined",
                "low", "refetch" if wrong else "review", observed=row["volume"], threshold=3.0,
            )
        )  # fmt: skip
    return found
