"""Deals faults out over the symbols of a frame and keeps the list of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from tickstock_automation.bench.planting.history import COLUMNS, DECIMALS, History, frame_of, histories
from tickstock_automation.bench.planting.kinds import FaultClass, Kind, Market, Prices, Split, Spot, Wrong
from tickstock_automation.bench.planting.registry import KINDS

SPLITS = {"symbol": pl.String, "ex_date": pl.Date, "ratio": pl.Float64}
APART = 80  # sessions between two faults of a symbol
REACH = 16  # rows that the longest fault takes
TRIES = 200  # places that a kind is tried at in a history
MOST_FAULTS = 3
STORM_DAYS = 40
MOVER = 0.15  # close to close, as a share


@dataclass(frozen=True)
class Fault:
    """One planted fault; `days` are the days that are wrong, and `form` says which of its forms the kind took."""

    number: int
    kind: str
    fault_class: FaultClass
    symbol: str
    days: tuple[date, ...]
    form: str


@dataclass(frozen=True)
class Planted:
    """Bars with faults in them. `bars`: symbol, date, open, high, low, close, volume, by symbol and date, maybe two rows a day;
    `splits`: symbol, ex_date, ratio, with those that the vendor would list for a planted one; `movers` and `split_days`:
    symbol and day of what is real and must not be called an error."""

    bars: pl.DataFrame
    splits: pl.DataFrame
    sessions: list[date]
    faults: list[Fault]
    movers: list[tuple[str, date]]
    split_days: list[tuple[str, date]]
    prices: Prices

    @property
    def truth(self) -> pl.DataFrame:
        """The faults as a frame: number, kind, fault_class, symbol, days (list), form."""
        return pl.DataFrame([vars(fault) | {"days": list(fault.days)} for fault in self.faults])


def plant(
    bars: pl.DataFrame, splits: pl.DataFrame, sessions: list[date], seed: int, *, share: float = 0.5,
    known_bad: pl.DataFrame | None = None, prices: Prices = "adjusted", kinds: Sequence[Kind] = KINDS,
) -> Planted:  # fmt: skip
    """One to three faults in `share` of the symbols, at least 80 sessions apart, none near `known_bad` (symbol, date).

    `bars` are split-adjusted; with prices="traded" they come back as they stood on the tape by the splits listed.
    """
    rng = np.random.default_rng(seed)
    clean = histories(bars)
    bad = _bad_days(known_bad)
    market = Market(clean, stormy(bars), frozenset(sessions), prices)
    written = {symbol: history.copy() for symbol, history in clean.items()}
    listed: list[Split] = []
    faults: list[Fault] = []
    deck: list[Kind] = []
    names = [name for name, history in clean.items() if len(history) > APART]
    for symbol in rng.permutation(names)[: round(share * len(names))]:
        taken: list[int] = []
        aside: list[Kind] = []
        wanted = int(rng.integers(1, MOST_FAULTS + 1))
        while len(taken) < wanted and len(aside) < len(kinds):
            if not deck:
                deck = [kinds[at] for at in rng.permutation(len(kinds))]
            kind = deck.pop()
            found = _write(kind, written[symbol], taken, bad.get(symbol, frozenset()), rng, market, listed)
            if not found:
                aside.append(kind)
            faults += [
                Fault(len(faults) + at, kind.name, kind.fault_class, symbol, one.days, one.form)
                for at, one in enumerate(found)
            ]
        deck += aside
    known = _with_listed(splits, listed)
    frame = frame_of(written)
    return Planted(
        as_traded(frame, known) if prices == "traded" else frame, known, sessions, faults, _movers(clean),
        list(splits.select("symbol", "ex_date").iter_rows()), prices,
    )  # fmt: skip


def as_traded(bars: pl.DataFrame, splits: pl.DataFrame) -> pl.DataFrame:
    """Split-adjusted bars as they stood on the tape: bars before a split times its ratio, volumes divided by it."""
    factors = (
        bars.select("symbol", "date").unique().join(splits, on="symbol").filter(pl.col("ex_date") > pl.col("date"))
        .group_by("symbol", "date").agg(pl.col("ratio").product().alias("factor"))
    )  # fmt: skip
    factor = pl.col("factor").fill_null(1.0)
    return (
        bars.join(factors, on=["symbol", "date"], how="left", maintain_order="left")
        .with_columns(
            *((pl.col(name) * factor).round(DECIMALS) for name in COLUMNS), (pl.col("volume") / factor).round()
        )
        .drop("factor")
    )


def stormy(bars: pl.DataFrame, most: int = STORM_DAYS) -> frozenset[date]:
    """The days on which the companies' moves lay furthest apart (90th less 10th percentile of close to close)."""
    move = (pl.col("close") / pl.col("close").shift(1).over("symbol") - 1).alias("move")
    spread = (pl.col("move").quantile(0.9) - pl.col("move").quantile(0.1)).alias("spread")
    days = bars.sort("symbol", "date").with_columns(move).group_by("date").agg(spread).drop_nulls()
    return frozenset(days.sort("spread", "date", descending=True).head(most)["date"])


def _write(
    kind: Kind, history: History, taken: list[int], bad: frozenset[date], rng: np.random.Generator, market: Market,
    listed: list[Split],
) -> list[Wrong]:  # fmt: skip
    """Writes a fault of this kind where there is room for it; nothing where there is none."""
    places = kind.places(history, market)
    for pick in rng.permutation(len(places))[:TRIES]:
        at = places[int(pick)]
        if any(abs(at - other) < APART + REACH for other in taken) or _near(history, at, bad):
            continue
        found = kind.write(Spot(history, at, rng, market, listed))
        if found:
            taken.append(at)
            return found
    return []


def _near(history: History, at: int, bad: frozenset[date]) -> bool:
    """Whether a row that a fault here may touch or be seen by is bad from the start."""
    return bool(bad) and not bad.isdisjoint(history.days[max(0, at - REACH) : at + 2 * REACH])


def _bad_days(known_bad: pl.DataFrame | None) -> dict[str, frozenset[date]]:
    if known_bad is None:
        return {}
    return {
        str(symbol): frozenset(part["date"])
        for (symbol,), part in known_bad.partition_by("symbol", as_dict=True).items()
    }


def _with_listed(splits: pl.DataFrame, listed: list[Split]) -> pl.DataFrame:
    """The splits and those that planting added."""
    added = pl.DataFrame([vars(split) for split in listed], schema=SPLITS)
    return pl.concat([splits.select(pl.col(name).cast(kind) for name, kind in SPLITS.items()), added])


def _movers(clean: dict[str, History]) -> list[tuple[str, date]]:
    """Real moves of over 15%, close to close."""
    moves = {name: history.prices[1:, 3] / history.prices[:-1, 3] - 1 for name, history in clean.items()}
    return [
        (name, clean[name].days[int(at) + 1])
        for name, move in moves.items()
        for at in np.flatnonzero(np.abs(move) > MOVER)
    ]
