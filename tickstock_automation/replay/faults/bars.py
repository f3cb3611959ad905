"""Faults of the bars of a day, whenever they are asked for on that day, and of the splits."""

from __future__ import annotations

import string
from collections.abc import Callable
from datetime import date, datetime, timedelta
from itertools import islice, product
from zoneinfo import ZoneInfo

from tickstock_automation.replay.faults.fault import BARS, Answer, Asked, DataFault, Row, ShapeFault, Truth, one_in

NEW_YORK = ZoneInfo("America/New_York")
GROUPED = frozenset({Answer.GROUPED})
RANGE = frozenset({Answer.RANGE})
SPLITS = frozenset({Answer.SPLITS})
UNLISTED = 2000
YEARS = timedelta(days=3 * 364)  # the same weekday, years before
ABSURD = 8.903334989143225e12
GARBAGE = ("\x00HTLP^\x1e-$b", "\x00HTLD^\x1d", "\x00HTLT^+/}", "", "A\nB")
SATURDAY_HIGH = 200


def _day(row: Row) -> date:
    return datetime.fromtimestamp(row["t"] / 1000, NEW_YORK).date()


def _midnight(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=NEW_YORK).timestamp() * 1000)


def _earlier(row: Row) -> Row:
    return row | {"t": row["t"] - int(YEARS.total_seconds() * 1000)}


def _each(change: Callable[[Row], Row], share: int = 1) -> Callable[[list[Row], Asked, Truth], list[Row]]:
    """Changes the day's bars of one ticker in `share`."""

    def act(rows: list[Row], asked: Asked, _truth: Truth) -> list[Row]:
        return [
            change(row) if one_in(share, row.get("T", asked.ticker)) and _day(row) == asked.day else row
            for row in rows
        ]  # fmt: skip

    return act


def _unlisted(rows: list[Row], asked: Asked, _truth: Truth) -> list[Row]:
    """They trade as the day's bars do, one after another."""
    if not rows or asked.first != asked.day:
        return rows
    names = {row["T"] for row in rows}
    made = (f"{''.join(letters)}Q" for letters in product(string.ascii_uppercase, repeat=4))
    strange = islice((name for name in made if name not in names), UNLISTED)
    return [*rows, *(rows[number % len(rows)] | {"T": name} for number, name in enumerate(strange))]


def _twice(rows: list[Row], asked: Asked, _truth: Truth) -> list[Row]:
    again = _each(lambda row: row | {"c": row["l"], "v": row["v"] + 1}, 10)(rows, asked, _truth)
    return [one for row, other in zip(rows, again, strict=True) for one in ([row] if other is row else [row, other])]


def _garbage(rows: list[Row], asked: Asked, _truth: Truth) -> list[Row]:
    if not rows or asked.first != asked.day:
        return rows
    prices = dict.fromkeys("ohlc", ABSURD)
    return [*({"T": name, **prices, "v": 2.8e9, "t": rows[0]["t"]} for name in GARBAGE), *rows]


def _other_dates(rows: list[Row], asked: Asked, truth: Truth) -> list[Row]:
    """Another ticker's bars, years old, before the right ones."""
    days = [row for row in rows if _day(row) == asked.day]
    if asked.answer is Answer.GROUPED:
        return [*(_earlier(row) for row in days if one_in(10, row["T"])), *rows]
    if not days:
        return rows
    other = truth.range(truth.another(asked.ticker), asked.first, asked.last, adjusted=asked.adjusted)
    return [*(_earlier(row) for row in other[:4]), *rows]


def _other_symbol(body: Row, asked: Asked, truth: Truth) -> Row:
    other = truth.another(asked.ticker)
    rows = truth.range(other, asked.first, asked.last, adjusted=asked.adjusted)
    counted = dict.fromkeys(("count", "queryCount", "resultsCount"), len(rows))
    return body | {"ticker": other, "results": rows} | counted


def _saturday(rows: list[Row], asked: Asked, _truth: Truth) -> list[Row]:
    saturday = asked.day - timedelta(days=(asked.day.weekday() - 5) % 7)
    at = _midnight(saturday)
    before = [row for row in rows if row["t"] < at]
    if not before or not asked.first <= saturday <= asked.last:
        return rows
    strange = before[-1] | {"t": at, "h": round(before[-1]["h"] * SATURDAY_HIGH, 4)}
    return [*before, strange, *rows[len(before) :]]


