"""`tickstock universe`: who is in which universe and why; rules checked and applied; members by hand."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from textwrap import shorten
from typing import Annotated, Any

import typer
from rich.text import Text

from tickstock_automation.cli.author import By, Reason, author
from tickstock_automation.cli.output import AsJson, columns, facts, print_json, stdout
from tickstock_automation.db.engine import transaction
from tickstock_automation.db.roles import Role
from tickstock_automation.sessions import calendar
from tickstock_automation.symbols.choices import choose
from tickstock_automation.symbols.overview import Overview, last_scanned, look_at, overviews
from tickstock_automation.symbols.rule_file import default_rules, parse_rules
from tickstock_automation.symbols.rule_tables import Applied, apply_file, equity_type_names
from tickstock_automation.symbols.rule_words import in_words

app = typer.Typer(help="Universes: their rules and members, and members by hand.", no_args_is_help=True)

SHOWN = 12  # tickers in a line

Name = Annotated[str, typer.Argument(help="A universe, as `list` shows it.")]
Tickers = Annotated[list[str], typer.Argument(help="Tickers of active symbols.")]
File = typer.Argument(
    exists=True, dir_okay=False, readable=True, help="A YAML file; docs/universes.md tells its words."
)


@app.command("list")
def list_them(as_json: AsJson = False) -> None:
    """Lists the universes: how many active symbols are in each, and its rule."""
    with transaction(Role.APP) as session:
        found = overviews(session)
    if as_json:
        print_json({"universes": [asdict(one) for one in found]})
        return
    room = max(30, stdout.width - max((len(one.name) for one in found), default=0) - len("members") - 6)

    def rule(one: Overview) -> str:
        """In one line: `show` has it whole."""
        return shorten(in_words(one.rule), room, placeholder=" …")

    _table(("universe", "members", "rule"), ((one.name, f"{one.members:,}", rule(one)) for one in found))


@app.command()
def show(name: Name, as_json: AsJson = False) -> None:
    """Shows a universe: its rule, who is in it, by which rule or person and since when, and what was chosen by hand."""
    with transaction(Role.APP) as session:
        found, members, choices = look_at(session, name)
    if as_json:
        print_json(
            asdict(found) | {"members": [asdict(one) for one in members], "choices": [asdict(one) for one in choices]}
        )
        return
    said = {"description": found.description, "rule": in_words(found.rule), "members": f"{found.members:,}"}
    stdout.print(Text(name, "bold"))
    stdout.print(facts(said))
    _table(
        ("ticker", "name", "why", "since"),
        ((one.ticker, one.name or "", one.reason, _minute(one.added_at)) for one in members),
        words=("name", "why"),
    )
    if choices:
        words = ((f"{one.ticker}{'' if one.active else ' (archived)'}", "in" if one.included else "out", one.author, one.reason,
                  _minute(one.chosen_at)) for one in choices)  # fmt: skip
        _table(("by hand", "", "by", "why", "since"), words, words=("why",))


@app.command()
def check(file: Annotated[Path, File], as_json: AsJson = False) -> None:
    """Reads a file of rules and tells every fault in it. Needs no database."""
    rules = parse_rules(file.read_bytes(), str(file)).rules
    counts = {"universes": len(rules.universes), "equity_types": len(rules.equity_types)}
    if as_json:
        print_json(counts)
    else:
        stdout.print(
            f"{file}: {counts['universes']} universes, {counts['equity_types']} rules of equity types, no fault"
        )


@app.command()
def apply(
    file: Annotated[Path | None, File] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would change, and change nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Makes the rules as a file says, by default as the shipped one does, and brings every active symbol in line.

    Universes that the file does not name are removed.
    """
    with transaction(Role.IPO_MONITOR) as session:
        known = equity_type_names(session)
    rules = parse_rules(file.read_bytes(), str(file), known) if file else default_rules(known)
    done = apply_file(partial(transaction, Role.IPO_MONITOR), _today(), rules, dry_run)
    moves, types = _moves(done)
    if as_json:
        rule_names = {"added": done.added, "changed": done.changed, "removed": done.removed}
        print_json(
            {
                "dry_run": dry_run,
                "rules": rule_names,
                "universes": moves,
                "equity_types": types,
                "symbols": len(done.symbols),
            }
        )
        return
    for what in ("added", "changed", "removed"):
        if names := getattr(done, what):
            stdout.print(f"{what}: {', '.join(names)}", soft_wrap=True)
    _table(
        ("universe", "in", "out"),
        ((name, _some(moved["joined"]), _some(moved["left"])) for name, moved in moves.items()),
        words=("in", "out"),
    )
    symbols = ((change, _some(tickers)) for change, tickers in types.items())
    _table(("equity type", "symbols"), symbols, words=("symbols",))
    stdout.print(f"{len(done.symbols)} symbols {'would change' if dry_run else 'changed'}")


