"""Old gaps: sessions between a symbol's first bar and the last loaded one of which it has neither bar nor explanation."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from tickstock_automation.bars.models import EodRun
from tickstock_automation.bars.wanted import Reason, closed_sessions, earliest_session, request_spans
from tickstock_automation.db.runs import DONE
from tickstock_automation.processing.queue import queue_each
from tickstock_automation.sessions import SessionCalendar
from tickstock_automation.settings import Settings

# Counted first, by symbol: only where the count is short are the sessions looked at one by one. What could not be had
# stands for an explanation until half a day has passed, and for good once it came to that too often.
_SHORT = text("""
WITH own AS (SELECT s.id, greatest(min(h.date), :earliest) AS first, count(*) FILTER (WHERE h.date >= :earliest AND h.date <= :last) AS stored
               FROM symbols s JOIN historical_data h ON h.symbol_id = s.id
              WHERE s.active AND s.absent_since IS NULL AND h.date <= :last GROUP BY s.id),
     sessions AS (SELECT day, row_number() OVER (ORDER BY day) AS place FROM unnest(CAST(:sessions AS date[])) AS d (day))
SELECT o.id, o.first FROM own o
  JOIN LATERAL (SELECT (SELECT max(place) FROM sessions) - min(place) + 1 AS due FROM sessions WHERE day >= o.first) d ON true
 WHERE o.stored < d.due
   AND o.stored + (SELECT count(*) FROM known_empty k WHERE k.symbol_id = o.id AND k.session BETWEEN o.first AND :last)
     + (SELECT count(*) FROM unloaded_bars u WHERE u.symbol_id = o.id AND u.session BETWEEN o.first AND :last
           AND (u.times >= :most OR u.recorded_at > now() - interval '12 hours')) < d.due""")

_DAYS = text("""
SELECT s.id, d.day FROM unnest(CAST(:ids AS bigint[]), CAST(:firsts AS date[])) AS s (id, first)
  JOIN unnest(CAST(:sessions AS date[])) AS d (day) ON d.day BETWEEN s.first AND :last
 WHERE NOT EXISTS (SELECT 1 FROM historical_data h WHERE h.symbol_id = s.id AND h.date = d.day)
   AND NOT EXISTS (SELECT 1 FROM known_empty k WHERE k.symbol_id = s.id AND k.session = d.day)
   AND NOT EXISTS (SELECT 1 FROM unloaded_bars u WHERE u.symbol_id = s.id AND u.session = d.day
                      AND (u.times >= :most OR u.recorded_at > now() - interval '12 hours'))
   AND NOT EXISTS (SELECT 1 FROM bar_requests r WHERE r.symbol_id = s.id AND r.status = 'waiting'
                      AND d.day BETWEEN r.first_session AND r.last_session)
 ORDER BY s.id, d.day""")

_TYPES = text("SELECT equity_type, ticker FROM symbols WHERE id = ANY (:ids) AND active")


def request_gaps(session: Session, morning: date, calendar: SessionCalendar, settings: Settings) -> int:
    """Asks for the gaps of active symbols up to the last loaded session before `morning`; gives the number of symbols.

    Not before a symbol's first bar, nor before what the vendor's plan reaches back to; holidays and closures are no gaps.
    """
    last = session.scalar(select(func.max(EodRun.session)).where(EodRun.outcome == DONE, EodRun.session < morning))
    if last is None:
        return 0
    earliest = earliest_session(morning, settings.polygon_history_years)
    closed = closed_sessions(session, earliest, last)
    sessions = [day for day in calendar.between(earliest, last) if day not in closed]
    about = {"sessions": sessions, "last": last, "earliest": earliest, "most": settings.max_attempts}
    short = session.execute(_SHORT, about).all()
    if not short:
        return 0
    found: dict[int, list[date]] = {}
    ids, firsts = [row[0] for row in short], [row[1] for row in short]
    for id_, day in session.execute(_DAYS, {**about, "ids": ids, "firsts": firsts}):
        found.setdefault(id_, []).append(day)
    wanted = [(id_, *span) for id_, days in found.items() for span in spans(days, sessions)]
    request_spans(session, wanted, reason=Reason.MISSING)
    active = [(row[0], row[1]) for row in session.execute(_TYPES, {"ids": sorted(found)})]
    queue_each(session, active, Reason.MISSING, settings.queue_bound)
    return len(found)


def spans(days: Iterable[date], sessions: Sequence[date]) -> list[tuple[date, date]]:
    """Days as spans of sessions that follow one another."""
    places = {day: place for place, day in enumerate(sessions)}
    found: list[tuple[date, date]] = []
    for day in sorted(days):
        if found and places[day] == places[found[-1][1]] + 1:
            found[-1] = (found[-1][0], day)
        else:
            found.append((day, day))
    return found
