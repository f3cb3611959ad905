"""The frame that every check works on: each bar with its neighbours, what is usual for it, and what its market did. Pure.

What is looked at around a bar lies within HISTORY_SESSIONS of it on either side, so what is found does not hang on the
range of bars that was asked for. Columns of `Context.bars`, one row for each bar with four positive prices:

- symbol_id, symbol, equity_type, listed_from, move_threshold, date, open, high, low, close, volume: as given;
- place (of the session in the calendar), number (of the bar in its symbol, from 0), left (bars of the symbol after it);
- factor: what the prices are divided by to compare them with later ones, from splits after the bar;
- o, h, l, c: natural logarithms of the adjusted prices; v: of the adjusted volume, null where there is none;
- away: sessions since the bar before (1 where none is missing);
- gap, body: ln(open / close before), ln(close / open), without the market's own; raw_gap, raw_body: with it;
- up, down: ln(high / the higher of open and close), ln(the lower / low);
- gap_scale, body_scale, wick_scale: the usual size of these (like a standard deviation), from 30 bars on either side,
  times the day's own restlessness;
- v_before, v_after, v_usual: ln of the median volume of the 20 bars before, of the 20 after, and of up to 80 around;
  v_ratio: v - v_usual - the day's market-wide figure; quiet: the lesser of that and the same against v_after, null unknown;
- day_gap, day_body, day_wick: the day's restlessness, 1 on most days; day_v: its market-wide volume, as a logarithm.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any, Literal

import polars as pl

from tickstock_automation.quality.levels import Levels

Prices = Literal["traded", "adjusted"]

MEDIAN_SESSIONS = 20
SCALE_SESSIONS = 30
FEW_SYMBOLS = 12  # on a day: of fewer, none is called the market
LARGEST = 0.15  # of a move, for scales: what is larger counts as this much
LEAST_SCALE = 0.002
CENT = 0.01  # dollars: from one price to the next
LEAST_PRICE, MOST = 1e-9, 1e15  # what no market has, and no logarithm of a ratio can be told of
MOST_RESTLESS = 8.0  # times the usual: beyond it a day says more of broken bars than of the market
MARKET_MOST = 1.0  # a median gap or body beyond it is no market's: the day is wrong for most symbols
HALF_NORMAL_MEDIAN = 0.6745
ROOTS = 1.48  # a normal variable's standard deviation over its squared mean of square roots
BARS = {
    "symbol_id": pl.Int64, "date": pl.Date, "open": pl.Float64, "high": pl.Float64, "low": pl.Float64,
    "close": pl.Float64, "volume": pl.Float64,
}  # fmt: skip
SPLITS = {"symbol_id": pl.Int64, "ex_date": pl.Date, "ratio": pl.Float64}
SYMBOLS = {
    "symbol_id": pl.Int64, "symbol": pl.String, "equity_type": pl.String, "listed_from": pl.Date,
    "move_threshold": pl.Float64,
}  # fmt: skip
MARKET = {
    "date": pl.Date, "market_gap": pl.Float64, "market_body": pl.Float64, "day_gap": pl.Float64, "day_body": pl.Float64,
    "day_wick": pl.Float64, "day_v": pl.Float64,
}  # fmt: skip
PRICES = ("open", "high", "low", "close")


@dataclass(frozen=True)
class Context:
    """What a check looks at.

    bars: the frame. Left out of it, for they are nobody's neighbours, with the columns of BARS and SYMBOLS: `broken` bars with
    a price that is missing, zero or negative; `repeated`, second bars of a day; `off_session`, bars of a day without a session.
    symbols, splits: as given; judged: the sessions that findings are wanted of; sessions: all of the window.
    market: what each day did (MARKET). until_last_bar: a symbol's bars are expected up to its own last one, and not up to the
    last session judged.
    """

    bars: pl.DataFrame
    broken: pl.DataFrame
    repeated: pl.DataFrame
    off_session: pl.DataFrame
    symbols: pl.DataFrame
    splits: pl.DataFrame
    judged: list[date]
    sessions: list[date]
    market: pl.DataFrame
    prices: Prices = "traded"
    until_last_bar: bool = False

    def asks_for(self, day: date) -> bool:
        """Whether findings on this day are wanted: a session judged, or a day without one that follows such a session (or
        comes before all)."""
        if not self.sessions:
            return False
        return self.sessions[max(0, bisect_right(self.sessions, day) - 1)] in self._judged

    @cached_property
    def _judged(self) -> frozenset[date]:
        return frozenset(self.judged)

    @cached_property
    def levels(self) -> Levels:
        """Breaks in the level of the prices, by row of `bars`."""
        return Levels(self.bars)

    def rows(self, places: Sequence[int]) -> list[dict[str, Any]]:
        """The bars in these rows of the frame that lie in a session judged, each with its `row`."""
        found = [{**self.bars.row(place, named=True), "row": place} for place in places]
        return [row for row in found if row["date"] in self._judged]


def prepare(
    bars: pl.DataFrame,
    splits: pl.DataFrame,
    symbols: pl.DataFrame,
    sessions: Sequence[date],
    judged: Sequence[date],
    prices: Prices = "traded",
    *,
    until_last_bar: bool = False,
    market: pl.DataFrame | None = None,
) -> Context:
    """Joins and neighbours. `bars`, `splits`, `symbols`: frames with the columns BARS, SPLITS, SYMBOLS; `prices`: whether the
    bars are as traded, or adjusted for all splits; `market`: what is known of some days already (MARKET), from more symbols."""
    known_volume = pl.when(pl.col("volume").is_finite() & (pl.col("volume") < MOST)).then(pl.col("volume"))
    splits = splits.filter(pl.col("ratio").is_finite() & (pl.col("ratio") > 0))
    frame = bars.with_columns(known_volume).join(symbols, on="symbol_id").sort("symbol_id", "date", maintain_order=True)
    again = (
        (pl.col("symbol_id") == pl.col("symbol_id").shift(1)) & (pl.col("date") == pl.col("date").shift(1))
    ).fill_null(value=False)
    repeated, frame = frame.filter(again), frame.filter(~again)
    placed = _placed(frame, sessions)
    off_session, frame = placed.filter(pl.col("place").is_null()), placed.filter(pl.col("place").is_not_null())
    sound = pl.all_horizontal((pl.col(name) > LEAST_PRICE) & (pl.col(name) < MOST) for name in PRICES).fill_null(
        value=False
    )
    broken = frame.filter(~sound)
    known = _known_days(market)
    frame = _neighbours(frame.filter(sound), _known(splits, prices))
    moves = _moves(frame, known)
    frame = _scaled(_against_market(frame, moves))
    days = _restlessness(frame, known)
    return Context(
        bars=_on_its_day(frame, days), broken=broken.drop("place"), repeated=repeated, off_session=off_session.drop("place"),
        symbols=symbols, splits=splits, judged=list(judged), sessions=list(sessions), prices=prices,
        until_last_bar=until_last_bar, market=moves.join(days, on="date").select(list(MARKET)).sort("date"),
    )  # fmt: skip


def _known(splits: pl.DataFrame, prices: Prices) -> pl.DataFrame:
    """Splits to take out of the prices: where they are adjusted already, none."""
    return splits if prices == "traded" else splits.clear()


def _placed(frame: pl.DataFrame, sessions: Sequence[date]) -> pl.DataFrame:
    places = pl.DataFrame(
        {"date": list(sessions), "place": range(len(sessions))}, schema={"date": pl.Date, "place": pl.Int32}
    )
    return frame.join(places, on="date", how="left", maintain_order="left")


def _neighbours(frame: pl.DataFrame, splits: pl.DataFrame) -> pl.DataFrame:
    if splits.is_empty():
        frame = frame.with_columns(pl.lit(1.0).alias("factor"))
    else:
        frame = frame.join(
            _factors(frame, splits), on=["symbol_id", "date"], how="left", maintain_order="left"
        ).with_columns(pl.col("factor").fill_null(1.0))
    within = "symbol_id"
    shift = pl.col("factor").log()
    frame = frame.with_columns(
        *((pl.col(price).log() - shift).alias(name) for name, price in zip("ohlc", PRICES, strict=True)),
        pl.when(pl.col("volume") > 0).then(pl.col("volume").log() + shift).alias("v"),
        pl.int_range(pl.len(), dtype=pl.Int32).over(within).alias("number"),
        (pl.len().over(within).cast(pl.Int32)).alias("bars_of_symbol"),
    )
    first = pl.col("number") == 0
    return frame.with_columns(
        (pl.col("bars_of_symbol") - 1 - pl.col("number")).alias("left"),
        pl.when(~first).then(pl.col("o") - pl.col("c").shift(1)).alias("raw_gap"),
        pl.when(~first).then(pl.col("place") - pl.col("place").shift(1)).alias("away"),
        (pl.col("c") - pl.col("o")).alias("raw_body"),
        (pl.col("h") - pl.max_horizontal("o", "c")).alias("up"),
        (pl.min_horizontal("o", "c") - pl.col("l")).alias("down"),
    )


def _factors(bars: pl.DataFrame, splits: pl.DataFrame) -> pl.DataFrame:
    """For bars before a split: what their prices are divided by, as the product over all splits after them."""
    return (
        bars.select("symbol_id", "date")
        .join(splits, on="symbol_id")
        .filter(pl.col("ex_date") > pl.col("date"))
        .group_by("symbol_id", "date")
        .agg(pl.col("ratio").product().alias("factor"))
    )


def _known_days(market: pl.DataFrame | None) -> pl.DataFrame:
    return pl.DataFrame(schema=MARKET) if market is None else market.select(list(MARKET))


def _moves(frame: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """What the whole market did each day: the median of gaps and of bodies. With too few symbols there is none to speak of."""
    many = pl.len() >= FEW_SYMBOLS
    days = frame.group_by("date").agg(
        pl.when(many).then(pl.col("raw_gap").median()).fill_null(0.0).alias("market_gap"),
        pl.when(many).then(pl.col("raw_body").median()).fill_null(0.0).alias("market_body"),
    ).with_columns(
        pl.when(pl.col(name).abs() <= MARKET_MOST).then(pl.col(name)).otherwise(0.0).alias(name)
        for name in ("market_gap", "market_body")
    )  # fmt: skip
    return _rather(days, known, ("market_gap", "market_body"))


def _restlessness(frame: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """How far the day's moves are beyond what is usual for each symbol, in the median, 1 at least; and the day's volume."""
    many = pl.len() >= FEW_SYMBOLS
    sizes = {"gap": pl.col("gap").abs(), "body": pl.col("body").abs(), "wick": (pl.col("up") + pl.col("down")) / 2}
    days = frame.group_by("date").agg(
        *(
            pl.when(many).then((size / pl.col(f"{name}_scale")).median() / HALF_NORMAL_MEDIAN)
            .fill_null(1.0).clip(1.0, MOST_RESTLESS).alias(f"day_{name}")
            for name, size in sizes.items()
        ),
        pl.when(many).then((pl.col("v") - pl.col("v_usual")).median()).fill_null(0.0).alias("day_v"),
    )  # fmt: skip
    return _rather(days, known, ("day_gap", "day_body", "day_wick", "day_v"))


def _rather(days: pl.DataFrame, known: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
    """The days' figures, what was known of them before standing above what these bars say."""
    if known.is_empty():
        return days
    before = known.select("date", *(pl.col(name).alias(f"known_{name}") for name in names))
    return days.join(before, on="date", how="left").select(
        "date", *(pl.coalesce(f"known_{name}", name).alias(name) for name in names)
    )


