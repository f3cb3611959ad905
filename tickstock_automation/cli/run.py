"""Commands that send one task and wait for what it did: `eod`, `backfill`, `quality sweep` (and `scan`); and `relay`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer

from tickstock_automation.cli.moments import session_of
from tickstock_automation.cli.output import AsJson, facts, print_json, stderr, stdout, warn
from tickstock_automation.errors import TickstockError, UsedWrongly
from tickstock_automation.settings import settings

quality = typer.Typer(help="The data quality monitor.", no_args_is_help=True)

AsOf = Annotated[
    datetime | None,
    typer.Option("--as-of", formats=["%Y-%m-%d"], help="Session (a day without one moves to the next)."),
]


def eod(as_of: AsOf = None, as_json: AsJson = False) -> None:
    """Loads the bars of a session that has closed, by default of the last one."""
    driver, day = driver_for(as_of, coming=False)
    cycle = run_one(driver, day, "eod")
    state = driver.session_state(day)
    report(as_json, {"session": cycle.session, "bars": cycle.bars, "state": state, "vendor_calls": cycle.vendor_calls})


@quality.command()
def sweep(as_of: AsOf = None, as_json: AsJson = False) -> None:
    """Runs all checks over the last sessions up to one that has closed."""
    driver, day = driver_for(as_of, coming=False)
    cycle = driver.run_one(day, ("quality",))
    report(as_json, {"session": cycle.session, "quality": cycle.quality})


@quality.callback()
def _group() -> None:
    """Keeps `sweep` a subcommand."""


def backfill(
    symbols: Annotated[list[str], typer.Argument(help="Tickers to bring up to date.")],
    plan: Annotated[bool, typer.Option("--plan", help="Say what it would cost, and do nothing.")] = False,
    as_of: AsOf = None,
    as_json: AsJson = False,
) -> None:
    """Loads the bars that active symbols lack of the last 90 days, with the fewest vendor calls."""
    from sqlalchemy import text

    from tickstock_automation.bars.planner import GroupedCall
    from tickstock_automation.bars.planner import plan as plan_calls
    from tickstock_automation.db.engine import transaction
    from tickstock_automation.db.roles import Role
    from tickstock_automation.processing.queue import queue_symbols
    from tickstock_automation.sessions import calendar

    driver, day = driver_for(as_of, coming=False)
    found = settings()
    tickers = [one.upper() for one in symbols]
    days = calendar().between(day - timedelta(days=found.backfill_days), day)
    with transaction(Role.APP) as session:
        rows = session.execute(
            text("SELECT ticker, id, equity_type FROM symbols WHERE active AND ticker = ANY (:tickers)"), {"tickers": tickers}
        ).all()  # fmt: skip
        unknown = sorted(set(tickers) - {row[0] for row in rows})
        if unknown:
            raise UsedWrongly(f"no active symbol is called {', '.join(unknown)}")
        pairs = session.execute(
            text(
                "SELECT s.id, d.day FROM unnest(CAST(:ids AS bigint[])) s (id) CROSS JOIN unnest(CAST(:days AS date[])) d (day)"
                " WHERE NOT EXISTS (SELECT 1 FROM historical_data h WHERE h.symbol_id = s.id AND h.date = d.day)"
                " AND NOT EXISTS (SELECT 1 FROM known_empty k WHERE k.symbol_id = s.id AND k.session = d.day)"
            ),
            {"ids": [row[1] for row in rows], "days": days},
        ).all()  # fmt: skip
    calls = plan_calls(pairs)
    grouped = sum(isinstance(call, GroupedCall) for call in calls)
    per_minute = found.polygon_calls_per_minute
    cost = {
        "bars_wanted": len(pairs), "calls": len(calls), "grouped_calls": grouped, "range_calls": len(calls) - grouped,
        "minutes": round(len(calls) / per_minute, 1) if per_minute else 0.0,
    }  # fmt: skip
    if plan:
        report(as_json, cost)
        return
    by_type: dict[str, list[str]] = {}
    for ticker, _, equity_type in rows:
        by_type.setdefault(equity_type, []).append(ticker)
    with transaction(Role.IPO_MONITOR) as session:
        queued = sum(queue_symbols(session, kind, names, "asked", found.queue_bound) for kind, names in by_type.items())
    stderr.print(f"{queued} symbols queued, {len(calls)} vendor calls planned")
    driver.drain(day)
    report(as_json, {**cost, "queued": queued, "bars": driver.bars_of([row[1] for row in rows], days)})


def relay() -> None:
    """Sends the outbox to Redis, until it is stopped; a second one stands by."""
    from tickstock_automation.ops.relay_process import run_relay

    run_relay(with_parent=False)


def driver_for(as_of: datetime | None, *, coming: bool) -> tuple[Any, Any]:
    """Checks what is needed, and gives a driver and the session."""
    from tickstock_automation.cli.workers import await_workers
    from tickstock_automation.local.cycle import CycleDriver
    from tickstock_automation.local.stack_state import replay_market
    from tickstock_automation.sessions import calendar

    now = datetime.now(UTC)
    day = session_of(as_of, calendar().to_scan(now) if coming else calendar().last_closed(now))
    found = settings()
    _ = found.database_url  # says what to set where it is not
    driver = CycleDriver(found, replay=replay_market(found), check=lambda: None)
    await_workers(driver.app)
    return driver, day


def run_one(driver: Any, day: Any, step: str) -> Any:
    """One step, after which a replay's clock goes on as it was. TickstockError where it failed; other problems are said."""
    try:
        cycle = driver.run_one(day, (step,))
    finally:
        driver.release_market()
    if cycle.failed:
        raise TickstockError("; ".join(cycle.problems))
    for problem in cycle.problems:
        warn(problem)
    return cycle


def report(as_json: bool, values: dict[str, Any]) -> None:
    """What a step did, as JSON or as names and values."""
    if as_json:
        print_json(values)
        return
    flat: dict[str, str] = {}
    for name, value in values.items():
        if isinstance(value, dict):
            flat |= {f"{name} {key}": in_words(one) for key, one in value.items()}
        else:
            flat[name.replace("_", " ")] = in_words(value)
    stdout.print(facts(flat))


def in_words(value: Any) -> str:
    """A figure for a person: of a list how many and the first dozen, of a map its pairs."""
    if isinstance(value, list):
        return f"{len(value)}" + (
            f"  ({', '.join(map(in_words, value[:12]))}{' ...' if len(value) > 12 else ''})" if value else ""
        )
    if isinstance(value, dict):
        return ", ".join(f"{key} {in_words(one)}" for key, one in value.items()) or "none"
    return str(value)
