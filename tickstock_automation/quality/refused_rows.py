"""Rows that were refused and kept aside: each is a finding, and many of one kind in one answer are one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import insert, text
from sqlalchemy.orm import Session

from tickstock_automation.events.catalogue import Channel, DataGap, Service, Severity
from tickstock_automation.events.outbox import MOST_SYMBOLS, Pending, add_events
from tickstock_automation.quality.models import QualityAlert

MANY = 50  # of one reason in one answer: past it they are one finding, with the first of them listed
CHECKS = {"duplicate": "duplicate_bar", "no_session": "unexpected_session"}
OTHER_CHECK = "refused_row"
WORDS = {
    "duplicate": "a second bar for the same day",
    "no_session": "a bar on a day without a session",
    "wrong_date": "a bar of another date than asked for",
    "wrong_symbol": "a bar of another symbol than asked for",
    "impossible_ticker": "a ticker that cannot be one",
    "negative_volume": "a negative volume",
    "unreadable": "prices or a time that cannot be read",
}

# By finding: of a symbol, a day and a reason however often it came, or of a load and a reason where there were many.
_NEW = text("""
WITH rows AS (
    SELECT q.*, l.session AS load_session, l.endpoint, t.symbol_id, s.ticker AS called, count(*) OVER (PARTITION BY q.load_id, q.reason) AS alike
      FROM quarantined_bars q JOIN loads l ON l.id = q.load_id
      LEFT JOIN ticker_tenures t ON t.ticker = q.ticker AND coalesce(q.session, l.session) BETWEEN t.first_day AND t.last_day
      LEFT JOIN symbols s ON s.id = t.symbol_id
     WHERE q.created_at > now() - interval '7 days'),
 keyed AS (
    SELECT CASE WHEN alike > :many THEN 'refused:' || reason || ':load:' || load_id
                ELSE 'refused:' || reason || ':' || coalesce(symbol_id::text, ticker, '?') || ':' || coalesce(session, load_session, created_at::date) END AS key,
           rows.* FROM rows)
SELECT key, reason, min(alike) > :many AS mass, max(symbol_id) AS symbol_id, max(called) AS symbol,
       max(coalesce(session, load_session, created_at::date)) AS day, min(load_id) AS load_id, max(endpoint) AS endpoint,
       count(*) AS rows, (array_agg(ticker ORDER BY id))[1:20] AS tickers, (array_agg(raw ORDER BY id))[1] AS raw
  FROM keyed WHERE NOT EXISTS (SELECT 1 FROM quality_alerts a WHERE a.finding_key = keyed.key)
 GROUP BY key, reason ORDER BY max(symbol_id) NULLS FIRST, key""")


@dataclass(frozen=True)
class RefusedRows:
    """One finding to be: rows of one reason, of one symbol and day or (`mass`) of one answer."""

    key: str
    reason: str
    mass: bool
    symbol_id: int | None
    symbol: str | None
    day: date
    load_id: int
    endpoint: str
    rows: int
    tickers: list[str | None]
    raw: dict[str, Any]

    @property
    def check(self) -> str:
        return CHECKS.get(self.reason, OTHER_CHECK)

    @property
    def severity(self) -> Severity:
        return "low" if self.reason == "impossible_ticker" and not self.mass else "medium"

    def evidence(self) -> dict[str, Any]:
        named = ", ".join(one or "?" for one in self.tickers)
        words = f"refused: {WORDS.get(self.reason, self.reason)} ({self.rows} rows; {named})"
        return {
            "words": words, "reason": self.reason, "rows": self.rows, "tickers": self.tickers, "load_id": self.load_id,
            "endpoint": self.endpoint, "raw": self.raw,
        }  # fmt: skip


def alert_refused_rows(session: Session) -> list[str]:
    """Makes an alert, with its event, of each refused row that has none; gives their checks."""
    found = [RefusedRows(*row) for row in session.execute(_NEW, {"many": MANY})]
    events = []
    for one in found:
        id_, symbol = (None, None) if one.mass else (one.symbol_id, one.symbol)
        evidence = one.evidence()
        alert_id = session.execute(
            insert(QualityAlert)
            .values(
                finding_key=one.key, symbol_id=id_, session=one.day, check_name=one.check, channel=str(Channel.DATA_GAP),
                severity=one.severity, verdict="data_error", remediation="review", evidence=evidence,
            )
            .returning(QualityAlert.id)
        ).scalar_one()  # fmt: skip
        told = DataGap(
            alert_id=alert_id, state="open", symbol=symbol, session=one.day, check=one.check, severity=one.severity,
            verdict="data_error", observed=None, expected=None, threshold=None, remediation="review", evidence=evidence,
        )  # fmt: skip
        events.append(Pending(told, id_))
    for start in range(0, len(events), MOST_SYMBOLS):
        add_events(session, Service.DATA_QUALITY_MONITOR, events[start : start + MOST_SYMBOLS])
    return [one.check for one in found]
