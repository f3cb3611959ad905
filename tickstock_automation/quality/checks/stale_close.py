"""Yesterday's close under today's fresh open, high and low."""

from __future__ import annotations

import math

import polars as pl

from tickstock_automation.events.catalogue import Channel
from tickstock_automation.quality.chance import Ticks, same_close
from tickstock_automation.quality.findings import Complaint, Finding
from tickstock_automation.quality.frame import Context
from tickstock_automation.quality.readings import cost

ERROR, AWAY = 9.0, 2.5  # the logarithm, and the usual gaps that the next open is away at least
FOUND, NOTED = 6.0, 2.0  # ... to be told of at all
AROUND = 0.3  # of the day's range beyond it
COMPLAINT = Complaint("stale_close", Channel.DATA_GAP, "ln likelihood ratio")


def stale_close(context: Context) -> list[Finding]:
    """A close to the cent that of the session before, from which the next open jumps back into this day's range.

    One close in 150 repeats the one before by chance: the rarer that is for the symbol, by its price and its usual moves, and
    the rarer the gap after it, the likelier was it left standing. The logarithms of both add up; news overnight leaves the
    day's range, so a next open within it speaks for a close that was wrong. Seen on a third of the market at once at IEX
    (iexg/IEX-API 601).
    """
    width = pl.col("h") - pl.col("l")
    z = (pl.col("gap") / pl.col("gap_scale")).shift(-1)  # of the same symbol, where bars are left
    rows = context.bars.with_row_index("row").select(
        "row", "symbol_id", "symbol", "date", "open", "high", "low", "close", "number", "left",
        ((pl.col("close") == pl.col("close").shift(1)) & (pl.col("number") > 0) & (pl.col("left") > 0) & (pl.col("away").shift(-1) == 1)).alias("same"),
        ((pl.col("o").shift(-1) - pl.col("l")) / width).alias("place"), width.alias("width"),
        z.alias("z"), (cost(z) - same_close().log()).alias("gain"), pl.col("open").shift(-1).alias("next_open"),
    ).filter(
        pl.col("same") & (pl.col("width") > 0) & (pl.col("gain") > FOUND) & (pl.col("z").abs() > NOTED)
        & pl.col("place").is_between(-AROUND, 1 + AROUND) & pl.col("date").is_in(context.judged)
    )  # fmt: skip
    found, ticks = [], Ticks(context.bars)
    for row in rows.iter_rows(named=True):
        gain = row["gain"] - math.log(ticks.coarser(row["row"]))
        if gain <= FOUND:
            continue
        sure = gain > ERROR and abs(row["z"]) > AWAY
        found.append(COMPLAINT.about(
            row, f"close {row['close']:g} is the session before's, and the next open, {row['next_open']:g}, is back"
            f" where this day traded ({row['low']:g} to {row['high']:g}), {abs(row['z']):.1f} usual gaps away",
            "data_error" if sure else "undetermined", "medium", "refetch", observed=row["close"], expected=row["next_open"],
            threshold=ERROR, gain=round(gain, 1), z=round(row["z"], 1),
        ))  # fmt: skip
    return found
