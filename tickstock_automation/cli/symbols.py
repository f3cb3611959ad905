"""`tickstock symbols`: `show` and `find` look securities up; `pin`, `unpin`, `archive`, `restore` are a person's word on them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.text import Text
from sqlalchemy.orm import Session

from tickstock_automation.cli import symbols_view
from tickstock_automation.cli.author import By, Reason, author
from tickstock_automation.cli.moments import session_of
from tickstock_automation.cli.output import AsJson, print_json, stdout
from tickstock_automation.cli.run import AsOf
from tickstock_automation.db.engine import transaction
from tickstock_automation.db.roles import Role
from tickstock_automation.sessions import calendar
from tickstock_automation.settings import settings
from tickstock_automation.symbols import decisions, finding, inspection
from tickstock_automation.symbols.decisions import Decided, Word
from tickstock_automation.symbols.finding import Wanted

app = typer.Typer(help="Which securities there are: look them up, decide about them.", no_args_is_help=True)

Tickers = Annotated[list[str], typer.Argument(help="Tickers; all of them or, where one cannot be done, none.")]


@app.command()
def show(
    ticker: Annotated[str, typer.Argument(help="A ticker of today or of the past.")],
    on: Annotated[
        datetime | None, typer.Option("--on", formats=["%Y-%m-%d"], help="Only who had the ticker on this day.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Shows all that is known of who has or had a ticker: names, universes, bars, alerts, decisions."""
    day = on.date() if on else None
    with transaction(Role.APP) as session:
        found = inspection.securities(session, ticker, calendar(), day)
    if as_json:
        print_json({"ticker": ticker, "on": day, "securities": [one.as_dict() for one in found]})
        return
    for one in found:
        symbols_view.show(one)


@app.command()
def find(
    words: Annotated[
        list[str] | None, typer.Argument(help="Beginnings of tickers, former ones too, or words in the name.")
    ] = None,
    types: Annotated[
        list[str] | None, typer.Option("--type", help="The vendor's: CS, ETF, ADRC, ...; may be given again.")
    ] = None,
    exchanges: Annotated[
        list[str] | None, typer.Option("--exchange", help="MIC: XNYS, XNAS, ...; may be given again.")
    ] = None,
    universes: Annotated[
        list[str] | None, typer.Option("--universe", help="Members of it; may be given again.")
    ] = None,
    active: Annotated[bool | None, typer.Option("--active/--archived", help="By default both.")] = None,
    without_bars: Annotated[bool, typer.Option("--without-bars", help="Only those without any bar.")] = False,
    pinned: Annotated[bool, typer.Option("--pinned", help="Only those that a person pinned.")] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, max=100_000, help="So many at most.")] = 50,
    as_json: AsJson = False,
) -> None:
    """Finds securities by ticker, words in the name, and what they are."""
    wanted = Wanted(words or (), types or (), exchanges or (), universes or (), active, pinned, without_bars)
    with transaction(Role.APP) as session:
        found, count = finding.find(session, wanted, limit)
    if as_json:
        print_json({"found": count, "symbols": [asdict(one) for one in found]})
    else:
        symbols_view.show_found(found, count)


@app.command()
def pin(tickers: Tickers, reason: Reason, by: By = None, as_of: AsOf = None, as_json: AsJson = False) -> None:
    """No scan archives them any more, until they are unpinned."""
    _decide(lambda session, word: decisions.pin(session, tickers, word), reason, by, as_of, as_json)


@app.command()
def unpin(tickers: Tickers, reason: Reason, by: By = None, as_of: AsOf = None, as_json: AsJson = False) -> None:
    """Scans may archive them again."""
    _decide(lambda session, word: decisions.unpin(session, tickers, word), reason, by, as_of, as_json)


@app.command()
def archive(tickers: Tickers, reason: Reason, by: By = None, as_of: AsOf = None, as_json: AsJson = False) -> None:
    """Archives them from the coming session on; no scan lists them again, `restore` does."""
    _decide(lambda session, word: decisions.archive(session, tickers, word), reason, by, as_of, as_json)


@app.command()
def restore(
    tickers: Tickers,
    reason: Reason,
    by: By = None,
    id_: Annotated[
        int | None, typer.Option("--id", help="Which one, where several had the ticker; see `show`.")
    ] = None,
    as_of: AsOf = None,
    as_json: AsJson = False,
) -> None:
    """Lists archived ones again, pinned, and loads the bars they lack."""
    from tickstock_automation.symbols import restoring

    def act(session: Session, word: Word) -> list[Decided]:
        return restoring.restore(session, tickers, word, calendar(), settings(), id_)

    _decide(act, reason, by, as_of, as_json)


def _decide(
    act: Callable[[Session, Word], list[Decided]], reason: str, by: str | None, as_of: datetime | None, as_json: bool
) -> None:
    day = session_of(as_of, calendar().to_scan(datetime.now(UTC)))
    word = Word(day, author(by), reason)
    with transaction(Role.IPO_MONITOR) as session:
        decided = act(session, word)
    if as_json:
        print_json(
            {"session": day, "author": word.author, "reason": reason, "decided": [asdict(one) for one in decided]}
        )
        return
    for one in decided:
        stdout.print(Text.assemble((f"{one.ticker:<6}", "bold"), "  ", (one.words, "" if one.changed else "dim")))
