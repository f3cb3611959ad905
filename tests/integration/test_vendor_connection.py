"""Keep-alive and compression: one connection serves many calls, and never one call's rest to the next."""

import gzip
import json
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
import urllib3

from tests.builders import KEY, Played, quiet_market
from tests.integration.test_vendor import DAY, Misbehaving, says
from tickstock_automation.errors import TickstockError
from tickstock_automation.vendor.meter import Ended, Endpoint, Meter, Outcome, Ticket
from tickstock_automation.vendor.polygon import PolygonVendor

GOOD = {"status": "OK", "resultsCount": 1, "results": [{"T": "A"}]}


class Kept(Misbehaving):
    """A server that keeps connections, and counts them."""

    def __init__(self) -> None:
        super().__init__()
        self.connections = 0
        self.server.RequestHandlerClass.protocol_version = "HTTP/1.1"  # type: ignore[attr-defined]
        process = self.server.process_request

        def counted(request: socket.socket, address: tuple[str, int]) -> None:
            self.connections += 1
            process(request, address)

        self.server.process_request = counted  # type: ignore[assignment, method-assign]


@pytest.fixture
def kept() -> Iterator[Kept]:
    server = Kept()
    server.answer = says(GOOD)
    yield server
    server.server.shutdown()
    server.server.server_close()


def test_one_connection_serves_many_calls_whatever_came_of_them(kept: Kept) -> None:
    vendor = kept.vendor()
    for status, body in ((200, GOOD), (404, {}), (500, {"x": "y" * 200_000}), (429, {}), (200, b"<html>"), (403, {})):
        kept.answer = says(body, status)
        for _ in range(3):
            with suppress(TickstockError):
                vendor.grouped_bars(DAY)
    kept.answer = says(GOOD)
    assert vendor.grouped_bars(DAY).rows == ({"T": "A"},)
    assert (len(kept.paths), kept.connections) == (19, 1)


def test_after_an_answer_was_cut_off_the_next_call_gets_its_own_answer(kept: Kept) -> None:
    def half(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Length", "1000000")
        request.end_headers()
        try:
            for _ in range(100):
                request.wfile.write(b"x" * 1000)
                request.wfile.flush()
                request.connection.settimeout(0.05)
                try:
                    if not request.connection.recv(1):
                        return
                except TimeoutError:
                    pass
        except OSError:
            pass

    vendor = kept.vendor(timeout_s=0.3)
    vendor.grouped_bars(DAY)
    kept.answer = half
    with pytest.raises(TickstockError):
        vendor.grouped_bars(DAY)
    kept.answer = says(GOOD)
    for _ in range(5):
        assert vendor.grouped_bars(DAY).rows == ({"T": "A"},)
    assert kept.connections == 2


class Weighed(Meter):
    """Remembers what came over the wire."""

    def __init__(self) -> None:
        self.ended: list[Ended] = []

    def before(self, endpoint: Endpoint, longest_wait_s: float) -> Ticket:
        return Ticket(endpoint, DAY)

    def after(self, ticket: Ticket, ended: Ended) -> None:
        self.ended.append(ended)


def test_compressed_answers_are_asked_for_decoded_and_weighed_as_they_came(kept: Kept) -> None:
    rows = [{"T": f"T{number:05}", "c": 1.5} for number in range(5000)]
    raw = json.dumps({"resultsCount": len(rows), "results": rows}).encode()
    packed, asked = gzip.compress(raw), []

    def answer(request: BaseHTTPRequestHandler) -> None:
        asked.append(request.headers["Accept-Encoding"])
        says(packed, Content_Encoding="gzip")(request)

    kept.answer = answer
    meter = Weighed()
    vendor = PolygonVendor("key", f"http://127.0.0.1:{kept.server.server_port}", 2.0, meter)
    assert vendor.grouped_bars(DAY).rows == tuple(rows)
    assert asked == ["gzip"]
    [ended] = meter.ended
    assert (ended.outcome, ended.bytes) == (Outcome.ANSWERED, len(packed))


def test_the_replay_compresses_only_when_told_to(play: Callable[..., Played], tmp_path: Path) -> None:
    folder = quiet_market(tmp_path, [f"T{number}" for number in range(500)], DAY, DAY)
    answers = {}
    for compress in (False, True):
        played = play(folder, compress=compress)
        url = f"{played.base}/v2/aggs/grouped/locale/us/market/stocks/{DAY}"
        headers = {"Authorization": f"Bearer {KEY}", "Accept-Encoding": "gzip"}
        answer = urllib3.request("GET", url, headers=headers, decode_content=False)
        assert (answer.headers.get("Content-Encoding") == "gzip") is compress
        answers[compress] = played.vendor.grouped_bars(DAY).rows
    assert answers[False] == answers[True]
