"""A day's figures, of the session, its checks and symbols, and beside those of the days before."""

from dataclasses import replace
from datetime import date

import pytest

from tickstock_automation.quality.figures import (
    Against,
    DayMaterial,
    Found,
    Lag,
    Open,
    Repaired,
    against,
    check_figures,
    compare,
    session_figures,
    symbol_figures,
)

DAY, BEFORE = date(2024, 2, 14), date(2024, 2, 13)
NOTHING = DayMaterial(0, [], [], [], 0, 0, 0, None, [])
BUSY = DayMaterial(
    checked=100,
    found=[
        Found(1, "price_move", "undetermined", "high", system=False, number=2),
        Found(2, "price_move", "data_error", "critical", system=False, number=1),
        Found(1, "zero_volume", "data_error", "low", system=False, number=4),
        Found(None, "vendor_coverage", "undetermined", "critical", system=True, number=1),
    ],
    open=[
        Open(1, "price_move", "open", "high", 2),
        Open(3, "missing_session", "remediating", "medium", 1),
        Open(None, "vendor_coverage", "given_up", "critical", 1),
    ],
    repaired=[
        Repaired(4, DAY, "missing_session"),
        Repaired(4, BEFORE, "missing_session"),
        Repaired(4, BEFORE, "price_outlier"),
    ],
    corrected=2,
    expected=98,
    present=96,
    newest_bar=DAY,
    lags=[Lag(3, BEFORE, 1), Lag(5, None, None)],
)


def test_a_session_is_counted_whole_and_what_is_about_the_system_apart() -> None:
    assert session_figures(BUSY) == {
        "checked": 100, "findings": 8, "by_check": {"price_move": 3, "vendor_coverage": 1, "zero_volume": 4},
        "by_verdict": {"data_error": 5, "undetermined": 2}, "by_severity": {"low": 4, "high": 2, "critical": 1},
        "system": 1, "repaired": 2, "repaired_by_check": {"missing_session": 2, "price_outlier": 1}, "corrected": 2,
        "bars_present": 96, "bars_expected": 98, "completeness": 96 / 98, "newest_bar": "2024-02-14", "lagging": 2,
        "without_bars": 1, "open": 4, "open_by_state": {"given_up": 1, "open": 2, "remediating": 1},
        "open_by_severity": {"medium": 1, "high": 2, "critical": 1},
    }  # fmt: skip


def test_severities_stand_from_low_to_critical() -> None:
    assert list(session_figures(BUSY)["by_severity"]) == ["low", "high", "critical"]


def test_a_day_without_anything_is_complete() -> None:
    figures = session_figures(NOTHING)
    assert (figures["completeness"], figures["newest_bar"], figures["findings"]) == (1.0, None, 0)
    assert (check_figures(NOTHING), symbol_figures(NOTHING)) == ({}, {})


def test_more_bars_than_expected_are_not_more_than_all() -> None:
    assert replace(BUSY, expected=10, present=12).completeness == 1.0


def test_checks_with_something_to_say_have_figures() -> None:
    figures = check_figures(BUSY)
    assert list(figures) == ["missing_session", "price_move", "price_outlier", "vendor_coverage", "zero_volume"]
    assert figures["price_move"] == {
        "findings": 3, "by_verdict": {"data_error": 1, "undetermined": 2}, "by_severity": {"high": 2, "critical": 1},
        "open": 2, "repaired": 0,
    }  # fmt: skip
    assert (figures["missing_session"]["open"], figures["missing_session"]["repaired"]) == (1, 2)


def test_symbols_with_something_to_say_have_figures() -> None:
    figures = symbol_figures(BUSY)
    assert list(figures) == [1, 2, 3, 4, 5]
    assert figures[1] == {
        "findings": 6, "by_check": {"price_move": 2, "zero_volume": 4}, "open": 2, "open_by_severity": {"high": 2}, "repaired": 0,
    }  # fmt: skip
    assert (figures[3]["newest_bar"], figures[3]["sessions_behind"], figures[3]["findings"]) == ("2024-02-13", 1, 0)
    assert figures[4]["repaired"] == 2, "bars, whatever found them"
    assert (figures[5]["newest_bar"], figures[5]["sessions_behind"]) == (None, None)


def test_the_first_day_has_nothing_to_be_held_against() -> None:
    assert compare(session_figures(BUSY), [])["findings"] == Against(8.0, None, None)


def test_a_figure_is_held_against_the_day_before_and_the_mean_of_thirty() -> None:
    before = [{"findings": number} for number in range(40)]
    assert against("findings", {"findings": 5}, before) == Against(5.0, 0.0, 14.5)
    assert against("findings", {"findings": 5}, before).change == 5.0


@pytest.mark.parametrize(("before", "expected"), [
    ([{"findings": 1}, {"findings": 1, "open": 4}], Against(4.0, None, 4.0)),
    ([{"findings": 1}], Against(4.0, None, None)),
])  # fmt: skip
def test_a_summary_of_an_earlier_version_counts_for_nothing_where_it_lacks_a_figure(
    before: list[dict[str, int]], expected: Against
) -> None:
    assert compare(session_figures(BUSY), before)["open"] == expected
    assert "open" not in compare({"findings": 3}, before)
