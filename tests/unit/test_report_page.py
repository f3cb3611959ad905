"""The page of a day: nothing of the market's becomes markup, plots hold any number of points, colours can be told apart."""

import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from html.parser import HTMLParser
from importlib.resources import files
from typing import Any
from xml.etree import ElementTree

import pytest

from tickstock_automation.quality import plots
from tickstock_automation.quality.figures import Against
from tickstock_automation.quality.markup import VOID, Markup, joined, tag
from tickstock_automation.quality.report_page import page
from tickstock_automation.quality.report_values import (
    AgeLine,
    CheckLine,
    Day,
    PlottedBar,
    Repair,
    Report,
    SymbolLine,
    WorstFinding,
    age_lines,
    check_lines,
    day_of,
    nearest,
)
from tickstock_automation.quality.report_words import change_words, found_by, in_a_sentence, repair_words

DAY = date(2024, 2, 14)
EVIL = "<b>&\"'</b><script>alert(1)</script>"
BARS = [PlottedBar(DAY + timedelta(days=n), 9.0 + n, 11.0 + n, 10.0 + n, 1000.0 * n) for n in range(-3, 4)]
FINDING = WorstFinding(7, "AAA", DAY, "price_move", "critical", "undetermined", "open", "close 16", 10.0, by_volume=False, alike=2, bars=BARS)  # fmt: skip
REPORT = Report(
    session=DAY, summed_up_at=datetime(2024, 2, 14, 22, tzinfo=UTC), state="ready",
    figures={"checked": 4, "findings": 3, "repaired": 2, "corrected": 1, "bars_present": 3, "bars_expected": 4, "lagging": 1, "without_bars": 0},
    compared={
        "findings": Against(3, 5, 3.5), "completeness": Against(0.75, 1.0, 0.99), "lagging": Against(1, 0, 0.5),
        "open": Against(6, 6, None), "repaired": Against(2, None, None),
    },
    days=[Day(DAY - timedelta(days=1), 1.0, 5, {"low": 5}), Day(DAY, 0.75, 3, {"medium": 2, "critical": 1})],
    checks=[CheckLine("price_move", Against(3, 5, 3.5), {"medium": 2, "critical": 1}, 4, 1, [5, 3])],
    worst=[FINDING, replace(FINDING, check="volume_spike", by_volume=True), replace(FINDING, symbol=None, bars=[])],
    repairs=[
        Repair("AAA", DAY, "price_outlier", "the second answer differs", {"close": 160.0, "volume": 5}, {"close": 16.0, "volume": 5}),
        Repair("BBB", DAY, "missing_session", "", None, {"close": 10.0, "volume": 1000}),
    ],
    repairs_in_all=41,
    ages=[AgeLine("this session", {"medium": 2}), AgeLine("over 20 sessions ago", {"low": 4})],
    symbols=[SymbolLine("AAA", "Acme", 3, 1, 2, {"price_move": 2, "zero_volume": 1})],
)  # fmt: skip
EMPTY = replace(
    REPORT, state=None, figures={"checked": 0, "findings": 0}, compared={}, days=[], checks=[], worst=[], repairs=[], repairs_in_all=0, ages=[],
    symbols=[],
)  # fmt: skip


