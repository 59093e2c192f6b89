"""No payload runs from any field: not with both layers, and not with either alone. Without both, they do."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest
from aiohttp import web
from playwright.async_api import Browser, Page

from backchannel.board import Card, Item
from backchannel.model import Author, Body, Emoji, Face, Media, Node, Post, Preview, Quote
from backchannel.text import parse_html, parse_plain, web_url
from backchannel.web.card_view import CardView
from backchannel.web.headers import CSP
from backchannel.web.pages import Pages
from tests.browser.page_site import CONFIG, PNG, ROOT, stand, views
from tests.browser.payloads import payloads
from tests.browser.samples import PICTURE, START
from tests.conftest import EVERY
from tests.kit.http_server import listening

pytestmark = [pytest.mark.browser, pytest.mark.timeout(400)]

BATCH = 200
NOTE = "globalThis.hits = new Set(); globalThis.ran = (number) => hits.add(number);"
STEP = 1 if EVERY else 5
"""One payload in so many is tried; 5 divides no number of elements, events or encodings: all have a turn."""
HITS = """() => new Promise((done) => {
  const after = (frames) => frames ? requestAnimationFrame(() => after(frames - 1)) : done([...hits]);
  if (document.readyState === 'complete') after(8); else addEventListener('load', () => after(8));
})"""
"""What has run eight frames after all is loaded: the control tells whether that is long enough."""
CLOSERS = (
    "--></script></style></title></textarea></xmp></iframe></noscript></noembed></noframes></template></select>"
    "</svg></math></object></video></audio></table></details></form></a></button></marquee>\"'>"
)
FOREIGN = """() => {
  const bad = [], allowed = new Set(['http:', 'https:', '']);
  for (const el of document.querySelectorAll('bc-card, bc-card *')) {
    if (!KNOWN.has(el.localName)) bad.push(el.localName);
    for (const { name } of el.attributes) if (/^on|^style$|^src(doc|set)$|^form/.test(name)) bad.push(name);
    if (el.localName === 'a' && el.getAttribute('href') && !allowed.has(el.protocol)) bad.push(el.href);
    if (el.localName === 'img' && !el.getAttribute('src').startsWith('/media/')) bad.push(el.src);
  }
  return bad;
}""".replace(
    "KNOWN.has",
    "new Set('bc-card header span p a bdi time details summary b div ol ul li figure figcaption img "
    "blockquote em strong code br wbr'.split(' ')).has",
)
FILL = """async (views) => {
  const { card } = await import('/static/card.js');
  document.getElementById('feed').replaceChildren(...views.map(card));
}"""


def bodies(payload: str) -> Body:
    """The payload as a text of each kind that networks send, and as links and names in it."""
    return (
        *parse_html(payload),
        *parse_html(f'<a href="{payload}">x</a><a href={payload}>y</a>'),
        *parse_plain(f"{payload} https://a.example/{payload}"),
        Node("strong", (payload,)),
        Node("code", (payload,)),
        Node("hashtag", (f"#{payload}",), web_url(payload)),
        Node("mention", (payload,), web_url(f"https://a.example/{payload}")),
        Node("emoji", name=payload),
    )


def card_of(key: int, payload: str) -> CardView:
    """A card with this in every field."""
    address = web_url(payload) or web_url(f"https://a.example/{payload}")
    author = Author("a", payload, payload, address)
    media = (Media("m", "image", payload, 0), Media("n", "video", payload, 0), Media("o", "audio", payload))
    face = Face(
        author,
        payload,
        address,
        bodies(payload),
        warning=payload,
        media=media,
        poll=(payload,),
        preview=Preview(address, payload, payload),
        emoji=(Emoji(payload, 0),),
        quote=Quote("q", address, author, bodies(payload), "", media),
    )
    post = Post(payload, "mastodon", payload, START, face, lang=payload)
    return views([(post, Item(key, key, key, Card(key, "h", START, (PICTURE,))))])[0]


@asynccontextmanager
async def pages_served(pages: Mapping[str, str], *, policy: str) -> AsyncIterator[str]:
    """These pages with this policy, or with none."""

    async def answer(request: web.Request) -> web.Response:
        if request.path.startswith("/media/"):
            return web.Response(body=PNG, content_type="image/png")
        if request.path not in pages:
            return web.Response(status=404)
        headers = {"Content-Security-Policy": policy} if policy else {}
        return web.Response(text=pages[request.path], content_type="text/html", headers=headers)

    app = web.Application()
    app.add_routes([web.static("/static", ROOT / "static"), web.get("/{rest:.*}", answer)])
    async with listening(app, closing_s=0.1) as address:
        yield address


async def _new(browser: Browser, origins: set[str]) -> Page:
    page = await browser.new_page()
    await page.add_init_script(NOTE)
    page.on("request", lambda request: origins.add("/".join(request.url.split("/", 3)[:3])))
    return page


def _batches(items: Sequence[Any], size: int = BATCH) -> list[Sequence[Any]]:
    return [items[at : at + size] for at in range(0, len(items), size)]


async def ran_as_cards(browser: Browser, cards: Sequence[CardView], *, policy: str) -> set[int]:
    """What ran of these cards: as the server draws them, and as the page fills them."""
    hits, origins, batches = set[int](), set[str](), _batches(cards)
    served = {f"/{n}": Pages(CONFIG).tab(batch, stand(9, START)) for n, batch in enumerate(batches)}
    walls = {"/wall": Pages(CONFIG).wall(batches[-1], stand(9, START))}
    async with pages_served({**served, **walls}, policy=policy) as url:
        page = await _new(browser, origins)
        for path in (*served, *walls):
            await page.goto(url + path)
            hits |= set(await page.evaluate(HITS))
            assert await page.evaluate(FOREIGN) == []
            if path in served:
                await page.evaluate(FILL, msgspec.to_builtins(batches[int(path[1:])]))
                hits |= set(await page.evaluate(HITS))
                assert await page.evaluate(FOREIGN) == []
        await page.close()
        assert {origin for origin in origins if not origin.startswith(("data:", "blob:"))} == {url}
    return hits


async def ran_raw(browser: Browser, markup: Sequence[str], *, policy: str) -> set[int]:
    """What runs of the payloads where nothing cleans or escapes them."""
    hits, origins = set[int](), set[str]()
    pages = {
        f"/{n}": "<!doctype html><body>" + "".join(f"<div>{payload}{CLOSERS}</div>" for payload in batch)
        for n, batch in enumerate(_batches(markup, 30))
    }
    async with pages_served(pages, policy=policy) as url:
        page = await _new(browser, origins)
        for path in pages:
            await page.goto(url + path, wait_until="commit")
            hits |= set(await page.evaluate(HITS))
        await page.close()
    return hits


async def test_no_payload_runs_from_any_field_by_either_layer_alone(
    chromium: Browser, capsys: pytest.CaptureFixture[str]
) -> None:
    markup = list(payloads())[::STEP]
    cards = [card_of(key, payload) for key, payload in enumerate(markup, 1)]
    raw = [payload for payload in markup if "<plaintext" not in payload]
    tried = {
        "both layers": ran_as_cards(chromium, cards[::9], policy=CSP),
        "no policy": ran_as_cards(chromium, cards, policy=""),
        "nothing cleaned": ran_raw(chromium, raw, policy=CSP),
        "neither": ran_raw(chromium, raw, policy=""),
    }
    ran = dict(zip(tried, await asyncio.gather(*tried.values()), strict=True))
    counts = {name: len(numbers) for name, numbers in ran.items()}
    with capsys.disabled():
        print(f"\n{len(markup)} payloads in every field, that ran: {counts}")
    assert (ran["both layers"], ran["no policy"], ran["nothing cleaned"]) == (set(), set(), set())
    assert len(ran["neither"]) >= 300 // STEP, "the control must fire, or nothing is shown"
