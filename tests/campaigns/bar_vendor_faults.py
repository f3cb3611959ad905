"""Each fault of the vendor's in the middle of a backfill: afterwards, and where it spoiled values after a re-read, the table equals the
truth, row by row.

`make bar-vendor-faults` (FAULTS="--fault NAME ..."). Exit code 1 where a bar lacks, differs or is too many, a load is there twice,
or a job's figures do not add up.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import time
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import polars as pl
from psycopg2 import sql
from sqlalchemy import text

from tickstock_automation.bars.calling import make_calls
from tickstock_automation.bars.drafts import draft, order
from tickstock_automation.bench.load import LAST, set_market_day
from tickstock_automation.bench.market import KEY, quiet_bars, serve_market
from tickstock_automation.bench.rig import Rig, running_rig
from tickstock_automation.db.copy import read_frame
from tickstock_automation.db.engine import engine, transaction
from tickstock_automation.db.roles import Role
from tickstock_automation.replay.faults.every import FAULTS
from tickstock_automation.replay.faults.fault import BARS, DataFault
from tickstock_automation.sessions import calendar
from tickstock_automation.settings import Settings, load_settings, use_settings
from tickstock_automation.vendor.polygon import PolygonVendor

FEW_SYMBOLS, FEW_SESSIONS = 90, 60  # 60 calls, one for each session
LEASE_S = 5
PATIENCE_S = 400
SPOILS = (
    "401",
    "403-ipos",
    "splits-twice",
    "missing-splits",
    "early-splits",
)  # of other answers, or a person is needed
VALUES = {
    "symbol_id": pl.Int64,
    "date": pl.Date,
    **dict.fromkeys(("open", "high", "low", "close", "volume"), pl.Float64),
}


def main() -> int:
    """Runs them and says what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--fault", action="append", help="only these; by default all that change bars or the way they come"
    )
    given = parser.parse_args()
    wrong = spoiled(given.fault or [name for name, one in FAULTS.items() if one.answers & BARS and name not in SPOILS])
    say("\n".join(wrong) or "nothing lacks, differs or was paid twice")
    return bool(wrong)


def say(line: str) -> None:
    """Told as it comes."""
    print(line, flush=True)


@dataclass
class World:
    """A market with its truth, and a database that knows its symbols and wants nothing yet."""

    rig: Rig
    base: str
    bars: pl.DataFrame
    days: Sequence[date]
    settings: Settings

    def order(self, *, reread: bool = False) -> int:
        """A backfill of everything; gives its number."""
        with transaction(Role.IPO_MONITOR) as session:
            ids = list(session.scalars(text("SELECT id FROM symbols ORDER BY id")))
            drafted = draft(session, ids, self.days[0], self.days[-1], date.min, calendar(), reread=reread)
            return order(session, drafted, self.days[-1], "campaign", None)

    def rows(self, statement: str, **values: Any) -> list[tuple[Any, ...]]:
        with transaction(Role.APP) as session:
            return [tuple(row) for row in session.execute(text(statement), values)]

    def put(self, path: str, what: object) -> None:
        """Tells the replay something."""
        request = urllib.request.Request(  # noqa: S310 -- our own replay on loopback
            f"{self.base}{path}",
            data=json.dumps(what).encode(),
            headers={"Authorization": f"Bearer {KEY}"},
            method="PUT",
        )
        with urllib.request.urlopen(request, timeout=10):  # noqa: S310
            pass

    def forget(self) -> None:
        """Back to the beginning, but for the symbols."""
        with self.rig.database().cursor() as cursor:
            cursor.execute(
                "TRUNCATE historical_data, bar_requests, bar_calls, unloaded_bars, known_empty, quarantined_bars,"
                " bar_corrections, loads, backfill_jobs, session_status, operational_findings CASCADE"
            )

    def differences(self) -> tuple[int, int, int]:
        """Bars that lack, that nobody has (too many), and that differ."""
        query = sql.SQL("SELECT symbol_id, date, open, high, low, close, volume FROM historical_data")
        with transaction(Role.APP) as session:
            ours = read_frame(session.connection(), query, VALUES)
            names = {row[0]: row[1] for row in session.execute(text("SELECT id, ticker FROM symbols"))}
        ours = ours.with_columns(pl.col("symbol_id").replace_strict(names, return_dtype=pl.String).alias("symbol"))
        both = self.bars.join(ours, on=["symbol", "date"], how="full", suffix="_ours", coalesce=True)
        prices = ("open", "high", "low", "close", "volume")
        other = both.drop_nulls().filter(pl.any_horizontal(pl.col(name) != pl.col(f"{name}_ours") for name in prices))
        return both["close_ours"].null_count(), both["close"].null_count(), other.height


