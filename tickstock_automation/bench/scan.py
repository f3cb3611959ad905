"""The scan's benchmark: a database filled for the first time, and the same listing again, without the vendor's time."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from datetime import date
from typing import Any

from tickstock_automation.bench.machine import machine
from tickstock_automation.bench.rig import running_rig
from tickstock_automation.sessions import calendar
from tickstock_automation.settings import Settings, load_settings, use_settings
from tickstock_automation.symbols.service import scan
from tickstock_automation.vendor.client import (
    BarsAnswer,
    Details,
    Dividend,
    Ipo,
    Listing,
    ListingAnswer,
    Split,
    TickerChange,
    Vendor,
)

FIRST = date(2024, 3, 4)
AGAIN = 5
KINDS = ("CS", "CS", "ETF", "PFD", "ADRC", "WARRANT")
EXCHANGES = ("XNYS", "XNAS", "ARCX", "BATS")


class Told(Vendor):
    """A listing that is told at once."""

    def __init__(self, symbols: int) -> None:
        self.calls = 0
        rows = range(symbols)
        self._answer = ListingAnswer(tuple(map(_listing, rows)), pages=-(-symbols // 1000), refused=0, repeated=0)

    def listings(self, day: date) -> ListingAnswer:
        return self._answer

    def details(self, ticker: str) -> Details | None:
        return None

    def ticker_changes(self, ticker: str) -> tuple[TickerChange, ...]:
        return ()

    def ipos(self, first: date, last: date) -> tuple[Ipo, ...]:
        return ()

    def grouped_bars(self, day: date) -> BarsAnswer:
        raise NotImplementedError("a scan asks for no bars")

    def range_bars(self, ticker: str, first: date, last: date) -> BarsAnswer:
        raise NotImplementedError("a scan asks for no bars")

    def splits(self, first: date, last: date) -> tuple[Split, ...]:
        return ()

    def dividends(self, first: date, last: date) -> tuple[Dividend, ...]:
        return ()


def _listing(number: int) -> Listing:
    return Listing(
        f"T{number:05}", f"Company {number} Holdings Inc", KINDS[number % len(KINDS)], EXCHANGES[number % len(EXCHANGES)],
        f"BBG{number:09}", f"BBS{number:09}", f"{number:010}",
    )  # fmt: skip


def bench_scan(symbols: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Seconds of a first scan of so many symbols (rows, universes, 90 days of wanted bars, queue, events), and of scans that
    find nothing changed, the middle of five."""
    say("starting PostgreSQL and the rest")
    with running_rig() as rig:
        found: Settings = load_settings(stack=False, database_uri=rig.database_uri)
        use_settings(found)
        vendor, days = Told(symbols), calendar().following(FIRST, AGAIN + 1)
        times = []
        for day in days:
            started = time.monotonic()
            report = scan(day, vendor, calendar(), found)
            times.append(time.monotonic() - started)
            assert report is not None
            say(f"{day}: {len(report.new):,} new of {report.listed:,} in {times[-1]:.2f} s")
        return {
            "symbols": symbols, "bootstrap_s": round(times[0], 3), "unchanged_s": round(statistics.median(times[1:]), 3),
            "unchanged_most_s": round(max(times[1:]), 3), "machine": machine(rig),
        }  # fmt: skip
