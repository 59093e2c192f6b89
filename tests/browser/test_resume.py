"""A page that lost its connection ends equal to one that never did: in real engines, over a cut cable."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from selenium.webdriver.common.by import By

from backchannel.app import Server
from backchannel.model import Posted
from tests.browser.wire import cable
from tests.kit.clocks import until
from tests.kit.posts import hide, post
from tests.kit.program import config_text
from tests.kit.server import running

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]
NOTE_FRAMES = """
globalThis.frames = [];
globalThis.sockets = 0;
const Real = WebSocket;
globalThis.WebSocket = class extends Real {
  constructor(...rest) {
    super(...rest);
    globalThis.sockets += 1;
    this.addEventListener('message', ({ data }) => {
      const said = JSON.parse(data);
      if ('prev' in said) setTimeout(() => globalThis.frames.push([said.prev, said.seq]));
    });
  }
};
"""
WALL_CARDS = """() => [...document.querySelectorAll('bc-card')].map((card) => [Number(card.dataset.key),
  card.outerHTML.replace(/ (class|style|hidden)="[^"]*"/g, '')]).sort((a, b) => a[0] - b[0])"""
DAYS = """return Array.from(document.querySelectorAll('bc-card'))
  .filter((card) => card.textContent.includes('words of today'))
  .map((card) => getComputedStyle(card.querySelector('.day')).display)"""
TAB_FEED = "() => document.getElementById('feed').innerHTML"


class Story:
    """What happens at the conference, straight into the sequencer."""

    def __init__(self) -> None:
        self.count, self.revision, self.noted = 0, 0, 0
        self.server: Server

    async def say(self, count: int) -> None:
        names = range(self.count, self.count + count)
        self.count += count
        await self.server.sequencer.submit(
            [Posted(post(f"p{n}", f"words of {n}", by=f"a{n}")) for n in names]
        )

    async def edit(self, number: int) -> None:
        self.revision += 1
        edited = post(f"p{number}", f"edited {self.revision}", by=f"a{number}", revision=self.revision)
        await self.server.sequencer.submit([Posted(edited)])

    async def flood(self, count: int) -> None:
        """One author's, most of which is folded; what stood for the line's name is edited away."""
        notes = range(self.noted, self.noted + count)
        self.noted += count
        await self.server.sequencer.submit(
            [Posted(post(f"f{n}", f"folded {n}", by="flora")) for n in notes]
            + [Posted(post("f0", f"folded again {self.noted}", by="flora", revision=self.noted))]
        )

    async def hide(self, number: int) -> None:
        await self.server.sequencer.take_down([hide(f"id:p{number}")])

    @property
    def seq(self) -> int:
        return self.server.sequencer.board.seq


def _port(url: str) -> int:
    return urlsplit(url).port or 80


async def until_at(page: Any, seq: int) -> None:
    await page.wait_for_function("(seq) => globalThis.frames.at(-1)?.[1] === seq", arg=seq, timeout=60_000)


async def read_all(page: Any) -> None:
    """A tab that was too far behind begins anew and offers its history again: take it all."""
    for _ in range(20):
        if await page.evaluate("document.getElementById('older').hidden"):
            return
        count = await page.evaluate("document.querySelectorAll('#feed bc-card').length")
        await page.evaluate("document.getElementById('older').click()")
        await page.wait_for_function(
            "(count) => document.querySelectorAll('#feed bc-card').length > count"
            " || document.getElementById('older').hidden",
            arg=count,
        )
    raise AssertionError("the history has no end")


async def compare(story: Story, stayed: Any, left: Any, look: str) -> None:
    for page in (stayed, left):
        await until_at(page, story.seq)
    one, two = await stayed.evaluate(look), await left.evaluate(look)
    assert one == two
    if look == TAB_FEED and story.noted > 6:
        assert f"{story.noted - 5}</span> more by" in one
    assert "words of" in str(one)


@pytest.mark.parametrize(("path", "look"), [("/wall", WALL_CARDS), ("/", TAB_FEED)], ids=["wall", "tab"])
async def test_a_page_that_was_away_equals_one_that_stayed(
    browser: Any, tmp_path: Path, path: Any, look: Any
) -> None:
    story = Story()
    async with AsyncExitStack() as stack:
        serving = await stack.enter_async_context(AsyncExitStack())
        two = await stack.enter_async_context(
            cable(0)
        )  # pages under another address than ours have to be named
        config = config_text(server=f", public_url: 'http://127.0.0.1:{two.port}'")
        story.server, url = await serving.enter_async_context(running(tmp_path, config))
        two.target = port = _port(url)
        await story.say(30)
        stayed, left = [await (await browser.new_context()).new_page() for _ in range(2)]
        for page, number in ((stayed, port), (left, two.port)):
            await page.add_init_script(NOTE_FRAMES)
            await page.goto(f"http://127.0.0.1:{number}{path}")
        await compare(story, stayed, left, look)

        async def changes(count: int) -> None:
            await story.say(count)
            await story.flood(count)
            await story.edit(3)
            await story.edit(story.count - 2)
            await story.hide(story.count - 1)
            await story.hide(5 + count)

        async def tries(count: int) -> None:
            """Let the page that is away try again in vain so many times."""
            before = await left.evaluate("globalThis.sockets")
            await left.wait_for_function(
                "(most) => globalThis.sockets >= most", arg=before + count, timeout=60_000
            )

        # a moment
        await left.evaluate("globalThis.frames.length = 0")
        two.cut()
        await changes(4)
        two.mend()
        await compare(story, stayed, left, look)
        assert all(prev for prev, _ in await left.evaluate("globalThis.frames"))

        # longer, and another life of the server meanwhile
        await left.evaluate("globalThis.frames.length = 0")
        two.cut()
        await changes(12)
        await tries(2)
        await serving.aclose()
        story.server, _ = await serving.enter_async_context(running(tmp_path, config, at_port=port))
        await changes(7)
        await tries(1)
        two.mend()
        for page in (stayed, left):
            await page.evaluate("dispatchEvent(new Event('online'))")
        await compare(story, stayed, left, look)
        assert all(prev for prev, _ in await left.evaluate("globalThis.frames"))

        # more than two hundred changes
        two.cut()
        for _ in range(5):
            await changes(60)
        two.mend()
        await left.evaluate("dispatchEvent(new Event('online'))")
        if path == "/":
            await until_at(left, story.seq)
            await read_all(left)
            await read_all(stayed)
        await compare(story, stayed, left, look)
        await serving.aclose()


async def test_a_long_read_tab_keeps_its_place_and_what_is_deep_in_it_is_right(
    browser: Any, tmp_path: Path
) -> None:
    story = Story()
    async with running(tmp_path, config_text()) as (server, url):
        story.server = server
        await story.say(620)
        page = await (await browser.new_context()).new_page()
        await page.add_init_script(NOTE_FRAMES)
        await page.goto(url)
        count = "document.querySelectorAll('#feed bc-card').length"
        while await page.evaluate(count) < 600:
            before = await page.evaluate(count)
            await page.evaluate("scrollTo({top: document.documentElement.scrollHeight, behavior: 'instant'})")
            await page.wait_for_function(f"(before) => {count} > before", arg=before)
        # the card 400 deep is in the middle of the window
        place = """() => { const card = document.querySelectorAll('#feed bc-card')[400];
            card.scrollIntoView({block: 'center', behavior: 'instant'}); return card.dataset.key; }"""
        mark = await page.evaluate(place)
        top = "(key) => document.querySelector(`bc-card[data-key='${key}']`).getBoundingClientRect().top"
        before = await page.evaluate(top, mark)
        deep = 619 - 400
        await story.say(3)
        await story.hide(deep + 3)
        await story.edit(deep - 3)
        await until_at(page, story.seq)
        await page.wait_for_function("() => !document.getElementById('pill').hidden")
        assert await page.evaluate("document.getElementById('pill').textContent") == "3 new posts"
        assert abs(await page.evaluate(top, mark) - before) <= 1
        words = await page.evaluate("document.getElementById('feed').textContent")
        assert f"words of {deep + 3}" not in words
        assert f"words of {deep - 3}" not in words
        assert f"edited {story.revision}" in words
        assert f"words of {deep + 2}" in words


async def test_webkit_gets_a_live_post_on_tab_and_wall_and_resumes(webkit: Any, tmp_path: Path) -> None:
    story = Story()

    async def words(wanted: str) -> None:
        def is_there() -> bool:
            return wanted in (webkit.find_element(By.TAG_NAME, "body").get_attribute("textContent") or "")

        await until(lambda: asyncio.to_thread(is_there))

    async with AsyncExitStack() as stack:
        wire = await stack.enter_async_context(cable(0))
        config = config_text(server=f", public_url: 'http://127.0.0.1:{wire.port}'")
        server, url = await stack.enter_async_context(running(tmp_path, config))
        story.server, wire.target = server, _port(url)
        now = server.clock.now()
        await server.sequencer.submit([Posted(post("today", "words of today", by="tess", created_at=now))])
        for path in ("/", "/wall"):
            await asyncio.to_thread(webkit.get, f"http://127.0.0.1:{wire.port}{path}")
            await story.say(1)
            await words(f"words of {story.count - 1}")
            wire.cut()
            await story.say(1)
            await story.edit(story.count - 2)
            wire.mend()
            await words(f"words of {story.count - 1}")
            await words(f"edited {story.revision}")
            assert await asyncio.to_thread(webkit.execute_script, DAYS) == ["none"], "today's day is not said"