@contextlib.contextmanager
def world(symbols: int, sessions: int) -> Any:
    """A rig with a vendor and all symbols known."""
    days = calendar().between(LAST - timedelta(days=2 * sessions + 20), LAST)[-sessions:]
    with running_rig(events=False) as rig:
        vendor = serve_market(rig, symbols, days)
        settings = load_settings(
            stack=False,
            database_uri=rig.database_uri,
            POLYGON_CALLS_PER_MINUTE=0,
            POLYGON_HISTORY_YEARS=0,
            lease_s=LEASE_S,
        )
        use_settings(settings)
        engine.cache_clear()
        set_market_day(vendor.base, days[-1])
        with transaction(Role.IPO_MONITOR) as session:
            session.execute(
                text(
                    "INSERT INTO symbols (ticker, name, type, equity_type, first_seen, bootstrap)"
                    " SELECT 'T' || lpad(n::text, 5, '0'), 'x', 'CS', 'STOCK_EOD', :day, true FROM generate_series(0, :most) n"
                ),
                {"day": days[-1], "most": symbols - 1},
            )
            session.execute(text("INSERT INTO symbol_aliases (symbol_id, ticker) SELECT id, ticker FROM symbols"))
        yield World(rig, vendor.base, quiet_bars(symbols, days), days, settings)


def _sound(made: World, job: int, what: str) -> list[str]:
    """What is wrong after a backfill that should have brought all."""
    found = []
    lack, more, other = made.differences()
    if lack or more or other:
        found.append(f"{what}: {lack} bars lack, {more} are too many, {other} differ")
    twice = made.rows("SELECT endpoint, arguments, count(*) FROM loads GROUP BY 1, 2 HAVING count(*) > 1")
    found += [f"{what}: paid {row[2]} times for committed rows: {row[0]} {row[1]}" for row in twice]
    [(state, pairs, bars, empty, failed)] = made.rows(
        "SELECT state, pairs, bars, empty, failed FROM backfill_jobs WHERE id = :job", job=job
    )
    if (state, bars, empty, failed) != ("done", pairs, 0, 0) or pairs != made.bars.height:
        found.append(f"{what}: the job is {state} with {bars} bars, {empty} empty, {failed} failed of {pairs}")
    told = dict(
        made.rows(
            "SELECT event_type, count(*) FROM outbox WHERE data::jsonb ->> 'job_id' = CAST(:job AS text) GROUP BY 1",
            job=job,
        )
    )
    if (told.get("backfill_started"), told.get("backfill_completed")) != (1, 1):
        found.append(f"{what}: told {told}")
    left = made.rows(
        "SELECT (SELECT count(*) FROM bar_calls WHERE status IN ('waiting', 'running')), (SELECT count(*) FROM bar_requests WHERE status = 'waiting')"
    )
    if left != [(0, 0)]:
        found.append(f"{what}: {left[0][0]} calls and {left[0][1]} requests are left over")
    return found


def spoiled(names: Sequence[str], symbols: int = FEW_SYMBOLS, sessions: int = FEW_SESSIONS) -> list[str]:
    """One fault after another in the middle of a backfill; what it spoiled is put right by a re-read."""
    found: list[str] = []
    with world(symbols, sessions) as made:
        vendor = PolygonVendor(KEY, made.base, 2.0)
        for name in names:
            made.put("/replay/faults", [])
            made.forget()
            job = made.order()
            _work(made, vendor, job, most_s=0.05)  # the first of its calls
            made.put("/replay/faults", [f"{name}@{made.days[-1]}"])
            if isinstance(
                FAULTS[name], DataFault
            ):  # the fault's day is the newest session, the first that is asked for
                made.forget()
                job = made.order()
            _work(made, vendor, job)
            made.put("/replay/faults", [])
            found += _mended(made, vendor, name, job)
    return found


def _mended(made: World, vendor: PolygonVendor, name: str, job: int) -> list[str]:
    lack, more, other = made.differences()
    refused = made.rows("SELECT count(*) FROM quarantined_bars")[0][0]
    say(f"{name}: {lack} lack, {more} too many, {other} differ, {refused} rows refused")
    if more:
        return [f"{name}: {more} bars were stored that nobody has"]
    if not (lack or other):
        return _sound(made, job, name) if not refused else []
    again = made.order(reread=True)
    _work(made, vendor, again)
    left = made.differences()
    corrected = made.rows("SELECT count(*) FROM bar_corrections")[0][0]
    wrong = [f"{name}: after a re-read {left} lack, are too many, differ"] if left != (0, 0, 0) else []
    return wrong + ([f"{name}: {other} differed and {corrected} corrections are kept"] if corrected != other else [])


def _work(made: World, vendor: PolygonVendor, job: int, most_s: float = float("inf")) -> None:
    """Makes calls until the job has ended, without the pauses between attempts."""
    began = time.monotonic()
    while made.rows("SELECT state FROM backfill_jobs WHERE id = :job", job=job)[0][0] in ("planned", "running"):
        make_calls(vendor, calendar(), made.settings, most_s=most_s)
        if most_s != float("inf"):
            return
        with transaction(Role.IPO_MONITOR) as session:
            session.execute(text("UPDATE bar_calls SET due_at = now() WHERE status = 'waiting'"))
        if time.monotonic() - began > PATIENCE_S:
            raise TimeoutError(f"backfill {job} does not end")


if __name__ == "__main__":
    sys.exit(main())
