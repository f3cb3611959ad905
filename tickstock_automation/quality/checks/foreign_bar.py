"""Another company's bars under this symbol."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import polars as pl

from tickstock_automation.events.catalogue import Channel
from tickstock_automation.quality.findings import Complaint, Finding
from tickstock_automation.quality.frame import CENT, PRICES, Context

MANY_TICKS = 10
APART = 1e7  # between the keys of two sessions
OUT_OF_LINE = 5.0  # usual moves at the edges of the stretch
COMPLAINT = Complaint("foreign_bar", Channel.PRICE_ANOMALY, "usual moves")
Stretch = list[dict[str, Any]]


def foreign_bar(context: Context) -> list[Finding]:
    """Two symbols with the same four prices on one day: the one that is out of line with its own days has the other's bar.

    Chance where the range is a few cents; two classes of one share, or two symbols of one fund, are alike every day and in line with
    themselves, and are no finding.
    """
    bars = context.bars.select(
        "symbol_id", "symbol", "date", *PRICES, "number", "left", "place",
        (pl.col("gap").abs() / pl.col("gap_scale")).fill_null(0.0).alias("z_in"),
        (pl.col("gap").shift(-1).abs() / pl.col("gap_scale").shift(-1)).fill_null(0.0).alias("z_out"),
        pl.sum_horizontal(pl.col(name) * weight for name, weight in zip(PRICES, (1.1, 1.7, 2.3, 3.1), strict=True)).alias("key"),
    )  # fmt: skip
    wide = bars.filter(pl.col("high") - pl.col("low") >= MANY_TICKS * CENT)
    twins = wide.filter((pl.col("key") + pl.col("place") * APART).is_duplicated())  # and found equal by the join
    pairs = twins.join(twins, on=["date", "key", *PRICES], suffix="_other").filter(
        pl.col("symbol_id") != pl.col("symbol_id_other")
    )
    stretches: dict[tuple[int, int], Stretch] = defaultdict(list)
    for row in pairs.sort("symbol_id", "symbol_id_other", "date").iter_rows(named=True):
        stretches[row["symbol_id"], row["symbol_id_other"]].append(row)
    judged = set(context.judged)
    return [
        COMPLAINT.about(
            row, f"all four prices are those of {row['symbol_other']} that day, and are out of line with {row['symbol']}'s own",
            "data_error", "high", "refetch", observed=row["close"], threshold=OUT_OF_LINE, copy_of=row["symbol_other"],
        )
        for rows in stretches.values() for run in _runs(rows) if _is_foreign(run)
        for row in run if row["date"] in judged
    ]  # fmt: skip


def _runs(rows: Stretch) -> list[Stretch]:
    runs: list[Stretch] = []
    for row in rows:
        if runs and row["number"] == runs[-1][-1]["number"] + 1:
            runs[-1].append(row)
        else:
            runs.append([row])
    return runs


def _is_foreign(run: Stretch) -> bool:
    """Whether this symbol's edges break more than the other's, the weaker of both counting."""
    own, other = _break(run, ""), _break(run, "_other")
    return own > OUT_OF_LINE and own > other


def _break(run: Stretch, whose: str) -> float:
    first, last = run[0], run[-1]
    edges = [first["z_in" + whose]] * (first["number" + whose] > 0) + [last["z_out" + whose]] * (
        last["left" + whose] > 0
    )
    return min(edges, default=0.0)
