"""`tickstock events dead`: events that were set aside, by a consumer whose handler kept failing, or by the relay."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Annotated

import redis
import typer
from rich.padding import Padding
from rich.text import Text
from sqlalchemy.orm import Session

from tickstock_automation.cli.broker import broker
from tickstock_automation.cli.output import AsJson, facts, print_json, stdout
from tickstock_automation.db.engine import transaction
from tickstock_automation.db.roles import Role
from tickstock_automation.errors import NotFound, UsedWrongly
from tickstock_automation.events.dead import OUTBOX, Dead, all_dead
from tickstock_automation.events.dead import drop as drop_one
from tickstock_automation.events.dead import send_back as send_one_back

app = typer.Typer(help="Events that were set aside: look at them, send them back, drop them.", no_args_is_help=True)

Who = Annotated[str, typer.Argument(help=f"The consumer's name, or `{OUTBOX}` for what the relay could not send.")]
Which = Annotated[list[str] | None, typer.Argument(help="Their numbers, as `list` shows them.")]
All = Annotated[bool, typer.Option("--all", help="All of them.")]
Act = Callable[[redis.Redis, Session, str, str], bool]


@app.command("list")
def list_them(
    consumer: Annotated[str | None, typer.Argument(help="Only this consumer's.")] = None, as_json: AsJson = False
) -> None:
    """Lists what was set aside, and why."""
    found = [one for one in _all() if consumer in (None, one.consumer)]
    if as_json:
        print_json({"set_aside": [asdict(one) for one in found]})
        return
    if not found:
        stdout.print("Nothing is set aside.")
        return
    for one in found:
        head = (
            (one.consumer, "bold"),
            "  ",
            one.number,
            "  ",
            (one.since, "dim"),
            "  ",
            one.channel.removeprefix("tickstock."),
        )
        stdout.print(Text.assemble(*head))
        stdout.print(Padding(Text(one.reason, "yellow"), (0, 0, 0, 4)))
    stdout.print(
        f"\nSend back with: tickstock events dead retry {found[0].consumer} {found[0].number}",
        style="dim",
        soft_wrap=True,
    )


@app.command()
def show(
    consumer: Who, number: Annotated[str, typer.Argument(help="As `list` shows it.")], as_json: AsJson = False
) -> None:
    """Shows one, whole."""
    one = next((one for one in _all() if (one.consumer, one.number) == (consumer, number)), None)
    if one is None:
        raise NotFound(f"nothing of {consumer} with the number {number} is set aside: `tickstock events dead list`")
    if as_json:
        print_json(asdict(one))
    else:
        stdout.print(facts({name: str(value) for name, value in asdict(one).items()}, indent=0))


@app.command()
def retry(consumer: Who, number: Which = None, every: All = False, as_json: AsJson = False) -> None:
    """Sends them back: the consumer handles them next, the relay tries to send them. Their place in the order is lost."""
    _each(consumer, number, every, as_json, "sent back", send_one_back)


@app.command()
def drop(
    consumer: Who,
    number: Which = None,
    every: All = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Forgets them for good."""
    if not yes and (as_json or not typer.confirm("They cannot be brought back. Go on?")):
        raise UsedWrongly("dropping needs a yes (--yes)")
    _each(consumer, number, every, as_json, "dropped", drop_one)


def _each(consumer: str, numbers: list[str] | None, every: bool, as_json: bool, done: str, act: Act) -> None:
    if bool(numbers) == every:
        raise UsedWrongly("name numbers (see `tickstock events dead list`), or give --all")
    wanted = [one.number for one in _all() if one.consumer == consumer] if every else list(numbers or ())
    client = broker()
    with transaction(Role.RELAY) as session:
        lacking = [number for number in wanted if not act(client, session, consumer, number)]
    if as_json:
        print_json({done.replace(" ", "_"): len(wanted) - len(lacking), "not_found": lacking})
    else:
        stdout.print(f"{len(wanted) - len(lacking)} {done}.")
    if lacking:
        raise NotFound(f"nothing of {consumer} is set aside with the number {', '.join(lacking)}")


def _all() -> list[Dead]:
    with transaction(Role.RELAY) as session:
        return all_dead(broker(), session)
