"""What an event means: hand-written, signed twins of every field a card draws."""

import json
from collections.abc import Iterable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backchannel.model import REFUSALS, Author, DecodeError, Emoji, Media, Node, Post
from backchannel.sources.nostr.authors import Profile, parse_profile
from backchannel.sources.nostr.bech32 import render_naddr, render_nevent, render_npub, shorten
from backchannel.sources.nostr.post import find_people, find_quote, parse_post
from backchannel.sources.nostr.wire import WireEvent, check_event, parse_event
from backchannel.text import plain_text
from tests.sources.nostr.kit import ADA, GRACE, MALLORY, Wire

WEB = "https://web.example/{id}"
ID, ID2, ID3 = "1" * 64, "2" * 64, "3" * 64
ARTICLE = f"30023:{GRACE.pubkey}:intro"
PIC = "https://pic.example/a.jpg"


def post(
    event: WireEvent, *, profiles: Iterable[Wire] = (), events: Iterable[WireEvent] = (), now: float = 2e6
) -> Post:
    known = {wire["pubkey"]: parse_profile(parse_event(json.dumps(wire).encode())) for wire in profiles}
    held = {reference: e for e in events for reference in (e.id, e.address) if reference}
    return parse_post(event, source="relays", web=WEB, profile_of=known.get, event_of=held.get, now=now)


def text(found: Post) -> str:
    return plain_text(found.face.body)


# --- the envelope ---------------------------------------------------------------------------------


def test_a_note_is_a_post_with_its_ids_time_and_permalink() -> None:
    event = ADA.event("hello", ("t", "Backchannel"), at=1234)
    found = post(event)
    assert (found.id, found.ref, found.kind, found.source) == (
        f"nostr:{event.id}",
        event.id,
        "nostr",
        "relays",
    )
    assert (found.created_at, found.revision, found.is_origin) == (1234.0, 0, True)
    assert found.face.network == "Nostr"
    assert found.face.url == f"https://web.example/{render_nevent(event.id, ADA.pubkey, 1)}"
    assert found.hashtags == ("backchannel",)
    assert found.face.body == ("hello",)


def test_an_author_without_a_profile_is_shown_by_both_ends_of_its_key() -> None:
    short = shorten(render_npub(ADA.pubkey))
    assert post(ADA.event("x")).face.author == Author(
        f"nostr:{ADA.pubkey}", short, short, f"https://web.example/{render_npub(ADA.pubkey)}"
    )


def test_the_profile_gives_name_and_picture_and_never_an_unchecked_handle() -> None:
    profile = ADA.profile(
        display_name=" Ada\nLovelace ", name="ada", picture=PIC, nip05="ada@trusted.example"
    )
    found = post(ADA.event("x"), profiles=[profile])
    assert found.face.author.name == "Ada Lovelace"
    assert found.face.author.handle == shorten(render_npub(ADA.pubkey))
    assert found.face.author.avatar is not None
    assert found.pictures[found.face.author.avatar] == PIC
    assert "trusted.example" not in repr(found)


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ({"name": "ada"}, "ada"),
        ({"display_name": "", "name": "ada"}, "ada"),
        ({"displayName": "Ada L", "name": "ada"}, "Ada L"),
        ({"name": 5}, ""),
        ({"name": "x" * 500}, "x" * 199 + "…"),
    ],
)
def test_the_name_is_the_first_that_says_something(said: dict[str, Any], name: str) -> None:
    assert parse_profile(parse_event(json.dumps(ADA.profile(**said)).encode())).name == name


@pytest.mark.parametrize("content", ["", "null", "[]", "{", '"x"', "[" * 5000])
def test_a_profile_that_is_no_object_is_refused(content: str) -> None:
    with pytest.raises(DecodeError):
        parse_profile(ADA.event(content, kind=0))


