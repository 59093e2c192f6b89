"""The pages as text."""

import re

import pytest

from backchannel.config import Config
from backchannel.gather import SourceHealth
from backchannel.web.card_body import NodeView
from backchannel.web.card_view import AuthorView, CardView
from backchannel.web.headers import CSP
from backchannel.web.pages import Pages, PageState, threads
from backchannel.web.qr import qr_svg, qr_text
from tests.browser.page_site import CONFIG

STAND = PageState("e-1", 42, 1_795_527_540.0, 1_795_000_000.5, 2.0)


def card(key: int, **more: object) -> CardView:
    return CardView(key=key, order=key, author=AuthorView("N", "@n", "https://n.example/"), **more)  # type: ignore[arg-type]


@pytest.fixture
def pages() -> Pages:
    return Pages(CONFIG)


def test_a_page_carries_its_number_and_the_time(pages: Pages) -> None:
    for html in (pages.wall([], STAND), pages.tab([], STAND)):
        assert (
            'data-epoch="e-1" data-seq="42" data-now="1795527540.0" data-at="1795000000.5" data-rate="2.0"'
            in html
        )


def test_no_page_has_an_inline_script_or_style_or_another_origin(pages: Pages) -> None:
    everything = [pages.wall([card(1)], STAND), pages.tab([card(1)], STAND), pages.status([], now=0.0)]
    for html in everything:
        assert not re.search(r"<script(?![^>]* src=)|<style|\sstyle=|\son[a-z]+=", html)
        assert not re.search(r"""(?:src|<link[^>]* href)=["']?(?:https?:)?//""", html)


def test_the_policy_lets_nothing_in_but_ourselves() -> None:
    rules = dict(rule.strip().split(" ", 1) for rule in CSP.split(";"))
    assert rules["default-src"] == "'none'"
    assert {rules[name] for name in rules if name.endswith("-src") and name != "default-src"} == {"'self'"}
    assert "unsafe" not in CSP


def test_hostile_words_stay_words(pages: Pages) -> None:
    html = pages.card_html(card(1, body=("<img src=x onerror=alert(1)>",), meta='"><script>'))
    assert "<script" not in html
    assert "&lt;img src=x onerror=alert(1)&gt;" in html


def test_markup_holds_no_text_of_its_own_layout(pages: Pages) -> None:
    assert not re.search(r">\s*\n", pages.card_html(card(1, body=("a", NodeView("br"), "b"))))


def test_a_conversation_hangs_on_its_first_post_and_stands_where_its_last_word_does() -> None:
    cards = [card(1), card(2), card(3, root=1, parent=1), card(5, root=4), card(6, root=4)]
    assert [[t.head.key, *(r.key for r in t.replies)] for t in threads(cards)] == [[5, 6], [1, 3], [2]]


def test_the_tab_leads_on_without_javascript_and_keeps_its_words(pages: Pages) -> None:
    html = pages.tab([card(1)], STAND, older="b4", q="live & loud")
    assert 'href="/?q=live+%26+loud&amp;before=b4"' in html
    assert 'value="live &amp; loud"' in html


def test_a_page_without_older_posts_offers_none(pages: Pages) -> None:
    assert re.search(r'id="older"[^>]* hidden', pages.tab([card(1)], STAND))


def test_the_wall_before_the_first_post_invites_people_in(pages: Pages) -> None:
    html = pages.wall([], STAND)
    assert 'data-mode="invite"' in html
    assert "#openideas26" in html
    assert "openideas.example/j" in html


def test_a_blank_wall_is_blank_from_its_first_paint(pages: Pages) -> None:
    assert 'data-mode="blank"' in pages.wall([card(1)], STAND, blank=True)


def test_an_unknown_theme_is_the_stage(pages: Pages) -> None:
    assert 'data-theme="stage"' in pages.wall([], STAND, theme='"><script>')
    assert 'data-theme="paper"' in pages.wall([], STAND, theme="paper")


def test_the_status_says_in_words_what_is_wrong(pages: Pages) -> None:
    now = 1_795_527_540.0
    html = pages.status(
        [
            SourceHealth("toot", "mastodon", "live", now - 3, 3.4),
            SourceHealth("relays", "nostr", "backoff", now - 300, None, "relay.example is silent."),
            SourceHealth("blogs", "feed", "needs_human", None, None, "404 for feed.xml."),
            SourceHealth("social", "mastodon", "blocked", now - 90000 * 3, None, "429."),
        ],
        now=now,
    )
    for words in (
        "Live", "3 s behind", "Trying again", "relay.example is silent. Last read 5 min ago.",
        "Needs a person", "404 for feed.xml. Nothing read yet.", "The network asked us to wait",
        "429. Last read 3 days ago.",
    ):  # fmt: skip
        assert words in html


def test_a_reload_changes_what_pages_say(pages: Pages) -> None:
    raw = {**CONFIG.model_dump(), "wall": {}, "server": {"public_url": "https://other.example"}}
    before = pages.qr
    pages.reload(Config.model_validate(raw))
    assert "other.example" in pages.wall([], STAND)
    assert pages.qr != before


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("https://openideas.example/j", "HTTPS://OPENIDEAS.EXAMPLE/J"),
        ("openideas.example", "HTTPS://OPENIDEAS.EXAMPLE"),
        ("http://127.0.0.1:8080/", "HTTP://127.0.0.1:8080"),
        ("https://events.example/2026/Wall", "HTTPS://EVENTS.EXAMPLE/2026/Wall"),
        ("https://events.example/j?Id=a", "HTTPS://EVENTS.EXAMPLE/j?Id=a"),
    ],
)
def test_the_code_says_in_capitals_what_means_the_same_in_capitals(url: str, text: str) -> None:
    assert qr_text(url) == text


def test_the_code_has_four_modules_of_quiet_around_it() -> None:
    svg = qr_svg("HTTPS://OPENIDEAS.EXAMPLE/J")
    size = int(re.findall(r'viewBox="0 0 (\d+)', svg)[0])
    dark = svg.rpartition(' d="')[2]
    starts = [(int(x), int(y)) for x, y in re.findall(r"M(\d+) (\d+)h", dark)]
    ends = [int(x) + int(w) for x, w in re.findall(r"M(\d+) \d+h(\d+)", dark)]
    assert (min(x for x, _ in starts), min(y for _, y in starts), max(ends)) == (4, 4, size - 4)
