"""Rules over what is known of a security, as data: what their words mean. Pure.

A rule is a mapping, and all its words must hold. An answer is yes, no or unknown (None): unknown where the field is not
known, and where a word is none of these or cannot be understood, so that a typo fills no universe. `not` of unknown is
unknown, `any` is yes where one of its rules is, and an empty rule is unknown. Only yes takes a security.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from tickstock_automation.symbols.rule_faults import CHECKS, SIC

Rule = Mapping[str, Any]
NOT_IN_WORDS = re.compile(r"[^A-Z0-9&]+")


@dataclass(frozen=True, slots=True)
class Seen:
    """A security as the rules look at it on one day; None is what is not known.

    words: its name as `plain` gives it. market_cap, close: US dollars. age: calendar days since it was listed.
    """

    ticker: str
    words: str | None
    type: str | None
    exchange: str | None
    market_cap: float | None
    close: float | None
    sic: int | None
    sector: str | None
    age: int | None


Answer = bool | None
Test = Callable[[Seen], Answer]


def plain(name: str) -> str:
    """A name's words between single blanks: `Acme U.S. (REIT), Inc.` is ` ACME US REIT INC `."""
    return f" {NOT_IN_WORDS.sub(' ', name.upper().replace('.', '')).strip()} "


def compiled(rule: Any) -> Test:
    """What a rule asks, made once so that it is asked quickly."""
    if not isinstance(rule, Mapping) or not rule:
        return _unknown
    tests = [_test(word, rule[word]) for word in MAKERS if word in rule]  # in this order, whatever the rule's own
    if len(tests) < len(rule):
        tests.append(_unknown)
    return tests[0] if len(tests) == 1 else _all(tuple(tests))


def _test(word: str, value: Any) -> Test:
    # of rules in a rule, each is unknown by itself
    if word not in ("any", "not") and any(CHECKS[word](value, ())):
        return _unknown
    return MAKERS[word](value)


def _unknown(_seen: Seen) -> Answer:
    return None


def _all(tests: tuple[Test, ...]) -> Test:
    def ask(seen: Seen) -> Answer:
        answer: Answer = True
        for test in tests:
            found = test(seen)
            if found is False:
                return False
            if found is None:
                answer = None
        return answer

    return ask


def _any(rules: Any) -> Test:
    if not isinstance(rules, list) or not rules:
        return _unknown
    tests = tuple(compiled(rule) for rule in rules)

    def ask(seen: Seen) -> Answer:
        answer: Answer = False
        for test in tests:
            found = test(seen)
            if found:
                return True
            if found is None:
                answer = None
        return answer

    return ask


def _not(rule: Any) -> Test:
    test = compiled(rule)
    return lambda seen: None if (found := test(seen)) is None else not found


def _among(field: str) -> Callable[[Any], Test]:
    read = attrgetter(field)

    def make(wanted: list[str]) -> Test:
        values = frozenset(wanted)
        return lambda seen: None if (value := read(seen)) is None else value in values

    return make


def _between(field: str) -> Callable[[Any], Test]:
    read = attrgetter(field)

    def make(bounds: Mapping[str, float]) -> Test:
        least, below = bounds.get("min", -math.inf), bounds.get("max", math.inf)
        return lambda seen: None if (value := read(seen)) is None else least <= value < below

    return make


def _sic(wanted: list[str | int]) -> Test:
    found = [SIC.fullmatch(str(one)) for one in wanted]
    codes = frozenset(code for one in found if one for code in range(int(one[1]), int(one[2] or one[1]) + 1))
    return lambda seen: None if seen.sic is None else seen.sic in codes


def _tickers(wanted: list[str]) -> Test:
    whole = frozenset(wanted)
    begins = tuple(one[:-1] for one in wanted if one.endswith("*"))
    return lambda seen: seen.ticker in whole or seen.ticker.startswith(begins)


def _name_words(wanted: list[str]) -> Test:
    phrase = re.compile("|".join(re.escape(plain(one)) for one in wanted))
    return lambda seen: None if seen.words is None else phrase.search(seen.words) is not None


def _name_without(wanted: list[str]) -> Test:
    return _not({"name_words": wanted})


def _listed_within(days: int) -> Test:
    return lambda seen: None if seen.age is None else 0 <= seen.age <= days


def _listed_before(days: int) -> Test:
    return lambda seen: None if seen.age is None else seen.age > days


# The quick ones first: the first no ends a rule.
MAKERS: dict[str, Callable[[Any], Test]] = {
    "type": _among("type"),
    "exchange": _among("exchange"),
    "sector": _among("sector"),
    "sic": _sic,
    "market_cap": _between("market_cap"),
    "close": _between("close"),
    "listed_within_days": _listed_within,
    "listed_before_days": _listed_before,
    "tickers": _tickers,
    "name_words": _name_words,
    "name_without": _name_without,
    "any": _any,
    "not": _not,
}
