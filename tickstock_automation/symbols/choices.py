"""Putting symbols into a universe or out of it by hand. No rule undoes it; only a person does."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from sqlalchemy import delete, func, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from tickstock_automation.errors import NotFound, UsedWrongly
from tickstock_automation.symbols.assignment import Reassigned, assign
from tickstock_automation.symbols.membership import CHUNK, load_rules, standings, store
from tickstock_automation.symbols.models import UniverseChoice

# An archived symbol cannot be chosen, but what was chosen of it can be forgotten.
_FIND = text("""
SELECT s.id, s.ticker FROM symbols s
 WHERE s.ticker = ANY (CAST(:tickers AS text[]))
   AND (s.active OR (:forget AND EXISTS (SELECT 1 FROM universe_choices c
                                          WHERE c.universe = :universe AND c.symbol_id = s.id)))
 ORDER BY s.id FOR NO KEY UPDATE""")


def choose(
    session: Session,
    day: date,
    universe: str,
    tickers: Sequence[str],
    included: bool | None,
    author: str,
    reason: str,
) -> list[Reassigned]:
    """Puts active symbols into a universe (`included`), out of it, or (None) back to its rule; gives whose membership
    changed, each with its event. In the caller's transaction, all or none.

    Raises NotFound for a universe or a ticker that is not there, UsedWrongly for an empty author or reason and for more
    than 500 tickers.
    """
    if not author.strip() or not reason.strip():
        raise UsedWrongly("a choice by hand wants its author and a reason, for those who wonder later")
    if len(tickers) > CHUNK:
        raise UsedWrongly(f"{len(tickers)} tickers at once; at most {CHUNK}: split them")
    rules = load_rules(session)
    if universe not in rules.universes:
        raise NotFound(f"there is no universe {universe}; there are {', '.join(sorted(rules.universes))}")
    asked = {"universe": universe, "tickers": list(tickers), "forget": included is None}
    ids: dict[int, str] = dict(session.execute(_FIND, asked).all())
    if lacking := sorted(set(tickers) - set(ids.values())):
        raise NotFound(f"no active symbol is called {', '.join(lacking)}: nothing was changed")
    if included is None:
        session.execute(
            delete(UniverseChoice).where(UniverseChoice.universe == universe, UniverseChoice.symbol_id.in_(ids))
        )
    else:
        said = {"included": included, "author": author, "reason": reason, "chosen_at": func.now()}
        rows = [{"universe": universe, "symbol_id": id_, **said} for id_ in ids]
        kept = [UniverseChoice.universe, UniverseChoice.symbol_id]
        session.execute(insert(UniverseChoice).values(rows).on_conflict_do_update(index_elements=kept, set_=said))
    found_now = standings(session, day, list(ids))
    changed = [one for one in (assign(each, rules, day, only=universe) for each in found_now) if one is not None]
    store(session, day, changed, author, reason)
    return changed
