"""Storing bars: one COPY and one upsert for each vendor call, in one transaction with its load, corrections, refusals."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import insert, text
from sqlalchemy.orm import Session

from tickstock_automation.bars.models import Load, QuarantinedBar
from tickstock_automation.bars.parse import Refused, parse
from tickstock_automation.db.copy import copy_frame
from tickstock_automation.vendor.client import BarsAnswer

SOURCE = "polygon"

_TEMPORARY = text("""
CREATE TEMPORARY TABLE incoming (symbol_id bigint, date date, open float8, high float8, low float8, close float8,
    volume float8, vwap float8, trade_count bigint) ON COMMIT DROP""")

_CORRECTIONS = text("""
INSERT INTO bar_corrections (symbol_id, session, load_id, old, new)
SELECT h.symbol_id, h.date, :load,
       jsonb_build_object('open', h.open, 'high', h.high, 'low', h.low, 'close', h.close, 'volume', h.volume, 'load_id', h.load_id),
       jsonb_build_object('open', i.open, 'high', i.high, 'low', i.low, 'close', i.close, 'volume', i.volume)
  FROM incoming i JOIN historical_data h USING (symbol_id, date)
 WHERE h.date BETWEEN :first AND :last
   AND (h.open, h.high, h.low, h.close, h.volume) IS DISTINCT FROM (i.open, i.high, i.low, i.close, i.volume)""")

_STORED_BEFORE = text("""
SELECT count(*) FROM incoming i JOIN historical_data h USING (symbol_id, date) WHERE h.date BETWEEN :first AND :last""")

# An unchanged bar is not written at all.
_UPSERT = text("""
INSERT INTO historical_data AS h (symbol_id, date, open, high, low, close, volume, vwap, trade_count, source, load_id)
SELECT symbol_id, date, open, high, low, close, volume, vwap, trade_count, :source, :load FROM incoming
    ON CONFLICT (symbol_id, date) DO UPDATE
   SET open = EXCLUDED.open, high = EXCLUDED.high, low = EXCLUDED.low, close = EXCLUDED.close,
       volume = EXCLUDED.volume, vwap = EXCLUDED.vwap, trade_count = EXCLUDED.trade_count, source = EXCLUDED.source,
       load_id = EXCLUDED.load_id, loaded_at = now()
 WHERE (h.open, h.high, h.low, h.close, h.volume)
       IS DISTINCT FROM (EXCLUDED.open, EXCLUDED.high, EXCLUDED.low, EXCLUDED.close, EXCLUDED.volume)""")


@dataclass(frozen=True)
class Stored:
    """What one call brought."""

    load_id: int
    inserted: int
    updated: int
    refused: tuple[Refused, ...]


def store(
    session: Session, answer: BarsAnswer, symbol_ids: Mapping[str, int], sessions: Collection[date], job: str
) -> Stored:
    """Stores what was asked for of an answer, and counts the rest.

    `symbol_ids`: ticker to id of the symbols wanted; `sessions`: the days wanted. Loading the same again changes nothing.
    """
    parsed = parse(answer.rows, symbol_ids, sessions, answer.arguments.get("ticker"))
    load = Load(
        endpoint=answer.endpoint, arguments=answer.arguments, answer_hash=answer.body_hash, rows=len(answer.rows),
        refused=len(parsed.refused), not_asked=parsed.not_asked, job=job,
    )  # fmt: skip
    session.add(load)
    session.flush()
    if parsed.refused:
        session.execute(
            insert(QuarantinedBar),
            [
                {
                    "load_id": load.id,
                    "ticker": one.ticker,
                    "session": one.session,
                    "reason": one.reason,
                    "raw": _storable(one.raw),
                }
                for one in parsed.refused
            ],
        )
    if parsed.bars.is_empty():
        return Stored(load.id, 0, 0, parsed.refused)
    session.execute(_TEMPORARY)
    copy_frame(session.connection(), parsed.bars, "incoming")
    span = {"first": min(parsed.bars["date"]), "last": max(parsed.bars["date"])}
    before = session.execute(_STORED_BEFORE, span).scalar_one()
    load.updated = session.execute(_CORRECTIONS, {"load": load.id, **span}).rowcount  # type: ignore[attr-defined]
    load.inserted = parsed.bars.height - before
    load.unchanged = before - load.updated
    if load.inserted or load.updated:
        session.execute(_UPSERT, {"load": load.id, "source": SOURCE})
    session.execute(text("DROP TABLE incoming"))
    session.flush()
    return Stored(load.id, load.inserted, load.updated, parsed.refused)


def _storable(raw: Mapping[str, Any]) -> dict[str, Any]:
    """A raw row as PostgreSQL's JSON can hold it: what it cannot (NUL, infinity, nesting) stands as Python shows it."""
    return {
        ascii(key)[1:-1]: value
        if value is None or (isinstance(value, int | float) and math.isfinite(value))
        else ascii(value)[:200]
        for key, value in raw.items()
    }
