"""Reading what the checks judge: symbols, bars and splits of a window, of all symbols or of some lanes of them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl
from psycopg2 import sql
from sqlalchemy import text
from sqlalchemy.orm import Session

from tickstock_automation.db.copy import read_frame, read_numbers
from tickstock_automation.quality.frame import BARS, SPLITS, SYMBOLS
from tickstock_automation.quality.judging import HISTORY_SESSIONS
from tickstock_automation.sessions import SessionCalendar

DEFAULT_MOVE_PERCENT = 20
WITNESSES = 500
"""So many symbols tell the market's move of a day well enough."""
LANES = 16
"""Symbols go in lanes by their id; a shard has some of them, and two sweeps never judge one lane at once."""

# What the vendor no longer lists is the scan's business, not a gap.
_SYMBOLS = sql.SQL("""
SELECT s.id, s.ticker, s.equity_type, s.list_date,
       coalesce((t.processing_rules ->> 'price_move_percent')::float8, {percent}) / 100.0
  FROM symbols s JOIN equity_types t ON t.name = s.equity_type
 WHERE s.active AND s.absent_since IS NULL AND (s.bootstrap OR s.first_seen <= {day}) AND {whose}""")

_BARS = sql.SQL("""
SELECT symbol_id, date, open, high, low, close, volume FROM historical_data b
 WHERE date BETWEEN {first} AND {last} AND {whose}""")

_SPLITS = sql.SQL("""
SELECT symbol_id, ex_date, split_to / split_from FROM corporate_actions c
 WHERE kind = 'split' AND ex_date BETWEEN {first} AND {last} AND {whose}""")

_WITNESSES = sql.SQL("""
SELECT id FROM symbols WHERE active AND absent_since IS NULL AND (bootstrap OR first_seen <= {day}) ORDER BY hashint8(id) LIMIT {most}""")

_CLOSED = text("SELECT session FROM session_status WHERE closed")


@dataclass(frozen=True)
class Window:
    """`sessions`: of the exchange, from the first bar wanted to the last one judged; `judged`: those that are judged."""

    sessions: list[date]
    judged: list[date]

    @property
    def first(self) -> date:
        return self.sessions[0]

    @property
    def last(self) -> date:
        return self.sessions[-1]


@dataclass(frozen=True)
class Part:
    """Whose bars: those in some of the lanes, and where `symbols` is given only these."""

    lanes: tuple[int, ...] = tuple(range(LANES))
    symbols: tuple[int, ...] | None = None

    def where(self, column: str) -> sql.Composable:
        """The part as a condition on a column of symbols' ids."""
        about: list[sql.Composable] = [sql.SQL("true")]
        if self.symbols is not None:
            about.append(sql.SQL("{} = ANY ({}::bigint[])").format(sql.Identifier(column), _array(self.symbols)))
        elif len(self.lanes) < LANES:
            lane = sql.SQL("{} % {}").format(sql.Identifier(column), sql.Literal(LANES))
            about.append(sql.SQL("{} = ANY ({}::bigint[])").format(lane, _array(self.lanes)))
        return sql.SQL(" AND ").join(about)


@dataclass(frozen=True)
class Frames:
    """What `judge` is given: frames with the columns BARS, SPLITS, SYMBOLS."""

    bars: pl.DataFrame
    splits: pl.DataFrame
    symbols: pl.DataFrame


def open_sessions(session: Session, calendar: SessionCalendar) -> SessionCalendar:
    """The calendar without the sessions on which the exchange did not trade after all."""
    return calendar.without(set(session.scalars(_CLOSED)))


def window(calendar: SessionCalendar, first: date, last: date) -> Window:
    """Sessions from `first` to `last` to judge, and before them the history that the checks want."""
    judged = calendar.between(first, last)
    before = calendar.between(first - timedelta(days=2 * HISTORY_SESSIONS + 10), first - timedelta(days=1))
    return Window([*before[-HISTORY_SESSIONS:], *judged], judged)


def last_sessions(calendar: SessionCalendar, last: date, count: int) -> list[date]:
    """The last `count` sessions up to `last`."""
    return calendar.between(last - timedelta(days=2 * count + 10), last)[-count:]


def read_frames(session: Session, found: Window, part: Part) -> Frames:
    """All that judging a window needs, in the caller's transaction. Dates that are no sessions are among the bars."""
    span = {"first": sql.Literal(found.first), "last": sql.Literal(found.last)}
    connection = session.connection()
    symbols = _SYMBOLS.format(
        percent=sql.Literal(DEFAULT_MOVE_PERCENT), day=sql.Literal(found.last), whose=part.where("id")
    )  # fmt: skip
    whose = part.where("symbol_id")
    return Frames(
        bars=read_numbers(connection, _BARS.format(whose=whose, **span), BARS),
        splits=read_frame(connection, _SPLITS.format(whose=whose, **span), SPLITS),
        symbols=read_frame(connection, symbols, SYMBOLS),
    )


def read_with_witnesses(session: Session, found: Window, frames: Frames) -> Frames:
    """With some of the rest of the market, where the frames are of few symbols: what moved with the market did so by itself
    only against others."""
    if frames.symbols.height >= WITNESSES:
        return frames
    query = _WITNESSES.format(day=sql.Literal(found.last), most=sql.Literal(WITNESSES))
    ids = read_numbers(session.connection(), query, {"symbol_id": pl.Int64})["symbol_id"]
    others = ids.filter(~ids.is_in(frames.symbols["symbol_id"].implode())).to_list()
    if not others:
        return frames
    rest = read_frames(session, found, Part(symbols=tuple(others)))
    return Frames(
        pl.concat([frames.bars, rest.bars]), pl.concat([frames.splits, rest.splits]), pl.concat([frames.symbols, rest.symbols])
    )  # fmt: skip


def lanes_of(shard: int, shards: int) -> tuple[int, ...]:
    """The lanes of one of `shards` shards."""
    return tuple(range(shard, LANES, shards))


def lanes_with(symbol_ids: Collection[int]) -> tuple[int, ...]:
    """The lanes that some symbols are in."""
    return tuple(sorted({id_ % LANES for id_ in symbol_ids}))


def _array(values: Sequence[int]) -> sql.Composable:
    return sql.Literal(list(values)) if values else sql.SQL("'{}'")
