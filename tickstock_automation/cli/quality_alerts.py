"""`tickstock quality`: `alerts` and `show` look findings up, `ack`, `confirm`, `resolve` are a person's word, `explain` judges a day."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Literal

import typer
from rich.text import Text

from tickstock_automation.cli import quality_alerts_view as view
from tickstock_automation.cli.author import By, Reason, author
from tickstock_automation.cli.output import AsJson, print_json, stderr, stdout
from tickstock_automation.db.engine import transaction
from tickstock_automation.db.roles import Role
from tickstock_automation.errors import UsedWrongly
from tickstock_automation.quality import by_person, inspection
from tickstock_automation.quality.inspection import UNSETTLED, Wanted
from tickstock_automation.sessions import calendar
from tickstock_automation.symbols.lookup import spelled

DAY = ["%Y-%m-%d"]
SEVERITIES = ("low", "medium", "high", "critical")
STATES = ("open", "remediating", "resolved", "confirmed", "given_up")
VERDICTS = ("data_error", "market_event", "undetermined")

Ids = Annotated[list[int] | None, typer.Argument(metavar="[ALERT]...", help="Numbers of alerts.")]
Checks = Annotated[list[str] | None, typer.Option("--check", help="Of this check; may be given again.")]
Symbols = Annotated[list[str] | None, typer.Option("--symbol", help="Of this ticker; may be given again.")]
Severities = Annotated[
    list[str] | None, typer.Option("--severity", help="low, medium, high, critical; may be given again.")
]
Verdicts = Annotated[
    list[str] | None, typer.Option("--verdict", help="data_error, market_event, undetermined; may be given again.")
]
States = Annotated[
    list[str] | None,
    typer.Option(
        "--state", help="open, remediating, given_up (these by default), resolved, confirmed; may be given again."
    ),
]
First = Annotated[datetime | None, typer.Option("--from", formats=DAY, help="Of this session or a later one.")]
Last = Annotated[datetime | None, typer.Option("--to", formats=DAY, help="Of this session or an earlier one.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do it without asking.")]


def alerts(
    checks: Checks = None,
    symbols: Symbols = None,
    severities: Severities = None,
    verdicts: Verdicts = None,
    states: States = None,
    first: First = None,
    last: Last = None,
    unseen: Annotated[bool, typer.Option("--unseen", help="Only those that nobody acknowledged.")] = False,
    everything: Annotated[bool, typer.Option("--all", help="In every state.")] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, max=100_000, help="So many at most.")] = 50,
    as_json: AsJson = False,
) -> None:
    """Lists alerts, the worst first; by default those that want something of somebody."""
    wanted = _wanted(None, checks, symbols, severities, verdicts, states, first, last)
    wanted = replace(wanted, unseen=unseen, states=wanted.states or (STATES if everything else UNSETTLED))
    with transaction(Role.APP) as session:
        found, count = inspection.find_alerts(session, wanted, limit)
    if as_json:
        print_json({"found": count, "alerts": found})
    else:
        view.show_alerts(found, count)


def show(id_: Annotated[int, typer.Argument(metavar="ALERT")], as_json: AsJson = False) -> None:
    """Shows one alert: the bars around it, the evidence, its history."""
    with transaction(Role.APP) as session:
        found = inspection.whole_alert(session, id_, calendar())
    if as_json:
        print_json({**found.alert, "history": found.steps, "repairs": found.repairs, "bars": found.bars})
    else:
        view.show_alert(found)


def ack(
    ids: Ids = None,
    checks: Checks = None,
    symbols: Symbols = None,
    severities: Severities = None,
    verdicts: Verdicts = None,
    states: States = None,
    first: First = None,
    last: Last = None,
    by: By = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Notes that you have seen them; their state stays."""
    who = author(by)
    wanted = _wanted(ids, checks, symbols, severities, verdicts, states, first, last)
    _on_many("acknowledge", wanted, yes, as_json, lambda found: by_person.acknowledge(found, who))


