"""Finding securities by ticker, words in their name, and what they are. Reads only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from tickstock_automation.errors import NotFound
from tickstock_automation.symbols.models import Universe

# Each word begins one of its tickers, former ones too, or stands in its name. Who has a word as ticker comes first.
_FIND = text("""
WITH wanted AS (SELECT upper(word) AS word FROM unnest(CAST(:words AS text[])) AS w (word))
SELECT s.id, s.ticker, s.name, s.type, s.exchange, s.active, s.delist_date, s.kept_by,
       ARRAY(SELECT DISTINCT a.ticker FROM symbol_aliases a WHERE a.symbol_id = s.id AND a.ticker <> s.ticker ORDER BY 1) AS former,
       count(*) OVER () AS found
  FROM symbols s
 WHERE NOT EXISTS (SELECT 1 FROM wanted w WHERE strpos(upper(coalesce(s.name, '')), w.word) = 0
                      AND NOT EXISTS (SELECT 1 FROM symbol_aliases a WHERE a.symbol_id = s.id
                                         AND starts_with(upper(a.ticker), w.word)))
   AND (CAST(:types AS text[]) IS NULL OR upper(s.type) = ANY (:types))
   AND (CAST(:exchanges AS text[]) IS NULL OR upper(s.exchange) = ANY (:exchanges))
   AND (CAST(:universes AS text[]) IS NULL OR EXISTS (SELECT 1 FROM universe_members m WHERE m.symbol_id = s.id
                                                         AND m.universe = ANY (:universes)))
   AND (CAST(:active AS boolean) IS NULL OR s.active = :active)
   AND (NOT :pinned OR s.kept_by IS NOT NULL)
   -- a look into the primary key for each, rather than a pass over all bars
   AND (NOT :without_bars OR (SELECT h.date FROM historical_data h WHERE h.symbol_id = s.id LIMIT 1) IS NULL)
 ORDER BY upper(s.ticker) IN (SELECT word FROM wanted) DESC,
          EXISTS (SELECT 1 FROM symbol_aliases a JOIN wanted w ON upper(a.ticker) = w.word WHERE a.symbol_id = s.id) DESC,
          s.active DESC, s.ticker, s.id DESC
 LIMIT :most""")


@dataclass(frozen=True)
class Wanted:
    """What to look for. Empty or None: whatever; `types` and `exchanges` as the vendor writes them, in any case."""

    words: Sequence[str] = ()
    types: Sequence[str] = ()
    exchanges: Sequence[str] = ()
    universes: Sequence[str] = ()
    active: bool | None = None
    pinned: bool = False
    without_bars: bool = False


@dataclass(frozen=True)
class Found:
    """One security; `former`: tickers that it had before."""

    id: int
    ticker: str
    name: str | None
    type: str | None
    exchange: str | None
    active: bool
    delist_date: date | None
    kept_by: str | None
    former: list[str]


def find(session: Session, wanted: Wanted, most: int) -> tuple[list[Found], int]:
    """The first `most` of what fits, and how many fit. Raises NotFound for a universe that is none."""
    known = set(session.scalars(select(Universe.name)))
    unknown = sorted(set(wanted.universes) - known)
    if unknown:
        raise NotFound(f"no universe is called {', '.join(unknown)}; there are {', '.join(sorted(known))}")
    rows = session.execute(
        _FIND,
        {
            "words": list(wanted.words), "types": [one.upper() for one in wanted.types] or None,
            "exchanges": [one.upper() for one in wanted.exchanges] or None, "universes": list(wanted.universes) or None,
            "active": wanted.active, "pinned": wanted.pinned, "without_bars": wanted.without_bars, "most": most,
        },
    ).all()  # fmt: skip
    return [Found(*row[:-1]) for row in rows], rows[0].found if rows else 0
