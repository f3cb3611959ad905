"""How likely a price is to the cent what it was, by chance alone. Pure."""

from __future__ import annotations

import math

import numpy as np
import polars as pl

from tickstock_automation.quality.frame import CENT, PRICES

AROUND = 30  # bars on either side: of so many prices, two lie one tick apart


class Ticks:
    """The step from one price to the next, of the symbols of a frame."""

    def __init__(self, bars: pl.DataFrame) -> None:
        self._ids = bars["symbol_id"].to_numpy()
        self._prices = [bars[name].to_numpy() for name in PRICES]

    def coarser(self, row: int) -> float:
        """How many cents lie between prices of the symbol around this row of the frame, one at least: ten and more where
        prices were multiplied, for a reverse split, say."""
        near = slice(max(0, row - AROUND), row + AROUND + 1)
        own = self._ids[near] == self._ids[row]
        apart = np.diff(np.sort(np.concatenate([price[near][own] for price in self._prices])))
        apart = apart[apart > CENT / 2]
        return max(1.0, float(apart.min()) / CENT) if len(apart) else 1.0


def same_close() -> pl.Expr:
    """The chance that a bar's close is that of the bar before: a cent, over the width of what the day may do (gap and body, as
    one normal variable, at its peak). Of columns of the frame: close, gap_scale, body_scale; 1 at most.

    It tells how many closes repeat to within an eighth: 813 expected and 913 seen in 92 companies over five years, 578 and 522
    in 225 others over one (docs/benchmarks.md).
    """
    day = (pl.col("gap_scale").pow(2) + pl.col("body_scale").pow(2)).sqrt()
    return (CENT / (pl.col("close") * day * math.sqrt(2 * math.pi))).clip(upper_bound=1.0)
