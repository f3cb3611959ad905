"""A person's word on symbols: pin, unpin, archive (and, in restoring.py, restore). It stands above what scans find.

Each works on all that were named or on none, in the caller's transaction: rows, who decided and why, events. What is so
already is left as it is, and said. The securities' rows are locked first, lowest id first: of two people at once the second
sees what the first one did.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import Session

from tickstock_automation.errors import NotFound, UsedWrongly
from tickstock_automation.events.catalogue import FieldChange, Service, SymbolChanged
from tickstock_automation.events.outbox import MOST_SYMBOLS, Pending, add_events
from tickstock_automation.symbols.archiving import archive as archive_one
from tickstock_automation.symbols.lookup import spelled
from tickstock_automation.symbols.models import Symbol, SymbolAlias, SymbolDecision


class Action(StrEnum):
    """What a person may decide; each is undone by its opposite."""

    PIN = "pin"
    UNPIN = "unpin"
    ARCHIVE = "archive"
    RESTORE = "restore"


@dataclass(frozen=True)
class Word:
    """Who decides, why, and the session (the coming one) from which on it holds."""

    day: date
    author: str
    reason: str

    def __post_init__(self) -> None:
        if not self.author.strip() or not self.reason.strip():
            raise UsedWrongly("a decision needs an author and a reason: who reads it later must be able to ask back")


@dataclass(frozen=True)
class Decided:
    """What became of one ticker; `changed` False: it was so already, and `words` says since when or by whom."""

    ticker: str
    symbol_id: int
    changed: bool
    words: str


def pin(session: Session, tickers: Sequence[str], word: Word) -> list[Decided]:
    """From now on no scan archives them. Raises NotFound for what is no ticker today, UsedWrongly for what is archived."""
    return _set_pin(session, tickers, word, pinned=True)


def unpin(session: Session, tickers: Sequence[str], word: Word) -> list[Decided]:
    """Scans may archive them again: those that are not listed, with the next scan. Raises what `pin` raises."""
    return _set_pin(session, tickers, word, pinned=False)


def archive(session: Session, tickers: Sequence[str], word: Word) -> list[Decided]:
    """Archives them as a scan does, but no scan lists them again. Raises NotFound for what is no ticker today."""
    going, decided = {}, []
    for ticker, ones in locked(session, tickers).items():
        holder = _holder(ticker, ones)
        if holder is None:
            newest = last_called(ticker, ones)[0]
            by = f"by {newest.archived_by}" if newest.archived_by else "by a scan"
            decided.append(Decided(ticker, newest.id, False, f"archived already, {by}, on {newest.delist_date}"))
        else:
            going[holder.id] = ticker
            decided.append(Decided(ticker, holder.id, True, f"archived, not listed from {word.day} on"))
    for id_ in sorted(going):
        archive_one(
            session, id_, going[id_],
            day=word.day, delist_date=word.day, reason="by_person", author=word.author, words=word.reason,
        )  # fmt: skip
    note(session, Action.ARCHIVE, going, word)
    return decided


def _set_pin(session: Session, tickers: Sequence[str], word: Word, *, pinned: bool) -> list[Decided]:
    set_, decided = [], []
    for ticker, ones in locked(session, tickers).items():
        holder = _holder(ticker, ones)
        if holder is None and pinned:
            raise UsedWrongly(f"{ticker} is archived: `tickstock symbols restore {ticker}` lists it again, and pins it")
        one = holder or last_called(ticker, ones)[0]
        if (one.kept_by is not None) == pinned:
            words = f"pinned already, by {one.kept_by}" if pinned else "not pinned"
            decided.append(Decided(ticker, one.id, False, words))
            continue
        set_.append(one)
        decided.append(Decided(ticker, one.id, True, "pinned" if pinned else "no longer pinned"))
    ids = [one.id for one in set_]
    kept = {"kept_by": word.author if pinned else None, "updated_at": func.now()}
    session.execute(update(Symbol).values(**kept).where(Symbol.id.in_(ids)))
    add_events(session, Service.IPO_MONITOR, [pin_told(one, word, pinned=pinned) for one in set_])
    note(session, Action.PIN if pinned else Action.UNPIN, ids, word)
    return decided


def locked(session: Session, tickers: Sequence[str]) -> dict[str, list[Symbol]]:
    """By ticker as it is spelled: the securities that have it or had it, newest first; all of them locked."""
    names = spelled(session, tickers)
    if len(names) > MOST_SYMBOLS:
        raise UsedWrongly(f"{len(names)} tickers at once; at most {MOST_SYMBOLS}: give them in parts")
    had = session.execute(
        select(SymbolAlias.ticker, SymbolAlias.symbol_id).distinct().where(SymbolAlias.ticker.in_(names))
    ).all()
    rows = select(Symbol).where(Symbol.id.in_({id_ for _, id_ in had})).order_by(Symbol.id).with_for_update()
    symbols = {one.id: one for one in session.scalars(rows, execution_options={"populate_existing": True})}
    found: dict[str, list[Symbol]] = {name: [] for name in names}
    for name, id_ in sorted(had, key=lambda row: -row[1]):
        found[name].append(symbols[id_])
    return found


def _holder(ticker: str, ones: list[Symbol]) -> Symbol | None:
    """Who has the ticker today; None where its last holder is archived."""
    holder = next((one for one in ones if one.active and one.ticker == ticker), None)
    if holder is None and not last_called(ticker, ones):
        raise NotFound(f"nobody is called {ticker} any more: who was is {' and '.join(one.ticker for one in ones)} now")
    return holder


def last_called(ticker: str, ones: list[Symbol]) -> list[Symbol]:
    """The archived ones whose last ticker it was."""
    return [one for one in ones if not one.active and one.ticker == ticker]


def pin_told(one: Symbol, word: Word, *, pinned: bool) -> Pending:
    """The event of a security that is pinned, or no longer."""
    change = FieldChange(old=not pinned, new=pinned)
    return Pending(
        SymbolChanged(
            symbol=one.ticker, session=word.day, changes={"pinned": change}, author=word.author, words=word.reason
        ),
        one.id,
    )


def note(session: Session, action: Action, ids: Iterable[int], word: Word) -> None:
    """Writes down who decided what about these securities, and why."""
    rows = [
        {"symbol_id": id_, "action": action.value, "author": word.author, "reason": word.reason} for id_ in sorted(ids)
    ]
    if rows:
        session.execute(insert(SymbolDecision), rows)
