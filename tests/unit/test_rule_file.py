"""A file of rules is taken as a whole, or refused with every fault and its line."""

import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given
from hypothesis import settings as trying
from hypothesis import strategies as st

from tickstock_automation.errors import UsedWrongly
from tickstock_automation.symbols.rule_faults import CHECKS
from tickstock_automation.symbols.rule_file import default_rules, parse_rules
from tickstock_automation.symbols.rule_words import in_words
from tickstock_automation.symbols.sectors import RANGES, SECTORS
from tickstock_automation.symbols.universes import Facts

DAY = date(2025, 3, 4)

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


@trying(suppress_health_check=[HealthCheck.too_slow])  # a busy machine draws slowly
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


# Names as the Nasdaq Trader symbol directory had them in August and October 2025, and the themes they say.
FUNDS = {
    "Direxion Daily Gold Miners Index Bull 2XShares": {"metals", "leveraged"},
    "ETF Opportunities Trust T-Rex 2X Inverse NVIDIA Daily Target ETF": {"leveraged", "inverse"},
    "ProShares UltraShort MSCI Brazil Capped": {"leveraged", "inverse", "emerging"},
    "ProShares Short QQQ": {"inverse"},
    "ProShares Ultra Dow30": {"leveraged"},
    "ETRACS Quarterly Pay 1.5X Leveraged Alerian MLP Index ETN": {"leveraged", "energy"},
    "PIMCO 25  Year Zero Coupon U.S. Treasury Index Exchange-Traded Fund": {"bond"},
    "NEOS Enhanced Income 1-3 Month T-Bill ETF": {"bond"},
    "PGIM Ultra Short Municipal Bond ETF": {"bond"},
    "VanEck China Bond ETF": {"bond", "china", "emerging"},
    "Dimensional ETF Trust Dimensional Emerging Markets ex China Core Equity ETF": {"emerging"},
    "Xtrackers Harvest CSI 300 China A-Shares ETF": {"china", "emerging"},
    "ProShares S&P 500 Dividend Aristocrats ETF": {"dividend"},
    "iShares Future AI & Tech ETF": {"technology"},
    "ARK Genomic Revolution ETF": {"healthcare"},
    "Davis Fundamental ETF Trust Davis Select Financial ETF": {"financial"},
    "Bank Of Montreal MAX Auto Industry -3x Inverse Leveraged ETN": {"leveraged", "inverse"},
    "Invesco DB Oil Fund": {"energy", "commodity"},
    "Teucrium Sugar Fund ETV": {"commodity"},
    "Sprott Physical Gold and Silver Trust Units": {"metals"},
    "Grayscale Bitcoin Miners ETF": {"crypto"},
    "Invesco Galaxy Ethereum ETF": {"crypto"},
    "Global X Funds Global X Bitcoin Covered Call ETF": {"crypto", "covered_call"},
    "Tidal Trust II YieldMax TSLA Option Income Strategy ETF": {"covered_call"},
    "Invesco Active U.S. Real Estate Fund": {"real_estate"},
    "FT Vest U.S. Equity Deep Buffer ETF - August": {"buffer"},
    "Goldman Sachs Equal Weight U.S. Large Cap Equity ETF": set(),
    "Pacer US Cash Cows Growth ETF": set(),
}
TEST_TICKERS = [
    "ZVZZT", "ZWZZT", "ZXZZT", "ZXYZ.A", "ZBZX", "ZIEXT", "ATEST", "ATEST.B", "CTEST.V", "MTEST", "NTEST", "NTEST.C", "CBO",
]  # fmt: skip


@pytest.mark.parametrize("name", FUNDS)
def test_a_funds_themes_are_the_words_of_its_name(name: str) -> None:
    found = default_rules().rules.universes_of(Facts("FUND", name, "ETF"), DAY)
    assert {one.removesuffix("_etfs") for one in found if one.endswith("_etfs")} == FUNDS[name]
    assert "etfs" in found
    assert default_rules().rules.universes_of(Facts("FUND", name, "FUND"), DAY) == ["closed_end_funds"]


@pytest.mark.parametrize(
    ("market_cap", "tier"),
    [
        (0, "micro"),
        (3e8, "small"),
        (2e9, "mid"),
        (1e10, "large"),
        (199_999_999_999, "large"),
        (2e11, "mega"),
        (4e12, "mega"),
    ],
)
def test_each_stock_with_a_market_cap_is_in_one_tier(market_cap: float, tier: str) -> None:
    found = default_rules().rules.universes_of(Facts("A", type="ADRC", market_cap=market_cap), DAY)
    assert [one for one in found if one.endswith("_cap")] == [f"{tier}_cap"]
    assert default_rules().rules.universes_of(Facts("A", type="ADRC"), DAY) == ["stocks"]


def test_every_stock_with_a_sic_code_is_in_its_sector_but_for_the_rest() -> None:
    rules = default_rules().rules
    for sector in SECTORS[:-1]:
        code = str(RANGES[sector][0][0]).zfill(4)
        assert f"sector_{sector}" in rules.universes_of(Facts("A", type="CS", sic_code=code), DAY)
    assert rules.universes_of(Facts("A", type="CS", sic_code="1040"), DAY) == ["stocks"]


def test_the_kinds_of_stocks_and_what_comes_with_them() -> None:
    def universes(**known: Any) -> set[str]:
        return set(default_rules().rules.universes_of(Facts("A", **{"type": "CS", **known}), DAY)) - {"stocks"}

    assert universes(name="NNN REIT, Inc. Common Stock") == {"reits"}
    assert universes(name="Prologis", sic_code="6798") == {"reits", "sector_finance"}
    assert universes(name="Armada Acquisition Corp. III - Warrant", type="WARRANT") == {
        "spacs",
        "warrants_rights_units",
    }
    assert universes(sic_code="6770") == {"spacs", "sector_finance"}
    assert universes(close=4.99, list_date=date(2024, 12, 4)) == {"penny_stocks", "recent_ipos"}
    assert universes(close=5.0, list_date=date(2024, 12, 3)) == set()
    assert universes(close=1.0, type="PFD") == {"preferreds"}
    assert universes(exchange="XASE") == {"nyse"}


def test_equity_types_go_by_test_ticker_then_fund_then_price_then_size() -> None:
    def kind(ticker: str = "A", **known: Any) -> str:
        return default_rules().rules.equity_type_of(Facts(ticker, **known), DAY)

    assert {kind(ticker, type="CS", close=1.0) for ticker in TEST_TICKERS} == {"DEV_TESTING"}
    assert kind("NEW", name="NASDAQ TEST STOCK") == "DEV_TESTING"
    assert [kind(type=one, close=4.0) for one in ("ETF", "ETS", "ETN", "ETV", "CS")] == [
        "ETF",
        "ETF",
        "ETN",
        "ETN",
        "PENNY_STOCK",
    ]
    assert kind(type="CS", close=5.0, market_cap=2e11) == "STOCK_REALTIME"
    assert kind(type="PFD", close=25.0, market_cap=2e11) == "STOCK_EOD"
    assert kind("CBOE", type="CS") == kind() == "STOCK_EOD"


def test_the_page_tells_every_word_and_its_example_is_a_good_file(checkout: Path) -> None:
    page = (checkout / "docs" / "universes.md").read_text()
    assert set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)) == set(CHECKS)
    assert all(sector in page for sector in SECTORS)
    example = parse_rules(page.partition("```yaml\n")[2].partition("```")[0], "docs/universes.md")
    assert example.rules.universes["large_cap"] == default_rules().rules.universes["large_cap"]
