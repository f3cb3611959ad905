"""The bars' benchmark: a market from the vendor's server to committed, checked bars with their events out."""

from __future__ import annotations

import io
import json
import time
import urllib.request
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import psutil
from celery import Celery
from psycopg2 import sql

from tickstock_automation.bench.machine import machine
from tickstock_automation.bench.market import KEY, serve_market
from tickstock_automation.bench.rig import Rig, running_rig
from tickstock_automation.local.supervisor import Part
from tickstock_automation.sessions import calendar

LAST = date(2024, 6, 14)
WORKERS = 2
LOOK_S = 0.05
QUEUES = "priority.100,priority.90,priority.50,quality"

_WAITING = "SELECT count(*) FROM bar_requests WHERE status = 'waiting'"
_STORED = "SELECT count(*) FROM historical_data"
_SCANNED = "SELECT count(*) FROM scan_runs WHERE outcome IN ('done', 'held')"
_SUMMED_UP = "SELECT count(*) FROM quality_metrics WHERE scope = 'summary'"
_UNSENT = "SELECT count(*) FROM outbox WHERE batch IS NULL AND set_aside IS NULL"
_BYTES = "SELECT sum(pg_total_relation_size(relid))::bigint FROM pg_partition_tree('historical_data')"
_CALLS = "SELECT count(*) FROM loads WHERE endpoint IN ('grouped', 'range')"


class Workers:
    """Real Celery workers on the rig, and the peak of their memory."""

    def __init__(self, rig: Rig, **settings: str) -> None:
        self.rig = rig
        self.part: Part = rig.start_part(
            "workers", "celery", "--quiet", "-A", "tickstock_automation", "worker", "--queues", QUEUES, "--concurrency", str(WORKERS),
            "--without-mingle", "--without-gossip", "--loglevel", "WARNING", TICKSTOCK_LOG_LEVEL="WARNING", **settings,
        )  # fmt: skip
        self.app = Celery(broker=rig.redis_url)
        self.peak_bytes = 0
        self.dispatched = 0.0
        self._database = rig.database()

    def send(self, task: str, queue: str, **arguments: object) -> None:
        """Sends a task to the workers."""
        self.app.send_task(task, kwargs=arguments, queue=queue, ignore_result=True)

    def one(self, statement: str, *values: object) -> Any:
        """The one value of a statement."""
        with self._database.cursor() as cursor:
            cursor.execute(statement, values or None)
            row = cursor.fetchone()
        assert row is not None
        return row[0]

    def execute(self, statement: str, *values: object) -> None:
        """A statement as the owner."""
        with self._database.cursor() as cursor:
            cursor.execute(statement, values or None)

    def until(self, done: Callable[[], bool], what: str, seconds: float = 600) -> None:
        """Waits, and looks at the memory meanwhile."""

        def ended() -> bool:
            self.peak_bytes = max(self.peak_bytes, self.largest())
            return done()

        self.rig.wait(ended, what, seconds, every_s=LOOK_S)

    def largest(self) -> int:
        """The resident memory of the largest worker process, bytes."""
        sizes = []
        for process in psutil.Process(self.part.process.pid).children(recursive=True):
            try:
                sizes.append(process.memory_info().rss)
            except psutil.NoSuchProcess:
                continue
        return max(sizes, default=0)


def set_market_day(base: str, day: date) -> None:
    """Moves the vendor's clock to after a session's close."""
    request = urllib.request.Request(  # noqa: S310 -- our own replay on loopback
        f"{base}/replay/clock", data=json.dumps({"day": day.isoformat(), "closed": True}).encode(),
        headers={"Authorization": f"Bearer {KEY}"}, method="PUT",
    )  # fmt: skip
    with urllib.request.urlopen(request, timeout=10):  # noqa: S310
        pass


def bench_load(symbols: int, sessions: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Rows a second of `symbols` x `sessions` bars, the vendor's calls beside the fewest there can be, and the pure COPY of the
    same rows on the same server."""
    days = calendar().between(LAST - timedelta(days=2 * sessions + 20), LAST)[-sessions:]
    scanned = calendar().after(days[-1])
    say(f"making a market of {symbols:,} symbols and {sessions} sessions")
    with running_rig(events=False) as rig:
        vendor = serve_market(rig, symbols, days)
        span = (scanned - days[0]).days
        workers = Workers(rig, TICKSTOCK_BACKFILL_DAYS=str(span), TICKSTOCK_SWEEP_SESSIONS=str(sessions))
        set_market_day(vendor.base, days[-1])
        say("bootstrap: the first scan")
        workers.send("symbols.scan", "priority.100", session=scanned.isoformat())
        workers.until(lambda: workers.one(_SCANNED) == 1, "the scan", 300)
        say(f"loading {vendor.rows:,} bars")
        started = time.monotonic()
        for _ in range(WORKERS):
            workers.send("bars.make_calls", "priority.50")
        sent = started

        def loaded() -> bool:
            nonlocal sent
            if time.monotonic() - sent > 5:  # as beat does
                workers.send("bars.make_calls", "priority.50")
                sent = time.monotonic()
            return bool(workers.one(_WAITING) == 0)

        workers.until(loaded, "the bars")
        committed = time.monotonic() - started
        say("checking them")
        workers.send("quality.sweep", "quality", session=days[-1].isoformat())
        workers.until(lambda: workers.one(_SUMMED_UP) == 1, "the sweep")
        workers.until(lambda: workers.one(_UNSENT) == 0, "the last event")
        total = time.monotonic() - started
        stored, calls, size = workers.one(_STORED), workers.one(_CALLS), workers.one(_BYTES)
        say("the pure COPY of the same rows")
        copied = _pure_copy(rig)
        return {
            "symbols": symbols, "sessions": sessions, "rows": stored, "complete": stored == vendor.rows,
            "rows_per_s": round(stored / total), "symbols_per_s": round(symbols / total),
            "committed_rows_per_s": round(stored / committed), "calls": calls, "calls_minimum": min(symbols, sessions),
            "copy_rows_per_s": round(copied), "ratio_to_copy": round(stored / committed / copied, 3),
            "seconds": {"committed": round(committed, 2), "checked_and_told": round(total, 2)},
            "bytes_per_bar": round(size / stored), "peak_rss_mb": round(workers.peak_bytes / 1e6), "machine": machine(rig),
        }  # fmt: skip


def _pure_copy(rig: Rig) -> float:
    """Rows a second of COPY alone, into a table with the same columns and primary key, in transactions of the same size."""
    connection = rig.database()
    parts = []
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE bench_copy (LIKE historical_data INCLUDING ALL)")
        cursor.execute("SELECT DISTINCT date FROM historical_data ORDER BY 1 DESC")
        for (day,) in cursor.fetchall():
            part = io.BytesIO()
            query = sql.SQL("COPY (SELECT * FROM historical_data WHERE date = {}) TO STDOUT WITH (FORMAT csv)")
            cursor.copy_expert(query.format(sql.Literal(day)), part)
            parts.append(part)
        started = time.monotonic()
        for part in parts:
            part.seek(0)
            cursor.copy_expert("COPY bench_copy FROM STDIN WITH (FORMAT csv)", part)
        took = time.monotonic() - started
        cursor.execute("SELECT count(*) FROM bench_copy")
        row = cursor.fetchone()
    assert row is not None
    return float(row[0] / took)
