"""Which universes a security belongs to and how it is processed, by rules that are data. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property

from tickstock_automation.symbols.rule_faults import faults
from tickstock_automation.symbols.rules import Rule, Seen, Test, compiled, plain
from tickstock_automation.symbols.sectors import sector_of

DEFAULT = "STOCK_EOD"


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a security; None is what is not. market_cap and close (of one share): US dollars."""

    ticker: str
    name: str | None = None
    type: str | None = None
    exchange: str | None = None
    market_cap: float | None = None
    sic_code: str | None = None
    list_date: date | None = None
    close: float | None = None


@dataclass(frozen=True)
class RuleSet:
    """The rules of all universes by name, and those of the equity types in their order."""

    universes: Mapping[str, Rule]
    equity_types: Sequence[tuple[str, Rule]] = ()

    def universes_of(self, facts: Facts, day: date) -> list[str]:
        """The names of the universes whose rules take it on `day`, in order."""
        seen = _seen(facts, day)
        if facts.type not in self._by_type:
            self._by_type[facts.type] = _for_type(self.universes, facts.type)
        return [name for name, test in self._by_type[facts.type] if test(seen)]

    def equity_type_of(self, facts: Facts, day: date) -> str:
        """The equity type of the first rule that takes it on `day`, else `STOCK_EOD`."""
        seen = _seen(facts, day)
        return next((name for name, test in self._equity_types if test(seen)), DEFAULT)

    # Made once, and for each vendor's type only those that do not name others: a scan asks them of ten thousand securities.
    @cached_property
    def _by_type(self) -> dict[str | None, list[tuple[str, Test]]]:
        return {}

    @cached_property
    def _equity_types(self) -> list[tuple[str, Test]]:
        return [(name, compiled(rule)) for name, rule in self.equity_types]


def _for_type(rules: Mapping[str, Rule], vendor_type: str | None) -> list[tuple[str, Test]]:
    """The rules that can take a security of this type, with what they ask besides it."""
    found = []
    for name, rule in sorted(rules.items()):
        types = rule.get("type") if isinstance(rule, Mapping) and len(rule) > 1 else None
        if types is None or next(faults(rule), None):
            found.append((name, compiled(rule)))
        elif vendor_type in types:
            found.append((name, compiled({word: rule[word] for word in rule if word != "type"})))
    return found


def _seen(facts: Facts, day: date) -> Seen:
    sic = int(facts.sic_code) if facts.sic_code and facts.sic_code.isdecimal() else None
    return Seen(
        ticker=facts.ticker,
        words=plain(facts.name) if facts.name else None,
        type=facts.type,
        exchange=facts.exchange,
        market_cap=facts.market_cap,
        close=facts.close,
        sic=sic,
        sector=None if sic is None else sector_of(sic),
        age=None if facts.list_date is None else (day - facts.list_date).days,
    )
