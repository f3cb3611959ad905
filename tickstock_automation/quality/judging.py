"""All checks over a set of bars: the one way from bars to findings, for the sweep and for a file. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import polars as pl

from tickstock_automation.quality.checks import run_checks
from tickstock_automation.quality.findings import Finding
from tickstock_automation.quality.frame import Context, prepare

HISTORY_SESSIONS = 60
"""Sessions before the first one judged that the checks want, so that what they find does not hang on the range."""


def judge(
    bars: pl.DataFrame,
    splits: pl.DataFrame,
    symbols: pl.DataFrame,
    *,
    sessions: Sequence[date],
    judged: Sequence[date],
) -> list[Finding]:
    """Findings of all checks on the sessions `judged`, in the order of symbol, date, check.

    `bars`, `splits`, `symbols`: frames with the columns BARS, SPLITS, SYMBOLS of `frame`, bars as traded. `sessions`: those
    of the exchange from the first bar that is given to the last session judged.
    """
    frame = prepare(bars, splits, symbols)
    return run_checks(Context(bars=frame, symbols=symbols, judged=list(judged), sessions=list(sessions)))
