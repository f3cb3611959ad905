"""Repairs on one database and one replay: quality and the bars service take turns until nothing moves any more."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from tests.builders import bar, lively
from tests.services import DAYS, Altered, System
from tickstock_automation.bars.calling import make_calls
from tickstock_automation.bars.repair.service import repair
from tickstock_automation.db.engine import transaction
from tickstock_automation.db.roles import Role
from tickstock_automation.errors import BadAnswer
from tickstock_automation.quality.repairing import remediate
from tickstock_automation.sessions import calendar, new_york_date
from tickstock_automation.settings import Settings
from tickstock_automation.vendor.client import BarsAnswer, Vendor

DAY = DAYS[30]
ZERO = {"o": 0, "h": 0, "l": 0}


def without(answer: BarsAnswer) -> BarsAnswer:
    """A market's answer that lacks T03."""
    return replace(answer, rows=tuple(row for row in answer.rows if row["T"] != "T03"))


def altered(ticker: str, **values: float) -> Callable[[BarsAnswer], BarsAnswer]:
    """An answer in which one ticker's bar of `DAY` has other values."""

    def act(answer: BarsAnswer) -> BarsAnswer:
        def is_it(row: dict[str, Any]) -> bool:
            named = row.get("T") or answer.arguments.get("ticker")
            return named == ticker and new_york_date(datetime.fromtimestamp(row["t"] / 1000, UTC)) == DAY

        return replace(answer, rows=tuple(row | values if is_it(row) else row for row in answer.rows))

    return act


class Mender:
    """A market with history, a session whose load went wrong somewhere, and both services at hand."""

    def __init__(self, system: System) -> None:
        self.system, self.settings = system, system.settings

    def load(self, **answers: Callable[[BarsAnswer], BarsAnswer]) -> None:
        """Scan, history, and the day itself by answers that are altered on their way; then the sweep."""
        self.system.free_pace()
        self.system.scan(DAY)
        self.system.backfill(DAY)
        self.system.eod(DAY, Altered(self.system.played.vendor, **answers))
        self.system.sweep(DAY)

    def sweep_again(self) -> None:
        """The day's sweep anew, as if it had not been yet; what it said of the market before stays known."""
        self.rows("DELETE FROM quality_metrics WHERE scope <> 'market' RETURNING 1")
        self.rows("UPDATE quality_sweep_loads SET sweep_id = NULL RETURNING 1")
        for table in ("quality_sweep_shards", "quality_sweeps"):
            self.rows(f"DELETE FROM {table} RETURNING 1")
        self.system.sweep(DAY)

    def load_without(self) -> None:
        """The day comes without T03, and the calls that ask for it again fail for good: it is missing."""
        self.load(grouped_bars=without)
        assert self.life("missing_session") == [], "it is asked for, and may still come"

        def broken(_answer: BarsAnswer) -> BarsAnswer:
            raise BadAnswer("the answer is not JSON")

        vendor = Altered(self.system.played.vendor, grouped_bars=broken, range_bars=broken)
        for _ in range(self.settings.max_attempts):
            self.rows("UPDATE bar_calls SET due_at = now() WHERE status = 'waiting' RETURNING 1")
            make_calls(vendor, calendar(), self.settings)
        self.sweep_again()

    def limited(self, repairs: int) -> Mender:
        self.settings = Settings(**{**self.settings.model_dump(), "repairs_per_day": repairs})
        return self

    def turn(self, vendor: Vendor | None = None, day: date = DAY) -> bool:
        """Quality, then the bars service, once each; whether either did anything."""
        asked = remediate(day, calendar(), self.settings)
        done = repair(vendor or self.system.played.vendor, calendar(), self.settings)
        if done.reloads:
            make_calls(vendor or self.system.played.vendor, calendar(), self.settings)
        return asked.moved or done.moved or bool(done.reloads)

    def mend(self, vendor: Vendor | None = None, day: date = DAY) -> None:
        """Turns until nothing moves."""
        turns = 0
        while self.turn(vendor, day):
            turns += 1
            assert turns < 20, self.repairs()
        remediate(day, calendar(), self.settings)

    def rows(self, statement: str, **values: Any) -> list[tuple[Any, ...]]:
        return list(self.system.rows(statement, **values))

    def repairs(self) -> list[tuple[Any, ...]]:
        return self.rows("SELECT action, state, error_message FROM repair_requests ORDER BY id")

    def day(self, ticker: str) -> Any:
        """The bar of `DAY` with all its columns, or None."""
        found = self.rows(
            "SELECT h::text FROM historical_data h JOIN symbols s ON s.id = h.symbol_id WHERE s.ticker = :ticker AND h.date = :day",
            ticker=ticker, day=DAY,
        )  # fmt: skip
        return found[0][0] if found else None

    def close(self, ticker: str) -> Any:
        found = self.rows(
            "SELECT h.close, h.suspect, h.source FROM historical_data h JOIN symbols s ON s.id = h.symbol_id"
            " WHERE s.ticker = :ticker AND h.date = :day",
            ticker=ticker, day=DAY,
        )  # fmt: skip
        return found[0] if found else None

    def life(self, check: str) -> list[str]:
        """The states that events told of one check's alerts, in order."""
        kinds = ("price_anomaly", "volume_anomaly", "data_gap")
        return [one["state"] for kind in kinds for one in self.system.events(kind) if one["check"] == check]

    def alert(self, check: str) -> int:
        [(found,)] = self.rows("SELECT id FROM quality_alerts WHERE check_name = :check", check=check)
        return int(found)

    def session_of(self, role: Role = Role.QUALITY_MONITOR) -> Any:
        return transaction(role)


@pytest.fixture
def mender(build: Callable[..., System]) -> Mender:
    """Twelve symbols on forty sessions."""
    return Mender(build(market(12)))


def market(symbols: int) -> list[tuple[object, ...]]:
    """Lively symbols of well over a thousand shares a day, whose bars of `DAY` are easy to tell."""
    return [
        bar(f"T{number:02}", day, 10 + number) if day == DAY else lively(f"T{number:02}", day, 10 + number, 1250)
        for number in range(symbols) for day in DAYS[:40]
    ]  # fmt: skip
