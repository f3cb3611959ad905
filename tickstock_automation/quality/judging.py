"""All checks over a set of bars: the one way from bars to findings, for the sweep and for a file. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date

import polars as pl

from tickstock_automation.quality.checks import CHECKS
from tickstock_automation.quality.findings import Finding
from tickstock_automation.quality.frame import Context, Prices, prepare
from tickstock_automation.quality.merging import merge

HISTORY_SESSIONS = 60
"""Sessions before the first one judged that the checks want, so that what they find does not hang on the range."""

BESIDE = 2
"""Checks that run at once: more would want more memory and gain nothing on two processors."""


def judge(
    bars: pl.DataFrame,
    splits: pl.DataFrame,
    symbols: pl.DataFrame,
    *,
    sessions: Sequence[date],
    judged: Sequence[date],
    prices: Prices = "traded",
    until_last_bar: bool = False,
    market: pl.DataFrame | None = None,
) -> list[Finding]:
    """Findings of all checks on the sessions `judged`, in the order of symbol, date, check.

    `bars`, `splits`, `symbols`: frames with the columns BARS, SPLITS, SYMBOLS of `frame`. `sessions`: those of the exchange
    from the first bar that is given to the last session judged. `market`: what a larger set of symbols did (MARKET), where known.
    """
    context = prepare(
        bars, splits, symbols, sessions, judged, prices, until_last_bar=until_last_bar, market=market,
    )  # fmt: skip
    return findings_of(context)


def findings_of(context: Context) -> list[Finding]:
    """All checks' findings on the sessions judged, those left out that others explain.

    What explains a finding may lie before the first session judged, so the whole window is looked at first.
    """
    whole = replace(context, judged=list(context.sessions))
    with ThreadPoolExecutor(BESIDE) as threads:  # the checks are pure, and Polars works outside Python's lock
        of_checks = list(threads.map(lambda check: check(whole), CHECKS))
    return merged(of_checks, context)


def merged(of_checks: Iterable[Sequence[Finding]], context: Context) -> list[Finding]:
    """What the checks found in the whole window as one list, on the sessions that `context` wants judged."""
    days = context.sessions

    def session_after(day: date) -> date:
        at = bisect_right(days, day)
        return days[at] if at < len(days) else day

    found = merge([finding for findings in of_checks for finding in findings], session_after)
    return [one for one in found if context.asks_for(one.date)]