@pytest.mark.parametrize(
    ("said", "label"),
    [
        ({"about": "please #nobot"}, "nobot"),
        ({"about": "#NoBots, thanks"}, "nobot"),
        ({"about": "#noindex"}, "noindex"),
        ({"about": "#nowall"}, "nowall"),
        ({"bot": True}, "bot"),
    ],
)
def test_what_an_author_wishes_is_a_label(said: dict[str, Any], label: str) -> None:
    assert post(ADA.event("x"), profiles=[ADA.profile(**said)]).labels == (label,)


def test_a_post_can_opt_out_by_itself() -> None:
    assert "nowall" in post(ADA.event("not for screens #nowall", ("t", "backchannel"))).labels


def test_of_two_profiles_the_later_stands_and_of_one_second_the_lower_id() -> None:
    early, late = Profile("b", "k", 1), Profile("c", "k", 2)
    assert late.is_later(early)
    assert not early.is_later(late)
    assert Profile("a", "k", 1).is_later(early)
    assert early.is_later(None)


def test_the_language_is_the_iso_label() -> None:
    tags = [("L", "ISO-639-1"), ("l", "NS-nud", "social.nos.ontology"), ("l", "de", "ISO-639-1")]
    assert post(ADA.event("x", *tags)).lang == "de"


def test_a_language_that_is_none_is_left_out() -> None:
    assert post(ADA.event("x", ("l", "<script>", "ISO-639-1"))).lang == ""


def test_a_bridged_post_says_so() -> None:
    assert post(ADA.event("x", ("proxy", "https://m.example/1", "activitypub"))).labels == ("bridged",)


def test_a_protected_event_is_shown_like_any_other() -> None:
    assert text(post(ADA.event("only here", ("-",)))) == "only here"


def test_an_expiration_ends_the_post() -> None:
    assert post(ADA.event("x", ("expiration", "3000000"))).expires_at == 3e6


@pytest.mark.parametrize("kind", [0, 5, 6, 7, 16, 62, 9735, 30311])
def test_an_event_of_another_kind_is_no_post(kind: int) -> None:
    with pytest.raises(DecodeError, match="no post"):
        post(ADA.event("x", ("d", "x"), kind=kind))


# --- hashtags -------------------------------------------------------------------------------------


def test_hashtags_come_from_tags_and_text_folded_and_each_once() -> None:
    found = post(ADA.event("see #Straße and #backchannel", ("t", "BackChannel"), ("t", "#ＦＵＬＬ")))
    assert found.hashtags == ("backchannel", "full", "strasse")


def stuffed(content: str) -> Post:
    return post(ADA.event(content, *(("t", f"tag{n}") for n in range(9)), ("t", "backchannel")))


def test_a_stuffed_event_matches_only_by_what_stands_in_its_text() -> None:
    assert stuffed("buy now").hashtags == ()
    assert stuffed("really about #BackChannel").hashtags == ("backchannel",)
    assert stuffed("buy now").labels == ("tag-stuffed",)


def test_eight_hashtags_are_no_stuffing() -> None:
    found = post(ADA.event("x", *(("t", f"tag{n}") for n in range(8))))
    assert (len(found.hashtags), found.labels) == (8, ())


# --- warnings -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tags", "warning"),
    [
        ([("content-warning", "spoilers")], "spoilers"),
        ([("content-warning", "")], "Content warning"),
        ([("content-warning",)], "Content warning"),
        ([("content-warning",), ("l", "eye contact", "content-warning")], "eye contact"),
        ([("content-warning", "two\nlines")], "two lines"),
    ],
)
def test_a_content_warning_covers_the_post(tags: list[tuple[str, ...]], warning: str) -> None:
    found = post(ADA.event("x", *tags))
    assert (found.face.warning, found.sensitive, found.labels) == (warning, True, ("sensitive",))


# --- threads --------------------------------------------------------------------------------------

