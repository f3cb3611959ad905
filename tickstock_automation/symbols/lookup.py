"""From a ticker as a person types it to the securities that have it or had it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from difflib import get_close_matches

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from tickstock_automation.errors import NotFound, UsedWrongly
from tickstock_automation.symbols.models import SymbolAlias

NEAR = 3


def spelled(session: Session, typed: Sequence[str]) -> list[str]:
    """Tickers as they are stored, in the order they were typed, each once; whatever the case they were typed in.

    Raises NotFound, with near names, where a ticker never was one, and UsedWrongly where only its case tells two apart.
    """
    uppers = [one.upper() for one in typed]
    stored = session.scalars(select(SymbolAlias.ticker).distinct().where(func.upper(SymbolAlias.ticker).in_(uppers)))
    found, unknown = spell(typed, stored.all())
    if unknown:
        known = session.scalars(select(SymbolAlias.ticker).distinct()).all()
        raise NotFound("; ".join(_no_such(one, near(one, known)) for one in unknown))
    return found


def spell(typed: Sequence[str], stored: Collection[str]) -> tuple[list[str], list[str]]:
    """The tickers that were meant, and what is none. BACpA and BACPA may be two: who types one exactly means that one."""
    found, unknown = [], []
    for one in typed:
        meant = [one] if one in stored else sorted(name for name in stored if name.upper() == one.upper())
        if len(meant) > 1:
            raise UsedWrongly(f"{one} may be {' or '.join(meant)}: type it as it is written")
        found += meant
        unknown += [] if meant else [one]
    return list(dict.fromkeys(found)), unknown


def near(typed: str, tickers: Iterable[str]) -> list[str]:
    """The tickers most like what was typed, the nearest first."""
    return get_close_matches(typed.upper(), sorted(tickers), n=NEAR)


def _no_such(ticker: str, names: list[str]) -> str:
    hint = f"near it: {', '.join(names)}" if names else "`tickstock symbols find` looks in names too"
    return f"no security is or was called {ticker}: {hint}"
