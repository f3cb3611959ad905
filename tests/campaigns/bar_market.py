"""A backfill of a made market on a rig, with workers to be ended or frozen, and what must be true of it afterwards."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
import psutil
from celery import Celery
from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session

from tickstock_automation.bars.drafts import draft, order
from tickstock_automation.bench.load import set_market_day
from tickstock_automation.bench.market import serve_market
from tickstock_automation.bench.rig import Rig, running_rig
from tickstock_automation.local.ports import HOST, any_free
from tickstock_automation.local.supervisor import Part
from tickstock_automation.sessions import calendar

LAST = date(2024, 6, 14)
LEASE_S = 5  # the shortest that the settings allow
PATIENCE_S = 400.0
ATTEMPTS = (
    60  # the newest call is begun again first, so the same one is struck over and over: that is not to end it here
)

_BARS = """
SELECT s.ticker, h.date::text, h.open, h.high, h.low, h.close, h.volume
  FROM historical_data h LEFT JOIN symbols s ON s.id = h.symbol_id"""


@dataclass
class Backfill:
    """One job of all bars of a market; workers come and go."""

    rig: Rig
    days: list[date]
    job: int = 0
    workers_begun: int = 0

    def __post_init__(self) -> None:
        self.engine = create_engine(self.rig.database_uri.replace("postgresql://", "postgresql+psycopg2://", 1))
        self.app = Celery(broker=self.rig.redis_url)

    def rows(self, statement: str, **values: Any) -> list[tuple[Any, ...]]:
        """What a statement gives, as the owner."""
        with self.engine.begin() as connection:
            found = connection.execute(text(statement), values)
            return [tuple(row) for row in found] if found.returns_rows else []

    def one(self, statement: str, **values: Any) -> Any:
        """The one value of a statement."""
        return self.rows(statement, **values)[0][0]

    def send(self, task: str = "bars.make_calls", queue: str = "priority.50", **arguments: Any) -> None:
        """A task for any worker; make_calls as beat sends it, gone when nobody takes it soon."""
        self.app.send_task(task, kwargs=arguments, queue=queue, ignore_result=True, expires=10)

    def start_workers(self, processes: int = 2, backfill_days: int = 1) -> Part:
        """A real Celery worker with so many pool children. What is queued gets the bars of `backfill_days`."""
        self.workers_begun += 1
        return self.rig.start_part(
            f"workers {self.workers_begun}", "celery", "--quiet", "-A", "tickstock_automation", "worker",
            "--queues", "priority.100,priority.90,priority.50", "--concurrency", str(processes), "--without-mingle",
            "--without-gossip", "--loglevel", "WARNING", "--hostname", f"w{self.workers_begun}@localhost",
            TICKSTOCK_LOG_LEVEL="WARNING", TICKSTOCK_LEASE_S=str(LEASE_S), TICKSTOCK_MAX_ATTEMPTS=str(ATTEMPTS), TICKSTOCK_BACKFILL_DAYS=str(backfill_days),
        )  # fmt: skip

    def expect_end(self, worker: Part) -> None:
        """From now on this worker may end."""
        if worker in self.rig.supervisor.parts:
            self.rig.supervisor.parts.remove(worker)

    def kill(self, worker: Part) -> None:
        """kill -9 of a worker with its children."""
        self.expect_end(worker)
        for process in [*children(worker), psutil.Process(worker.process.pid)]:
            process.kill()
        worker.process.wait(10)

    def calls_running(self) -> int:
        """Calls that somebody is making."""
        return int(self.one("SELECT count(*) FROM bar_calls WHERE status = 'running'"))

    def newest_claim(self) -> int:
        """The token of the newest call that somebody has begun and not ended; 0 where there is none."""
        return int(self.one("SELECT coalesce(max(claim_token), 0) FROM bar_calls WHERE status = 'running'"))

    def over(self) -> bool:
        """Whether the job has ended."""
        return bool(self.one("SELECT state FROM backfill_jobs WHERE id = :id", id=self.job) in ("done", "failed"))

    def order(self) -> None:
        """Orders the bars of all symbols; what the scan asked for itself is cancelled before."""
        self.rows("UPDATE bar_requests SET status = 'cancelled'")
        self.rows("UPDATE backfill_jobs SET state = 'cancelled'")
        with Session(self.engine) as session, session.begin():
            ids = list(session.scalars(text("SELECT id FROM symbols WHERE active")))
            drafted = draft(session, ids, self.days[0], self.days[-1], date.min, calendar(), reread=False)
            self.job = order(session, drafted, self.days[-1], "fault runs", None)

    def asked(self) -> list[tuple[datetime, str]]:
        """The vendor's calls that brought bars: when each arrived, and its path."""
        lines = (self.rig.folder / "book").read_text().splitlines()
        split = [line.split(" ", 1) for line in lines if " /v2/aggs/" in line]
        return [(datetime.fromtimestamp(float(at), UTC), path) for at, path in split]

    def violations(self) -> list[str]:
        """What is wrong after the job; empty where all is well."""
        self.rig.wait(
            lambda: self.one("SELECT count(*) FROM outbox WHERE batch IS NULL AND set_aside IS NULL") == 0, "the events"
        )
        return [*self._untrue(), *self._paid_twice(), *self._figures(), *self._left_over()]

    def _untrue(self) -> Iterator[str]:
        truth = set(
            pl.read_csv(self.rig.folder / "market" / "bars.csv")
            .with_columns(pl.col("open", "high", "low", "close", "volume").cast(pl.Float64))
            .select("symbol", "date", "open", "high", "low", "close", "volume").iter_rows()
        )  # fmt: skip
        rows = self.rows(_BARS)
        stored = set(rows)
        if stored != truth or len(rows) != len(truth):
            yield f"the table is not the truth: {len(truth - stored)} lack, {len(stored - truth)} too much or other"

    def _paid_twice(self) -> Iterator[str]:
        loaded = {}
        for endpoint, session, arguments, at, inserted, times in self.rows(
            "SELECT endpoint, session, arguments::text, min(loaded_at), min(inserted), count(*) FROM loads GROUP BY 1, 2, 3"
        ):
            if times > 1 or inserted == 0:
                yield f"{times} loads, the least of {inserted} new bars, of {endpoint} {arguments}"
            if endpoint == "grouped":
                loaded[str(session)] = at
        for at, path in self.asked():
            kept = loaded.get(path.rsplit("/", 1)[-1]) if "/grouped/" in path else None
            if kept is not None and at > kept:
                yield f"{path} was asked for at {at}, and its bars had been stored at {kept}"

    def _figures(self) -> Iterator[str]:
        state, pairs, bars, empty, failed, calls = self.rows(
            "SELECT state, pairs, bars, empty, failed, vendor_calls FROM backfill_jobs WHERE id = :id", id=self.job
        )[0]
        if state != "done" or pairs != bars + empty + failed or failed or bars != self.one(
            "SELECT count(*) FROM historical_data"
        ):  # fmt: skip
            yield f"job {state}: {pairs} pairs, {bars} bars, {empty} empty, {failed} failed"
        if calls != (loads := self.one("SELECT count(*) FROM loads")):
            yield f"the job counts {calls} calls, {loads} loads are stored"
        for kind in ("started", "completed"):
            mine = self.one(
                "SELECT count(*) FROM outbox WHERE event_type = :kind AND data::jsonb ->> 'job_id' = :id",
                kind=f"backfill_{kind}", id=str(self.job),
            )  # fmt: skip
            sent = self.rig.broker().xlen(f"stream:tickstock.automation.backfill.{kind}")
            noted = self.one("SELECT count(*) FROM outbox WHERE event_type = :kind", kind=f"backfill_{kind}")
            if mine != 1 or sent != noted:
                yield f"backfill_{kind}: {mine} for the job; {noted} noted, {sent} in the stream"

    def _left_over(self) -> Iterator[str]:
        if open_calls := self.one("SELECT count(*) FROM bar_calls WHERE status <> 'done'"):
            yield f"{open_calls} calls are not done"
        if waiting := self.one("SELECT count(*) FROM bar_requests WHERE status = 'waiting'"):
            yield f"{waiting} requests wait"