A, B, C = (f"nostr:{i}" for i in (ID, ID2, ID3))
MARKED_REPLY: list[tuple[str, ...]] = [("e", ID, "", "root"), ("e", ID2, "", "reply")]
THREADS: dict[str, tuple[int, list[tuple[str, ...]], str, str]] = {
    "no tags": (1, [], "", ""),
    "root alone is the parent": (1, [("e", ID, "", "root", GRACE.pubkey)], A, A),
    "root and reply": (1, MARKED_REPLY, B, A),
    "a mention is none": (1, [("e", ID3, "", "mention"), *MARKED_REPLY], B, A),
    "a mention alone is none": (1, [("e", ID3, "", "mention")], "", ""),
    "reply without root": (1, [("e", ID2, "wss://r", "reply")], B, B),
    "one positional": (1, [("e", ID)], A, A),
    "positional": (1, [("e", ID), ("e", ID3), ("e", ID2)], B, A),
    "a quoted event is no parent": (1, [("e", ID), ("q", ID)], "", ""),
    "an article": (1, [("a", ARTICLE, "", "root")], f"nostr:{ARTICLE}", f"nostr:{ARTICLE}"),
    "no id at all": (1, [("e", "dcd59..464a2"), ("e",), ("e", "A" * 64)], "", ""),
    "comment on a note": (1111, [("E", ID), ("K", "1"), ("e", ID), ("k", "1")], A, A),
    "comment on a comment": (1111, [("E", ID), ("e", ID2)], B, A),
    "comment on an article": (
        1111, [("A", ARTICLE), ("a", ARTICLE), ("e", ID)], f"nostr:{ARTICLE}", f"nostr:{ARTICLE}",
    ),
    "comment on a web page": (1111, [("I", "https://a.example/1"), ("e", ID2)], B, "https://a.example/1"),
    "comment with a root alone": (1111, [("E", ID)], A, A),
}  # fmt: skip


@pytest.mark.parametrize("name", THREADS)
def test_a_reply_names_what_it_answers_and_what_began_the_thread(name: str) -> None:
    kind, tags, reply_to, root = THREADS[name]
    found = post(ADA.event("x", *tags, kind=kind))
    assert (found.reply_to, found.root) == (reply_to, root)


# --- text -----------------------------------------------------------------------------------------


def test_links_hashtags_and_line_breaks_are_found() -> None:
    assert post(ADA.event("see https://a.example/x.\n#BackChannel")).face.body == (
        "see ",
        Node("link", ("a.example/x",), href="https://a.example/x"),
        ".",
        Node("br"),
        Node("hashtag", ("#BackChannel",)),
    )


def test_a_mention_carries_the_name_of_the_profile() -> None:
    word = render_npub(GRACE.pubkey)
    found = post(ADA.event(f"ask nostr:{word}, she knows"), profiles=[GRACE.profile(name="Grace")])
    mention = Node("mention", ("@Grace",), href=f"https://web.example/{word}")
    assert found.face.body == ("ask ", mention, ", she knows")


def test_a_mention_of_somebody_unknown_is_the_short_key() -> None:
    word = render_npub(GRACE.pubkey)
    assert text(post(ADA.event(f"@{word} hi"))) == f"@{shorten(word)} hi"


def test_people_who_are_mentioned_are_looked_up() -> None:
    event = ADA.event(f"nostr:{render_npub(GRACE.pubkey)} nostr:{render_npub(ADA.pubkey)}")
    assert find_people(event) == [ADA.pubkey, GRACE.pubkey]


@pytest.mark.parametrize(
    ("word", "canonical"),
    [
        (render_nevent(ID), render_nevent(ID)),
        (render_nevent(ID, GRACE.pubkey, 1), render_nevent(ID, GRACE.pubkey, 1)),
        (render_naddr(30023, GRACE.pubkey, "intro"), render_naddr(30023, GRACE.pubkey, "intro")),
    ],
)
def test_a_mentioned_event_that_is_not_known_stays_a_link(word: str, canonical: str) -> None:
    link = Node("link", (shorten(word),), href=f"https://web.example/{canonical}")
    assert post(ADA.event(f"read nostr:{word} now")).face.body == ("read ", link, " now")


