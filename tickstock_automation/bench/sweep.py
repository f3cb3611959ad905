"""The sweep's benchmark: a market in the database, swept whole by real workers, its findings stored and told."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import Any

import polars as pl

from tickstock_automation.bench.load import LAST, Workers
from tickstock_automation.bench.machine import machine
from tickstock_automation.bench.market import quiet_bars
from tickstock_automation.bench.rig import Rig, running_rig
from tickstock_automation.bench.targets import Target
from tickstock_automation.sessions import calendar

SEED = 4
WILD = 0.002
"""Of all bars, as each of five faults: jumps that stay, prints that come back, huge and no volume, contradictory prices."""

_SYMBOLS = """
INSERT INTO symbols (ticker, name, type, equity_type, exchange, first_seen, bootstrap, list_date)
SELECT 'T' || lpad((n - 1)::text, 5, '0'), 'Company ' || n, 'CS', 'STOCK_EOD', 'XNAS', '2020-01-02', true, '2000-01-03'
  FROM generate_series(1, %s) n"""
_LOADS = """
INSERT INTO loads (session, endpoint, arguments, answer_hash, rows, inserted, job)
SELECT d, 'grouped', '{}', 'bench', 1, 1, 'bench' FROM unnest(%s::date[]) d"""
_LOADED = "INSERT INTO eod_runs (session, outcome, lease_until) SELECT d, 'done', now() FROM unnest(%s::date[]) d"
_SUMMED_UP = "SELECT count(*) FROM quality_metrics WHERE scope = 'summary' AND session = %s"
_TOUCHED = "SELECT count(*) FROM quality_sweeps WHERE kind = 'touched' AND finished_at IS NOT NULL"
_PARTS = """
SELECT coalesce(jsonb_object_agg(shard, figures -> 'seconds') FILTER (WHERE figures ? 'seconds'), '{}')
  FROM quality_sweep_shards WHERE sweep_id = (SELECT max(id) FROM quality_sweeps WHERE kind = %s)"""
_ALERTS = "SELECT count(*) FROM quality_alerts"


def bench_sweep(symbols: int, sessions: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Seconds of a first whole sweep as it is by default (63 sessions judged, 60 before them as history), all findings stored
    as alerts with their events; of the next session's, when all are known; and of what all loads touched at once."""
    days = calendar().between(LAST - timedelta(days=2 * sessions + 20), LAST)[-sessions:]
    with running_rig(events=False) as rig:
        say(f"making {symbols:,} symbols and {sessions} sessions")
        rows = _fill(rig, symbols, days)
        workers = Workers(rig)
        workers.send("quality.sweep_touched", "quality")  # which also waits until the workers take tasks
        workers.until(lambda: workers.one(_TOUCHED) == 1, "the first touched sweep")
        warm = _touched_seconds(workers)
        workers.execute("TRUNCATE quality_alerts, quality_alert_steps, outbox CASCADE")
        found: dict[str, Any] = {}
        for name, day in (("first", days[-2]), ("next", days[-1])):
            say(f"the {name} whole sweep")
            found[name] = _sweep(workers, day)
        return {
            "symbols": symbols, "sessions": sessions, "rows": rows, "alerts": workers.one(_ALERTS),
            "first_s": found["first"][0], "next_s": found["next"][0], "first_alerts": found["first"][1],
            "touched_s": warm, "shards": {name: one[2] for name, one in found.items()},
            "peak_rss_mb": round(workers.peak_bytes / 1e6), "machine": machine(rig),
        }  # fmt: skip


def sweep_targets(found: dict[str, Any]) -> list[Target]:
    """Of 10,000 symbols x 120 sessions."""
    return [
        Target("first sweep, all its findings new", found["first_s"], 5, 3, "s"),
        Target("next sweep, all findings known", found["next_s"], 5, 3, "s"),
    ]


def _sweep(workers: Workers, day: date) -> tuple[float, int, Any]:
    started = time.monotonic()
    workers.send("quality.sweep", "quality", session=day.isoformat())
    workers.until(lambda: workers.one(_SUMMED_UP, day) == 1, "the sweep")
    return round(time.monotonic() - started, 2), workers.one(_ALERTS), workers.one(_PARTS, "whole")


def _touched_seconds(workers: Workers) -> float:
    return float(
        workers.one("SELECT extract(epoch FROM max(finished_at) - max(created_at))::float8 FROM quality_sweeps")
    )


def _fill(rig: Rig, symbols: int, days: Sequence[date]) -> int:
    bars = _spoiled(quiet_bars(symbols, days)).sort("date")
    number = pl.col("symbol").str.slice(1).cast(pl.Int64) + 1
    place = pl.DataFrame({"date": list(days), "load_id": range(1, len(days) + 1)})
    rows = bars.with_columns(number.alias("symbol_id"), pl.lit("bench").alias("source")).drop("symbol")
    rows = rows.join(place, on="date")
    buffer = io.BytesIO()
    rows.write_csv(buffer, include_header=False)
    buffer.seek(0)
    with rig.database().cursor() as cursor:
        cursor.execute("SELECT create_bar_partitions(%s, %s)", (days[0], days[-1]))
        cursor.execute(_SYMBOLS, (symbols,))
        cursor.execute(_LOADS, (list(days),))
        cursor.execute(_LOADED, (list(days),))
        cursor.copy_expert(f"COPY historical_data ({', '.join(rows.columns)}) FROM STDIN WITH (FORMAT csv)", buffer)
        cursor.execute("ANALYZE")
    return rows.height


def _spoiled(bars: pl.DataFrame) -> pl.DataFrame:
    """With faults in it, the same ones each time."""
    draw = pl.int_range(pl.len()).hash(SEED) / 2.0**64
    which = (draw / WILD).floor()
    prices = [
        pl.when(which == 0).then(pl.col(name) * 10).when(which == 1).then(pl.col(name) * 0.6).otherwise(pl.col(name)).alias(name)
        for name in ("open", "high", "low", "close")
    ]  # fmt: skip
    volume = (
        pl.when(which == 2)
        .then(pl.col("volume") * 12)
        .when(which == 3)
        .then(0.0)
        .otherwise(pl.col("volume"))
        .alias("volume")
    )
    high = pl.when(which == 4).then(pl.col("low") * 0.9).otherwise(pl.col("high")).alias("high")
    return bars.with_columns(*prices, volume).with_columns(high)
