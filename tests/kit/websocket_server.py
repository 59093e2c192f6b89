"""A fake websocket server on loopback, whose frames are JSON."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from tests.kit.sources import WAIT_S


class FakeWebsocket:
    """A server that answers as the test says: `answer(frame, say)` for each frame of a client."""

    def __init__(self, answer: Callable[["FakeWebsocket", list[Any]], Sequence[object]]) -> None:
        self.heard: list[list[Any]] = []
        self.sockets: set[ServerConnection] = set()
        self.url = ""
        self._answer = answer
        self._changed = asyncio.Condition()

    async def say(self, message: object) -> None:
        """Send to every client, as JSON unless it is text already."""
        for socket in self.sockets:
            await socket.send(message if isinstance(message, str) else json.dumps(message))

    async def until_heard(self, is_so: Callable[[list[Any]], object]) -> list[Any]:
        """Wait for a frame of a client; the first that fits."""
        async with asyncio.timeout(WAIT_S), self._changed:
            await self._changed.wait_for(lambda: any(map(is_so, self.heard)))
        return next(frame for frame in self.heard if is_so(frame))

    async def until_alone(self) -> None:
        """Wait until every client is gone."""
        async with asyncio.timeout(WAIT_S), self._changed:
            await self._changed.wait_for(lambda: not self.sockets)

    async def serve(self, socket: ServerConnection) -> None:
        self.sockets.add(socket)
        try:
            async for text in socket:
                frame = json.loads(text)
                for said in self._answer(self, frame):
                    await socket.send(said if isinstance(said, str) else json.dumps(said))
                async with self._changed:
                    self.heard.append(frame)
                    self._changed.notify_all()
        except ConnectionClosed:
            pass
        finally:
            async with self._changed:
                self.sockets.discard(socket)
                self._changed.notify_all()


@asynccontextmanager
async def fake_websocket(
    answer: Callable[[FakeWebsocket, list[Any]], Sequence[object]],
    *,
    first: Sequence[object] = (),
    document: object = None,
) -> AsyncIterator[FakeWebsocket]:
    """A server on a free port. `first` is said to whoever connects, `document` to who asks for NIP-11."""
    relay = FakeWebsocket(answer)

    async def begin(socket: ServerConnection) -> None:
        for said in first:
            await socket.send(json.dumps(said))
        await relay.serve(socket)

    def describe(connection: ServerConnection, request: Request) -> Response | None:
        if "nostr+json" not in request.headers.get("Accept", ""):
            return None
        return connection.respond(HTTPStatus.OK if document else HTTPStatus.NOT_FOUND, json.dumps(document))

    async with serve(begin, "127.0.0.1", 0, process_request=describe) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        relay.url = f"ws://127.0.0.1:{port}"
        yield relay
