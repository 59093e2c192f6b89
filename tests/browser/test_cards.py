"""A card's markup stands once: what the server draws equals what the page fills, node for node."""

from typing import Any

import msgspec
import pytest
from playwright.async_api import Browser

from backchannel.web.pages import Pages, threads
from tests.browser.conftest import Complaints
from tests.browser.page_site import CONFIG, serving, stand, views
from tests.browser.samples import START, answering, posts

pytestmark = pytest.mark.browser

COMPARE = """async (views) => {
  const { card, fill, thread } = await import('/static/card.js');
  const served = views.cards.map((view) => document.getElementById(`c${view.key}`)), bad = [];
  for (const [i, view] of views.cards.entries()) {
    const made = card(view);
    if (!made.isEqualNode(served[i])) bad.push(`${i}: ${made.outerHTML} ≠ ${served[i].outerHTML}`);
    for (const [j, other] of served.entries()) {
      if (!fill(other.cloneNode(true), view).isEqualNode(served[i])) bad.push(`${j} filled as ${i}`);
    }
  }
  const sections = [...document.querySelectorAll('.thread')];
  for (const [i, [root, ...replies]] of views.threads.entries()) {
    if (!thread(root, replies).isEqualNode(sections[i])) bad.push(`thread ${i}`);
  }
  const changed = card(views.cards[0]);
  changed.querySelector('[data-slot=meta]').textContent += ' ';
  const scripts = document.querySelectorAll('main script').length;
  return { bad, control: changed.isEqualNode(served[0]), scripts };
}"""


def _page() -> tuple[str, dict[str, Any]]:
    pairs = posts()
    root = pairs[0][1].key
    cards = views([pairs[0], *(answering(pair, root) for pair in pairs[1:3]), *pairs[3:]])
    html = Pages(CONFIG).tab(cards, stand(99, START + 3600))
    groups = [[thread.head, *thread.replies] for thread in threads(cards)]
    return html, msgspec.to_builtins({"cards": cards, "threads": groups})


async def test_a_filled_card_equals_the_served_one_over_all_pairs(browser: Browser) -> None:
    html, data = _page()
    assert len(data["cards"]) >= 30
    async with serving({"/": html}) as site:
        page = await browser.new_page()
        await page.goto(site.url)
        result = await page.evaluate(COMPARE, data)
    assert result["bad"] == []
    assert result["control"] is False, "a card that differs in one space must not be equal"
    assert result["scripts"] == 0


async def test_the_policy_holds_over_every_kind_of_card(browser: Browser) -> None:
    html, _ = _page()
    wall = Pages(CONFIG).wall(views(posts()), stand(99, START + 3600))
    async with serving({"/": html, "/wall": wall}) as site:
        for path in ("/", "/wall"):
            page = await browser.new_page()
            complaints = Complaints(page)
            await page.goto(site.url + path, wait_until="networkidle")
            assert (complaints.errors, complaints.origins) == ([], {site.url})
