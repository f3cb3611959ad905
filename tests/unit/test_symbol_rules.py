"""Universes and equity types by rules."""

from tickstock_automation.symbols.equity_types import equity_type_for
from tickstock_automation.symbols.universes import universes_of
from tickstock_automation.vendor.client import Listing

RULES = {
    "etfs": {"type": ["ETF"]},
    "nasdaq stocks": {"type": ["CS"], "exchange": ["XNAS"]},
    "reits": {"name_words": ["REIT"]},
    "mine": {"tickers": ["AAPL", "SPY"]},
    "typo": {"tpye": ["CS"]},
    "empty": {},
}


def test_all_words_of_a_rule_must_hold_and_unknown_ones_take_nothing() -> None:
    apple = Listing("AAPL", "Apple Inc", "CS", "XNAS")
    assert universes_of(RULES, apple) == ["mine", "nasdaq stocks"]
    assert universes_of(RULES, Listing("SPY", "S&P 500, ETF", "ETF", "ARCX")) == ["etfs", "mine"]
    assert universes_of(RULES, Listing("O", "Realty Income Reit", "CS", "XNYS")) == ["reits"]
    assert universes_of(RULES, Listing("X", "Reiterate Corp", "CS", None)) == []


def test_funds_and_notes_have_their_types_and_the_rest_is_end_of_day() -> None:
    assert [equity_type_for(kind) for kind in ("ETF", "ETN", "ETV", "CS", "WARRANT", None)] == [
        "ETF", "ETN", "ETN", "STOCK_EOD", "STOCK_EOD", "STOCK_EOD",
    ]  # fmt: skip
