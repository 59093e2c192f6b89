"""Posts as networks bring them, each different in what makes a card different."""

from collections.abc import Iterator
from typing import Any

import msgspec

from backchannel.board import Card, Item, Picture
from backchannel.model import Author, Body, Emoji, Face, Media, Node, Post, Preview, Quote

START = 1_795_500_000.0
PICTURE = Picture("ab" * 32, 540, 250)
AVATAR = Picture("cd" * 32, 128, 128)


def link(t: Any, href: str, *c: str | Node) -> Node:
    return Node(t, tuple(c), href)


def el(t: Any, *c: str | Node) -> Node:
    return Node(t, tuple(c))


BR = Node("br")
OWN = link("hashtag", "https://toot.example/tags/openideas26", "#OpenIdeas26")
OTHER = link("hashtag", "", "#captions")
AT = link("mention", "https://toot.example/@noor", "@noor")
QUOTED = Author("https://q.example/elif", "Elif K.", "@elif@q.example", "https://q.example/elif")

BODIES: list[Body] = [
    ("Plain words",),
    (),
    (AT, " what did ", link("link", 'https://x.example/?a=1&b="2"', "x.example/…"), " mean? ", OTHER),
    ("a", BR, "b", BR, BR, "c "),
    (el("em", "soft ", el("strong", "loud ", AT)), " then ", el("code", "<b>&amp;</b>\n  two")),
    (el("quote", "He said", BR, "this"), "I disagree"),
    (el("list", el("item", "one"), el("item", "two ", el("em", "x"))),),
    (el("paragraph", "First."), el("paragraph", "Second, ", AT, ". ", OWN)),
    (el("paragraph", "Only words, then"), el("paragraph", OWN, " ", OWN)),
    (OWN,),
    ("in the middle ", OWN, " it stays"),
    ("party ", Node("emoji", name="party"), Node("emoji", name="party"), Node("emoji", name="missing")),
    ("مرحبا بالعالم ", OWN),
    ("日本語のテキスト 🙂👩‍👩‍👧 e\u0301 \u200f\u2066x\u2069",),
    ("Z̸̡̧̢̛̛̛̛a̴̢̢̢̢̢̢l̵̡̡̡̡̡g̶̢̢̢̢o",),
    ("<script>alert(1)</script> {{ 7*7 }} \" ' & &lt;",),
    ("  leading,  double\nand newline  ",),
    (el("quote", el("list", el("item", link("link", "https://y.example/", el("code", "y"))))),),
    ("#not a tag, and text, " * 40,),
]
"""Bodies alone."""

IMAGE = Media("1", "image", "Speaker beside a slide", 1)
PARTS: list[dict[str, Any]] = [
    {"media": (IMAGE,)},
    {"media": (IMAGE, Media("2", "image", "", 1), Media("3", "video", "they laugh", 1))},
    {"media": (Media("1", "image", "a whiteboard", 2),)},
    {"media": (Media("1", "audio", ""), Media("2", "animation", "a cat", 1))},
    {"warning": "food <b>"},
    {"warning": "uspol", "media": (IMAGE,)},
    {"poll": ("Yes & no", "", "<i>")},
    {"preview": Preview("https://blog.example/p", 'A "title"', "", 1)},
    {"preview": Preview("https://blog.example/p", "", "")},
    {"quote": Quote("q1", "https://q.example/1", QUOTED, ("How do ", el("em", "small"), " teams ", OWN))},
    {"quote": Quote("q2", "https://q.example/2", QUOTED, ("hidden",), "spoiler", (IMAGE,))},
    {"quote": Quote("q3", "https://q.example/3", QUOTED, (), "", (IMAGE,))},
    {
        "media": (Media("1", "video", "", 1),),
        "warning": "w",
        "poll": ("a",),
        "preview": Preview("https://z.example/", ""),
        "quote": Quote("q4", "", QUOTED),
    },
]
"""What a post carries besides its body."""

AUTHORS = [
    Author("a1", "Noor O.", "@noor@toot.example", "https://toot.example/@noor", 0),
    Author("a2", "Ł. \u202eevil :party:", "", 'https://n.example/<>"', None),
    Author("a3", "山田 花子", "npub1abc", "", 2),
    Author("a4", "", "@nameless@toot.example", ""),
]


def _faces() -> Iterator[Face]:
    for i, body in enumerate(BODIES):
        yield Face(AUTHORS[i % 2], "Mastodon", f"https://n.example/{i}", body, emoji=(Emoji("party", 3),))
    for i, part in enumerate(PARTS):
        yield Face(AUTHORS[i % 4], "Nostr", f"https://m.example/{i}", ("with parts ", OTHER), **part)


def posts() -> list[tuple[Post, Item]]:
    """Every sample with its place on the board. Of the pictures, number 2 could not be had."""
    done = []
    for i, face in enumerate(_faces()):
        post = Post(
            id=f"https://n.example/{i}",
            kind="mastodon",
            source="toot.example",
            created_at=START + 60 * i,
            face=face,
            lang=["en", "", "ar", 'x"'][i % 4],
            sensitive=i % 5 == 0 and bool(face.media),
            pictures=("a", "b", "c", "d"),
        )
        card = Card(i, "h", post.created_at + 1, (AVATAR, PICTURE, None, PICTURE))
        done.append((post, Item(10 + i, 10 + i, 10 + i, card)))
    return done


def answering(pair: tuple[Post, Item], root: int) -> tuple[Post, Item]:
    """The same post as an answer in a conversation."""
    post, item = pair
    assert isinstance(item.value, Card)
    card = msgspec.structs.replace(item.value, parent=root, root=root)
    return post, msgspec.structs.replace(item, value=card)
