"""The one port. A gate reads the head of a connection's first request and says who speaks from there on.

An upgrade on `/live` goes to a `Connection`, all else to aiohttp. Nobody gets past the gate without a whole
head, in time and of bounded size.
"""

import asyncio
import re
import socket
import ssl
from asyncio import BaseTransport, Protocol, Transport
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import cast

import structlog
from aiohttp import web

from backchannel.clock import Clock
from backchannel.hub.connection import Connection
from backchannel.hub.door import PAGE_BUFFER, Door, bound_buffers
from backchannel.hub.hub import Hub
from backchannel.hub.listener import Listener
from backchannel.hub.lobby import Lobby
from backchannel.web.services import Handler

HEAD_S = 10.0
STALL_S = 60.0
"""As long an answer may lie here without anybody taking it: a page is far larger than a frame."""
MAX_HEAD = 16 * 1024
SWEEP_S = 1.0
KEEP_S, KEEP_TIGHT_S = 75.0, 5.0
"""How long a connection is kept between two requests; the second where places are scarce."""
RELIEF = 32
TOLD_S = 60.0
RETRY_AFTER_S = 5
CROWDED = "Too many connections, from your address or from all. Come back in a moment."

_END = b"\r\n\r\n"
_METHOD = re.compile(rb"[A-Z]{1,20}(?: |\Z)")
_UPGRADE = re.compile(rb"GET /live[ ?][^\r\n]*\r\n(?:[^\r\n]+\r\n)*?upgrade:[ \t]*websocket[ \t]*\r\n", re.I)


log_line = structlog.get_logger(__name__)


class Gate(Protocol):
    """Stands at one connection until its first head is whole; then it hands over, or passes on to aiohttp."""

    __slots__ = ("_head", "_inner", "_is_over", "_port", "_transport", "has_place", "key")

    def __init__(self, port: "Port", key: str) -> None:
        self.key = key
        self.has_place = self._is_over = False
        self._port = port
        self._head = b""
        self._inner: Protocol | None = None
        self._transport: Transport | None = None

    def connection_made(self, transport: BaseTransport) -> None:
        self._transport = cast(Transport, transport)
        if self._is_over:
            self.abort()  # it had to make room before it was open

    def data_received(self, data: bytes) -> None:
        if self._inner is not None:
            self._inner.data_received(data)
            return
        if self._is_over:
            return
        seen = max(0, len(self._head) - len(_END))
        self._head = (self._head + data).lstrip(b"\r\n")
        end = self._head.find(_END, seen)
        if not _METHOD.match(self._head) and self._head:
            self.refuse(HTTPStatus.BAD_REQUEST, "This is no HTTP request.")
        elif end > MAX_HEAD or (end < 0 and len(self._head) > MAX_HEAD):
            self.refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "The head of this request is too large.")
        elif end >= 0 and self._transport is not None:
            self._hand_over(self._transport)

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
        self._port.lobby.leave(self)
        self._port.stalled.pop(self, None)
        if self._inner:
            self._inner.connection_lost(exc)

    def refuse(self, status: HTTPStatus, words: str) -> None:
        """Answer in plain words, and close."""
        if (transport := self._transport) is not None:
            transport.write(render_refusal(status, words))
            self._close(transport)

    def make_room(self) -> None:
        """End it, between two requests or before the first."""
        self._is_over = True
        if self._transport is None:
            self._port.end_opening(self)
        else:
            self._close(self._transport)

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def give_up(self) -> None:
        """End it: its head does not come. A browser's spare one has sent nothing, and is told nothing."""
        if self._head:
            self.refuse(HTTPStatus.REQUEST_TIMEOUT, "The head of this request did not come in time.")
        else:
            self.make_room()

    def _close(self, transport: Transport) -> None:
        """Close it after the last bytes have gone out, as long as somebody reads them."""
        self._is_over = True
        self._port.lobby.leave(self)
        if transport.get_write_buffer_size():
            self._port.stalled.setdefault(self, self._port.clock.monotonic())
        transport.close()

    def _hand_over(self, transport: Transport) -> None:
        port, head = self._port, self._head
        self._head = b""
        if _UPGRADE.match(head):
            port.lobby.leave(self)  # a Connection counts itself, under the address that its head gives
            connection = Connection(port.hub, port.door)
            transport.set_protocol(connection)
            connection.connection_made(transport)
            connection.data_received(head)
            return
        is_word = port.is_word(head)
        if is_word:
            port.lobby.leave(self)
        if not is_word and not port.lobby.take_place(self):
            self.refuse(HTTPStatus.SERVICE_UNAVAILABLE, CROWDED)
        else:
            bound_buffers(transport, PAGE_BUFFER)
            self._inner = inner = port.make_http()
            inner.connection_made(transport)
            inner.data_received(head)


