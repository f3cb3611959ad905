"""A market in the database and a scripted way from bars to findings: sweeps are tried apart from what the checks find."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import pytest
from sqlalchemy import Engine, text

from tests.builders import add_symbols
from tests.services import Seen
from tickstock_automation.events.catalogue import Channel, Severity, Verdict
from tickstock_automation.quality import shard_work
from tickstock_automation.quality.findings import Finding
from tickstock_automation.quality.frame import Context
from tickstock_automation.quality.sweep import begin_touched, sweep, work
from tickstock_automation.sessions import calendar
from tickstock_automation.settings import Settings

DAYS = calendar().between(date(2024, 1, 2), date(2024, 2, 29))
CHANNELS = {"price_move": Channel.PRICE_ANOMALY, "volume_spike": Channel.VOLUME_ANOMALY}


@dataclass
class Script:
    """What the checks find, by ticker, session and check: verdict, severity, observed. And what they were shown."""

    finds: dict[tuple[str, date, str], tuple[Verdict, Severity, float]] = field(default_factory=dict)
    shown: list[tuple[set[str], list[date]]] = field(default_factory=list)
    before: Callable[[], None] = lambda: None

    def findings_of(self, context: Context) -> list[Finding]:
        self.before()
        judged = context.judged
        ids = dict(context.symbols.select("symbol", "symbol_id").iter_rows())
        self.shown.append((set(ids), list(judged)))
        return [
            Finding(
                symbol_id=ids[ticker], symbol=ticker, date=day, check=check, channel=CHANNELS.get(check, Channel.DATA_GAP),
                severity=severity, verdict=verdict, observed=observed, expected=10.0, threshold=0.2, remediation="refetch",
                evidence={"words": f"{check} of {ticker}, {verdict}", "measure": "share"},
            )
            for (ticker, day, check), (verdict, severity, observed) in self.finds.items()
            if ticker in ids and day in judged
        ]  # fmt: skip


class Swept(Seen):
    """A market whose sweeps find what the script says."""

    def __init__(self, admin: Engine, settings: Settings, script: Script) -> None:
        super().__init__(admin)
        self.settings, self.script, self.ids = settings, script, dict[str, int]()

    def symbols(self, *tickers: str) -> None:
        self.ids |= add_symbols(self.admin, tickers)

    def load(self, days: Iterable[date], tickers: Iterable[str] | None = None, close: float = 10.0) -> None:
        """Each session's bars come by a load of their own, and its end-of-day load is done."""
        ids = [self.ids[one] for one in (self.ids if tickers is None else tickers)]
        self.rows("SELECT create_bar_partitions('2023-01-01', '2024-12-31')")
        for day in days:
            self.rows(
                "WITH l AS (INSERT INTO loads (session, endpoint, arguments, answer_hash, rows, inserted, job)"
                " VALUES (:day, 'grouped', '{}', 'x', 1, 1, 'eod') RETURNING id),"
                " e AS (INSERT INTO eod_runs (session, outcome, lease_until) VALUES (:day, 'done', now()) ON CONFLICT DO NOTHING)"
                " INSERT INTO historical_data (symbol_id, date, open, high, low, close, volume, source, load_id)"
                " SELECT s, :day, :close, :close, :close, :close, 1000, 'x', l.id FROM l, unnest(CAST(:ids AS bigint[])) s"
                " ON CONFLICT (symbol_id, date) DO UPDATE SET close = EXCLUDED.close, load_id = EXCLUDED.load_id RETURNING 1",
                day=day, close=close, ids=ids,
            )  # fmt: skip

    def finds(
        self, ticker: str, day: date, verdict: Verdict = "undetermined", severity: Severity = "medium",
        observed: float = 13.0, check: str = "price_move",
    ) -> None:  # fmt: skip
        self.script.finds[ticker, day, check] = (verdict, severity, observed)

    def forgets(self, ticker: str, day: date, check: str = "price_move") -> None:
        del self.script.finds[ticker, day, check]

    def sweep(self, day: date) -> Any:
        """The daily sweep, once more where it was there already."""
        self.rows("DELETE FROM quality_metrics WHERE session = :day RETURNING 1", day=day)
        self.rows("UPDATE quality_sweep_loads SET sweep_id = NULL RETURNING 1")
        for table in ("quality_sweep_shards", "quality_sweeps"):
            self.rows(f"DELETE FROM {table} RETURNING 1")
        return sweep(day, calendar(), self.settings)

    def sweep_touched(self) -> bool:
        """Whether anything was touched."""
        made = begin_touched(calendar(), self.settings)
        work(calendar(), self.settings)
        return made is not None

    def alert(self, ticker: str | None = None, check: str = "price_move") -> Any:
        """State, verdict, severity, observed of the one alert of a symbol, or of the market."""
        [row] = self.rows(
            "SELECT a.state, a.verdict, a.severity, a.observed FROM quality_alerts a LEFT JOIN symbols s ON s.id = a.symbol_id"
            " WHERE s.ticker IS NOT DISTINCT FROM :ticker AND a.check_name = :check",
            ticker=ticker, check=check,
        )  # fmt: skip
        return row

    def states(self) -> list[Any]:
        return [row[0] for row in self.rows("SELECT state FROM quality_alerts ORDER BY id")]

    def told(self, channel: str = "price_anomaly") -> list[Any]:
        return [(one["symbol"], one["state"], one["verdict"]) for one in self.events(channel)]


@pytest.fixture
def swept(settings: Settings, admin: Engine, monkeypatch: pytest.MonkeyPatch) -> Swept:
    script = Script()
    monkeypatch.setattr(shard_work, "findings_of", script.findings_of)
    monkeypatch.setattr(shard_work, "stale_data", lambda *_: [])
    return Swept(admin, settings, script)


__all__ = ["DAYS", "Script", "Swept", "swept", "text"]
