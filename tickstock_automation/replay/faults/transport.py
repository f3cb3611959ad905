"""Faults of the transport: no answer, half of one, or one that is none of the API's."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import struct
from collections.abc import Awaitable, Callable

from tornado.iostream import StreamClosedError
from tornado.web import RequestHandler

from tickstock_automation.replay.faults.fault import ANY, Answer, TransportFault

Act = Callable[[RequestHandler, Callable[[], bytes], asyncio.Event], Awaitable[None]]
RETRY_AFTER_S = 1
DRIP_S = 0.02
BUSY = "<html>\r\n<head><title>{0}</title></head>\r\n<body><center><h1>{0}</h1></center></body>\r\n</html>\r\n"


def _json(status: int, word: str, message: str, **headers: str) -> Act:
    async def act(handler: RequestHandler, _body: Callable[[], bytes], _left: asyncio.Event) -> None:
        handler.set_status(status)
        handler.set_header("Content-Type", "application/json")
        for name, value in headers.items():
            handler.set_header(name.replace("_", "-"), value)
        await handler.finish(json.dumps({"status": word, "error": message}))

    return act


def _html(status: int, title: str) -> Act:
    async def act(handler: RequestHandler, _body: Callable[[], bytes], _left: asyncio.Event) -> None:
        handler.set_status(status)
        handler.set_header("Content-Type", "text/html")
        await handler.finish(BUSY.format(title))

    return act


async def _truncated(handler: RequestHandler, body: Callable[[], bytes], _left: asyncio.Event) -> None:
    whole = body()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(whole)}\r\n\r\n"
    stream = handler.detach()
    with contextlib.suppress(StreamClosedError):  # the client left first
        await stream.write(head.encode() + whole[: len(whole) // 2])
    stream.close()


async def _reset(handler: RequestHandler, _body: Callable[[], bytes], _left: asyncio.Event) -> None:
    stream = handler.detach()
    # With nothing left to linger for, closing sends RST instead of FIN.
    stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    stream.close()


async def _silent(_handler: RequestHandler, _body: Callable[[], bytes], left: asyncio.Event) -> None:
    await left.wait()


async def _drip(handler: RequestHandler, body: Callable[[], bytes], left: asyncio.Event) -> None:
    whole = body()
    handler.set_header("Content-Type", "application/json")
    handler.set_header("Content-Encoding", "identity")  # compressed, the bytes would come together
    handler.set_header("Content-Length", len(whole))
    with contextlib.suppress(StreamClosedError):
        for at in range(len(whole)):
            handler.write(whole[at : at + 1])
            await handler.flush()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(left.wait(), DRIP_S)
            if left.is_set():
                return


_TOO_MANY = "You've exceeded the maximum requests per minute, please wait or upgrade your subscription."
_NOT_ENTITLED = "You are not entitled to this data. Please upgrade your plan."

TRANSPORT_FAULTS = (
    TransportFault(
        name="silent", what="The call never returns.",
        source="massive-com/client-python 532", answers=ANY, act=_silent,
    ),
    TransportFault(name="drip", what="The answer comes a byte at a time.", source="usual", answers=ANY, act=_drip),
    TransportFault(
        name="truncated", what="The answer ends in its middle.", source="usual", answers=ANY, act=_truncated
    ),
    TransportFault(name="reset", what="The connection is reset.", source="usual", answers=ANY, act=_reset),
    TransportFault(
        name="html", what="Status 200 with a page of HTML.", source="usual", answers=ANY, act=_html(200, "Be right back")
    ),
    TransportFault(
        name="401", what="The key is not known.", source="usual", answers=ANY,
        act=_json(401, "ERROR", "Unknown API Key"),
    ),
    TransportFault(
        name="403-ipos", what="The plan does not include the IPOs.", source="usual", answers=frozenset({Answer.IPOS}), requests=None,
        act=_json(403, "NOT_AUTHORIZED", _NOT_ENTITLED),
    ),
    TransportFault(
        name="429", what="Too many calls, without a word on how long to wait.", source="usual", answers=ANY,
        act=_json(429, "ERROR", _TOO_MANY),
    ),
    TransportFault(
        name="429-retry-after", what=f"Too many calls, with `Retry-After: {RETRY_AFTER_S}`.", source="usual", answers=ANY,
        act=_json(429, "ERROR", _TOO_MANY, Retry_After=str(RETRY_AFTER_S)),
    ),
    TransportFault(
        name="500", what="The vendor's server failed.", source="usual", answers=ANY,
        act=_json(500, "ERROR", "Internal Server Error"),
    ),
    TransportFault(
        name="502", what="The gateway in front of the vendor's server found nobody behind it.", source="usual", answers=ANY,
        act=_html(502, "502 Bad Gateway"),
    ),
)  # fmt: skip
