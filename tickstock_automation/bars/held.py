"""What a load must not undo: bars that a person set, and what the vendor repeats though it was judged wrong."""

from __future__ import annotations

import json

from sqlalchemy import text
from sqlalchemy.orm import Session

from tickstock_automation.events.catalogue import Service

CHECK = "vendor_differs"

# The newest repair of a symbol's day decides. A person's bar (or absence) stays whatever comes; after a repair from the other
# endpoint only the very values stay out that it replaced; a reload that a person undid stays undone.
_KEEP = text("""
WITH newest AS (
    SELECT DISTINCT ON (r.symbol_id, r.session) r.*
      FROM repair_requests r JOIN incoming_bars i ON i.symbol_id = r.symbol_id AND i.date = r.session
     WHERE (r.state = 'applied' AND r.action IN ('fix', 'delete', 'refetch')) OR (r.state = 'undone' AND r.action = 'reload')
     ORDER BY r.symbol_id, r.session, r.id DESC),
held AS (
    DELETE FROM incoming_bars i USING newest n
     WHERE n.symbol_id = i.symbol_id AND n.session = i.date
       AND (n.action <> 'refetch'
            OR (i.open, i.high, i.low, i.close, i.volume) IS NOT DISTINCT FROM (
                (n.old ->> 'open')::float8, (n.old ->> 'high')::float8, (n.old ->> 'low')::float8, (n.old ->> 'close')::float8,
                (n.old ->> 'volume')::float8))
    RETURNING i.*, n.id AS repair, n.action, n.author, n.old)
SELECT s.ticker, h.date, h.repair, h.author, h.open, h.high, h.low, h.close, h.volume
  FROM held h JOIN symbols s ON s.id = h.symbol_id
  LEFT JOIN historical_data b ON b.symbol_id = h.symbol_id AND b.date = h.date
 WHERE h.action IN ('fix', 'delete')
   AND (h.open, h.high, h.low, h.close, h.volume) IS DISTINCT FROM (b.open, b.high, b.low, b.close, b.volume)
   AND (h.open, h.high, h.low, h.close, h.volume) IS DISTINCT FROM (
        (h.old ->> 'open')::float8, (h.old ->> 'high')::float8, (h.old ->> 'low')::float8, (h.old ->> 'close')::float8,
        (h.old ->> 'volume')::float8)
 ORDER BY h.symbol_id, h.date""")

_REPORT = text("""
INSERT INTO operational_findings (check_name, severity, session, reported_by, message, evidence)
SELECT :check, 'low', day, :service, message, evidence
  FROM unnest(CAST(:days AS date[]), CAST(:messages AS text[]), CAST(:evidence AS text[])::jsonb[]) AS f (day, message, evidence)
 WHERE NOT EXISTS (SELECT 1 FROM operational_findings o WHERE o.check_name = :check AND o.evidence = f.evidence)""")


def keep_held(session: Session) -> None:
    """Takes what must not be stored out of `incoming_bars`.

    The vendor's own new word on a day that a person set is a finding, once for the same values; what the person replaced is
    not news.
    """
    differing = session.execute(_KEEP).all()
    if not differing:
        return
    names = ("open", "high", "low", "close", "volume")
    session.execute(
        _REPORT,
        {
            "check": CHECK, "service": Service.IPO_MONITOR.value, "days": [row.date for row in differing],
            "messages": [
                f"{row.ticker} {row.date}: the vendor now says close {row.close:g}, volume {row.volume:g}; the bar that"
                f" {row.author} set by hand is kept: `tickstock quality undo --repair {row.repair}` lets the vendor's in"
                for row in differing
            ],
            "evidence": [
                json.dumps({"symbol": row.ticker, "repair": row.repair} | {name: getattr(row, name) for name in names})
                for row in differing
            ],
        },
    )  # fmt: skip
