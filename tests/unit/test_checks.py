"""Each check finds what it is for, and leaves the rest alone."""

from datetime import date

import polars as pl

from tickstock_automation.quality.checks import CHECKS, run_checks
from tickstock_automation.quality.findings import Finding, price_move_severity, raised
from tickstock_automation.quality.frame import BARS, SPLITS, SYMBOLS, Context, prepare
from tickstock_automation.sessions import calendar

DAYS = calendar().between(date(2024, 1, 2), date(2024, 3, 1))
LAST = DAYS[-1]


def judge(
    change: dict[tuple[int, date], dict[str, float] | None] | None = None,
    splits: list[tuple[int, date, float]] | None = None,
    symbols: int = 5,
    threshold: float = 0.2,
    listed: dict[int, date] | None = None,
) -> list[Finding]:
    """Findings in a quiet market with some bars changed, or (None) taken out."""
    change, listed = change or {}, listed or {}
    rows = []
    for symbol_id in range(1, symbols + 1):
        for day in DAYS:
            new = change.get((symbol_id, day), {})
            if new is None or day < listed.get(symbol_id, DAYS[0]):
                continue
            values = {"open": 10.0, "high": 10.2, "low": 9.8, "close": 10.0, "volume": 1000.0} | new
            rows.append((symbol_id, day, *values.values()))
    names = [(number, f"S{number}", "STOCK_EOD", listed.get(number), threshold) for number in range(1, symbols + 1)]
    known = pl.DataFrame(names, schema=SYMBOLS, orient="row")
    frame = prepare(
        pl.DataFrame(rows, schema=BARS, orient="row"), pl.DataFrame(splits or [], schema=SPLITS, orient="row"), known
    )
    return run_checks(Context(frame, known, DAYS[20:], DAYS))


def at(price: float, volume: float = 1000.0) -> dict[str, float]:
    return {"open": price, "high": price * 1.02, "low": price * 0.98, "close": price, "volume": volume}


def test_a_quiet_market_has_no_findings() -> None:
    assert judge() == []


def test_a_move_over_the_threshold_is_found_with_its_severity() -> None:
    for price, severity in ((12.5, "medium"), (14.0, "high"), (4.0, "critical")):
        [finding] = judge({(1, LAST): at(price)})
        assert (finding.check, finding.symbol, finding.date, finding.severity) == ("price_move", "S1", LAST, severity)
        assert (finding.observed, finding.expected, finding.threshold) == (price, 10.0, 0.2)


def test_a_move_under_the_threshold_is_none() -> None:
    assert judge({(1, LAST): at(11.9)}) == []
    assert judge({(1, LAST): at(12.5)}, threshold=0.3) == []


def test_a_split_that_is_known_is_no_move() -> None:
    day = DAYS[-5]
    change = {(1, one): at(10.0 / 7, 7000.0) for one in DAYS if one >= day}
    assert judge(change, splits=[(1, day, 7.0)]) == []
    assert [one.check for one in judge(change)] == [
        "price_move",
        "volume_spike",
        "volume_spike",
        "volume_spike",
        "volume_spike",
        "volume_spike",
    ]


def test_chained_splits_multiply() -> None:
    first, second = DAYS[-9], DAYS[-4]
    change = {(1, one): at(10.0 / 2, 2000.0) for one in DAYS if first <= one < second}
    change |= {(1, one): at(10.0 / 6, 6000.0) for one in DAYS if one >= second}
    assert judge(change, splits=[(1, first, 2.0), (1, second, 3.0)]) == []


def test_the_markets_own_move_is_nobodys_fault() -> None:
    assert judge({(number, LAST): at(7.5) for number in range(1, 6)}) == []


def test_prices_that_contradict_each_other_are_data_errors() -> None:
    for bad, words in (
        ({"high": 9.0, "low": 11.0}, "high is below low"),
        ({"close": 10.5}, "close is above high"),
        ({"open": 9.0}, "open is below low"),
        ({"open": 0.0, "high": 0.0, "low": 0.0}, "zero or negative"),
    ):
        [finding] = judge({(2, LAST): bad})
        assert (finding.check, finding.verdict, finding.severity) == ("ohlc_inconsistent", "data_error", "high")
        assert words in finding.evidence["words"]


def test_a_volume_spike_is_measured_against_the_median_before_it() -> None:
    [finding] = judge({(3, LAST): at(10.0, 5001.0)})
    assert (finding.check, finding.expected, finding.threshold, finding.severity) == (
        "volume_spike",
        1000.0,
        5.0,
        "low",
    )
    assert judge({(3, LAST): at(10.0, 5000.0)}) == []


def test_no_volume_in_a_symbol_that_trades_is_a_data_error() -> None:
    [finding] = judge({(3, LAST): at(10.0, 0.0)})
    assert (finding.check, finding.verdict) == ("zero_volume", "data_error")


def test_a_session_without_a_bar_is_found_and_holidays_are_not() -> None:
    [finding] = judge({(4, DAYS[-3]): None})
    assert (finding.check, finding.date, finding.remediation) == ("missing_session", DAYS[-3], "reload")


def test_the_last_session_without_a_bar_is_found_too() -> None:
    assert [one.date for one in judge({(4, LAST): None})] == [LAST]


def test_before_its_listing_nothing_is_missing() -> None:
    assert judge(listed={5: DAYS[-4]}) == []


def test_only_the_judged_sessions_are_judged() -> None:
    assert judge({(1, DAYS[5]): {"high": 9.0}}) == []


def test_every_finding_says_its_threshold_and_its_words() -> None:
    change = {(1, LAST): at(20.0, 9000.0), (2, LAST): {"close": 99.0, "volume": 0.0}, (3, LAST): None}
    found = judge(change)
    assert {one.check for one in found} == {check.__name__ for check in CHECKS}
    for one in found:
        assert one.threshold is not None
        assert one.evidence["words"]
        assert one.key == f"{one.check}:{one.symbol_id}:{one.date}"


def test_a_data_error_is_one_step_more_severe() -> None:
    assert raised("medium", "data_error") == "high"
    assert raised("critical", "data_error") == "critical"
    assert raised("low", "undetermined") == "low"
    assert price_move_severity(-0.36) == "high"
