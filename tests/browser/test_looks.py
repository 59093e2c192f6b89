"""What a camera and the last row see: the code, edges, whole lines; and a page that does not jump."""

import asyncio
import io
from typing import Any

import msgspec
import pytest
import zxingcpp
from PIL import Image, ImageFilter
from playwright.async_api import Browser, Page, ViewportSize
from selenium.webdriver import WebKitGTK
from selenium.webdriver.support.ui import WebDriverWait

from backchannel.board import Card, Item
from backchannel.model import Author, Face, Post
from backchannel.web.card_view import BLANK_VIEW, CardView
from backchannel.web.pages import Pages
from tests.browser.conftest import Complaints
from tests.browser.page_site import CONFIG, SamplePages, serving, stand, views
from tests.browser.samples import START, posts

pytestmark = pytest.mark.browser

SIZES = [(1920, 1080), (3840, 2160), (1440, 960), (1024, 768), (390, 844)]
NAMES = ["Noor O.", "Tomasz W.", "Elif K.", "Konstantinos Papadopoulos-Wojciechowski", "山田 花子"]
WORDS = [
    "Who has kept a mentoring circle alive longer than a year? What did it cost you?",
    "We tried it. Replies within an hour doubled our returning members.",
    "Captions, please, in the small hall too.",
    "The second conversation is the conference, and the talks are the excuse. " * 5,
    "كيف نحافظ على المجتمع بعد انتهاء المؤتمر؟",
]

UNDRAWN = """() => {
  const bad = [];
  for (const el of document.querySelectorAll('#river bc-card, #quiet bc-card, .seat, .more:not([hidden])')) {
    const box = el.getBoundingClientRect();
    if (!box.height) continue;
    const floor = innerHeight * (innerWidth > innerHeight ? 0.91 : 1) + 1;
    const isLow = box.bottom > floor && !el.closest('#quiet');
    if (isLow) bad.push(`${el.id || el.className} ends at ${box.bottom} of ${floor}`);
    for (let up = el.parentElement; up && up !== document.body; up = up.parentElement) {
      const isTight = getComputedStyle(up).overflowY === 'hidden';
      if (isTight && up.scrollHeight > up.clientHeight + 2) bad.push(`${up.id} is cut`);
    }
  }
  return bad;
}"""


def said(key: int, words: str, *, root: int = 0, name: str = "", at: float = START) -> CardView:
    """A card as a frame carries it."""
    author = Author(
        f"a{key}", name or NAMES[key % len(NAMES)], f"@a{key}@toot.example", "https://toot.example/@a"
    )
    post = Post(
        f"p{key}", "mastodon", "toot", at, Face(author, "Mastodon", f"https://toot.example/{key}", (words,))
    )
    return views([(post, Item(key, key, key, Card(key, "h", at, (), root, root)))])[0]


def many(count: int, *, at: float = START) -> list[CardView]:
    """A conference's posts: every fourth answers the one before it."""
    return [
        said(key, WORDS[key % len(WORDS)], root=key - 1 if key % 4 == 2 else 0, at=at + key)
        for key in range(1, count + 1)
    ]


def walls() -> dict[str, str]:
    """One wall for each of its modes."""
    pages, cards = Pages(CONFIG), many(30)
    return {
        "/river": pages.wall(cards, stand(30, START + 60)),
        "/one": pages.wall(cards[:1], stand(30, START + 60)),
        "/odd": pages.wall(views(posts()), stand(99, START + 3600)),
        "/quiet": pages.wall(cards, stand(30, START + 7200)),
        "/empty": pages.wall([], stand(0, START)),
        "/blank": pages.wall(cards, stand(30, START + 60), blank=True),
    }


async def _open(browser: Browser, site: SamplePages, path: str, size: tuple[int, int]) -> Page:
    size_px: ViewportSize = {"width": size[0], "height": size[1]}
    page = await browser.new_page(viewport=size_px, reduced_motion="reduce")
    await page.goto(site.url + path)
    await page.wait_for_function(
        "document.fonts.status === 'loaded' && document.adoptedStyleSheets.length > 0"
    )
    return page


def _read(shot: bytes, *, width: int) -> list[str]:
    """What a phone makes of it: far away, out of focus, in a hazy room."""
    image = Image.open(io.BytesIO(shot)).convert("RGB")
    small = image.resize((width, round(image.height * width / image.width)), Image.Resampling.BILINEAR)
    hazy = Image.blend(
        small.filter(ImageFilter.GaussianBlur(0.8)), Image.new("RGB", small.size, "#999"), 0.35
    )
    large = hazy.resize((hazy.width * 3, hazy.height * 3), Image.Resampling.BICUBIC)
    return [code.text for code in zxingcpp.read_barcodes(large)]


