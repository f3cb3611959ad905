"""The replay of the vendor, slow and with a book of its calls: `python -m tests.campaigns.slow_vendor FOLDER PORT DELAY_S BOOK`.

Each call of the vendor's paths is written down (Unix time, path) when it arrives, and answered after the delay.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path
from typing import Any, TextIO

from tornado.httpserver import HTTPServer
from tornado.httputil import HTTPServerRequest
from tornado.routing import Router

from tickstock_automation.local.ports import HOST
from tickstock_automation.replay.folder import read_folder
from tickstock_automation.replay.market import Market
from tickstock_automation.replay.server import application


class Noting(Router):
    """Notes what is asked of an application before that answers."""

    def __init__(self, served: Router, book: TextIO) -> None:
        self.served, self.book = served, book

    def find_handler(self, request: HTTPServerRequest, **more: Any) -> Any:
        """The application's own handler."""
        if not (request.path or "").startswith("/replay/"):
            self.book.write(f"{time.time():.6f} {request.path}\n")
        return self.served.find_handler(request, **more)


def main() -> None:
    """Serves until it is ended."""
    folder, port, delay, book = Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), Path(sys.argv[4])
    market = Market(read_folder(folder))
    key = os.environ["POLYGON_API_KEY"]

    async def run() -> None:
        with book.open("a", buffering=1, encoding="utf-8") as written:
            served = application(market, key, count=lambda: time.sleep(delay))
            HTTPServer(Noting(served, written)).listen(port, HOST)
            sys.stdout.write("serving\n")
            sys.stdout.flush()
            await asyncio.Event().wait()

    asyncio.run(run())


if __name__ == "__main__":
    main()
