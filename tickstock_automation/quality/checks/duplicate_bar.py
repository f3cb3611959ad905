"""Two bars of one symbol for one day."""

import polars as pl

from tickstock_automation.events.catalogue import Channel
from tickstock_automation.quality.findings import Complaint, Finding
from tickstock_automation.quality.frame import PRICES, Context

COMPLAINT = Complaint("duplicate_bar", Channel.DATA_GAP, "bars")


def duplicate_bar(context: Context) -> list[Finding]:
    """A second bar for a day is an error whatever it says; the first is the one that the other checks look at.

    The database cannot hold one (its load refuses it, and that is a finding of the same name): this is for files.
    """
    rows = context.repeated.filter(pl.col("date").is_in(context.judged)).group_by(
        "symbol_id", "symbol", "date", maintain_order=True
    ).agg(pl.len().alias("more"), *(pl.col(name).last() for name in PRICES))  # fmt: skip
    return [
        COMPLAINT.about(
            row, f"{row['more'] + 1} bars for one day; the last says close {row['close']}", "data_error", "low", "review",
            observed=row["more"] + 1.0, expected=1.0, threshold=1.0,
        )
        for row in rows.iter_rows(named=True)
    ]  # fmt: skip
