"""Who had a ticker when, as the bars need it: a bar belongs to the security that had its ticker on its day. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Alias:
    """A security's ticker from `valid_from` (None: nobody knows since when) to before `valid_to` (None: still)."""

    symbol_id: int
    ticker: str
    valid_from: date | None
    valid_to: date | None


@dataclass(frozen=True)
class Tenure:
    """A ticker that a security had on all days from `first` to `last`."""

    ticker: str
    first: date
    last: date


def tenures(aliases: Iterable[Alias]) -> dict[int, list[Tenure]]:
    """Each security's tickers, oldest first. `aliases` must hold all of every ticker in it, whoever had it.

    Before its first known ticker a security is taken to have had that one, unless another security is known to have had
    it then: bars of those days belong to that other one.
    """
    by_symbol: dict[int, list[Alias]] = {}
    by_ticker: dict[str, list[Alias]] = {}
    for alias in aliases:
        by_symbol.setdefault(alias.symbol_id, []).append(alias)
        by_ticker.setdefault(alias.ticker, []).append(alias)
    return {id_: _of_one(own, by_ticker) for id_, own in by_symbol.items()}


def _of_one(own: list[Alias], by_ticker: Mapping[str, Sequence[Alias]]) -> list[Tenure]:
    own = sorted(own, key=lambda alias: alias.valid_from or date.min)
    found = [tenure for alias in own if (tenure := _as_known(alias)).first <= tenure.last]
    first = own[0]
    if first.valid_from is not None and first.valid_from > date.min:
        others = [_as_known(alias) for alias in by_ticker[first.ticker] if alias.symbol_id != first.symbol_id]
        found = [*_without(Tenure(first.ticker, date.min, first.valid_from - DAY), others), *found]
    return found


def _as_known(alias: Alias) -> Tenure:
    last = date.max if alias.valid_to is None else alias.valid_to - DAY
    return Tenure(alias.ticker, alias.valid_from or date.min, last)


def _without(span: Tenure, taken: Iterable[Tenure]) -> list[Tenure]:
    """What is left of a span, oldest first."""
    left, begin = [], span.first
    for other in sorted(taken, key=lambda one: one.first):
        if other.last < begin or other.first > span.last:
            continue
        if other.first > begin:
            left.append(Tenure(span.ticker, begin, other.first - DAY))
        if other.last >= span.last:
            return left
        begin = other.last + DAY
    return [*left, Tenure(span.ticker, begin, span.last)]


def held_on(own: Sequence[Tenure], day: date) -> str | None:
    """The ticker that a security had on a day; None where it had none, or nobody can say."""
    return next((one.ticker for one in own if one.first <= day <= one.last), None)


def held_between(own: Sequence[Tenure], first: date, last: date) -> tuple[list[Tenure], list[tuple[date, date]]]:
    """A span cut by ticker, and the parts of it in which the security had none."""
    parts = [
        Tenure(one.ticker, max(one.first, first), min(one.last, last))
        for one in own
        if one.first <= last and one.last >= first
    ]
    nobodys, begin = [], first
    for part in parts:
        if part.first > begin:
            nobodys.append((begin, part.first - DAY))
        begin = part.last + DAY
    if begin <= last:
        nobodys.append((begin, last))
    return parts, nobodys
