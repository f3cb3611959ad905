"""What is one thing is one finding."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from tickstock_automation.events.catalogue import Channel, Verdict
from tickstock_automation.quality.findings import Finding
from tickstock_automation.quality.merging import WRONG_PRICES, merge

DAY = date(2024, 3, 4)
SPLIT = date(2024, 3, 8)


def finding(check: str, after: int = 0, verdict: Verdict = "undetermined", symbol: int = 1) -> Finding:
    evidence = {"boundary": str(DAY)} if check == "ticker_reuse" else {}
    return Finding(
        symbol, f"S{symbol}", DAY + timedelta(days=after), check, Channel.PRICE_ANOMALY, "medium", verdict, 1.0, 1.0, 1.0, "none",
        evidence,
    )  # fmt: skip


def left(*findings: Finding) -> list[tuple[str, int]]:
    return [(one.check, (one.date - DAY).days) for one in merge(findings, lambda day: day + timedelta(days=1))]


@pytest.mark.parametrize("check", WRONG_PRICES)
def test_wrong_prices_explain_the_move_into_them_and_out_of_them(check: str) -> None:
    found = left(finding(check, 0, "data_error"), finding("price_move", 0), finding("price_move", 1))
    assert found == [(check, 0)]


def test_a_move_two_sessions_later_stands() -> None:
    found = left(finding("price_outlier", 0, "data_error"), finding("price_move", 2))
    assert found == [("price_outlier", 0), ("price_move", 2)]


def test_prices_that_are_not_surely_wrong_explain_no_move() -> None:
    assert len(left(finding("price_outlier", 0), finding("price_move", 0))) == 2


@pytest.mark.parametrize("check", ["volume_spike", "volume_drought"])
def test_a_move_explains_the_volume_of_its_day_and_of_four_more(check: str) -> None:
    volumes = [finding(check, after) for after in range(-1, 6)]
    assert left(finding("price_move"), *volumes) == [(check, -1), ("price_move", 0), (check, 5)]


def test_a_heavy_day_on_which_the_price_moved_goes_on_for_days() -> None:
    first = finding("volume_spike", 0, "market_event")
    more = [finding("volume_spike", after) for after in (1, 4, 5)]
    assert left(first, *more) == [("volume_spike", 0), ("volume_spike", 5)]
    assert left(first, finding("volume_spike", 2, "data_error")) == [("volume_spike", 0), ("volume_spike", 2)]
    assert left(first, finding("volume_drought", 1)) == [("volume_spike", 0), ("volume_drought", 1)]
    assert left(finding("volume_spike", 0), finding("volume_spike", 1)) == [("volume_spike", 0), ("volume_spike", 1)]


@pytest.mark.parametrize("check", ["foreign_bar", "ticker_reuse"])
def test_that_a_bar_is_anothers_says_more_than_that_it_is_off(check: str) -> None:
    assert left(finding("price_outlier", 0, "data_error"), finding(check, 0, "data_error")) == [(check, 0)]


def test_wrong_prices_explain_the_volume_beside_them() -> None:
    assert left(finding("price_outlier", 0, "data_error"), finding("volume_spike", 0)) == [("price_outlier", 0)]


def test_errors_always_stand() -> None:
    found = left(finding("price_outlier", 0, "data_error"), finding("volume_spike", 0, "data_error"))
    assert found == [("price_outlier", 0), ("volume_spike", 0)]


def test_what_is_no_move_and_no_volume_always_stands() -> None:
    found = left(finding("price_outlier", 0, "data_error"), finding("zero_volume", 0), finding("stuck_volume", 0))
    assert [check for check, _ in found] == ["price_outlier", "stuck_volume", "zero_volume"]


def test_one_symbols_error_explains_nothing_of_anothers() -> None:
    found = merge([finding("price_outlier", 0, "data_error"), finding("price_move", symbol=2)], lambda day: day)
    assert len(found) == 2


def test_nothing_merges_to_nothing() -> None:
    assert left() == []