def _against_market(frame: pl.DataFrame, moves: pl.DataFrame) -> pl.DataFrame:
    return frame.join(moves, on="date", how="left", maintain_order="left").with_columns(
        (pl.col("raw_gap") - pl.col("market_gap")).alias("gap"),
        (pl.col("raw_body") - pl.col("market_body")).alias("body"),
    )


def _scaled(frame: pl.DataFrame) -> pl.DataFrame:
    """The symbol's own scales and usual volumes, whatever the day."""
    within = "symbol_id"
    roots = {"gap": pl.col("gap").abs(), "body": pl.col("body").abs(), "wick": (pl.col("up") + pl.col("down")) / 2}
    rolled = [
        pl.min_horizontal(size, LARGEST)
        .sqrt()
        .rolling_mean(SCALE_SESSIONS, min_samples=5)
        .over(within)
        .alias(f"_{name}")
        for name, size in roots.items()
    ]
    rolled.append(pl.col("v").rolling_median(MEDIAN_SESSIONS, min_samples=3).over(within).alias("_v"))
    frame = frame.with_columns(*rolled)
    least = pl.max_horizontal(LEAST_SCALE, 0.5 * CENT * (-pl.col("c") - pl.col("factor").log()).exp())
    scales = [
        pl.max_horizontal(
            least,
            pl.mean_horizontal(other_bar(f"_{name}", -2), other_bar(f"_{name}", SCALE_SESSIONS + 1)).pow(2) * ROOTS,
        ).alias(f"{name}_scale")
        for name in roots
    ]
    medians = {
        "v_before": -1,
        "v_after": MEDIAN_SESSIONS,
        "_v_long_before": -MEDIAN_SESSIONS - 1,
        "_v_later": 2 * MEDIAN_SESSIONS,
    }
    frame = frame.with_columns(*scales, *(other_bar("_v", bars).alias(name) for name, bars in medians.items()))
    frame = frame.with_columns(_middle([pl.col(name) for name in medians]).alias("v_usual"))
    return frame.drop("_gap", "_body", "_wick", "_v", "_v_long_before", "_v_later", "bars_of_symbol")


