"""Faults of an answer's shape: status 200 and JSON, but the wrong count, the wrong page, or nothing."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import parse_qsl, urlencode, urlsplit

from tickstock_automation.replay.faults.fault import BARS, LISTS, PAGED, Answer, Asked, Row, ShapeFault, Truth

AGAIN = "again"
COUNTS = ("count", "queryCount", "resultsCount")


def _with(url: str, **arguments: str) -> str:
    parts = urlsplit(url)
    return parts._replace(query=urlencode(dict(parse_qsl(parts.query)) | arguments)).geturl()


def _delayed(body: Row, _asked: Asked, _truth: Truth) -> Row:
    return body | {"status": "DELAYED"}


def _no_results(body: Row, _asked: Asked, _truth: Truth) -> Row:
    return {name: value for name, value in body.items() if name != "results"}


def _lying_count(body: Row, _asked: Asked, _truth: Truth) -> Row:
    return body | {name: body[name] + 7 for name in COUNTS if name in body}


def _empty(body: Row, _asked: Asked, _truth: Truth) -> Row:
    body.pop("next_url", None)
    return body | {"results": []} | {name: 0 for name in COUNTS if name in body}


def _repeated_page(body: Row, asked: Asked, _truth: Truth) -> Row:
    """The second time the page is the one it is, and leads on."""
    repeated = AGAIN in dict(parse_qsl(urlsplit(asked.url).query))
    return body if repeated else body | {"next_url": _with(asked.url, **{AGAIN: "1"})}


def _looping(body: Row, asked: Asked, _truth: Truth) -> Row:
    return body | {"next_url": asked.url}


def _other_date(body: Row, asked: Asked, _truth: Truth) -> Row:
    day = asked.day - timedelta(days=364)
    return body | {"next_url": _with(body.get("next_url", asked.url), date=day.isoformat())}


SHAPE_FAULTS = (
    ShapeFault(
        name="delayed", what="The status is DELAYED, the data are good.",
        source="polygon-io: plans without real time", answers=LISTS | {Answer.DETAILS, Answer.EVENTS}, requests=None,
        act=_delayed,
    ),
    ShapeFault(
        name="no-results", what="The answer has no `results`.",
        source="usual", answers=LISTS | {Answer.DETAILS, Answer.EVENTS}, act=_no_results,
    ),
    ShapeFault(
        name="lying-count", what="The answer counts seven rows more than it holds.",
        source="usual", answers=BARS | {Answer.LISTING}, act=_lying_count,
    ),
    ShapeFault(name="empty", what="An empty list, with status OK.", source="usual", answers=LISTS, act=_empty),
    ShapeFault(
        name="repeated-page", what="A page comes twice, one after the other.",
        source="usual", answers=PAGED, act=_repeated_page,
    ),
    ShapeFault(
        name="looping-next-url", what="`next_url` leads back to the page it stands on.",
        source="usual", answers=PAGED, act=_looping,
    ),
    ShapeFault(
        name="other-date-next-url", what="`next_url` leads to the listing of another date.",
        source="usual", answers=frozenset({Answer.LISTING}), act=_other_date,
    ),
)  # fmt: skip
