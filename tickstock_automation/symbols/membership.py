"""Memberships and equity types brought in line with the rules, each change with its event."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import date

import structlog
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from tickstock_automation.db.engine import ServiceSession
from tickstock_automation.events.catalogue import FieldChange, Service, SymbolChanged
from tickstock_automation.events.outbox import Pending, add_events
from tickstock_automation.symbols.assignment import Reassigned, Standing, assign
from tickstock_automation.symbols.models import EquityTypeRule, Universe
from tickstock_automation.symbols.rule_faults import faults
from tickstock_automation.symbols.rules import Rule
from tickstock_automation.symbols.universes import Facts, RuleSet

Begin = Callable[[], AbstractContextManager[ServiceSession]]

CHUNK = 500  # symbols in one transaction

log = structlog.get_logger("universes")

_LOCK = text("SELECT id FROM symbols WHERE active AND id = ANY (:ids) ORDER BY id FOR NO KEY UPDATE")

# A symbol's close is its newest of the week that ends with the newest stored session: a thin stock does not lose its
# price, and change its universes, on a day it does not trade.
_STANDING = text("""
WITH newest AS (SELECT max(session) AS day FROM session_status WHERE session <= :day AND stored > 0),
     closes AS (SELECT DISTINCT ON (symbol_id) symbol_id, close FROM historical_data
                 WHERE date BETWEEN (SELECT day - 6 FROM newest) AND (SELECT day FROM newest)
                   AND (CAST(:ids AS bigint[]) IS NULL OR symbol_id = ANY (CAST(:ids AS bigint[])))
                 ORDER BY symbol_id, date DESC),
     members AS (SELECT symbol_id, array_agg(universe) AS universes FROM universe_members
                  WHERE CAST(:ids AS bigint[]) IS NULL OR symbol_id = ANY (CAST(:ids AS bigint[])) GROUP BY symbol_id),
     choices AS (SELECT symbol_id, array_agg(universe) FILTER (WHERE included) AS included,
                        array_agg(universe) FILTER (WHERE NOT included) AS excluded
                   FROM universe_choices GROUP BY symbol_id)