class Balanced(HTMLParser):
    """Reads a page and complains of what is not closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, name: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open.append(name)
        self.seen.append((name, dict(attrs)))

    def handle_startendtag(self, name: str, attrs: list[tuple[str, str | None]]) -> None:
        assert name in VOID
        self.seen.append((name, dict(attrs)))

    def handle_endtag(self, name: str) -> None:
        assert self.open.pop() == name


def read(html: str) -> Balanced:
    found = Balanced()
    found.feed(html)
    assert found.open == []
    return found


def test_the_page_is_whole_and_needs_nothing_else() -> None:
    html = page(REPORT)
    seen = read(html).seen
    assert {"script", "link", "img", "iframe"}.isdisjoint(name for name, _ in seen)
    assert "http" not in html
    assert "@import" not in html
    assert "url(" not in html


@pytest.mark.parametrize("report", [REPORT, EMPTY])
def test_every_table_has_a_caption_and_every_drawing_a_title(report: Report) -> None:
    html = page(report)
    names = [name for name, _ in read(html).seen]
    assert names.count("caption") == names.count("table")
    for drawn in re.findall(r"<svg.*?</svg>", html):
        root = ElementTree.fromstring(drawn)  # noqa: S314 -- our own page
        assert root.get("aria-label")
        assert root[0].tag == "title"
        assert root[0].text


def test_an_empty_day_says_so() -> None:
    html = page(EMPTY)
    for words in (
        "Nothing is open.",
        "No check has found anything.",
        "Nothing was repaired",
        "No alert is open.",
        "No symbol has a finding.",
    ):
        assert words in html  # fmt: skip


def test_what_a_symbol_is_called_never_becomes_markup() -> None:
    evil = replace(
        REPORT,
        state=EVIL,
        worst=[replace(one, symbol=EVIL, words=EVIL, check=EVIL, state=EVIL, verdict=EVIL, severity=EVIL) for one in REPORT.worst],
        checks=[replace(one, check=EVIL) for one in REPORT.checks],
        repairs=[replace(one, symbol=EVIL, reason=EVIL, check=EVIL, old={"close": EVIL}) for one in REPORT.repairs],
        symbols=[SymbolLine(EVIL, EVIL, 3, 1, 2, {EVIL: 3})],
    )  # fmt: skip
    html = page(evil)
    assert "<b>" not in html
    assert "<script" not in html
    assert html.count("&lt;b&gt;") > 10
    read(html)


def test_values_are_escaped_in_text_and_in_attributes_and_markup_is_not_twice() -> None:
    made = tag("p", EVIL, tag("i", "a & b"), title=EVIL, class_="x", aria_label=None)
    assert made.startswith('<p title="&lt;b&gt;&amp;&quot;&#x27;')
    assert "<i>a &amp; b</i>" in made
    assert joined([Markup("<br/>"), "<br/>"]) == "<br/>&lt;br/&gt;"


@pytest.mark.parametrize("number", [0, 1, 2, 60])
def test_each_plot_holds_any_number_of_points(number: int) -> None:
    days = [DAY + timedelta(days=n) for n in range(number)]
    bars = [PlottedBar(day, 9.0, 11.0, 10.0 + n % 3, 1000.0 * n) for n, day in enumerate(days)]
    drawn = [
        plots.line([(day, 1 - n / 100) for n, day in enumerate(days)], title="t", top=1.0),
        plots.line([(day, 5.0) for day in days], title="t", words=plots.count),
        plots.stacked([(day, {"low": n, "critical": n % 2}) for n, day in enumerate(days)], title="t"),
        plots.price(bars, DAY, title="t", expected=12.0),
        plots.volume(bars, DAY, title="t", expected=12.0),
        plots.spark([float(n) for n in range(number)], title="t"),
        plots.share_bar({"low": number}, number, title="t"),
    ]
    for one in drawn:
        read(one)
        assert "nan" not in one
        assert "inf" not in one.replace("infinity", "")
        for x, width in re.findall(r'<rect x="([-\d.]+)" y="[-\d.]+" width="([\d.]+)"', one):
            assert -0.1 <= float(x) <= float(x) + float(width) <= plots.WIDTH + 0.1
    assert [("<svg" in one) for one in drawn[:5]] == [number > 0] * 5


def test_a_session_without_a_bar_is_marked_between_its_neighbours() -> None:
    without = [one for one in BARS if one.date != DAY]
    marked = plots.price(without, DAY, title="t")
    assert 'd="M500.0,0 V100" class="mark-line"' in marked
    assert "it has no bar" in marked
    assert "dot mark" not in marked
    assert "dot mark" in plots.price(BARS, DAY, title="t")
    for outside in (DAY - timedelta(days=30), DAY + timedelta(days=30)):
        assert "mark-line" in plots.price(without, outside, title="t")


@pytest.mark.parametrize(("value", "said"), [
    (1.0, "100%"), (0.999999, "99.99%"), (0.988888, "98.88%"), (0.5, "50%"), (0.0, "0%"), (0.07, "7%"), (0.9999, "99.99%"),
])  # fmt: skip
def test_only_all_of_it_is_a_hundred_percent(value: float, said: str) -> None:
    assert plots.percent(value) == said


@pytest.mark.parametrize(("value", "said"), [
    (0.0, "0"), (0.001, "0.001"), (3.99, "3.99"), (250.0, "250"), (12_345.0, "12.3k"), (4_500_000.0, "4.5M"), (2e9, "2.0B"), (8.9e12, "8.9T"), (9e18, "9e+18"),
])  # fmt: skip
def test_axes_speak_short(value: float, said: str) -> None:
    assert plots.short(value) == said


def luminance(colour: str) -> float:
    """Source: WCAG 2.2, relative luminance."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_words_and_marks_stand_out_from_their_ground_in_both_themes() -> None:
    css = files("tickstock_automation.quality").joinpath("report.css").read_text()
    themes = re.findall(r":root \{(.*?)\}", css, flags=re.S)
    assert len(themes) == 3
    for theme in themes[:2]:
        colours: dict[str, Any] = dict(re.findall(r"--([a-z]+): (#[0-9a-f]{6})", theme))
        for words in ("ink", "quiet", "good", "bad"):
            assert contrast(colours[words], colours["card"]) >= 4.5, words
            assert contrast(colours[words], colours["ground"]) >= 4.5, words
        for mark in ("line", "low", "medium", "high", "critical", "mark"):
            assert contrast(colours[mark], colours["card"]) >= 3, mark


