"""`tickstock quality fix`, `undo` and `repairs`: a bar set right by hand, a repair taken back, what was done and by whom."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.text import Text

from tickstock_automation.bars.repair.applying import apply_decided
from tickstock_automation.bars.repair.life import State
from tickstock_automation.bars.security import security_on
from tickstock_automation.cli.author import By, Reason, author
from tickstock_automation.cli.output import AsJson, columns, print_json, stdout
from tickstock_automation.db.engine import transaction
from tickstock_automation.db.roles import Role
from tickstock_automation.errors import TickstockError, UsedWrongly
from tickstock_automation.quality.by_hand import Wish, ask_by_hand, ask_undo, repair_of, repairs_of
from tickstock_automation.quality.remediation import in_words
from tickstock_automation.quality.repair_list import USUAL, Repair, Which, repairs
from tickstock_automation.quality.repairing import tell_ended
from tickstock_automation.sessions import calendar, new_york_date
from tickstock_automation.symbols.lookup import spelled

DAY = ["%Y-%m-%d"]
COLOURS = {"applied": "green", "marked": "yellow", "failed": "red", "undone": "dim"}


def register(app: typer.Typer) -> None:
    """Puts the commands into their group."""
    app.command("fix")(fix)
    app.command("undo")(undo)
    app.command("repairs")(list_repairs)


def fix(
    symbol: Annotated[str, typer.Argument(metavar="SYMBOL", help="A ticker as it was on the day.")],
    day: Annotated[datetime, typer.Argument(metavar="DATE", formats=DAY)],
    reason: Reason,
    open_: Annotated[float | None, typer.Option("--open", help="As traded, in USD.")] = None,
    high: Annotated[float | None, typer.Option("--high")] = None,
    low: Annotated[float | None, typer.Option("--low")] = None,
    close: Annotated[float | None, typer.Option("--close")] = None,
    volume: Annotated[float | None, typer.Option("--volume", help="Shares as traded.")] = None,
    delete: Annotated[bool, typer.Option("--delete", help="There was no such bar.")] = False,
    suspect: Annotated[
        bool | None, typer.Option("--suspect/--trust", help="Mark the bar as wrong, or take the mark away.")
    ] = None,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Sets a bar right by hand: what is not given stays. It is kept whatever the vendor says, until it is undone."""
    given = {"open": open_, "high": high, "low": low, "close": close, "volume": volume}
    wish = Wish({name: value for name, value in given.items() if value is not None}, delete, suspect)
    who, today = author(by), new_york_date(datetime.now(UTC))
    if not calendar().is_session(day.date()) and not (delete or suspect is not None):
        raise UsedWrongly(f"{day.date()} is no session of the exchange: a bar of it can only be deleted or marked")
    with transaction(Role.QUALITY_MONITOR) as session:
        [ticker] = spelled(session, [symbol])
        security = security_on(session, ticker, day.date())
        id_ = ask_by_hand(session, security.id, day.date(), wish, asked_on=today, author=who, reason=reason)
    _do([id_], as_json=as_json)


def undo(
    reason: Reason,
    alert: Annotated[
        int | None, typer.Argument(metavar="[ALERT]", help="An alert: all that was changed for it.")
    ] = None,
    repair: Annotated[
        list[int] | None, typer.Option("--repair", help="A repair by its number; may be repeated.")
    ] = None,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Puts the values before a repair back, to the last column. It is not repaired again by itself."""
    if (alert is None) == (not repair):
        raise UsedWrongly("name an alert, or repairs with --repair: one of the two")
    who, today = author(by), new_york_date(datetime.now(UTC))
    with transaction(Role.QUALITY_MONITOR) as session:
        chosen = (
            [repair_of(session, id_) for id_ in dict.fromkeys(repair or ())]
            if alert is None
            else repairs_of(session, alert)
        )
        ids = ask_undo(session, chosen, asked_on=today, author=who, reason=reason)
    _do(ids, as_json=as_json)


def list_repairs(
    state: Annotated[str | None, typer.Option("--state", help=f"One of {', '.join(State)}.")] = None,
    symbol: Annotated[str | None, typer.Option("--symbol", help="Of whoever has this ticker or had it.")] = None,
    first: Annotated[datetime | None, typer.Option("--from", formats=DAY, help="First session.")] = None,
    last: Annotated[datetime | None, typer.Option("--to", formats=DAY, help="Last session.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="How many at most, the newest first.")] = USUAL,
    as_json: AsJson = False,
) -> None:
    """What was asked, and what came of it: from what to what, by whom and why."""
    if state is not None and state not in list(State):
        raise UsedWrongly(f"there is no state {state}: one of {', '.join(State)}")
    with transaction(Role.APP) as session:
        ticker = spelled(session, [symbol])[0] if symbol else None
        which = Which(None, state, ticker, first.date() if first else None, last.date() if last else None)
        found = repairs(session, which, limit)
    if as_json:
        print_json({"repairs": [asdict(one) for one in found]})
        return
    _show(found)


def _show(found: Sequence[Repair]) -> None:
    if not found:
        stdout.print("No repairs.")
        return
    table = columns(
        "id", "alert", "symbol", "session", "action", "state", "old -> new, and why", words=("old -> new, and why",)
    )
    for one in found:
        table.add_row(
            str(one.id), str(one.alert_id or ""), one.symbol, str(one.session), one.action.replace("_", " "),
            Text(one.state, COLOURS.get(one.state, "")), _story(one),
        )  # fmt: skip
    stdout.print(table)


def _story(one: Repair) -> Text:
    told = f"{in_words(one.old)} -> {in_words(one.new)}" if one.old and _is_day(one.new) else ""
    about = [told, one.why or "", f"by {one.author}: {one.reason}"]
    return Text("\n".join(line for line in about if line))


def _is_day(new: dict[str, object] | None) -> bool:
    return new is None or "close" in new or "absent" in new


def _do(ids: Sequence[int], *, as_json: bool) -> None:
    """Has the bars service do it under its own role, and quality tell of it; workers would do the same, a little later."""
    apply_decided()
    tell_ended(calendar())
    with transaction(Role.APP) as session:
        done = repairs(session, Which(ids=ids), len(ids))
    if as_json:
        print_json({"repairs": [asdict(one) for one in done]})
    else:
        _show(done)
    failed = [one for one in done if one.state == State.FAILED]
    if failed:
        raise TickstockError("; ".join(f"repair {one.id} of {one.symbol} {one.session}: {one.why}" for one in failed))
