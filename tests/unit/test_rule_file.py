"""A file of rules is taken as a whole, or refused with every fault and its line."""

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tickstock_automation.errors import UsedWrongly
from tickstock_automation.symbols.rule_file import default_rules, parse_rules
from tickstock_automation.symbols.rule_words import in_words
from tickstock_automation.symbols.sectors import SECTORS

GOOD = """\
universes:
  mine:
    description: What I watch
  cheap:
    description: Cheap ones
    rule:
      type: [CS]
      close: {max: 5}
equity_types:
  - equity_type: ETF
    rule: {type: [ETF]}
"""
BAD = """\
universes:
  Cheap ones:
    description: Cheap
    rule: {type: [CS]}
  cheap:
    rule:
      tpye: [CS]
      close: {min: 5, max: 4}
      market_cap: {min: 10e9, maximum: 1}
      any:
        - {type: CS}
        - not: {sic: [0100, '67']}
      close: {max: 5}
  cheap:
    description: Again
  date:
    description: 2025-01-01
    rule: {listed_within_days: soon, sector: [tech], extra: 1}
    color: red
equity_types:
  - {equity_type: NONE_SUCH, rule: {type: [ETF]}}
  - {equity_type: ETF}
rules: []
"""


def refused(text: str | bytes) -> list[str]:
    with pytest.raises(UsedWrongly) as error:
        parse_rules(text, "my.yaml", ["ETF"])
    return [line.strip() for line in str(error.value).splitlines()[1:]]


def test_a_good_file_gives_rules_and_descriptions() -> None:
    found = parse_rules(GOOD, "my.yaml", ["ETF"])
    assert found.rules.universes == {"mine": {}, "cheap": {"type": ["CS"], "close": {"max": 5}}}
    assert found.rules.equity_types == [("ETF", {"type": ["ETF"]})]
    assert found.descriptions == {"mine": "What I watch", "cheap": "Cheap ones"}
    assert in_words(found.rules.universes["cheap"]) == "type CS, close below $5"
    assert in_words(found.rules.universes["mine"]) == "by hand only"


def test_a_ticker_that_yaml_takes_for_a_truth_is_a_ticker() -> None:
    found = parse_rules(GOOD.replace("type: [CS]", "tickers: [ON, NO, Y, TRUE]"), "my.yaml").rules.universes["cheap"]
    assert found["tickers"] == ["ON", "NO", "Y", "TRUE"]


def test_every_fault_is_told_with_its_line_and_reason() -> None:
    told = refused(BAD)
    expected = [
        ("2", "universes.Cheap ones: a name is of a-z"),
        ("5", "universes.cheap.description: wants a sentence"),
        ("7", "universes.cheap.rule.tpye: 'tpye' is no word of a rule; there are type, exchange"),
        ("8", "universes.cheap.rule.close: min 5 is not below max 4"),
        ("9", "universes.cheap.rule.market_cap.maximum: 'maximum' is neither min nor max"),
        ("9", "universes.cheap.rule.market_cap.min: '10e9' is no amount of US dollars, as 2_000_000_000"),
        ("11", "universes.cheap.rule.any.0.type: wants a list"),
        ("12", "universes.cheap.rule.any.1.not.sic.0: 64 is none of SIC codes of four digits (quoted: '0100')"),
        ("12", "universes.cheap.rule.any.1.not.sic.1: '67' is none of"),
        ("13", "universes.cheap.rule.close: stands here a second time"),
        ("14", "universes.cheap: stands here a second time"),
        ("17", "universes.date.description: is read as timestamp: put text in quotes"),
        ("18", "universes.date.rule.extra: 'extra' is no word"),
        ("18", "universes.date.rule.listed_within_days: 'soon' is no number of days"),
        ("18", "universes.date.rule.sector.0: 'tech' is none of the sectors"),
        ("19", "universes.date.color: is neither description nor rule"),
        ("21", "equity_types.0.equity_type: NONE_SUCH is no equity type; there are ETF"),
        ("22", "equity_types.1.rule: a rule is a mapping of words"),
        ("23", "rules: is neither universes nor equity_types"),
    ]
    for line, (number, reason) in zip(told, expected, strict=True):
        assert line.startswith(f"my.yaml:{number}: {reason}")


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("", 1, "is no mapping"),
        ("- a", 1, "is no mapping"),
        ("universes: {}\nequity_types: []", 1, "universes: wants a mapping of names"),
        (GOOD.partition("equity_types")[0], 1, "equity_types: wants a list of equity_type and rule, [] for none"),
        ("universes:\n  a: [", 2, "is no YAML"),
        ("universes:\n\ta: 1", 2, "is no YAML"),
        (b"universes: \xff\xfe\x00", 1, "is no YAML"),
        ("a: &a [1]\nuniverses: *a", 2, "*a: an alias is not taken, write it out"),
        ("universes: " + "[" * 5000, 1, "is nested more than 32 deep"),
        ("universes: !!python/object:os.system x", 1, "universes: is read as"),
        ("universes: !!int x", 1, "universes: is read as int: put text in quotes"),
        (GOOD + "---\n" + GOOD, 12, "is no YAML"),
    ],
)  # fmt: skip
def test_what_is_no_file_of_rules_is_refused_in_words(text: str | bytes, line: int, reason: str) -> None:
    assert any(one.startswith(f"my.yaml:{line}: ") and reason in one for one in refused(text)), refused(text)


