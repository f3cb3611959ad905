"""`tickstock scan`: makes a scan; `history`, `show`, `ipos`: what scans did, and what is coming."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, date, datetime
from typing import Annotated, Any

import typer
from rich.padding import Padding
from rich.text import Text

from tickstock_automation.cli.output import SEVERITIES, AsJson, columns, facts, print_json, stdout
from tickstock_automation.cli.run import AsOf, driver_for, in_words, report, run_one
from tickstock_automation.db.engine import transaction
from tickstock_automation.db.roles import Role
from tickstock_automation.errors import UsedWrongly
from tickstock_automation.sessions import new_york_date
from tickstock_automation.symbols import scan_inspection
from tickstock_automation.symbols.overview import last_scanned
from tickstock_automation.symbols.scan_inspection import IpoLine, ScanDetail, ScanLine

app = typer.Typer(invoke_without_command=True)

SHOWN = 20
FIRST = ("listed", "new", "changed", "archived", "coverage")  # of a scan's figures; then the rest as they come
OUTCOMES = {"done": "green", "held": "yellow", "failed": "bold red", "running": "cyan"}


@app.callback()
def scan(
    context: typer.Context,
    as_of: AsOf = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Ask the vendor and say what would change; change nothing.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Compares the vendor's listing with the database, now, and stores what changed."""
    if context.invoked_subcommand is not None:
        if as_of or as_json or dry_run:
            raise UsedWrongly(f"options of `scan {context.invoked_subcommand}` stand behind its name")
        return
    driver, day = driver_for(as_of, coming=True)
    if dry_run:
        _dry_run(driver, day, as_json=as_json)
        return
    cycle = run_one(driver, day, "scan")
    report(
        as_json,
        {"session": cycle.session, "scan": cycle.scan, "backfill": cycle.backfill, "vendor_calls": cycle.vendor_calls},
    )


def _dry_run(driver: Any, day: date, *, as_json: bool) -> None:
    """What a scan of `day` would do now, decided by the same code."""
    from tickstock_automation.settings import settings
    from tickstock_automation.symbols.scan_plan import plan_scan
    from tickstock_automation.vendor.polygon import vendor

    try:
        driver.set_market(day, closed=False)
        plan = plan_scan(day, vendor(), settings())
    finally:
        driver.release_market()
    told = {"session": day.isoformat(), "bootstrap": plan.bootstrap, **plan.told()}
    if as_json:
        print_json(told)
        return
    lists = {name: told.pop(name) for name in ("changed", "archived", "differences")}
    report(False, told | {"coverage": _share(told["coverage"])})
    for ticker, changes in lists["changed"].items():
        _say_changed(ticker, changes)
    for ticker, (since, why) in lists["archived"].items():
        stdout.print(Text.assemble("  ", ("archived ", "yellow"), (f"{ticker}  ", "bold"), f"from {since}, {why}"))
    for kind, ticker, words in lists["differences"]:
        stdout.print(Text.assemble("  ", ("differs  ", "red"), (f"{ticker}  ", "bold"), f"{kind}: {words}"))


def _say_changed(ticker: str, changes: dict[str, list[str | None]]) -> None:
    words = ", ".join(f"{name} {old or '·'} → {new}" for name, (old, new) in changes.items())
    stdout.print(Text.assemble("  ", ("changed  ", "cyan"), (f"{ticker}  ", "bold"), words))


@app.command()
def history(
    last: Annotated[int, typer.Option("--last", min=1, max=10_000, help="So many, newest first.")] = 20,
    as_json: AsJson = False,
) -> None:
    """Shows the last scans in figures."""
    with transaction(Role.APP) as session:
        lines = scan_inspection.history(session, last)
    if as_json:
        print_json({"scans": [asdict(one) for one in lines]})
    elif not lines:
        stdout.print("No scan was made yet.")
    else:
        _show_history(lines)


