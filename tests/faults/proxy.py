"""The process between our services and the servers: TCP links that can be cut, refused, stalled and delayed.

`python -m tests.faults.proxy CONTROL_PORT NAME=PORT:TARGET ...`; obeys JSON lines on its control port, see `links.py`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import struct
import sys
from typing import Any

from tickstock_automation.local.ports import HOST

RESET = struct.pack("ii", 1, 0)  # linger for no time: closing sends RST
CHUNK = 65536


class Gate:
    """Lets bytes through, or holds them."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.open.set()

    def hold(self, held: bool) -> None:
        self.open.clear() if held else self.open.set()


class Link:
    """One listening port in front of one server, for one kind of client."""

    def __init__(self, name: str, port: int, target: int) -> None:
        self.name, self.port, self.target = name, port, target
        self.up, self.down = Gate(), Gate()
        self.delay_s = 0.0
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()

    async def listen(self) -> None:
        """Takes connections (again)."""
        while self._server is None:
            try:
                self._server = await asyncio.start_server(self._serve, HOST, self.port)
            except OSError:  # somebody's outgoing connection has our port for a moment
                await asyncio.sleep(0.05)

    async def refuse(self) -> None:
        """Takes no connections and cuts those there are."""
        if self._server is not None:
            self._server.close()
            self._server = None
        self.cut()

    def cut(self) -> None:
        """Resets all connections, on both sides."""
        for writer in list(self._open):
            with contextlib.suppress(OSError):
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            writer.transport.abort()

    async def _serve(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        self._open.add(to_client)
        try:
            server, to_server = await asyncio.open_connection(HOST, self.target)
        except OSError:
            self.cut_one(to_client)
            return
        self._open.add(to_server)
        await asyncio.gather(self._pump(client, to_server, self.up), self._pump(server, to_client, self.down))
        self._open -= {to_client, to_server}

    def cut_one(self, writer: asyncio.StreamWriter) -> None:
        self._open.discard(writer)
        writer.transport.abort()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, gate: Gate) -> None:
        """Bytes one way. What is held when its sender has gone still arrives, late, as on a real network."""
        with contextlib.suppress(OSError):
            while chunk := await reader.read(CHUNK):
                if self.delay_s:
                    await asyncio.sleep(self.delay_s)
                await gate.open.wait()
                writer.write(chunk)
                await writer.drain()
            await gate.open.wait()
        writer.close()


class Control:
    """Obeys the campaign: one JSON object a line, answered by `ok`."""

    def __init__(self, links: dict[str, Link]) -> None:
        self.links = links

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            order: dict[str, Any] = json.loads(line)
            for name in order["links"]:
                await self._obey(self.links[name], order)
            writer.write(b"ok\n")
            await writer.drain()

    async def _obey(self, link: Link, order: dict[str, Any]) -> None:
        match order["do"]:
            case "cut":
                link.cut()
            case "refuse":
                await link.refuse()
            case "stall":
                link.up.hold(order["up"])
                link.down.hold(order["down"])
            case "delay":
                link.delay_s = order["seconds"]
            case "heal":
                link.up.hold(False)
                link.down.hold(False)
                link.delay_s = 0.0
                await link.listen()
            case other:
                raise ValueError(f"no such order: {other}")


async def main(control_port: int, described: list[str]) -> None:
    """Runs until it is ended."""
    links = {}
    for one in described:
        name, _, ports = one.partition("=")
        port, target = (int(number) for number in ports.split(":"))
        links[name] = Link(name, port, target)
        await links[name].listen()
    control = await asyncio.start_server(Control(links).serve, HOST, control_port)
    await control.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2:]))
