"""What becomes of a security's universes and equity type under the rules. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from tickstock_automation.symbols.universes import Facts, RuleSet


@dataclass(frozen=True, slots=True)
class Standing:
    """A security as it stands. `included`, `excluded`: the universes a person put it into or out of."""

    symbol_id: int
    facts: Facts
    equity_type: str
    universes: frozenset[str] = frozenset()
    included: frozenset[str] = frozenset()
    excluded: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Reassigned:
    """A security that changes: its universes (names, in order) and equity type before and after."""

    symbol_id: int
    ticker: str
    old_universes: tuple[str, ...]
    new_universes: tuple[str, ...]
    old_type: str
    new_type: str

    @property
    def joined(self) -> list[str]:
        """The universes it comes into."""
        return [name for name in self.new_universes if name not in self.old_universes]

    @property
    def left(self) -> list[str]:
        """The universes it goes out of."""
        return [name for name in self.old_universes if name not in self.new_universes]


def assign(
    one: Standing, rules: RuleSet, day: date, *, equity_types: bool = False, only: str | None = None
) -> Reassigned | None:
    """What changes for it on `day`, None where nothing does; `only`: looks at this universe alone.

    A person's choice outweighs every rule. The equity type stays unless `equity_types`: how a stock is processed must not flip with each close around a limit.
    """
    universes = (frozenset(rules.universes_of(one.facts, day)) | one.included) - one.excluded
    if only is not None:
        universes = (one.universes - {only}) | (universes & {only})
    equity_type = rules.equity_type_of(one.facts, day) if equity_types else one.equity_type
    if universes == one.universes and equity_type == one.equity_type:
        return None
    old, new = tuple(sorted(one.universes)), tuple(sorted(universes))
    return Reassigned(one.symbol_id, one.facts.ticker, old, new, one.equity_type, equity_type)
