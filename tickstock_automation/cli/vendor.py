"""`tickstock vendor`: what the calls cost, whether the vendor may be called, and the replay of its API."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.table import Table

from tickstock_automation.cli.output import AsJson, columns, facts, print_json, stdout
from tickstock_automation.errors import UsedWrongly
from tickstock_automation.local.ports import HOST, is_free
from tickstock_automation.settings import settings

if TYPE_CHECKING:
    from tickstock_automation.vendor.inspection import Breaker

app = typer.Typer(help="The vendor: its calls, its breaker, and a replay of its API.", no_args_is_help=True)


@app.command()
def serve(
    data: Path = typer.Option(
        ..., help="Folder with bars.csv[.gz], and tickers.csv, splits.csv, dividends.csv and ipos.csv if there are any."
    ),
    port: int = typer.Option(58080, min=1, max=65535, help="Port on 127.0.0.1."),
    fault: list[str] | None = typer.Option(
        None,
        metavar="NAME[:ANSWER]@DATE[*N]",
        help="A fault of the vendor's on that market day; may be given more than once.",
    ),
    compress: bool = typer.Option(False, "--compress", help="Compress the answers: for callers on another machine."),
) -> None:
    """Serves the vendor's REST API over a folder of bars, with the key that POLYGON_API_KEY holds."""
    from tickstock_automation.replay.faults.switch import FaultError
    from tickstock_automation.replay.folder import FolderError, read_folder
    from tickstock_automation.replay.market import Market
    from tickstock_automation.replay.server import serve as serve_market

    key = settings().polygon_api_key
    if key is None:
        raise UsedWrongly("POLYGON_API_KEY is not set: the replay asks its callers for that key, any word will do")
    if not is_free(port):
        raise UsedWrongly(f"port {port} is in use: give another with --port")
    try:
        market = Market(read_folder(data.expanduser()))
        market.faults.set(fault or ())
    except (FolderError, FaultError) as error:
        raise UsedWrongly(str(error)) from None
    serve_market(
        market,
        key.get_secret_value(),
        HOST,
        port,
        lambda bound: print(f"serving {data} on http://{HOST}:{bound}", flush=True),
        compress=compress,
    )


@app.command()
def faults(as_json: AsJson = False) -> None:
    """Lists the faults that `--fault` can switch on for a market day."""
    from tickstock_automation.replay.faults.every import FAULTS

    if as_json:
        print_json(
            {
                "faults": [
                    {"name": one.name, "what": one.what, "answers": sorted(one.answers), "requests": one.requests,
                     "lasting": one.lasting, "source": one.source}
                    for one in FAULTS.values()
                ]
            }
        )  # fmt: skip
        return
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("fault", style="bold", no_wrap=True)
    table.add_column("what comes", overflow="fold")
    table.add_column("where seen", style="dim", overflow="fold")
    for one in FAULTS.values():
        table.add_row(one.name, one.what, one.source)
    stdout.print(table)


@app.command()
def usage(
    days: int = typer.Option(1, min=1, max=3650, help="New York days, today included."), as_json: AsJson = False
) -> None:
    """Shows the calls by day and endpoint, and how they ended."""
    from tickstock_automation.vendor.inspection import usage as usage_of

    found = usage_of(days)
    if as_json:
        print_json({"usage": [asdict(one) for one in found]})
        return
    if not found:
        stdout.print(f"no vendor call in the last {days} day{'s' * (days > 1)}")
        return
    numbers = ("calls", "good", "failed", "429", "refused", "bad", "MB", "mean s")  # 80 columns in all
    table = columns("day", "endpoint", *numbers, numbers=numbers)
    for one in found:
        ended = (one.answered, one.failed, one.limited, one.refused, one.unusable)
        mean = one.seconds / max(1, sum(ended))
        table.add_row(
            str(one.day), one.endpoint, str(one.calls), *map(str, ended), f"{one.bytes / 1e6:.1f}", f"{mean:.2f}"
        )
    stdout.print(table)
    stdout.print("failed: no answer, or 5xx; 429: asked to wait; bad: an answer that could not be used", style="dim")


@app.command()
def status(as_json: AsJson = False) -> None:
    """Shows whether the vendor may be called: the breaker, the minute's limit, the day's budget."""
    from tickstock_automation.vendor.account import account_of
    from tickstock_automation.vendor.inspection import breaker, spent_today
    from tickstock_automation.vendor.limits import call_limit

    account = account_of(settings())
    limit = settings().polygon_calls_per_minute
    now, spent, left = breaker(account), spent_today(), call_limit(settings().redis_url, limit).left()
    if as_json:
        print_json(
            {
                "vendor": account.vendor, "key": account.key, "breaker": asdict(now),
                "minute": {"limit": limit, "left": left}, "day": {"budget": account.budget, "spent": spent},
            }
        )  # fmt: skip
        return
    unknown = "Redis is away: each process makes one a minute"
    stdout.print(
        facts(
            {
                "vendor": account.vendor, "key": f"{account.key} (its fingerprint)", "breaker": _in_words(now),
                "this minute": f"{unknown if left is None else left} of {limit} left" if limit else "no limit",
                "today": f"{spent} calls of {account.budget}" if account.budget else f"{spent} calls, no budget",
            }
        )
    )  # fmt: skip


def _in_words(now: Breaker) -> str:
    from tickstock_automation.vendor.inspection import State

    words = {
        State.CLOSED: "closed: calls go out", State.HELD: "the vendor asked to wait", State.DOWN: "open: the vendor is down",
        State.TRYING: "half open: the next call tries", State.REFUSED: "open: the vendor refuses the key",
    }[now.state]  # fmt: skip
    if now.state is State.CLOSED:
        return words + (f", {now.failures} failed in a row" if now.failures else "")
    until = f", until {now.until:%Y-%m-%d %H:%M:%S %Z}" if now.until else ""
    return f"{words}{until}. {now.last_error or ''}"


@app.command()
def retry() -> None:
    """Lets the next call go out at once: the key is good again, or the vendor is back."""
    from tickstock_automation.vendor.account import account_of
    from tickstock_automation.vendor.inspection import retry as retry_now

    cleared = retry_now(account_of(settings()))
    stdout.print("the next call goes out" if cleared else "nothing holds calls off: `tickstock vendor status`")
