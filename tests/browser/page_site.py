"""A small server of pages with samples, for what needs no core: the markup, the look, the policy."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
from aiohttp import WSMsgType, web

from backchannel.board import Item
from backchannel.config import Config
from backchannel.model import Post
from backchannel.web.card_render import render_card
from backchannel.web.card_view import CardView
from backchannel.web.headers import CSP, WALL_CSP
from backchannel.web.pages import Pages, PageState
from tests.kit.http_server import listening

ROOT = Path(__file__).parents[2]
CONFIG = Config.model_validate(
    {
        "event": {
            "name": "Open Ideas 2026",
            "hashtags": ["openideas26"],
            "timezone": "Europe/Berlin",
            "start": "2026-11-24",
            "end": "2026-11-26",
            "place": "Main hall",
        },
        "wall": {"short_url": "openideas.example/j"},
    }
)
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c636060606000000005"
    "0001a5f645400000000049454e44ae426082"
)


def views(pairs: Sequence[tuple[Post, Item]]) -> list[CardView]:
    """The samples in their display form."""
    return [
        render_card(post, item, zone=CONFIG.event.zone, own_tags=CONFIG.event.hashtags)
        for post, item in pairs
    ]


class SamplePages:
    """Pages by path, the front end, pictures, and a stream that a test speaks on."""

    def __init__(self, pages: Mapping[str, str], qr: str) -> None:
        self.pages, self.qr = pages, qr
        self.url = ""
        self.history: list[CardView] = []
        self.seq = 0
        self.protocol = 1
        self.is_away = False
        self.sockets: list[web.WebSocketResponse] = []
        self._came = asyncio.Event()
        self.app = web.Application()
        self.app.add_routes(
            [
                web.get("/qr.svg", self._qr),
                web.get("/live", self._live),
                web.get("/api/v1/posts", self._posts),
                web.get("/media/{name}", self._picture),
                web.static("/static", ROOT / "static"),
                web.get("/sw.js", self._worker),
                web.get("/{name:.*}", self._page),
            ]
        )

    async def listened(self) -> None:
        """Until a page listens, and has its first frame."""
        await self._came.wait()

    async def say(self, frame: Mapping[str, object]) -> None:
        """One frame to every page that listens."""
        for socket in self.sockets:
            await socket.send_str(msgspec.json.encode(frame).decode())

    async def hang_up(self) -> None:
        """Close every stream."""
        for socket in [*self.sockets]:
            await socket.close()

    async def _page(self, request: web.Request) -> web.Response:
        text = self.pages.get(request.path)
        if text is None:
            raise web.HTTPNotFound
        headers = {"Content-Security-Policy": WALL_CSP if 'class="wall"' in text else CSP}
        return web.Response(text=text, content_type="text/html", headers=headers)

    async def _posts(self, request: web.Request) -> web.Response:
        limit, before = int(request.query["limit"]), int(request.query.get("before", "1000000"))
        older = [card for card in reversed(self.history) if card.order < before]
        found = older[:limit]
        answer = {
            "epoch": "e",
            "seq": self.seq,
            "posts": [{"card": card} for card in found],
            "next": str(found[-1].order) if len(older) > limit else None,
        }
        return web.Response(body=msgspec.json.encode(answer), content_type="application/json")

    async def _qr(self, _: web.Request) -> web.Response:
        return web.Response(text=self.qr, content_type="image/svg+xml")

    async def _worker(self, _: web.Request) -> web.FileResponse:
        return web.FileResponse(ROOT / "static" / "sw.js")

    async def _picture(self, _: web.Request) -> web.Response:
        return web.Response(body=PNG, content_type="image/png")

    async def _live(self, request: web.Request) -> web.WebSocketResponse:
        if self.is_away:
            raise web.HTTPServiceUnavailable
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        seq = int(request.query["after"])
        await socket.send_str(json.dumps({"protocol": self.protocol, "epoch": "e"}))
        await socket.send_str(json.dumps({"prev": seq, "seq": seq, "at": 1.0, "put": [], "gone": []}))
        self.sockets.append(socket)
        self._came.set()
        async for message in socket:
            if message.type is WSMsgType.ERROR:
                break
        self.sockets.remove(socket)
        if not self.sockets:
            self._came.clear()
        return socket


@asynccontextmanager
async def serving(pages: Mapping[str, str]) -> AsyncIterator[SamplePages]:
    """The site on a free port of loopback."""
    site = SamplePages(pages, Pages(CONFIG).qr)
    async with listening(site.app, closing_s=0.1) as site.url:
        yield site


def stand(seq: int, now: float) -> PageState:
    """Where the page stands, at a time of the samples."""
    return PageState("e", seq, now, 1.0)
