"""The services on one database and one replay, called as the tasks call them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from tests.builders import Played, bar, write_bars
from tickstock_automation.bars.backfill import process_batch
from tickstock_automation.bars.eod import load_session
from tickstock_automation.processing.dispatcher import dispatch
from tickstock_automation.processing.queue import Batch
from tickstock_automation.quality.sweep import sweep
from tickstock_automation.sessions import calendar
from tickstock_automation.settings import Settings
from tickstock_automation.symbols.service import scan
from tickstock_automation.vendor.client import BarsAnswer, ListingAnswer, Vendor
from tickstock_automation.vendor.polygon import PolygonVendor

DAYS = calendar().between(date(2024, 1, 2), date(2024, 2, 29))


class Seen:
    """What stands in a database, its events among it."""

    def __init__(self, admin: Engine) -> None:
        self.admin = admin

    def rows(self, statement: str, **values: Any) -> Sequence[Any]:
        with self.admin.connect() as connection:
            return [tuple(row) for row in connection.execute(text(statement), values)]

    def events(self, kind: str) -> list[dict[str, Any]]:
        return [
            row[0]
            for row in self.rows("SELECT data::jsonb FROM outbox WHERE event_type = :kind ORDER BY seq", kind=kind)
        ]


class System(Seen):
    """The services on one database and one replay, called as the tasks call them."""

    def __init__(self, settings: Settings, admin: Engine, played: Played) -> None:
        super().__init__(admin)
        self.settings, self.played = settings, played

    def scan(self, day: date, vendor: Vendor | None = None) -> Any:
        self.played.at(day, closed=False)
        return scan(day, vendor or self.played.vendor, calendar(), self.settings)

    def backfill(self, day: date) -> list[Batch]:
        batches: list[Batch] = []
        dispatch(self.settings, lambda batch, _queue: batches.append(batch))
        for batch in batches:
            process_batch(batch.token, batch.equity_type, day, self.played.vendor, calendar(), self.settings)
        return batches

    def eod(self, day: date, vendor: Vendor | None = None) -> Any:
        self.played.at(day, closed=True)
        return load_session(day, vendor or self.played.vendor, calendar(), self.settings)

    def sweep(self, day: date) -> Any:
        return sweep(day, calendar(), self.settings)

    def free_pace(self) -> None:
        self.rows("UPDATE equity_types SET rate_limit_ms = 0 RETURNING 1")


class Altered(Vendor):
    """The replay's vendor with one answer altered on its way."""

    def __init__(self, real: PolygonVendor, **answers: Callable[[Any], Any]) -> None:
        self.real, self.answers, self.calls = real, answers, 0

    def _give(self, name: str, *arguments: Any) -> Any:
        self.calls += 1
        found = getattr(self.real, name)(*arguments)
        return self.answers[name](found) if name in self.answers else found

    def listings(self, day: date) -> ListingAnswer:
        return self._give("listings", day)  # type: ignore[no-any-return]

    def grouped_bars(self, day: date) -> BarsAnswer:
        return self._give("grouped_bars", day)  # type: ignore[no-any-return]

    def range_bars(self, ticker: str, first: date, last: date) -> BarsAnswer:
        return self._give("range_bars", ticker, first, last)  # type: ignore[no-any-return]

    def splits(self, first: date, last: date) -> Any:
        return self._give("splits", first, last)

    def dividends(self, first: date, last: date) -> Any:
        return self._give("dividends", first, last)

    def details(self, ticker: str) -> Any:
        return self._give("details", ticker)

    def ticker_changes(self, ticker: str) -> Any:
        return self._give("ticker_changes", ticker)

    def ipos(self, first: date, last: date) -> Any:
        return self._give("ipos", first, last)


@pytest.fixture
def build(settings: Settings, admin: Engine, play: Callable[[Path], Played], tmp_path: Path) -> Callable[..., System]:
    def make(
        rows: Sequence[tuple[object, ...]] | None = None, tickers: str = "", splits: str = "", ipos: str = ""
    ) -> System:
        everyone = [bar(name, day) for name in ("AAA", "BBB", "CCC") for day in DAYS]
        folder = write_bars(tmp_path / "bars", rows or everyone)
        if tickers:
            (folder / "tickers.csv").write_text(tickers)
        if splits:
            (folder / "splits.csv").write_text(splits)
        if ipos:
            (folder / "ipos.csv").write_text(ipos)
        return System(settings, admin, play(folder))

    return make
