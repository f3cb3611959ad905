"""Storing what a scan found: new and relisted symbols, renames and changed details, each with its event."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

import structlog
from sqlalchemy import bindparam, func, insert, select, text, update
from sqlalchemy.orm import Session

from tickstock_automation.bars.wanted import Reason, request_bars
from tickstock_automation.events.catalogue import FieldChange, NewSymbol, Service, SymbolChanged
from tickstock_automation.events.outbox import Pending, add_events
from tickstock_automation.processing.queue import queue_each
from tickstock_automation.symbols.diff import DETAILS, Changed
from tickstock_automation.symbols.ipos import link, match_ipo
from tickstock_automation.symbols.membership import by_rule
from tickstock_automation.symbols.models import Symbol, SymbolAlias
from tickstock_automation.symbols.universes import Facts, RuleSet
from tickstock_automation.vendor.client import Ipo, Listing

log = structlog.get_logger("scan")

_ENTER = text("""
INSERT INTO universe_members (universe, symbol_id, reason)
SELECT * FROM unnest(CAST(:universes AS text[]), CAST(:ids AS bigint[]), CAST(:reasons AS text[])) ON CONFLICT DO NOTHING""")


@dataclass(frozen=True)
class Around:
    """What storing needs to know besides the listings. `sessions`: of which bars are wanted, oldest first."""

    day: date
    rules: RuleSet
    ipos: Sequence[Ipo]
    sessions: Sequence[date]
    queue_bound: int


def store_new(session: Session, listings: Sequence[Listing], around: Around, *, bootstrap: bool) -> None:
    """New symbols, each with its alias, universes, wanted bars, queue entry and event."""
    listed = None if bootstrap else around.day
    ipos = {} if bootstrap else {one.ticker: match_ipo(one, around.ipos, around.day) for one in listings}
    values = []
    for one in listings:
        ipo = ipos.get(one.ticker)
        values.append(
            _values(one, around) | {
                "first_seen": around.day, "bootstrap": bootstrap, "list_date": listed,
                "ipo_price": ipo.issue_price if ipo else None,
            }
        )  # fmt: skip
    inserted = session.execute(insert(Symbol).returning(Symbol.ticker, Symbol.id), values)
    ids: dict[str, int] = dict(inserted.all())
    link(session, [(ipo, ids[ticker]) for ticker, ipo in ipos.items() if ipo])
    aliases = [{"symbol_id": ids[one.ticker], "ticker": one.ticker, "valid_from": listed} for one in listings]
    session.execute(insert(SymbolAlias), aliases)
    _begin(session, listings, ids, around, "bootstrap" if bootstrap else "listed", ipos)


def store_relisted(session: Session, symbol_id: int, listing: Listing, around: Around) -> None:
    """A symbol that was archived and is listed again: its row goes on."""
    again = _values(listing, around) | {"active": True, "delist_date": None, "absent_since": None}
    known = {name: value for name, value in again.items() if value is not None or name not in DETAILS}
    session.execute(update(Symbol).values(**known, updated_at=func.now()).where(Symbol.id == symbol_id))
    session.execute(insert(SymbolAlias), [{"symbol_id": symbol_id, "ticker": listing.ticker, "valid_from": around.day}])
    _begin(session, [listing], {listing.ticker: symbol_id}, around, "relisted", {})


def _begin(
    session: Session, listings: Sequence[Listing], ids: dict[str, int], around: Around,
    reason: Literal["bootstrap", "listed", "relisted"], ipos: dict[str, Ipo | None],
) -> None:  # fmt: skip
    members, events = [], []
    queued = []
    for listing in listings:
        id_, facts, ipo = ids[listing.ticker], _facts(listing, around, reason), ipos.get(listing.ticker)
        universes = around.rules.universes_of(facts, around.day)
        equity_type = around.rules.equity_type_of(facts, around.day)
        queued.append((equity_type, listing.ticker))
        members += [(name, id_, by_rule(name, around.day)) for name in universes]
        event = NewSymbol(
            symbol=listing.ticker, name=listing.name, type=listing.type, exchange=listing.exchange,
            equity_type=equity_type, reason="ipo" if ipo else reason, session=around.day, universes=universes,
            ipo_date=ipo.listing_date if ipo else None, ipo_price=ipo.issue_price if ipo else None,
        )  # fmt: skip
        events.append(Pending(event, id_))
        if reason != "bootstrap":
            log.info("symbol listed", symbol=listing.ticker, reason=event.reason)
    if members:
        session.execute(
            _ENTER, {name: [row[at] for row in members] for at, name in enumerate(("universes", "ids", "reasons"))}
        )
    if around.sessions:
        first, last = around.sessions[0], around.sessions[-1]
        request_bars(session, list(ids.values()), first, last, reason=Reason.NEW_LISTING, as_of=around.day)
    queue_each(session, queued, Reason.NEW_LISTING, around.queue_bound)
    add_events(session, Service.IPO_MONITOR, events)


def store_changes(session: Session, group: Sequence[Changed], around: Around) -> None:
    """Renames and changed details, all in one transaction: two tickers may swap. What a person archived meanwhile stays."""
    ids = select(Symbol.id).where(Symbol.id.in_([one.id for one in group]), Symbol.active)
    active = set(session.scalars(ids.order_by(Symbol.id).with_for_update()))
    group = [one for one in group if one.id in active]
    if not group:
        return
    _rename(session, [one for one in group if "ticker" in one.changes], around.day)
    values, events = [], []
    for one in group:
        new = {name: getattr(one.listing, name) for name in one.changes}
        values.append({"b_id": one.id} | {f"b_{name}": new.get(name) for name in DETAILS})
        changes = {name: FieldChange(old=old, new=now) for name, (old, now) in one.changes.items()}
        log.info("symbol changed", symbol=one.listing.ticker, **new)
        event = SymbolChanged(symbol=one.listing.ticker, session=around.day, changes=changes)
        events.append(Pending(event, one.id))
    statement = update(Symbol.__table__).where(Symbol.id == bindparam("b_id"))  # type: ignore[arg-type]
    kept: dict[str, Any] = {name: func.coalesce(bindparam(f"b_{name}"), getattr(Symbol, name)) for name in DETAILS}
    session.connection().execute(statement.values(**kept, updated_at=func.now()), values)
    add_events(session, Service.IPO_MONITOR, events)


def _rename(session: Session, renamed: Sequence[Changed], day: date) -> None:
    if not renamed:
        return
    ids = [one.id for one in renamed]
    # Out of each other's way first: in a swap each wants what the other still has.
    session.execute(update(Symbol).values(ticker=func.concat("~", Symbol.id)).where(Symbol.id.in_(ids)))
    closed = update(SymbolAlias).values(valid_to=day)
    session.execute(closed.where(SymbolAlias.symbol_id.in_(ids), SymbolAlias.valid_to.is_(None)))
    aliases = [{"symbol_id": one.id, "ticker": one.listing.ticker, "valid_from": day} for one in renamed]
    session.execute(insert(SymbolAlias), aliases)


def _facts(listing: Listing, around: Around, reason: str) -> Facts:
    """What is known of a new listing: its list date only where it was seen to come."""
    listed = around.day if reason == "listed" else None
    return Facts(listing.ticker, listing.name, listing.type, listing.exchange, list_date=listed)


def _values(listing: Listing, around: Around) -> dict[str, Any]:
    facts = Facts(listing.ticker, listing.name, listing.type, listing.exchange)
    return {name: getattr(listing, name) for name in DETAILS} | {
        "equity_type": around.rules.equity_type_of(facts, around.day)
    }
