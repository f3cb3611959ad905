"""The HTTP side of the replay: the vendor's paths over a market, and the replay's own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application

from tickstock_automation.replay import paths
from tickstock_automation.replay.control import Clock, SwitchedFaults
from tickstock_automation.replay.market import Market

STOCKS_GROUPED = r"/v2/aggs/grouped/locale/us/market/stocks/(\d{4}-\d\d-\d\d)"
RANGE = r"/v2/aggs/ticker/([^/]+)/range/1/day/(\d{4}-\d\d-\d\d)/(\d{4}-\d\d-\d\d)"


def application(
    market: Market, api_key: str, count: Callable[[], None] = lambda: None, *, compress: bool = False
) -> Application:
    """The vendor's API over a market.

    `compress` answers where the caller takes it, as the vendor does: on one machine that costs far more than it saves.
    """
    shared = {"market": market, "api_key": api_key, "count": count}
    own = {**shared, "count": lambda: None}
    return Application(
        [
            (r"/v3/reference/tickers", paths.Tickers, shared),
            (r"/v3/reference/tickers/([^/]+)", paths.Details, shared),
            (r"/vX/reference/tickers/([^/]+)/events", paths.Events, shared),
            (r"/vX/reference/ipos", paths.Ipos, shared),
            (STOCKS_GROUPED, paths.Grouped, shared),
            (RANGE, paths.Range, shared),
            (r"/v3/reference/splits", paths.Splits, shared),
            (r"/v3/reference/dividends", paths.Dividends, shared),
            (r"/v1/marketstatus/now", paths.Status, shared),
            (r"/v1/marketstatus/upcoming", paths.Holidays, shared),
            (r"/replay/clock", Clock, own),
            (r"/replay/faults", SwitchedFaults, own),
        ],
        default_handler_class=paths.NotFound,
        default_handler_args=shared,
        compress_response=compress,
        log_function=lambda _handler: None,
    )


def serve(
    market: Market, api_key: str, host: str, port: int, on_ready: Callable[[int], None], *, compress: bool = False
) -> None:
    """Serves until the process is stopped; `on_ready` is told the port."""

    async def run() -> None:
        server = HTTPServer(application(market, api_key, compress=compress))
        sockets = bind_sockets(port, host)
        server.add_sockets(sockets)
        on_ready(sockets[0].getsockname()[1])
        await asyncio.Event().wait()

    asyncio.run(run())