@pytest.mark.parametrize("path", ["/river", "/quiet", "/empty"])
async def test_the_code_can_be_read_small_blurred_and_hazed(chromium: Browser, path: str) -> None:
    async with serving(walls()) as site:
        page = await _open(chromium, site, path, (1920, 1080))
        shot = await page.screenshot()
    assert _read(shot, width=480) == ["HTTPS://OPENIDEAS.EXAMPLE/J"]


@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_nothing_on_a_wall_is_cut_or_stands_behind_heads(
    chromium: Browser, size: tuple[int, int]
) -> None:
    async with serving(walls()) as site:
        for path in ("/river", "/one", "/odd", "/quiet"):
            page = await _open(chromium, site, path, size)
            complaints = Complaints(page)
            assert await page.evaluate(UNDRAWN) == []
            assert await page.locator(":is(#talk, #asker) bc-card").first.is_visible()
            assert complaints.errors == []


async def test_type_is_as_large_as_the_last_row_needs(chromium: Browser) -> None:
    async with serving(walls()) as site:
        for path in ("/river", "/odd", "/quiet"):
            page = await _open(chromium, site, path, (1920, 1080))
            sizes = await page.evaluate(
                """() => Array.from(
                  document.querySelectorAll(':is(#river, #quiet) bc-card :is(.body, .meta)'),
                  (el) => el.checkVisibility() && el.textContent
                    ? [el.className, parseFloat(getComputedStyle(el).fontSize) / innerHeight * 100] : null,
                ).filter(Boolean)"""
            )
            assert {name for name, _ in sizes} == {"body", "meta"}
            assert all(size >= (3.29 if name == "body" else 2.2) for name, size in sizes)


async def test_a_wall_lives_on_its_frames(browser: Browser) -> None:
    async with serving(walls()) as site:
        page = await _open(browser, site, "/empty", (1280, 720))
        assert await page.get_attribute("body", "data-mode") == "invite"
        card = msgspec.to_builtins(said(40, "First!", at=START))
        await _heard(page, site, {"prev": 0, "seq": 40, "at": 2.0, "put": [card], "gone": []}, "40")
        assert await page.get_attribute("body", "data-mode") == "river"
        assert await page.locator("#talk bc-card").inner_text() != ""
        await _heard(
            page, site, {"prev": 40, "seq": 41, "at": 3.0, "put": [dict(BLANK_VIEW)], "gone": []}, "41"
        )
        assert await page.get_attribute("body", "data-mode") == "blank"
        assert await page.locator("#talk").is_hidden()
        await _heard(page, site, {"prev": 41, "seq": 42, "at": 4.0, "put": [], "gone": [0, 40]}, "42")
        assert await page.get_attribute("body", "data-mode") == "invite"
        assert await page.locator("bc-card").count() == 0


async def _heard(page: Page, site: SamplePages, frame: dict[str, Any], seq: str) -> None:
    await site.listened()
    await site.say(frame)
    await page.wait_for_function("seq => document.getElementById('page').dataset.seq === seq", arg=seq)


async def test_a_reader_keeps_the_place_while_posts_come_change_and_go(browser: Browser) -> None:
    cards = many(120)
    async with serving({"/": Pages(CONFIG).tab(cards, stand(120, START + 600))}) as site:
        page = await _open(browser, site, "/", (1200, 800))
        await page.evaluate("document.getElementById('c60').scrollIntoView({block: 'center'})")
        place = "() => document.getElementById('c60').getBoundingClientRect().top"
        before = await page.evaluate(place)
        longer = msgspec.to_builtins(said(100, WORDS[3] * 3, at=START + 100))
        put = [longer, *(msgspec.to_builtins(said(key, "new", at=START + 500)) for key in (130, 131))]
        await _heard(page, site, {"prev": 120, "seq": 131, "at": 2.0, "put": put, "gone": [110, 111]}, "131")
        assert abs(await page.evaluate(place) - before) <= 1
        assert await page.locator("#pill").inner_text() == "2 new posts"
        assert await page.title() == "(2) Open Ideas 2026"
        assert await page.locator("#c110").count() == 0
        assert await page.locator("#c131").count() == 0
        await page.locator("#pill").click()
        assert await page.locator("#feed bc-card").first.get_attribute("id") == "c131"
        assert (await page.title(), await page.locator("#pill").is_hidden()) == ("Open Ideas 2026", True)


