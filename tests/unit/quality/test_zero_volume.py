"""A bar without volume."""

from __future__ import annotations

import pytest

from tests.unit.quality.market import AT, DAYS, ONE, Market
from tickstock_automation.quality.checks.zero_volume import zero_volume


@pytest.mark.parametrize("volume", [0.0, -5.0, None])
def test_none_in_a_share_that_trades_is_a_data_error(market: Market, volume: float | None) -> None:
    market.missing.add((ONE, AT))
    market.extra.append((ONE + 1, DAYS[AT], *map(float, market.prices[ONE, AT]), volume))
    [one] = market.found(zero_volume)
    assert (one.symbol, one.date, one.verdict, one.severity) == ("S03", DAYS[AT], "data_error", "medium")
    assert (one.observed, one.threshold, one.remediation) == (volume, 0.0, "refetch")
    assert one.expected == pytest.approx(1e6, rel=0.3)
    assert "shares are usual" in one.evidence["words"]


def test_a_share_that_hardly_trades_decides_nothing(market: Market) -> None:
    [one] = market.times(ONE, 0, None, 1.0, 0.0004).heavy(ONE, AT, 0).found(zero_volume)
    assert (one.verdict, one.severity, one.expected) == ("undetermined", "low", None)
    assert "hardly ever trades" in one.evidence["words"]


def test_a_share_of_which_most_bars_have_none_decides_nothing(market: Market) -> None:
    market.volumes[ONE, [at for at in range(160) if at % 3]] = 0
    found = market.found(zero_volume, DAYS[AT : AT + 30])
    assert len(found) == 20
    assert {one.verdict for one in found} == {"undetermined"}


def test_what_is_usual_is_in_the_shares_of_its_day(market: Market) -> None:
    market.splits = [(ONE, DAYS[AT + 5], 10.0)]
    [one] = market.times(ONE, AT + 5, None, 0.1, 10).heavy(ONE, AT, 0).found(zero_volume)
    assert one.expected == pytest.approx(1e6, rel=0.3)


def test_only_in_the_sessions_judged(market: Market) -> None:
    market.heavy(ONE, AT, 0).heavy(ONE, AT + 5, 0)
    assert [one.date for one in market.found(zero_volume, DAYS[AT + 1 :])] == [DAYS[AT + 5]]
