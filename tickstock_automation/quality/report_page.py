"""The report of a day as one page that needs nothing else: no script, no network, light and dark, screen and paper. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC
from importlib.resources import files

from tickstock_automation.quality import plots
from tickstock_automation.quality.figures import Against
from tickstock_automation.quality.findings import SEVERITIES
from tickstock_automation.quality.markup import Markup, joined, tag
from tickstock_automation.quality.plots import count
from tickstock_automation.quality.report_values import (
    AgeLine,
    CheckLine,
    Day,
    Repair,
    Report,
    SymbolLine,
    WorstFinding,
)
from tickstock_automation.quality.report_words import (
    ABOUT,
    change_words,
    found_by,
    in_a_sentence,
    mean_words,
    repair_words,
    value_words,
)

TILES = ("completeness", "lagging", "findings", "open", "repaired")
BETTER = {"completeness": 1, "lagging": -1, "findings": -1, "open": -1, "repaired": 0}
"""Whether more of it is better (1), worse (-1) or neither."""


def page(report: Report) -> str:
    """The whole page."""
    title = f"Data quality of {report.session}"
    body = tag(
        "main",
        tag(
            "header",
            tag("h1", title),
            tag("p", _below_the_title(report), class_="quiet"),
            tag("p", in_a_sentence(report), class_="lead"),
        ),
        _figures(report),
        tag("div", _completeness(report.days), _findings(report.days), class_="pair"),
        _worst(report.worst),
        _checks(report.checks, len(report.days)),
        _ages(report.ages),
        _repairs(report.repairs, report.repairs_in_all),
        _symbols(report.symbols),
        _footer(report),
    )
    style = Markup(files("tickstock_automation.quality").joinpath("report.css").read_text(encoding="utf-8"))
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", title),
        tag("style", style),
    )
    return "<!DOCTYPE html>\n" + tag("html", head, tag("body", body), lang="en") + "\n"


def _below_the_title(report: Report) -> str:
    state = f"The session is {report.state}. " if report.state else ""
    return f"{report.session:%A}. {state}Summed up {report.summed_up_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC."


def _figures(report: Report) -> Markup:
    tiles = []
    for name in TILES:
        if (one := report.compared.get(name)) is not None:
            beside = tag(
                "dd", _change(name, one), " ", tag("span", mean_words(name, one), class_="change"), class_="beside"
            )
            tiles.append(
                tag("div", tag("dt", ABOUT[name]), tag("dd", value_words(name, one.today), class_="value"), beside)
            )
    return tag("dl", *tiles, class_="figures")  # fmt: skip


def _change(name: str, one: Against) -> Markup:
    sense = (one.change or 0) * BETTER[name]
    return tag(
        "span", change_words(name, one), class_="change" + (" good" if sense > 0 else " bad" if sense < 0 else "")
    )


def _completeness(days: Sequence[Day]) -> Markup:
    points = [(one.session, one.completeness) for one in days if one.completeness is not None]
    return tag(
        "section",
        tag("h2", "Completeness"),
        tag("p", "Bars stored of bars expected, as known by now.", class_="quiet"),
        plots.line(points, title="Completeness by session", top=1.0),
    )


def _findings(days: Sequence[Day]) -> Markup:
    return tag(
        "section",
        tag("h2", "New findings by severity"),
        _keys(),
        plots.stacked([(one.session, one.by_severity) for one in days], title="New findings by session and severity"),
    )


def _keys() -> Markup:
    return tag("ul", *(tag("li", one, class_=f"key {one}") for one in reversed(SEVERITIES)), class_="keys")


def _worst(worst: Sequence[WorstFinding]) -> Markup:
    rows = [tag("tr", tag("td", _badge(one.severity)), tag("td", _finding(one))) for one in worst]
    what = "Bars as traded, from low to high with a line through the closes; the finding's session is marked, a short line is what was to be expected."
    table = _table(what, ("severity", "finding"), rows, wide=False)
    return _section("The worst that nobody has settled", table if worst else None, "Nothing is open.", long=True)


def _finding(one: WorstFinding) -> Markup:
    name = joined([tag("strong", one.symbol or "The system"), f" {one.session or ''}"])
    told = tag(
        "div",
        tag("p", name),
        tag("p", one.words, f", and {one.alike:,} more like it" if one.alike else ""),
        tag("p", f"{one.check}, {_plain(one.verdict)}, {_plain(one.state)} (alert {one.alert_id})", class_="quiet"),
    )
    if not one.bars:
        return tag(
            "div",
            told,
            tag("p", "There are no bars around it.", class_="quiet") if one.symbol else "",
            class_="finding",
        )
    title = f"{one.symbol} around {one.session}"
    if one.by_volume:
        drawn = plots.volume(one.bars, one.session, title=f"Volume of {title}", expected=one.expected)
    else:
        expected = one.expected if one.check.startswith(("price", "split")) else None
        drawn = plots.price(one.bars, one.session, title=f"Price of {title}", expected=expected)
    return tag("div", told, drawn, class_="finding")


def _checks(checks: Sequence[CheckLine], sessions: int) -> Markup:
    rows = [
        tag(
            "tr",
            tag("th", one.check, scope="row"),
            _number(one.today.today),
            tag("td", _severities(one.by_severity)),
            tag("td", "·" if one.today.yesterday is None else count(one.today.yesterday), class_="number"),
            tag("td", "·" if one.today.mean_30 is None else f"{one.today.mean_30:,.1f}", class_="number"),
            _number(one.open),
            _number(one.repaired),
            tag("td", plots.spark(one.findings, title=f"{one.check}, findings by session")),
        )
        for one in checks
    ]
    head = (
        "check",
        "#new",
        "by severity",
        "#yesterday",
        "#30-day mean",
        "#open",
        "#repaired",
        f"last {sessions} sessions",
    )
    table = _table("New findings of this session, beside those of the sessions before.", head, rows)
    return _section("By check", table if rows else None, "No check has found anything.")


def _ages(ages: Sequence[AgeLine]) -> Markup:
    most = max((sum(one.by_severity.values()) for one in ages), default=0)
    rows = [
        tag(
            "tr",
            tag("th", one.age, scope="row", class_="nowrap"),
            _number(sum(one.by_severity.values())),
            tag("td", _severities(one.by_severity)),
            tag("td", plots.share_bar(one.by_severity, most, title=f"{one.age}: {_spoken(one.by_severity)}"), style="width:40%"),
        )
        for one in ages
    ]  # fmt: skip
    table = _table(
        "Alerts open, being put right or given up, by how long ago they were found.",
        ("found", "#alerts", "by severity", ""),
        rows,
    )
    return _section("Open alerts by age", table if rows else None, "No alert is open.")


def _repairs(repairs: Sequence[Repair], in_all: int) -> Markup:
    rows = [
        tag(
            "tr",
            tag("th", one.symbol, scope="row"),
            tag("td", one.session, class_="nowrap"),
            tag("td", repair_words(one)),
            tag("td", found_by(one), class_=None if one.check else "quiet"),
            tag("td", one.reason or "·"),
        )
        for one in repairs
    ]
    more = f" The first {len(repairs)} of {in_all:,}." if in_all > len(repairs) else ""
    table = _table(
        f"Bars put right since the summary before, old → new.{more}",
        ("symbol", "session", "old → new", "found by", "why"),
        rows,
    )
    return _section("Repairs", table if rows else None, "Nothing was repaired since the summary before.", long=True)  # fmt: skip


def _symbols(symbols: Sequence[SymbolLine]) -> Markup:
    most = max((one.findings for one in symbols), default=0)
    rows = [
        tag(
            "tr",
            tag("th", one.symbol, scope="row"),
            tag("td", one.name or ""),
            _number(one.findings),
            tag("td", ", ".join(f"{name} {number:,}" for name, number in sorted(one.by_check.items(), key=lambda pair: -pair[1]))),
            _number(one.repaired),
            _number(one.open),
        )
        for one in symbols
    ]  # fmt: skip
    head = ("symbol", "name", "#findings", "by check", "#repaired", "#open")
    table = _table("Over the last 30 summaries.", head, rows)
    return _section("Symbols with the most findings", table if most else None, "No symbol has a finding.", long=True)


def _footer(report: Report) -> Markup:
    said = f"`tickstock quality report --date {report.session}` shows the same on a terminal; with --json it gives the figures."
    return tag("footer", tag("p", f"Made by tickstock_automation. {said}"))


def _section(title: str, content: Markup | None, otherwise: str, *, long: bool = False) -> Markup:
    inside = tag("p", otherwise, class_="quiet") if content is None else content
    return tag("section", tag("h2", title), inside, class_="long" if long else None)


def _table(caption: str, head: Sequence[str], rows: Sequence[Markup], *, wide: bool = True) -> Markup:
    """Columns whose name begins with # hold numbers. A wide table moves under a narrow window rather than being squeezed."""
    cells = [tag("th", one.lstrip("#"), scope="col", class_="number" if one.startswith("#") else None) for one in head]
    table = tag(
        "table",
        tag("caption", tag("span", caption)),
        tag("thead", tag("tr", *cells)),
        tag("tbody", *rows),
        class_="wide" if wide else None,
    )
    return tag("div", table, class_="scroll", tabindex="0", role="region", aria_label=caption)


def _number(value: float) -> Markup:
    return tag("td", count(value), class_="number" if value else "number zero")


def _badge(severity: str) -> Markup:
    return tag("span", severity, class_=f"badge {severity if severity in SEVERITIES else ''}".strip())


def _severities(counted: Mapping[str, int]) -> Markup:
    """Each with its colour, the worst first."""
    if not counted:
        return tag("span", "·", class_="quiet")
    parts = [
        tag("span", f"{counted[one]:,} {one}", class_=f"badge {one}")
        for one in reversed(SEVERITIES)
        if counted.get(one)
    ]
    return joined([part for one in parts for part in (one, " ")])


def _spoken(counted: Mapping[str, int]) -> str:
    return ", ".join(f"{number:,} {name}" for name, number in counted.items())


def _plain(word: str) -> str:
    return word.replace("_", " ")
