"""What a scan asks the vendor about single tickers: whether the absent are delisted, and what the new were called before."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TypeVar

import structlog

from tickstock_automation.db.vendor_differences import Difference, Kind
from tickstock_automation.errors import BadAnswer, PlanLacks, VendorUnavailable
from tickstock_automation.symbols.diff import Diff
from tickstock_automation.symbols.identity import Stored, other_company
from tickstock_automation.vendor.client import Details, TickerChange, Vendor

NEAR = timedelta(days=10)
"""A ticker event explains a change of the listing if it is dated so near: some come a session late, some are years old."""

T = TypeVar("T")
log = structlog.get_logger("scan")


@dataclass
class Answers:
    """`delisted`: id to the vendor's date; `former`: listed ticker to what its holder was called before. `unasked`: how many
    questions the budget, the vendor or the plan left open."""

    delisted: dict[int, date] = field(default_factory=dict)
    former: dict[str, list[str]] = field(default_factory=dict)
    differences: list[Difference] = field(default_factory=list)
    refused: PlanLacks | None = None
    unasked: int = 0


def ask(diff: Diff, stored: Iterable[Stored], day: date, vendor: Vendor, budget: int) -> Answers:
    """Asks about what a first comparison leaves open, with at most `budget` calls. Passing trouble leaves the rest open: a
    second scan will tell."""
    by_id = {one.id: one for one in stored}
    asker, answers = _Asker(budget), Answers()
    for id_ in sorted(diff.absent):
        one = by_id[id_]
        _read_details(one, asker.ask(vendor.details, one.ticker), answers)
    gone = [*diff.absent, *(one.id for one in diff.archived)]
    for ticker in _perhaps_renamed(diff, [by_id[id_] for id_ in gone]):
        changes = asker.ask(vendor.ticker_changes, ticker)
        former = _former(changes or (), ticker, day)
        if former is not None:
            answers.former[ticker] = [former]
    for renamed in diff.renamed:
        new, old = renamed.listing.ticker, renamed.changes["ticker"][0] or ""
        changes = asker.ask(vendor.ticker_changes, new)
        former = _former(changes or (), new, day)
        if former is not None and former != old:
            words = f"the listing renames {old} to {new}, its ticker events say {former}"
            answers.differences.append(Difference(Kind.EVENTS_AGAINST_LISTING, new, words))
    answers.unasked, answers.refused = asker.unasked, asker.refused
    return answers


def _read_details(one: Stored, details: Details | None, answers: Answers) -> None:
    if details is None or other_company(one, details.listing):
        return
    if details.active:
        words = "the listing lacks it, its details say that it is active"
        answers.differences.append(Difference(Kind.DETAILS_AGAINST_LISTING, one.ticker, words))
    elif details.delisted is not None:
        answers.delisted[one.id] = details.delisted


def _perhaps_renamed(diff: Diff, absent: Collection[Stored]) -> list[str]:
    """New tickers that may be another name of an absent security, as far as FIGIs cannot tell."""
    bare = any(one.composite_figi is None for one in absent)
    if not absent:
        return []
    return sorted(one.ticker for one in (*diff.new, *diff.held_back) if bare or one.composite_figi is None)


def _former(changes: Iterable[TickerChange], ticker: str, day: date) -> str | None:
    """What the holder of `ticker` was called before it got it about `day`; None where its events say nothing of that."""
    past = sorted(changes, key=lambda one: one.day)
    at = [number for number, one in enumerate(past) if one.ticker == ticker and abs(one.day - day) <= NEAR]
    return past[at[-1] - 1].ticker if at and at[-1] > 0 else None


class _Asker:
    """Asks while there are calls left, and no longer than the vendor answers."""

    def __init__(self, budget: int) -> None:
        self.left, self.unasked = budget, 0
        self.refused: PlanLacks | None = None

    def ask(self, question: Callable[[str], T], ticker: str) -> T | None:
        if self.left <= 0:
            self.unasked += 1
            return None
        self.left -= 1
        try:
            return question(ticker)
        except VendorUnavailable as trouble:
            log.warning("a scan's question waits", reason=str(trouble))
            self.left = 0
        except PlanLacks as refused:
            self.refused, self.left = refused, 0
        except BadAnswer as broken:
            log.warning("a scan's question got no usable answer", reason=str(broken))
        self.unasked += 1
        return None