SELECT s.ticker, s.name, s.type, s.exchange, s.market_cap, s.sic_code, s.list_date, c.close,
       s.id, s.equity_type, m.universes, h.included, h.excluded
  FROM symbols s
  LEFT JOIN closes c ON c.symbol_id = s.id
  LEFT JOIN members m ON m.symbol_id = s.id
  LEFT JOIN choices h ON h.symbol_id = s.id
 WHERE s.active AND (CAST(:ids AS bigint[]) IS NULL OR s.id = ANY (CAST(:ids AS bigint[])))
 ORDER BY s.id""")

_JOIN = text("""
INSERT INTO universe_members (universe, symbol_id, reason)
SELECT j.universe, j.symbol_id, coalesce(c.author || ': ' || c.reason, j.reason)
  FROM unnest(CAST(:universes AS text[]), CAST(:ids AS bigint[]), CAST(:reasons AS text[])) AS j (universe, symbol_id, reason)
  LEFT JOIN universe_choices c ON c.universe = j.universe AND c.symbol_id = j.symbol_id
    ON CONFLICT DO NOTHING""")

_LEAVE = text("""
DELETE FROM universe_members m USING unnest(CAST(:universes AS text[]), CAST(:ids AS bigint[])) AS l (universe, symbol_id)
 WHERE m.universe = l.universe AND m.symbol_id = l.symbol_id""")

_RETYPE = text("""
UPDATE symbols s SET equity_type = r.equity_type, updated_at = now()
  FROM unnest(CAST(:ids AS bigint[]), CAST(:types AS text[])) AS r (id, equity_type) WHERE s.id = r.id""")


def load_rules(session: Session) -> RuleSet:
    """The rules as the tables have them now; a faulty one, which takes nothing, is logged."""
    universes: dict[str, Rule] = dict(session.execute(select(Universe.name, Universe.rule)).all())
    rows = session.execute(select(EquityTypeRule.equity_type, EquityTypeRule.rule).order_by(EquityTypeRule.position))
    equity_types = [(name, rule) for name, rule in rows]
    for name, rule in (*universes.items(), *equity_types):
        if rule:
            for fault in faults(rule):
                log.warning("faulty rule", rule=name, where=".".join(map(str, fault.path)), reason=fault.reason)
    return RuleSet(universes, equity_types)


def by_rule(universe: str, day: date) -> str:
    """The reason of a membership that a rule gave."""
    return f"rule {universe} of {day}"


def reassign(
    begin: Begin,
    day: date,
    symbol_ids: Collection[int] | None = None,
    *,
    equity_types: bool = False,
    dry_run: bool = False,
) -> list[Reassigned]:
    """Brings the memberships of active symbols (None: of all) in line with the rules on `day`, and gives what changed.

    `begin` opens a transaction; at most 500 symbols change in one, and a run that was interrupted is completed by the
    next. Equity types follow only with `equity_types`. `dry_run` changes nothing.
    """
    with begin() as session:
        changed = changes(session, day, load_rules(session), symbol_ids, equity_types=equity_types)
    if dry_run:
        return changed
    done: list[Reassigned] = []
    for start in range(0, len(changed), CHUNK):
        ids = [one.symbol_id for one in changed[start : start + CHUNK]]
        with begin() as session:
            # Looked at again under lock: rules, choices and symbols may have changed since.
            session.execute(_LOCK, {"ids": ids})
            fresh = changes(session, day, load_rules(session), ids, equity_types=equity_types)
            store(session, day, fresh)
        done += fresh
    if done and symbol_ids is None:  # single ones are told by who changed them
        log.info("symbols reassigned", session=str(day), symbols=len(done))
    return done


def reassign_within(session: ServiceSession, day: date, symbol_ids: Collection[int]) -> list[Reassigned]:
    """The same for single symbols, equity types too, in the transaction that changed what is known of them."""
    return reassign(lambda: nullcontext(session), day, symbol_ids, equity_types=True)


def changes(
    session: Session,
    day: date,
    rules: RuleSet,
    symbol_ids: Collection[int] | None = None,
    *,
    equity_types: bool = False,
) -> list[Reassigned]:
    """What `rules` would change of active symbols (None: of all) on `day`, by id."""
    found = (assign(one, rules, day, equity_types=equity_types) for one in standings(session, day, symbol_ids))
    return [one for one in found if one is not None]


def standings(session: Session, day: date, symbol_ids: Collection[int] | None = None) -> Iterator[Standing]:
    """Active symbols (None: all) as they stand, with their last close at or before `day`, by id."""
    rows = session.execute(_STANDING, {"day": day, "ids": None if symbol_ids is None else list(symbol_ids)}).all()
    for *known, id_, equity_type, member, put_in, put_out in rows:
        of, included, excluded = frozenset(member or ()), frozenset(put_in or ()), frozenset(put_out or ())
        yield Standing(id_, Facts(*known), equity_type, of, included, excluded)


def store(
    session: Session, day: date, changed: Sequence[Reassigned], author: str | None = None, words: str | None = None
) -> None:
    """Stores changes with one event a symbol, in the caller's transaction. `author`, `words`: who chose it, and why."""
    joins = [(name, one.symbol_id) for one in changed for name in one.joined]
    leaves = [(name, one.symbol_id) for one in changed for name in one.left]
    types = [(one.symbol_id, one.new_type) for one in changed if one.new_type != one.old_type]
    if joins:
        universes, ids = zip(*joins, strict=True)
        reasons = [by_rule(name, day) for name in universes]
        session.execute(_JOIN, {"universes": list(universes), "ids": list(ids), "reasons": reasons})
    if leaves:
        universes, ids = zip(*leaves, strict=True)
        session.execute(_LEAVE, {"universes": list(universes), "ids": list(ids)})
    if types:
        ids, names = zip(*types, strict=True)
        session.execute(_RETYPE, {"ids": list(ids), "types": list(names)})
    events = [
        SymbolChanged(symbol=one.ticker, session=day, changes=_told(one), author=author, words=words) for one in changed
    ]
    pending = [Pending(event, one.symbol_id) for event, one in zip(events, changed, strict=True)]
    add_events(session, Service.IPO_MONITOR, pending)


def _told(one: Reassigned) -> dict[str, FieldChange]:
    changes = {}
    if one.new_universes != one.old_universes:
        changes["universes"] = FieldChange(old=list(one.old_universes), new=list(one.new_universes))
    if one.new_type != one.old_type:
        changes["equity_type"] = FieldChange(old=one.old_type, new=one.new_type)
    return changes
