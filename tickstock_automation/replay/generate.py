"""A generated market: a folder of bars with listings, most of them IPOs, renames, a reuse, a swap, delistings, splits and planted faults.

The same seed and sessions give the same folder. What was planted stands in `truth.json`.
"""

from __future__ import annotations

import hashlib
import json
import math
import random
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from tickstock_automation.replay.folder import IPO_COLUMNS
from tickstock_automation.replay.generate_ipos import Debut, generate_ipos

KINDS = (("CS", 226), ("ETF", 40), ("ADRC", 12), ("PFD", 8), ("WARRANT", 6), ("ETN", 5), ("UNIT", 3))
EXCHANGES = {"CS": ("XNAS", "XNYS"), "ADRC": ("XNAS", "XNYS"), "ETF": ("ARCX", "BATS", "XNAS"), "ETN": ("ARCX",)}
SYLLABLES = ("al", "be", "cor", "da", "el", "fin", "gra", "hel", "in", "jo", "ka", "lum", "mer", "no", "or", "pra", "qui", "ro", "sol", "ta", "ur", "ve", "wyn", "xe", "yo", "za")  # fmt: skip
ENDINGS = {"CS": ("Corp", "Inc", "Holdings", "Technologies", "REIT", "Pharma", "Bancorp"), "ADRC": ("PLC ADR",), "ETF": ("Index ETF", "Sector ETF"), "ETN": ("Notes ETN",), "PFD": ("Preferred A",), "WARRANT": ("Warrants",), "UNIT": ("Units",)}  # fmt: skip
DAILY_NOISE = {"CS": 0.017, "ETF": 0.008, "ADRC": 0.016, "PFD": 0.004, "WARRANT": 0.035, "ETN": 0.02, "UNIT": 0.01}
TIMID = 0.11  # the largest move that is not planted: what is wild here is meant to be
WIDE_RANGE = 0.6


@dataclass
class Company:
    """One security: its bars by day, the ticker it has from which day on, its reference data."""

    number: int
    kind: str
    ticker: str
    name: str
    exchange: str
    bars: dict[date, list[float]] = field(default_factory=dict)
    renames: list[tuple[date, str]] = field(default_factory=list)
    old: bool = True

    @property
    def figi(self) -> str:
        digest = hashlib.sha256(f"figi {self.number}".encode()).hexdigest().upper()
        return f"BBG{digest[:9]}"

    def ticker_on(self, day: date) -> str:
        name = self.ticker
        for since, ticker in self.renames:
            if since <= day:
                name = ticker
        return name


def generate(path: Path, sessions: list[date], start: date, seed: int = 1) -> None:
    """Writes a folder for `sessions`; happenings begin with session `start`, faults also lie in the 60 sessions before."""
    made = _Market(sessions, sessions.index(start), random.Random(seed))  # noqa: S311 -- a market, not a secret
    made.build()
    path.mkdir(parents=True, exist_ok=True)
    _write(path, made, seed)


