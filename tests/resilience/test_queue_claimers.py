"""Eight real processes claim, work, fail, give back and finish; some are killed in the middle, one snapshot stays open."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from tests.claimer import LEASE_S
from tests.e2e.conftest import until
from tests.queueing import WorkList

pytestmark = [pytest.mark.resilience, pytest.mark.database, pytest.mark.slow]

CLAIMERS = 8
KILLS = 12
SYMBOLS = 1200

# Who held a symbol last before another did: since it had given its sign of life, its lease was over, or it gave it back.
OVERLAPS = """
SELECT count(*) FROM holds a JOIN holds b ON b.symbol_id = a.symbol_id AND b.token > a.token
 WHERE b.at < a.at + make_interval(secs => :lease) AND a.pid IN (SELECT unnest(CAST(:killed AS bigint[])))"""


class Claimers:
    """The processes, and those that were killed."""

    def __init__(self, work: WorkList, checkout: Path) -> None:
        self.work, self.checkout = work, checkout
        self.killed: list[int] = []
        self.alive = [self.spawn(seed) for seed in range(CLAIMERS)]

    def spawn(self, seed: int) -> subprocess.Popen[bytes]:
        uri = self.work.settings.database_uri
        assert uri is not None
        return subprocess.Popen(
            [sys.executable, "-m", "tests.claimer", str(seed)], cwd=self.checkout,
            env={**os.environ, "DATABASE_URI": uri.get_secret_value()},
        )  # fmt: skip

    def kill_one_in_the_middle(self, chance: random.Random) -> None:
        """One that holds a batch at this moment; a new one takes its place."""

        def busy() -> list[subprocess.Popen[bytes]]:
            pids = {
                row[0] for row in self.work.rows(
                    "SELECT h.pid FROM holds h JOIN equity_processing_queue q"
                    " ON q.claim_token = h.token AND q.symbol_id = h.symbol_id WHERE q.status = 'running'"
                )
            }  # fmt: skip
            return [one for one in self.alive if one.pid in pids]

        until(lambda: busy(), 30, "one that works")
        victim = chance.choice(busy() or self.alive)
        victim.kill()
        victim.wait()
        self.killed.append(victim.pid)
        self.alive.remove(victim)
        self.alive.append(self.spawn(CLAIMERS + len(self.killed)))

    def stop(self) -> None:
        for one in self.alive:
            one.send_signal(signal.SIGTERM)
        for one in self.alive:
            assert one.wait(20) == 0


@pytest.fixture
def claimers(work: WorkList, checkout: Path) -> Iterator[Claimers]:
    half = SYMBOLS // 2
    with work.admin.connect() as connection:
        for table in ("holds", "ledger"):
            connection.execute(
                text(f"CREATE TABLE {table} (token bigint, pid bigint, symbol_id bigint, at timestamptz)")
            )
            connection.execute(text(f"GRANT INSERT ON {table} TO tickstock_ipo_monitor"))
        connection.execute(
            text("INSERT INTO symbols (ticker, type, equity_type, first_seen)"
                 " SELECT 'T' || n, 'CS', CASE WHEN n <= :half THEN 'ETF' ELSE 'STOCK_EOD' END, '2024-01-02'"
                 " FROM generate_series(1, :all) n"), {"half": half, "all": SYMBOLS},
        )  # fmt: skip
        connection.execute(
            text("SELECT queue_symbols_for_processing(name) FROM equity_types WHERE name IN ('ETF', 'STOCK_EOD')")
        )
    started = Claimers(work, checkout)
    yield started
    for one in started.alive:
        one.kill()
        one.wait()


def test_every_entry_is_done_once_and_none_is_lost_though_workers_die(work: WorkList, claimers: Claimers) -> None:
    chance = random.Random(7)
    with work.admin.connect().execution_options(isolation_level="REPEATABLE READ") as reader:
        before = reader.execute(
            text("SELECT count(*) FROM equity_processing_queue WHERE status = 'pending'")
        ).scalar_one()
        for _ in range(KILLS):
            claimers.kill_one_in_the_middle(chance)
        until(lambda: work.rows("SELECT count(*) FROM ledger") == [(SYMBOLS,)], 100, "all of it done")
        claimers.stop()
        still = reader.execute(
            text("SELECT count(*) FROM equity_processing_queue WHERE status = 'pending'")
        ).scalar_one()
        assert still == before, "its snapshot is as old as it was"

    assert work.rows("SELECT status, count(*) FROM equity_processing_queue GROUP BY 1") == [("done", SYMBOLS)]
    assert work.rows("SELECT count(*), count(DISTINCT symbol_id) FROM ledger") == [(SYMBOLS, SYMBOLS)]
    # Each was done under the token that its row ends with: the last claim, and no other.
    assert work.rows(
        "SELECT count(*) FROM ledger l JOIN equity_processing_queue q ON q.symbol_id = l.symbol_id AND q.claim_token = l.token"
    ) == [(SYMBOLS,)]
    assert work.rows(
        "SELECT count(*) FROM (SELECT token FROM holds GROUP BY token HAVING count(DISTINCT pid) > 1) t"
    ) == [(0,)]
    # A dead worker's batch is nobody else's before its lease is over.
    assert work.rows(OVERLAPS, lease=LEASE_S, killed=claimers.killed) == [(0,)]
    assert work.rows("SELECT count(*) > 0 FROM holds WHERE pid = ANY (:killed)", killed=claimers.killed) == [(True,)]
