"""The one port. A gate reads the head of a connection's first request and says who speaks from there on.

An upgrade on `/live` goes to a `Connection`, all else to aiohttp. Nobody gets past the gate without a whole
head, in time and of bounded size.
"""

import asyncio
import re
import ssl
from asyncio import BaseTransport, Protocol, Transport
from collections.abc import Callable
from contextlib import AsyncExitStack
from http import HTTPStatus
from pathlib import Path
from typing import cast

from aiohttp import web

from backchannel.clock import Clock
from backchannel.hub.connection import Connection
from backchannel.hub.door import Door, peer_of
from backchannel.hub.hub import Hub

HEAD_S = 10.0
STALL_S = 60.0
"""As long an answer may lie here without anybody taking it: a page is far larger than a frame."""
MAX_HEAD = 16 * 1024
SWEEP_S = 1.0
BACKLOG = 4096

_END = b"\r\n\r\n"
_METHOD = re.compile(rb"[A-Z]{1,20}(?: |\Z)")
_UPGRADE = re.compile(rb"GET /live[ ?][^\r\n]*\r\n(?:[^\r\n]+\r\n)*?upgrade:[ \t]*websocket[ \t]*\r\n", re.I)


class Gate(Protocol):
    """Stands at one connection until its first head is whole; then it hands over, or passes on to aiohttp."""

    __slots__ = ("_head", "_inner", "_key", "_port", "_transport")

    def __init__(self, port: "Port") -> None:
        self._port = port
        self._head = b""
        self._key = ""
        self._inner: Protocol | None = None

    def connection_made(self, transport: BaseTransport) -> None:
        self._transport = cast(Transport, transport)
        port, peer = self._port, peer_of(self._transport)
        port.waiting[self] = port.clock.monotonic()
        if not port.door.is_proxy(peer):  # behind a proxy, only its websockets stand for one person each
            key = port.door.key(peer, ())
            if not port.door.enter(key):
                self.refuse(HTTPStatus.SERVICE_UNAVAILABLE, "Too many connections from your address.")
                return
            self._key = key

    def data_received(self, data: bytes) -> None:
        if self._inner is not None:
            self._inner.data_received(data)
            return
        if self._transport.is_closing():
            return
        seen = max(0, len(self._head) - len(_END))
        self._head = (self._head + data).lstrip(b"\r\n")
        end = self._head.find(_END, seen)
        if not _METHOD.match(self._head) and self._head:
            self.refuse(HTTPStatus.BAD_REQUEST, "This is no HTTP request.")
        elif end > MAX_HEAD or (end < 0 and len(self._head) > MAX_HEAD):
            self.refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "The head of this request is too large.")
        elif end >= 0:
            self._hand_over()

    def eof_received(self) -> bool | None:
        return self._inner.eof_received() if self._inner else None

    def pause_writing(self) -> None:
        self._port.stalled[self] = self._port.clock.monotonic()
        if self._inner:
            self._inner.pause_writing()

    def resume_writing(self) -> None:
        self._port.stalled.pop(self, None)
        if self._inner:
            self._inner.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget()
        if self._inner:
            self._inner.connection_lost(exc)

    def refuse(self, status: HTTPStatus, words: str) -> None:
        """Answer in plain words, and close."""
        body = f"{words}\n".encode()
        head = (
            f"HTTP/1.1 {status.value} {status.phrase}\r\n"
            "Connection: close\r\nX-Content-Type-Options: nosniff\r\n"
            f"Content-Type: text/plain; charset=utf-8\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        self._transport.write(head.encode() + body)
        self._transport.close()

    def abort(self) -> None:
        self._transport.abort()

    def give_up(self) -> None:
        """The head does not come. Who has said nothing at all (a browser's spare one) is told nothing."""
        if self._head:
            self.refuse(HTTPStatus.REQUEST_TIMEOUT, "The head of this request did not come in time.")
        else:
            self.abort()

    def _hand_over(self) -> None:
        port, head = self._port, self._head
        self._head = b""
        if _UPGRADE.match(head):
            self._forget()  # a Connection counts itself, under the address that its head gives
            inner: Protocol = Connection(port.hub, port.door)
            self._transport.set_protocol(inner)
        else:
            port.waiting.pop(self, None)
            self._inner = inner = port.make_http()
        inner.connection_made(self._transport)
        inner.data_received(head)

    def _forget(self) -> None:
        self._port.waiting.pop(self, None)
        self._port.stalled.pop(self, None)
        if self._key:
            self._port.door.leave(self._key)
            self._key = ""


class Port:
    """Listens, and owns what comes in: `async with Port(...) as port`, beside `port.run()` in a task."""

    def __init__(self, hub: Hub, door: Door, app: web.Application, clock: Clock) -> None:
        self.hub, self.door, self.clock = hub, door, clock
        self.waiting: dict[Gate, float] = {}
        self.stalled: dict[Gate, float] = {}
        self.make_http: Callable[[], Protocol] = Protocol
        self._runner = web.AppRunner(app, access_log=None, keepalive_timeout=75.0, shutdown_timeout=3.0)
        self._server: asyncio.Server | None = None
        self._closing = AsyncExitStack()

    async def __aenter__(self) -> "Port":
        await self._runner.setup()
        self._closing.push_async_callback(self._runner.cleanup)
        self.make_http = cast(Callable[[], Protocol], self._runner.server)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def listen(self, host: str, port: int, tls: ssl.SSLContext | None = None) -> tuple[str, int]:
        """Open the door. Gives the address it stands at; port 0 takes a free one. OSError: it is taken."""
        handshake_s = HEAD_S if tls else None
        self._server = await asyncio.get_running_loop().create_server(
            lambda: Gate(self), host, port, backlog=BACKLOG, ssl=tls, ssl_handshake_timeout=handshake_s
        )
        name = self._server.sockets[0].getsockname()
        return str(name[0]), int(name[1])

    async def run(self) -> None:
        """The hub's beats and the gate's patience, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.hub.run())
            tasks.create_task(self._sweep())

    async def close(self) -> None:
        """Take nobody in any more, say goodbye, let answers under way end, and give the port back."""
        if self._server:
            self._server.close()
            self._server = None
        for gate in list(self.waiting):
            gate.abort()
        await self.hub.close()
        await self._closing.aclose()

    async def _sweep(self) -> None:
        while True:
            await self.clock.sleep(SWEEP_S)
            now = self.clock.monotonic()
            for gate in [gate for gate, since in self.waiting.items() if now - since >= HEAD_S]:
                self.waiting.pop(gate)
                gate.give_up()
            for gate in [gate for gate, since in self.stalled.items() if now - since >= STALL_S]:
                gate.abort()


def tls_context(cert: Path, key: Path) -> ssl.SSLContext:
    """What `server.tls` asks for. OSError or ssl.SSLError when the files cannot be used."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(cert, key)
    return context