class _Market:
    def __init__(self, sessions: list[date], start: int, chance: random.Random) -> None:
        self.sessions = sessions
        self.start = start
        self.chance = chance
        self.companies: list[Company] = []
        self.splits: list[tuple[str, date, int, int]] = []
        self.truth: dict[str, list[dict[str, Any]]] = {"events": [], "faults": [], "moves": []}
        self._tickers: set[str] = set()
        self._busy: set[int] = set()

    def build(self) -> None:
        market = [max(-0.04, min(0.04, self.chance.gauss(0.0003, 0.008))) for _ in self.sessions]
        for kind, number in KINDS:
            for _ in range(number):
                self.companies.append(self._company(kind, 0, market))
        self._ipos(market)
        self._endings()
        self._renames()
        self._reuse(market)
        self._splits()
        self._moves()
        self._faults()

    def _company(self, kind: str, first: int, market: list[float], ticker: str | None = None) -> Company:
        chance = self.chance
        syllables = "".join(chance.choice(SYLLABLES) for _ in range(chance.choice((2, 2, 3))))
        name = f"{syllables.capitalize()} {chance.choice(ENDINGS[kind])}"
        company = Company(
            len(self.companies),
            kind,
            ticker or self._ticker(syllables),
            name,
            chance.choice(EXCHANGES.get(kind, ("XNYS",))),
        )
        company.old = first == 0
        price = math.exp(chance.gauss(3.6, 0.8)) if kind != "WARRANT" else math.exp(chance.gauss(0.5, 0.4))
        volume = math.exp(chance.gauss(13.5, 1.2))
        beta = {"CS": 1.0, "ETF": 0.9, "ADRC": 0.9}.get(kind, 0.3)
        for at in range(first, len(self.sessions)):
            move = beta * market[at] + chance.gauss(0, DAILY_NOISE[kind])
            move = max(-TIMID, min(TIMID, move))
            before, price = price, max(0.5, price * (1 + move))
            opened = before * (1 + move * chance.random() * 0.5)
            spread = price * DAILY_NOISE[kind] * WIDE_RANGE
            company.bars[self.sessions[at]] = [
                opened, max(opened, price) + chance.random() * spread, min(opened, price) - chance.random() * spread * 0.9,
                price, float(int(volume * math.exp(chance.gauss(0, 0.28)))),
            ]  # fmt: skip
        return company

    def _ticker(self, syllables: str) -> str:
        while True:
            letters = syllables.upper() + "".join(self.chance.choice("ABCDEFGHIKLMNOPRSTUVWXYZ") for _ in range(2))
            ticker = letters[0] + "".join(self.chance.sample(letters[1:], 3))
            if ticker not in self._tickers:
                self._tickers.add(ticker)
                return ticker

    def _at(self, offset: int) -> int | None:
        at = self.start + offset
        return at if 0 < at < len(self.sessions) - 2 else None

    def _pick(self, *kinds: str) -> Company:
        """Somebody to whom nothing else happens."""
        while True:
            company = self.chance.choice(self.companies)
            if company.number not in self._busy and company.kind in (kinds or ("CS",)) and company.old:
                self._busy.add(company.number)
                return company

    def _ipos(self, market: list[float]) -> None:
        for offset in (1, 3, 6, 8, 11, 15, 19, 24, 30, 37):
            at = self._at(offset)
            if at is not None:
                company = self._company("CS", at, market)
                self.companies.append(company)
                self._busy.add(company.number)
                self._tell("listing", company.ticker, self.sessions[at], figi=company.figi)

    def _endings(self) -> None:
        for offset in (1, 4, 12, 22, 33):
            at = self._at(offset)
            if at is not None:
                company = self._pick()
                company.bars = {day: bar for day, bar in company.bars.items() if day <= self.sessions[at]}
                self._tell("delisting", company.ticker, self.sessions[at + 1], figi=company.figi)

    def _renames(self) -> None:
        for offset in (2, 7, 14, 26):
            at = self._at(offset)
            if at is not None:
                company = self._pick()
                new = self._ticker("re" + company.name[:2].lower())
                company.renames.append((self.sessions[at], new))
                self._tell("rename", company.ticker, self.sessions[at], new=new, figi=company.figi)
        at = self._at(9)
        if at is not None:
            one, other = self._pick(), self._pick()
            one.renames.append((self.sessions[at], other.ticker))
            other.renames.append((self.sessions[at], one.ticker))
            self._tell("swap", one.ticker, self.sessions[at], new=other.ticker, figi=one.figi)

    def _reuse(self, market: list[float]) -> None:
        end, again = self._at(5), self._at(13)
        if end is not None and again is not None:
            former = self._pick()
            former.bars = {day: bar for day, bar in former.bars.items() if day <= self.sessions[end]}
            company = self._company("CS", again, market, ticker=former.ticker)
            self.companies.append(company)
            self._busy.add(company.number)
            self._tell("delisting", former.ticker, self.sessions[end + 1], figi=former.figi)
            self._tell("reuse", former.ticker, self.sessions[again], figi=company.figi)

    def _splits(self) -> None:
        for offset, (from_, to) in zip((-20, 1, 4, 10, 18), ((1, 2), (1, 3), (8, 1), (1, 10), (2, 3)), strict=True):
            at = self._at(offset)
            if at is not None:
                company = self._pick()
                self.splits.append((company.ticker, self.sessions[at], from_, to))
                self._tell("split", company.ticker, self.sessions[at], split_from=from_, split_to=to)

    def _moves(self) -> None:
        """Real days of news: a lasting step, on heavy volume."""
        for offset, size in ((-30, -0.34), (-12, 0.27), (0, -0.42), (3, 0.24), (9, -0.55), (17, 0.38)):
            at = self._at(offset)
            if at is None:
                continue
            company = self._pick("CS")
            for day in self.sessions[at:]:
                company.bars[day][:4] = [price * (1 + size) for price in company.bars[day][:4]]
            bar = company.bars[self.sessions[at]]
            bar[0] /= 1 + size * 0.2
            bar[1], bar[2], bar[4] = max(bar[:4]), min(bar[:4]), float(int(bar[4] * 9))
            self.truth["moves"].append({"ticker": company.ticker, "date": self.sessions[at].isoformat(), "move": size})

    def _faults(self) -> None:
        kinds = (
            "missing",
            "times_100",
            "high_below_low",
            "zero_volume",
            "volume_x50",
            "close_outside",
            "over_100",
            "zero_price",
        )
        for offset, kind in zip((-44, -37, -25, -18, -9, -5, -3, -2, 0, 0, 1, 2, 3, 4, 5, 6), kinds * 2, strict=True):
            at = self._at(offset)
            if at is None:
                continue
            company, day = self._pick("CS", "ETF"), self.sessions[at]
            bar = company.bars[day]
            if kind == "missing":
                del company.bars[day]
            elif kind == "times_100":
                bar[3], bar[1] = bar[3] * 100, bar[1] * 100
            elif kind == "over_100":
                bar[:4] = [price / 100 for price in bar[:4]]
            elif kind == "high_below_low":
                bar[1], bar[2] = bar[2] * 0.97, bar[1] * 1.03
            elif kind == "close_outside":
                bar[3] = bar[1] * 1.06
            elif kind == "zero_volume":
                bar[4] = 0.0
            elif kind == "volume_x50":
                bar[4] *= 50
            elif kind == "zero_price":
                bar[0] = bar[1] = bar[2] = 0.0
            self.truth["faults"].append({"ticker": company.ticker, "date": day.isoformat(), "fault": kind})

    def _tell(self, kind: str, ticker: str, day: date, **more: Any) -> None:
        self.truth["events"].append({"kind": kind, "ticker": ticker, "date": day.isoformat(), **more})


