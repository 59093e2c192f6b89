"""What a page does when its stream stops, begins again, or says something new."""

from typing import Any

import msgspec
import pytest
from playwright.async_api import Browser, Page

from backchannel.web.pages import Pages
from tests.browser.page_site import CONFIG, SamplePages, serving, stand
from tests.browser.samples import START
from tests.browser.test_looks import many, said

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]
NOTE_SOCKETS = """
globalThis.begun = globalThis.ended = 0;
Math.random = () => 0.999;
const Real = WebSocket;
globalThis.WebSocket = class extends Real {
  constructor(...rest) {
    super(...rest);
    globalThis.begun += 1;
    this.addEventListener('close', () => { globalThis.ended += 1; });
  }
};
"""
NOTE_MOVES = """
globalThis.moves = 0;
const real = Element.prototype.animate;
Element.prototype.animate = function (...rest) { globalThis.moves += 1; return real.apply(this, rest); };
"""


def pages() -> dict[str, str]:
    cards = many(30)
    made = Pages(CONFIG)
    return {"/": made.tab(cards, stand(30, START + 60)), "/river": made.wall(cards, stand(30, START + 60))}


async def opened(browser: Browser, site: SamplePages, path: str, script: str = "", **more: Any) -> Page:
    page = await (await browser.new_context(**more)).new_page()
    await page.clock.install()
    if script:
        await page.add_init_script(script)
    await page.goto(site.url + path)
    await site.listened()
    return page


@pytest.mark.parametrize(("wishes", "moves"), [("reduce", False), ("no-preference", True)])
async def test_nothing_moves_for_who_wants_it_calm(chromium: Browser, wishes: str, moves: bool) -> None:
    async with serving(pages()) as site:
        page = await opened(chromium, site, "/river", NOTE_MOVES, reduced_motion=wishes)
        card = msgspec.to_builtins(said(40, "new", at=START + 61))
        await site.say({"prev": 30, "seq": 40, "at": 2.0, "put": [card], "gone": []})
        await page.wait_for_function("() => document.getElementById('page').dataset.seq === '40'")
        await page.clock.run_for(
            8_000
        )  # first cards keep their places for 12 s; after 10 s of silence a wall pauses
        await site.say({"prev": 40, "seq": 40, "at": 3.0, "put": [], "gone": []})
        await page.clock.run_for(8_000)
        await page.wait_for_function("() => document.querySelector('#river #c40')")
        assert (await page.evaluate("globalThis.moves") > 0) is moves


async def test_whatever_may_have_woken_a_page_connects_it_at_once(browser: Browser) -> None:
    wakers = [("window", "online"), ("window", "pageshow"), ("document", "visibilitychange")]
    async with serving(pages()) as site:
        page = await opened(browser, site, "/", NOTE_SOCKETS)
        for number, (target, name) in enumerate([*wakers, ("document", "resume")], 1):
            await site.hang_up()
            await page.wait_for_function("(number) => globalThis.ended === number", arg=number)
            wake = f"{target}.dispatchEvent(new Event({name!r}))"
            assert await page.evaluate(f"() => {{ {wake}; return globalThis.begun; }}") == number + 1, name
            await site.listened()


async def test_a_server_of_another_protocol_makes_the_page_load_itself_again(chromium: Browser) -> None:
    async with serving(pages()) as site:
        page = await opened(chromium, site, "/river")
        async with page.expect_event("framenavigated"):
            site.protocol = 2
            await site.hang_up()
        site.protocol = 1


@pytest.mark.parametrize("path", ["/", "/river"])
async def test_after_ten_seconds_of_silence_a_page_says_so_and_takes_it_back(
    chromium: Browser, path: str
) -> None:
    is_told = {
        "/": "() => !document.getElementById('lost').hidden",
        "/river": "() => document.body.dataset.mode === 'pause'",
    }[path]
    async with serving(pages()) as site:
        page = await chromium.new_page()
        await page.clock.install()
        await page.goto(site.url + path)
        await site.listened()
        site.is_away = True
        await site.hang_up()
        await page.clock.fast_forward(9_000)
        assert not await page.evaluate(is_told)
        await page.clock.fast_forward(2_000)
        await page.wait_for_function(is_told)
        site.is_away = False
        await page.clock.fast_forward(21_000)
        await page.wait_for_function(f"() => !({is_told})()")


async def test_history_that_is_older_than_the_page_is_not_taken(chromium: Browser) -> None:
    cards = many(30)
    html = Pages(CONFIG).tab(cards[10:], stand(30, START + 60), older="11")
    async with serving({"/": html}) as site:
        site.history, site.seq = cards, 29
        page = await opened(chromium, site, "/")
        click = "document.getElementById('older').click()"
        async with page.expect_response("**/api/v1/posts*"):
            await page.evaluate(click)
        await page.wait_for_function("() => document.getElementById('feed').ariaBusy === 'false'")
        assert await page.locator("#feed bc-card").count() == 20
        site.seq = 30
        await page.evaluate(click)
        await page.wait_for_function("() => document.querySelectorAll('#feed bc-card').length === 30")
