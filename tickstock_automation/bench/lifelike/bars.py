"""A whole market of lifelike bars."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tickstock_automation.bench.lifelike.companies import Company, company
from tickstock_automation.bench.lifelike.days import Days, days_of
from tickstock_automation.bench.lifelike.paths import market_moves, path
from tickstock_automation.bench.lifelike.volumes import market_volume, volumes
from tickstock_automation.sessions import calendar

LAST = date(2024, 6, 14)
CENT = 2  # decimals of a price on the tape
DECIMALS = 4  # of an adjusted one


@dataclass(frozen=True)
class Lifelike:
    """`bars`: symbol, date, open, high, low, close, volume, split-adjusted, by symbol and date; `splits`: symbol, ex_date, ratio."""

    bars: pl.DataFrame
    splits: pl.DataFrame
    sessions: list[date]


def lifelike_bars(seed: int, symbols: int = 92, sessions: int = 1250, last: date = LAST) -> Lifelike:
    """The bars of `symbols` companies on the `sessions` up to `last`."""
    rng = np.random.default_rng(seed)
    days = days_of(calendar().between(last - timedelta(days=2 * sessions + 20), last)[-sessions:])
    moves, trade = market_moves(days, rng), market_volume(days, rng)
    companies = [company(number, sessions, rng) for number in range(symbols)]
    splits = [(one.symbol, days.sessions[at], ratio) for one in companies for at, ratio in one.splits.items()]
    return Lifelike(
        pl.concat([_bars(one, days, moves, trade, rng) for one in companies]),
        pl.DataFrame(splits, schema={"symbol": pl.String, "ex_date": pl.Date, "ratio": pl.Float64}, orient="row"),
        days.sessions,
    )


def _bars(
    one: Company, days: Days, moves: NDArray[np.float64], trade: NDArray[np.float64], rng: np.random.Generator
) -> pl.DataFrame:
    """One company's bars: to the cent as they stood on the tape, then adjusted for its splits."""
    way = path(one, days, moves, rng)
    shares = volumes(one, way, trade, rng)
    factor = np.ones(len(shares))
    for at, ratio in one.splits.items():
        factor[:at] *= ratio
    prices = ((way.prices * factor[:, None]).round(CENT) / factor[:, None]).round(DECIMALS)
    kept = slice(one.first, one.last + 1)
    columns = {name: prices[kept, at] for at, name in enumerate(("open", "high", "low", "close"))}
    count = one.last + 1 - one.first
    return pl.DataFrame(
        {"symbol": [one.symbol] * count, "date": days.sessions[kept], **columns, "volume": shares[kept]}
    )
