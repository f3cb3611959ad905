"""A worker of the work list in a process of its own: claims, works, writes its ledger, finishes. Killed at any instant.

`python -m tests.claimer SEED` with DATABASE_URI set; ends when it is told to (SIGTERM) or killed.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from typing import Any

from sqlalchemy import text

from tickstock_automation.db.engine import transaction
from tickstock_automation.db.roles import Role
from tickstock_automation.errors import LeaseLost
from tickstock_automation.processing import queue

TYPES = ("ETF", "STOCK_EOD")
LEASE_S = 1.0
BATCH = 7
WORK_S = 0.05
MOST_ATTEMPTS = 1000

_HOLDS = text("INSERT INTO holds SELECT :token, :pid, id, clock_timestamp() FROM unnest(CAST(:ids AS bigint[])) s (id)")
_LEDGER = text(
    "INSERT INTO ledger SELECT :token, :pid, id, clock_timestamp() FROM unnest(CAST(:ids AS bigint[])) s (id)"
)


def work_once(chance: random.Random) -> None:
    with transaction(Role.IPO_MONITOR) as session:
        queue.take_back_lost(session, MOST_ATTEMPTS)
        batch = queue.claim_batch(session, chance.choice(TYPES), BATCH, lease_s=LEASE_S, starving_s=3600)
    if batch is None:
        time.sleep(0.02)
        return
    given: dict[str, Any] = {"token": batch.token, "pid": os.getpid(), "ids": batch.symbol_ids}
    try:
        with transaction(Role.IPO_MONITOR) as session:
            queue.renew(session, batch.token, LEASE_S)
            session.execute(_HOLDS, given)
        time.sleep(chance.choice((0.0, WORK_S, 2 * LEASE_S if chance.random() < 0.05 else WORK_S)))  # this is its work
        with transaction(Role.IPO_MONITOR) as session:
            match chance.randrange(6):
                case 0:
                    queue.fail_batch(session, batch.token, "it broke", pause_s=0.05, most_attempts=MOST_ATTEMPTS)
                case 1:
                    queue.give_back(session, batch.token, "later", pause_s=0.05)
                case _:
                    given["ids"] = queue.finish(session, batch.token)
                    session.execute(_LEDGER, given)
    except LeaseLost:
        return


def main(seed: int) -> None:
    chance = random.Random(seed)
    going = True

    def stop(*_: Any) -> None:
        nonlocal going
        going = False

    signal.signal(signal.SIGTERM, stop)
    while going:
        work_once(chance)


if __name__ == "__main__":
    main(int(sys.argv[1]))
