"""Reading a folder of bars: `bars.csv[.gz]`, and `tickers.csv`, `splits.csv`, `dividends.csv`, `ipos.csv` if there are any.

bars:    symbol,date,open,high,low,close,volume -- split-adjusted
tickers: ticker,name,type,primary_exchange,composite_figi,share_class_figi,cik,list_date,delisted_utc,market_cap,sic_code
         -- all but ticker optional; one ticker may stand twice, for two securities at different times
splits:  ticker,execution_date,split_from,split_to
dividends: ticker,ex_dividend_date,cash_amount,currency,dividend_type,pay_date -- the first three are needed; as paid, not adjusted
ipos:    ticker,ipo_status,issuer_name,announced_date,listing_date,final_issue_price,lowest_offer_price,highest_offer_price,
         currency_code,primary_exchange -- all but ticker and ipo_status optional; the status is the one it ends with
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl

from tickstock_automation.replay.ipos import Ipo, IpoStatus

BAR_COLUMNS = {
    "symbol": pl.String, "date": pl.Date, "open": pl.Float64, "high": pl.Float64, "low": pl.Float64,
    "close": pl.Float64, "volume": pl.Float64,
}  # fmt: skip
SPLIT_COLUMNS = {"ticker": pl.String, "execution_date": pl.Date, "split_from": pl.Float64, "split_to": pl.Float64}
DIVIDEND_COLUMNS = {
    "ticker": pl.String, "ex_dividend_date": pl.Date, "cash_amount": pl.Float64, "currency": pl.String,
    "dividend_type": pl.String, "pay_date": pl.Date,
}  # fmt: skip
TICKER_COLUMNS = {
    "ticker": pl.String, "name": pl.String, "type": pl.String, "primary_exchange": pl.String,
    "composite_figi": pl.String, "share_class_figi": pl.String, "cik": pl.String, "list_date": pl.Date,
    "delisted_utc": pl.String, "market_cap": pl.Float64, "sic_code": pl.String,
}  # fmt: skip
IPO_COLUMNS = {
    "ticker": pl.String, "ipo_status": pl.String, "issuer_name": pl.String, "announced_date": pl.Date, "listing_date": pl.Date,
    "final_issue_price": pl.Float64, "lowest_offer_price": pl.Float64, "highest_offer_price": pl.Float64,
    "currency_code": pl.String, "primary_exchange": pl.String,
}  # fmt: skip


class FolderError(ValueError):
    """The folder cannot be used; the message says which file and why."""


@dataclass(frozen=True)
class Listing:
    """One security under one ticker, and the first and last day it was listed under it (`last` None: still is)."""

    ticker: str
    first: date
    last: date | None
    name: str
    type: str
    primary_exchange: str | None
    composite_figi: str | None
    share_class_figi: str | None
    cik: str | None
    market_cap: float | None
    sic_code: str | None

    def on(self, day: date) -> bool:
        """Whether it is listed on this day."""
        return self.first <= day and (self.last is None or day <= self.last)


@dataclass(frozen=True)
class Folder:
    """What a folder holds. `bars` has BAR_COLUMNS, sorted by symbol and date; `splits` and `dividends` have theirs."""

    bars: pl.DataFrame
    splits: pl.DataFrame
    dividends: pl.DataFrame
    listings: tuple[Listing, ...]
    ipos: tuple[Ipo, ...]
    first_day: date
    last_day: date


def read_folder(path: Path) -> Folder:
    """Reads all of a folder; FolderError where a file is missing, unreadable, or has wrong columns."""
    if not path.is_dir():
        raise FolderError(f"{path} is not a folder: name one that holds bars.csv or bars.csv.gz")
    files = [path / name for name in ("bars.csv", "bars.csv.gz") if (path / name).is_file()]
    if not files:
        raise FolderError(f"{path} holds neither bars.csv nor bars.csv.gz")
    bars = _read(files[0], BAR_COLUMNS, required=set(BAR_COLUMNS)).sort("symbol", "date", maintain_order=True)
    if bars.is_empty():
        raise FolderError(f"{files[0]} holds no bars")
    splits = _read(path / "splits.csv", SPLIT_COLUMNS, required=set(SPLIT_COLUMNS), optional_file=True)
    dividends = _read(
        path / "dividends.csv", DIVIDEND_COLUMNS, required={"ticker", "ex_dividend_date", "cash_amount"}, optional_file=True
    )  # fmt: skip
    tickers = _read(path / "tickers.csv", TICKER_COLUMNS, required={"ticker"}, optional_file=True)
    ipos = _ipos(path / "ipos.csv")
    days = bars["date"]
    first_day, last_day = days.min(), days.max()
    assert isinstance(first_day, date)
    assert isinstance(last_day, date)
    return Folder(bars, splits, dividends, _listings(bars, tickers, last_day), ipos, first_day, last_day)


def _read(
    path: Path, columns: dict[str, type[pl.DataType]], *, required: set[str], optional_file: bool = False
) -> pl.DataFrame:
    if optional_file and not path.is_file():
        return pl.DataFrame(schema=columns)
    try:
        raw = pl.read_csv(path, infer_schema=False)
        lacking = sorted(required - set(raw.columns))
        if lacking:
            raise FolderError(
                f"{path} lacks the column{'s' * (len(lacking) > 1)} {', '.join(lacking)}; it has {', '.join(raw.columns)}"
            )
        return raw.select(
            _typed(name, kind) if name in raw.columns else pl.lit(None, dtype=kind).alias(name)
            for name, kind in columns.items()
        )
    except (OSError, pl.exceptions.PolarsError) as error:
        raise FolderError(f"{path} cannot be read: {str(error).strip().partition(chr(10))[0]}") from None


def _ipos(path: Path) -> tuple[Ipo, ...]:
    frame = _read(path, IPO_COLUMNS, required={"ticker", "ipo_status"}, optional_file=True)
    known = [status.value for status in IpoStatus]
    for ticker, status in frame.select("ticker", "ipo_status").iter_rows():
        if not ticker or status not in known:
            raise FolderError(f"{path}: the IPO of {ticker} has the status {status}; there are {', '.join(known)}")
    return tuple(Ipo(**row | {"ipo_status": IpoStatus(row["ipo_status"])}) for row in frame.iter_rows(named=True))


def _typed(name: str, kind: type[pl.DataType]) -> pl.Expr:
    return pl.col(name).str.to_date("%Y-%m-%d") if kind is pl.Date else pl.col(name).cast(kind)


def _listings(bars: pl.DataFrame, tickers: pl.DataFrame, last_day: date) -> tuple[Listing, ...]:
    """Bars decide the days: what has its first bar on D lists on D; what ends early delists after its last bar."""
    described = {row["ticker"]: [] for row in tickers.iter_rows(named=True)}  # type: dict[str, list[dict[str, object]]]
    for row in tickers.iter_rows(named=True):
        described[row["ticker"]].append(row)
    found: list[Listing] = []
    dates = bars.group_by("symbol", maintain_order=True).agg(pl.col("date"))
    for ticker, days in dates.iter_rows():
        rows = described.pop(ticker, None) or [{}]
        for row in rows:
            found.extend(_one(ticker, row, days, last_day, alone=len(rows) == 1))
    for ticker, rows in described.items():  # listed, but never traded
        found.extend(_make(ticker, row, row["list_date"], _delisted(row)) for row in rows if row["list_date"])  # type: ignore[arg-type]
    return tuple(sorted(found, key=lambda listing: (listing.ticker, listing.first)))


def _one(ticker: str, row: dict[str, object], days: list[date], last_day: date, *, alone: bool) -> list[Listing]:
    if not alone:
        first, last = row.get("list_date") or date.min, _delisted(row) or date.max
        days = [day for day in days if first <= day < last]  # type: ignore[operator]
    return [_make(ticker, row, days[0], days[-1] if days[-1] < last_day else None)] if days else []


def _delisted(row: dict[str, object]) -> date | None:
    value = row.get("delisted_utc")
    return date.fromisoformat(str(value)[:10]) if value else None


def _make(ticker: str, row: dict[str, object], first: date, last: date | None) -> Listing:
    def text(name: str) -> str | None:
        value = row.get(name)
        return str(value) if value is not None else None

    cap = row.get("market_cap")
    return Listing(
        ticker=ticker,
        first=first,
        last=last,
        name=text("name") or ticker,
        type=text("type") or "CS",
        primary_exchange=text("primary_exchange"),
        composite_figi=text("composite_figi"),
        share_class_figi=text("share_class_figi"),
        cik=text("cik"),
        market_cap=float(cap) if isinstance(cap, int | float) else None,
        sic_code=text("sic_code"),
    )
