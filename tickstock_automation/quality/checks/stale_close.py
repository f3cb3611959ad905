"""Yesterday's close under today's fresh open, high and low."""

from __future__ import annotations

import polars as pl

from tickstock_automation.events.catalogue import Channel
from tickstock_automation.quality.findings import Complaint, Finding
from tickstock_automation.quality.frame import Context

ERROR = 5.2
FOUND = 2.0
AROUND = 0.3  # of the day's range beyond it
COMPLAINT = Complaint("stale_close", Channel.DATA_GAP, "usual moves")


def stale_close(context: Context) -> list[Finding]:
    """A close to the cent that of the session before, from which the next open jumps back into this day's range.

    One close in 150 repeats the one before by chance; that the next open then lies a usual gap times 5.2 from it, and yet within
    the day's own range, happened to none of 112,000 bars: news overnight leaves the range. Seen on a third of
    the market at once at IEX (iexg/IEX-API 601).
    """
    within = "symbol_id"
    width = pl.col("h") - pl.col("l")
    rows = context.bars.select(
        "symbol_id", "symbol", "date", "open", "high", "low", "close", "number", "left",
        ((pl.col("close") == pl.col("close").shift(1)) & (pl.col("number") > 0) & (pl.col("left") > 0)).alias("same"),
        ((pl.col("o").shift(-1) - pl.col("l")) / width).alias("place"), width.alias("width"),
        (pl.col("gap").shift(-1) / pl.col("gap_scale").shift(-1)).over(within).alias("z"),
        pl.col("open").shift(-1).alias("next_open"),
    ).filter(
        pl.col("same") & (pl.col("width") > 0) & (pl.col("z").abs() > FOUND)
        & pl.col("place").is_between(-AROUND, 1 + AROUND) & pl.col("date").is_in(context.judged)
    )  # fmt: skip
    return [
        COMPLAINT.about(
            row, f"close {row['close']:g} is the session before's, and the next open, {row['next_open']:g}, is back"
            f" where this day traded ({row['low']:g} to {row['high']:g}), {abs(row['z']):.1f} usual gaps away",
            "data_error" if abs(row["z"]) > ERROR else "undetermined", "medium", "refetch", observed=row["close"],
            expected=row["next_open"], threshold=ERROR, z=round(row["z"], 1),
        )
        for row in rows.iter_rows(named=True)
    ]  # fmt: skip
