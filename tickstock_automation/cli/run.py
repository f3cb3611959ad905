"""Commands that send one task and wait for what it did: `eod` (and `scan`, `quality sweep`); and `relay`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from tickstock_automation.cli.moments import session_of
from tickstock_automation.cli.output import AsJson, facts, print_json, stdout, warn
from tickstock_automation.errors import TickstockError
from tickstock_automation.settings import settings

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
