"""What the vendor's answer says of each request: the other endpoint's bar, the splits about the day, who has the ticker. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Any

import polars as pl

from tickstock_automation.bars.repair.outcome import Day
from tickstock_automation.vendor.client import Details, Split, TickerChange

NEAR = timedelta(days=10)
"""A split explains a step, and a new name a silence, when it is dated so near: vendors date some a session early or late."""
BAR = ("open", "high", "low", "close", "volume", "vwap", "trade_count", "flag")


def bar_of(bars: pl.DataFrame, symbol_id: int, day: date, *, source: str, load_id: int) -> Day | None:
    """The bar of a symbol's day out of parsed ones (parse.BAR_COLUMNS), as it would be stored; None where it has none."""
    rows = bars.filter((pl.col("symbol_id") == symbol_id) & (pl.col("date") == day)).to_dicts()
    if not rows:
        return None
    values = {name: rows[0][name] for name in BAR}
    return {
        "symbol_id": symbol_id,
        "date": day.isoformat(),
        **values,
        "source": source,
        "load_id": load_id,
        "suspect": False,
    }


def splits_near(splits: Iterable[Split], ticker: str | None, day: date) -> list[dict[str, Any]]:
    """Those of a ticker about a day."""
    return [
        {"ex_date": one.execution_date.isoformat(), "split_from": one.split_from, "split_to": one.split_to}
        for one in splits
        if one.ticker == ticker and abs(one.execution_date - day) <= NEAR
    ]


def standing(details: Details | None, changes: Sequence[TickerChange], ticker: str, day: date) -> dict[str, Any]:
    """What the vendor says of a ticker without fresh bars: `active`, `delisted` (when), `now_called` (since `renamed`)."""
    later = [one for one in changes if one.ticker != ticker and one.day >= day - NEAR]
    return {
        "active": details.active if details else None,
        "delisted": details.delisted.isoformat() if details and details.delisted else None,
        "now_called": later[-1].ticker if later else None,
        "renamed": later[-1].day.isoformat() if later else None,
    }
