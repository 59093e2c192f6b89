"""A post in its display form."""

from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from backchannel.board import Blank, Card, Item, Picture
from backchannel.model import Author, Body, Emoji, Face, Media, Node, Post, Preview, Quote
from backchannel.web.card_body import NodeView, split_tags
from backchannel.web.card_render import api_post, render_card
from backchannel.web.card_view import CardView

ZONE = ZoneInfo("Europe/Berlin")
AT = 1_795_527_540.0  # 2026-11-24 14:39 in Berlin
NOOR = Author("a", "Noor O.", "@noor@toot.example", "https://toot.example/@noor")
ENVELOPE = {"created_at", "lang"}
HELD = Picture("ab" * 32, 540, 250)


def shown(body: Body = ("Hello",), *, pictures: tuple[Picture | None, ...] = (), **more: Any) -> CardView:
    face = {key: more.pop(key) for key in list(more) if key in Face.__struct_fields__}
    envelope = {"created_at": AT, **{key: more.pop(key) for key in list(more) if key in ENVELOPE}}
    post = Post(
        id="p",
        kind="mastodon",
        source="toot",
        face=Face(
            **{"author": NOOR, "network": "Mastodon", "url": "https://toot.example/1", "body": body, **face}
        ),
        **envelope,
    )
    card = msgspec.structs.replace(Card(1, "h", AT + 3600, pictures), **more)
    return render_card(post, Item(7, 9, 8, card), zone=ZONE, own_tags=("openideas26",))


def tag(text: str) -> Node:
    return Node("hashtag", (text,), "https://toot.example/tags/x")


OWN = tag("#OpenIdeas26")


def test_a_card_names_author_network_time_and_place() -> None:
    card = shown(parent=3, root=2)
    assert (card.key, card.order, card.parent, card.root) == (7, 8, 3, 2)
    assert (card.author.name, card.author.initials) == ("Noor O.", "NO")
    assert (card.author.handle, card.meta) == ("@noor@toot.example", "on Mastodon")
    assert (card.time.iso, card.time.text) == ("2026-11-24T13:39:00Z", "14:39")
    assert (card.time.day, card.time.month, card.time.date) == ("Tue", "24 Nov", "2026-11-24")


def test_the_time_of_day_has_no_leading_zero() -> None:
    assert shown(created_at=AT - 6 * 3600 + 60).time.text == "8:40"


@pytest.mark.parametrize(("created", "expected"), [(AT + 9e9, AT + 3600), (-5.0, 0.0), (AT - 60, AT - 60)])
def test_the_time_is_never_later_than_our_own_nor_before_all_time(created: float, expected: float) -> None:
    assert shown(created_at=created).at == int(expected)


@pytest.mark.parametrize(
    ("handle", "short", "home"),
    [
        ("@noor@toot.example", "@noor", "@toot.example"),
        ("@noor", "@noor", ""),
        ("noor.example", "noor.example", ""),
        ("npub1abc…xyz", "", "npub1abc…xyz"),
        ("", "", ""),
    ],
)
def test_a_handle_has_a_part_that_names_and_a_part_that_may_be_left_out(
    handle: str, short: str, home: str
) -> None:
    author = shown(author=Author("b", "Noor", handle)).author
    assert (author.short, author.home, author.handle) == (short, home, handle)


def test_a_writer_without_a_handle_is_only_on_a_network() -> None:
    card = shown(author=Author("b", "The Blog", ""), network="Blog")
    assert (card.author.handle, card.meta) == ("", "on Blog")


@pytest.mark.parametrize(
    ("name", "initials"),
    [
        ("Noor O.", "NO"),
        ("madonna", "M"),
        ("山田 花子", "山"),
        ("مريم العلي", "م"),
        ("🙂 🙂", "NT"),
        ("", "NT"),
        ("3 Ants", "A"),
    ],
)
def test_initials_suit_the_script(name: str, initials: str) -> None:
    assert shown(author=Author("b", name, "@noor@toot")).author.initials == initials


def test_a_name_is_drawn_without_the_shortcodes_of_its_networks_pictures() -> None:
    author = Author("b", "Noor :verified: :smile:", "@n")
    card = shown(author=author, emoji=(Emoji("verified", 0),), pictures=(HELD,))
    assert card.author.name == "Noor :smile:"


def test_heaped_marks_are_bounded_wherever_they_are_drawn() -> None:
    heap = "a" + "\u0301" * 50
    card = shown((heap,), author=Author("b", heap, heap), warning=heap, poll=(heap,))
    for text in (card.body[0], card.author.name, card.author.handle, card.warning, card.poll[0]):
        assert isinstance(text, str)
        assert text.count("\u0301") == 3


def test_a_picture_that_is_held_is_an_address_of_ours() -> None:
    card = shown(media=(Media("m", "image", "a slide", 0),), pictures=(HELD,))
    assert msgspec.to_builtins(card.media[0]) == {
        "kind": "image", "src": f"/media/{'ab' * 32}.webp", "alt": "a slide", "w": 540, "h": 250,
        "label": "Picture", "url": "https://toot.example/1",
    }  # fmt: skip


def test_alt_text_stands_for_a_picture_that_could_not_be_had() -> None:
    card = shown(media=(Media("m", "image", "a slide", 0),), pictures=(None,))
    assert (card.media[0].kind, card.media[0].src, card.media[0].alt) == ("words", "", "a slide")


