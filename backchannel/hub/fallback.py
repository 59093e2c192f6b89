"""`/live` inside aiohttp: for proxies that put an upgrade on a connection they have used before.

The same hub, the same bytes; it costs twice the memory of a `Connection`, so the gate takes all it can.
"""

import asyncio
from asyncio import Transport
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import cast

from aiohttp import WSCloseCode, web

from backchannel.hub.connection import MAX_MESSAGE, holds_bytes, parse_place
from backchannel.hub.door import BUFFER, FOREIGN, Door, bound_buffers, came_in_at, peer_of
from backchannel.hub.hub import Hub
from backchannel.web.sending import abort_unsent


class AiohttpSubscriber:
    """A subscriber whose socket belongs to aiohttp. Frames are written whole, between aiohttp's own."""

    def __init__(self, hub: Hub, ws: web.WebSocketResponse, transport: Transport) -> None:
        self.number = 0
        self._hub, self._ws, self._transport = hub, ws, transport
        self._goodbye: asyncio.Task[bool] | None = None
        bound_buffers(transport)

    def send(self, data: bytes, /) -> None:
        self._transport.write(data)
        if self._transport.get_write_buffer_size() > BUFFER:
            self._hub.pause(self)

    def is_behind(self) -> bool:
        return holds_bytes(self._transport)

    def is_ready(self) -> bool:
        return not self._ws.closed and self._transport.get_write_buffer_size() <= BUFFER // 4

    def close(self) -> None:
        self._hub.pause(self)
        self._goodbye = asyncio.ensure_future(self._ws.close(code=WSCloseCode.GOING_AWAY))

    def abort(self) -> None:
        abort_unsent(self._transport)


def live_handler(hub: Hub, door: Door) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """Return the route's handler."""

    async def live(request: web.Request) -> web.StreamResponse:
        ws = web.WebSocketResponse(compress=False, max_msg_size=MAX_MESSAGE)
        if not ws.can_prepare(request):
            return _refusal(HTTPStatus.UPGRADE_REQUIRED, "This address speaks websocket only.")
        if not is_own_page(door, request):
            return _refusal(HTTPStatus.FORBIDDEN, FOREIGN)
        transport = cast(Transport, request.transport)
        key = door.key(peer_of(transport), request.headers.items())
        if not door.enter(key):
            return _refusal(HTTPStatus.SERVICE_UNAVAILABLE, "Too many connections from your address.")
        try:
            await ws.prepare(request)
            await _listen(hub, AiohttpSubscriber(hub, ws, transport), ws, request.path_qs)
        finally:
            door.leave(key)
        return ws

    return live


def is_own_page(door: Door, request: web.Request) -> bool:
    """Tell whether a request comes from a page of ours, or from no page at all."""
    return door.is_welcome(request.headers.getall("Origin", []), came_in_at(request.transport))


async def _listen(hub: Hub, guest: AiohttpSubscriber, ws: web.WebSocketResponse, target: str) -> None:
    hub.join(guest, *parse_place(target))
    try:
        async for _ in ws:
            hub.pause(guest)
            await ws.close(code=WSCloseCode.POLICY_VIOLATION)
    finally:
        hub.leave(guest)


def _refusal(status: HTTPStatus, words: str) -> web.Response:
    headers = {"Upgrade": "websocket"} if status is HTTPStatus.UPGRADE_REQUIRED else None
    return web.Response(status=status, text=words + "\n", headers=headers)