class Port:
    """Listens, and owns what comes in: `async with Port(...) as port`, beside `port.run()` in a task.

    `is_word`: whether a head is that of a moderator's word, which is heard however crowded it is.
    """

    def __init__(
        self,
        hub: Hub,
        door: Door,
        app: web.Application,
        clock: Clock,
        is_word: Callable[[bytes], bool] = lambda head: False,
    ) -> None:
        self.hub, self.door, self.clock, self.is_word = hub, door, clock, is_word
        self.lobby: Lobby[Gate] = Lobby(door, clock)
        self.stalled: dict[Gate, float] = {}
        self.make_http: Callable[[], Protocol] = Protocol
        app.middlewares.insert(0, self._attend)
        self._runner = web.AppRunner(app, access_log=None, keepalive_timeout=KEEP_S, shutdown_timeout=3.0)
        self._listener = Listener(self._take_in, self._exhausted)
        self._has_tls, self._told = False, (0, 0.0)
        self._closing = AsyncExitStack()

    async def __aenter__(self) -> "Port":
        await self._runner.setup()
        self._closing.push_async_callback(self._runner.cleanup)
        if server := self._runner.server:
            server.request_handler = partial(_answer, server.request_handler)
        self.make_http = cast(Callable[[], Protocol], self._runner.server)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def listen(self, host: str, port: int, tls: ssl.SSLContext | None = None) -> tuple[str, int]:
        """Open the door. Gives the address it stands at; port 0 takes a free one. OSError: it is taken."""
        self._has_tls = tls is not None
        return await self._listener.open(host, port, tls, HEAD_S)

    async def run(self) -> None:
        """Send the hub's heartbeats and end what keeps the gate waiting, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.hub.run())
            tasks.create_task(self._sweep())

    async def close(self) -> None:
        """Take nobody in any more, say goodbye, let answers under way end, and give the port back."""
        self._listener.close()
        for gate in list(self.lobby.fresh.all):
            gate.abort()
        await self.hub.close()
        await self._closing.aclose()

    def _take_in(self, sock: socket.socket, peer: str) -> Gate | None:
        door = self.door  # behind a proxy, only its websockets stand for one person each
        key = "" if door.is_proxy(peer) else door.key(peer, ())
        if self.lobby.is_hopeless(key) and not self._has_tls and self._refuse_at_once(sock):
            return None
        gate = Gate(self, key)
        self.lobby.enter(gate)
        return gate

    def _refuse_at_once(self, sock: socket.socket) -> bool:
        """Say no at a tenth of the price, where the head is here already. False: it has to be waited for."""
        try:
            head = sock.recv(MAX_HEAD, socket.MSG_PEEK)
        except OSError:
            return False
        if _END not in head or self.is_word(head):
            return False
        self.lobby.refused += 1
        with sock, suppress(OSError):
            sock.recv(MAX_HEAD)  # what is left unread would turn the goodbye into a reset
            sock.send(render_refusal(HTTPStatus.SERVICE_UNAVAILABLE, CROWDED))
        return True

    def end_opening(self, gate: Gate) -> None:
        """End a connection without waiting for its TLS handshake."""
        self._listener.end(gate)

    def _exhausted(self) -> None:
        log_line.warning("no descriptor is left for another connection", connections=self.door.open)
        self.lobby.relieve(RELIEF)

    @web.middleware
    async def _attend(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Between two requests a connection may be asked to make room. Under one, until all of its answer
        is written, it is not.
        """
        gate = request.transport.get_protocol() if request.transport else None
        if not isinstance(gate, Gate):
            return await handler(request)
        self.lobby.attend(gate)
        try:
            answer = await handler(request)
            if not gate.has_place:
                answer.force_close()  # a word is all that it was let in for
            if not isinstance(answer, web.WebSocketResponse):
                with suppress(ConnectionError):  # aiohttp finds out by itself
                    await answer.prepare(request)
                    await answer.write_eof()
            return answer
        finally:
            self.lobby.wait(gate)

    async def _sweep(self) -> None:
        while True:
            await self.clock.sleep(SWEEP_S)
            now = self.clock.monotonic()
            keep_s = KEEP_TIGHT_S if self.door.is_tight else KEEP_S
            for waiting, limit_s in ((self.lobby.fresh.all, HEAD_S), (self.lobby.idle.all, keep_s)):
                for gate, since in list(waiting.items()):
                    if now - since >= limit_s:
                        gate.give_up()
            for gate in [gate for gate, since in self.stalled.items() if now - since >= STALL_S]:
                gate.abort()
            self._listener.resume()
            self._tell_refused(now)

    def _tell_refused(self, now: float) -> None:
        count, at = self._told
        if self.lobby.refused > count and (not count or now - at >= TOLD_S):
            log_line.warning(
                "connections are refused: all places are taken, or all of one address",
                refused=self.lobby.refused - count,
                connections=self.door.open,
            )
            self._told = self.lobby.refused, now


async def _answer(handle: Handler, request: web.BaseRequest) -> web.StreamResponse:
    """Answer 400 where aiohttp by itself would repeat an odd `Expect` that it cannot encode."""
    try:
        return await handle(cast(web.Request, request))
    except UnicodeEncodeError:
        return web.Response(status=HTTPStatus.BAD_REQUEST, text="The head of a request is UTF-8.\n")


def render_refusal(status: HTTPStatus, words: str) -> bytes:
    """Return a whole answer in plain words, after which the connection is closed."""
    body = f"{words}\n".encode()
    later = f"Retry-After: {RETRY_AFTER_S}\r\n" if status is HTTPStatus.SERVICE_UNAVAILABLE else ""
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\n"
        f"Connection: close\r\nX-Content-Type-Options: nosniff\r\n{later}"
        f"Content-Type: text/plain; charset=utf-8\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def tls_context(cert: Path, key: Path) -> ssl.SSLContext:
    """Return the TLS settings that `server.tls` asks for. OSError or ssl.SSLError when the files cannot be
    used."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(cert, key)
    return context
