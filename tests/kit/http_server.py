"""Fake HTTP servers."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.utils import formatdate
from xml.sax.saxutils import escape

from aiohttp import web

from backchannel.clock import Clock


class Blog:
    """A feed over HTTP whose entries the test writes. `asked` counts requests."""

    def __init__(self) -> None:
        self.entries: dict[str, str] = {}
        self.asked = 0
        self.url = ""
        self._clock = Clock()

    def write(self, name: str, words: str) -> None:
        """A new entry, or an edit of an old one."""
        self.entries[name] = words

    def permalink(self, name: str) -> str:
        return f"https://blog.example/{name}"

    async def serve(self, _: web.Request) -> web.Response:
        self.asked += 1
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
    app = web.Application()
    app.router.add_get("/feed.xml", made.serve)
    async with listening(app) as address:
        made.url = f"{address}/feed.xml"
        yield made