@pytest.mark.parametrize("content", ["quote nostr:note1…", "nostr:npub1qqqq x", "nostr:", "nostr:nsec1abc"])
def test_a_broken_reference_stays_text(content: str) -> None:
    assert post(ADA.event(content)).face.body == (content,)


def test_a_reference_within_an_address_is_part_of_the_address() -> None:
    url = f"https://njump.me/nostr:{render_npub(GRACE.pubkey)}"
    (link,) = post(ADA.event(url)).face.body
    assert isinstance(link, Node)
    assert (link.t, link.href) == ("link", url)


def test_a_secret_key_in_a_text_leads_nowhere() -> None:
    assert (
        post(ADA.event("nostr:nsec1vl029mgpspedva04g90vltkh6fvh240zqtv9k0t9af8935ke9laqsnlfe5")).face.quote
        is None
    )


def test_controls_do_not_reach_the_body() -> None:
    assert post(ADA.event("a\x00b\r\nc\x1b")).face.body == ("ab", Node("br"), "c")


def test_custom_emoji_are_pictures_in_text_and_warning_and_unused_ones_are_left_out() -> None:
    tags = [
        ("emoji", "wave", "https://e.example/w.png"),
        ("emoji", "hm", "https://e.example/h.png"),
        ("emoji", "no", "https://e.example/n.png"),
        ("emoji", "bad", "javascript:1"),
        ("emoji", "short"),
    ]
    found = post(ADA.event("hi :wave: :bad:", *tags, ("content-warning", ":hm:")))
    assert found.face.body == ("hi ", Node("emoji", name="wave"), " :bad:")
    assert {(e.name, found.pictures[e.picture]) for e in found.face.emoji} == {
        ("wave", "https://e.example/w.png"),
        ("hm", "https://e.example/h.png"),
    }


def test_custom_emoji_of_a_name_are_pictures_too() -> None:
    profile = ADA.wire('{"name":"Ada :soap:"}', ("emoji", "soap", "https://e.example/s.png"), kind=0)
    found = post(ADA.event("x"), profiles=[profile])
    assert found.face.emoji == (Emoji("soap", found.pictures.index("https://e.example/s.png")),)


# --- media ----------------------------------------------------------------------------------------


def media(found: Post) -> list[tuple[str, str, str]]:
    return [(m.kind, m.alt, "" if m.picture is None else found.pictures[m.picture]) for m in found.face.media]


def test_a_described_picture_is_media_and_leaves_the_text() -> None:
    imeta = (
        "imeta",
        f"url {PIC}",
        "m image/jpeg",
        "alt A red door",
        "dim 640x480",
        "blurhash eVF",
        "x " + ID,
    )
    found = post(ADA.event(f"look {PIC} nice", imeta))
    assert media(found) == [("image", "A red door", PIC)]
    assert found.face.media == (Media(ID, "image", "A red door", 0),)
    assert found.face.body == ("look nice",)


@pytest.mark.parametrize("ending", ["jpg", "JPEG", "png", "gif", "webp", "avif", "png?w=3"])
def test_a_bare_picture_address_is_media(ending: str) -> None:
    url = f"https://pic.example/b.{ending}"
    found = post(ADA.event(f"one\n{url}\n\n#two"))
    assert media(found) == [("image", "", url)]
    assert text(found) == "one\n\n#two"


def test_a_medias_id_is_no_address_and_the_same_everywhere() -> None:
    one, two = (post(writer.event(PIC)).face.media[0].id for writer in (ADA, GRACE))
    assert one == two
    assert "pic.example" not in one


def test_a_picture_twice_is_shown_once_and_more_than_eight_are_not() -> None:
    urls = [f"https://pic.example/{n}.png" for n in range(12)]
    assert len(post(ADA.event(f"{PIC} {PIC}")).face.media) == 1
    found = post(ADA.event(" ".join(urls)))
    assert len(found.face.media) == 8
    assert "pic.example/8.png" in text(found)


