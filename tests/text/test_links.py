"""Where a link leads is what a reader is told, whatever a stranger writes between the letters."""

import pytest

from backchannel.model import Node
from backchannel.text import claims_another, parse_html, readable_url, shown_host, web_url

EVIL = "https://evil.example/"

# Characters that draw nothing, one of each kind.
UNDRAWN = [
    "\u00ad", "\u034f", "\u061c", "\u115f", "\u1160", "\u17b4", "\u180b", "\u180e", "\u180f", "\u200b",
    "\u200d", "\u200f", "\u2060", "\u2064", "\u206f", "\u3164", "\ufe00", "\ufe0f", "\ufeff", "\uffa0",
    "\ufffb", "\U000e0001", "\U000e0061", "\U000e0100", "\U000e01ef",
]  # fmt: skip
DOTS = [
    "\u2024",
    "\uff0e",
    "\ufe52",
    "\u3002",
    "\uff61",
    "\u0701",
    "\ua4f8",
    "\ua60e",
    "\U00010a50",
    "\u06d4",
]


def name(char: str) -> str:
    return f"U+{ord(char):04X}"


def drawn(text: str, href: str = EVIL) -> tuple[str | Node, ...]:
    (link,) = parse_html(f'<a href="{href}">{text}</a>')
    assert isinstance(link, Node)
    assert link.href == href
    return link.c


@pytest.mark.parametrize("char", UNDRAWN, ids=name)
@pytest.mark.parametrize(
    "text", ["ban{}k.example", "bank.{}example", "bank{}.example", "https:/{}/bank.example/"]
)
def test_what_is_not_drawn_hides_no_host(text: str, char: str) -> None:
    assert drawn(text.format(char)) == ("evil.example",)
    assert drawn(text.format(char * 20)) == ("evil.example",)


@pytest.mark.parametrize("char", DOTS, ids=name)
def test_what_looks_like_a_dot_is_one(char: str) -> None:
    assert drawn(f"bank{char}example") == ("evil.example",)


@pytest.mark.parametrize(
    "text",
    [
        "https\u2236//bank.example", "https:\u2215\u2215bank.example", "bank.example\u2044login",
        "bank.com\u29f8x",
        "b\u0336a\u0336n\u0336k\u0336.\u0336e\u0336x\u0336a\u0336m\u0336p\u0336l\u0336e",
        "bank\u0323.\u0323example\u0323", "bank\u200a.\u200aexample", "bank\u2009.com",
        "\u202eelpmaxe.knab\u202c", "\u202emoc.knab", "ba<b>nk</b>.exa<i>mple</i>",
        "<b>bank</b>.<b>example</b>", "bank.<span></span>example",
        "&#98;ank.example", "@bank.example", "#bank.example", "me@bank.example", "BANK.EXAMPLE", "x" * 3000,
    ],
)  # fmt: skip
def test_no_way_of_writing_names_another_host(text: str) -> None:
    assert drawn(text) == ("evil.example",)


@pytest.mark.parametrize("of_class", ["mention", "hashtag", "mention hashtag"])
@pytest.mark.parametrize(
    "text", ["@bank.example", "@ann@bank.example", "@ba\u034fnk.example", "#bank.example"]
)
def test_neither_a_mention_nor_a_hashtag_names_another_host(text: str, of_class: str) -> None:
    (link,) = parse_html(f'<a class="{of_class}" href="{EVIL}">{text}</a>')
    assert isinstance(link, Node)
    assert link.c in (("evil.example",), ("@ann",))


def test_a_handle_is_drawn_without_what_is_not_drawn() -> None:
    (link,) = parse_html(
        '<a class="mention" href="https://home.example/@ann">@ann@home\u3164.example</a>',
        mentions={"https://home.example/@ann": "ann@home.example"},
    )
    assert link == Node("mention", ("@ann@home.example",), href="https://home.example/@ann")


def test_a_handle_with_dots_that_the_network_gives_stays() -> None:
    (link,) = parse_html(
        '<a class="mention" href="https://home.example/@ann.dev">@ann.dev</a>',
        mentions={"https://home.example/@ann.dev": "ann.dev"},
    )
    assert link == Node("mention", ("@ann.dev",), href="https://home.example/@ann.dev")


@pytest.mark.parametrize(
    ("text", "href"),
    [
        ("element.addEventListener('x')", "https://docs.example/ael"),
        ("np.linalg", "https://docs.example/np"),
        ("garden.rb", "https://code.example/"),
        ("The 6.1-inch phone: light-weight", "https://mag.example/"),
        ("And then…nothing", "https://mag.example/"),
        ("Wait...what", "https://mag.example/"),
        ("Docs.example", "https://api.docs.example/"),
        ("Node.js 20.1", "https://site.example/"),
        ("v1.2.3 of parser.c", "https://site.example/"),
        ("Figure 3.b", "https://site.example/"),
        ("bücher.example", "https://bücher.example/"),
        ("site.example\u2044path", "https://site.example/"),
        ("पहला\u200cपन्ना", "https://site.example/"),
        ("👩\u200d🚀 on board", "https://site.example/"),
        ("C’est fini\u202f! Oui", "https://site.example/"),
    ],
)
def test_a_text_that_names_no_other_host_stays_as_it_was_written(text: str, href: str) -> None:
    assert drawn(text, web_url(href)) == (text,)


@pytest.mark.parametrize("char", ["\u034f", "\ufe0f", "\u00ad", "\u200b", "\u2060", "\U000e0100"], ids=name)
def test_a_host_is_read_without_what_browsers_ignore(char: str) -> None:
    assert web_url(f"https://ba{char}nk.example/") == "https://bank.example/"


@pytest.mark.parametrize(
    "char", ["\u115f", "\u3164", "\uffa0", "\u200e", "\u202e", "\u2066", "\U000e0061", "\u061c"], ids=name
)
def test_a_host_with_what_no_browser_takes_is_no_host(char: str) -> None:
    assert web_url(f"https://ba{char}nk.example/") == ""


@pytest.mark.parametrize(
    "url",
    [
        "https://xn--bank-" + "x" * 70 + ".example/",
        "https://" + "bank\u3164".encode("punycode").decode().join(("xn--", ".example/")),
        "https://" + "ban\u034fk".encode("punycode").decode().join(("xn--", ".example/")),
        "https://" + "ѕсоре".encode("punycode").decode().join(("xn--", ".com/")),
        "https://" + "ꓐꓮꓠꓗ".encode("punycode").decode().join(("xn--", ".com/")),
        "https://" + "bɑnk".encode("punycode").decode().join(("xn--", ".com/")),
    ],
)
def test_a_host_that_looks_like_another_is_not_shown_as_letters(url: str) -> None:
    assert shown_host(url).isascii()
    assert readable_url(url).isascii()


def test_a_long_address_or_host_is_refused_before_it_is_looked_at() -> None:
    assert web_url("https://" + "\ufdfa" * 1_000_000 + ".example/") == ""
    assert web_url("https://" + "ä" * 64 + ".example/") == ""


def test_the_text_of_a_link_may_be_hostile_and_as_long_as_a_post() -> None:
    assert claims_another("\ufdfa" * 40_000, EVIL)
