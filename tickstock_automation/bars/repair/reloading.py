"""Repairs of bars that lack: each becomes a request for the bar, and ends when that is settled one way or the other."""

from __future__ import annotations

import json

from sqlalchemy import text

from tickstock_automation.bars.repair.days import read_days
from tickstock_automation.bars.wanted import Reason, request_spans
from tickstock_automation.db.engine import transaction
from tickstock_automation.db.roles import Role

MOST = 5_000

_WAITING = text("""
SELECT id, symbol_id, session FROM repair_requests WHERE action = 'reload' AND state = 'waiting'
 ORDER BY priority DESC, id LIMIT :most FOR UPDATE SKIP LOCKED""")

_BEGUN = text("""
UPDATE repair_requests r SET state = 'running', attempts = attempts + 1, old = b.old
  FROM unnest(CAST(:ids AS bigint[]), CAST(:olds AS text[])::jsonb[]) AS b (id, old) WHERE r.id = b.id""")

# Stored, known to be empty, noted as unloaded, or wanted by nobody any more.
_SETTLED = text("""
WITH open AS (
    SELECT r.id, to_jsonb(h) AS bar, k.reason AS empty, u.reason AS unloaded,
           EXISTS (SELECT 1 FROM bar_requests q WHERE q.symbol_id = r.symbol_id AND q.status = 'waiting'
                      AND r.session BETWEEN q.first_session AND q.last_session) AS wanted
      FROM repair_requests r
      LEFT JOIN historical_data h ON h.symbol_id = r.symbol_id AND h.date = r.session
      LEFT JOIN known_empty k ON k.symbol_id = r.symbol_id AND k.session = r.session
      LEFT JOIN unloaded_bars u ON u.symbol_id = r.symbol_id AND u.session = r.session AND NOT u.again
     WHERE r.action = 'reload' AND r.state = 'running' FOR UPDATE OF r SKIP LOCKED)
UPDATE repair_requests r
   SET state = CASE WHEN o.bar IS NOT NULL THEN 'applied' WHEN o.empty IS NOT NULL THEN 'done' ELSE 'failed' END,
       new = o.bar, load_id = (o.bar ->> 'load_id')::bigint, completed_at = clock_timestamp(),
       error_message = CASE WHEN o.bar IS NULL THEN coalesce(o.empty, o.unloaded, 'nobody asks for it any more') END
  FROM open o
 WHERE r.id = o.id AND (o.bar IS NOT NULL OR o.empty IS NOT NULL OR o.unloaded IS NOT NULL OR NOT o.wanted)
RETURNING r.id""")


def begin_reloads() -> int:
    """Asks for the bars that repairs wait for; gives how many. The plan of calls has them once it is made anew."""
    with transaction(Role.IPO_MONITOR) as session:
        rows = session.execute(_WAITING, {"most": MOST}).all()
        if not rows:
            return 0
        keys = sorted({(row.symbol_id, row.session) for row in rows})
        days = read_days(session, keys)
        olds = [json.dumps(days[row.symbol_id, row.session]) for row in rows]
        session.execute(_BEGUN, {"ids": [row.id for row in rows], "olds": olds})
        request_spans(session, [(id_, day, day) for id_, day in keys], reason=Reason.MISSING)
    return len(rows)


def end_reloads() -> int:
    """Ends the reloads that are settled; gives how many."""
    with transaction(Role.IPO_MONITOR) as session:
        return len(session.execute(_SETTLED).all())
