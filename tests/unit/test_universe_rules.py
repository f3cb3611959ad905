"""Rules: what each word takes, what is unknown, and that a typo fills nothing."""

import time
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tickstock_automation.symbols.assignment import Reassigned, Standing, assign
from tickstock_automation.symbols.rule_faults import CHECKS
from tickstock_automation.symbols.rule_file import default_rules
from tickstock_automation.symbols.rule_words import in_words
from tickstock_automation.symbols.rules import MAKERS, Rule, plain
from tickstock_automation.symbols.sectors import RANGES, SECTORS, sector_of
from tickstock_automation.symbols.universes import Facts, RuleSet

DAY = date(2025, 3, 4)
KNOWN = Facts("REI.A", "Acme U.S. (REIT), Inc.", "CS", "XNYS", 2e9, "6798", DAY - timedelta(days=90), 5.0)
NOTHING_KNOWN = Facts("WHO")

YES: list[Rule] = [
    {"type": ["ETF", "CS"]},
    {"exchange": ["XNYS"]},
    {"tickers": ["X", "REI.A"]},
    {"tickers": ["REI*"]},
    {"market_cap": {"min": 2_000_000_000}},
    {"market_cap": {"min": 1e9, "max": 3e9}},
    {"close": {"min": 5, "max": 5.01}},
    {"sic": [6798]},
    {"sic": ["0100", "6000-6799"]},
    {"sector": ["finance"]},
    {"name_words": ["REALTY", "reit"]},
    {"name_words": ["Acme U.S."]},
    {"name_without": ["ACM", "EIT", "INC REIT"]},
    {"listed_within_days": 90},
    {"listed_before_days": 89},
    {"any": [{"type": ["ETF"]}, {"exchange": ["XNYS"], "type": ["CS"]}]},
    {"not": {"type": ["ETF"]}},
    {"not": {"not": {"type": ["CS"]}}},
]
NO: list[Rule] = [
    {"type": ["ETF"]},
    {"type": ["CS"], "exchange": ["XNAS"]},
    {"tickers": ["REI", "REI.B*"]},
    {"market_cap": {"max": 2_000_000_000}},
    {"close": {"max": 5}},
    {"sic": ["6799"]},
    {"sector": ["other", "energy"]},
    {"name_words": ["RE", "INC REIT"]},
    {"name_without": ["INC"]},
    {"listed_within_days": 89},
    {"listed_before_days": 90},
    {"any": [{"type": ["ETF"]}, {"exchange": ["XNAS"]}]},
    {"not": {"type": ["CS"], "exchange": ["XNYS"]}},
]
UNKNOWN: list[Any] = [
    {},
    {"tpye": ["CS"]},
    {"type": ["CS"], "tpye": ["CS"]},
    {"type": "CS"},
    {"type": []},
    {"market_cap": {"mni": 1}},
    {"close": {"min": 5, "max": 4}},
    {"sic": ["67"]},
    {"sector": ["tech"]},
    {"any": []},
    {"any": [{}, {"type": ["ETF"]}]},
    {"not": {}},
    {"not": {"tpye": ["CS"]}},
    ["type"],
]


def takes(rule: Any, facts: Facts = KNOWN) -> bool:
    return RuleSet({"it": rule}).universes_of(facts, DAY) == ["it"]


@pytest.mark.parametrize("rule", YES, ids=in_words)
def test_a_rule_that_holds_takes_it_and_its_opposite_does_not(rule: Rule) -> None:
    assert takes(rule)
    assert not takes({"not": rule})


@pytest.mark.parametrize("rule", NO, ids=in_words)
def test_a_rule_that_does_not_hold_leaves_it_and_its_opposite_takes_it(rule: Rule) -> None:
    assert not takes(rule)
    assert takes({"not": rule})


@pytest.mark.parametrize("rule", UNKNOWN, ids=str)
def test_a_typo_and_an_empty_rule_take_nothing_nor_does_their_opposite(rule: Any) -> None:
    assert not takes(rule)
    assert not takes({"not": rule})


@pytest.mark.parametrize("rule", [one for one in YES + NO if "tickers" not in one], ids=in_words)
def test_what_is_not_known_matches_no_word_nor_its_opposite(rule: Rule) -> None:
    assert not takes(rule, NOTHING_KNOWN)
    assert not takes({"not": rule}, NOTHING_KNOWN)


