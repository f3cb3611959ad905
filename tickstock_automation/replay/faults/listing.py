"""Faults of the listing, of the details and of the ticker events: what the vendor's identifiers are worth."""

from __future__ import annotations

from itertools import pairwise

from tickstock_automation.replay.faults.fault import Answer, Asked, DataFault, Row, Truth, one_in

LISTING = frozenset({Answer.LISTING})
REFERENCE = frozenset({Answer.LISTING, Answer.DETAILS})
EVENTS = frozenset({Answer.EVENTS})
KEPT_ON_FIRST_DAY = ("ticker", "market", "locale", "active", "currency_name", "primary_exchange")
GARBAGE = ("\x00HTLP^\x1e-$b", "", "TWO WORDS", "Ü", "X" * 60, None, 7)


def _without(row: Row, *names: str) -> Row:
    return {name: value for name, value in row.items() if name not in names}


def _missing_third(rows: list[Row], _asked: Asked, _truth: Truth) -> list[Row]:
    return [row for row in rows if not one_in(3, row["ticker"])]


def _missing_tenth(rows: list[Row], _asked: Asked, _truth: Truth) -> list[Row]:
    return [row for row in rows if not one_in(10, row["ticker"])]


def _garbage(rows: list[Row], _asked: Asked, _truth: Truth) -> list[Row]:
    return [*({"ticker": name, "market": "stocks", "active": True} for name in GARBAGE), *rows]


def _duplicates(rows: list[Row], _asked: Asked, _truth: Truth) -> list[Row]:
    return [one for row in rows for one in [row] * (2 if one_in(10, row["ticker"]) else 1)]


def _twice(rows: list[Row], _asked: Asked, _truth: Truth) -> list[Row]:
    found = []
    for row in rows:
        found.append(row)
        if one_in(10, row["ticker"]):
            when_issued = {"name": f"{row.get('name')} When Issued", "type": "RIGHT"}
            found.append(_without(row, "composite_figi", "share_class_figi") | when_issued)
    return found


def _shared_figi(rows: list[Row], _asked: Asked, _truth: Truth) -> list[Row]:
    found = rows[:1]
    for before, row in pairwise(rows):
        taken = one_in(10, before["ticker"]) and "composite_figi" in before
        found.append(row | {"composite_figi": before["composite_figi"]} if taken else row)
    return found


def _missing_ciks(rows: list[Row], _asked: Asked, _truth: Truth) -> list[Row]:
    return [_without(row, "cik") if one_in(30, row["ticker"]) else row for row in rows]


def _missing_figis(rows: list[Row], _asked: Asked, _truth: Truth) -> list[Row]:
    return [_without(row, "composite_figi", "share_class_figi") if one_in(10, row["ticker"]) else row for row in rows]


def _blank_exchange(rows: list[Row], _asked: Asked, _truth: Truth) -> list[Row]:
    return [row | {"primary_exchange": ""} if one_in(10, row["ticker"]) else row for row in rows]


def _bare_first_day(rows: list[Row], asked: Asked, truth: Truth) -> list[Row]:
    new = truth.listed_on(asked.day)
    return [
        {name: row[name] for name in KEPT_ON_FIRST_DAY if name in row} if row["ticker"] in new else row for row in rows
    ]


def _contradicting(rows: list[Row], _asked: Asked, truth: Truth) -> list[Row]:
    """Each change stands twice: the second names another company's ticker for the same day."""
    found = []
    for row in rows:
        other = truth.another(row["ticker_change"]["ticker"])
        found += [row, row | {"ticker_change": {"ticker": other}}]
    return found


def _late(rows: list[Row], asked: Asked, _truth: Truth) -> list[Row]:
    return [row for row in rows if row["date"] < asked.day.isoformat()]


LISTING_FAULTS = (
    DataFault(
        name="missing-third", what="A third of the active tickers is missing from the listing.",
        source="polygon-io/issues 176", answers=LISTING, act=_missing_third,
    ),
    DataFault(
        name="missing-tenth", what="A tenth of the active tickers is missing from the listing.",
        source="polygon-io/issues 176", answers=LISTING, act=_missing_tenth,
    ),
    DataFault(
        name="garbage-listing", what="Rows of the listing whose ticker is none: control characters, blanks, a number, nothing.",
        source="polygon-io/issues 3", answers=LISTING, act=_garbage,
    ),
    DataFault(
        name="duplicate-rows", what="One row of the listing in ten comes twice, both the same.",
        source="polygon-io: UST", answers=LISTING, act=_duplicates,
    ),
    DataFault(
        name="twice-listed", what="One ticker in ten has a second row, of another name and type and without a FIGI.",
        source="massive-com/client-python 637", answers=LISTING, act=_twice,
    ),
    DataFault(
        name="shared-figi", what="One FIGI in ten stands on the next ticker too.",
        source="polygon-io: ABD and ACCOw", answers=LISTING, act=_shared_figi,
    ),
    DataFault(
        name="missing-ciks", what="One ticker in thirty has no CIK.",
        source="polygon-io: 314 of 10,000 in November 2024", answers=REFERENCE, act=_missing_ciks,
    ),
    DataFault(
        name="missing-figis", what="One ticker in ten has no FIGI.",
        source="polygon-io: XP", answers=REFERENCE, act=_missing_figis,
    ),
    DataFault(
        name="blank-exchange", what="One ticker in ten has a blank primary exchange.",
        source="polygon-io/issues 207", answers=REFERENCE, act=_blank_exchange,
    ),
    DataFault(
        name="bare-first-day", what="What lists on the day has no name, type, FIGI nor CIK yet: they come a day later.",
        source="polygon-io/issues 185", answers=REFERENCE, act=_bare_first_day,
    ),
    DataFault(
        name="contradicting-events", what="Each ticker change stands twice, the second time to another company's ticker.",
        source="polygon-io/issues 240", answers=EVENTS, act=_contradicting,
    ),
    DataFault(
        name="late-events", what="The ticker changes of the day are not told yet.",
        source="polygon-io/issues 245", answers=EVENTS, act=_late,
    ),
)  # fmt: skip
