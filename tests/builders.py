"""Small builders: a folder of bars, symbols in the database, a vendor played by the replay's own server."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from zlib import crc32

import polars as pl
import pytest
from sqlalchemy import Engine, text

from tickstock_automation.replay.folder import read_folder
from tickstock_automation.replay.market import Market, Now
from tickstock_automation.sessions import calendar
from tickstock_automation.vendor.polygon import PolygonVendor

KEY = "replay-key"


def bar(symbol: str, day: date, close: float = 10.0, volume: float = 1000.0) -> tuple[object, ...]:
    """One plausible bar."""
    return (symbol, day.isoformat(), close * 0.99, close * 1.02, close * 0.97, close, volume)


def lively(symbol: str, day: date, close: float = 10.0, volume: float = 1000.0) -> tuple[object, ...]:
    """A bar about there, of its own each day, that opens where the one before closed: a market in which no check finds anything."""

    def chance(place: int) -> float:
        return crc32(f"{symbol} {day} {place}".encode()) / 2**32

    def path(number: int) -> float:
        turn = crc32(symbol.encode()) % 100
        return close * (1 + 0.012 * math.sin(1.3 * number + turn) + 0.008 * math.sin(2.9 * number + 2 * turn))

    number = day.toordinal() // 7 * 5 + min(day.weekday(), 4)
    opens, closes = path(number - 1) * (1 + 0.002 * (chance(0) - 0.5)), path(number)
    high, low = max(opens, closes) * (1.001 + 0.006 * chance(1)), min(opens, closes) * (0.999 - 0.006 * chance(2))
    prices = [round(price, 4) for price in (opens, high, low, closes)]
    return (symbol, day.isoformat(), *prices, round(volume * (0.8 + 0.4 * chance(3))))


def write_bars(folder: Path, rows: Sequence[tuple[object, ...]]) -> Path:
    """A folder with these bars."""
    folder.mkdir(parents=True, exist_ok=True)
    columns = ["symbol", "date", "open", "high", "low", "close", "volume"]
    pl.DataFrame(rows, schema=columns, orient="row").write_csv(folder / "bars.csv")
    return folder


def quiet_market(folder: Path, symbols: Sequence[str], first: date, last: date) -> Path:
    """Every symbol trades every session at about the same price."""
    days = calendar().between(first, last)
    return write_bars(
        folder,
        [
            bar(symbol, day, 10 + at + 0.01 * number)
            for at, symbol in enumerate(symbols)
            for number, day in enumerate(days)
        ],
    )


@dataclass
class Played:
    """A replay that serves in a thread of this process, and the client on it."""

    market: Market
    vendor: PolygonVendor
    base: str

    def at(self, day: date, *, closed: bool) -> None:
        self.market.set_now(Now(day, closed))


@pytest.fixture
def play() -> Iterator[Callable[..., Played]]:
    """Serves a folder by the real replay server."""
    import asyncio

    from tornado.httpserver import HTTPServer
    from tornado.netutil import bind_sockets

    from tickstock_automation.replay.server import application

    stops: list[Callable[[], None]] = []

    def start(folder: Path, *, compress: bool = False) -> Played:
        market = Market(read_folder(folder))
        loop = asyncio.new_event_loop()
        ready = threading.Event()
        ports: list[int] = []
        server: list[HTTPServer] = []

        async def listen() -> None:
            server.append(HTTPServer(application(market, KEY, compress=compress)))
            sockets = bind_sockets(0, "127.0.0.1")
            server[0].add_sockets(sockets)
            ports.append(sockets[0].getsockname()[1])
            ready.set()

        def run() -> None:
            asyncio.set_event_loop(loop)
            loop.run_until_complete(listen())
            loop.run_forever()

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        assert ready.wait(10)

        async def shut() -> None:
            server[0].stop()
            await server[0].close_all_connections()

        def stop() -> None:
            asyncio.run_coroutine_threadsafe(shut(), loop).result(5)
            loop.call_soon_threadsafe(loop.stop)
            thread.join(5)
            loop.close()

        stops.append(stop)
        base = f"http://127.0.0.1:{ports[0]}"
        return Played(market, PolygonVendor(KEY, base, 5.0), base)

    yield start
    for stop in stops:
        stop()


def add_symbols(
    admin: Engine, tickers: Sequence[str], equity_type: str = "STOCK_EOD", **values: object
) -> dict[str, int]:
    """Symbols as a first scan leaves them; gives their ids."""
    ids = {}
    with admin.connect() as connection:
        for ticker in tickers:
            ids[ticker] = connection.execute(
                text(
                    "INSERT INTO symbols (ticker, name, type, equity_type, first_seen, bootstrap, active)"
                    " VALUES (:ticker, :ticker || ' Inc', 'CS', :type, '2024-01-02', true, :active) RETURNING id"
                ),
                {"ticker": ticker, "type": equity_type, "active": values.get("active", True)},
            ).scalar_one()
            connection.execute(
                text("INSERT INTO symbol_aliases (symbol_id, ticker) VALUES (:id, :ticker)"),
                {"id": ids[ticker], "ticker": ticker},
            )
    return ids