def test_a_day_in_a_sentence() -> None:
    assert in_a_sentence(REPORT) == (
        "3 new findings (1 critical, 2 medium) in 4 symbols. 3 of 4 bars were there, 1 symbol lags behind."
        " 2 repaired, 1 changed by the vendor since the summary before."
    )
    assert in_a_sentence(EMPTY) == "0 new findings in 0 symbols."


def test_a_change_says_its_way_and_size() -> None:
    assert change_words("findings", Against(3, 5, None)) == "▼ 2 since yesterday"
    assert change_words("completeness", Against(1.0, 0.9889, None)) == "▲ 1.11 points since yesterday"
    assert change_words("open", Against(3, 3, None)) == "as yesterday"
    assert change_words("open", Against(3, None, None)) == "the first"


BAR = {"close": 10.0, "volume": 1000}
CHANGES = [
    (
        Repair("A", DAY, "price_outlier", "", {"close": 160.0, "volume": 5}, {"close": 16.0, "volume": 5}),
        "close 160 → 16",
    ),
    (Repair("A", DAY, "missing_session", "", None, BAR), "no bar → close 10, volume 1,000"),
    (Repair("A", DAY, "price_move", "", {}, BAR), "no bar → close 10, volume 1,000"),
    (Repair("A", DAY, None, "by hand", BAR, {}), "close 10, volume 1,000 → no bar"),
    (Repair("A", DAY, "price_move", "", None, BAR), "as it was: close 10, volume 1,000"),
    (Repair("A", DAY, "price_move", "", BAR, BAR), "as it was"),
    (Repair("A", DAY, "missing_session", "", None, None), "no bar"),
    (Repair("A", DAY, None, "repair", BAR, BAR | {"suspect": True}), "marked as suspect"),
    (Repair("A", DAY, None, "undo", BAR | {"suspect": True}, BAR), "no more marked as suspect"),
    (Repair("A", DAY, None, "reread", {"volume": None}, {"volume": 3}), "volume nothing → 3"),
]


@pytest.mark.parametrize(("repair", "said"), CHANGES)
def test_a_repair_says_what_was_and_is(repair: Repair, said: str) -> None:
    assert repair_words(repair) == said


def test_a_change_says_whose_it_is() -> None:
    reasons = ("repair", "by hand", "undo", "reread")
    assert [found_by(Repair("A", DAY, None, reason, BAR, BAR)) for reason in reasons] == [
        "a repair", "a person", "a repair undone", "the vendor's own correction",
    ]  # fmt: skip
    assert found_by(Repair("A", DAY, "price_move", "repair", BAR, BAR)) == "price_move"


def test_checks_are_held_against_the_sessions_before_also_where_they_found_nothing() -> None:
    [one, other] = check_lines([
        {"a": {"findings": 4, "by_severity": {"low": 4}}}, {}, {"a": {"findings": 1}, "b": {"findings": 2, "open": 3, "repaired": 1}},
    ])  # fmt: skip
    assert (one.check, one.today, one.findings, one.open, one.repaired) == ("b", Against(2, 0, 0.0), [0, 0, 2], 3, 1)
    assert (other.check, other.today, other.findings) == ("a", Against(1, 0, 2.0), [4, 0, 1])
    assert check_lines([{}]) == []


def test_ages_are_put_into_spans() -> None:
    lines = age_lines(
        [(0, "low", 1), (1, "low", 2), (2, "high", 3), (5, "low", 1), (20, "low", 1), (21, "low", 1), (None, "low", 5)]
    )
    assert [(one.age, dict(one.by_severity)) for one in lines] == [
        ("this session", {"low": 1}), ("1 session ago", {"low": 2}), ("2 to 5 sessions ago", {"low": 1, "high": 3}),
        ("6 to 20 sessions ago", {"low": 1}), ("over 20 sessions ago", {"low": 6}),
    ]  # fmt: skip
    assert age_lines([]) == []


def test_a_days_severities_are_those_of_its_checks() -> None:
    checks = {
        "a": {"by_severity": {"critical": 1}},
        "b": {"by_severity": {"low": 2, "critical": 1}},
        "c": {"findings": 1},
    }
    assert day_of(DAY, 1.0, {"findings": 5}, checks) == Day(DAY, 1.0, 5, {"low": 2, "critical": 2})


def test_the_nearest_days_are_one_on_each_side() -> None:
    known = [date(2024, 1, day) for day in (2, 3, 8)]
    assert nearest(date(2024, 1, 5), known) == [date(2024, 1, 3), date(2024, 1, 8)]
    assert nearest(date(2024, 1, 1), known) == [date(2024, 1, 2)]
    assert nearest(date(2024, 1, 9), known) == [date(2024, 1, 8)]
