"""The vendor's client: the traps of polygon-api-client are closed. A broken answer is an error, never an empty list."""

import gzip
import json
import threading
import time
from collections.abc import Callable, Iterator
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.builders import KEY, Played, quiet_market
from tickstock_automation.errors import BadAnswer, VendorRefused, VendorUnavailable
from tickstock_automation.sessions import calendar
from tickstock_automation.vendor.client import Listing
from tickstock_automation.vendor.polygon import PolygonVendor

DAY = date(2024, 1, 10)
Answer = Callable[[BaseHTTPRequestHandler], None]


class Misbehaving:
    """An HTTP server that answers as it is told, and remembers what it was asked."""

    def __init__(self) -> None:
        self.answer: Answer = lambda request: None
        self.paths: list[str] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.paths.append(self.path)
                outer.answer(self)

            def log_message(self, *_arguments: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def vendor(self, timeout_s: float = 2.0) -> PolygonVendor:
        return PolygonVendor("key-of-ours", f"http://127.0.0.1:{self.server.server_port}", timeout_s)


@pytest.fixture
def bad() -> Iterator[Misbehaving]:
    server = Misbehaving()
    yield server
    server.server.shutdown()
    server.server.server_close()


def says(body: bytes | dict[str, Any], status: int = 200, **headers: str) -> Answer:
    raw = json.dumps(body).encode() if isinstance(body, dict) else body

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        for name, value in headers.items():
            request.send_header(name.replace("_", "-"), value)
        request.send_header("Content-Length", str(len(raw)))
        request.end_headers()
        request.wfile.write(raw)

    return answer


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>busy</html>", b'{"results": [', b"[]", b'"ok"', b'{"status": "OK"}', b'{"results": {}}', b'{"results": [1]}',
     b'{"results": [{"ticker": "A"}], "count": 2}'],
)  # fmt: skip
def test_a_broken_body_is_an_error_and_no_empty_list(bad: Misbehaving, body: bytes) -> None:
    bad.answer = says(body)
    with pytest.raises(BadAnswer):
        bad.vendor().listings(DAY)
    assert len(bad.paths) == 1, "a call is one request"


def test_no_bars_is_an_empty_answer_only_where_the_vendor_counts_none(bad: Misbehaving) -> None:
    bad.answer = says({"status": "OK", "resultsCount": 0, "queryCount": 0})
    assert bad.vendor().grouped_bars(DAY).rows == ()
    bad.answer = says({"status": "OK", "resultsCount": 5})
    with pytest.raises(BadAnswer):
        bad.vendor().grouped_bars(DAY)


def test_delayed_data_are_good_data(bad: Misbehaving) -> None:
    bad.answer = says({"status": "DELAYED", "resultsCount": 1, "results": [{"T": "A"}]})
    assert len(bad.vendor().grouped_bars(DAY).rows) == 1


def test_a_silent_server_is_given_up_in_time(bad: Misbehaving) -> None:
    release = threading.Event()
    bad.answer = lambda _request: bool(release.wait(20))  # type: ignore[assignment, return-value]
    started = time.monotonic()
    with pytest.raises(VendorUnavailable):
        bad.vendor(timeout_s=0.5).grouped_bars(DAY)
    assert time.monotonic() - started < 10
    release.set()


