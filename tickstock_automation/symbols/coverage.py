"""Whether a listing holds enough of what is known to be believed where it is silent. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from tickstock_automation.symbols.identity import Stored

FEW = 5
"""Of one exchange or type so many must lack before their share counts: one of eight warrants that ends is no fault."""


@dataclass(frozen=True)
class Thin:
    """A group of which too much lacks: `all`, or an exchange, or a type."""

    group: str
    known: int
    listed: int

    @property
    def share(self) -> float:
        return self.listed / self.known

    def __str__(self) -> str:
        return f"{self.group}: {self.listed} of {self.known} ({self.share:.1%})"


def thin_groups(known: Collection[Stored], gone: Collection[int], minimum: float) -> tuple[Thin, ...]:
    """The groups whose share in the listing is under `minimum`, all of them first; none where the listing is to be believed."""
    found = [Thin("all", len(known), len(known) - len(gone))] if known else []
    for name in ("exchange", "type"):
        in_all = _count(getattr(one, name) for one in known)
        lacking = _count(getattr(one, name) for one in known if one.id in gone)
        found += [
            Thin(f"{name} {of}", in_all[of], in_all[of] - lack) for of, lack in sorted(lacking.items()) if lack >= FEW
        ]
    return tuple(one for one in found if one.share < minimum)


def _count(values: Iterable[str | None]) -> Counter[str]:
    return Counter(value for value in values if value)
