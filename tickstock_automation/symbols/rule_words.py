"""A rule as a person reads it. Pure."""

from __future__ import annotations

from typing import Any

from tickstock_automation.symbols.rule_faults import CHECKS, faults
from tickstock_automation.symbols.rules import Rule

SAYS = {
    "type": "type",
    "exchange": "listed on",
    "sector": "sector",
    "sic": "SIC",
    "market_cap": "market cap",
    "close": "close",
    "tickers": "ticker",
    "name_words": "name with",
    "name_without": "name without",
}
UNITS = ((1e12, "tn"), (1e9, "bn"), (1e6, "m"))


def in_words(rule: Rule) -> str:
    """`type CS or ADRC, market cap from $10bn to below $200bn`; of a faulty one, what is wrong with it."""
    if rule and (wrong := next(faults(rule), None)):
        return f"never: {wrong.reason}"
    # in one order, whatever the table made of it
    return ", ".join(_says(word, rule[word]) for word in CHECKS if word in rule) or "by hand only"


def _says(word: str, value: Any) -> str:
    if word == "not":
        return f"not ({in_words(value)})"
    if word == "any":
        return " or ".join(f"({in_words(one)})" for one in value)
    if word == "listed_within_days":
        return f"listed within {value} days"
    if word == "listed_before_days":
        return f"listed more than {value} days ago"
    if isinstance(value, list):
        return f"{SAYS.get(word, word)} {' or '.join(map(str, value))}"
    if word in ("market_cap", "close"):
        least = f" from {_dollars(value['min'])}" if "min" in value else ""
        below = f" {'to ' if least else ''}below {_dollars(value['max'])}" if "max" in value else ""
        return f"{SAYS[word]}{least}{below}"
    return f"{word} {value}"


def _dollars(amount: float) -> str:
    for unit, name in UNITS:
        if amount >= unit:
            return f"${amount / unit:g}{name}"
    return f"${amount:g}"
