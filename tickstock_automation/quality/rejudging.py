"""The checks once more over a few symbols' days: with the bars as they are stored, or with others in their place."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta

import polars as pl
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from tickstock_automation.bars.repair.days import Key
from tickstock_automation.bars.repair.outcome import Day, has_bar
from tickstock_automation.processing.models import EquityType
from tickstock_automation.quality import reading
from tickstock_automation.quality.findings import Finding
from tickstock_automation.quality.frame import BARS, FEW_SYMBOLS, SYMBOLS
from tickstock_automation.quality.judging import HISTORY_SESSIONS, judge
from tickstock_automation.quality.market_days import market_days
from tickstock_automation.quality.reading import Frames, Part, open_sessions, read_frames, read_with_witnesses
from tickstock_automation.sessions import SessionCalendar
from tickstock_automation.symbols.models import Symbol


@dataclass(frozen=True)
class Window:
    """What the checks need to judge some days as a sweep does. `judged`: the days and the session after each."""

    frames: Frames
    sessions: list[date]
    judged: list[date]
    market: pl.DataFrame

    def findings(self, instead: Mapping[Key, Day | None] | None = None) -> list[Finding]:
        """Of all checks; `instead`: bars that stand in the place of the stored ones.

        What the market did on a day of which many bars are other ones is told by these, and not by what was noted of it.
        """
        bars, market = self.frames.bars, self.market
        if instead:
            bars = _replaced(bars, instead)
            others = Counter(day for _, day in instead)
            market = market.filter(~pl.col("date").is_in([day for day, many in others.items() if many >= FEW_SYMBOLS]))
        splits, symbols = self.frames.splits, self.frames.symbols
        return judge(bars, splits, symbols, sessions=self.sessions, judged=self.judged, market=market)


def read_window(session: Session, keys: Collection[Key], calendar: SessionCalendar) -> Window:
    """The window about symbols' days, as far on both sides as the checks look, with the market's witnesses."""
    days, ids = sorted({day for _, day in keys}), sorted({id_ for id_, _ in keys})
    sessions = _around(open_sessions(session, calendar), days)
    about = reading.Window(sessions, days)
    own = replace(read_frames(session, about, Part(symbols=tuple(ids))), symbols=_symbols(session, ids))
    frames = read_with_witnesses(session, about, own)
    last = frames.bars["date"].max()
    known = [day for day in sessions if isinstance(last, date) and day <= last]
    judged = sorted({*days, *_next(days, known)})
    return Window(frames, known, judged, market_days(session, sessions[0], sessions[-1]))


def _around(calendar: SessionCalendar, days: list[date]) -> list[date]:
    far = timedelta(days=2 * HISTORY_SESSIONS + 10)
    before = calendar.between(days[0] - far, days[0] - timedelta(days=1))
    after = calendar.between(days[-1] + timedelta(days=1), days[-1] + far)
    return [
        *before[-HISTORY_SESSIONS:], *calendar.between(days[0], days[-1]), *after[:HISTORY_SESSIONS],
    ]  # fmt: skip


def _next(days: Collection[date], sessions: list[date]) -> set[date]:
    return {following[0] for day in days if (following := [one for one in sessions if one > day][:1])}


def _symbols(session: Session, ids: Collection[int]) -> pl.DataFrame:
    """One that was archived since is judged all the same."""
    percent = func.coalesce(
        EquityType.processing_rules["price_move_percent"].as_float(), reading.DEFAULT_MOVE_PERCENT
    )  # fmt: skip
    found = (
        select(Symbol.id, Symbol.ticker, Symbol.equity_type, Symbol.list_date, percent / 100.0)
        .join(EquityType, EquityType.name == Symbol.equity_type)
        .where(Symbol.id.in_(ids))
    )
    return pl.DataFrame([tuple(row) for row in session.execute(found)], schema=SYMBOLS, orient="row")


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
