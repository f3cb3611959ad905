"""The work list's benchmark: symbols of all types through queue and workers, the SQL functions under that load, the pace at the
default limits, and the memory of a worker over many tasks."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import Any

from tickstock_automation.bench.figures import latency
from tickstock_automation.bench.load import LAST, Workers, set_market_day
from tickstock_automation.bench.machine import machine
from tickstock_automation.bench.market import serve_market
from tickstock_automation.bench.rig import Rig, running_rig
from tickstock_automation.sessions import calendar

SHARES = (
    ("STOCK_EOD", 0.55),
    ("ETF", 0.2),
    ("STOCK_REALTIME", 0.1),
    ("PENNY_STOCK", 0.08),
    ("ETN", 0.05),
    ("DEV_TESTING", 0.02),
)
DISPATCH_S = 0.1
MARKS = (1_000, 10_000)
BETWEEN_S = 0.002  # the caller of the functions thinks between two calls

_BROUGHT = """
SELECT count(*) FROM equity_processing_queue WHERE status = 'done'
   AND symbol_id IN (SELECT symbol_id FROM historical_data GROUP BY 1 HAVING count(*) = %s)"""
_OPEN = "SELECT count(*) FROM equity_processing_queue WHERE status IN ('pending', 'running')"
_BATCHES = "SELECT count(*) FROM processing_stats"
_SCANNED = "SELECT count(*) FROM scan_runs WHERE outcome IN ('done', 'held')"
_SUMMED_UP = "SELECT count(*) FROM quality_metrics WHERE scope = 'summary'"
_UNSENT = "SELECT count(*) FROM outbox WHERE batch IS NULL AND set_aside IS NULL"
_CLEAR = "DELETE FROM bar_requests; DELETE FROM backfill_jobs; DELETE FROM equity_processing_queue; DELETE FROM processing_stats"

CALLS: tuple[tuple[str, tuple[object, ...]], ...] = (
    ("SELECT get_equity_processing_config(%s)", ("STOCK_EOD",)),
    ("SELECT * FROM get_symbols_for_processing(%s, 50)", ("STOCK_EOD",)),
    ("SELECT queue_symbols_for_processing(%s, %s)", ("DEV_TESTING", None)),
    ("SELECT update_processing_stats(%s, 0, 0, 0)", ("DEV_TESTING",)),
    ("SELECT * FROM get_session_status(%s)", (LAST,)),
)


class Caller(threading.Thread):
    """Another program that calls the SQL functions while the workers work."""

    def __init__(self, rig: Rig, symbol: str) -> None:
        super().__init__(daemon=True)
        self.times_ns: list[int] = []
        self._connection = rig.database()
        self._symbol, self._ended = symbol, threading.Event()
        self.start()

    def run(self) -> None:
        chance = random.Random(1)  # noqa: S311 -- an order, not a secret
        with self._connection.cursor() as cursor:
            while not self._ended.wait(BETWEEN_S):
                statement, values = chance.choice(CALLS)
                if values[-1] is None:
                    values = (*values[:-1], [self._symbol])
                began = time.perf_counter_ns()
                cursor.execute(statement, values)
                cursor.fetchall()
                self.times_ns.append(time.perf_counter_ns() - began)

    def end(self) -> list[int]:
        """Stops it and gives the times, in nanoseconds."""
        self._ended.set()
        self.join(10)
        return self.times_ns


def bench_queue(symbols: int, sessions: int, limited_s: float, say: Callable[[str], None]) -> dict[str, Any]:
    """What `tickstock bench queue` prints."""
    days = calendar().between(LAST - timedelta(days=2 * sessions + 20), LAST)[-sessions:]
    say(f"making a market of {symbols:,} symbols and {sessions} sessions")
    with running_rig(events=False) as rig:
        vendor = serve_market(rig, symbols, days)
        span = (days[-1] - days[0]).days
        workers = Workers(rig, TICKSTOCK_BACKFILL_DAYS=str(span), TICKSTOCK_SWEEP_SESSIONS=str(sessions))
        set_market_day(vendor.base, days[-1])
        say("bootstrap: the first scan")
        workers.send("symbols.scan", "priority.100", session=calendar().after(days[-1]).isoformat())
        workers.until(lambda: workers.one(_SCANNED) == 1, "the scan", 300)
        own = _mix(workers, symbols)
        say("without limits")
        found = _unlimited(rig, workers, days, symbols, own["DEV_TESTING"])
        say(f"at the default limits, for {limited_s:.0f} s")
        found["limited"] = _limited(workers, days[-1], limited_s)
        say(f"memory over {MARKS[-1]:,} tasks")
        found["rss_mb"] = _memory(workers, days[-1])
        return found | {"machine": machine(rig)}


def _mix(workers: Workers, symbols: int) -> dict[str, str]:
    """Gives the symbols their types; a ticker of each."""
    workers.execute(_CLEAR)
    begin, own = 0, {}
    for name, share in SHARES:
        end = symbols if name == SHARES[-1][0] else begin + round(symbols * share)
        workers.execute(
            "UPDATE symbols SET equity_type = %s WHERE ticker >= %s AND ticker < %s", name, f"T{begin:05}", f"T{end:05}"
        )
        own[name] = f"T{begin:05}"
        begin = end
    workers.execute("CREATE TABLE bench_rates AS SELECT name, rate_limit_ms, batch_size FROM equity_types")
    return own


def _unlimited(rig: Rig, workers: Workers, days: Sequence[date], symbols: int, ticker: str) -> dict[str, Any]:
    workers.execute("UPDATE equity_types SET rate_limit_ms = 0")
    caller = Caller(rig, ticker)
    started = time.monotonic()
    _queue_all(workers)
    _drain(workers, days[-1], "the queue")
    done = workers.one(_BROUGHT, len(days))
    drained = time.monotonic() - started
    times = caller.end()
    workers.send("quality.sweep", "quality", session=days[-1].isoformat())
    workers.until(lambda: workers.one(_SUMMED_UP) == 1, "the sweep")
    workers.until(lambda: workers.one(_UNSENT) == 0, "the last event")
    total = time.monotonic() - started
    timed = latency(times)
    success = min(1.0, done / symbols)
    return {
        "symbols": symbols, "sessions": len(days), "symbols_per_s": round(symbols / total), "success": round(success, 4),
        "seconds": {"done": round(drained, 2), "checked_and_told": round(total, 2)},
        "db_mean_ms": timed["mean_ms"], "db_p95_ms": timed["p95_ms"], "db_calls": len(times),
        "vendor_calls": workers.one("SELECT count(*) FROM loads WHERE endpoint IN ('grouped', 'range')"),
    }  # fmt: skip


def _limited(workers: Workers, day: date, seconds: float) -> dict[str, float]:
    """Symbols a second that began within the window, beside batch size over rate limit of all types together."""
    workers.execute(_CLEAR)
    workers.execute(
        "UPDATE equity_types t SET rate_limit_ms = b.rate_limit_ms FROM bench_rates b WHERE b.name = t.name"
    )
    allowed = workers.one("SELECT sum(batch_size * 1000.0 / rate_limit_ms)::float8 FROM equity_types")
    _queue_all(workers)
    started = time.monotonic()

    def over() -> bool:
        _dispatch(workers, day)
        return time.monotonic() - started > seconds + 3

    workers.until(over, "the window", seconds + 30)
    first = workers.one("SELECT min(last_attempt) FROM equity_processing_queue")
    began = workers.one(
        "SELECT count(*) FROM equity_processing_queue WHERE status = 'done' AND last_attempt >= %s"
        " AND last_attempt < %s + make_interval(secs => %s)", first, first, seconds,
    )  # fmt: skip
    workers.execute(_CLEAR)
    return {"symbols_per_s": round(began / seconds, 2), "theoretical": round(allowed, 2), "seconds": seconds}


def _memory(workers: Workers, day: date) -> dict[str, int]:
    """The largest worker process after so many batches of one symbol each."""
    workers.execute("UPDATE equity_types SET rate_limit_ms = 0, batch_size = 1")
    found = {}
    for mark in MARKS:
        while workers.one(_BATCHES) < mark:
            _queue_all(workers)
            _drain(workers, day, "the batches", enough=lambda mark=mark: workers.one(_BATCHES) >= mark)  # type: ignore[misc]
        found[str(mark)] = round(workers.largest() / 1e6)
    return found


def _queue_all(workers: Workers) -> None:
    for name, _ in SHARES:
        workers.execute("SELECT queue_symbols_for_processing(%s)", name)


def _drain(workers: Workers, day: date, what: str, enough: Callable[[], bool] = lambda: False) -> None:
    def drained() -> bool:
        _dispatch(workers, day)
        return workers.one(_OPEN) == 0 or enough()

    workers.until(drained, what, 1200)


def _dispatch(workers: Workers, day: date) -> None:
    """As beat does each second, but without its wait: what is measured is the queue."""
    now = time.monotonic()
    if now - workers.dispatched > DISPATCH_S:
        workers.send("processing.dispatch", "priority.100", as_of=day.isoformat())
        workers.dispatched = now