@app.command()
def add(name: Name, tickers: Tickers, reason: Reason, by: By = None, as_json: AsJson = False) -> None:
    """Puts symbols into a universe by hand: no rule takes them out again."""
    _choose(name, tickers, True, by, reason, as_json)


@app.command()
def remove(name: Name, tickers: Tickers, reason: Reason, by: By = None, as_json: AsJson = False) -> None:
    """Takes symbols out of a universe by hand: no rule puts them in again."""
    _choose(name, tickers, False, by, reason, as_json)


@app.command()
def forget(name: Name, tickers: Tickers, by: By = None, as_json: AsJson = False) -> None:
    """Takes back what was chosen by hand: the universe's rule decides again."""
    _choose(name, tickers, None, by, "back to the rule", as_json)


def _choose(name: str, tickers: list[str], included: bool | None, by: str | None, reason: str, as_json: bool) -> None:
    day, who = _today(), author(by)
    with transaction(Role.IPO_MONITOR) as session:
        changed = choose(session, day, name, tickers, included, who, reason)
    moved = {
        "universe": name,
        "joined": [one.ticker for one in changed if one.joined],
        "left": [one.ticker for one in changed if one.left],
    }
    if as_json:
        print_json(moved)
    else:
        stdout.print(
            f"{name}: {_some(moved['joined'])} in, {_some(moved['left'])} out; {len(set(tickers)) - len(changed)} as before"
        )


def _today() -> date:
    """The day that ages and closes are of: the newest scan's, or the coming session where there was none."""
    with transaction(Role.APP) as session:
        scanned = last_scanned(session)
    return scanned or calendar().to_scan(datetime.now(UTC))


def _moves(done: Applied) -> tuple[dict[str, dict[str, list[str]]], dict[str, list[str]]]:
    """Tickers that come in and go out by universe, and by change of equity type."""
    moves: dict[str, dict[str, list[str]]] = {}
    types: dict[str, list[str]] = {}
    for one in done.symbols:
        for name in one.joined:
            moves.setdefault(name, {"joined": [], "left": []})["joined"].append(one.ticker)
        for name in one.left:
            moves.setdefault(name, {"joined": [], "left": []})["left"].append(one.ticker)
        if one.new_type != one.old_type:
            types.setdefault(f"{one.old_type} -> {one.new_type}", []).append(one.ticker)
    return dict(sorted(moves.items())), dict(sorted(types.items()))


def _some(tickers: Any) -> str:
    rest = f" ({', '.join(tickers[:SHOWN])}{', ...' if len(tickers) > SHOWN else ''})" if tickers else ""
    return f"{len(tickers)}{rest}"


def _minute(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M")


def _table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]], *, words: tuple[str, ...] = ()) -> None:
    """Nothing where there are no rows."""
    table = columns(*heads, numbers=("members",), words=words)
    for row in rows:
        table.add_row(*row)
    if table.row_count:
        stdout.print(table)
