"""A writer process: commits known changes, rolls others back on purpose, and notes what it means to do before it does.

`python -m tests.faults.writer NUMBER SEED EVENTS_PER_SECOND NOTEBOOK [BUG]`. An unknown outcome (the connection died at
the commit) is noted as nothing: the ledger in the database decides.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from uuid import uuid4

from sqlalchemy.exc import DBAPIError

from tests.faults.buggy_writer import leave_locks_out, publish_now
from tests.faults.bugs import NO_SYMBOL_LOCK, PUBLISH_BEFORE_COMMIT
from tests.faults.ledger import NOTE_CHANGES, SYMBOLS, ticker
from tests.faults.records import Notebook
from tickstock_automation.db.engine import ServiceSession, transaction
from tickstock_automation.db.roles import Role
from tickstock_automation.errors import TickstockError
from tickstock_automation.events.catalogue import FieldChange, NewSymbol, Service, SymbolChanged
from tickstock_automation.events.outbox import Pending, add_events

DAY = date(2024, 1, 2)
MOST_CHANGES = 30
ROLLED_BACK = 0.1  # share of the transactions
FEW = 6
MANY = 0.3  # share of the transactions that change more than a few
LINGERING = 0.25  # share of those with few changes that wait before their end, so that low numbers are committed late
LINGER_S = 0.3
CATCH_UP_S = 2.0  # of work that a fault kept a writer from, it makes good
COMMITTED, DOOMED = "committed", "doomed"


class OnPurpose(Exception):
    """Rolls a transaction back."""


@dataclass(frozen=True)
class Intent:
    """What one transaction will do."""

    ids: list[int]
    tokens: list[str]
    doomed: bool
    linger_s: float


def draw_intent(draw: random.Random) -> Intent:
    """Most change a few symbols, some many."""
    many = draw.random() < MANY
    count = draw.randint(FEW + 1, MOST_CHANGES) if many else draw.randint(1, FEW)
    return Intent(
        ids=sorted(draw.sample(range(1, SYMBOLS + 1), count)),
        tokens=[str(uuid4()) for _ in range(count)],
        doomed=draw.random() < ROLLED_BACK,
        linger_s=draw.uniform(0, LINGER_S) if not many and draw.random() < LINGERING else 0.0,
    )


def change(token: str, symbol_id: int) -> Pending:
    """The event that tells of one change, on one of two channels; its token names it."""
    if token[0] in "01234567":
        listed = NewSymbol(
            symbol=ticker(symbol_id), name=token, type=None, exchange=None, equity_type="ETF", reason="listed", session=DAY,
            universes=[],
        )  # fmt: skip
        return Pending(listed, symbol_id)
    changes = {"token": FieldChange(old=None, new=token)}
    return Pending(SymbolChanged(symbol=ticker(symbol_id), session=DAY, changes=changes), symbol_id)


def carry_out(intent: Intent, notes: Notebook, before_end: Callable[[ServiceSession], None]) -> None:
    """One transaction. Its versions are taken under the locks of `add_events`: per symbol they follow the commits."""
    with transaction(Role.IPO_MONITOR) as session:
        add_events(session, Service.IPO_MONITOR, map(change, intent.tokens, intent.ids))
        session.execute(NOTE_CHANGES, {"tokens": intent.tokens, "ids": intent.ids})
        before_end(session)
        time.sleep(intent.linger_s)
        if intent.doomed:
            notes.write(DOOMED, *intent.tokens)
            raise OnPurpose
    notes.write(COMMITTED, *intent.tokens)


def main(number: int, seed: int, rate: float, notebook: Path, bug: str) -> None:
    """Writes until it is ended."""
    draw = random.Random(f"{seed} {number}")
    notes = Notebook(notebook)
    if bug == NO_SYMBOL_LOCK:
        leave_locks_out()
    before_end: Callable[[ServiceSession], None] = (
        publish_now if bug == PUBLISH_BEFORE_COMMIT else lambda _session: None
    )
    due = time.monotonic()
    while True:
        intent = draw_intent(draw)
        try:
            carry_out(intent, notes, before_end)
        except OnPurpose:
            pass
        except (TickstockError, DBAPIError) as trouble:
            sys.stderr.write(f"writer {number}: {str(trouble).partition(chr(10))[0]}\n")
            time.sleep(0.1)
        due = max(due + len(intent.ids) / rate, time.monotonic() - CATCH_UP_S)
        time.sleep(max(0.0, due - time.monotonic()))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), Path(sys.argv[4]), "".join(sys.argv[5:6]))
