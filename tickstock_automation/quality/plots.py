"""Plots as inline SVG for a page without scripts. Pure.

The drawing stretches with the page (strokes keep their width), the words around it are HTML and keep their size, so a plot
is as legible on a telephone as on paper. Colours are the page's own, by class. Each has a title and a description for who
does not see it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import date

from tickstock_automation.quality.findings import SEVERITIES
from tickstock_automation.quality.markup import Markup, joined, tag
from tickstock_automation.quality.report_values import PlottedBar

WIDTH, HEIGHT = 1000.0, 100.0
BAR_SHARE = 0.72
MIN_BAR = 0.8
Words = Callable[[float], str]


def percent(value: float) -> str:
    """A share as a percentage, rounded down: only all of it is 100%."""
    return f"{math.floor(value * 10_000 + 1e-6) / 100:.2f}".rstrip("0").rstrip(".") + "%"


def count(value: float) -> str:
    """A whole number, with separators."""
    return f"{value:,.0f}"


def short(value: float) -> str:
    """A number in four figures or so: 12.3M, 4.5k, 3.99."""
    size = abs(value)
    if size < 1 or size >= 1e15:
        return f"{value:.3g}"
    for limit, unit, by in ((1e12, "T", 1e12), (1e9, "B", 1e9), (1e6, "M", 1e6), (1e4, "k", 1e3)):
        if size >= limit:
            return f"{value / by:,.1f}{unit}"
    return f"{value:,.0f}" if value == int(value) and size >= 100 else f"{value:,.2f}"


def line(
    points: Sequence[tuple[date, float]], *, title: str, words: Words = percent, top: float | None = None
) -> Markup:
    """A line over sessions, from the lowest value to `top` (by default the highest), a hundredth of that at least."""
    if not points:
        return nothing(title)
    values = [value for _, value in points]
    low, high = _bounds(min(values), max(values)) if top is None else (min(*values, 0.99 * top), top)
    at = _places(len(points))
    path = " ".join(
        f"{'M' if n == 0 else 'L'}{x:.1f},{_y(value, low, high):.2f}"
        for n, (x, value) in enumerate(zip(at, values, strict=True))
    )
    marks = [_dot(at[-1], _y(values[-1], low, high), "line-end")]
    hovers = [_hover(at, n, f"{day}: {words(value)}") for n, (day, value) in enumerate(points)]
    told = f"{len(points)} sessions from {points[0][0]} to {points[-1][0]}; lowest {words(min(values))}, last {words(values[-1])}"
    drawn = joined([_grid(), tag("path", d=path, class_="line"), *marks, *hovers])
    return _plot(drawn, title, told, (words(low), words(high)), (points[0][0], points[-1][0]))  # fmt: skip


def stacked(days: Sequence[tuple[date, Mapping[str, int]]], *, title: str) -> Markup:
    """A bar for each session, its findings by severity one above the other, the critical ones at the foot."""
    if not days:
        return nothing(title)
    totals = [sum(one.values()) for _, one in days]
    high = max(*totals, 1)
    at, width = _places(len(days), bars=True), _bar_width(len(days))
    drawn: list[Markup] = [_grid()]
    for n, (day, counted) in enumerate(days):
        foot = HEIGHT
        for severity in reversed(SEVERITIES):
            if not (number := counted.get(severity, 0)):
                continue
            tall = max(MIN_BAR, HEIGHT * number / high)
            foot -= tall
            drawn.append(_rect(at[n] - width / 2, foot, width, tall, severity))
        said = ", ".join(f"{number} {name}" for name, number in counted.items() if number) or "none"
        drawn.append(_hover(at, n, f"{day}: {said}"))
    told = f"{len(days)} sessions from {days[0][0]} to {days[-1][0]}; {count(sum(totals))} findings, most on one day {count(max(totals))}"
    return _plot(joined(drawn), title, told, ("0", count(high)), (days[0][0], days[-1][0]))


def spark(values: Sequence[float], *, title: str) -> Markup:
    """Small bars without words, for a cell of a table."""
    high = max([*values, 1])
    at, width = _places(len(values), bars=True), _bar_width(len(values))
    bars = [
        _rect(x - width / 2, HEIGHT - max(MIN_BAR * 4, HEIGHT * value / high), width, max(MIN_BAR * 4, HEIGHT * value / high), "spark-bar")
        for x, value in zip(at, values, strict=True)
        if value
    ]  # fmt: skip
    base = tag("path", d=f"M0,{HEIGHT:.0f} H{WIDTH:.0f}", class_="axis")
    told = f"{title}: {', '.join(count(value) for value in values)}" if values else f"{title}: none"
    return tag("span", _svg(joined([base, *bars]), told, ""), class_="spark")


def share_bar(counted: Mapping[str, int], most: int, *, title: str) -> Markup:
    """One lying bar of a table, by severity, as long as its share of the longest."""
    parts = [
        tag("span", class_=f"part {name}", style=f"width:{100 * counted[name] / max(most, 1):.2f}%")
        for name in reversed(SEVERITIES)
        if counted.get(name)
    ]
    return tag("span", *parts, class_="share", role="img", aria_label=title, title=title)


def price(bars: Sequence[PlottedBar], marked: date | None, *, title: str, expected: float | None = None) -> Markup:
    """Closes, and from low to high, around a marked session; where it has no bar, its place is marked between the others."""
    if not bars:
        return nothing(title)
    lows, highs = [one.low for one in bars], [one.high for one in bars]
    closes = [one.close for one in bars]
    others = [expected] if expected is not None else []
    low, high = _bounds(min(lows + closes + others), max(highs + closes + others))
    days = [one.date for one in bars]
    at, where = _places(len(bars)), _mark(days, marked)
    drawn = [_grid(), *_marked(where)]
    drawn.append(
        tag(
            "path",
            d=" ".join(
                f"M{x:.1f},{_y(one.low, low, high):.2f} V{_y(one.high, low, high):.2f}"
                for x, one in zip(at, bars, strict=True)
            ),
            class_="range",
        )
    )
    drawn.append(
        tag(
            "path",
            d=" ".join(
                f"{'M' if n == 0 else 'L'}{at[n]:.1f},{_y(one.close, low, high):.2f}" for n, one in enumerate(bars)
            ),
            class_="line",
        )
    )
    if expected is not None and where is not None:
        drawn.append(
            tag(
                "path",
                d=f"M{max(0, where - 40):.1f},{_y(expected, low, high):.2f} H{min(WIDTH, where + 40):.1f}",
                class_="expected",
            )
        )
    if marked in days:
        drawn.append(_dot(at[days.index(marked)], _y(closes[days.index(marked)], low, high), "mark"))
    drawn += [
        _hover(at, n, f"{one.date}: close {one.close:,.2f}, {one.low:,.2f} to {one.high:,.2f}")
        for n, one in enumerate(bars)
    ]
    return _plot(joined(drawn), title, _around(days, marked), (short(low), short(high)), (days[0], days[-1]), small=True)  # fmt: skip


def volume(bars: Sequence[PlottedBar], marked: date | None, *, title: str, expected: float | None = None) -> Markup:
    """Shares traded around a marked session."""
    if not bars:
        return nothing(title)
    high = max(*(one.volume for one in bars), expected or 0.0, 1.0)
    days = [one.date for one in bars]
    at, width, where = _places(len(bars), bars=True), _bar_width(len(bars)), _mark(days, marked, bars=True)
    drawn = [_grid(), *_marked(where)]
    for x, one in zip(at, bars, strict=True):
        tall = max(0.0, HEIGHT * one.volume / high)
        drawn.append(_rect(x - width / 2, HEIGHT - tall, width, tall, "mark-bar" if one.date == marked else "bar"))
    if expected is not None and where is not None:
        drawn.append(
            tag(
                "path",
                d=f"M{max(0, where - 40):.1f},{_y(expected, 0, high):.2f} H{min(WIDTH, where + 40):.1f}",
                class_="expected",
            )
        )
    drawn += [_hover(at, n, f"{one.date}: {one.volume:,.0f} shares") for n, one in enumerate(bars)]
    return _plot(joined(drawn), title, _around(days, marked), ("0", short(high)), (days[0], days[-1]), small=True)  # fmt: skip


def nothing(title: str) -> Markup:
    """What stands where there is nothing to draw."""
    return tag("p", f"{title}: there is nothing to draw.", class_="quiet")


def _plot(
    drawn: Markup, title: str, told: str, vertical: tuple[str, str], days: tuple[date, date], *, small: bool = False
) -> Markup:
    """A drawing with its words: lowest and highest on the left, first and last session below."""
    low, high = vertical
    lower = [tag("span", days[0])] + ([tag("span", days[1])] if days[1] != days[0] else [])
    return tag(
        "div",
        tag("div", tag("span", high), tag("span", low), class_="up", aria_hidden="true"),
        tag("div", _svg(drawn, title, told), class_="drawing"),
        tag("div", *lower, class_="along", aria_hidden="true"),
        class_="plot small" if small else "plot",
    )  # fmt: skip


def _svg(drawn: Markup, title: str, told: str) -> Markup:
    described = [tag("title", title), tag("desc", told)] if told else [tag("title", title)]
    label = f"{title}: {told}" if told else title
    return tag(
        "svg", *described, drawn,
        viewBox=f"0 0 {WIDTH:.0f} {HEIGHT:.0f}", preserveAspectRatio="none", role="img", aria_label=label,
    )  # fmt: skip


def _bounds(low: float, high: float) -> tuple[float, float]:
    """A flat line lies in the middle of something."""
    if high > low:
        return low, high
    return (low - 0.01 * abs(low), high + 0.01 * abs(high)) if low else (0.0, 1.0)


def _y(value: float, low: float, high: float) -> float:
    return HEIGHT - HEIGHT * (value - low) / (high - low)


def _places(number: int, *, bars: bool = False) -> list[float]:
    """The middles of so many places side by side; of a line, from edge to edge."""
    if bars or number == 1:
        return [WIDTH * (n + 0.5) / number for n in range(number)]
    return [WIDTH * n / (number - 1) for n in range(number)]


def _bar_width(number: int) -> float:
    return BAR_SHARE * min(WIDTH / max(number, 1), WIDTH / 8)


def _mark(days: Sequence[date], marked: date | None, *, bars: bool = False) -> float | None:
    """Where a session stands, or would stand between its neighbours."""
    if marked is None:
        return None
    at = _places(len(days), bars=bars)
    before = [x for day, x in zip(days, at, strict=True) if day <= marked]
    after = [x for day, x in zip(days, at, strict=True) if day >= marked]
    if before and after:
        return (before[-1] + after[0]) / 2
    return before[-1] if before else after[0]


def _marked(where: float | None) -> list[Markup]:
    return [] if where is None else [tag("path", d=f"M{where:.1f},0 V{HEIGHT:.0f}", class_="mark-line")]


def _dot(x: float, y: float, name: str) -> Markup:
    """A point that stays round however the drawing is stretched: a line of no length with round ends."""
    return tag("path", d=f"M{x:.1f},{y:.2f} h0.01", class_=f"dot {name}")


def _rect(x: float, y: float, width: float, height: float, name: str) -> Markup:
    return tag("rect", x=f"{x:.1f}", y=f"{y:.2f}", width=f"{width:.1f}", height=f"{height:.2f}", class_=name)


def _hover(at: Sequence[float], n: int, words: str) -> Markup:
    """An unseen pane over one session that says its words under the pointer."""
    wide = WIDTH / len(at)
    pane = {"x": f"{at[n] - wide / 2:.1f}", "y": "0", "width": f"{wide:.1f}", "height": f"{HEIGHT:.0f}"}
    return tag("rect", tag("title", words), class_="hover", **pane)


def _grid() -> Markup:
    lines = " ".join(f"M0,{HEIGHT * n / 2:.0f} H{WIDTH:.0f}" for n in range(3))
    return tag("path", d=lines, class_="grid")


def _around(days: Sequence[date], marked: date | None) -> str:
    told = f"{len(days)} bars from {days[0]} to {days[-1]}"
    if marked is None:
        return told
    return f"{told}; {marked} is marked" + ("" if marked in days else ", it has no bar")
