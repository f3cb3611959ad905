"""What a person sees of securities."""

from __future__ import annotations

from typing import Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from tickstock_automation.cli.output import SEVERITIES, columns, facts, stdout
from tickstock_automation.symbols.finding import Found
from tickstock_automation.symbols.inspection import Security

ALERTS = 10
DONE = {"pin": "pinned it", "unpin": "unpinned it", "archive": "archived it", "restore": "restored it"}


def show(one: Security) -> None:
    """One security, whole."""
    row = one.details
    stdout.print(Text.assemble((row["ticker"], "bold"), f"  {row['name'] or ''}  ", _state(row)))
    what = (row["type"], row["exchange"], row["equity_type"])
    rows: dict[str, RenderableType] = {"id": str(row["id"]), "what": Text("  ".join(word for word in what if word))}
    codes = (
        ("FIGI", row["composite_figi"]),
        ("share class", row["share_class_figi"]),
        ("CIK", row["cik"]),
        ("SIC", row["sic_code"]),
    )
    if any(code for _, code in codes):
        rows["codes"] = _pairs([(name, Text(code)) for name, code in codes if code])
    if row["market_cap"]:
        rows["market cap"] = f"{row['market_cap']:,.0f} USD"
    rows["listed"] = Text(_listed(row))
    rows["called"] = _pairs([(ticker, Text(_span(first, end))) for ticker, first, end in _names(one.names)])
    if one.universes:
        rows["universes"] = _pairs([(each["universe"], Text(each["reason"], "dim")) for each in one.universes])
    if one.choices:
        rows["by hand"] = _pairs(
            [
                (each["universe"], Text(f"{'in' if each['included'] else 'out'}, {each['author']}: {each['reason']}"))
                for each in one.choices
            ]
        )
    rows["bars"] = _bars(one.bars)
    if one.queue:
        rows["queue"] = _queue(one.queue)
    if one.alerts:
        more = [("", Text(f"and {len(one.alerts) - ALERTS:,} more", "dim"))] if len(one.alerts) > ALERTS else []
        rows["alerts"] = _pairs([(str(each["session"]), _alert(each)) for each in one.alerts[:ALERTS]] + more)
    if one.decisions:
        rows["decisions"] = _pairs(
            [
                (
                    f"{each['decided_at']:%Y-%m-%d %H:%M}",
                    Text(f"{each['author']} {DONE[each['action']]}: {each['reason']}"),
                )
                for each in one.decisions
            ]
        )
    stdout.print(facts(rows))
    stdout.print()


def show_found(found: list[Found], count: int) -> None:
    """What was found, a line each."""
    if not found:
        stdout.print("Nothing is like that.")
        return
    table = columns("ticker", "type", "exchange", "name", "", words=("name", ""))
    for one in found:
        notes = [
            *([f"archived {one.delist_date}"] if not one.active else []),
            *([f"pinned by {one.kept_by}"] if one.kept_by else []),
            *([f"once {', '.join(one.former)}"] if one.former else []),
        ]
        table.add_row(
            Text(one.ticker, "bold" if one.active else "dim"), one.type or "·", one.exchange or "·", Text(one.name or ""),
            Text(", ".join(notes), "dim"),
        )  # fmt: skip
    stdout.print(table)
    if count > len(found):
        stdout.print(f"{len(found):,} of {count:,}; --limit shows more", style="dim")


def _state(row: dict[str, Any]) -> Text:
    if not row["active"]:
        return Text(f"archived {row['delist_date']} by {row['archived_by'] or 'a scan'}", "yellow")
    pinned = f", pinned by {row['kept_by']}" if row["kept_by"] else ""
    absent = f", not listed since {row['absent_since']}" if row["absent_since"] else ""
    return Text.assemble(("active", "green"), (pinned, "cyan"), (absent, "yellow"))


def _listed(row: dict[str, Any]) -> str:
    since = f"since {row['list_date']}, " if row["list_date"] else ""
    seen = f"first scanned {row['first_seen']}" + (" with the whole market" if row["bootstrap"] else "")
    price = f", issued at {row['ipo_price']:,.2f} USD" if row["ipo_price"] else ""
    return f"{since}{seen}{price}"


def _names(names: list[dict[str, Any]]) -> list[tuple[str, Any, Any]]:
    """Tickers with first day and end; what was archived and has the ticker again without a gap is one line."""
    found: list[tuple[str, Any, Any]] = []
    for name in names:
        ticker, first, end = name["ticker"], name["valid_from"], name["valid_to"]
        if found and first is not None and (found[-1][0], found[-1][2]) == (ticker, first):
            first = found.pop()[1]
        found.append((ticker, first, end))
    return found


def _span(first: Any, end: Any) -> str:
    if end is None:
        return f"since {first}" if first else "all along"
    return f"{first} until before {end}" if first else f"until before {end}"


def _bars(bars: dict[str, Any] | None) -> Text:
    if bars is None:
        return Text("none", "yellow")
    empty = f", {bars['known_empty']:,} known not to exist" if bars["known_empty"] else ""
    gaps = (f", {bars['gaps']:,} missing", "red") if bars["gaps"] else (", none missing", "")
    return Text.assemble(f"{bars['stored']:,} from {bars['first']} to {bars['last']}", gaps, empty)


def _queue(entry: dict[str, Any]) -> Text:
    when = entry["completed_at"] or entry["scheduled_time"]
    said = Text(f"{entry['status']}, for {entry['reason'].replace('_', ' ')}, {when:%Y-%m-%d %H:%M}")
    if entry["attempts"] > 1:
        said.append(f", {entry['attempts']} attempts")
    if entry["error_message"]:
        said.append(f": {entry['error_message']}", "red")
    return said


def _alert(alert: dict[str, Any]) -> Text:
    severity = str(alert["severity"])
    return Text.assemble((severity, SEVERITIES.get(severity, "")), f" {alert['check_name']}: {alert['words']}")


def _pairs(rows: list[tuple[str, Text]]) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, words in rows:
        table.add_row(Text(name), words)
    return table
