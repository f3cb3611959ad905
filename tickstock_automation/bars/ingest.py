"""Storing bars: one COPY and one upsert for each vendor call, in one transaction with its load, corrections, refusals."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl
from sqlalchemy import TextClause, insert, text
from sqlalchemy.orm import Session

from tickstock_automation.bars.held import keep_held
from tickstock_automation.bars.models import Load, QuarantinedBar
from tickstock_automation.bars.parse import Asked, Parsed, Refused, parse
from tickstock_automation.db.copy import copy_frame
from tickstock_automation.vendor.client import BarsAnswer

SOURCE = "polygon"

# Once for a connection: a table made for each call would leave its dead rows in the catalogue.
_TEMPORARY = text("""
CREATE TEMPORARY TABLE IF NOT EXISTS incoming_bars (symbol_id bigint, date date, open float8, high float8, low float8,
    close float8, volume float8, vwap float8, trade_count bigint, flag text) ON COMMIT DELETE ROWS""")

_CORRECTIONS = text("""
INSERT INTO bar_corrections (symbol_id, session, load_id, reason, old, new)
SELECT h.symbol_id, h.date, :load, :reason,
       jsonb_build_object('open', h.open, 'high', h.high, 'low', h.low, 'close', h.close, 'volume', h.volume, 'load_id', h.load_id),
       jsonb_build_object('open', i.open, 'high', i.high, 'low', i.low, 'close', i.close, 'volume', i.volume)
  FROM incoming_bars i JOIN historical_data h USING (symbol_id, date)
 WHERE h.date BETWEEN :first AND :last
   AND (h.open, h.high, h.low, h.close, h.volume) IS DISTINCT FROM (i.open, i.high, i.low, i.close, i.volume)
 ORDER BY h.symbol_id, h.date""")

# An unchanged bar is not written at all. `incoming_bars` is in the order of the key: two loads of the same bars wait for each other.
_UPSERT = text("""
INSERT INTO historical_data AS h (symbol_id, date, open, high, low, close, volume, vwap, trade_count, flag, source, load_id)
SELECT symbol_id, date, open, high, low, close, volume, vwap, trade_count, flag, :source, :load FROM incoming_bars
    ON CONFLICT (symbol_id, date) DO UPDATE
   SET open = EXCLUDED.open, high = EXCLUDED.high, low = EXCLUDED.low, close = EXCLUDED.close,
       volume = EXCLUDED.volume, vwap = EXCLUDED.vwap, trade_count = EXCLUDED.trade_count, flag = EXCLUDED.flag, suspect = false,
       source = EXCLUDED.source, load_id = EXCLUDED.load_id, loaded_at = now()
 WHERE (h.open, h.high, h.low, h.close, h.volume)
       IS DISTINCT FROM (EXCLUDED.open, EXCLUDED.high, EXCLUDED.low, EXCLUDED.close, EXCLUDED.volume)""")

# Where none of them was stored when this transaction looked: one that is there by now came a moment ago.
_INSERT = text("""
INSERT INTO historical_data (symbol_id, date, open, high, low, close, volume, vwap, trade_count, flag, source, load_id)
SELECT symbol_id, date, open, high, low, close, volume, vwap, trade_count, flag, :source, :load FROM incoming_bars
    ON CONFLICT (symbol_id, date) DO NOTHING""")

# A bar that came after all is neither empty nor unloaded any more.
_NO_LONGER_EMPTY = text("""
DELETE FROM known_empty k USING incoming_bars i WHERE k.symbol_id = i.symbol_id AND k.session = i.date""")
_NO_LONGER_UNLOADED = text("""
DELETE FROM unloaded_bars u USING incoming_bars i WHERE u.symbol_id = i.symbol_id AND u.session = i.date""")


@dataclass(frozen=True)
class Stored:
    """What one call brought. `bars` has parse.BAR_COLUMNS."""

    load_id: int
    inserted: int
    updated: int
    bars: pl.DataFrame
    refused: tuple[Refused, ...]


def store(
    session: Session,
    answer: BarsAnswer,
    asked: Asked,
    wanted: pl.DataFrame,
    *,
    job: str,
    reason: str,
    fresh: bool = False,
) -> Stored:
    """Stores what was wanted of an answer (`wanted` has parse.WANTED), counts the rest, keeps aside what is refused.

    Loading the same again changes nothing. `job` says what the call served; `reason` stands at what it corrects; `fresh`:
    none of the wanted bars is stored, so there is nothing to correct.
    """
    parsed = parse(answer.rows, asked, wanted)
    load = note_load(session, answer, asked, parsed, job)
    if not parsed.bars.is_empty():
        _store_bars(session, load, parsed.bars, reason, fresh=fresh)
    return Stored(load.id, load.inserted or 0, load.updated or 0, parsed.bars, parsed.refused)


def note_load(session: Session, answer: BarsAnswer, asked: Asked, parsed: Parsed, job: str) -> Load:
    """Writes a call down with what was refused of it; its bars are the caller's business."""
    load = Load(
        endpoint=answer.endpoint, arguments=answer.arguments, answer_hash=answer.body_hash, rows=len(answer.rows),
        session=asked.first if asked.ticker is None else None, refused=len(parsed.refused), not_asked=parsed.not_asked, job=job,
    )  # fmt: skip
    session.add(load)
    session.flush()
    _quarantine(session, load.id, parsed.refused)
    return load


def _store_bars(session: Session, load: Load, bars: pl.DataFrame, reason: str, *, fresh: bool) -> None:
    session.execute(_TEMPORARY)
    copy_frame(session.connection(), bars, "incoming_bars")
    keep_held(session)
    about = {"load": load.id, "source": SOURCE}
    if fresh:
        load.inserted, load.updated = _count(session, _INSERT, about), 0
    else:
        span = {"reason": reason, "first": min(bars["date"]), "last": max(bars["date"])}
        load.updated = _count(session, _CORRECTIONS, {"load": load.id, **span})
        load.inserted = _count(session, _UPSERT, about) - load.updated
    load.unchanged = bars.height - load.inserted - load.updated
    session.execute(_NO_LONGER_EMPTY)
    session.execute(_NO_LONGER_UNLOADED)
    session.flush()


def _count(session: Session, statement: TextClause, values: dict[str, Any]) -> int:
    return int(session.execute(statement, values).rowcount)  # type: ignore[attr-defined]


def _quarantine(session: Session, load_id: int, refused: tuple[Refused, ...]) -> None:
    if refused:
        rows = [
            {"load_id": load_id, "ticker": one.ticker and _printable(one.ticker), "session": one.session,
             "reason": one.reason, "raw": _storable(one.raw)}
            for one in refused
        ]  # fmt: skip
        session.execute(insert(QuarantinedBar), rows)


def _printable(ticker: str) -> str:
    return ascii(ticker)[1:-1][:100]


def _storable(raw: Mapping[str, Any]) -> dict[str, Any]:
    """A raw row as PostgreSQL's JSON can hold it: what it cannot (NUL, infinity, nesting) stands as Python shows it."""
    return {
        ascii(key)[1:-1]: value
        if value is None or (isinstance(value, int | float) and math.isfinite(value))
        else ascii(value)[:200]
        for key, value in raw.items()
    }
