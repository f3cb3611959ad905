"""A few dozen daily bars as a small plot for the terminal, one column each."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from rich.text import Text

ROWS = 9
WIDTH = 80
WIDE = 3.0
"""Prices that span more than this factor stand on a logarithmic scale."""
VOLUMES = " ▁▂▃▄▅▆▇█"
UP, DOWN, MARKED = "green", "red", "bold yellow"


def plot(bars: Sequence[Mapping[str, Any]], marked: date) -> list[Text]:
    """Lines: prices from high to low with body from open to close, volume below, and the marked day's column. Bars with a price
    that is missing or not positive stand without it."""
    prices = [bar[name] for bar in bars for name in ("high", "low", "open", "close") if _good(bar[name])]
    if not prices:
        return []
    low, high = min(prices), max(prices)
    log = high / low > WIDE

    def level(price: float) -> int:
        share = math.log(price / low) / math.log(high / low) if log else (price - low) / (high - low or 1)
        return round(share * (ROWS - 1))

    columns = [_column(bar, level) for bar in bars]
    colours = [
        MARKED if bar["date"] == marked else UP if (bar["close"] or 0) >= (bar["open"] or 0) else DOWN for bar in bars
    ]
    width = max(len(_price(low)), len(_price(high)), len("volume"))
    lines = []
    for row in reversed(range(ROWS)):
        label = _price(high) if row == ROWS - 1 else _price(low) if row == 0 else ""
        cells = [(column[row], colour) for column, colour in zip(columns, colours, strict=True)]
        lines.append(Text.assemble((f"  {label:>{width}} ┤", "dim"), *cells))
    most = max((bar["volume"] or 0 for bar in bars), default=0) or 1
    volume = [
        (VOLUMES[math.ceil(8 * max(0.0, bar["volume"] or 0) / most)], colour)
        for bar, colour in zip(bars, colours, strict=True)
    ]
    lines.append(Text.assemble((f"  {'volume':>{width}} ┤", "dim"), *volume))
    lines.append(_foot(bars, marked, width))
    return lines


def _column(bar: Mapping[str, Any], level: Any) -> str:
    cells = [" "] * ROWS
    if _good(bar["low"]) and _good(bar["high"]):
        for row in range(level(min(bar["low"], bar["high"])), level(max(bar["low"], bar["high"])) + 1):
            cells[row] = "│"
    ends = [level(bar[name]) for name in ("open", "close") if _good(bar[name])]
    for row in range(min(ends), max(ends) + 1) if ends else ():
        cells[row] = "┃" if min(ends) != max(ends) else "━" if cells[row] == " " else "┿"
    return "".join(cells)


def _foot(bars: Sequence[Mapping[str, Any]], marked: date, width: int) -> Text:
    """The marked day under its column."""
    at = next((place for place, bar in enumerate(bars) if bar["date"] == marked), 0)
    there = any(bar["date"] == marked and bar["close"] is not None for bar in bars)
    words = f"{marked}{'' if there else ', no bar'}"
    sign, start = "▲" if there else "△", width + 4 + at
    if start + 2 + len(words) < WIDTH:
        return Text(f"{' ' * start}{sign} {words}", MARKED)
    return Text(f"{' ' * (start - len(words) - 1)}{words} {sign}", MARKED)


def _good(price: Any) -> bool:
    return price is not None and math.isfinite(price) and price > 0


def _price(price: float) -> str:
    return f"{price:,.2f}" if price >= 0.1 else f"{price:.4g}"
