"""The vendor's answers over a folder, as of a moment that moves."""

from __future__ import annotations

import bisect
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from tickstock_automation.replay.faults.switch import Faults
from tickstock_automation.replay.folder import Folder
from tickstock_automation.replay.reference import details_row, holder, listing_row, ticker_changes

NEW_YORK = ZoneInfo("America/New_York")
PAGE_LIMIT = 1000
PRICES = {"o": "open", "h": "high", "l": "low", "c": "close", "v": "volume"}
Row = dict[str, Any]
Spoil = Callable[[list[Row]], list[Row]]
"""What switched-on faults make of the rows."""


def unspoiled(rows: list[Row]) -> list[Row]:
    """The rows as they are."""
    return rows


@dataclass(frozen=True)
class Now:
    """What day it is for the market, and whether that day's session has closed."""

    day: date
    closed: bool


class Market:
    """Serves both kinds of bars, adjusted and as traded, of sessions that have closed by `now`."""

    def __init__(self, folder: Folder, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.folder = folder
        self.faults = Faults()
        self._clock = clock
        self._set: Now | None = None
        self._days = sorted(folder.bars["date"].unique().to_list())
        self._listed = [(one, listing_row(one, active=True)) for one in folder.listings]
        self._by_day = folder.bars.partition_by("date", as_dict=True)
        self._by_symbol = folder.bars.partition_by("symbol", as_dict=True)
        finite = pl.all_horizontal(pl.col(*PRICES.values()).is_finite().fill_null(value=True))
        self._finite = bool(folder.bars.select(finite.all()).item())
        self._symbols: list[str] = sorted(folder.bars["symbol"].unique().to_list())
        self._split_rows = [
            {"id": f"{name}-{day}-{from_:g}-{to:g}", "ticker": name, "execution_date": day.isoformat(),
             "split_from": from_, "split_to": to}
            for name, day, from_, to in folder.splits.sort("execution_date", "ticker").iter_rows()
        ]  # fmt: skip
        self._dividend_rows = [
            _dividend_row(row) for row in folder.dividends.sort("ex_dividend_date", "ticker").iter_rows(named=True)
        ]
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

    def session_before(self, day: date) -> date | None:
        """The last day with bars before a day."""
        at = bisect.bisect_left(self._days, day)
        return self._days[at - 1] if at else None

    def listed_on(self, day: date) -> frozenset[str]:
        """The tickers whose first day this is; none on the first day of all."""
        return frozenset(one.ticker for one in self.folder.listings if one.first == day > self.folder.first_day)

    def another(self, ticker: str) -> str:
        """The ticker after this one, that has bars too; the same one where it is alone."""
        at = bisect.bisect_right(self._symbols, ticker)
        return self._symbols[at % len(self._symbols)]

    def grouped(self, day: date, *, adjusted: bool) -> list[Row]:
        """All bars of one day, as `T o h l c v t`; none before the session closed."""
        frame = self._by_day.get((day,))
        if frame is None or not self._published(day):
            return []
        at = _close_of(day)
        return [{"T": row["symbol"], **self._bar(row, at, adjusted)} for row in frame.iter_rows(named=True)]

    def grouped_json(self, day: date, *, adjusted: bool) -> tuple[int, bytes]:
        """How many bars `grouped` has, and the list of them as JSON: the same, at a tenth of the price."""
        frame = self._by_day.get((day,))
        if frame is None or not self._published(day):
            return 0, b"[]"
        if not self._finite:
            rows = self.grouped(day, adjusted=adjusted)  # JSON knows neither NaN nor infinity, Polars writes null
            return len(rows), json.dumps(rows, separators=(",", ":")).encode()
        at = _close_of(day)
        split = frame["symbol"].is_in(list(self._splits)).arg_true()
        bars = [self._bar(frame.row(number, named=True), at, adjusted) for number in split]
        columns = {
            name: frame[column].scatter(split, [float(bar[name]) for bar in bars]) if bars else frame[column]
            for name, column in PRICES.items()
        }
        answer = pl.DataFrame({"T": frame["symbol"], **columns}).with_columns(t=pl.lit(at))
        return answer.height, answer.write_json().encode()

    def range(self, ticker: str, first: date, last: date, *, adjusted: bool) -> list[Row]:
        """One ticker's daily bars, oldest first."""
        frame = self._by_symbol.get((ticker,))
        if frame is None:
            return []
        rows = frame.filter(pl.col("date").is_between(first, last)).iter_rows(named=True)
        return [
            self._bar(row, int(datetime.combine(row["date"], time(), NEW_YORK).timestamp() * 1000), adjusted)
            for row in rows if self._published(row["date"])
        ]  # fmt: skip

    def tickers(self, day: date | None, *, active: bool, spoil: Spoil = unspoiled) -> list[Row]:
        """The listing as of a day, by ticker."""
        day = min(day or self.now.day, self.now.day)
        if active:
            return spoil([row for one, row in self._listed if one.on(day)])
        names = {one.ticker for one, _row in self._listed if one.on(day)}
        ended = (one for one in self.folder.listings if one.last and one.last < day and one.ticker not in names)
        return spoil([listing_row(one, active=False) for one in ended])

    def details(self, ticker: str, day: date | None, *, spoil: Spoil = unspoiled) -> Row | None:
        """One ticker in full: who has it on that day, or had it last; None where nobody did."""
        day = min(day or self.now.day, self.now.day)
        found = holder(self.folder.listings, ticker, day)
        return None if found is None else spoil([details_row(found, day)])[0]

    def events(self, name: str, *, spoil: Spoil = unspoiled) -> Row | None:
        """The tickers of the security that has this ticker or FIGI now, or had it last; None where none is known."""
        found = holder(self.folder.listings, name, self.now.day)
        events = spoil(ticker_changes(self.folder.listings, found, self.now.day)) if found else []
        if found is None or not events:
            return None
        who = {"name": found.name, "composite_figi": found.composite_figi, "cik": found.cik}
        return {key: value for key, value in who.items() if value is not None} | {"events": events}

    def ipos(self, first: date | None, last: date | None, status: str | None, ticker: str | None) -> list[Row]:
        """IPOs that are known by now, the latest listing date first, those without one last."""
        told = [row for one in self.folder.ipos if (row := one.told_on(self.now.day))]
        lower, upper = (first or date.min).isoformat(), (last or date.max).isoformat()
        found = [
            row for row in told
            if (first is None and last is None) or ("listing_date" in row and lower <= row["listing_date"] <= upper)
            if status in (None, row["ipo_status"]) and ticker in (None, row["ticker"])
        ]  # fmt: skip
        return sorted(found, key=lambda row: (row.get("listing_date", ""), row["ticker"]), reverse=True)

    def splits(
        self, first: date | None, last: date | None, ticker: str | None, *, spoil: Spoil = unspoiled
    ) -> list[Row]:
        """Splits that are known by now, oldest first."""
        return self._known(spoil(self._split_rows), "execution_date", first, last, ticker)

    def dividends(self, first: date | None, last: date | None, ticker: str | None) -> list[Row]:
        """Dividends that are known by now, oldest first."""
        return self._known(self._dividend_rows, "ex_dividend_date", first, last, ticker)

    def _known(self, rows: list[Row], day: str, first: date | None, last: date | None, ticker: str | None) -> list[Row]:
        lower, upper = (first or date.min).isoformat(), min(last or date.max, self.now.day).isoformat()
        return [row for row in rows if lower <= row[day] <= upper and ticker in (None, row["ticker"])]

    def holidays(self) -> list[Row]:
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


def _dividend_row(row: Row) -> Row:
    day, paid = row["ex_dividend_date"].isoformat(), row["pay_date"]
    more = {"currency": row["currency"] or "USD", "dividend_type": row["dividend_type"] or "CD"}
    return {
        "id": f"{row['ticker']}-{day}-{row['cash_amount']:g}", "ticker": row["ticker"], "ex_dividend_date": day,
        "cash_amount": row["cash_amount"], **more, **({"pay_date": paid.isoformat()} if paid else {}),
    }  # fmt: skip


def _close_of(day: date) -> int:
    return int(datetime.combine(day, time(16), NEW_YORK).timestamp() * 1000)