async def test_six_hundred_cards_deep_a_change_is_right_and_the_place_is_kept(browser: Browser) -> None:
    cards = many(700)
    html = Pages(CONFIG).tab(cards[-50:], stand(700, START + 900), older="651")
    async with serving({"/": html}) as site:
        site.history, site.seq = cards, 700
        page = await _open(browser, site, "/", (1200, 800))
        await page.evaluate(
            """async () => {
              while (document.querySelectorAll('#feed bc-card').length < 600) {
                scrollTo(0, document.documentElement.scrollHeight);
                await new Promise(requestAnimationFrame);
              }
              document.getElementById('c200').scrollIntoView({ block: 'center' });
            }"""
        )
        place = "() => document.getElementById('c200').getBoundingClientRect().top"
        before = await page.evaluate(place)
        put = [msgspec.to_builtins(said(304, WORDS[3] * 2, at=START)), msgspec.to_builtins(said(5, "old"))]
        await _heard(page, site, {"prev": 700, "seq": 701, "at": 2.0, "put": put, "gone": [308]}, "701")
        assert abs(await page.evaluate(place) - before) <= 1
        assert WORDS[3] in await page.locator("#c304 [data-slot=body]").inner_text()
        assert await page.locator(":is(#c308, #c5)").count() == 0


async def test_history_that_was_dropped_can_be_read_again(chromium: Browser) -> None:
    cards = many(400)
    html = Pages(CONFIG).tab(cards[-250:], stand(400, START + 900), older="151")
    async with serving({"/": html}) as site:
        site.history, site.seq = cards, 900
        page = await _open(chromium, site, "/", (1200, 800))
        put = [msgspec.to_builtins(card) for card in cards[-200:]]
        await _heard(page, site, {"prev": 0, "seq": 900, "at": 2.0, "put": put, "gone": []}, "900")
        assert await page.locator("#feed bc-card").count() == 200
        assert await page.locator("#older").inner_text() == "Load the earlier posts again"
        await page.locator("#older").click()
        await page.locator("#c180").wait_for(state="attached")
        assert await page.locator("#older").inner_text() == "Earlier posts"


async def test_a_tab_that_lived_on_equals_a_fresh_one(browser: Browser) -> None:
    cards, later = many(40), [said(50, "answer", root=7, at=START + 50), said(51, "more", at=START + 51)]
    fresh = Pages(CONFIG).tab([card for card in [*cards, *later] if card.key != 20], stand(51, START + 600))
    async with serving({"/": Pages(CONFIG).tab(cards, stand(40, START + 600)), "/fresh": fresh}) as site:
        page = await _open(browser, site, "/", (1200, 800))
        put = [msgspec.to_builtins(card) for card in later]
        await _heard(page, site, {"prev": 40, "seq": 51, "at": 2.0, "put": put, "gone": [20]}, "51")
        new = await _open(browser, site, "/fresh", (1200, 800))
        feed = "() => document.getElementById('feed').outerHTML"
        assert await page.evaluate(feed) == await new.evaluate(feed)


async def test_the_keys_walk_from_post_to_post(chromium: Browser) -> None:
    async with serving({"/": Pages(CONFIG).tab(many(9), stand(9, START + 600))}) as site:
        page = await _open(chromium, site, "/", (1200, 800))
        focused = "() => document.activeElement.id"
        seen = []
        for key in "jjk":
            await page.keyboard.press(key)
            seen.append(await page.evaluate(focused))
        assert seen[0] == seen[2] != seen[1]
        await page.keyboard.press("/")
        assert await page.evaluate(focused) == "search"


@pytest.mark.parametrize("path", ["/", "/wall"])
async def test_pages_are_readable_without_javascript(chromium: Browser, path: str) -> None:
    pages, cards = Pages(CONFIG), many(20)
    both = {"/": pages.tab(cards, stand(20, START), older="x"), "/wall": pages.wall(cards, stand(20, START))}
    async with serving(both) as site:
        context = await chromium.new_context(java_script_enabled=False)
        page = await context.new_page()
        await page.goto(site.url + path)
        assert await page.locator("bc-card >> visible=true").count() == 20


async def test_webkit_draws_both_pages_and_hears_a_frame(webkit: WebKitGTK) -> None:
    pages, cards = Pages(CONFIG), many(12)
    both = {"/": pages.tab(cards, stand(12, START + 60)), "/wall": pages.wall(cards, stand(12, START + 60))}

    def count(where: str) -> int:
        return int(webkit.execute_script(f"return document.querySelectorAll('{where}').length"))

    def until(where: str, wanted: int) -> None:
        WebDriverWait(webkit, 20).until(lambda _: count(where) == wanted)

    async with serving(both) as site:
        for path, place in (("/wall", "bc-card"), ("/", "#feed bc-card")):
            await asyncio.to_thread(webkit.get, site.url + path)
            await site.listened()
            await asyncio.to_thread(until, place, 12)
            card = msgspec.to_builtins(said(30, "Hello", at=START + 30))
            await site.say({"prev": 12, "seq": 30, "at": 2.0, "put": [card], "gone": []})
            await asyncio.to_thread(until, f"{place}#c30" if path == "/wall" else "#feed #c30", 1)
