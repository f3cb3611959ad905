"""Who had a ticker on a day: tickers are reused by other companies, and renamed ones keep their id."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

from sqlalchemy import text
from sqlalchemy.orm import Session

# Before its first known ticker a security is taken to have had that one since it was listed, unless another one is known
# to have had it then; of several that may be meant, the oldest.
_HOLDERS = text("""
WITH asked AS (SELECT DISTINCT * FROM unnest(CAST(:tickers AS text[]), CAST(:days AS date[])) AS x (ticker, day)),
     held AS (SELECT x.ticker, x.day, a.symbol_id FROM asked x
                JOIN symbol_aliases a ON a.ticker = x.ticker AND (a.valid_from IS NULL OR a.valid_from <= x.day)
                     AND (a.valid_to IS NULL OR a.valid_to > x.day)),
     first AS (SELECT DISTINCT ON (symbol_id) symbol_id, ticker, valid_from
                 FROM symbol_aliases ORDER BY symbol_id, valid_from NULLS FIRST),
     before AS (SELECT DISTINCT ON (x.ticker, x.day) x.ticker, x.day, f.symbol_id FROM asked x
                  JOIN first f ON f.ticker = x.ticker AND f.valid_from > x.day
                  JOIN symbols s ON s.id = f.symbol_id AND (s.list_date IS NULL OR s.list_date <= x.day)
                 WHERE NOT EXISTS (SELECT 1 FROM held h WHERE h.ticker = x.ticker AND h.day = x.day)
                 ORDER BY x.ticker, x.day, f.valid_from)
SELECT ticker, day, symbol_id FROM held UNION ALL SELECT ticker, day, symbol_id FROM before""")


def holders(session: Session, asked: Collection[tuple[str, date]]) -> dict[tuple[str, date], int]:
    """The id of the security that had each ticker on its day; without those that nobody had."""
    if not asked:
        return {}
    tickers, days = zip(*asked, strict=True)
    rows = session.execute(_HOLDERS, {"tickers": list(tickers), "days": list(days)})
    return {(ticker, day): symbol_id for ticker, day, symbol_id in rows}