def test_a_film_without_a_poster_keeps_its_address_in_the_text() -> None:
    imeta = ("imeta", "url https://v.example/a.mp4", "m video/mp4", "alt A talk")
    found = post(ADA.event("watch https://v.example/a.mp4", imeta))
    assert media(found) == [("video", "A talk", "")]
    assert text(found) == "watch v.example/a.mp4"


@pytest.mark.parametrize(
    "entries",
    [[], ["m image/png"], ["url "], ["url javascript:alert(1)", "m image/png"], ["url https://a.example/x"],
     ["url https://a.example/x.svg", "m image/svg+xml"], ["url https://a.example/x", "m text/html"],
     ["url http://[bad/x.png"]],
)  # fmt: skip
def test_an_attachment_nobody_can_draw_is_left_out(entries: list[str]) -> None:
    assert post(ADA.event("x", ("imeta", *entries))).face.media == ()


def test_a_picture_post_shows_its_title_and_its_pictures_though_no_address_is_in_the_text() -> None:
    tags = [("title", "Door"), ("imeta", f"url {PIC}", "m image/jpeg"), ("alt", "A red door")]
    found = post(ADA.event("in Lisbon", *tags, kind=20))
    assert found.face.body == (Node("paragraph", (Node("strong", ("Door",)),)), "in Lisbon")
    assert media(found) == [("image", "A red door", PIC)]


@pytest.mark.parametrize("kind", [21, 22])
def test_the_cuts_of_a_film_are_one_medium_with_its_poster(kind: int) -> None:
    cuts = [
        ("imeta", "url https://v.example/a.mp3", "m audio/mp3"),
        ("imeta", "url https://v.example/1080.mp4", "m video/mp4", f"image {PIC}"),
        ("imeta", "url https://v.example/a.m3u8", "m application/x-mpegURL", f"image {PIC}"),
    ]
    found = post(ADA.event("the talk", ("title", "Talk"), ("alt", "On stage"), *cuts, kind=kind))
    assert media(found) == [("video", "On stage", PIC)]


# --- articles -------------------------------------------------------------------------------------


def article(content: str, *tags: tuple[str, ...], at: float = 5000) -> Post:
    return post(ADA.event(content, ("d", "intro"), *tags, kind=30023, at=at))


def test_an_article_keeps_its_id_through_revisions_and_its_first_date() -> None:
    one = article("a", ("published_at", "4000"), at=5000)
    two = article("b", ("published_at", "4000"), at=6000)
    assert one.id == two.id == f"nostr:30023:{ADA.pubkey}:intro"
    assert (one.revision, two.revision) == (5000, 6000)
    assert (one.created_at, two.created_at) == (4000.0, 4000.0)
    assert one.face.url == f"https://web.example/{render_naddr(30023, ADA.pubkey, 'intro')}"


def test_a_first_date_in_the_future_is_not_believed() -> None:
    assert article("a", ("published_at", "9000"), at=5000).created_at == 5000.0


def test_an_article_with_a_summary_shows_title_summary_and_cover() -> None:
    found = article("long **text**", ("title", "Intro"), ("summary", "In short"), ("image", PIC))
    assert found.face.body == (Node("paragraph", (Node("strong", ("Intro",)),)), "In short")
    assert media(found) == [("image", "", PIC)]


def test_an_article_without_a_summary_shows_how_it_begins() -> None:
    source = (
        f"# Begin\n\nHello **bold** and _soft_ `x<y` [site](https://a.example)\n\n![A door]({PIC})\n\n"
        "- one\n- two\n  more\n\n> said\n> so\n\n---\n\n```\ncode *here*\n```\n\n1. first\n\nnot \\*this\\*"
    )
    found = article(source, ("title", "Intro"))
    assert found.face.body == (
        Node("paragraph", (Node("strong", ("Intro",)),)),
        Node("paragraph", (Node("strong", ("Begin",)),)),
        Node("paragraph", (
            "Hello ", Node("strong", ("bold",)), " and ", Node("em", ("soft",)), " ",
            Node("code", ("x<y",)), " ", Node("link", ("site",), href="https://a.example"),
        )),
        Node("list", (Node("item", ("one",)), Node("item", ("two more",)))),
        Node("quote", (Node("paragraph", ("said so",)),)),
        Node("paragraph", (Node("code", ("code *here*",)),)),
        Node("list", (Node("item", ("first",)),)),
        Node("paragraph", ("not *this*",)),
    )  # fmt: skip
    assert media(found) == [("image", "A door", PIC)]


