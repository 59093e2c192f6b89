"""A wall that is loaded while the server is away shows its holding page, and goes on by itself."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from backchannel.model import Posted
from tests.browser.conftest import Complaints
from tests.browser.wire import Cable, cable
from tests.kit.posts import post
from tests.kit.program import config_text
from tests.kit.server import running

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

HELD = """async () => (await (await caches.open('holding')).keys()).map(({url}) => new URL(url).pathname)"""
TEXTS = """async () => {
  const cache = await caches.open('holding'), answers = (await cache.keys()).map((key) => cache.match(key));
  return (await Promise.all(answers.map(async (answer) => (await answer).text()))).join();
}"""
ANSWERED = "() => fetch('/static/icon.svg')"
"""What was asked for before has its answer, too."""
HASTE = """() => {
  const real = AbortSignal.timeout;
  AbortSignal.timeout = (ms) => real.call(AbortSignal, ms / 20);
}"""
IS_DRAWN = """() => getComputedStyle(document.getElementById('pause')).display !== 'none'
  && document.fonts.check('16px "Atkinson Hyperlegible Next"')
  && document.querySelector('.join .qr').naturalWidth > 0"""


async def open_wall(browser: Any, wire: Cable, search: str = "") -> Any:
    page = await (await browser.new_context(viewport={"width": 1920, "height": 1080})).new_page()
    await page.goto(f"http://127.0.0.1:{wire.port}/wall{search}")
    await page.wait_for_function("() => document.querySelector('bc-card')")
    await held(page)
    return page


async def held(page: Any) -> set[str]:
    """What the worker keeps, as soon as it is at work."""
    await page.wait_for_function("() => navigator.serviceWorker.controller?.state === 'activated'")
    return {*await page.evaluate(HELD)}


async def is_away(page: Any) -> None:
    await page.wait_for_function(IS_DRAWN)
    assert await page.evaluate("document.body.dataset.mode") == "pause"
    assert "One moment, please." in await page.inner_text("#pause")
    assert "#conf" in await page.inner_text(".join")
    assert "private words" not in await page.content()


async def is_back(page: Any) -> None:
    shown = "() => document.querySelector('#river bc-card, #quiet bc-card')"
    await page.wait_for_function(shown, timeout=60_000)
    assert "private words" in await page.inner_text("#page")


@asynccontextmanager
async def bad_gateway() -> AsyncIterator[int]:
    """A proxy without a server behind it."""

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 3\r\nConnection: close\r\n\r\nno!")
            await writer.drain()
        writer.close()

    async with await asyncio.start_server(refuse, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]


@asynccontextmanager
async def silence() -> AsyncIterator[int]:
    """A server that hears, and never answers."""

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            await reader.read()
        writer.close()

    async with await asyncio.start_server(listen, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]


@pytest.mark.parametrize("search", ["", "?theme=paper"])
async def test_a_wall_reloaded_while_the_server_is_away_holds_and_comes_back(
    browser: Any, tmp_path: Path, search: str
) -> None:
    async with running(tmp_path, config_text()) as (server, url), cable(urlsplit(url).port or 0) as wire:
        await server.sequencer.submit([Posted(post(text="private words"))])
        page = await open_wall(browser, wire, search)
        wire.cut()
        await page.reload()
        await is_away(page)
        assert await page.evaluate("document.documentElement.dataset.theme") == (search[7:] or "stage")
        wire.mend()
        await is_back(page)


@pytest.mark.parametrize("instead", [bad_gateway, silence])
async def test_a_proxy_without_a_server_and_silence_are_no_page_either(
    chromium: Any, tmp_path: Path, instead: Callable[[], AbstractAsyncContextManager[int]]
) -> None:
    async with (
        running(tmp_path, config_text()) as (server, url),
        instead() as nobody,
        cable(urlsplit(url).port or 0) as wire,
    ):
        await server.sequencer.submit([Posted(post(text="private words"))])
        page = await open_wall(chromium, wire)
        await page.context.service_workers[0].evaluate(HASTE)
        wire.cut()
        there, wire.target = wire.target, nobody
        wire.mend()
        await page.reload()
        await is_away(page)
        wire.target = there
        await is_back(page)


async def test_what_is_held_is_the_way_in_and_never_a_post_or_a_picture(
    chromium: Any, tmp_path: Path
) -> None:
    async with running(tmp_path, config_text()) as (server, url), cable(urlsplit(url).port or 0) as wire:
        await server.sequencer.submit([Posted(post(text="private words"))])
        page = await open_wall(chromium, wire)
        kept = await held(page)
        asked = set[str]()
        other = await (await chromium.new_context()).new_page()
        other.on("request", lambda request: asked.add(urlsplit(request.url).path))
        await other.route("**/wall", lambda route: route.abort())  # it stays
        await other.goto(f"http://127.0.0.1:{wire.port}/wall/holding")
        await other.wait_for_load_state("networkidle")
        assert asked - kept <= {"/wall"}
        assert kept - asked <= {"/static/fonts/atkinson-latin-ext.woff2"}
        texts = await page.evaluate(TEXTS)
        assert "One moment, please." in texts
        assert "private words" not in texts


async def test_the_holding_page_itself_becomes_the_wall(chromium: Any, tmp_path: Path) -> None:
    async with running(tmp_path, config_text()) as (server, url):
        await server.sequencer.submit([Posted(post(text="private words"))])
        page = await chromium.new_page()
        await page.goto(f"{url}/wall/holding")
        await page.wait_for_url(f"{url}/wall")
        await is_back(page)


async def test_it_asks_calmly_while_the_wall_cannot_be_had(chromium: Any, tmp_path: Path) -> None:
    async with running(tmp_path, config_text()) as (_, url):
        page, asked = await chromium.new_page(), list[str]()

        async def refuse(route: Any) -> None:
            asked.append(route.request.method)
            await route.fulfill(status=503)

        await page.route("**/wall", refuse)
        await page.clock.install()
        await page.goto(f"{url}/wall/holding")
        for _ in range(60):
            await page.clock.run_for(100)
            await page.evaluate(ANSWERED)
        assert 1 <= len(asked) <= 12, "in six seconds"
        assert {*asked} == {"HEAD"}
        assert await page.inner_text("h1") == "One moment, please."
        await page.unroute("**/wall")
        await page.clock.fast_forward(8_000)
        await page.wait_for_url(f"{url}/wall")


async def test_a_browser_whose_storage_is_broken_still_has_the_wall(chromium: Any, tmp_path: Path) -> None:
    async with running(tmp_path, config_text()) as (server, url):
        await server.sequencer.submit([Posted(post(text="private words"))])
        page = await (await chromium.new_context()).new_page()
        await page.goto(f"{url}/wall")
        await held(page)
        worker = page.context.service_workers[0]
        await worker.evaluate(
            "() => { CacheStorage.prototype.match = CacheStorage.prototype.open ="
            " () => Promise.reject(new Error('broken')); }"
        )
        await page.reload()
        await is_back(page)


async def test_the_worker_breaks_no_policy_and_asks_nobody_else(chromium: Any, tmp_path: Path) -> None:
    async with running(tmp_path, config_text()) as (server, url):
        await server.sequencer.submit([Posted(post())])
        page = await (await chromium.new_context()).new_page()
        complaints = Complaints(page)
        await page.goto(f"{url}/wall")
        await held(page)
        await page.reload()
        await page.wait_for_function("() => navigator.serviceWorker.controller")
        assert complaints.errors == []
        assert complaints.origins <= {url, url.replace("http", "ws")}
