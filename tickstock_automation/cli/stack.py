"""`tickstock up`, `status`, `down`: the whole on one machine."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from datetime import UTC, date, datetime
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

import typer
from rich.console import RenderableType

from tickstock_automation import __version__
from tickstock_automation.cli.output import AsJson, facts, print_json, stderr, stdout
from tickstock_automation.errors import TickstockError, UsedWrongly
from tickstock_automation.local.stack_state import StackState, read_state, remove_state, runs_in, write_state
from tickstock_automation.settings import load_settings, settings, state_dir

StateDir = Annotated[
    Path | None, typer.Option("--state-dir", help="Where the data lie (.tickstock here, or TICKSTOCK_STATE_DIR).")
]
VendorFault = Annotated[
    list[str] | None,
    typer.Option(
        "--fault",
        metavar="NAME[:ANSWER]@DATE[*N]",
        help="Let the replay play a fault of the vendor's on that market day; may be given more than once.",
    ),
]
Port = Annotated[int | None, typer.Option(min=1, max=65535)]
STEPS = ("scan", "details", "eod", "quality")
BACKGROUND_LOG = "up.log"
EARLIEST = date(2001, 1, 2)  # a backfill and its medians reach into the year before


def up(
    once: Annotated[bool, typer.Option("--once", help="Run the cycle, stop everything, exit.")] = False,
    as_json: AsJson = False,
    data: Annotated[Path | None, typer.Option(help="Folder of bars to replay.")] = None,
    generate: Annotated[
        bool, typer.Option("--generate", help="Replay a generated market, also where POLYGON_API_KEY is set.")
    ] = False,
    as_of: Annotated[
        str | None, typer.Option(help="First session, YYYY-MM-DD; a day without one moves to the next.")
    ] = None,
    days: Annotated[int | None, typer.Option(min=1, help="How many sessions.")] = None,
    only: Annotated[str | None, typer.Option(help="Steps, separated by commas: scan, details, eod, quality.")] = None,
    state: StateDir = None,
    background: Annotated[
        bool, typer.Option("--background", help="Give the terminal back once everything is ready.")
    ] = False,
    postgres_port: Port = None,
    valkey_port: Port = None,
    vendor_port: Port = None,
    flower_port: Port = None,
    fault: VendorFault = None,
) -> None:
    """Starts everything on this machine, runs a first daily cycle, shows what it did, and stays until Ctrl-C."""
    for contradiction, words in (
        (as_json and not once, "--json goes with --once"),
        (background and once, "--background does not go with --once"),
        (data is not None and generate, "--data and --generate are two different markets: give one of them"),
    ):
        if contradiction:
            raise UsedWrongly(words)
    from tickstock_automation.cli.cycle_view import CycleView
    from tickstock_automation.local.stack import Ports, Stack, ensure_state
    from tickstock_automation.local.vendor_faults import check_days, check_names

    if state is not None:
        os.environ["TICKSTOCK_STATE_DIR"] = str(state.expanduser().absolute())
    where = ensure_state(state_dir())
    faults = tuple(fault or ())
    given = load_settings(stack=False)
    vendor = given.polygon_api_key is not None and not generate
    check_names(faults, replay=data is not None or not vendor)
    if background:
        _in_background(where)
        return
    steps = _steps(only)
    now = datetime.now(UTC)
    first_wanted = _first_session(as_of, now)
    from tickstock_automation.local.market import choose_market
    from tickstock_automation.local.plan import plan_sessions
    from tickstock_automation.sessions import calendar

    market = choose_market(
        where, data, vendor=vendor, as_of=first_wanted,
        today=calendar().after(calendar().last_closed(now)), calendar=calendar(),
    )  # fmt: skip
    check_days(faults, market)
    planned = plan_sessions(market, first_wanted, days, calendar(), now)
    if market.folder is not None and market.last < calendar().last_closed(now):
        given = given.model_copy(update={"schedule": False})
    view = CycleView(stderr, live=once)  # beside the parts' log lines a live view would flicker
    stack = Stack(
        where, given, market, Ports(postgres_port, valkey_port, vendor_port, flower_port), once, faults,
        say=view.say, show=(lambda _name, _line: None) if once else view.part_line,
    )  # fmt: skip
    _run(stack, view, planned, steps, as_json=as_json)


def _first_session(as_of: str | None, now: datetime) -> date | None:
    """The day that was asked for; UsedWrongly where it is no day, lies ahead, or lies before the calendar."""
    from tickstock_automation.sessions import calendar

    day = _day(as_of)
    if day and day > calendar().to_scan(now):
        raise UsedWrongly(
            f"--as-of {day} is in the future; the last session that closed is {calendar().last_closed(now)}"
        )
    if day and day < EARLIEST:
        raise UsedWrongly(f"--as-of {day} is too early: the calendar begins with {EARLIEST}")
    return day


def _run(stack: Any, view: Any, planned: Any, steps: tuple[str, ...], *, as_json: bool) -> None:
    """Start, cycle, and (unless once) stay; whatever happens, everything is stopped."""
    from tickstock_automation.local.cycle import CycleDriver

    started = time.monotonic()
    stack.take_lock()  # nothing is ours to stop before that
    _stop_on_terminate()
    result: dict[str, Any] = {}
    interrupted = False
    try:
        with view:
            stack.start()
            write_state(stack.state, StackState(os.getpid(), False, stack.market.words, stack.addresses))
            replay = stack.market.folder is not None
            driver = CycleDriver(stack.settings, replay=replay, check=stack.supervisor.check, progress=view.progress)
            since = driver.last_event()
            sessions = planned(driver.last_loaded())
            cycles = driver.run(sessions, steps)
            if sessions:
                view.say("finishing what is still queued")
                driver.drain(sessions[-1])
            committed = driver.events_since(since)
            view.say("waiting for the last events")
            everything = stack.witness.await_all(committed, since, 15.0)
            received = stack.witness.received(since)
            stack.idle = stack.once and everything
            if not stack.once:
                driver.release_market()
                view.say("starting beat and Flower")
                stack.start_operations()
        result = {
            "as_of": sessions[0].isoformat() if sessions else None,
            "cycles": [cycle.as_dict() for cycle in cycles],
            "events": {name: {"committed": number, "received": received[name]} for name, number in committed.items()},
            "seconds": round(time.monotonic() - started, 3),
        }
        if not as_json:
            stdout.print(view.summary(result))
        if not everything:
            raise TickstockError(f"not every committed event was received: {result['events']}")
        if not stack.once:
            _stay(stack, view)
    except KeyboardInterrupt:
        interrupted = True
    finally:
        _stop(stack, view, interrupted=interrupted)
    if as_json and result:
        print_json(result)
    if interrupted and stack.once:
        raise typer.Exit(130)
    if stack.once and any(cycle["failed"] for cycle in result.get("cycles", ())):
        raise typer.Exit(1)


def _stay(stack: Any, view: Any) -> None:
    write_state(stack.state, StackState(os.getpid(), True, stack.market.words, stack.addresses))
    stdout.print(_banner(stack))
    view.live_lines = True
    while True:
        time.sleep(0.2)
        stack.supervisor.check()


def _banner(stack: Any) -> Any:
    from rich.console import Group
    from rich.panel import Panel
    from rich.text import Text

    rows = {
        "version": __version__,
        "market": stack.market.words + ("" if stack.settings.schedule else " (of the past: the daily schedule rests)"),
        **{name: value for name, value in stack.addresses.items() if name != "Vendor"},
        "vendor": stack.settings.polygon_base_url,
        "Flower": f"http://127.0.0.1:{stack.settings.flower_port}  user tickstock, password in {stack.state}/flower.password",
        "data": str(stack.state),
        "logs": f"{stack.state}/logs",
    }
    where = "" if stack.state == Path(".tickstock").absolute() else f"TICKSTOCK_STATE_DIR={stack.state} "
    following = Text("\nNext, in another terminal:\n", style="bold")
    for command in ("tickstock events tail", "tickstock doctor", "tickstock status"):
        following.append(f"  {where}.venv/bin/{command}\n", style="cyan")
    following.append("Ctrl-C stops everything and keeps the data.", style="dim")
    return Panel(
        Group(facts(rows, indent=0), following),
        title="[bold green]Ready[/]",
        title_align="left",
        expand=False,
        padding=(1, 2),
    )


def _stop(stack: Any, view: Any, *, interrupted: bool) -> None:
    """In order, within ten seconds; a second Ctrl-C ends everything at once."""
    if interrupted:
        stderr.print("\nStopping everything in order; Ctrl-C again forces.")
    view.live_lines = False

    def force(_signal: int, _frame: FrameType | None) -> None:
        stderr.print("Forced: everything is ended at once. The data stay, and the next start mends them.")
        stack.kill()
        remove_state(stack.state)
        os._exit(130)

    signal.signal(signal.SIGINT, force)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    stack.stop()
    remove_state(stack.state)
    if interrupted or not stack.once:
        stderr.print(f"Stopped. The data are kept in {stack.state}.")


def _stop_on_terminate() -> None:
    def terminate(_signal: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, terminate)
    signal.signal(signal.SIGHUP, terminate)


def _in_background(where: Path) -> None:
    """Starts the same command without a terminal, and waits until it is ready."""
    told = read_state(where)
    if told is not None and runs_in(where):
        raise UsedWrongly(f"a stack runs in {where} already (process {told.pid}): `tickstock down` stops it")
    remove_state(where)
    arguments = [argument for argument in sys.argv[1:] if argument != "--background"]
    log = where / BACKGROUND_LOG
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "tickstock_automation.cli", *arguments],
            stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
    with stderr.status(f"starting, process {process.pid}; what it says goes to {log}"):
        while (told := read_state(where)) is None or not told.ready:
            if process.poll() is not None:
                said = "\n".join(log.read_text().splitlines()[-15:])
                raise TickstockError(f"it ended with exit code {process.returncode}:\n{said}")
            time.sleep(0.1)
    stdout.print(
        facts(
            {
                "process": str(process.pid),
                "market": told.market,
                **told.addresses,
                "data": str(where),
                "stop it": "tickstock down",
            }
        )
    )


def status(state: StateDir = None, as_json: AsJson = False) -> None:
    """Says whether the data of the last session may be used, and shows a running stack: parts, addresses, last sessions."""
    if state is not None:
        os.environ["TICKSTOCK_STATE_DIR"] = str(state.expanduser().absolute())
    where = state_dir()
    told = read_state(where)
    if told is None or not runs_in(where):
        _without_stack(where, as_json=as_json)
        return
    from tickstock_automation.cli.session_view import last_sessions, morning, session_rows
    from tickstock_automation.local.processes import read_records

    parts = {one.name: one.alive() for one in read_records(where)}
    sessions = last_sessions()
    if as_json:
        print_json({"running": True, "ready": told.ready, "pid": told.pid, "parts": parts, "addresses": told.addresses,
                    "market": told.market, "sessions": sessions, "morning": morning(sessions), "state_dir": str(where)})  # fmt: skip
        return
    rows: dict[str, RenderableType] = {
        "process": f"{told.pid}, {'ready' if told.ready else 'starting'}",
        "market": told.market,
        **told.addresses,
        "data": str(where),
    }
    rows["parts"] = "  ".join(
        f"[green]{name}[/]" if alive else f"[red]{name} (dead)[/]" for name, alive in parts.items()
    )
    stdout.print(facts(rows | session_rows(sessions), indent=0))


def _without_stack(where: Path, *, as_json: bool) -> None:
    """A deployment without `up` has a database all the same; exit code 3 where there is neither."""
    running = {"running": False, "state_dir": str(where)}
    if settings().database_uri is None:
        print_json(running) if as_json else stdout.print(f"Nothing runs in {where}. Start it with `tickstock up`.")
        raise typer.Exit(3)
    from tickstock_automation.cli.session_view import last_sessions, morning, session_rows

    sessions = last_sessions()
    if as_json:
        print_json(running | {"sessions": sessions, "morning": morning(sessions)})
    else:
        stdout.print(facts(session_rows(sessions), indent=0))


def down(state: StateDir = None) -> None:
    """Stops a stack that runs, in order, and keeps its data."""
    if state is not None:
        os.environ["TICKSTOCK_STATE_DIR"] = str(state.expanduser().absolute())
    where = state_dir()
    told = read_state(where)
    if told is None or not runs_in(where):
        stdout.print(f"Nothing runs in {where}.")
        raise typer.Exit(3)
    import psutil

    os.kill(told.pid, signal.SIGTERM)
    with stderr.status("stopping"):
        deadline = time.monotonic() + 20
        while (runs_in(where) or psutil.pid_exists(told.pid)) and time.monotonic() < deadline:
            time.sleep(0.1)
    if runs_in(where):
        raise TickstockError(
            f"process {told.pid} did not stop within 20 s: see {where}/{BACKGROUND_LOG}, or end it with kill -9 {told.pid}"
        )
    stdout.print(f"Stopped. The data are kept in {where}.")


def _steps(only: str | None) -> tuple[str, ...]:
    if only is None:
        return STEPS
    wanted = [part.strip() for part in only.split(",") if part.strip()]
    unknown = sorted(set(wanted) - set(STEPS))
    if unknown or not wanted:
        raise UsedWrongly(
            f"--only takes {', '.join(STEPS)}, separated by commas; not {', '.join(unknown) or 'nothing'}"
        )
    return tuple(step for step in STEPS if step in wanted)


def _day(given: str | None) -> date | None:
    if given is None:
        return None
    try:
        return date.fromisoformat(given)
    except ValueError:
        raise UsedWrongly(f"--as-of {given!r} is no date: write it as YYYY-MM-DD") from None
