"""Restoring what was archived, by a scan or by a person: active again, pinned, with the bars that it lacks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Any

from sqlalchemy import func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from tickstock_automation.bars.wanted import Reason, request_bars
from tickstock_automation.errors import DatabaseConflict, NotFound, UsedWrongly
from tickstock_automation.events.catalogue import NewSymbol, Service
from tickstock_automation.events.outbox import Pending, add_events
from tickstock_automation.processing.queue import queue_each
from tickstock_automation.sessions import SessionCalendar
from tickstock_automation.settings import Settings
from tickstock_automation.symbols.decisions import Action, Decided, Word, last_called, locked, note, pin_told
from tickstock_automation.symbols.models import Symbol, SymbolAlias, UniverseMember


def restore(
    session: Session,
    tickers: Sequence[str],
    word: Word,
    calendar: SessionCalendar,
    settings: Settings,
    symbol_id: int | None = None,
) -> list[Decided]:
    """Makes archived ones active again, pinned, and asks for the bars they lack. `symbol_id` names one of several.

    Raises UsedWrongly where another security has the ticker today, or several had it and none is named; NotFound where
    `symbol_id` never had it; DatabaseConflict where a scan gives the ticker away at this moment.
    """
    if symbol_id is not None and len(tickers) != 1:
        raise UsedWrongly("an id names one security: give one ticker with it")
    back, decided = {}, []
    for ticker, ones in locked(session, tickers).items():
        one = _to_restore(ticker, ones, symbol_id)
        if not one.active:
            back[one.id] = one
        decided.append(
            Decided(one.ticker, one.id, not one.active, "active already" if one.active else "restored and pinned")
        )
    if back:
        _list_again(session, list(back.values()), word, calendar, settings)
        note(session, Action.RESTORE, back, word)
    return decided


def resumes(own: Sequence[date | None], others: Sequence[date | None], day: date) -> date | None:
    """From when on a restored security has its ticker again; None where another security has it still.

    `own` and `others`: the days on which it and other securities lost that ticker; None: not lost.
    From when it lost it: it is taken to have been listed all along, so that bars from in between are found. Only if
    another one had the ticker since, from `day`.
    """
    lost = max((end for end in own if end), default=day)
    if None in others:
        return None
    since = [end for end in others if end is not None and end > lost]
    return max([day, *since]) if since else lost


def _to_restore(ticker: str, ones: list[Symbol], symbol_id: int | None) -> Symbol:
    if symbol_id is not None:
        named = next((one for one in ones if one.id == symbol_id), None)
        if named is None:
            raise NotFound(f"{symbol_id} never was called {ticker}: {_listed(ones)}")
        return named
    gone = last_called(ticker, ones) or [one for one in ones if not one.active]
    if not gone:
        return ones[0]
    if len(gone) > 1:
        raise UsedWrongly(f"several archived securities were called {ticker}, name one with --id: {_listed(gone)}")
    return gone[0]


def _listed(ones: Iterable[Symbol]) -> str:
    return ", ".join(
        f"{one.id} ({one.name or one.ticker}, {'active' if one.active else f'archived {one.delist_date}'})" for one in ones
    )  # fmt: skip


def _names_again(session: Session, back: list[Symbol], day: date) -> list[dict[str, Any]]:
    names = session.execute(
        select(SymbolAlias.ticker, SymbolAlias.symbol_id, SymbolAlias.valid_to).where(
            SymbolAlias.ticker.in_([one.ticker for one in back])
        )
    ).all()
    aliases = []
    for one in back:
        own = [end for ticker, id_, end in names if ticker == one.ticker and id_ == one.id]
        others = [end for ticker, id_, end in names if ticker == one.ticker and id_ != one.id]
        begin = resumes(own, others, day)
        if begin is None:
            raise UsedWrongly(
                f"another security is called {one.ticker} now: `tickstock symbols show {one.ticker}`; archive that one first"
            )
        aliases.append({"symbol_id": one.id, "ticker": one.ticker, "valid_from": begin})
    return aliases


def _list_again(
    session: Session, back: list[Symbol], word: Word, calendar: SessionCalendar, settings: Settings
) -> None:
    aliases = _names_again(session, back, word.day)
    again = {"active": True, "delist_date": None, "absent_since": None, "archived_by": None, "kept_by": word.author}
    ids = [one.id for one in back]
    try:
        session.execute(update(Symbol).values(**again, updated_at=func.now()).where(Symbol.id.in_(ids)))
        session.execute(insert(SymbolAlias), aliases)
    except IntegrityError as error:
        names = ", ".join(one.ticker for one in back)
        raise DatabaseConflict(
            f"a scan gave a ticker of {names} to another security at this moment; nothing was changed", 1.0
        ) from error
    first = word.day - timedelta(days=settings.backfill_days)
    days = calendar.between(first, word.day - timedelta(days=1))
    request_bars(session, ids, days[0], days[-1], reason=Reason.NEW_LISTING, as_of=word.day)
    queue_each(session, [(one.equity_type, one.ticker) for one in back], Reason.NEW_LISTING, settings.queue_bound)
    kept = session.execute(
        select(UniverseMember.symbol_id, UniverseMember.universe)
        .where(UniverseMember.symbol_id.in_(ids))
        .order_by(UniverseMember.universe)
    ).all()
    told = [
        NewSymbol(
            symbol=one.ticker, name=one.name, type=one.type, exchange=one.exchange, equity_type=one.equity_type,
            reason="relisted", session=word.day, universes=[universe for id_, universe in kept if id_ == one.id],
        )
        for one in back
    ]  # fmt: skip
    events = [Pending(data, one.id) for data, one in zip(told, back, strict=True)]
    add_events(session, Service.IPO_MONITOR, [*events, *(pin_told(one, word, pinned=True) for one in back)])
