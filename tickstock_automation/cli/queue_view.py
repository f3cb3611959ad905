"""What a person sees of the processing queue."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from tickstock_automation.cli.output import columns, stdout
from tickstock_automation.processing.overview import Failed, TypeStatus

SHOWN = 12  # tickers in a line
NUMBERS = ("prio", "pending", "running", "failed", "oldest", "last hour")
MINUTE, HOUR, DAY = 60, 3600, 86400


def show_types(types: list[TypeStatus], bound: int) -> None:
    """A line for each type; below them who paused which, and how full the queue is."""
    table = columns("type", NUMBERS[0], "pace", *NUMBERS[1:], numbers=NUMBERS)
    for one in types:
        table.add_row(
            Text(one.equity_type, "yellow" if one.paused_at else "bold"), str(one.priority), _pace(one), _pending(one),
            _number(one.sent + one.running), Text(_number(one.failed), "red" if one.failed else ""),
            "·" if one.oldest_wait_s is None else duration(one.oldest_wait_s), _last_hour(one),
        )  # fmt: skip
    stdout.print(table)
    for one in types:
        if one.paused_at is not None:
            stdout.print(paused(one, True))
    waiting = sum(one.pending + one.sent + one.running for one in types)
    stdout.print("last hour: done / failed", style="dim")
    stdout.print(f"{waiting:,} of at most {bound:,} wait or are at work", style="dim")
    if any(one.failed for one in types):
        stdout.print("`tickstock queue status --failed` says why they failed", style="dim")


def show_failed(failed: list[Failed]) -> None:
    """A line for each symbol, newest first."""
    if not failed:
        stdout.print("Nothing has failed.")
        return
    table = columns("symbol", "type", "attempts", "failed (UTC)", "error", numbers=("attempts",), words=("error",))
    for one in failed:
        table.add_row(
            Text(one.symbol, "bold"), one.equity_type, str(one.attempts), f"{one.failed_at:%Y-%m-%d %H:%M}", Text(one.error, "red")
        )  # fmt: skip
    stdout.print(table)
    stdout.print("when the cause is mended: `tickstock queue retry SYMBOL...`, or --all", style="dim")


def paused(one: TypeStatus, changed: bool) -> Text:
    """Who paused a type, since when and why."""
    already = "" if changed else "already "
    words = f" is {already}paused by {one.paused_by} since {one.paused_at:%Y-%m-%d %H:%M} UTC: {one.paused_reason}"
    return Text.assemble((one.equity_type, "yellow"), words)


def added(equity_type: str, queued: int, waited: int | None, pending: int) -> str:
    """What queueing did."""
    before = f", {waited:,} waited already" if waited else ""
    return f"{equity_type}: {queued:,} queued{before}; {pending:,} pending"


def counted(tickers: Sequence[str]) -> str:
    """How many, and the first of them."""
    if not tickers:
        return "none"
    return f"{len(tickers):,} ({', '.join(tickers[:SHOWN])}{', ...' if len(tickers) > SHOWN else ''})"


def duration(seconds: float) -> str:
    """A length of time, short."""
    whole = int(seconds)
    if whole < 2 * MINUTE:
        return f"{whole} s"
    if whole < 2 * HOUR:
        return f"{whole // MINUTE} min"
    return f"{whole // HOUR} h" if whole < 2 * DAY else f"{whole // DAY} d"


def _pace(one: TypeStatus) -> str:
    return f"{one.batch_size:,} / {one.rate_limit_ms / 1000:g} s" if one.rate_limit_ms else f"by {one.batch_size:,}"


def _number(value: int) -> str:
    return f"{value:,}" if value else "·"


def _last_hour(one: TypeStatus) -> str:
    if not one.processed_last_hour and not one.failed_last_hour:
        return "·"
    return f"{one.processed_last_hour:,} / {one.failed_last_hour:,}"


def _pending(one: TypeStatus) -> str:
    """Those that wait, and how many of them may go now where not all may."""
    later = f" ({one.due:,} due)" if one.due < one.pending else ""
    return f"{one.pending:,}{later}" if one.pending else "·"