def test_a_server_that_drips_is_cut_off(bad: Misbehaving) -> None:
    def drip(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Length", "100000")
        request.end_headers()
        try:
            for _ in range(200):
                request.wfile.write(b"x" * 100)
                request.wfile.flush()
                time.sleep(0.1)
        except OSError:
            pass

    bad.answer = drip
    started = time.monotonic()
    with pytest.raises(VendorUnavailable):
        bad.vendor(timeout_s=0.5).grouped_bars(DAY)
    assert time.monotonic() - started < 10


def test_a_cut_off_body_is_unavailable(bad: Misbehaving) -> None:
    def cut(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Length", "1000")
        request.end_headers()
        request.wfile.write(b'{"results": [')
        request.close_connection = True

    bad.answer = cut
    with pytest.raises(VendorUnavailable):
        bad.vendor().grouped_bars(DAY)


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_stops_and_says_what_to_do_without_showing_it(bad: Misbehaving, status: int) -> None:
    bad.answer = says({"status": "ERROR", "error": "no"}, status)
    with pytest.raises(VendorRefused, match="check POLYGON_API_KEY") as error:
        bad.vendor().grouped_bars(DAY)
    assert "key-of-ours" not in str(error.value)
    assert len(bad.paths) == 1


@pytest.mark.parametrize(
    ("status", "header", "wait"), [(429, "17", 17.0), (429, None, None), (500, None, None), (503, None, None)]
)
def test_trouble_is_not_retried_behind_the_rate_limits_back(
    bad: Misbehaving, status: int, header: str | None, wait: float | None
) -> None:
    bad.answer = says(b"busy", status, **({"Retry_After": header} if header else {}))
    with pytest.raises(VendorUnavailable) as error:
        bad.vendor().grouped_bars(DAY)
    assert error.value.after_s == wait
    assert len(bad.paths) == 1


def test_a_next_url_that_loops_is_found(bad: Misbehaving) -> None:
    def loop(request: BaseHTTPRequestHandler) -> None:
        following = f"http://{request.headers['Host']}/v3/reference/tickers?cursor=again"
        says({"results": [{"ticker": "A"}], "count": 1, "next_url": following})(request)

    bad.answer = loop
    with pytest.raises(BadAnswer, match="repeat"):
        bad.vendor().listings(DAY)
    assert len(bad.paths) <= 3


def test_doubled_and_impossible_tickers_are_counted(bad: Misbehaving) -> None:
    names = ["A", "A", "B", "", "C\x00", "TWO WORDS", "X" * 40, None, 5, "BRK.B"]
    bad.answer = says({"results": [{"ticker": name} for name in names], "count": len(names)})
    answer = bad.vendor().listings(DAY)
    assert [one.ticker for one in answer.listings] == ["A", "B", "BRK.B"]
    assert (answer.repeated, answer.refused) == (1, 6)


def test_nan_in_one_row_does_not_spoil_the_others(bad: Misbehaving) -> None:
    bad.answer = says(b'{"resultsCount": 1, "results": [{"T": "A", "c": NaN}]}')
    assert bad.vendor().grouped_bars(DAY).rows == ({"T": "A", "c": None},)


def test_compressed_answers_are_read(bad: Misbehaving) -> None:
    bad.answer = says(gzip.compress(b'{"resultsCount": 0}'), Content_Encoding="gzip")
    assert bad.vendor().grouped_bars(DAY).rows == ()


def test_the_replay_speaks_what_the_client_calls(play: Callable[[Path], Played], tmp_path: Path) -> None:
    days = calendar().between(date(2024, 1, 2), date(2024, 1, 31))
    folder = quiet_market(tmp_path, [f"T{number:04}" for number in range(1203)], days[0], days[4])
    (folder / "splits.csv").write_text(f"ticker,execution_date,split_from,split_to\nT0000,{days[2]},1,2\n")
    played = play(folder)
    played.at(days[3], closed=True)
    vendor = played.vendor
    answer = vendor.listings(days[3])
    assert (len(answer.listings), answer.pages, answer.refused) == (1203, 2, 0)
    assert answer.listings[0] == Listing("T0000", "T0000", "CS")
    assert len(vendor.grouped_bars(days[3]).rows) == 1203
    assert vendor.grouped_bars(days[4]).rows == (), "that session has not closed yet"
    assert len(vendor.range_bars("T0007", days[0], days[4]).rows) == 4
    [split] = vendor.splits(days[0], days[4])
    assert (split.ticker, split.execution_date, split.split_to) == ("T0000", days[2], 2.0)
    assert vendor.calls == 6
    with pytest.raises(VendorRefused):
        PolygonVendor("wrong", played.base, 2.0).listings(days[3])
    assert KEY