def _stale(rows: list[Row], asked: Asked, truth: Truth) -> list[Row]:
    before = truth.session_before(asked.day)
    if before is None:
        return rows
    closes = {row["T"]: row["c"] for row in truth.grouped(before, adjusted=asked.adjusted)}
    return [
        row | {"c": closes[name]}
        if (name := row.get("T", asked.ticker)) in closes and not one_in(10, name) and _day(row) == asked.day else row
        for row in rows
    ]  # fmt: skip


def _closed(rows: list[Row], asked: Asked, _truth: Truth) -> list[Row]:
    return [row for row in rows if _day(row) != asked.day]


def _splits_twice(rows: list[Row], _asked: Asked, _truth: Truth) -> list[Row]:
    return [one for row in rows for one in (row, row | {"id": f"{row['id']}-again"})]


def _splits_missing(rows: list[Row], asked: Asked, _truth: Truth) -> list[Row]:
    return [row for row in rows if row["execution_date"] != asked.day.isoformat()]


def _splits_early(rows: list[Row], _asked: Asked, _truth: Truth) -> list[Row]:
    early = timedelta(days=1)
    return [
        row | {"execution_date": (date.fromisoformat(row["execution_date"]) - early).isoformat()} for row in rows
    ]  # fmt: skip


BAR_FAULTS = (
    DataFault(
        name="unlisted-bars", what=f"The day's bars hold {UNLISTED:,} tickers that the listing lacks.",
        source="polygon-io/issues 272, 5", answers=GROUPED, act=_unlisted,
    ),
    DataFault(
        name="twice-in-bars", what="One ticker in ten has a second bar of the day, with another close.",
        source="polygon-io/issues 153", answers=BARS, act=_twice,
    ),
    DataFault(
        name="garbage-bars", what="The day's bars hold tickers with control characters at prices of 1e13.",
        source="polygon-io/issues 3, 138", answers=GROUPED, act=_garbage,
    ),
    DataFault(
        name="absurd-prices", what="One ticker in ten is at 1e13.",
        source="polygon-io/issues 138", answers=BARS, act=_each(lambda row: row | dict.fromkeys("ohlc", ABSURD), 10),
    ),
    DataFault(
        name="multiplied-volume", what="The day's volumes are doubled, or tripled for one ticker in two.",
        source="polygon-io/issues 10", answers=GROUPED,
        act=lambda rows, asked, truth: [
            row | {"v": row["v"] * (3 if one_in(2, row["T"]) else 2)} if asked.first == asked.day else row for row in rows
        ],
    ),
    DataFault(
        name="other-dates", what="Before the right bars come bars years old, in a ticker's range those of another ticker.",
        source="polygon-io/issues 62, 65, 68", answers=BARS, act=_other_dates,
    ),
    ShapeFault(
        name="other-symbol", what="A ticker's range is answered with another ticker's, and says so.",
        source="polygon-io/issues 62, 65, 68", answers=RANGE, requests=None, act=_other_symbol,
    ),
    DataFault(
        name="saturday-bar", what=f"A ticker's range has a bar on the Saturday before, its high {SATURDAY_HIGH} times too high.",
        source="alpacahq/Alpaca-API 42", answers=RANGE, act=_saturday,
    ),
    DataFault(
        name="stale-closes", what="Nine closes in ten are those of the session before, with fresh highs and lows.",
        source="iexg/IEX-API 601", answers=BARS, act=_stale,
    ),
    DataFault(
        name="zero-prices", what="One ticker in ten has open, high and low 0 with a good close.",
        source="iexg/IEX-API 1101", answers=BARS, act=_each(lambda row: row | {"o": 0, "h": 0, "l": 0}, 10),
    ),
    DataFault(
        name="special-closure", what="Nothing traded on the day, and nobody was told; it stays without bars.",
        source="pandas_market_calendars 366, 389", answers=BARS, act=_closed, lasting=True,
    ),
    DataFault(
        name="splits-twice", what="Each split is listed twice.",
        source="polygon-io/issues 311", answers=SPLITS, act=_splits_twice,
    ),
    DataFault(
        name="missing-splits", what="The splits of the day are missing.",
        source="polygon-io/issues 111", answers=SPLITS, act=_splits_missing,
    ),
    DataFault(
        name="early-splits", what="Splits are dated one day early.",
        source="polygon-io/issues 19", answers=SPLITS, act=_splits_early,
    ),
)  # fmt: skip
