"""`tickstock bars`: `show` prints a security's bars, `why` says where one came from or why there is none."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated

import typer

from tickstock_automation.cli import bars_view
from tickstock_automation.cli.output import AsJson, print_json
from tickstock_automation.db.engine import transaction
from tickstock_automation.db.roles import Role
from tickstock_automation.errors import UsedWrongly
from tickstock_automation.sessions import calendar, new_york_date
from tickstock_automation.symbols.lookup import spelled

app = typer.Typer(help="The daily bars: look at them, and ask where one came from.", no_args_is_help=True)

Ticker = Annotated[str, typer.Argument(metavar="SYMBOL", help="A ticker as it was on the day asked for.")]
DAY = ["%Y-%m-%d"]


@app.command()
def why(
    symbol: Ticker,
    day: Annotated[datetime, typer.Argument(metavar="DATE", formats=DAY)],
    as_json: AsJson = False,
) -> None:
    """Where a bar came from, by which call, what it was before; or why there is none."""
    from tickstock_automation.bars.inspection import provenance

    with transaction(Role.APP) as session:
        [ticker] = spelled(session, [symbol])
        found = provenance(session, ticker, day.date(), calendar(), datetime.now(UTC))
    if as_json:
        print_json(asdict(found))
    else:
        bars_view.show_provenance(found)


@app.command()
def show(
    symbol: Ticker,
    first: Annotated[
        datetime | None, typer.Option("--from", formats=DAY, help="By default the newest thirty bars.")
    ] = None,
    last: Annotated[datetime | None, typer.Option("--to", formats=DAY, help="By default today.")] = None,
    adjusted: Annotated[bool, typer.Option("--adjusted", help="For splits; by default as traded.")] = False,
    as_of: Annotated[
        datetime | None, typer.Option("--as-of", formats=DAY, help="Adjusted as on that day; by default as of today.")
    ] = None,
    dividends: Annotated[bool, typer.Option("--dividends", help="Adjusted for cash dividends too.")] = False,
    as_json: AsJson = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="CSV on stdout.")] = False,
) -> None:
    """The bars of whoever had the ticker on the last day, under all its names."""
    from tickstock_automation.bars.history import Adjustment, history

    today = new_york_date(datetime.now(UTC))
    until = last.date() if last else today
    if first and first.date() > until:
        raise UsedWrongly(f"--from {first:%Y-%m-%d} is after --to {until}")
    if as_json and as_csv:
        raise UsedWrongly("--json and --csv are two forms of the same: give one of them")
    wanted = adjusted or dividends or as_of is not None
    adjustment = Adjustment(as_of.date() if as_of else today, dividends) if wanted else None
    with transaction(Role.APP) as session:
        [ticker] = spelled(session, [symbol])
        found = history(session, ticker, first.date() if first else None, until, adjustment)
    if as_csv:
        print(found.bars.write_csv(), end="")
    elif as_json:
        print_json(
            {
                "ticker": ticker, "security": asdict(found.security), "from": found.first, "to": found.last,
                "adjusted": asdict(adjustment) if adjustment else None, "bars": found.bars.to_dicts(), "actions": found.actions,
            }
        )  # fmt: skip
    else:
        bars_view.show_history(found, adjustment)