@app.command()
def show(
    session: Annotated[
        datetime | None, typer.Argument(formats=["%Y-%m-%d"], help="Its session; by default the newest.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Shows all that one scan did: its figures, what it held back, where the vendor contradicts itself, its findings."""
    with transaction(Role.APP) as database:
        found = scan_inspection.detail(database, session.date() if session else None)
    if as_json:
        whole = asdict(found)
        print_json(whole.pop("line") | whole)
    else:
        _show_detail(found)


@app.command()
def ipos(
    everything: Annotated[bool, typer.Option("--all", help="The past, listed and withdrawn ones too.")] = False,
    as_of: Annotated[
        datetime | None,
        typer.Option("--as-of", formats=["%Y-%m-%d"], help="Coming from this day on; by default the newest scan's."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Shows the coming IPOs, as the vendor's calendar had them at the last scan."""
    with transaction(Role.APP) as session:
        scanned = last_scanned(session)  # in a replay of the past it is what today is
        today = as_of.date() if as_of else scanned or new_york_date(datetime.now(UTC))
        lines = scan_inspection.ipos(session, today, everything=everything)
    if as_json:
        print_json({"ipos": [asdict(one) for one in lines]})
    elif not lines:
        stdout.print("The calendar is empty." if everything else f"No IPO is known to come from {today} on.")
    else:
        _show_ipos(lines)


def _show_history(lines: list[ScanLine]) -> None:
    numbers = ("listed", "new", "changed", "archived", "coverage", "calls", "seconds")
    table = columns("session", "outcome", *numbers, numbers=numbers)
    for one in lines:
        table.add_row(
            str(one.session), Text(one.outcome, OUTCOMES.get(one.outcome, "")), _number(one.listed),
            _number(one.new, "green"), _number(one.changed, "cyan"), _number(one.archived, "yellow"),
            _share(one.coverage), _number(one.vendor_calls), _seconds(one.seconds),
        )  # fmt: skip
    stdout.print(table)
    for one in lines:
        if one.error:
            stdout.print()
            stdout.print(facts({str(one.session): Text(one.error, "red")}, indent=0))


def _show_detail(found: ScanDetail) -> None:
    line = found.line
    stdout.print(
        Text.assemble("Scan before ", (str(line.session), "bold"), "  ", (line.outcome, OUTCOMES.get(line.outcome, "")))
    )
    seconds = f", {_seconds(line.seconds)} s" if line.seconds is not None else ""
    rows = {
        "started": Text(f"{found.started_at:%Y-%m-%d %H:%M:%S} UTC{seconds}"),
        "vendor calls": Text(f"{line.vendor_calls:,}"),
    }
    if line.error:
        rows["error"] = Text(line.error, "red")
    first = {name: found.figures[name] for name in FIRST if name in found.figures}
    for name, value in (first | found.figures).items():
        if name == "changes":
            continue  # told below, one a line
        words = _share(value) if name == "coverage" and isinstance(value, float) else in_words(value)
        rows[name.replace("_", " ")] = Text(words)
    if found.held_listings:
        rows["held back"] = _named(found.held_listings)
    for kind, tickers in found.differences.items():
        rows[kind.replace("_", " ")] = _named(tickers)
    stdout.print(facts(rows))
    for ticker, changes in list(found.figures.get("changes", {}).items())[:SHOWN]:
        _say_changed(ticker, changes)
    for one in found.findings:
        severity = str(one["severity"])
        head = Text.assemble((severity, SEVERITIES.get(severity, "")), f"  {one['check_name']}")
        stdout.print()
        stdout.print(Padding(head, (0, 0, 0, 2)))
        stdout.print(Padding(Text(str(one["message"])), (0, 0, 0, 4)))


def _show_ipos(lines: list[IpoLine]) -> None:
    listed = ("listed as",) if any(one.listed_as for one in lines) else ()
    table = columns("date", "ticker", "status", "price", *listed, "issuer", numbers=("price",), words=("issuer",))
    for one in lines:
        table.add_row(
            str(one.listing_date or "·"), Text(one.ticker, "bold"), one.status.replace("_", " "), _price(one),
            *((one.listed_as or "·",) if listed else ()), Text(one.issuer),
        )  # fmt: skip
    stdout.print(table)


def _named(tickers: list[str]) -> Text:
    more = f" and {len(tickers) - SHOWN:,} more" if len(tickers) > SHOWN else ""
    return Text.assemble(f"{len(tickers):,}  ", (", ".join(tickers[:SHOWN]) + more, "dim"))


def _price(one: IpoLine) -> str:
    prices = (
        [one.issue_price] if one.issue_price else sorted({price for price in (one.low_price, one.high_price) if price})
    )
    if not prices:
        return "·"
    return "–".join(f"{price:,.2f}" for price in prices) + (f" {one.currency}" if one.currency else "")


def _number(number: int | None, style: str = "") -> Text:
    return Text(f"{number:,}", style) if number else Text("·", "dim")


def _seconds(seconds: float | None) -> str:
    if seconds is None:
        return "·"
    return f"{seconds:.2f}" if seconds < 10 else f"{seconds:,.0f}"


def _share(share: float | None) -> str:
    return "·" if share is None else f"{share:.2%}"
