"""Another company's bars under this symbol."""

from __future__ import annotations

import pytest

from tests.unit.quality.market import AT, CLOSE, DAYS, ONE, OTHER, Market, quiet, where
from tickstock_automation.quality.checks.foreign_bar import foreign_bar


def apart() -> Market:
    """A market in which the two symbols' prices are far apart."""
    return quiet().times(OTHER, 0, None, 2.0)


@pytest.mark.parametrize("bars", [1, 4, 15])
def test_the_one_that_is_out_of_line_with_its_own_days_has_the_others(bars: int) -> None:
    market = apart()
    market.prices[ONE, AT : AT + bars] = market.prices[OTHER, AT : AT + bars]
    found = market.found(foreign_bar)
    assert where(found) == [("S03", AT + more) for more in range(bars)]
    for one in found:
        assert (one.verdict, one.severity, one.remediation, one.threshold) == ("data_error", "critical", "refetch", 5.0)
        assert one.evidence["copy_of"] == "S07"
        assert "those of S07 that day" in one.evidence["words"]
    assert found[0].observed == market.prices[OTHER, AT, CLOSE]


def test_two_classes_of_one_share_are_alike_and_in_line_with_themselves(market: Market) -> None:
    market.prices[ONE] = market.prices[OTHER]
    assert market.found(foreign_bar) == []


def test_two_classes_alike_that_both_leap_on_the_news_are_none(market: Market) -> None:
    market.prices[ONE] = market.prices[OTHER]
    for symbol in (ONE, OTHER):
        market.times(symbol, AT, None, 1.4)
        market.prices[symbol, AT - 1] = (50.0, 50.02, 50.0, 50.01)
    assert market.found(foreign_bar) == []


def test_two_symbols_alike_by_chance_on_one_day_are_none(market: Market) -> None:
    market.prices[ONE, AT] = market.prices[ONE, AT].round(1)
    market.times(OTHER, 0, None, float(market.prices[ONE, AT, CLOSE] / market.prices[OTHER, AT, CLOSE]))
    market.prices[OTHER, AT] = market.prices[ONE, AT]
    assert market.found(foreign_bar) == []


def test_a_range_of_a_few_cents_is_chance() -> None:
    market = apart()
    market.prices[OTHER, AT] = (100.0, 100.05, 99.98, 100.0)
    market.prices[ONE, AT] = market.prices[OTHER, AT]
    assert market.found(foreign_bar) == []


def test_only_in_the_sessions_judged() -> None:
    market = apart()
    market.prices[ONE, AT : AT + 5] = market.prices[OTHER, AT : AT + 5]
    assert where(market.found(foreign_bar, DAYS[AT + 2 : AT + 4])) == [("S03", AT + 2), ("S03", AT + 3)]
