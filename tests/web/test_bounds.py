"""What one post may draw: bounded, with a sign where there is more; what is blank stands for nothing."""

import pytest

from backchannel.model import Author, Body, Emoji, Media, Node, Preview, Quote
from backchannel.web.card_body import WHOLE, BodyView, NodeView, words_of
from backchannel.web.card_render import HANDLE, MEDIA, NAME, OPTION, OPTIONS
from backchannel.web.card_view import CardView
from backchannel.web.pages import Pages
from tests.browser.page_site import CONFIG
from tests.test_drawing import BLANK
from tests.web.test_card_render import HELD, NOOR, OWN, shown

HEAP = "\u0301\u200d\u0316\u00ad" * 50


def el(kind: str, *inner: str | Node, href: str = "") -> Node:
    return Node(kind, inner, href)  # type: ignore[arg-type]


def count(body: BodyView) -> int:
    return sum(1 + count(node.c) for node in body if isinstance(node, NodeView))


def markup(card: CardView) -> str:
    return Pages(CONFIG).card_html(card)


def test_of_many_options_and_pictures_some_are_drawn_and_a_sign_says_how_many_more() -> None:
    card = shown(
        poll=tuple(f"option {n}" for n in range(150_000)),
        media=tuple(Media(str(n), "image", "x" * 9_000, 0) for n in range(16)),
        pictures=(HELD,),
    )
    assert (len(card.poll), card.rest.poll) == (OPTIONS, f"and {150_000 - OPTIONS} more")
    assert (len(card.media), card.rest.media) == (MEDIA, f"and {16 - MEDIA} more")
    assert f"and {150_000 - OPTIONS} more" in markup(card)
    assert len(markup(card)) < 40_000


def test_few_options_and_pictures_are_drawn_without_a_sign() -> None:
    card = shown(poll=("a", "b"), media=(Media("1", "image", "", 0),), pictures=(HELD,))
    assert (card.rest.poll, card.rest.media, card.rest.body) == ("", "", "")


@pytest.mark.parametrize(
    "body",
    [
        ("W" * 400_000,),
        ("a " * 200_000,),
        ("\u0645" * 400_000,),
        tuple(part for n in range(20_000) for part in (f"{n}", Node("br"))),
        tuple(el("link", f"a{n}", href="https://a.example/" + "a" * 2_000) for n in range(5_000)),
        tuple(Node("emoji", name="party") for _ in range(10_000)),
        (el("list", *(el("item", el("em", el("strong", "x"))) for _ in range(20_000))),),
        tuple(el("paragraph", "&<>\"'") for _ in range(20_000)),
    ],
    ids=["word", "words", "joined", "lines", "links", "emoji", "items", "escapes"],
)
def test_a_huge_body_is_cut_and_says_where_it_goes_on(body: Body) -> None:
    card = shown(body, emoji=(Emoji("party", 0),), pictures=(HELD,))
    assert card.rest.body == "It goes on where it was said"
    assert len(words_of(card.body)) <= WHOLE.letters
    assert words_of(card.body).endswith("…")
    assert count(card.body) <= WHOLE.nodes + WHOLE.letters // 64
    assert len(markup(card)) < 400_000
    assert len(card.begins) <= 280


def test_a_long_text_is_whole_and_folded_and_a_short_one_is_not() -> None:
    long = shown(("W" * 5_000,))
    assert (words_of(long.body), long.begins, long.rest.body) == ("W" * 5_000, "W" * 279 + "…", "")
    assert (shown(("Hello",)).begins, "<wbr>" in markup(shown(("Hello",)))) == ("", False)


@pytest.mark.parametrize("letter", ["W", "\u0645", "\u0e01", "क", "/"])
def test_a_word_longer_than_any_line_can_be_broken_every_128_letters(letter: str) -> None:
    body = shown((letter * 5_000,)).body
    pieces = [part for part in body if isinstance(part, str)]
    assert words_of(body) == letter * 5_000
    assert max(map(len, pieces)) == 128


