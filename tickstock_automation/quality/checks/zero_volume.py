"""A bar without volume."""

import math

import polars as pl

from tickstock_automation.events.catalogue import Channel
from tickstock_automation.quality.findings import Complaint, Finding
from tickstock_automation.quality.frame import MEDIAN_SESSIONS, Context

HARDLY = 1_000  # shares a day, usually: such a share may well not trade
COMPLAINT = Complaint("zero_volume", Channel.VOLUME_ANOMALY, "shares")


def zero_volume(context: Context) -> list[Finding]:
    """No volume at all, or none given. A bar is made of trades, so in a symbol that usually trades it is a data error.

    What is usual are the bars around that have volume; a share of which most bars around have none, or of under 1,000
    shares a day, hardly trades, and nothing is decided.
    """
    none = (pl.col("volume") <= 0) | pl.col("volume").is_null() | pl.col("volume").is_nan()
    share = none.cast(pl.Float64).rolling_mean(2 * MEDIAN_SESSIONS + 1, min_samples=1, center=True).over("symbol_id")
    rows = context.bars.with_columns(share.alias("idle")).filter(none & pl.col("date").is_in(context.judged))
    found = []
    for row in rows.iter_rows(named=True):
        usual = None if row["v_usual"] is None else math.exp(row["v_usual"]) * row["factor"] ** -1
        trades = usual is not None and usual >= HARDLY and row["idle"] < 0.5
        words = (
            f"no volume at all; {usual:,.0f} shares are usual"
            if usual and trades
            else "no volume at all; it hardly ever trades"
        )
        found.append(
            COMPLAINT.about(
                row, words, "data_error" if trades else "undetermined", "low", "refetch" if trades else "review",
                observed=row["volume"], expected=usual if trades else None, threshold=0.0,
            )
        )  # fmt: skip
    return found
