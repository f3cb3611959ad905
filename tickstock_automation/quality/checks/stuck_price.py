"""A price that does not move though the share is traded: a feed that is stuck."""

from __future__ import annotations

import math
from typing import Any

import polars as pl

from tickstock_automation.events.catalogue import Channel
from tickstock_automation.quality.chance import Ticks, same_close
from tickstock_automation.quality.findings import Complaint, Finding
from tickstock_automation.quality.frame import CENT, PRICES, Context

AROUND = 41
LIVELY = 0.25  # of the bars around at most are without a range
NEVER_FLAT = 0.06  # of the 41 bars before a run: however long it lasts, it is then the feed that stands still
HARDLY = 1_000
MOVES = 5.0  # cents from low to high, usually: of a share that moves by two, one day without is chance
FEW_CLOSES = 3  # running
MOVES_FAR = 20.0  # cents: of a share that lies as still as a takeover's or a bill fund's, no chance is known
MOST_RARE = 34.0  # the logarithm of what is worth writing out
RARE, NEVER = math.log(1e-4), math.log(1e-7)  # by chance, for a bar of the symbol: noted, and an error
COMPLAINT = Complaint("stuck_price", Channel.DATA_GAP, "bars alike")


def stuck_price(context: Context) -> list[Finding]:
    """Open, high, low and close the same in a share that trades and moves; or the same close day after day, beside other
    prices that move, for longer than chance allows a share of that price and with such moves (`quality/chance.py`).

    A share that hardly trades rightly repeats its price: where a quarter of the 40 bars around have no range either, or
    fewer than 1,000 shares are usual, or high and low are within five cents on most days (twenty, for the same close), nothing is said. Of 92 large
    companies over five years one day had a single price, with a hundredth of its volume. RealTest calls such bars flat spikes.
    """
    within = "symbol_id"
    flat = (pl.col("high") == pl.col("low")) & (pl.col("open") == pl.col("close"))
    again = ((pl.col("close") == pl.col("close").shift(1)) & (pl.col("number") > 0)).fill_null(value=False)
    bars = context.bars.select(
        "symbol_id", "symbol", "date", *PRICES, "volume", flat.alias("flat"), again.alias("again"),
        pl.col("date").shift(1).alias("prior_date"), pl.col("v_usual").fill_null(0.0).alias("v_usual"),
        flat.cast(pl.Float64).rolling_mean(AROUND, min_samples=1, center=True).over(within).alias("flat_share"),
        ((pl.col("high") - pl.col("low")).rolling_mean(AROUND, min_samples=1, center=True).over(within) / CENT).alias("cents"),
        "gap_scale", "body_scale",
    )  # fmt: skip
    bars = bars.with_columns(_before_the_run("flat_share"), _before_the_run("cents"))
    stuck = (pl.col("flat_share_before") < NEVER_FLAT) & (pl.col("cents_before") > MOVES)
    traded = (pl.col("v_usual") > math.log(HARDLY)) & (pl.col("volume") > 0)
    lively = (pl.col("flat_share") < LIVELY) & traded
    judged = pl.col("date").is_in(context.judged)
    found = [
        _flat(row)
        for row in bars.filter(
            pl.col("flat") & (stuck.fill_null(value=False) & traded | lively & (pl.col("cents") > MOVES)) & judged
        ).iter_rows(named=True)
    ]
    runs = (
        bars.with_row_index("row")
        .filter(pl.col("again") | pl.col("again").shift(-1, fill_value=False))
        .with_columns((~pl.col("again")).cum_sum().alias("run"))
        .with_columns(
            pl.len().over("run").alias("closes"),
            pl.when("again").then(same_close().log()).sum().over("run").alias("chance"),
        )
    )
    same = (
        (pl.col("closes") >= FEW_CLOSES)
        & (pl.col("cents") > MOVES_FAR)
        & (pl.col("chance") < RARE)
        & pl.col("again")
        & ~pl.col("flat")
    )
    ticks = Ticks(context.bars)
    for row in runs.filter(same & lively & judged).iter_rows(named=True):
        row["chance"] += (row["closes"] - 1) * math.log(ticks.coarser(row["row"]))
        if row["chance"] < RARE:
            found.append(_same_close(row))
    return found


def _before_the_run(name: str) -> pl.Expr:
    """A measure over the bars up to the last one with a range: a run of flat bars as long as half the window speaks for itself."""
    at_last = pl.when(~pl.col("flat")).then(pl.col(name).shift(AROUND // 2).over("symbol_id"))
    return at_last.forward_fill().over("symbol_id").alias(f"{name}_before")


def _flat(row: dict[str, Any]) -> Finding:
    again = f", as on {row['prior_date']}" if row["again"] else ""
    return COMPLAINT.about(
        row, f"open, high, low and close are all {row['close']:g}{again}; it trades and moves on other days",
        "data_error", "medium", "refetch", observed=row["close"], threshold=4.0, **{name: row[name] for name in PRICES},
    )  # fmt: skip


def _round(count: float) -> int:
    """To two digits."""
    return int(float(f"{count:.1e}"))


def _same_close(row: dict[str, Any]) -> Finding:
    return COMPLAINT.about(
        row, f"close {row['close']:g} is that of {row['prior_date']}, {row['closes']} sessions running, while other prices move:"
        f" one bar in {_round(math.exp(min(-row['chance'], MOST_RARE))):,} is so by chance",
        "data_error" if row["chance"] < NEVER else "undetermined", "low", "refetch", observed=row["close"],
        threshold=math.exp(NEVER), measure="chance for one bar",
        chance=math.exp(row["chance"]),
    )  # fmt: skip
