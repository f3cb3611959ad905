"""The vendor's answers over a folder, as of a moment that moves."""

from __future__ import annotations

import base64
import bisect
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from tickstock_automation.replay.folder import Folder, Listing

NEW_YORK = ZoneInfo("America/New_York")
PAGE_LIMIT = 1000


@dataclass(frozen=True)
class Now:
    """What day it is for the market, and whether that day's session has closed."""

    day: date
    closed: bool


class Market:
    """Serves both kinds of bars, adjusted and as traded, of sessions that have closed by `now`."""

    def __init__(self, folder: Folder, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.folder = folder
        self._clock = clock
        self._set: Now | None = None
        self._days = sorted(folder.bars["date"].unique().to_list())
        self._by_day = folder.bars.partition_by("date", as_dict=True)
        self._by_symbol = folder.bars.partition_by("symbol", as_dict=True)
        self._splits: dict[str, list[tuple[date, float]]] = {}
        for ticker, day, from_, to in folder.splits.sort("execution_date").iter_rows():
            self._splits.setdefault(ticker, []).append((day, to / from_))

    @property
    def now(self) -> Now:
        """The moment that was set, else the real one in New York (16:15 counts as closed)."""
        if self._set is not None:
            return self._set
        moment = self._clock().astimezone(NEW_YORK)
        return Now(moment.date(), moment.time() >= time(16, 15))

    def set_now(self, now: Now | None) -> None:
        """Moves the market to a moment, or back to the real one."""
        self._set = now

    def grouped(self, day: date, *, adjusted: bool) -> list[dict[str, Any]]:
        """All bars of one day, as `T o h l c v t`; none before the session closed."""
        frame = self._by_day.get((day,))
        if frame is None or not self._published(day):
            return []
        at = int(datetime.combine(day, time(16), NEW_YORK).timestamp() * 1000)
        return [{"T": row["symbol"], **self._bar(row, at, adjusted)} for row in frame.iter_rows(named=True)]

    def range(self, ticker: str, first: date, last: date, *, adjusted: bool) -> list[dict[str, Any]]:
        """One ticker's daily bars, oldest first."""
        frame = self._by_symbol.get((ticker,))
        if frame is None:
            return []
        rows = frame.filter(pl.col("date").is_between(first, last)).iter_rows(named=True)
        return [
            self._bar(row, int(datetime.combine(row["date"], time(), NEW_YORK).timestamp() * 1000), adjusted)
            for row in rows if self._published(row["date"])
        ]  # fmt: skip

    def tickers(
        self, day: date | None, *, active: bool, cursor: str | None, limit: int
    ) -> tuple[list[dict[str, Any]], str | None]:
        """A page of the listing as of a day, and the cursor of the next one."""
        day = min(day or self.now.day, self.now.day)
        listed = sorted((one for one in self.folder.listings if one.on(day)), key=lambda one: one.ticker)
        if not active:
            names = {one.ticker for one in listed}
            listed = [one for one in self.folder.listings if one.last and one.last < day and one.ticker not in names]
        start = 0
        if cursor is not None:
            after = base64.urlsafe_b64decode(cursor.encode()).decode()
            start = bisect.bisect_right([one.ticker for one in listed], after)
        page = listed[start : start + min(limit, PAGE_LIMIT)]
        more = start + len(page) < len(listed)
        following = base64.urlsafe_b64encode(page[-1].ticker.encode()).decode() if more and page else None
        return [_reference(one, active=active) for one in page], following

    def details(self, ticker: str, day: date | None) -> dict[str, Any] | None:
        """One ticker in full, None where nobody holds it on that day."""
        day = min(day or self.now.day, self.now.day)
        for one in self.folder.listings:
            if one.ticker == ticker and one.on(day):
                extra = {"market_cap": one.market_cap, "sic_code": one.sic_code, "list_date": one.first.isoformat()}
                return _reference(one, active=True) | {
                    name: value for name, value in extra.items() if value is not None
                }
        return None

    def splits(self, first: date | None, last: date | None, ticker: str | None) -> list[dict[str, Any]]:
        """Splits that are known by now, oldest first."""
        found = self.folder.splits.filter(pl.col("execution_date") <= self.now.day).sort("execution_date", "ticker")
        if first:
            found = found.filter(pl.col("execution_date") >= first)
        if last:
            found = found.filter(pl.col("execution_date") <= last)
        if ticker:
            found = found.filter(pl.col("ticker") == ticker)
        return [
            {"id": f"{name}-{day}-{from_:g}-{to:g}", "ticker": name, "execution_date": day.isoformat(),
             "split_from": from_, "split_to": to}
            for name, day, from_, to in found.iter_rows()
        ]  # fmt: skip

    def holidays(self) -> list[dict[str, Any]]:
        """Coming weekdays on which nothing trades."""
        at = bisect.bisect_right(self._days, self.now.day)
        coming = set(self._days[at : at + 250])
        if not coming:
            return []
        day, last, found = self.now.day, max(coming), []
        while (day := day + timedelta(days=1)) < last:
            if day.weekday() < 5 and day not in coming:
                found += [
                    {"date": day.isoformat(), "exchange": exchange, "name": "Holiday", "status": "closed"}
                    for exchange in ("NYSE", "NASDAQ")
                ]
        return found

    def _published(self, day: date) -> bool:
        now = self.now
        return day < now.day or (day == now.day and now.closed)

    def _bar(self, row: dict[str, Any], at: int, adjusted: bool) -> dict[str, Any]:
        """Adjusted means for the splits up to now; as traded, for none. The folder is adjusted for all of them."""
        factor, now = 1.0, self.now.day
        for day, ratio in self._splits.get(row["symbol"], ()):
            if day > row["date"] and (not adjusted or day > now):
                factor *= ratio
        if factor == 1.0:
            return {"o": row["open"], "h": row["high"], "l": row["low"], "c": row["close"], "v": row["volume"], "t": at}
        return {
            "o": round(row["open"] * factor, 4), "h": round(row["high"] * factor, 4),
            "l": round(row["low"] * factor, 4), "c": round(row["close"] * factor, 4),
            "v": round(row["volume"] / factor), "t": at,
        }  # fmt: skip


def _reference(one: Listing, *, active: bool) -> dict[str, Any]:
    kept = {
        name: value for name, value in asdict(one).items()
        if name in {"ticker", "name", "type", "primary_exchange", "composite_figi", "share_class_figi", "cik"} and value is not None
    }  # fmt: skip
    kept |= {"market": "stocks", "locale": "us", "active": active, "currency_name": "usd"}
    if one.last is not None and not active:
        kept["delisted_utc"] = f"{one.last + timedelta(days=1)}T00:00:00Z"
    return kept
