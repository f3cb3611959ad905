"""`tickstock queue`: what waits and what failed; symbols added, retried and cancelled; types paused and resumed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated

import typer
from sqlalchemy.orm import Session

from tickstock_automation.cli import queue_view
from tickstock_automation.cli.author import By, Reason, author
from tickstock_automation.cli.output import AsJson, print_json, stdout, warn
from tickstock_automation.db.engine import transaction
from tickstock_automation.db.roles import Role
from tickstock_automation.errors import BrokerUnavailable, UsedWrongly
from tickstock_automation.processing import by_hand, overview
from tickstock_automation.processing.queue import queue_symbols
from tickstock_automation.settings import settings
from tickstock_automation.symbols.lookup import spelled

app = typer.Typer(help="The processing queue: which symbols are to be brought up to date.", no_args_is_help=True)

TypeName = Annotated[str, typer.Argument(metavar="TYPE", help="An equity type, as `status` shows it.")]
Symbols = Annotated[list[str] | None, typer.Argument(metavar="[SYMBOLS]...", help="Tickers.")]
OfType = Annotated[str | None, typer.Option("--type", help="Only of this equity type.")]


@app.command()
def status(
    failed: Annotated[bool, typer.Option("--failed", help="The symbols that failed, with the error.")] = False,
    as_json: AsJson = False,
) -> None:
    """Shows each equity type: priority, pace, who paused it, what waits, is at work and failed."""
    with transaction(Role.APP) as session:
        types = overview.types(session)
        broken = overview.failed(session) if failed else []
    bound = settings().queue_bound
    if as_json:
        said = {"waiting": sum(one.pending + one.sent + one.running for one in types), "bound": bound,
                "types": [asdict(one) for one in types]}  # fmt: skip
        print_json(said | ({"failed": [asdict(one) for one in broken]} if failed else {}))
    elif failed:
        queue_view.show_failed(broken)
    else:
        queue_view.show_types(types, bound)


@app.command()
def add(
    equity_type: TypeName,
    symbols: Symbols = None,
    all_: Annotated[bool, typer.Option("--all", help="All active symbols of the type.")] = False,
    as_json: AsJson = False,
) -> None:
    """Queues symbols of a type to be brought up to date; all of them or, where one cannot be, none."""
    if bool(symbols) == all_:
        raise UsedWrongly("name symbols, or --all for all active ones of the type")
    with transaction(Role.IPO_MONITOR) as session:
        name = by_hand.known_type(session, equity_type)
        tickers = spelled(session, symbols) if symbols else None
        queued = queue_symbols(session, name, tickers, "asked", settings().queue_bound)
        [type_] = [one for one in overview.types(session) if one.equity_type == name]
    waited = None if tickers is None else len(tickers) - queued
    if as_json:
        print_json({"equity_type": name, "queued": queued, "waited_already": waited, "pending": type_.pending})
    else:
        stdout.print(queue_view.added(name, queued, waited, type_.pending))
    if type_.paused_at is not None:
        warn(f"{name} is paused by {type_.paused_by} ({type_.paused_reason}): `tickstock queue resume {name}`")
    _warn_without_workers()


@app.command()
def retry(
    symbols: Symbols = None,
    equity_type: OfType = None,
    all_: Annotated[bool, typer.Option("--all", help="All that failed.")] = False,
    as_json: AsJson = False,
) -> None:
    """Puts failed symbols back, with no attempts behind them."""
    with transaction(Role.IPO_MONITOR) as session:
        name, tickers = _which(session, symbols, equity_type, all_)
        retried = by_hand.retry(session, tickers=tickers, equity_type=name, bound=settings().queue_bound)
    others = sorted(set(tickers or ()) - set(retried))
    if as_json:
        print_json({"retried": retried, "not_failed": others})
    else:
        stdout.print(f"put back: {queue_view.counted(retried)}")
        if others:
            stdout.print(f"not failed: {', '.join(others)}", style="dim")
    if retried:
        _warn_without_workers()


@app.command()
def cancel(
    symbols: Symbols = None,
    equity_type: OfType = None,
    all_: Annotated[bool, typer.Option("--all", help="All that waits.")] = False,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Calls off what waits. What a worker is at work on is named, and left to it."""
    who = author(by)
    with transaction(Role.IPO_MONITOR) as session:
        name, tickers = _which(session, symbols, equity_type, all_)
        done = by_hand.cancel(session, tickers=tickers, equity_type=name, author=who)
    others = sorted(set(tickers or ()) - {*done.cancelled, *done.running})
    if as_json:
        print_json(asdict(done) | {"not_waiting": others})
        return
    stdout.print(f"cancelled: {queue_view.counted(done.cancelled)}")
    if done.running:
        stdout.print(f"at work, and left to it: {queue_view.counted(done.running)}")
    if others:
        stdout.print(f"not waiting: {', '.join(others)}", style="dim")


@app.command()
def pause(equity_type: TypeName, reason: Reason, by: By = None, as_json: AsJson = False) -> None:
    """Nothing of a type is sent to the workers any more; it may still be queued, and what was sent is finished."""
    who = author(by)
    with transaction(Role.IPO_MONITOR) as session:
        name = by_hand.known_type(session, equity_type)
        changed = by_hand.pause(session, name, who, reason)
        [now] = [one for one in overview.types(session) if one.equity_type == name]
    if as_json:
        print_json({"equity_type": name, "changed": changed, "paused_by": now.paused_by, "paused_at": now.paused_at,
                    "paused_reason": now.paused_reason, "pending": now.pending})  # fmt: skip
    else:
        stdout.print(queue_view.paused(now, changed))


@app.command()
def resume(equity_type: TypeName, as_json: AsJson = False) -> None:
    """A paused type is sent to the workers again."""
    with transaction(Role.IPO_MONITOR) as session:
        name = by_hand.known_type(session, equity_type)
        changed = by_hand.resume(session, name)
        [now] = [one for one in overview.types(session) if one.equity_type == name]
    if as_json:
        print_json({"equity_type": name, "changed": changed, "pending": now.pending})
    else:
        stdout.print(f"{name} {'goes on' if changed else 'was not paused'}: {now.pending:,} pending")


def _which(
    session: Session, symbols: Sequence[str] | None, equity_type: str | None, all_: bool
) -> tuple[str | None, list[str] | None]:
    """The type and the tickers that are meant; None: whatever."""
    if not symbols and not equity_type and not all_:
        raise UsedWrongly("name symbols, a --type, or --all")
    if symbols and all_:
        raise UsedWrongly("name symbols or --all, not both")
    name = by_hand.known_type(session, equity_type) if equity_type else None
    return name, spelled(session, symbols) if symbols else None


def _warn_without_workers() -> None:
    from tickstock_automation.celery import make_app
    from tickstock_automation.cli.workers import await_workers

    try:
        await_workers(make_app(settings()))
    except BrokerUnavailable as error:
        warn(f"it waits until there is a worker: {error}")