def test_no_break_stands_within_what_is_one_sign() -> None:
    sign = "क\u094d\u200dषा\u0301"
    pieces = [part for part in shown((sign * 300,)).body if isinstance(part, str)]
    assert len(pieces) > 5
    assert all(piece == sign * (len(piece) // len(sign)) for piece in pieces)


def test_a_long_text_of_a_script_that_breaks_anywhere_needs_no_breaks() -> None:
    assert shown(("日本語" * 500,)).body == ("日本語" * 500,)


def test_names_handles_and_other_lines_are_cut_with_a_sign() -> None:
    long = "W" * 40_000
    card = shown(
        author=Author("a", long, f"@{long}"),
        warning=long,
        poll=(long,),
        media=(Media("m", "image", long, 0),),
        preview=Preview("https://a.example/", long),
        quote=Quote("q", "", Author("b", long, long), (long,)),
        body=(*((OWN,) * 300),),
    )
    assert (len(card.author.name), len(card.author.handle)) == (NAME, HANDLE)
    assert len(card.poll[0].replace("\u200b", "")) == OPTION
    author, quote = card.author, card.quote
    lines = [author.name, author.handle, card.warning, card.poll[0], card.media[0].alt, card.preview.title]
    lines += [quote.name, quote.meta, words_of(quote.body), card.tags]
    assert [line[-9:] for line in lines if not line.endswith("…")] == []
    assert max(map(len, lines)) <= 2_000


def test_marks_are_bounded_over_the_ends_of_elements_and_of_pictures() -> None:
    body = (
        el("strong", "a"),
        HEAP,
        el("em", HEAP),
        el("code", HEAP),
        el("link", HEAP, href="https://a.example/"),
    )
    assert words_of(shown(body).body).count("\u0301") + words_of(shown(body).body).count("\u0316") == 3
    lines = ("a", Node("br"), HEAP, el("paragraph", HEAP), HEAP)
    assert words_of(shown(lines).body).count("\u0301") <= 6


@pytest.mark.parametrize("blank", BLANK, ids=ascii)
def test_a_name_that_nobody_can_read_gives_way_to_the_handle(blank: str) -> None:
    quote = Quote("q", "", Author("b", blank, "@quoted@q.example"), ("words",))
    card = shown(author=Author("b", blank, "@noor@toot.example"), quote=quote)
    assert (card.author.name, card.author.initials) == ("@noor@toot.example", "NE")
    assert card.quote.name == "@quoted@q.example"
    nameless = shown(author=Author("b", blank, blank)).author
    assert (nameless.name, nameless.handle, nameless.short, nameless.initials) == ("?", "", "", "?")


@pytest.mark.parametrize(
    ("name", "initials"),
    [("\u3164Noor \u3164O", "NO"), ("\u3164", "NT"), ("ﷺ", "ص"), ("\u200dx", "X"), ("\uffa0\u115f", "NT")],
)
def test_initials_can_always_be_read(name: str, initials: str) -> None:
    assert shown(author=Author("b", name, "@noor@toot")).author.initials == initials


@pytest.mark.parametrize("blank", BLANK, ids=ascii)
@pytest.mark.parametrize("is_nested", [False, True])
def test_a_text_that_draws_nothing_has_no_words_and_is_empty(blank: str, *, is_nested: bool) -> None:
    text = blank * 50
    card = shown((el("paragraph", el("em", text)), Node("br")) if is_nested else (text,))
    assert (card.body, card.words, card.asks, card.lines, card.empty) == ((), 0, False, 0, True)


def test_what_has_something_to_see_beside_a_blank_text_is_not_empty() -> None:
    said = Quote("q", "", NOOR, ("words",))
    assert not shown(("\u3164",), media=(Media("m", "image", "", 0),), pictures=(HELD,)).empty
    assert not shown((), poll=("yes",)).empty
    assert not shown((), quote=said).empty
    assert not shown((), preview=Preview("https://a.example/", "")).empty
    assert not shown((OWN,)).empty
    assert shown((), poll=("\u3164", "\u2800")).empty
    assert shown((), quote=Quote("q", "", NOOR, ("\u200b",))).empty


@pytest.mark.parametrize("blank", ["\u3164", "\u200b", " "])
def test_blank_lines_of_a_card_are_filled_or_left_out(blank: str) -> None:
    card = shown(
        ("see ", el("link", blank, href="https://a.example/x")),
        warning=blank,
        media=(Media("m", "image", blank, 0),),
        preview=Preview("https://a.example/", blank),
    )
    assert (card.warning, card.media[0].alt, card.preview.title) == ("not said", "", "a.example")
    assert words_of(card.body) == "see a.example"


def test_question_marks_alone_are_no_question() -> None:
    assert not shown(("?" * 2_000,)).asks
    assert shown(("Why?",)).asks


def test_the_least_room_of_a_text_is_known_from_its_letters() -> None:
    cards = [shown((text,)) for text in ("W" * 5_000, "i" * 1_000, "日" * 100)]
    assert [(card.ems, card.lines) for card in cards] == [(2_600, 1), (200, 1), (48, 1)]
    lines = shown((*(part for _ in range(50) for part in ("a", Node("br"))), "end"))
    assert lines.lines == 51
    assert (
        shown(
            (el("paragraph", "a"), el("paragraph", "b"), el("list", el("item", "c"), el("item", "d")))
        ).lines
        == 3
    )


def test_a_card_of_many_letters_says_that_it_is_heavy() -> None:
    assert [shown(("W" * count,)).heavy for count in (400, 600, 20_000)] == [0, 1, 2]
    assert [shown(poll=("x" * 200,) * count).heavy for count in (3, 6, 12, 90)] == [0, 1, 2, 2]
    assert shown(("W" * 700,), poll=("x" * 200,) * 12).heavy == 2


def test_a_long_word_of_a_line_is_given_places_to_break() -> None:
    alt = shown(media=(Media("m", "image", "W" * 900, 0),), pictures=(HELD,)).media[0].alt
    assert max(map(len, alt.split("\u200b"))) == 128
    assert alt.replace("\u200b", "") == "W" * 900


def test_white_space_and_marks_take_no_room() -> None:
    assert shown(("a" + " \n" * 5_000 + "b",)).ems == 1
    assert shown(("a" + HEAP * 90,)).ems == 0
