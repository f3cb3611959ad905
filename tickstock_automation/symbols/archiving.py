"""Archiving a symbol: kept with its history, inactive, no longer processed. By a scan or by a person."""

from __future__ import annotations

from datetime import date
from typing import Literal

import structlog
from sqlalchemy import func, text, update
from sqlalchemy.orm import Session

from tickstock_automation.events.catalogue import Service, SymbolArchived
from tickstock_automation.events.outbox import Pending, add_events
from tickstock_automation.symbols.models import Symbol, SymbolAlias

log = structlog.get_logger("symbols")

_CANCEL = text("""
UPDATE equity_processing_queue SET status = 'cancelled', completed_at = now(), error_message = 'delisted'
 WHERE symbol_id = :id AND status = 'pending'""")


def archive(
    session: Session,
    symbol_id: int,
    ticker: str,
    *,
    day: date,
    delist_date: date,
    reason: Literal["absent_twice", "vendor_says_delisted", "by_person"],
    author: str | None = None,
    words: str | None = None,
) -> bool:
    """Archives an active symbol in the caller's transaction, with its event. `day` is the session of the scan, or the coming
    one; `delist_date` the first session it is no longer listed on. By a person: nothing but a person lists it again.

    False, and nothing done, where it is not active any more, or where a person pinned it since the scan looked.
    """
    rows = update(Symbol).where(Symbol.id == symbol_id, Symbol.active)
    if author is None:
        rows = rows.where(Symbol.kept_by.is_(None))
    gone = {"active": False, "delist_date": delist_date, "kept_by": None, "archived_by": author}
    if session.scalar(rows.values(**gone, updated_at=func.now()).returning(Symbol.id)) is None:
        return False
    closed = update(SymbolAlias).values(valid_to=func.greatest(delist_date, SymbolAlias.valid_from))
    session.execute(closed.where(SymbolAlias.symbol_id == symbol_id, SymbolAlias.valid_to.is_(None)))
    session.execute(_CANCEL, {"id": symbol_id})
    event = SymbolArchived(
        symbol=ticker, session=day, delist_date=delist_date, reason=reason, author=author, words=words
    )
    add_events(session, Service.IPO_MONITOR, [Pending(event, symbol_id)])
    log.info("symbol archived", symbol=ticker, delisted=str(delist_date), reason=reason)
    return True