def other_bar(name: str, bars: int) -> pl.Expr:
    """The value so many bars of the symbol later (below 0: earlier), null where there is no such bar; the frame is in order, and
    a shift within each symbol takes a hundred times as long."""
    there = pl.col("left") >= bars if bars > 0 else pl.col("number") >= -bars
    return pl.when(there).then(pl.col(name).shift(-bars))


def _middle(values: Sequence[pl.Expr]) -> pl.Expr:
    """The median of up to four values, nulls left out: `list.median` takes five times as long."""
    known = pl.sum_horizontal(value.is_not_null().cast(pl.Float64) for value in values)
    total = pl.sum_horizontal(values)
    inner = (total - pl.min_horizontal(values) - pl.max_horizontal(values)) / (known - 2)
    return pl.when(known > 2).then(inner).when(known > 0).then(total / known)


def _on_its_day(frame: pl.DataFrame, days: pl.DataFrame) -> pl.DataFrame:
    return frame.join(days, on="date", how="left", maintain_order="left").with_columns(
        *((pl.col(f"{name}_scale") * pl.col(f"day_{name}")).alias(f"{name}_scale") for name in ("gap", "body", "wick")),
        (pl.col("v") - pl.col("v_usual") - pl.col("day_v")).alias("v_ratio"),
    ).with_columns(
        pl.min_horizontal("v_ratio", pl.col("v") - pl.col("v_after") - pl.col("day_v")).alias("quiet"),
    )  # fmt: skip