names = st.from_regex(r"[a-z][a-z0-9_-]{0,8}", fullmatch=True)
texts = st.text(st.characters(codec="ascii", exclude_categories=["C"]), min_size=1, max_size=8).filter(str.strip)
amounts = st.integers(0, 10**13) | st.floats(0, 1e13, allow_nan=False)
bounds = st.one_of(
    st.fixed_dictionaries({"min": amounts}),
    st.fixed_dictionaries({"max": amounts}),
    st.tuples(amounts, amounts)
    .filter(lambda two: two[0] != two[1])
    .map(lambda two: {"min": min(two), "max": max(two)}),
)
plain_rules = st.fixed_dictionaries({}, optional={
    "type": st.lists(texts, min_size=1), "exchange": st.lists(texts, min_size=1), "market_cap": bounds, "close": bounds,
    "sic": st.lists(st.integers(1000, 9999) | st.just("0100-0999"), min_size=1), "listed_within_days": st.integers(0, 9999),
    "sector": st.lists(st.sampled_from(SECTORS), min_size=1), "listed_before_days": st.integers(0, 9999),
    "tickers": st.lists(st.from_regex(r"[A-Z]{1,5}(\.[A-Z])?\*?", fullmatch=True), min_size=1),
    "name_words": st.lists(st.from_regex(r"[A-Z]{1,8}( [A-Z]+)?", fullmatch=True), min_size=1),
}).filter(bool)  # fmt: skip
rules = st.recursive(
    plain_rules, lambda inner: st.fixed_dictionaries({"any": st.lists(inner, min_size=1, max_size=3)}) | st.fixed_dictionaries({"not": inner}),
    max_leaves=4,
)  # fmt: skip


@given(
    st.dictionaries(names, st.tuples(texts, rules), min_size=1, max_size=4),
    st.lists(st.tuples(texts, rules), max_size=3),
)
def test_what_is_written_is_read_back(universes: dict[str, Any], types: list[Any]) -> None:
    content = {
        "universes": {name: {"description": said, "rule": rule} for name, (said, rule) in universes.items()},
        "equity_types": [{"equity_type": name, "rule": rule} for name, rule in types],
    }
    found = parse_rules(yaml.safe_dump(content, default_flow_style=None), "written.yaml")
    assert found.rules.universes == {name: rule for name, (_, rule) in universes.items()}
    assert found.rules.equity_types == types
    assert found.descriptions == {name: said for name, (said, _) in universes.items()}


def test_the_shipped_rules_are_without_fault_and_keep_the_first_names() -> None:
    found = default_rules().rules
    assert {"stocks", "etfs", "notes", "nasdaq", "nyse", "reits"} <= found.universes.keys()
    assert all(in_words(rule) for rule in found.universes.values())