def test_a_video_is_its_poster_with_a_way_to_where_it_plays() -> None:
    medium = shown(media=(Media("m", "video", "", 0),), pictures=(HELD,)).media[0]
    assert (medium.kind, medium.label, medium.url) == ("moving", "Video", "https://toot.example/1")


def test_an_emoji_without_its_picture_is_its_shortcode_and_joins_the_text() -> None:
    body: Body = ("a ", Node("emoji", name="x"), " b")
    assert shown(body, emoji=(Emoji("x", 0),), pictures=(None,)).body == ("a :x: b",)
    assert shown(body, emoji=(Emoji("x", 0),), pictures=(HELD,)).body[1] == NodeView(
        "emoji", src=f"/media/{'ab' * 32}.webp", alt=":x:"
    )


@pytest.mark.parametrize(
    ("body", "left", "tags"),
    [
        (("Hi ", OWN), "Hi", "#OpenIdeas26"),
        (("Hi ", OWN, " ", tag("#captions")), "Hi #OpenIdeas26 #captions", ""),
        (("Hi ", tag("#captions"), " ", OWN), "Hi #captions", "#OpenIdeas26"),
        ((OWN, " is great"), "#OpenIdeas26 is great", ""),
        ((OWN,), "", "#OpenIdeas26"),
        ((Node("paragraph", ("Hi",)), Node("paragraph", (OWN, " ", OWN))), "Hi", "#OpenIdeas26 #OpenIdeas26"),
        ((Node("paragraph", ("Hi ", OWN)),), "Hi", "#OpenIdeas26"),
        (("Hi", Node("br"), Node("br"), OWN, " "), "Hi", "#OpenIdeas26"),
        (("Hi ",), "Hi ", ""),
    ],
)
def test_the_events_own_hashtags_at_the_end_stand_apart(body: Body, left: str, tags: str) -> None:
    card = shown(body)
    assert (_text(card.body), card.tags) == (left, tags)


def test_cutting_hashtags_leaves_a_body_without_them_as_it_is() -> None:
    body = ("a", NodeView("br"), "b ")
    assert split_tags(body) == (body, "")


def test_a_question_is_known_by_its_end_and_its_own_hashtags_do_not_hide_it() -> None:
    assert [shown((text, OWN)).asks for text in ("Why? ", "Why?” ", "なぜ？", "لماذا؟ ", "Who knows. ")] == [
        True, True, True, True, False,
    ]  # fmt: skip
    assert not shown(("Why?",), warning="food").asks


def test_words_are_counted_also_where_there_are_no_spaces() -> None:
    assert (shown(("One two three",)).words, shown(("日本語の文",)).words) == (3, 3)


def test_a_language_tag_that_is_none_does_not_reach_the_page() -> None:
    assert [shown(lang=lang).lang for lang in ("pt-BR", 'x" onload="', "")] == ["pt-BR", "", ""]


def test_a_preview_shows_its_picture_only_where_the_post_has_none() -> None:
    preview = Preview("https://blog.example/p", "", "", 0)
    alone, beside = (
        shown(preview=preview, pictures=(HELD,)),
        shown(preview=preview, media=(Media("m", "image", "", 0),), pictures=(HELD,)),
    )
    assert (alone.preview.title, alone.preview.host, bool(alone.preview.src)) == (
        "blog.example",
        "blog.example",
        True,
    )
    assert beside.preview.src == ""


def test_a_quoted_post_leaves_out_the_hashtags_that_everybody_has() -> None:
    quote = Quote("q", "https://q.example/1", NOOR, ("Stop ", OWN))
    assert shown(quote=quote).quote.body == ("Stop",)
    (alone,) = shown(quote=msgspec.structs.replace(quote, body=(OWN,))).quote.body
    assert isinstance(alone, NodeView)
    assert _text(alone.c) == "#OpenIdeas26"


def test_a_quoted_posts_warning_covers_its_words_and_pictures() -> None:
    quote = Quote("q", "https://q.example/1", NOOR, ("spoiler",), "plot", (Media("m", "image", "x", 0),))
    card = shown(quote=quote, pictures=(HELD,))
    assert (card.quote.warning, card.quote.body, card.quote.media) == ("plot", (), ())


def test_what_is_no_card_cannot_be_drawn() -> None:
    post = Post("p", "k", "s", AT, Face(NOOR, "Mastodon", ""))
    with pytest.raises(TypeError, match="item 0 is no card"):
        render_card(post, Item(0, 1, 0, Blank()), zone=ZONE, own_tags=())


def test_the_api_says_a_post_in_words_markup_and_display_form() -> None:
    post = Post("p", "mastodon", "toot", AT, Face(NOOR, "Mastodon", "https://toot.example/1", ("Hi ", OWN)))
    said = api_post(post, Item(7, 9, 8, Card(1, "h", AT)), zone=ZONE, html="<b>", own_tags=("openideas26",))
    assert {
        "key",
        "order",
        "id",
        "kind",
        "source",
        "url",
        "author",
        "body",
        "html",
        "text",
        "created_at",
        "media",
    } <= set(said)
    assert (said["text"], said["html"], said["created_at"]) == (
        "Hi #OpenIdeas26",
        "<b>",
        "2026-11-24T13:39:00+00:00",
    )
    assert said["card"]["tags"] == "#OpenIdeas26"
    assert msgspec.json.decode(msgspec.json.encode(said), type=dict[str, Any])["key"] == 7


def _text(body: Any) -> str:
    return "".join(node if isinstance(node, str) else _text(node.c) for node in body)