def test_one_known_branch_is_enough_and_one_no_outweighs_what_is_unknown() -> None:
    half = replace(NOTHING_KNOWN, type="CS")
    assert takes({"any": [{"close": {"max": 5}}, {"type": ["CS"]}]}, half)
    assert takes({"not": {"type": ["ETF"], "close": {"max": 5}}}, half)
    assert not takes({"not": {"type": ["CS"], "close": {"max": 5}}}, half)


def test_a_security_is_recent_from_its_first_day_and_not_before() -> None:
    def age(days: int) -> Facts:
        return replace(KNOWN, list_date=DAY - timedelta(days=days))

    assert [days for days in (-1, 0, 5, 6) if takes({"listed_within_days": 5}, age(days))] == [0, 5]
    assert [days for days in (-1, 0, 5, 6) if takes({"listed_before_days": 5}, age(days))] == [6]


def test_the_words_of_a_name_are_whole_ones() -> None:
    assert plain("Acme U.S. (REIT), Inc.") == " ACME US REIT INC "
    assert plain("S&P 500 T-Bill 1.5X") == " S&P 500 T BILL 15X "
    assert not takes({"name_words": ["REIT"]}, replace(KNOWN, name="Reiterate Corp"))


def test_the_order_of_rules_and_words_does_not_matter_to_universes_and_the_first_equity_type_wins() -> None:
    rules: dict[str, Rule] = {"b": {"type": ["CS"]}, "a": {"exchange": ["XNYS"], "type": ["CS"]}, "no": {"type": ["X"]}}
    backwards = {name: dict(reversed(list(rule.items()))) for name, rule in reversed(list(rules.items()))}
    assert RuleSet(rules).universes_of(KNOWN, DAY) == RuleSet(backwards).universes_of(KNOWN, DAY) == ["a", "b"]
    types: list[tuple[str, Rule]] = [("ETF", {"type": ["ETF"]}), ("ONE", {"type": ["CS"]}), ("TWO", {"type": ["CS"]})]
    assert RuleSet({}, types).equity_type_of(KNOWN, DAY) == "ONE"
    assert RuleSet({}, types[::-1]).equity_type_of(KNOWN, DAY) == "TWO"
    assert RuleSet({}, types).equity_type_of(NOTHING_KNOWN, DAY) == "STOCK_EOD"


def test_every_word_has_a_meaning_and_a_check() -> None:
    assert set(MAKERS) == set(CHECKS)


def test_no_sic_code_is_in_two_sectors() -> None:
    spans = sorted(span for spans in RANGES.values() for span in spans)
    assert all(first <= last for first, last in spans)
    assert all(one[1] < other[0] for one, other in pairwise(spans))
    assert {sector_of(code) for code in range(10_000)} == set(SECTORS)


@given(st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*CHECKS, "min", "max", "x"]), inner, max_size=3),
    max_leaves=12,
))  # fmt: skip
def test_whatever_stands_in_the_table_is_answered(rule: Any) -> None:
    for facts in (KNOWN, NOTHING_KNOWN):
        assert not (takes(rule, facts) and takes({"not": rule}, facts))


def test_a_persons_choice_outweighs_the_rules() -> None:
    rules = RuleSet({"a": {"type": ["CS"]}, "b": {"type": ["ETF"]}}, [("PENNY_STOCK", {"close": {"max": 6}})])
    stands = Standing(7, KNOWN, "STOCK_EOD", frozenset({"a"}), included=frozenset({"b"}), excluded=frozenset({"a"}))
    assert assign(stands, rules, DAY) == Reassigned(7, "REI.A", ("a",), ("b",), "STOCK_EOD", "STOCK_EOD")
    assert assign(stands, rules, DAY, only="b") == Reassigned(7, "REI.A", ("a",), ("a", "b"), "STOCK_EOD", "STOCK_EOD")
    retyped = assign(replace(stands, universes=frozenset({"b"})), rules, DAY, equity_types=True)
    assert retyped == Reassigned(7, "REI.A", ("b",), ("b",), "STOCK_EOD", "PENNY_STOCK")
    assert assign(replace(stands, universes=frozenset({"b"})), rules, DAY) is None


def test_ten_thousand_securities_are_not_asked_slowly() -> None:
    rules, many = default_rules().rules, [replace(KNOWN, ticker=f"T{number}") for number in range(10_000)]
    rules.universes_of(KNOWN, DAY)
    started = time.process_time()
    for facts in many:
        rules.universes_of(facts, DAY)
    assert time.process_time() - started < 2, "0.2 s here"