def _write(path: Path, made: _Market, seed: int) -> None:
    bars, tickers = [], []
    for company in made.companies:
        days = sorted(company.bars)
        names = [(company.ticker, days[0])] + [(ticker, since) for since, ticker in company.renames]
        for (ticker, since), following in zip(names, [*names[1:], None], strict=True):
            until = following[1] if following else None
            last = days[-1] < made.sessions[-1]
            delisted = until or (days[-1] + timedelta(days=1) if last else None)
            tickers.append((ticker, company.name, company.kind, company.exchange, company.figi, company.figi.replace("BBG", "BBS"), f"{1_000_000 + company.number:010d}", since.isoformat(), f"{delisted}T00:00:00Z" if delisted else None, float(int(company.bars[days[-1]][3] * 2e7)), "6798" if "REIT" in company.name else "3570"))  # fmt: skip
        for day in days:
            opened, high, low, close, volume = company.bars[day]
            bars.append((company.ticker_on(day), day.isoformat(), round(opened, 4), round(high, 4), round(low, 4), round(close, 4), volume))  # fmt: skip
    columns = ["symbol", "date", "open", "high", "low", "close", "volume"]
    pl.DataFrame(bars, schema=columns, orient="row").sort("symbol", "date").write_csv(path / "bars.csv")
    named = ["ticker", "name", "type", "primary_exchange", "composite_figi", "share_class_figi", "cik", "list_date", "delisted_utc", "market_cap", "sic_code"]  # fmt: skip
    pl.DataFrame(tickers, schema=named, orient="row", infer_schema_length=None).write_csv(path / "tickers.csv")
    pl.DataFrame(made.splits, schema=["ticker", "execution_date", "split_from", "split_to"], orient="row").with_columns(
        pl.col("execution_date").cast(pl.String)
    ).write_csv(path / "splits.csv")
    ipos = generate_ipos([_debut(one) for one in made.companies if not one.old], {row[0] for row in tickers}, seed)
    pl.DataFrame(ipos, schema=list(IPO_COLUMNS), infer_schema_length=None).write_csv(path / "ipos.csv")
    told = [
        {
            "ticker": row["ticker"],
            "date": row["listing_date"],
            "price": row["final_issue_price"],
            "status": row["ipo_status"],
        }
        for row in ipos
    ]
    (path / "truth.json").write_text(json.dumps({"seed": seed, **made.truth, "ipos": told}, indent=1))


def _debut(company: Company) -> Debut:
    day = min(company.bars)
    return Debut(company.ticker_on(day), company.name, company.exchange, day, company.bars[day][0])
