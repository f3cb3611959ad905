"""The rules of a file put into the tables, and everything brought in line with them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from sqlalchemy import delete, insert, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from tickstock_automation.errors import UsedWrongly
from tickstock_automation.processing.models import EquityType
from tickstock_automation.symbols.assignment import Reassigned
from tickstock_automation.symbols.membership import Begin, changes, reassign
from tickstock_automation.symbols.models import EquityTypeRule, Universe, UniverseChoice
from tickstock_automation.symbols.rule_file import RuleFile

# Two at once would leave a mixture of both files.
_LOCK = text("LOCK TABLE universes IN SHARE ROW EXCLUSIVE MODE")

# Archived symbols are in no event: another security may have their ticker.
_REMOVE = text("""
WITH emptied AS (SELECT name FROM universes u WHERE name = ANY (:names)
                    AND NOT EXISTS (SELECT 1 FROM universe_choices c WHERE c.universe = u.name)),
     members AS (DELETE FROM universe_members m USING emptied e WHERE m.universe = e.name)
DELETE FROM universes u USING emptied e WHERE u.name = e.name""")


@dataclass(frozen=True)
class Applied:
    """What a file changed, or would change: universes that are new, have another rule or are gone, and symbols."""

    added: list[str]
    changed: list[str]
    removed: list[str]
    symbols: list[Reassigned]


def equity_type_names(session: Session) -> list[str]:
    """The equity types there are."""
    return list(session.scalars(select(EquityType.name).order_by(EquityType.name)))


def apply_file(begin: Begin, day: date, parsed: RuleFile, dry_run: bool) -> Applied:
    """Makes the tables as the file says, then reassigns all active symbols and their equity types on `day`.

    Universes that the file no longer names are emptied, with events, and then removed. What was interrupted is completed
    by the next run. Raises UsedWrongly where a person chose members of a universe that the file no longer names.
    """
    with begin() as session:
        session.execute(_LOCK)
        stored = {one.name: one for one in session.scalars(select(Universe))}
        gone = sorted(stored.keys() - parsed.rules.universes.keys())
        _refuse_chosen(session, gone)
        added = sorted(parsed.rules.universes.keys() - stored.keys())
        changed = [
            name
            for name, rule in sorted(parsed.rules.universes.items())
            if name in stored and stored[name].rule != rule
        ]
        if dry_run:
            return Applied(added, changed, gone, changes(session, day, parsed.rules, equity_types=True))
        _store(session, parsed, gone)
    symbols = reassign(begin, day, equity_types=True)
    if gone:
        with begin() as session:
            session.execute(_REMOVE, {"names": gone})
    return Applied(added, changed, gone, symbols)


def _refuse_chosen(session: Session, gone: Iterable[str]) -> None:
    chosen = session.scalars(
        select(UniverseChoice.universe)
        .where(UniverseChoice.universe.in_(gone))
        .distinct()
        .order_by(UniverseChoice.universe)
    ).all()
    if chosen:
        raise UsedWrongly(
            f"the file does not name {', '.join(chosen)}, and a person chose members there: name it in the file, or take the "
            "choices back with `tickstock universe forget`; nothing was changed"
        )


def _store(session: Session, parsed: RuleFile, gone: Iterable[str]) -> None:
    rows = [
        {"name": name, "description": parsed.descriptions[name], "rule": rule}
        for name, rule in parsed.rules.universes.items()
    ]
    statement = upsert(Universe).values(rows)
    new = {"description": statement.excluded.description, "rule": statement.excluded.rule}
    session.execute(statement.on_conflict_do_update(index_elements=[Universe.name], set_=new))
    session.execute(update(Universe).where(Universe.name.in_(gone)).values(rule={}))
    session.execute(delete(EquityTypeRule))
    types = [
        {"position": at, "equity_type": name, "rule": rule}
        for at, (name, rule) in enumerate(parsed.rules.equity_types, 1)
    ]
    if types:
        session.execute(insert(EquityTypeRule), types)