def test_a_long_article_ends_in_an_ellipsis() -> None:
    found = article("\n\n".join(f"{n} " + "word " * 60 for n in range(10)))
    assert text(found).endswith("…")
    assert len(text(found)) < 1000


def test_markup_in_an_article_is_text() -> None:
    found = article("a <script>alert(1)</script> <b>b</b>")
    assert text(found) == "a <script>alert(1)</script> <b>b</b>"


def test_a_mention_in_an_article_is_resolved() -> None:
    word = render_npub(GRACE.pubkey)
    found = article(f"by *nostr:{word}* and #two")
    assert "mention" in repr(found.face.body)
    assert text(found).startswith(f"by @{shorten(word)}")


# --- quotes ---------------------------------------------------------------------------------------

QUOTED = GRACE.event(f"wise words {PIC}", ("content-warning", "depth"))
NEVENT = render_nevent(QUOTED.id)


@pytest.mark.parametrize(
    ("content", "tags"),
    [
        ("so true", [("q", QUOTED.id)]),
        (f"so true nostr:{NEVENT}", []),
        (f"so true\nnostr:{NEVENT}", [("q", QUOTED.id)]),
    ],
    ids=["tag", "text", "both"],
)
def test_a_known_quoted_post_is_a_quote_and_its_reference_leaves_the_text(
    content: str, tags: list[tuple[str, str]]
) -> None:
    found = post(
        ADA.event(content, *tags), events=[QUOTED], profiles=[GRACE.profile(name="Grace", picture=PIC)]
    )
    quote = found.face.quote
    assert quote is not None
    assert (quote.id, quote.author.id, quote.author.name) == (
        f"nostr:{QUOTED.id}", f"nostr:{GRACE.pubkey}", "Grace",
    )  # fmt: skip
    assert (quote.body, quote.warning) == (("wise words",), "depth")
    assert quote.media[0].picture is not None
    assert found.pictures[quote.media[0].picture] == PIC
    assert text(found) == "so true"


def test_a_quoted_post_that_is_not_known_is_no_quote() -> None:
    found = post(ADA.event(f"see nostr:{NEVENT}"))
    assert found.face.quote is None
    assert text(found) == f"see {shorten(NEVENT)}"


def test_a_quoted_article_is_found_by_its_address() -> None:
    quoted = GRACE.event("text", ("d", "intro"), ("summary", "short"), kind=30023)
    found = post(ADA.event("read", ("q", ARTICLE)), events=[quoted])
    assert found.face.quote is not None
    assert found.face.quote.id == f"nostr:{ARTICLE}"


@pytest.mark.parametrize(
    "quoted",
    [
        GRACE.event("x", ("expiration", "1000")), GRACE.event("+", kind=7), GRACE.event("{}", kind=0),
        GRACE.event("x", ("t", "NoWall")), GRACE.event("not for screens #nowall"),
    ],
    ids=["expired", "reaction", "profile", "tagged", "typed"],
)  # fmt: skip
def test_what_may_not_be_shown_is_not_shown_as_a_quote(quoted: WireEvent) -> None:
    assert post(ADA.event("x", ("q", quoted.id)), events=[quoted]).face.quote is None


def test_who_stays_off_walls_is_not_shown_as_a_quote_either() -> None:
    profiles = [GRACE.profile(name="Grace", about="#nobot")]
    found = post(ADA.event("x", ("q", QUOTED.id)), events=[QUOTED], profiles=profiles)
    assert found.face.quote is None
    assert REFUSALS.isdisjoint(found.labels), "who quotes is shown"


