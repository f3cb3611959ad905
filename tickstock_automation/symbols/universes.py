"""Which universes a security belongs to, by rules that are data. Pure.

A rule is an object; all of its words must hold, and one it does not have does not matter:
`type`, `exchange`, `tickers`: the value is in the list; `name_words`: one of them is a word of the name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tickstock_automation.vendor.client import Listing


def matches(rule: Mapping[str, Any], listing: Listing) -> bool:
    """Whether a rule takes a security. A word this code does not know takes nothing: a typo must not fill a universe."""
    if not rule:
        return False
    name_words = set((listing.name or "").upper().replace(",", " ").split())
    known = {
        "type": lambda wanted: listing.type in wanted,
        "exchange": lambda wanted: listing.exchange in wanted,
        "tickers": lambda wanted: listing.ticker in wanted,
        "name_words": lambda wanted: not name_words.isdisjoint(word.upper() for word in wanted),
    }
    return all(word in known and known[word](wanted) for word, wanted in rule.items())


def universes_of(rules: Mapping[str, Mapping[str, Any]], listing: Listing) -> list[str]:
    """The names of the universes whose rules take it, in order."""
    return sorted(name for name, rule in rules.items() if matches(rule, listing))