def children(worker: Part) -> list[psutil.Process]:
    """The pool's processes."""
    return psutil.Process(worker.process.pid).children(recursive=True)


def freeze(worker: Part) -> None:
    """SIGSTOP to a worker and its children: it looks alive and does nothing."""
    for process in [psutil.Process(worker.process.pid), *children(worker)]:
        process.send_signal(signal.SIGSTOP)


def thaw(worker: Part) -> None:
    """SIGCONT: it goes on where it stood."""
    for process in [*children(worker), psutil.Process(worker.process.pid)]:
        process.send_signal(signal.SIGCONT)


@contextmanager
def ordered_backfill(symbols: int, sessions: int, delay_s: float) -> Iterator[Backfill]:
    """A rig with a scanned market whose backfill is ordered and not begun; each vendor call takes `delay_s` at least."""
    days = calendar().between(LAST - timedelta(days=2 * sessions + 20), LAST)[-sessions:]
    with running_rig(events=False) as rig:
        serve_market(rig, symbols, days)
        port = any_free()
        base = f"http://{HOST}:{port}"
        part = rig.start_part(
            "slow vendor", "tests.campaigns.slow_vendor", str(rig.folder / "market"), str(port), str(delay_s),
            str(rig.folder / "book"), POLYGON_BASE_URL=base,
        )  # fmt: skip
        rig.wait(lambda: "serving" in part.lines, "the slow vendor's first sign", 60)
        set_market_day(base, days[-1])
        backfill = Backfill(rig, days)
        first = backfill.start_workers(1)
        backfill.send("symbols.scan", "priority.100", session=calendar().after(days[-1]).isoformat())
        rig.wait(lambda: backfill.one("SELECT count(*) FROM scan_runs WHERE outcome = 'done'") == 1, "the scan", 120)
        backfill.kill(first)
        backfill.order()
        try:
            yield backfill
        finally:
            backfill.engine.dispose()