def test_a_quote_within_a_quote_is_a_link() -> None:
    outer = GRACE.event(f"see nostr:{NEVENT}")
    quote = post(ADA.event("x", ("q", outer.id)), events=[outer, QUOTED]).face.quote
    assert quote is not None
    assert quote.body[-1] == Node("link", (shorten(NEVENT),), href=f"https://web.example/{NEVENT}")


def test_a_broken_quote_tag_is_passed_over() -> None:
    assert find_quote(ADA.event("x", ("q", "<event-id>"), ("q",), ("q", ID))) == ID


# --- anything at all ------------------------------------------------------------------------------

RICH = ADA.wire(
    f"hi #backchannel {PIC} :wave: nostr:{render_npub(GRACE.pubkey)} nostr:{NEVENT} https://a.example",
    ("t", "backchannel"), ("imeta", f"url {PIC}", "m image/jpeg", "alt A"), ("emoji", "wave", PIC),
    ("e", ID, "", "root"), ("q", QUOTED.id), ("content-warning", "x"), ("l", "en", "ISO-639-1"),
    ("expiration", "3000000"), ("proxy", "x", "rss"),
)  # fmt: skip
WORDS = st.sampled_from(
    ["t", "e", "a", "q", "d", "imeta", "emoji", "title", "summary", "image", "l", "content-warning", "proxy",
     "published_at", "root", "reply", ID, ARTICLE, f"url {PIC}", "m video/mp4", "ISO-639-1", "", "http://[",
     f"nostr:{NEVENT}", "\ud7ff\x00"]
) | st.text(max_size=10)  # fmt: skip


def is_valid(found: Post) -> bool:
    """Whether the model holds: its own codec gives it back, and every picture index is one."""
    indexes = [m.picture for m in found.face.media] + [e.picture for e in found.face.emoji]
    indexes.append(found.face.author.avatar)
    again = msgspec.json.decode(msgspec.json.encode(found), type=Post)
    return again == found and all(i is None or i < len(found.pictures) for i in indexes)


@given(
    content=st.text(max_size=80) | st.just(RICH["content"]),
    tags=st.lists(st.lists(WORDS, max_size=5), max_size=12),
    kind=st.sampled_from([1, 20, 21, 22, 1111, 30023]),
)
def test_any_event_of_its_kinds_is_a_valid_post_or_a_decode_error(
    content: str, tags: list[list[str]], kind: int
) -> None:
    try:
        found = post(ADA.event(content, *tags, kind=kind), events=[QUOTED])
    except DecodeError:
        return
    assert is_valid(found)


@given(st.data())
def test_a_truncated_or_mutated_event_is_a_valid_post_or_exactly_a_decode_error(data: st.DataObject) -> None:
    raw = bytearray(json.dumps(RICH).encode())
    if data.draw(st.booleans()):
        del raw[data.draw(st.integers(0, len(raw))) :]
    for _ in range(data.draw(st.integers(0, 3))):
        if raw:
            raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    try:
        event = parse_event(bytes(raw))
        assert is_valid(post(event, events=[QUOTED]))
    except DecodeError:
        return
    if event != parse_event(json.dumps(RICH).encode()):
        with pytest.raises(DecodeError):
            check_event(event)


@given(
    field=st.sampled_from(sorted(RICH)),
    value=st.none() | st.integers() | st.text(max_size=9) | st.lists(st.integers()),
)
def test_a_field_of_any_other_type_is_a_decode_error_or_a_post(field: str, value: Any) -> None:
    try:
        event = parse_event(json.dumps({**RICH, field: value}).encode())
    except DecodeError:
        return
    try:
        assert is_valid(post(event))
    except DecodeError:
        assert event.kind != 1


def test_mallory_has_a_key_of_her_own() -> None:
    assert len({ADA.pubkey, GRACE.pubkey, MALLORY.pubkey}) == 3
