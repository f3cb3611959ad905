"""Reading and writing symbols' days whole: a bar with all its columns, or what stands in its place."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date

from sqlalchemy import text
from sqlalchemy.orm import Session

from tickstock_automation.bars.repair.outcome import Day, has_bar

Key = tuple[int, date]

_LOCK = text("""
SELECT 1 FROM historical_data h
  JOIN unnest(CAST(:symbols AS bigint[]), CAST(:days AS date[])) AS k (id, day) ON h.symbol_id = k.id AND h.date = k.day
 ORDER BY h.symbol_id, h.date FOR UPDATE OF h""")

# A double's shortest exact decimal, so that what is read back is the same double.
_READ = text("""
SELECT k.id, k.day, coalesce(to_jsonb(h), jsonb_build_object('absent', jsonb_build_object(
       'known_empty', to_jsonb(e), 'unloaded', to_jsonb(u))))
  FROM unnest(CAST(:symbols AS bigint[]), CAST(:days AS date[])) AS k (id, day)
  LEFT JOIN historical_data h ON h.symbol_id = k.id AND h.date = k.day
  LEFT JOIN known_empty e ON e.symbol_id = k.id AND e.session = k.day
  LEFT JOIN unloaded_bars u ON u.symbol_id = k.id AND u.session = k.day""")

_CLEAR = (
    text("""
DELETE FROM historical_data h USING unnest(CAST(:symbols AS bigint[]), CAST(:days AS date[])) AS k (id, day)
 WHERE h.symbol_id = k.id AND h.date = k.day"""),
    text("""
DELETE FROM known_empty e USING unnest(CAST(:symbols AS bigint[]), CAST(:days AS date[])) AS k (id, day)
 WHERE e.symbol_id = k.id AND e.session = k.day"""),
    text("""
DELETE FROM unloaded_bars u USING unnest(CAST(:symbols AS bigint[]), CAST(:days AS date[])) AS k (id, day)
 WHERE u.symbol_id = k.id AND u.session = k.day"""),
)
_BARS = text("""
INSERT INTO historical_data
SELECT (jsonb_populate_record(NULL::historical_data, d)).* FROM unnest(CAST(:rows AS text[])::jsonb[]) AS r (d)""")
_EMPTY = text("""
INSERT INTO known_empty SELECT (jsonb_populate_record(NULL::known_empty, d)).* FROM unnest(CAST(:rows AS text[])::jsonb[]) AS r (d)""")
_UNLOADED = text("""
INSERT INTO unloaded_bars SELECT (jsonb_populate_record(NULL::unloaded_bars, d)).* FROM unnest(CAST(:rows AS text[])::jsonb[]) AS r (d)""")


def lock_days(session: Session, keys: Sequence[Key]) -> None:
    """No load changes their bars before this transaction ends."""
    session.execute(_LOCK, _arrays(keys)).all()


def read_days(session: Session, keys: Sequence[Key]) -> dict[Key, Day]:
    """Each symbol's day as it stands."""
    return {(id_, day): found for id_, day, found in session.execute(_READ, _arrays(keys))}


def write_days(session: Session, days: Mapping[Key, Day]) -> None:
    """Makes each symbol's day what is given, to the last column."""
    if not days:
        return
    for statement in _CLEAR:
        session.execute(statement, _arrays(list(days)))
    bars = [day for day in days.values() if has_bar(day)]
    absent = [day["absent"] for day in days.values() if not has_bar(day)]
    for statement, rows in (
        (_BARS, bars),
        (_EMPTY, [one["known_empty"] for one in absent if one["known_empty"]]),
        (_UNLOADED, [one["unloaded"] for one in absent if one["unloaded"]]),
    ):
        if rows:
            session.execute(statement, {"rows": [json.dumps(row) for row in rows]})


def _arrays(keys: Sequence[Key]) -> dict[str, object]:
    return {"symbols": [id_ for id_, _ in keys], "days": [day for _, day in keys]}
