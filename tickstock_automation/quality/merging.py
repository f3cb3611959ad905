"""What is one thing is one finding: what a wrong bar explains beside it is that finding's evidence and not one more. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date

from tickstock_automation.quality.findings import Finding, in_order

WRONG_PRICES = (
    "price_outlier",
    "split_unadjusted",
    "ohlc_inconsistent",
    "copied_bar",
    "stuck_price",
    "ticker_reuse",
    "foreign_bar",
)
SAYS_MORE = ("foreign_bar", "ticker_reuse")  # whose the bar is, ...
SAYS_LESS = ("price_outlier", "split_unadjusted", "stuck_price", "volume_drought")  # ... than that it is odd
EVENT_DAYS = 4  # sessions after a move over which heavy trading belongs to it


def merge(findings: Sequence[Finding], session_after: Callable[[date], date]) -> list[Finding]:
    """Leaves out findings that another one explains, in the order of symbol, date, check.

    A move that is no error of its own is explained by wrong prices on its day or on the session before; a volume out of
    line by a finding about the price on its day, or by a market event of the four sessions before, a heavy day on which the price
    moved among them. Where it is known that a bar is another's, it is no more said that it is odd. Else errors always stand.
    """
    by_symbol: dict[int, list[Finding]] = defaultdict(list)
    for one in findings:
        by_symbol[one.symbol_id].append(one)
    return in_order(one for some in by_symbol.values() for one in _of_symbol(some, session_after))


def _of_symbol(findings: list[Finding], session_after: Callable[[date], date]) -> Iterable[Finding]:
    wrong, events, heavy = set(), set(), set()

    def days_after(day: date) -> Iterator[date]:
        for _ in range(EVENT_DAYS):
            day = session_after(day)
            yield day

    for one in findings:
        if one.check in WRONG_PRICES and one.verdict == "data_error":
            wrong |= {one.date, session_after(one.date)}
        if one.check == "ticker_reuse":
            wrong.add(date.fromisoformat(one.evidence["boundary"]))
        if one.check in ("price_move", "price_outlier") and one.verdict != "data_error":
            events |= {one.date, *days_after(one.date)}
        if one.check == "volume_spike" and one.verdict == "market_event":
            heavy |= {day for day in days_after(one.date) if day > one.date}
    explained = {"price_move": wrong, "volume_drought": wrong | events, "volume_spike": wrong | events | heavy}
    known = {one.date for one in findings if one.check in SAYS_MORE}
    for one in findings:
        if one.check in SAYS_LESS and one.date in known:
            continue
        if one.verdict == "data_error" or one.date not in explained.get(one.check, ()):
            yield one
