"""The vendor's paths, as polygon-api-client calls them."""

from __future__ import annotations

from typing import Any

from tornado.web import HTTPError

from tickstock_automation.replay.faults.fault import Answer, Asked, DataFault, Row, ShapeFault
from tickstock_automation.replay.handler import VendorHandler, encoded


def _of_bars(rows: list[Row], **about: Any) -> Row:
    """The vendor leaves `results` out where there are none."""
    counted = {"queryCount": len(rows), "resultsCount": len(rows)}
    return about | counted | ({"results": rows, "count": len(rows)} if rows else {})


class Tickers(VendorHandler):
    kind = Answer.LISTING

    def body(self, asked: Asked) -> Row:
        active = self.get_argument("active", "true") == "true"
        page = self.page(self.market.tickers(self.date_of("date"), active=active, spoil=self.spoil(asked)), 100)
        return page | {"count": len(page["results"])}


class Details(VendorHandler):
    kind = Answer.DETAILS

    def question(self, *parts: str) -> Asked:
        return self.asked(ticker=parts[0])

    def body(self, asked: Asked) -> Row:
        found = self.market.details(asked.ticker, self.date_of("date"), spoil=self.spoil(asked))
        if found is None:
            raise HTTPError(404, reason="Ticker not found.")
        return {"results": found}


class Events(VendorHandler):
    kind = Answer.EVENTS

    def question(self, *parts: str) -> Asked:
        return self.asked(ticker=parts[0])

    def body(self, asked: Asked) -> Row:
        found = self.market.events(asked.ticker, spoil=self.spoil(asked))
        if found is None:
            raise HTTPError(404, reason="Ticker not found.")
        wanted = "ticker_change" in (self.get_argument("types", "") or "ticker_change").split(",")
        return {"results": found if wanted else found | {"events": []}}


class Ipos(VendorHandler):
    kind = Answer.IPOS

    def body(self, asked: Asked) -> Row:
        day = self.date_of("listing_date")
        rows = self.market.ipos(
            day or self.date_of("listing_date.gte"),
            day or self.date_of("listing_date.lte"),
            self.get_argument("ipo_status", None),
            self.get_argument("ticker", None),
        )
        return self.page(self.spoil(asked)(rows), 10)


class Grouped(VendorHandler):
    kind = Answer.GROUPED

    def question(self, *parts: str) -> Asked:
        day = self.parse_date(parts[0])
        return self.asked(first=day, last=day, adjusted=self.get_argument("adjusted", "true") == "true")

    def body(self, asked: Asked) -> Row:
        rows = self.spoil(asked)(self.market.grouped(asked.first, adjusted=asked.adjusted))
        return _of_bars(rows, adjusted=asked.adjusted)

    def written(self, asked: Asked) -> bytes:
        """Without a fault that wants to see the rows, they are written as they are: loads are measured against this server."""
        if any(isinstance(one.fault, DataFault | ShapeFault) for one in self.acting):
            return super().written(asked)
        number, rows = self.market.grouped_json(asked.first, adjusted=asked.adjusted)
        if not number:
            return super().written(asked)
        about = {"adjusted": asked.adjusted, "queryCount": number, "resultsCount": number, "count": number}
        return encoded(self.envelope() | about)[:-1] + b',"results":' + rows + b"}"


class Range(VendorHandler):
    kind = Answer.RANGE

    def question(self, *parts: str) -> Asked:
        ticker, first, last = parts[0], self.parse_date(parts[1]), self.parse_date(parts[2])
        adjusted = self.get_argument("adjusted", "true") == "true"
        return self.asked(ticker=ticker, first=first, last=last, adjusted=adjusted)

    def body(self, asked: Asked) -> Row:
        rows = self.market.range(asked.ticker, asked.first, asked.last, adjusted=asked.adjusted)
        return _of_bars(self.spoil(asked)(rows), ticker=asked.ticker, adjusted=asked.adjusted)


class Splits(VendorHandler):
    kind = Answer.SPLITS

    def body(self, asked: Asked) -> Row:
        day = self.date_of("execution_date")
        rows = self.market.splits(
            day or self.date_of("execution_date.gte"),
            day or self.date_of("execution_date.lte"),
            self.get_argument("ticker", None),
            spoil=self.spoil(asked),
        )
        return self.page(rows, 10)


class Dividends(VendorHandler):
    def body(self, asked: Asked) -> Row:
        day = self.date_of("ex_dividend_date")
        rows = self.market.dividends(
            day or self.date_of("ex_dividend_date.gte"),
            day or self.date_of("ex_dividend_date.lte"),
            self.get_argument("ticker", None),
        )
        return self.page(rows, 10)


class Status(VendorHandler):
    def body(self, asked: Asked) -> Row:
        now = self.market.now
        return {
            "market": "closed" if now.closed else "open",
            "serverTime": f"{now.day}T{'16:15' if now.closed else '09:30'}:00-05:00",
        }


class Holidays(VendorHandler):
    def body(self, asked: Asked) -> list[Row]:
        return self.market.holidays()


class NotFound(VendorHandler):
    def body(self, asked: Asked) -> Row:
        raise HTTPError(404, reason="Not found")
