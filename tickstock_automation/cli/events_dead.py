"""`tickstock events dead`: events that were set aside, by a consumer whose handler kept failing, or by the relay."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

import redis
import typer
from rich.padding import Padding
from rich.text import Text
from sqlalchemy import text

from tickstock_automation.cli.output import facts, print_json, stdout
from tickstock_automation.db.engine import transaction
from tickstock_automation.db.roles import Role
from tickstock_automation.errors import NotFound, UsedWrongly
from tickstock_automation.events.inspection import pages
from tickstock_automation.events.relay import LOOK, NOTICE
from tickstock_automation.settings import settings

app = typer.Typer(help="Events that were set aside: look at them, send them back, drop them.", no_args_is_help=True)
OUTBOX = "outbox"  # in place of a consumer's name: what the relay could not send

# From what is set aside to what the consumer reads next, in one step. It has no id there: it was handled in vain before.
SEND_BACK = """
local found = redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[1])
if #found == 0 then
    return 0
end
local fields = {}
for i = 1, #found[1][2], 2 do
    fields[found[1][2][i]] = found[1][2][i + 1]
end
redis.call('XADD', KEYS[2], '*', 'event', fields.event, 'id', '', 'batch', '0', 'channel', fields.channel)
return redis.call('XDEL', KEYS[1], ARGV[1])
"""

Who = Annotated[str, typer.Argument(help=f"The consumer's name, or `{OUTBOX}` for what the relay could not send.")]
Which = Annotated[list[str] | None, typer.Argument(help="Their numbers, as `list` shows them.")]
All = Annotated[bool, typer.Option("--all", help="All of them.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")]


@dataclass(frozen=True)
class Dead:
    """An event that was set aside."""

    consumer: str
    number: str
    since: str
    channel: str
    attempts: int
    reason: str
    event: str


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
    _each(consumer, number, every, as_json, "sent back", _send_back)


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
    _each(consumer, number, every, as_json, "dropped", _drop)


def _each(consumer: str, numbers: list[str] | None, every: bool, as_json: bool, done: str, act: Any) -> None:
    if bool(numbers) == every:
        raise UsedWrongly("name numbers (see `tickstock events dead list`), or give --all")
    wanted = [one.number for one in _all() if one.consumer == consumer] if every else list(numbers or ())
    lacking = [number for number in wanted if not act(consumer, number)]
    if as_json:
        print_json({done.replace(" ", "_"): len(wanted) - len(lacking), "not_found": lacking})
    else:
        stdout.print(f"{len(wanted) - len(lacking)} {done}.")
    if lacking:
        raise NotFound(f"nothing of {consumer} is set aside with the number {', '.join(lacking)}")


def _client() -> redis.Redis:
    return redis.Redis.from_url(
        settings().redis_url, decode_responses=True, socket_timeout=10, socket_connect_timeout=5
    )


def _all() -> list[Dead]:
    client = _client()
    found = [one for key in sorted(client.scan_iter("consumer:*:dead", count=1000)) for one in _of(client, key)]
    with transaction(Role.RELAY) as session:
        rows = session.execute(
            text(
                "SELECT seq, created_at, channel, set_aside, data FROM outbox WHERE set_aside IS NOT NULL ORDER BY seq"
            )
        ).all()
    return [Dead(OUTBOX, str(row[0]), f"{row[1]:%Y-%m-%d %H:%M:%S}", row[2], 1, row[3], row[4]) for row in rows] + found


def _of(client: redis.Redis, key: str) -> Iterator[Dead]:
    consumer = key.removeprefix("consumer:").removesuffix(":dead")
    for number, fields in pages(client, key):
        since = datetime.fromtimestamp(int(number.partition("-")[0]) / 1000, UTC)
        yield Dead(
            consumer, number, f"{since:%Y-%m-%d %H:%M:%S}", fields.get("channel", ""), int(fields.get("attempts", 0)),
            fields.get("reason", ""), fields.get("event", ""),
        )  # fmt: skip


def _send_back(consumer: str, number: str) -> bool:
    if consumer != OUTBOX:
        keys = (f"consumer:{consumer}:dead", f"consumer:{consumer}:retry")
        return bool(_client().eval(SEND_BACK, 2, *keys, _entry(number)))
    with transaction(Role.RELAY) as session:
        back = session.execute(
            text(
                "UPDATE outbox SET set_aside = NULL, batch = NULL WHERE seq = :seq AND set_aside IS NOT NULL RETURNING 1"
            ),
            {"seq": _seq(number)},
        ).first()
        session.execute(text("SELECT pg_notify(:channel, :look)"), {"channel": NOTICE, "look": LOOK})
    return back is not None


def _drop(consumer: str, number: str) -> bool:
    if consumer != OUTBOX:
        return bool(_client().xdel(f"consumer:{consumer}:dead", _entry(number)))
    with transaction(Role.RELAY) as session:
        gone = session.execute(
            text("DELETE FROM outbox WHERE seq = :seq AND set_aside IS NOT NULL RETURNING 1"), {"seq": _seq(number)}
        ).first()
    return gone is not None


def _seq(number: str) -> int:
    if not number.isdigit():
        raise UsedWrongly(f"{number!r} is no number of the outbox's")
    return int(number)


def _entry(number: str) -> str:
    if not all(part.isdigit() for part in number.split("-")) or number.count("-") != 1:
        raise UsedWrongly(f"{number!r} is no number: it looks like 1763899200000-0")
    return number
