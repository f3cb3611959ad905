"""All that is known of the securities that have or had a ticker, for a person to read. Reads only."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date
from typing import Any

from sqlalchemy import Executable, select, text
from sqlalchemy.orm import Session

from tickstock_automation.errors import NotFound
from tickstock_automation.sessions import SessionCalendar
from tickstock_automation.symbols.lookup import spelled
from tickstock_automation.symbols.models import Symbol

Row = dict[str, Any]

_WHO = text("""
SELECT symbol_id FROM symbol_aliases
 WHERE ticker = :ticker AND (CAST(:on AS date) IS NULL OR ((valid_from IS NULL OR valid_from <= :on)
                                                           AND (valid_to IS NULL OR valid_to > :on)))""")

_NAMES = text("""
SELECT symbol_id, ticker, valid_from, valid_to FROM symbol_aliases
 WHERE symbol_id = ANY (:ids) ORDER BY valid_from NULLS FIRST, id""")

_MEMBERSHIPS = text("""
SELECT symbol_id, universe, reason, added_at FROM universe_members WHERE symbol_id = ANY (:ids) ORDER BY universe""")

_CHOICES = text("""
SELECT symbol_id, universe, included, author, reason, chosen_at FROM universe_choices
 WHERE symbol_id = ANY (:ids) ORDER BY universe""")

# Of the exchange's sessions from its first bar on: until it was archived, else until the newest session that is loaded.
_BARS = text("""
WITH own AS (SELECT symbol_id, min(date) AS first, max(date) AS last, count(*) AS stored
               FROM historical_data WHERE symbol_id = ANY (:ids) GROUP BY symbol_id),
     newest AS (SELECT max(session) AS day FROM session_status WHERE stored > 0)
SELECT o.symbol_id, o.first, o.last, o.stored,
       count(*) FILTER (WHERE h.symbol_id IS NULL AND k.symbol_id IS NULL) AS gaps,
       count(*) FILTER (WHERE h.symbol_id IS NULL AND k.symbol_id IS NOT NULL) AS known_empty
  FROM own o JOIN symbols s ON s.id = o.symbol_id CROSS JOIN newest n
  JOIN unnest(CAST(:sessions AS date[])) AS d (day) ON d.day BETWEEN o.first AND greatest(o.last, n.day)
       AND (d.day <= o.last OR s.delist_date IS NULL OR d.day < s.delist_date)
  LEFT JOIN historical_data h ON h.symbol_id = o.symbol_id AND h.date = d.day
  LEFT JOIN known_empty k ON k.symbol_id = o.symbol_id AND k.session = d.day
 GROUP BY o.symbol_id, o.first, o.last, o.stored""")

_QUEUE = text("""
SELECT DISTINCT ON (symbol_id) symbol_id, status, reason, attempts, scheduled_time, completed_at, error_message
  FROM equity_processing_queue WHERE symbol_id = ANY (:ids) ORDER BY symbol_id, id DESC""")

_ALERTS = text("""
SELECT symbol_id, session, check_name, severity, state, coalesce(evidence ->> 'words', '') AS words FROM quality_alerts
 WHERE symbol_id = ANY (:ids) AND state IN ('open', 'remediating') ORDER BY session DESC, id DESC""")

_DECISIONS = text("""
SELECT symbol_id, action, author, reason, decided_at FROM symbol_decisions
 WHERE symbol_id = ANY (:ids) ORDER BY id DESC""")


@dataclass(frozen=True)
class Security:
    """One security: its row in `symbols`, and what other tables say of it.

    names: oldest first; universes, and a person's choices, by universe; bars: first, last, stored, gaps (sessions from the
    first bar on without one) and known_empty (where none exists), None without any; queue: its newest entry; alerts: the
    open ones, newest first; decisions: newest first.
    """

    details: Row
    names: list[Row]
    universes: list[Row]
    choices: list[Row]
    bars: Row | None
    queue: Row | None
    alerts: list[Row]
    decisions: list[Row]

    def as_dict(self) -> Row:
        """In the form that `--json` prints: the row's columns beside the rest."""
        rest = {one.name: getattr(self, one.name) for one in fields(self) if one.name != "details"}
        return self.details | rest


def securities(session: Session, typed: str, calendar: SessionCalendar, on: date | None = None) -> list[Security]:
    """Those that have or had a ticker, the active one first, then the newest; with `on`, who had it on that day.

    Raises NotFound where nobody had it, ever or on that day.
    """
    [ticker] = spelled(session, [typed])
    ids = session.scalars(_WHO, {"ticker": ticker, "on": on}).all()
    if not ids:
        raise NotFound(f"nobody was called {ticker} on {on}: `tickstock symbols show {ticker}` says who was, and when")
    columns = select(*Symbol.__table__.columns).where(Symbol.id.in_(ids))
    found = session.execute(columns.order_by(Symbol.active.desc(), Symbol.id.desc())).mappings().all()
    sessions = calendar.between(date.min, date.max)
    own = {
        name: _by_symbol(session, statement, ids)
        for name, statement in (
            ("names", _NAMES), ("universes", _MEMBERSHIPS), ("choices", _CHOICES), ("bars", _BARS.bindparams(sessions=sessions)), ("queue", _QUEUE),
            ("alerts", _ALERTS), ("decisions", _DECISIONS),
        )
    }  # fmt: skip
    return [
        Security(
            dict(row), own["names"][row["id"]], own["universes"][row["id"]], own["choices"][row["id"]],
            next(iter(own["bars"][row["id"]]), None), next(iter(own["queue"][row["id"]]), None),
            own["alerts"][row["id"]], own["decisions"][row["id"]],
        )
        for row in found
    ]  # fmt: skip


def _by_symbol(session: Session, statement: Executable, ids: Sequence[int]) -> dict[int, list[Row]]:
    """One query for all of them; its first column says whose a row is."""
    found: dict[int, list[Row]] = defaultdict(list)
    for row in session.execute(statement, {"ids": list(ids)}).mappings():
        found[row["symbol_id"]].append({name: value for name, value in row.items() if name != "symbol_id"})
    return found
