"""What is wrong with a rule, and where in it. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tickstock_automation.symbols.sectors import SECTORS

Path = tuple[str | int, ...]

TICKER = re.compile(r"[A-Za-z0-9][A-Za-z0-9.]*\*?")
SIC = re.compile(r"(\d{4})(?:-(\d{4}))?")
IN_NAME = re.compile(r"[A-Za-z0-9&]")


@dataclass(frozen=True)
class Fault:
    """`path`: the keys and places that lead to it."""

    path: Path
    reason: str


Check = Callable[[Any, Path], Iterator[Fault]]


def faults(rule: Any, path: Path = ()) -> Iterator[Fault]:
    """All that is wrong with a rule."""
    if not isinstance(rule, Mapping):
        yield Fault(path, "a rule is a mapping of words")
        return
    if not rule:
        yield Fault(path, "an empty rule takes nothing")
    for word, value in rule.items():
        if word in CHECKS:
            yield from CHECKS[word](value, (*path, word))
        else:
            yield Fault((*path, word), f"{word!r} is no word of a rule; there are {', '.join(CHECKS)}")


def _list_of(good: Callable[[Any], bool], what: str) -> Check:
    def check(value: Any, path: Path) -> Iterator[Fault]:
        if not isinstance(value, list) or not value:
            yield Fault(path, f"wants a list of {what}")
            return
        for at, one in enumerate(value):
            if not good(one):
                yield Fault((*path, at), f"{one!r} is none of {what}")

    return check


def _amounts(value: Any, path: Path) -> Iterator[Fault]:
    if not isinstance(value, Mapping) or not value:
        yield Fault(path, "wants min, max or both, as {min: 5, max: 10}")
        return
    for end, amount in value.items():
        if end not in ("min", "max"):
            yield Fault((*path, end), f"{end!r} is neither min nor max")
        elif not _is_amount(amount):
            yield Fault((*path, end), f"{amount!r} is no amount of US dollars, as 2_000_000_000 or 4.99")
    if all(_is_amount(value.get(end)) for end in ("min", "max")) and value["min"] >= value["max"]:
        yield Fault(path, f"min {value['min']} is not below max {value['max']}")


def _days(value: Any, path: Path) -> Iterator[Fault]:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        yield Fault(path, f"{value!r} is no number of days")


def _rules(value: Any, path: Path) -> Iterator[Fault]:
    if not isinstance(value, list) or not value:
        yield Fault(path, "wants a list of rules")
        return
    for at, rule in enumerate(value):
        yield from faults(rule, (*path, at))


def _is_amount(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < math.inf


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_sic(value: Any) -> bool:
    found = SIC.fullmatch(str(value)) if isinstance(value, int | str) else None
    return found is not None and (found[2] is None or found[1] <= found[2])


CHECKS: dict[str, Check] = {
    "type": _list_of(_is_text, "the vendor's types (CS, ETF, ...)"),
    "exchange": _list_of(_is_text, "MICs (XNYS, XNAS, ...)"),
    "sector": _list_of(lambda one: one in SECTORS, f"the sectors {', '.join(SECTORS)}"),
    "sic": _list_of(_is_sic, "SIC codes of four digits (quoted: '0100') or ranges of them (6000-6799)"),
    "market_cap": _amounts,
    "close": _amounts,
    "listed_within_days": _days,
    "listed_before_days": _days,
    "tickers": _list_of(
        lambda one: isinstance(one, str) and TICKER.fullmatch(one) is not None,
        "tickers (a * at the end of one stands for any rest)",
    ),
    "name_words": _list_of(lambda one: _is_text(one) and IN_NAME.search(one) is not None, "words of a name"),
    "name_without": _list_of(lambda one: _is_text(one) and IN_NAME.search(one) is not None, "words of a name"),
    "any": _rules,
    "not": faults,
}
