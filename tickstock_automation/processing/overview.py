"""The work list for a person to read: each type's settings and figures, and the symbols that failed. Reads only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

_TYPES = text("""
WITH waiting AS (
         SELECT equity_type, count(*) FILTER (WHERE status = 'pending') AS pending,
                count(*) FILTER (WHERE status = 'pending' AND scheduled_time <= now()) AS due,
                count(*) FILTER (WHERE status = 'running' AND begun_at IS NULL) AS sent,
                count(*) FILTER (WHERE status = 'running' AND begun_at IS NOT NULL) AS running,
                min(scheduled_time) FILTER (WHERE begun_at IS NULL AND scheduled_time <= now()) AS oldest
           FROM equity_processing_queue WHERE status IN ('pending', 'running') GROUP BY 1),
     failed AS (
         SELECT equity_type, count(*) AS number FROM equity_processing_queue q
          WHERE status = 'failed'
            AND NOT EXISTS (SELECT FROM equity_processing_queue n WHERE n.symbol_id = q.symbol_id AND n.id > q.id)
          GROUP BY 1),
     hour AS (
         SELECT equity_type, sum(processed) AS processed, sum(failed) AS failed FROM processing_stats
          WHERE finished_at > now() - interval '1 hour' GROUP BY 1)
SELECT t.name, t.priority_level, t.batch_size, t.rate_limit_ms, t.paused_by, t.paused_at, t.paused_reason,
       coalesce(w.pending, 0), coalesce(w.due, 0), coalesce(w.sent, 0), coalesce(w.running, 0), coalesce(f.number, 0),
       CAST(extract(epoch FROM now() - w.oldest) AS double precision),
       CAST(coalesce(h.processed, 0) AS bigint), CAST(coalesce(h.failed, 0) AS bigint)
  FROM equity_types t
  LEFT JOIN waiting w ON w.equity_type = t.name
  LEFT JOIN failed f ON f.equity_type = t.name
  LEFT JOIN hour h ON h.equity_type = t.name
 ORDER BY t.priority_level DESC, t.name""")

_FAILED = text("""
SELECT s.ticker, q.equity_type, q.reason, q.attempts, q.completed_at, coalesce(q.error_message, '')
  FROM equity_processing_queue q JOIN symbols s ON s.id = q.symbol_id
 WHERE q.status = 'failed'
   AND NOT EXISTS (SELECT FROM equity_processing_queue n WHERE n.symbol_id = q.symbol_id AND n.id > q.id)
 ORDER BY q.completed_at DESC, s.ticker""")


@dataclass(frozen=True)
class TypeStatus:
    """One equity type: how it is processed, and what of it waits, is sent to the workers, is at work, has failed."""

    equity_type: str
    priority: int
    batch_size: int
    rate_limit_ms: int
    paused_by: str | None
    paused_at: datetime | None
    paused_reason: str | None
    pending: int
    due: int
    sent: int
    running: int
    failed: int
    oldest_wait_s: float | None
    processed_last_hour: int
    failed_last_hour: int


@dataclass(frozen=True)
class Failed:
    """A symbol that needs a person: its last entry failed for good."""

    symbol: str
    equity_type: str
    reason: str
    attempts: int
    failed_at: datetime
    error: str


def types(session: Session) -> list[TypeStatus]:
    """All equity types, highest priority first."""
    return [TypeStatus(*row) for row in session.execute(_TYPES)]


def failed(session: Session) -> list[Failed]:
    """What failed and was not queued again since, newest first."""
    return [Failed(*row) for row in session.execute(_FAILED)]
