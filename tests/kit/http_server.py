"""A fake HTTP server on loopback: it answers as the test says, and keeps what it was asked."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from email.utils import formatdate
from typing import Any
from xml.sax.saxutils import escape

import pytest
from aiohttp import web

from backchannel.clock import Clock

Answer = Callable[[web.Request], web.StreamResponse | Awaitable[web.StreamResponse]]
PAGE = "<!DOCTYPE html><html><body>Sorry</body></html>"


def saying(body: Any = "", status: int = 200, *, type_: str = "", **headers: str) -> Answer:
    """An answer of text, or of anything else as JSON; `_` in a header's name is a hyphen."""
    text = body if isinstance(body, str) else json.dumps(body)
    kind = type_ or ("text/html" if text.startswith("<") else "application/json")
    said = {name.replace("_", "-"): value for name, value in headers.items()}

    def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(status=status, text=text, content_type=kind, headers=said)

    answer.__name__ = f"{status} {text[:12]}"  # what pytest calls it
    return answer


class FakeHttp:
    """Answers by the beginning of a path: `failing` before `answers`, the longest first; else with 404.

    A request for a path in `gates` waits until its event is set. `asked` has all requests, in order.
    """

    def __init__(self) -> None:
        self.base = self.host = ""
        self.answers: dict[str, Answer] = {}
        self.failing: dict[str, Answer] = {}
        self.gates: dict[str, asyncio.Event] = {}
        self.asked: list[web.Request] = []
        self._came = asyncio.Condition()

    def url(self, path: str = "/") -> str:
        return self.base + path

    def fail(self, path: str, answer: Answer) -> None:
        """Answer requests whose path begins so in another way."""
        self.failing[path] = answer

    def hang(self, path: str) -> None:
        """Answer no request for this path, before `gates[path]` is set or the test ends."""
        self.gates[path] = asyncio.Event()

    def paths(self) -> list[str]:
        return [request.path for request in self.asked]

    async def reached(self, path: str) -> None:
        """Wait until somebody asks for the path."""
        async with self._came:
            await self._came.wait_for(lambda: path in self.paths())

    async def respond(self, request: web.Request) -> web.StreamResponse:
        """What an honest server says; a fake of one network answers here like the real one."""
        return await self._first(self.answers, request) or web.Response(status=404)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        async with self._came:
            self.asked.append(request)
            self._came.notify_all()
        if gate := self.gates.get(request.path):
            await gate.wait()
        return await self._first(self.failing, request) or await self.respond(request)

    async def _first(self, answers: dict[str, Answer], request: web.Request) -> web.StreamResponse | None:
        fitting = [path for path in answers if request.path.startswith(path)]
        if not fitting:
            return None
        said = answers[max(fitting, key=len)](request)
        return said if isinstance(said, web.StreamResponse) else await said

    @asynccontextmanager
    async def listen(self, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[None]:
        """Listen on a free port of this machine, by every of its loopback addresses."""
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self.handle)
        async with listening(app, host="0.0.0.0", tls=tls) as self.base:
            self.host = self.base.rpartition("/")[2]
            try:
                yield
            finally:
                for gate in self.gates.values():
                    gate.set()


@pytest.fixture
async def http() -> AsyncIterator[FakeHttp]:
    made = FakeHttp()
    async with made.listen():
        yield made


class Blog(FakeHttp):
    """A feed over HTTP whose entries the test writes."""

    def __init__(self) -> None:
        super().__init__()
        self.entries: dict[str, str] = {}
        self._clock = Clock()

    @property
    def feed(self) -> str:
        return self.url("/feed.xml")

    def write(self, name: str, words: str) -> None:
        """A new entry, or an edit of an old one."""
        self.entries[name] = words

    def permalink(self, name: str) -> str:
        return f"https://blog.example/{name}"

    async def respond(self, _: web.Request) -> web.StreamResponse:
        at = formatdate(self._clock.now())
        items = "".join(
            f"<item><guid isPermaLink='false'>{name}</guid><link>{self.permalink(name)}</link>"
            f"<author>ada@blog.example (Ada)</author><category>conf</category><pubDate>{at}</pubDate>"
            f"<description>{escape(words)}</description></item>"
            for name, words in self.entries.items()
        )
        body = f"<rss version='2.0'><channel><title>Blog</title><link>https://blog.example</link>{items}</channel></rss>"
        return web.Response(text=body, content_type="application/rss+xml")


@asynccontextmanager
async def listening(
    app: web.Application,
    *,
    host: str = "127.0.0.1",
    tls: ssl.SSLContext | None = None,
    closing_s: float = 60.0,
) -> AsyncIterator[str]:
    """The application on a free port of this machine. Gives its address."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=closing_s)
    await runner.setup()
    await web.TCPSite(runner, host, 0, ssl_context=tls).start()
    try:
        yield f"{'https' if tls else 'http'}://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def blog() -> AsyncIterator[Blog]:
    """One on a free port of this machine."""
    made = Blog()
    async with made.listen():
        yield made
