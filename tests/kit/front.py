"""A whole server on a free port in front of a stand-in, and a client that reads when it is told to."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from aiohttp import ClientSession

from backchannel.bugs import Bugs
from backchannel.config import Config
from backchannel.gather import SourceHealth
from backchannel.hub.door import Capacity, Door
from backchannel.hub.fallback import is_own_page, live_handler
from backchannel.hub.gate import Port
from backchannel.hub.hub import Hub
from backchannel.search import Search
from backchannel.sequencer.desk import Desk, Outcome
from backchannel.web.card_cache import CardCache
from backchannel.web.client_address import parse_networks
from backchannel.web.pages import Pages
from backchannel.web.routes import build_app
from backchannel.web.services import Services
from tests.kit.clocks import ManualClock, turns, until
from tests.kit.stand_in import Stage, entry_of

TOKEN = "token-of-the-data-folder"


class NotingDesk(Desk):
    """Notes what is said; `answer` may be an exception to raise."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, str, str, str, bool]] = []
        self.ids: list[str] = []
        self.answer: Outcome | Exception = Outcome("done", saved=True)

    async def rule(
        self, verdict: str, subject: str, *, by: str, why: str = "", on: bool = True, ruling_id: str = ""
    ) -> Outcome:
        self.heard.append((verdict, subject, by, why, on))
        self.ids.append(ruling_id)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


class PlainSearch(Search):
    """Finds by looking at every word there is."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    async def find(self, words: str, limit: int, before: int | None = None) -> list[int]:
        found = []
        for key, item in self._stage.board.items.items():
            text = " ".join(
                part for part in self._stage.words[entry_of(item)].face.body if isinstance(part, str)
            )
            if words in text and (before is None or key < before):
                found.append(key)
        return sorted(found, reverse=True)[:limit]


class Front(NamedTuple):
    """A whole server on a free port."""

    stage: Stage
    hub: Hub
    port: Port
    clock: ManualClock
    desk: NotingDesk
    health: list[SourceHealth]
    bugs: Bugs
    folder: Path
    host: str
    number: int

    def url(self, path: str = "", scheme: str = "http") -> str:
        return f"{scheme}://127.0.0.1:{self.number}{path}"


CONFIG = Config.model_validate(
    {
        "event": {
            "name": "Conf",
            "hashtags": ["conf"],
            "timezone": "UTC",
            "start": "2026-11-24",
            "end": "2026-11-26",
        },
        "server": {"public_url": "https://wall.example"},
    }
)


@asynccontextmanager
async def serve(
    folder: Path,
    *,
    tls: ssl.SSLContext | None = None,
    trusted: Sequence[str] = (),
    per_address: int = 2000,
    size: Capacity = Capacity(),  # noqa: B008 -- it is frozen
    is_word: Callable[[bytes], bool] = lambda head: False,
    stage: Stage | None = None,
) -> AsyncIterator[Front]:
    stage, clock, desk = stage or Stage(), ManualClock(1_790_000_000.0, sleeps="held"), NotingDesk()
    health: list[SourceHealth] = []
    bugs = Bugs()
    networks = parse_networks(trusted)
    views = CardCache(stage, zone=UTC, own_tags=["conf"])
    hub = Hub(stage, views, clock)
    door = Door(trusted=networks, origins=[CONFIG.public_url], per_address=per_address, size=size)
    for name in ("static", "media"):
        (folder / name).mkdir(exist_ok=True)
    services = Services(
        sequencer=stage,
        desk=desk,
        search=PlainSearch(stage),
        views=views,
        pages=Pages(CONFIG),
        health=lambda: health,
        bugs=bugs,
        clock=clock,
        static=folder / "static",
        media=folder / "media",
        token=TOKEN,
        live=live_handler(hub, door),
        trusted=networks,
        is_own_page=partial(is_own_page, door),
    )
    async with Port(hub, door, build_app(services), clock, is_word) as port:
        host, number = await port.listen("127.0.0.1", 0, tls)
        running = asyncio.create_task(port.run())
        await turns(2)
        try:
            yield Front(stage, hub, port, clock, desk, health, bugs, folder, host, number)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


HANDSHAKE = (
    "GET /live?after={after}&epoch={epoch} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
    "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


class Raw:
    """A client that reads only when it is told to, over a socket that takes little."""

    def __init__(self, *, buffer: int = 0) -> None:
        self._sock = socket.socket()
        self._sock.setblocking(False)
        if buffer:
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        self.data = b""
        self.is_ended = False

    async def connect(
        self, served: Front, *, after: int = 0, epoch: str = "", is_used: bool = False
    ) -> "Raw":
        """Upgrade; with `is_used` on a connection that has had a request before, as some proxies do."""
        await self.open(served)
        if is_used:
            await self.write(b"GET /favicon.ico HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            await self.read_until(lambda: self.data.endswith(b"\r\n\r\n"))
            self.data = b""
        before = len(served.hub.clients)
        await self.write(HANDSHAKE.format(after=after, epoch=epoch).encode())
        await until(lambda: len(served.hub.clients) > before)
        return self

    async def open(self, served: Front) -> None:
        await asyncio.get_running_loop().sock_connect(self._sock, ("127.0.0.1", served.number))

    async def write(self, data: bytes) -> None:
        await asyncio.get_running_loop().sock_sendall(self._sock, data)

    async def read(self) -> None:
        """What has come, once; `is_ended` after a close or a reset."""
        try:
            got = await asyncio.wait_for(asyncio.get_running_loop().sock_recv(self._sock, 65536), 60.0)
        except ConnectionResetError:
            got = b""
        self.data += got
        self.is_ended = not got

    async def read_until(self, is_so: Callable[[], bool]) -> None:
        while not is_so() and not self.is_ended:
            await self.read()

    def messages(self) -> list[bytes]:
        """The whole text messages so far."""
        rest, found = self.data.partition(b"\r\n\r\n")[2], []
        while len(rest) >= 2:
            start = {126: 4, 127: 10}.get(rest[1], 2)
            size = int.from_bytes(rest[2:start]) if start > 2 else rest[1]
            if len(rest) < start + size:
                break
            if rest[0] == 0x81:
                found.append(rest[start : start + size])
            rest = rest[start + size :]
        return found

    def close(self) -> None:
        self._sock.close()


async def get_json(web: ClientSession, path: str, status: int = 200) -> dict[str, Any]:
    """The JSON at an address, which answers with this status."""
    async with web.get(path) as response:
        assert response.status == status, await response.text()
        data: dict[str, Any] = await response.json()
        return data


async def get_text(web: ClientSession, path: str, status: int = 200) -> str:
    """The text at an address, which answers with this status."""
    async with web.get(path) as response:
        assert response.status == status
        return await response.text()
