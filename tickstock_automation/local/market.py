"""Which market a stack works on: the vendor itself, a folder of bars, or a generated market kept in the state directory."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from tickstock_automation.errors import UsedWrongly
from tickstock_automation.replay.folder import FolderError, read_folder
from tickstock_automation.replay.generate import generate
from tickstock_automation.sessions import SessionCalendar

GENERATED = "market"
MARKER = "market.json"
SEED = 1
SESSIONS_BEFORE = 90  # the longest backfill, and room for medians
SESSIONS_AFTER = 130


@dataclass(frozen=True)
class MarketChoice:
    """`folder` None: the vendor itself. `first` and `last` are the days there are bars for."""

    folder: Path | None
    generated: bool
    first: date
    last: date

    @property
    def words(self) -> str:
        if self.folder is None:
            return "the vendor itself"
        kind = "a generated market" if self.generated else f"a replay of {self.folder}"
        return f"{kind}, {self.first} to {self.last}"


def choose_market(
    state: Path, data: Path | None, *, vendor: bool, as_of: date | None, today: date, calendar: SessionCalendar
) -> MarketChoice:
    """Chooses and prepares the market; UsedWrongly where the state directory holds another one's data."""
    if data is not None:
        try:
            folder = read_folder(data.expanduser().resolve())
        except FolderError as error:
            raise UsedWrongly(str(error)) from None
        choice = MarketChoice(data.expanduser().resolve(), False, folder.first_day, folder.last_day)
    elif vendor:
        choice = MarketChoice(None, False, calendar.on_or_after(date(2003, 9, 10)), calendar.before(today))
    else:
        choice = _generated(state, as_of, today, calendar)
    _mark(state, choice)
    return choice


def _generated(state: Path, as_of: date | None, today: date, calendar: SessionCalendar) -> MarketChoice:
    folder = state / GENERATED
    if not (folder / "truth.json").exists():
        start = calendar.on_or_after(as_of) if as_of else calendar.before(today)
        sessions = calendar.following(
            _sessions_back(calendar, start, SESSIONS_BEFORE), SESSIONS_BEFORE + SESSIONS_AFTER
        )
        generate(folder, sessions, start, SEED)
    found = read_folder(folder)
    return MarketChoice(folder, True, found.first_day, found.last_day)


def _sessions_back(calendar: SessionCalendar, day: date, count: int) -> date:
    for _ in range(count):
        day = calendar.before(day)
    return day


def _mark(state: Path, choice: MarketChoice) -> None:
    """One state directory, one market: bars of two would lie in one table."""
    name = "vendor" if choice.folder is None else "generated" if choice.generated else str(choice.folder)
    marker = state / MARKER
    if marker.exists():
        before = json.loads(marker.read_text())["market"]
        if before != name:
            raise UsedWrongly(
                f"{state} holds the data of another market ({before}): give another --state-dir for {name}"
            )
    else:
        marker.write_text(json.dumps({"market": name}))
