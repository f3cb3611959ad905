"""The IPOs of a generated market: most of its listings, and two that come to nothing."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from tickstock_automation.replay.folder import IPO_COLUMNS
from tickstock_automation.replay.ipos import IpoStatus

PLAIN_EVERY = 4  # one listing in four is no IPO: a spin-off, or a move from another market


@dataclass(frozen=True)
class Debut:
    """A security that lists: its first day, and the price it opens at (US dollars)."""

    ticker: str
    name: str
    exchange: str
    day: date
    opened: float


def generate_ipos(debuts: Sequence[Debut], taken: set[str], seed: int) -> list[dict[str, Any]]:
    """Rows of IPO_COLUMNS, with a chance of their own: the rest of the market does not depend on them."""
    chance = random.Random(f"ipos {seed}")  # noqa: S311 -- a market, not a secret
    rows = [_priced(chance, debut) for number, debut in enumerate(debuts) if number % PLAIN_EVERY != PLAIN_EVERY - 1]
    for status, debut in zip((IpoStatus.WITHDRAWN, IpoStatus.POSTPONED), debuts, strict=False):
        ticker = _free_ticker(chance, taken)
        never = Debut(ticker, f"{ticker.capitalize()} Holdings", "XNAS", debut.day + timedelta(days=9), 20.0)
        rows.append(_priced(chance, never) | {"ipo_status": status.value, "final_issue_price": None})
    return rows


def _priced(chance: random.Random, debut: Debut) -> dict[str, Any]:
    """Priced so that it opens up to a third above, as IPOs do, within the range that was offered."""
    price = round(debut.opened / (1 + chance.random() / 3), 2)
    announced = debut.day - timedelta(days=chance.randint(14, 35))
    values = (
        debut.ticker, IpoStatus.HISTORY.value, debut.name, announced.isoformat(), debut.day.isoformat(),
        price, round(price * 0.9, 2), round(price * 1.1, 2), "USD", debut.exchange,
    )  # fmt: skip
    return dict(zip(IPO_COLUMNS, values, strict=True))


def _free_ticker(chance: random.Random, taken: set[str]) -> str:
    while (ticker := "".join(chance.choices("ABCDEFGHIKLMNOPRSTUVWXYZ", k=4))) in taken:
        pass
    taken.add(ticker)
    return ticker
