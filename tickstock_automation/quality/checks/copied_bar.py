"""Another day's bar, or another company's, passed for this one."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tickstock_automation.events.catalogue import Channel, Verdict
from tickstock_automation.quality.findings import Complaint, Finding
from tickstock_automation.quality.frame import CENT, PRICES, Context
from tickstock_automation.quality.readings import LONGEST_SHIFT, Readings

FARTHEST = 10  # bars back
LIQUID = math.log(10_000)  # shares a day: what trades less may well repeat itself within cents
SHIFT, SURE_SHIFT = 1.5, 6.5  # ln of how many times better the days around fit a session away
MARGIN = 4.0  # of the gain, within which the end of a shift may lie elsewhere
MAYBE_EARLY, EARLY, SURELY_EARLY = (
    0.0,
    2.0,
    4.0,
)  # by so much more do the bars before a pair fit as shifted than those after it
MANY_TICKS, FEW_TICKS = 10, 3  # between high and low: with fewer, four equal prices may be chance, or twice running
SURE: Verdict = "data_error"
UNSURE: Verdict = "undetermined"
COMPLAINT = Complaint("copied_bar", Channel.DATA_GAP, "bars alike")


def copied_bar(context: Context) -> list[Finding]:
    """All four prices those of a bar of the ten before.

    Yesterday's prices again: chance where the range is a few cents, else a copy; an older bar's: a copy where the volume
    is the same too, or where two bars running repeat two bars running. Bars without a range are `stuck_price`'s matter.

    Where yesterday's bar stands again, the days around may be shifted too: rows that each carry the session's before (from
    here on), or the next one's (up to the session before). Which, and how far, is told by the market, whose moves and
    volumes the bars then follow a session late or early.
    """
    return list(_shifted(context, _earlier(context)).values())


def _earlier(context: Context) -> dict[int, Finding]:
    """By row of the frame."""
    bars = context.bars
    prices = [bars[name].to_numpy() for name in PRICES]
    number, wide = bars["number"].to_numpy(), prices[1] > prices[2]
    found: dict[int, Finding] = {}
    for back in range(1, FARTHEST + 1):
        same = wide[back:] & (number[back:] >= back)
        for price in prices:
            same &= price[back:] == price[:-back]
        alike = set((np.flatnonzero(same) + back).tolist())
        for row in context.rows(sorted(alike - found.keys())):
            of = bars.row(row["row"] - back, named=True)
            run = not alike.isdisjoint((row["row"] - 1, row["row"] + 1))
            finding = _judged(row, of, back, run=run)
            if finding is not None:
                found[row["row"]] = finding
    return found


def _shifted(context: Context, copies: dict[int, Finding]) -> dict[int, Finding]:
    """The copies with the days around them that are shifted as well, by row; where rows run early, the first of two equal bars
    is the wrong one."""
    pairs = [
        row
        for row, one in sorted(copies.items())
        if one.evidence["back"] == 1 and not {row - 1, row + 1} & copies.keys()
    ]
    found = dict(copies)
    if not pairs:
        return found
    if not (context.bars["market_gap"] != 0).any():  # nothing tells which of the two it is; mostly the second
        found.update((bar["row"], _either(bar, "next")) for bar in context.rows([row - 1 for row in pairs]))
        return found
    readings = Readings(context.bars)
    for row in pairs:
        late = _Run(
            "late", row, +1, readings.shift_gains(np.arange(row, row + 1 + min(readings.left[row], LONGEST_SHIFT)), -1)
        )
        early = _Run(
            "early", row - 1, -1,
            readings.shift_gains(np.arange(row - 1, row - 2 - min(readings.number[row - 1], LONGEST_SHIFT), -1), 1),
        )  # fmt: skip
        lead = early.gain - late.gain
        if lead > EARLY:
            del found[row]
            found.update((bar["row"], _about(bar, 1, "the next session")) for bar in context.rows([row - 1]))
            if lead < SURELY_EARLY:
                found.update((bar["row"], _either(bar, "previous")) for bar in context.rows([row]))
        elif lead > MAYBE_EARLY:
            for bar in context.rows([row - 1]):
                found.setdefault(bar["row"], _either(bar, "next"))
        run = early if lead > EARLY else late
        sure, unsure = run.beyond()
        for rows, verdict in ((sure, SURE), (unsure, UNSURE)):
            for bar in context.rows(rows):
                found.setdefault(bar["row"], _of_another_session(bar, run.way, verdict))
    return found


@dataclass(frozen=True)
class _Run:
    """Rows from a copy on, `step` by `step`, and how much better each fits as another session's."""

    way: str
    start: int
    step: int
    gains: npt.NDArray[np.float64]

    @property
    def gain(self) -> float:
        return float(np.max(np.cumsum(self.gains), initial=0.0))

    def beyond(self) -> tuple[list[int], list[int]]:
        """The rows beyond the copy that surely are shifted as well, and those that may be."""
        sums = np.cumsum(self.gains[1:])
        best = float(np.max(sums, initial=0.0))
        if best <= SHIFT:
            return [], []
        far = int(np.argmax(sums)) + 1
        near = int(np.argmax(sums >= best - MARGIN)) + 1 if best > SURE_SHIFT else 0
        rows = [self.start + self.step * (one + 1) for one in range(far)]
        return rows[:near], rows[near:]


def _either(row: dict[str, Any], which: str) -> Finding:
    return COMPLAINT.about(
        row, f"all four prices are those of the {which} session as well, and either may be the copy", "undetermined", "medium",
        "refetch", observed=row["close"], threshold=EARLY if which == "next" else SURELY_EARLY,
        back=-1 if which == "next" else 1,
    )  # fmt: skip


def _of_another_session(row: dict[str, Any], way: str, verdict: Verdict) -> Finding:
    whose = "the session before's" if way == "late" else "the next session's"
    return COMPLAINT.about(
        row, f"this bar follows the market a session {way}: it is {whose}, like the copy beside it", verdict, "medium",
        "refetch", observed=row["close"], threshold=SURE_SHIFT, back=0,
    )  # fmt: skip


def _judged(row: dict[str, Any], of: dict[str, Any], back: int, *, run: bool) -> Finding | None:
    volume = row["volume"] == of["volume"] and (row["volume"] or 0) > 0
    ticks = (row["high"] - row["low"]) / CENT
    liquid = (row["v_usual"] or 0.0) > LIQUID
    if not (volume or (ticks >= MANY_TICKS and (back == 1 or run)) or (ticks >= FEW_TICKS and run and liquid)):
        return None
    return _about(row, back, str(of["date"]), "and the volume" if volume else "but not the volume")


def _about(row: dict[str, Any], back: int, of: str, also: str = "of the bar") -> Finding:
    return COMPLAINT.about(
        row, f"all four prices {also} are those of {of}", "data_error", "medium", "refetch",
        observed=row["close"], threshold=4.0, copy_of=of, back=back,
    )  # fmt: skip
