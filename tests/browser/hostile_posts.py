"""Posts that do a page harm if it lets them: every text that is bad for it, in every field that is drawn."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

import msgspec

from backchannel.board import Card, Item, Picture
from backchannel.model import Author, Body, Emoji, Face, Media, Node, Post, Preview, Quote
from backchannel.web.card_view import CardView
from tests.browser.page_site import views
from tests.browser.samples import START

WIDE, TALL, SLIDE = (Picture("ab" * 32, 1600, 12), Picture("cd" * 32, 12, 1600), Picture("ef" * 32, 540, 250))
_MARK = "\u0301\u0316\u0489\u20dd"

TEXTS: Mapping[str, str] = MappingProxyType(
    {
        "one word": "W" * 5_000,
        "a longer word": "W" * 20_000,
        "the longest word": "W" * 40_000,
        "a word that nearly fits": "W" * 1_000,
        "thin letters": "i" * 2_800,
        "one-letter words": "a " * 10_000,
        "small words that nearly fit": "a " * 1_400,
        "questions": "?" * 2_000,
        "emoji": "😀" * 10_000,
        "joined emoji": "👩\u200d" * 3_000,
        "flags": "🇸🇨" * 3_000,
        "tones": "👍" + "🏽" * 3_000,
        "chinese": "語" * 10_000,
        "thai": "ก" * 10_000,
        "thai vowels": "ก" + "ำ" * 3_000,
        "arabic": "م" * 20_000,
        "arabic words": "محمد " * 3_000,
        "ligatures": "ﷺ" * 3_000,
        "bismillah": "﷽" * 1_000,
        "cuneiform": "𒐫" * 2_000,
        "devanagari": "क" * 10_000,
        "conjuncts": "क्" * 5_000,
        "vowel signs": "क" + "ा" * 5_000,
        "khmer": "ក្" * 3_000,
        "balinese": "ᬓ᭄" * 3_000,
        "tibetan": "ཧ" + "ྐ" * 3_000,
        "jamo": "\u1100" * 3_000 + "\u1161" * 3_000,
        "marks": "a" + _MARK * 1_000,
        "marks on spaces": f" {_MARK}" * 2_000,
        "marks over joiners": "Z" + f"{_MARK}\u200d" * 1_000,
        "marks over selectors": "Z" + f"{_MARK}\ufe0f" * 1_000,
        "marks over fillers": "Z" + f"{_MARK}\u3164" * 1_000,
        "marks over tags": "Z" + f"{_MARK}\U000e0061" * 1_000,
        "marks over hyphens": "Z" + f"{_MARK}\u00ad\u2060\u202e" * 1_000,
        "thai marks": "ก" + "็" * 3_000,
        "turned": "a\u202eb\u202c" * 3_000,
        "isolates": "\u2067a" * 5_000,
        "no-break spaces": "a\u00a0" * 5_000,
        "blank": "\u3164" * 5_000,
        "braille": "\u2800" * 5_000,
        "spaces": " \u2003" * 5_000,
        "address": "https://a.example/" + "a" * 2_000,
        "markup": "<b>&amp;\"'</b>" * 1_500,
        "lines": "x\n" * 5_000,
        "separators": "x\u2028\u2029" * 3_000,
    }
)


def _el(kind: str, *inner: str | Node, href: str = "", name: str = "") -> Node:
    return Node(kind, inner, href, name)  # type: ignore[arg-type]


def _nested(kind: str, depth: int, inner: str) -> Node:
    return _el(kind, inner if depth == 1 else _nested(kind, depth - 1, inner))


BODIES: Mapping[str, Body] = MappingProxyType(
    {
        "many lines": tuple(part for _ in range(10_000) for part in ("x", Node("br"))),
        "links": tuple(_el("link", f"a{n}.example", href=f"https://a{n}.example/") for n in range(5_000)),
        "hashtags": tuple(_el("hashtag", f"#tag{n}") for n in range(5_000)),
        "own hashtags": tuple(_el("hashtag", "#OpenIdeas26") for _ in range(5_000)),
        "mentions": tuple(_el("mention", "@somebody") for _ in range(5_000)),
        "paragraphs": tuple(_el("paragraph", "x") for _ in range(5_000)),
        "quotes": (_nested("quote", 15, "deep"),) * 500,
        "lists": (_el("list", *(_el("item", "x") for _ in range(5_000))),),
        "code": (_el("code", "x\n" * 5_000),),
        "wide code": (_el("code", "x\u00a0" * 5_000),),
        "wide emoji": ("look ", _el("emoji", name="wide"), " there"),
        "tall emoji": ("look ", _el("emoji", name="tall"), " there"),
        "many emoji": tuple(_el("emoji", name="wide") for _ in range(5_000)),
        "marks over elements": (
            "a",
            *(_el(kind, _MARK * 5) for _ in range(100) for kind in ("em", "strong", "code")),
        ),
        "bold marks": (_el("strong", "a"), *(part for _ in range(200) for part in (_MARK, _el("em", _MARK)))),
    }
)

_AUTHOR = Author("a", "Mallory", "@mallory@evil.example", "https://evil.example/@mallory")


def _with(field: str, text: str) -> dict[str, Any]:
    """The parts of a face that has this text in this field."""
    author, picture = msgspec.structs.replace(_AUTHOR, name=text, handle=text), Media("m", "image", text, 2)
    parts: dict[str, dict[str, Any]] = {
        "body": {"body": (text,)},
        "linked": {"body": (_el("link", text, href="https://a.example/"), " ", _el("hashtag", f"#{text}"))},
        "name": {"author": msgspec.structs.replace(_AUTHOR, name=text)},
        "handle": {"author": msgspec.structs.replace(_AUTHOR, name="", handle=text)},
        "warning": {"warning": text},
        "alt": {"media": (picture, Media("n", "video", text, 3)) * 8},
        "poll": {"poll": (text,) * 100},
        "preview": {"preview": Preview("https://a.example/", text, text, 2)},
        "emoji": {"body": ("x", _el("emoji", name=text[:200])), "emoji": (Emoji(text[:200], 0),)},
        "question": {"body": (f"{text} why?",)},
        "quote": {"quote": Quote("q", "https://q.example/", author, (text,), "", (picture,) * 9)},
    }
    return parts[field]


FIELDS = (
    "body",
    "linked",
    "name",
    "handle",
    "warning",
    "alt",
    "poll",
    "preview",
    "emoji",
    "question",
    "quote",
)


def _faces() -> Iterator[tuple[str, dict[str, Any]]]:
    for name, text in TEXTS.items():
        for field in FIELDS:
            yield f"{name} in {field}", _with(field, text)
    for name, body in BODIES.items():
        yield name, {"body": body}
        yield f"{name}, quoted", {"quote": Quote("q", "", _AUTHOR, body)}
    for name, text in TEXTS.items():
        parts: dict[str, Any] = {}
        for field in FIELDS:
            parts |= _with(field, text)
        yield f"{name} in every field", parts


def card_of(key: int, parts: dict[str, Any], *, root: int = 0, at: float = START) -> CardView:
    """One of these as a page gets it."""
    face = {
        "author": _AUTHOR,
        "network": "Mastodon",
        "url": f"https://evil.example/{key}",
        "body": ("words",),
        "emoji": (Emoji("wide", 0), Emoji("tall", 1)),
        **parts,
    }
    post = Post(f"p{key}", "mastodon", "evil", at, Face(**face))
    card = Card(key, "h", at, (WIDE, TALL, SLIDE, None), root, root)
    return views([(post, Item(key, key, key, card))])[0]


def hostile(count: int, *, first: int = 1, at: float = START) -> dict[str, CardView]:
    """So many of them by name, each kind at least once if there is room; every fifth answers another."""
    kinds = list(_faces())
    done = {}
    for number in range(count):
        name, parts = kinds[number % len(kinds)]
        key = first + number
        root = key - 1 if number % 5 == 4 else 0
        done[f"{name} ({number})"] = card_of(key, parts, root=root, at=at + number / 1000)
    return done
