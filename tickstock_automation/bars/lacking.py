"""Reading what lacks of requests: a pair is settled when it is stored, known to be empty, or noted as unloaded."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from tickstock_automation.bars.holders import tenures_of
from tickstock_automation.bars.needs import Lacking, OpenRequest, lacking_of
from tickstock_automation.sessions import SessionCalendar

_COUNTS = text("""
SELECT r.place,
       (SELECT count(*) FROM historical_data h WHERE h.symbol_id = r.symbol_id
           AND h.date BETWEEN r.first AND r.last AND h.date <> ALL (:closed))
     + (SELECT count(*) FROM known_empty k WHERE k.symbol_id = r.symbol_id
           AND k.session BETWEEN r.first AND r.last AND k.session <> ALL (:closed))
     + (SELECT count(*) FROM unloaded_bars u WHERE u.symbol_id = r.symbol_id
           AND u.session BETWEEN r.first AND r.last AND u.session <> ALL (:closed) AND NOT u.again)
  FROM unnest(CAST(:symbols AS bigint[]), CAST(:firsts AS date[]), CAST(:lasts AS date[])) WITH ORDINALITY
       AS r (symbol_id, first, last, place)""")

_DAYS = text("""
SELECT r.place, s.day
  FROM unnest(CAST(:symbols AS bigint[]), CAST(:firsts AS date[]), CAST(:lasts AS date[])) WITH ORDINALITY
       AS r (symbol_id, first, last, place)
 CROSS JOIN LATERAL (
       SELECT h.date AS day FROM historical_data h WHERE h.symbol_id = r.symbol_id AND h.date BETWEEN r.first AND r.last
       UNION ALL SELECT k.session FROM known_empty k WHERE k.symbol_id = r.symbol_id AND k.session BETWEEN r.first AND r.last
       UNION ALL SELECT u.session FROM unloaded_bars u WHERE u.symbol_id = r.symbol_id AND u.session BETWEEN r.first AND r.last
                    AND NOT u.again) s""")

_MADE_SINCE = text("""
SELECT ticker, first_session, last_session, finished_at FROM bar_calls WHERE status = 'done' AND endpoint <> 'splits' AND finished_at > :since""")


def read_lacking(
    session: Session, requests: Sequence[OpenRequest], sessions: SessionCalendar, closed: Collection[date]
) -> list[Lacking]:
    """What lacks of each request that lacks anything. `sessions`: without the `closed` ones.

    Counted first: only where a part of a request is settled are its pairs looked at singly.
    """
    rereads = [one for one in requests if one.reread]
    others = [one for one in requests if not one.reread]
    read = _read_since(session, rereads)
    found = [
        lacking_of(one, sessions.between(one.first, one.last), days) for one, days in zip(rereads, read, strict=True)
    ]
    partly: list[OpenRequest] = []
    for one, settled in zip(others, _counts(session, others, closed), strict=True):
        own = sessions.between(one.first, one.last)
        if settled == 0 and own:
            found.append(Lacking(one, ((own[0], own[-1]),), len(own)))
        elif settled < len(own):
            partly.append(one)
    found += [
        lacking_of(one, sessions.between(one.first, one.last), days)
        for one, days in zip(partly, _settled_days(session, partly), strict=True)
    ]
    return [one for one in found if one.pairs]


def _spans(requests: Sequence[OpenRequest]) -> dict[str, object]:
    return {
        "symbols": [one.symbol_id for one in requests], "firsts": [one.first for one in requests],
        "lasts": [one.last for one in requests],
    }  # fmt: skip


def _counts(session: Session, requests: Sequence[OpenRequest], closed: Collection[date]) -> list[int]:
    found = [0] * len(requests)
    for place, count in session.execute(_COUNTS, _spans(requests) | {"closed": list(closed)}):
        found[place - 1] = count
    return found


def _settled_days(session: Session, requests: Sequence[OpenRequest]) -> list[set[date]]:
    found: list[set[date]] = [set() for _ in requests]
    if requests:
        for place, day in session.execute(_DAYS, _spans(requests)):
            found[place - 1].add(day)
    return found


def _read_since(session: Session, rereads: Sequence[OpenRequest]) -> list[set[date]]:
    """Of each re-read, the days that were read since it was asked for."""
    found: list[set[date]] = [set() for _ in rereads]
    if not rereads:
        return found
    made = session.execute(_MADE_SINCE, {"since": min(one.created_at for one in rereads)}).all()
    tickers = tenures_of(session, sorted({one.symbol_id for one in rereads}))
    for one, days in zip(rereads, found, strict=True):
        own = {tenure.ticker for tenure in tickers.get(one.symbol_id, ())}
        for ticker, first, last, at in made:
            if at > one.created_at and (ticker is None or ticker in own):
                begin, end = max(first, one.first), min(last, one.last)
                days |= {begin + timedelta(days=number) for number in range((end - begin).days + 1)}
    return found
