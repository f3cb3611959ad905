"""An IPO as the vendor tells it on a day: it knows no price before the listing day, and calls it `new` for ten days."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Any

NEW_FOR = timedelta(days=10)


class IpoStatus(StrEnum):
    """The vendor's words for where an IPO stands."""

    RUMOR = "rumor"
    PENDING = "pending"
    DIRECT_LISTING = "direct_listing_process"
    NEW = "new"
    HISTORY = "history"
    POSTPONED = "postponed"
    WITHDRAWN = "withdrawn"


STAYS_OUT = (IpoStatus.RUMOR, IpoStatus.POSTPONED, IpoStatus.WITHDRAWN)
LISTED = (IpoStatus.NEW, IpoStatus.HISTORY)


@dataclass(frozen=True)
class Ipo:
    """One row of `ipos.csv`: how it ends. Prices are those of one share, in `currency_code`."""

    ticker: str
    ipo_status: IpoStatus
    issuer_name: str | None = None
    announced_date: date | None = None
    listing_date: date | None = None
    final_issue_price: float | None = None
    lowest_offer_price: float | None = None
    highest_offer_price: float | None = None
    currency_code: str | None = None
    primary_exchange: str | None = None

    def told_on(self, day: date) -> dict[str, Any] | None:
        """The vendor's row of it on a day; None before it is announced."""
        if self.announced_date is not None and day < self.announced_date:
            return None
        status = self._status_on(day)
        row = {name: value for name, value in asdict(self).items() if value is not None} | {"ipo_status": status.value}
        if status not in LISTED:
            row.pop("final_issue_price", None)
        return {name: value.isoformat() if isinstance(value, date) else value for name, value in row.items()}

    def _status_on(self, day: date) -> IpoStatus:
        if self.ipo_status in STAYS_OUT or self.listing_date is None:
            return self.ipo_status
        if day < self.listing_date:
            return IpoStatus.PENDING if self.ipo_status in LISTED else self.ipo_status
        return IpoStatus.NEW if day <= self.listing_date + NEW_FOR else IpoStatus.HISTORY
