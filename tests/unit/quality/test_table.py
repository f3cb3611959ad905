"""Checks over any table of bars."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from tests.unit.quality.market import AT, DAYS, ONE, Market, name
from tickstock_automation.quality.table import check_table


def table(market: Market) -> pl.DataFrame:
    """The market's bars with their symbols' names."""
    return market.bars.join(market.symbols.select("symbol_id", "symbol"), on="symbol_id", maintain_order="left").drop(
        "symbol_id"
    )


def test_a_quiet_table_has_no_findings(market: Market) -> None:
    assert check_table(table(market), None, None) == []


def test_it_finds_what_the_checks_find_under_the_symbols_own_names(market: Market) -> None:
    market.times(ONE, AT, AT + 1, 100).heavy(7, AT, 0)
    found = check_table(table(market), None, DAYS)
    assert [(one.symbol, one.date, one.check) for one in found] == [
        ("S03", DAYS[AT], "price_outlier"), ("S07", DAYS[AT], "zero_volume"),
    ]  # fmt: skip


def test_the_order_of_the_rows_does_not_matter(market: Market) -> None:
    market.times(ONE, AT, AT + 1, 100).without(4, [AT])
    bars = table(market)
    assert check_table(bars.sample(fraction=1.0, shuffle=True, seed=5), None, DAYS) == check_table(bars, None, DAYS)


def test_without_a_calendar_each_day_with_a_bar_is_a_session(market: Market) -> None:
    market.without(ONE, [AT]).twice(5, date(2023, 8, 26), 50.0)
    found = check_table(table(market).filter(pl.col("date") != date(2023, 8, 26)), None, None)
    assert [(one.check, one.symbol) for one in found] == [("missing_session", "S03")]
    with_calendar = check_table(table(market), None, DAYS)
    assert [one.check for one in with_calendar] == ["missing_session", "unexpected_session"]


def test_a_symbol_that_ends_early_misses_nothing(market: Market) -> None:
    assert check_table(table(market.without(ONE, range(AT, 160))), None, DAYS) == []


@pytest.mark.parametrize(("prices", "found"), [("traded", 0), ("adjusted", 1)])
def test_whether_prices_are_adjusted_decides_what_a_split_explains(market: Market, prices: str, found: int) -> None:
    market.times(ONE, AT, None, 0.25, 4)
    splits = pl.DataFrame({"symbol": [name(ONE)], "ex_date": [DAYS[AT]], "ratio": [4.0]})
    told = check_table(table(market), splits, DAYS, prices)  # type: ignore[arg-type]
    assert [one.check for one in told] == ["split_unadjusted"] * found


def test_a_penny_stocks_threshold_is_thirty_percent(market: Market) -> None:
    market.times(ONE, 0, None, 0.03).times(ONE, AT, None, 1.28).times(7, AT, None, 1.28)
    assert [(one.symbol, one.threshold) for one in check_table(table(market), None, DAYS)] == [("S07", 0.2)]


def test_whole_numbers_will_do(market: Market) -> None:
    bars = table(market.times(ONE, AT, AT + 1, 100)).with_columns(pl.col("volume").cast(pl.Int64))
    assert [one.check for one in check_table(bars, None, DAYS)] == ["price_outlier"]