def confirm(
    reason: Reason,
    ids: Ids = None,
    checks: Checks = None,
    symbols: Symbols = None,
    severities: Severities = None,
    verdicts: Verdicts = None,
    states: States = None,
    first: First = None,
    last: Last = None,
    by: By = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """The data are right: the market did it. No sweep takes it back while the bar stays the same."""
    who = author(by)
    wanted = _wanted(ids, checks, symbols, severities, verdicts, states, first, last)
    _on_many("confirm", wanted, yes, as_json, lambda found: by_person.decide(found, "confirm", who, reason))


def resolve(
    reason: Reason,
    ids: Ids = None,
    checks: Checks = None,
    symbols: Symbols = None,
    severities: Severities = None,
    verdicts: Verdicts = None,
    states: States = None,
    first: First = None,
    last: Last = None,
    by: By = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Nothing more is to be done. No sweep takes it back while the bar stays the same."""
    who = author(by)
    wanted = _wanted(ids, checks, symbols, severities, verdicts, states, first, last)
    _on_many("resolve", wanted, yes, as_json, lambda found: by_person.decide(found, "resolve", who, reason))


def explain(
    symbol: Annotated[str, typer.Argument(metavar="SYMBOL", help="A ticker as it was on the day.")],
    day: Annotated[datetime, typer.Argument(metavar="DATE", formats=DAY)],
    as_json: AsJson = False,
) -> None:
    """Every check's view of a symbol's day, with its figures, also of those that find nothing."""
    from tickstock_automation.quality.explaining import explain_day

    with transaction(Role.QUALITY_MONITOR) as session:
        [ticker] = spelled(session, [symbol])
        found = explain_day(session, ticker, day.date(), calendar(), datetime.now(UTC))
    if as_json:
        print_json(found.as_dict())
    else:
        view.show_day(found)


def register(app: typer.Typer) -> None:
    """These commands in their group."""
    for command in (alerts, show, ack, confirm, resolve, explain):
        app.command()(command)


def _wanted(
    ids: list[int] | None,
    checks: list[str] | None,
    symbols: list[str] | None,
    severities: list[str] | None,
    verdicts: list[str] | None,
    states: list[str] | None,
    first: datetime | None,
    last: datetime | None,
) -> Wanted:
    for given, known in ((severities, SEVERITIES), (verdicts, VERDICTS), (states, STATES)):
        for one in given or ():
            if one not in known:
                raise UsedWrongly(f"{one!r} is none of {', '.join(known)}")
    from_, until = (one.date() if one else None for one in (first, last))
    if from_ and until and from_ > until:
        raise UsedWrongly(f"--from {from_} is after --to {until}")
    tickers: list[str] = []
    if symbols:
        with transaction(Role.APP) as session:
            tickers = spelled(session, symbols)
    return Wanted(ids or (), checks or (), tickers, severities or (), verdicts or (), states or (), from_, until)


def _on_many(
    verb: Literal["acknowledge", "confirm", "resolve"],
    wanted: Wanted,
    yes: bool,
    as_json: bool,
    act: Callable[[list[int]], int],
) -> None:
    """On the alerts that are named, or, once they are counted and that is agreed to, on those that a filter finds."""
    if wanted.is_anything:
        raise UsedWrongly(f"say which alerts to {verb}: their numbers, or --check, --symbol, --from ...")
    if wanted.ids:
        by_person.require_alerts(wanted.ids)
    else:
        wanted = replace(wanted, states=wanted.states or UNSETTLED)
    with transaction(Role.APP) as session:
        found = inspection.alert_ids(session, wanted)
    if found and not wanted.ids and not yes:
        _ask(verb, len(found), asking=not as_json and sys.stdin.isatty())
    changed = act(found) if found else 0
    if as_json:
        print_json({"alerts": found, "changed": changed})
        return
    done = {"acknowledge": "acknowledged", "confirm": "confirmed", "resolve": "resolved"}[verb]
    stdout.print(Text(f"{changed:,} of {len(found):,} {done}" if found else "No alert is like that."))


def _ask(verb: str, count: int, *, asking: bool) -> None:
    words = f"{count:,} alerts are like that"
    if not asking:
        raise UsedWrongly(f"{words}: add --yes to {verb} them")
    stderr.print(f"{words}.")
    typer.confirm(f"{verb} them?", abort=True, err=True)
