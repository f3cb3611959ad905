"""What of a vendor's answer is stored, refused, or not asked for."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from tickstock_automation.bars.parse import WANTED, Asked, Parsed
from tickstock_automation.bars.parse import parse as parse_answer

DAY = date(2015, 7, 15)
AT = int(datetime(2015, 7, 15, 16, tzinfo=ZoneInfo("America/New_York")).timestamp() * 1000)
GOOD = {"T": "A", "t": AT, "o": 1, "h": 2.5, "l": 1, "c": 2, "v": 100}


def parse(rows: list[dict[str, object]], ids: dict[str, int], days: list[date], ticker: str | None = None) -> Parsed:
    """Wanted: all of these tickers on all of these days; the exchange traded on them and on the weekdays between."""
    wanted = pl.DataFrame([(name, day, id_) for name, id_ in ids.items() for day in days], schema=WANTED, orient="row")
    between = [date.fromordinal(day) for day in range(min(days).toordinal(), max(days).toordinal() + 1)]
    sessions = [day for day in between if day.weekday() < 5]
    return parse_answer(rows, Asked(ticker, min(days), max(days), sessions), wanted)


def test_a_good_row_becomes_a_bar_on_its_new_york_date() -> None:
    parsed = parse([GOOD], {"A": 7}, [DAY])
    assert parsed.bars.row(0, named=True) == {
        "symbol_id": 7, "date": DAY, "open": 1.0, "high": 2.5, "low": 1.0, "close": 2.0, "volume": 100.0,
        "vwap": None, "trade_count": None, "flag": None,
    }  # fmt: skip


def test_midnight_in_new_york_is_the_same_day() -> None:
    midnight = int(datetime(2015, 7, 15, tzinfo=ZoneInfo("America/New_York")).timestamp() * 1000)
    assert parse([GOOD | {"t": midnight}], {"A": 7}, [DAY]).bars["date"].to_list() == [DAY]


def test_what_nobody_asked_for_is_counted_and_not_stored() -> None:
    parsed = parse([GOOD, GOOD | {"T": "B"}], {"A": 7}, [DAY])
    assert (parsed.bars.height, parsed.not_asked, parsed.refused) == (1, 1, ())


def test_refusals_name_their_reason_and_keep_the_row() -> None:
    rows = [
        GOOD,
        GOOD,
        GOOD | {"T": "B", "o": "x"},
        GOOD | {"T": "C", "t": 1},
        GOOD | {"T": "D", "h": float("inf")},
        GOOD | {"T": "E", "c": None},
        GOOD | {"T": "F", "v": -1},
        GOOD | {"T": "G", "t": 2**62},
    ]
    parsed = parse(rows, {name: number for number, name in enumerate("ABCDEFG")}, [DAY])
    assert {(one.ticker, one.reason) for one in parsed.refused} == {
        ("A", "duplicate"), ("B", "unreadable"), ("C", "wrong_date"), ("D", "unreadable"), ("E", "unreadable"),
        ("F", "negative_volume"), ("G", "unreadable"),
    }  # fmt: skip
    assert all(one.raw in rows for one in parsed.refused)


def test_another_symbol_in_a_range_is_refused() -> None:
    parsed = parse([GOOD | {"T": "B"}], {"A": 7}, [DAY], ticker="A")
    assert [one.reason for one in parsed.refused] == ["wrong_symbol"]


def test_days_between_those_wanted_of_a_range_are_not_asked_for() -> None:
    day_ms = 86_400_000
    rows = [{key: value for key, value in GOOD.items() if key != "T"} | {"t": AT + days * day_ms} for days in (0, 1, 2)]
    parsed = parse(rows, {"A": 7}, [DAY, date(2015, 7, 17)], ticker="A")
    assert (parsed.bars["date"].to_list(), parsed.not_asked, parsed.refused) == ([DAY, date(2015, 7, 17)], 1, ())


def test_prices_that_contradict_each_other_are_stored_and_flagged() -> None:
    rows = {
        "negative_price": GOOD | {"c": -1.0}, "zero_price": GOOD | {"o": 0, "l": 0}, "contradictory": GOOD | {"h": 1.5},
        None: GOOD | {"o": 1.0, "l": 1.0, "h": 2.0},
    }  # fmt: skip
    for flag, row in rows.items():
        assert parse([row], {"A": 7}, [DAY]).bars["flag"].to_list() == [flag]


def test_a_day_without_a_session_and_a_ticker_that_cannot_be_one_are_refused() -> None:
    saturday = AT + 3 * 86_400_000
    in_range = parse([GOOD | {"t": saturday}], {"A": 7}, [DAY, date(2015, 7, 20)], ticker="A")
    assert [(one.reason, one.session) for one in in_range.refused] == [("no_session", date(2015, 7, 18))]
    grouped = parse([GOOD, GOOD | {"T": "\x00A"}, GOOD | {"T": "A B"}, GOOD | {"T": None}], {"A": 7}, [DAY])
    assert [one.reason for one in grouped.refused] == ["impossible_ticker"] * 3


junk = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=3), st.lists(st.integers(), max_size=1)
)


@given(st.lists(st.dictionaries(st.sampled_from(["T", "t", "o", "h", "l", "c", "v", "vw", "n"]), junk), max_size=5))
def test_garbage_is_refused_or_not_asked_for_and_never_raises(rows: list[dict[str, object]]) -> None:
    parsed = parse(rows, {"A": 1, "": 2}, [DAY])
    assert parsed.bars.height + len(parsed.refused) + parsed.not_asked == len(rows)
    assert set(parsed.bars["symbol_id"]) <= {1, 2}
    assert set(parsed.bars["date"]) <= {DAY}


near = st.sampled_from([AT, AT + 86_400_000, AT + 3 * 86_400_000, AT - 400 * 86_400_000])
plausible = st.fixed_dictionaries(
    {"t": near | junk, "o": st.just(1.0) | junk, "h": st.just(2), "l": st.just(1), "c": st.just(1.5), "v": st.just(10) | junk},
    optional={"T": st.sampled_from(["A", "B"])},
)  # fmt: skip


@given(st.lists(plausible, max_size=6), st.sampled_from([None, "A"]))
def test_only_wanted_pairs_are_stored_of_ranges_and_of_grouped_answers_each_row_counted_once(
    rows: list[dict[str, object]], ticker: str | None
) -> None:
    """Wanted is A on the first and the last of the days, not between them."""
    days = [DAY, date(2015, 7, 17)]
    parsed = parse(rows, {"A": 1}, days if ticker else [DAY], ticker)
    stored = list(zip(parsed.bars["symbol_id"], parsed.bars["date"], strict=True))
    assert len(stored) == len(set(stored))
    assert set(stored) <= {(1, day) for day in (days if ticker else [DAY])}
    assert len(stored) + len(parsed.refused) + parsed.not_asked == len(rows)
