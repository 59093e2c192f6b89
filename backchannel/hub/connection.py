"""A subscriber on a socket of its own: `websockets`' Sans-I/O protocol, and asyncio as a thin shell."""

import asyncio
import logging
import select
from asyncio import Protocol, Transport, WriteTransport
from http import HTTPStatus
from typing import cast
from urllib.parse import parse_qs, urlsplit

from websockets.frames import CloseCode, Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import CONNECTING, OPEN
from websockets.server import ServerProtocol

from backchannel.hub.door import FOREIGN, Door, bound_buffers, came_in_at, peer_of
from backchannel.hub.hub import Hub
from backchannel.web.sending import abort_unsent

MAX_MESSAGE = 4096
_SAYS_SOMETHING = frozenset({Opcode.TEXT, Opcode.BINARY, Opcode.CONT})
_LOG = logging.getLogger("backchannel.hub.socket")
_LOG.setLevel(logging.WARNING)  # the library tells every opening at INFO: ten thousand lines at a restart
_BAD_REQUEST = (
    b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Type: text/plain\r\n"
    b"Content-Length: 30\r\n\r\nThis is no websocket request.\n"
)


class Connection(Protocol):
    """Takes over the transport at the request head. It only listens: a client has nothing to say here."""

    __slots__ = ("_door", "_hub", "_key", "_transport", "_ws", "number", "send")

    def __init__(self, hub: Hub, door: Door) -> None:
        self.number = 0
        self._hub, self._door, self._key = hub, door, ""
        self._ws = ServerProtocol(max_size=MAX_MESSAGE, logger=_LOG)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(Transport, transport)
        self.send = self._transport.write
        bound_buffers(self._transport)

    def data_received(self, data: bytes) -> None:
        if self._ws.state is CONNECTING and (end := data.find(b"\r\n\r\n") + 4) > 3:
            # what comes within the same packet is read when the handshake is answered: else the library
            # answers a ping first
            self._take(data[:end])
            data = data[end:]
        if data:
            self._take(data)

    def _take(self, data: bytes) -> None:
        ws = self._ws
        ws.receive_data(data)
        for event in ws.events_received():
            if isinstance(event, Request):
                self._open(event)
            elif isinstance(event, Frame) and ws.state is OPEN and event.opcode in _SAYS_SOMETHING:
                ws.send_close(CloseCode.POLICY_VIOLATION, "this socket only tells")
        self._flush()

    def eof_received(self) -> None:
        self._ws.receive_eof()
        self._flush()

    def pause_writing(self) -> None:
        self._hub.pause(self)
        self._transport.pause_reading()  # or its pings would fill the buffer with our pongs

    def resume_writing(self) -> None:
        self._transport.resume_reading()
        if self._ws.state is OPEN:
            self._hub.resume(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._hub.leave(self)
        if self._key:
            self._door.leave(self._key)
            self._key = ""

    def is_behind(self) -> bool:
        return holds_bytes(self._transport)

    def is_ready(self) -> bool:
        return False  # resume_writing says so by itself

    def close(self) -> None:
        if self._ws.state is OPEN:
            self._ws.send_close(CloseCode.GOING_AWAY, "the server stops")
            self._flush()

    def abort(self) -> None:
        abort_unsent(self._transport)

    def _open(self, request: Request) -> None:
        headers, ws = request.headers, self._ws
        key = self._door.key(peer_of(self._transport), headers.raw_items())
        if not self._door.is_welcome(headers.get_all("Origin"), came_in_at(self._transport)):
            response = ws.reject(HTTPStatus.FORBIDDEN, f"{FOREIGN}\n")
        elif not self._door.enter(key):
            response = ws.reject(HTTPStatus.SERVICE_UNAVAILABLE, "Too many connections from your address.\n")
        else:
            self._key = key
            response = ws.accept(request)
        ws.send_response(response)
        self._flush()
        if ws.state is OPEN:
            self._hub.join(self, *parse_place(request.path))

    def _flush(self) -> None:
        ws, transport = self._ws, self._transport
        for data in (pending := ws.data_to_send()):
            if data:
                transport.write(data)
                continue
            if ws.state is CONNECTING and len(pending) == 1:
                transport.write(_BAD_REQUEST)  # the library hangs up without a word
            transport.close()
        if ws.state is not OPEN:
            self._hub.pause(self)


def parse_place(target: str) -> tuple[int, str]:
    """`after` and `epoch` of `/live?after=&epoch=`; 0 and empty where they are missing or make no sense."""
    try:
        query = parse_qs(urlsplit(target).query, max_num_fields=8)
    except ValueError:
        return 0, ""
    after, epoch = query.get("after", [""])[-1], query.get("epoch", [""])[-1]
    return (int(after) if after.isascii() and after.isdigit() and len(after) < 19 else 0), epoch


def holds_bytes(transport: WriteTransport) -> bool:
    """Tell whether something we wrote has not gone to the kernel.

    A TLS transport does not count what its socket's own transport holds; there a socket that takes
    nothing now is the sign.
    """
    if transport.get_write_buffer_size():
        return True
    sock = transport.get_extra_info("socket")
    if transport.get_extra_info("sslcontext") is None or sock is None or sock.fileno() < 0:
        return False
    poll = select.poll()
    poll.register(sock.fileno(), select.POLLOUT)
    return not poll.poll(0)
