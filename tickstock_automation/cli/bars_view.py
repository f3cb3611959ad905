"""What a person sees of bars."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from tickstock_automation.bars.history import Adjustment, History
from tickstock_automation.bars.inspection import Provenance
from tickstock_automation.bars.security import Security
from tickstock_automation.cli.output import columns, facts, stdout

PRICES = ("open", "high", "low", "close")
SUSPECT = "suspect"
BROUGHT = (
    ("inserted", "new"), ("updated", "corrected"), ("unchanged", "unchanged"), ("refused", "refused"),
    ("not_asked", "not asked for"),
)  # fmt: skip


def show_history(found: History, adjustment: Adjustment | None) -> None:
    """The bars, a line each, with what happened on their day."""
    how = "as traded"
    if adjustment is not None:
        how = f"adjusted for splits{' and dividends' if adjustment.dividends else ''} as of {adjustment.as_of}"
    stdout.print(Text.assemble(_called(found.ticker, found.security), f"  {how}"))
    if found.bars.is_empty():
        stdout.print(f"No bars from {found.first} to {found.last}; `tickstock bars why {found.ticker} DATE` says why.")
        return
    stdout.print(_table(found, adjustment))


def show_provenance(found: Provenance) -> None:
    """One bar and where it came from, or why there is none."""
    stdout.print(Text.assemble(_called(found.ticker, found.security), f"  {found.session}"))
    rows: dict[str, RenderableType] = {}
    if found.bar is not None:
        rows["bar"] = _bar(found.bar)
        rows["stored"] = f"{_moment(found.bar['loaded_at'])}, from {found.bar['source']}"
        rows |= _load(found.bar["load"])
    if found.absence is not None:
        rows["no bar"] = Text(found.absence.words, "yellow")
    if found.known_empty is not None:
        rows["found out"] = _moment(found.known_empty["found_at"])
        rows |= _load(found.known_empty["load"])
    if found.unloaded is not None:
        rows["last tried"] = f"{_moment(found.unloaded['recorded_at'])}, {found.unloaded['times']} times in all"
        rows |= _load(found.unloaded["load"])
    if found.actions:
        rows["that day"] = Text(", ".join(map(_action, found.actions)), "cyan")
    if found.corrections:
        rows["before"] = Group(*(line for one in found.corrections for line in _correction(one)))
    if found.refused_rows:
        rows["refused"] = Group(*(line for one in found.refused_rows for line in _refused(one)))
    if found.requests:
        rows["asked for"] = Group(*(_request(one) for one in found.requests))
    stdout.print(facts(rows))


def _table(found: History, adjustment: Adjustment | None) -> Table:
    """Only the columns that say something; adjusted, the factors stand where the tape's own figures stood."""
    rows = found.bars.to_dicts()
    places = _places(row[name] for row in rows for name in PRICES)
    price = f",.{places}f"
    shown = [(name, name, price) for name in PRICES] + [("volume", "volume", ",.0f")]
    if adjustment is None:
        shown += [("vwap", "vwap", price), ("trades", "trade_count", ",")]
    else:
        shown += [("splits ÷", "split_factor", ".6g")]
        shown += [("dividends ×", "dividend_factor", ".6f")] if adjustment.dividends else []
    shown = [one for one in shown if any(row[one[1]] is not None for row in rows)]
    happened: dict[date, list[str]] = {}
    for one in found.actions:  # an ex-date without a bar of its own stands with the next one
        day = next((row["date"] for row in rows if row["date"] >= one["ex_date"]), None)
        happened.setdefault(day or one["ex_date"], []).append(_action(one))
    for row in rows:
        if row["suspect"]:
            happened.setdefault(row["date"], []).append(SUSPECT)
    table = columns(
        "date", *(title for title, _, _ in shown), "", numbers=tuple(title for title, _, _ in shown), words=("",)
    )
    for row in rows:
        figures = ("·" if row[name] is None else format(row[name], form) for _, name, form in shown)
        table.add_row(str(row["date"]), *figures, Text(", ".join(happened.get(row["date"], ())), "cyan"))
    return table


def _called(ticker: str, security: Security) -> Text:
    now = f" (now {security.now_called})" if security.now_called != ticker else ""
    return Text.assemble((ticker, "bold"), now, f"  {security.name or ''}")


def _action(one: Mapping[str, Any]) -> str:
    if one["kind"] == "split":
        return f"split {one['split_to']:g} for {one['split_from']:g}"
    return f"dividend {one['cash_amount']:g}"


def _places(prices: Iterable[float]) -> int:
    """Cents, unless a low price has more."""
    known = list(prices)
    return 2 if max(known) >= 100 or all(abs(price - round(price, 2)) < 5e-5 for price in known) else 4


def _bar(bar: Mapping[str, Any]) -> Text:
    places = _places(bar[name] for name in PRICES)
    words = [f"{name} {bar[name]:,.{places}f}" for name in PRICES] + [f"volume {bar['volume']:,.10g}"]
    words += [f"vwap {bar['vwap']:,.{places}f}"] if bar["vwap"] is not None else []
    words += [f"{bar['trade_count']:,} trades"] if bar["trade_count"] is not None else []
    if bar["flag"] is not None:
        words.append(f"flag: {bar['flag']}")
    words += [SUSPECT] if bar["suspect"] else []
    return Text("  ".join(words))


def _load(load: Mapping[str, Any] | None) -> dict[str, RenderableType]:
    if load is None:
        return {"call": Text("none is on record", "dim")}
    counts = [f"{load[name]:,} {words}" for name, words in BROUGHT if load[name]]
    return {
        "call": _call(load),
        "answer": Text(f"SHA-256 {load['answer_hash']}"),
        "brought": f"{load['rows']:,} rows" + (f": {', '.join(counts)}" if counts else ""),
    }


def _call(load: Mapping[str, Any] | None) -> Text:
    if load is None:
        return Text("no call on record", "dim")
    arguments = "  ".join(f"{name} {value}" for name, value in load["arguments"].items())
    return Text.assemble(f"{load['endpoint']}  {arguments}", (f"  for {load['job']}, load {load['id']}", "dim"))


def _correction(one: Mapping[str, Any]) -> list[Text]:
    """What changed, and below it by which call, and by which one it had come."""
    old, new = one["old"], one["new"]
    changed = [
        f"{name} {old[name]:,.10g} → {new[name]:,.10g}" for name in new if name in old and old[name] != new[name]
    ]
    lines = [
        Text(f"{_moment(one['corrected_at'])}  {', '.join(changed)}", "yellow"),
        Text.assemble("  corrected by  ", _call(one["load"]), f"  ({one['reason']})" if one["reason"] else ""),
    ]
    return [*lines, Text.assemble("  had come by   ", _call(old["load"]))] if "load" in old else lines


def _refused(one: Mapping[str, Any]) -> list[Text]:
    raw = "  ".join(f"{name} {value}" for name, value in one["raw"].items())
    return [
        Text.assemble(_moment(one["created_at"]), "  ", (one["reason"].replace("_", " "), "red"), f"  {raw}"),
        Text.assemble("  in  ", _call(one["load"])),
    ]


def _request(one: Mapping[str, Any]) -> Text:
    when = one["completed_at"] or one["created_at"]
    job = f", backfill job {one['job_id']}" if one["job_id"] is not None else ""
    return Text(f"{_moment(when)}  {one['status']}, for {one['reason'].replace('_', ' ')}{job}")


def _moment(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
