"""The checks once more over a few symbols' days: with the bars as they are stored, or with others in their place."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl
from psycopg2 import sql
from sqlalchemy import Executable, func, or_, select
from sqlalchemy.orm import Session

from tickstock_automation.bars.models import CorporateAction
from tickstock_automation.bars.repair.days import Key
from tickstock_automation.bars.repair.outcome import Day, has_bar
from tickstock_automation.db.copy import read_frame
from tickstock_automation.processing.models import EquityType
from tickstock_automation.quality.findings import Finding
from tickstock_automation.quality.frame import BARS, SPLITS, SYMBOLS
from tickstock_automation.quality.judging import HISTORY_SESSIONS, judge
from tickstock_automation.quality.market_days import market_days
from tickstock_automation.sessions import SessionCalendar
from tickstock_automation.symbols.models import Symbol

SESSIONS_AFTER = 10  # a step that lasts is told from a bad print by what follows
AROUND = (
    2  # sessions on both sides of a judged one, of which the whole market is read: a move is held against the market's
)
DEFAULT_MOVE_PERCENT = 20

# All of the symbols in question; of the others only the days about theirs.
_BARS = sql.SQL("""
SELECT {columns} FROM historical_data
 WHERE date BETWEEN {first} AND {last}
   AND (symbol_id = ANY (CAST({ids} AS bigint[]))
        OR (date = ANY (CAST({days} AS date[])) AND symbol_id IN (SELECT id FROM symbols WHERE active)))""")


@dataclass(frozen=True)
class Window:
    """What the checks need to judge some days. `judged`: the days and the session after each."""

    bars: pl.DataFrame
    splits: pl.DataFrame
    symbols: pl.DataFrame
    sessions: list[date]
    judged: list[date]
    market: pl.DataFrame

    def findings(self, instead: Mapping[Key, Day | None] | None = None) -> list[Finding]:
        """Of all checks; `instead`: bars that stand in the place of the stored ones."""
        bars = self.bars if not instead else _replaced(self.bars, instead)
        return judge(bars, self.splits, self.symbols, sessions=self.sessions, judged=self.judged, market=self.market)


def read_window(session: Session, keys: Collection[Key], calendar: SessionCalendar) -> Window:
    """The window about symbols' days."""
    days = sorted({day for _, day in keys})
    ids = sorted({id_ for id_, _ in keys})
    before = calendar.between(date.fromordinal(days[0].toordinal() - 2 * HISTORY_SESSIONS - 30), days[0])
    after = calendar.between(days[-1], date.fromordinal(days[-1].toordinal() + 3 * SESSIONS_AFTER))
    sessions = sorted(
        {*before[-HISTORY_SESSIONS - 1 :], *calendar.between(days[0], days[-1]), *after[: SESSIONS_AFTER + 1]}
    )
    around = _around(days, sessions)
    bars = read_frame(
        session.connection(),
        _BARS.format(
            columns=sql.SQL(", ").join(map(sql.Identifier, BARS)), first=sql.Literal(sessions[0]),
            last=sql.Literal(sessions[-1]), ids=sql.Literal(ids), days=sql.Literal(around),
        ),
        BARS,
    )  # fmt: skip
    ratio = CorporateAction.split_to / CorporateAction.split_from
    splits = select(CorporateAction.symbol_id, CorporateAction.ex_date, ratio).where(
        CorporateAction.kind == "split", CorporateAction.ex_date.between(sessions[0], sessions[-1])
    )
    percent = func.coalesce(EquityType.processing_rules["price_move_percent"].as_float(), DEFAULT_MOVE_PERCENT)
    symbols = (
        select(Symbol.id, Symbol.ticker, Symbol.equity_type, Symbol.list_date, percent / 100.0)
        .join(EquityType, EquityType.name == Symbol.equity_type)
        .where(or_(Symbol.active, Symbol.id.in_(ids)))
    )
    last = bars["date"].max()
    known = [day for day in sessions if isinstance(last, date) and day <= last]
    return Window(
        bars, _frame(session, splits, SPLITS), _frame(session, symbols, SYMBOLS), known,
        sorted({*days, *(day for day in _next(days, known))}), market_days(session, sessions[0], sessions[-1]),
    )  # fmt: skip


def _around(days: Collection[date], sessions: list[date]) -> list[date]:
    found: set[date] = set()
    for day in days:
        at = sum(one < day for one in sessions)
        found |= set(sessions[max(0, at - AROUND) : at + AROUND + 1])
    return sorted(found)


def _next(days: Collection[date], sessions: list[date]) -> set[date]:
    return {following[0] for day in days if (following := [one for one in sessions if one > day][:1])}


def _replaced(bars: pl.DataFrame, instead: Mapping[Key, Day | None]) -> pl.DataFrame:
    gone = pl.DataFrame(list(instead), schema={"symbol_id": pl.Int64, "date": pl.Date}, orient="row")
    rows = [
        {name: day.get(name) for name in BARS} | {"symbol_id": id_, "date": at}
        for (id_, at), day in instead.items()
        if day is not None and has_bar(day)
    ]
    return pl.concat(
        [bars.join(gone, on=["symbol_id", "date"], how="anti"), pl.DataFrame(rows, schema=BARS, orient="row")]
    )


def _frame(session: Session, query: Executable, schema: dict[str, Any]) -> pl.DataFrame:
    rows = [tuple(row) for row in session.execute(query)]
    return pl.DataFrame(rows, schema=schema, orient="row")
