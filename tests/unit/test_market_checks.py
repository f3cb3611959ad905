"""Each whole-market check finds its day, and leaves quiet days alone."""

from collections.abc import Callable
from datetime import date
from typing import Any

import polars as pl
import pytest

from tickstock_automation.quality.frame import BARS, SPLITS, SYMBOLS
from tickstock_automation.quality.market_checks import MARKET_CHECKS, run_market_checks
from tickstock_automation.quality.market_checks.facts import NOTES, SPLITS_SEEN, MarketFacts, day_figures, together
from tickstock_automation.quality.market_checks.finding import MarketFinding
from tickstock_automation.sessions import calendar

DAYS = calendar().between(date(2024, 1, 2), date(2024, 2, 29))
DAY = DAYS[30]
SATURDAY = date(2024, 2, 17)
Close = Callable[[int, date, float], float | None]


def quiet(number: int, at: int) -> float:
    """Every close another one."""
    return 20.0 + number + 0.01 * ((7 * at + number) % 11)


def market(
    close: Close = lambda _number, _day, usual: usual, *, symbols: int = 100, parts: int = 1,
    notes: list[tuple[Any, ...]] | None = None, seen: list[tuple[Any, ...]] | None = None, days: list[date] | None = None,
) -> list[MarketFinding]:  # fmt: skip
    """What is found of a market whose quiet closes are changed by `close`."""
    rows = []
    for number in range(symbols):
        for at, day in enumerate(days or DAYS):
            price = close(number, day, quiet(number, at))
            if price is not None:
                rows.append((number, day, price, price, price, price, 1000.0))
    bars = pl.DataFrame(rows, schema=BARS, orient="row")
    names = pl.DataFrame(
        [(n, f"S{n:03}", "STOCK_EOD", None, 0.2) for n in range(symbols)], schema=SYMBOLS, orient="row"
    )
    figures = [
        day_figures(bars.filter(pl.col("symbol_id") % parts == part), pl.DataFrame(schema=SPLITS), names) for part in range(parts)
    ]  # fmt: skip
    facts = MarketFacts(
        DAYS, DAYS[10:], together(figures), pl.DataFrame(notes or [], schema=NOTES, orient="row"),
        pl.DataFrame(seen or [], schema=SPLITS_SEEN, orient="row"),
    )  # fmt: skip
    return run_market_checks(facts)


def test_a_quiet_market_has_no_findings() -> None:
    assert market() == []
    assert market(lambda _number, _day, _usual: 10.0) == [], "one whose closes never change is quiet as well"


@pytest.mark.parametrize("parts", [1, 3])
def test_a_day_of_copied_closes_is_found_and_its_parts_add_up(parts: int) -> None:
    before = DAYS.index(DAY) - 1

    def copied(number: int, day: date, usual: float) -> float:
        return quiet(number, before) if day == DAY and number < 60 else usual

    [found] = market(copied, parts=parts)
    assert (found.check, found.date, found.severity, found.verdict) == ("copied_bar", DAY, "critical", "data_error")
    assert found.remediation == "refetch", "the bars are there: a reload would bring nothing"
    assert found.observed is not None
    assert found.observed >= 60
    assert "are the day before's" in found.evidence["words"]


def test_a_day_with_few_bars_is_found() -> None:
    [found] = market(lambda number, day, usual: None if day == DAY and number < 15 else usual)
    assert (found.check, found.observed, found.expected, found.severity) == ("market_rows", 85.0, 100.0, "high")
    assert market(lambda number, day, usual: None if day == DAY and number < 8 else usual) == []


def test_bars_of_a_closed_day_are_found() -> None:
    days = sorted([*DAYS, SATURDAY])
    [found] = market(lambda number, day, usual: usual if day != SATURDAY or number < 4 else None, days=days)
    assert (found.check, found.date, found.observed) == ("unexpected_session", SATURDAY, 4.0)


def test_the_same_factor_on_many_symbols_is_found_over_all_parts() -> None:
    before = DAYS.index(DAY) - 1

    def tenfold(number: int, day: date, usual: float) -> float:
        return 10 * quiet(number, before) if day == DAY and number < 12 else usual

    found = {one.date: one for one in market(tenfold, parts=2) if one.check == "same_factor"}
    assert found[DAY].observed == 12.0
    assert found[DAY].evidence["factor"] == pytest.approx(10, rel=1e-3)
    assert found[DAY].evidence["symbols"][:2] == ["S000", "S001"]


def test_the_vendors_contradictions_are_found_where_they_are_not_usual() -> None:
    many = [(day, "bars_without_listing", 40, ["X"]) for day in DAYS]
    assert market(notes=many) == [], "that many are there every day"
    [found] = market(notes=[(DAY, "listing_without_bars", 40, ["X", "Y"])])
    assert (found.check, found.date, found.observed) == ("listing_without_bars", DAY, 40.0)
    assert market(notes=[(DAY, "listing_without_bars", 9, ["X"])]) == []


def test_splits_listed_twice_and_splits_that_the_tape_does_not_show() -> None:
    twice = [(1, "S001", DAY, 2.0, 20.0, 10.0), (1, "S001", DAYS[32], 2.0, 10.0, 10.1)]
    [found] = market(seen=twice)
    assert (found.check, found.date, found.evidence["symbols"]) == ("duplicate_split", DAYS[32], ["S001"])
    unseen = [(n, f"S{n:03}", DAY, 4.0, 20.0, 20.2) for n in range(3)]
    shown = (9, "S009", DAY, 4.0, 20.0, 5.1)
    [found] = market(seen=[*unseen, shown])
    assert (found.check, found.evidence["symbols"]) == ("unseen_split", ["S000", "S001", "S002"])
    assert market(seen=unseen[:2]) == [], "a single one is its symbol's"


def test_every_check_is_in_the_docs(checkout: Any) -> None:
    checks = (checkout / "docs" / "checks.md").read_text()
    names = {
        "copied_closes": "copied_bar", "closed_day": "unexpected_session",
    }  # fmt: skip
    for check in MARKET_CHECKS:
        assert f"`{names.get(check.__name__, check.__name__)}`" in checks
