"""Every parser and every loop over foreign text takes linear time, up to the limit of its door."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from backchannel import model, search, text
from backchannel.board import Card, Item
from backchannel.sources.feed import identity, post
from backchannel.sources.feed.jsonfeed import parse_json_feed
from backchannel.sources.feed.post import Origin, parse_entry
from backchannel.sources.feed.wire import Head, Text, WireEntry, WireMedium
from backchannel.sources.feed.words import fold_category
from backchannel.sources.mastodon.post import View, build_post
from backchannel.sources.mastodon.wire import parse_list, parse_status
from backchannel.sources.nostr import bech32
from backchannel.sources.nostr.authors import parse_profile
from backchannel.sources.nostr.post import find_people, find_quote, parse_post
from backchannel.sources.nostr.wire import bound_event, parse_event, parse_said
from backchannel.text import markup
from backchannel.web import card_text
from backchannel.web.card_render import render_card
from backchannel.wire import MAX_NAME, MAX_PLAIN, dates, media_kind, short_text, wishes
from tests.conftest import EVERY, Tell
from tests.kit.posts import post as kit_post
from tests.linear.hostile import Make, inputs, numbered, repeated
from tests.linear.measure import Growth, growth, table
from tests.sources.nostr.kit import ADA

HTML, PLAIN, NAME, URL = text.MAX_HTML, MAX_PLAIN, MAX_NAME, text.MAX_URL
WORD = 2048  # of a tag of Nostr's
EMOJI = frozenset({"a", *(f"e{at}" for at in range(63))})
WEB = "https://n.example/{id}"
AT = 1_700_000_000.0


def status(**more: Any) -> bytes:
    account = {"acct": "ann", "uri": "https://home.example/users/ann", "emojis": [emoji("a")]}
    said = {"id": "1", "uri": "https://home.example/1", "created_at": "2026-05-06T09:00:00Z",
            "account": account, "visibility": "public", "emojis": [emoji(f"e{at}") for at in range(64)],
            **more}  # fmt: skip
    return msgspec.json.encode(said)


def emoji(name: str) -> dict[str, str]:
    return {"shortcode": name, "url": f"https://home.example/{name}.png"}


def mastodon(field: str) -> Callable[[str], object]:
    """A whole status whose field holds the text."""

    def run(value: str) -> object:
        within: dict[str, Any] = {field: value}
        if field == "note":
            within = {"account": {"acct": "ann", "note": value, "display_name": value[:NAME]}}
        if field == "quoted":
            within = {"content": value, "quote": msgspec.Raw(status(content=value))}
        return build_post(
            parse_status(status(**within)), View("fedi", "https://home.example", "home.example")
        )

    return run


def nostr(kind: int, *tags: list[str]) -> Callable[[str], object]:
    def run(content: str) -> object:
        listed = [[content if word == "*" else word for word in tag] for tag in tags]
        wire = {**ADA.wire("x", kind=kind), "content": content if not tags else "x", "tags": listed}
        event = bound_event(parse_event(msgspec.json.encode(wire)))
        return (
            find_quote(event),
            find_people(event),
            parse_post(event, source="n", web=WEB, profile_of=nobody, event_of=nobody, now=AT),
        )

    return run


def nobody(_: str) -> None:
    return None


def profile(value: str) -> object:
    return parse_profile(parse_event(msgspec.json.encode(ADA.profile(name=value[:NAME], about=value))))


def entry(**more: Any) -> object:
    origin = Origin("blog", "Blog", "https://blog.example/feed", "https://blog.example/feed")
    return parse_entry(WireEntry(**more), Head(), origin, id="1", first_seen=0.0)


def card(make: Callable[[str], model.Body]) -> Callable[[str], object]:
    """The display form, the words for a search, and the digest, of a post with that body."""

    def run(value: str) -> object:
        one = kit_post()
        one = msgspec.structs.replace(one, face=msgspec.structs.replace(one.face, body=make(value)))
        view = render_card(one, Item(1, 1, 1, Card(1, "h", AT)), zone=text_zone, own_tags=("a",))
        return view, search._words(one), model.words_digest(one)

    return run


text_zone = __import__("zoneinfo").ZoneInfo("UTC")

DEAR: dict[str, tuple[int, Callable[[str], object]]] = {
    "parse_html": (HTML, lambda s: text.parse_html(s, emoji=EMOJI)),
    "parse_html, hashtags wanted": (HTML, lambda s: text.parse_html(s, hashtags=("b", "c"))),
    "parse_plain": (PLAIN, lambda s: text.parse_plain(s, emoji=EMOJI)),
    "a status's content": (HTML, mastodon("content")),
    "a status's quote": (HTML, mastodon("quoted")),
    "an account's note": (PLAIN, mastodon("note")),
    "a note": (PLAIN, nostr(1)),
    "an article": (PLAIN, nostr(30023)),
    "a feed's article": (HTML, lambda s: entry(title=Text("t"), contents=(Text(s, "text/html"),))),
    "a feed's plain text": (PLAIN, lambda s: entry(contents=(Text(s),))),
    "a card of HTML": (HTML, card(lambda s: text.parse_html(s, emoji=EMOJI))),
    "a card of plain text": (PLAIN, card(lambda s: text.parse_plain(s))),
}
CHEAP: dict[str, tuple[int, Callable[[str], object]]] = {
    "tidy": (HTML, markup.tidy),
    "words_of": (PLAIN, text.words_of),
    "strip_controls": (HTML, text.strip_controls),
    "fold_tag": (WORD, text.fold_tag),
    "bound_marks": (HTML, text.bound_marks),
    "cut": (HTML, lambda s: text.cut(s, 500)),
    "draws_nothing": (HTML, text.draws_nothing),
    "web_url": (URL, lambda s: text.web_url(s, "https://a.example/b/")),
    "web_url of a host": (URL, lambda s: text.web_url(f"https://{s}/")),
    "readable_url": (URL, lambda s: text.readable_url(f"https://a.example/{s}")),
    "claims_another": (text.links.MAX_LINK_TEXT, lambda s: text.claims_another(s, "https://a.example/")),
    "find_addresses": (PLAIN, lambda s: list(text.find_addresses(s))),
    "count_words": (HTML, card_text.count_words),
    "is_question": (HTML, card_text.is_question),
    "render_initials": (NAME, lambda s: card_text.render_initials(s, s)),
    "without_shortcodes": (NAME, lambda s: card_text.without_shortcodes(s, EMOJI)),
    "clean_name": (NAME, post.clean_name),
    "fold_category": (1000, fold_category),
    "canonical": (URL, lambda s: identity.canonical(f"https://a.example/?{s}")),
    "bounded_id": (URL, identity.bounded_id),
    "a status's warning": (1000, mastodon("spoiler_text")),
    "a note's tags": (WORD, nostr(1, *[["t", "*"]] * 20, *[["imeta", "url *", "alt *"]] * 4)),
    "a profile": (PLAIN, profile),
    "a feed's media": (
        URL,
        lambda s: entry(media=tuple(WireMedium(s, "image/png", alt=s) for _ in range(64))),
    ),
    "an ending": (URL, lambda s: media_kind.kind_of_address(f"https://a.example/{s}")),
    "wishes": (PLAIN, wishes.wishes_in_words),
    "a title that repeats": (PLAIN, lambda s: short_text.repeats(s[:300], (s,))),
    "a date": (dates.MAX_DATE, dates.read_date),
    "a NIP-19 word": (5000, lambda s: tried(bech32.parse_pointer, s)),
}

BYTES: dict[str, tuple[int, Callable[[bytes], object], tuple[bytes, bytes, bytes]]] = {
    "a page of statuses": (8 << 20, lambda b: tried(parse_list, b), (b"[", b'{"id":"1"},', b"0]")),
    "a page of numbers": (8 << 20, lambda b: tried(parse_list, b), (b"[", b"1,", b"1]")),
    "a page of one text": (8 << 20, lambda b: tried(parse_list, b), (b'["', b"x", b'"]')),
    "a status of emoji": (1 << 20, lambda b: tried(parse_status, b), (b'{"emojis":[', b"{},", b"{}]}")),
    "a status of nests": (1 << 20, lambda b: tried(parse_status, b), (b'{"id":1,"card":', b'{"a":', b"1")),
    "a status of escapes": (1 << 20, lambda b: tried(parse_status, b), (b'{"uri":"', b"\\u0061", b'"}')),
    "an id of digits": (1 << 20, lambda b: tried(parse_status, b), (b'{"id":', b"9", b"}")),
    "a JSON Feed": (2 << 20, lambda b: tried(parse_json_feed, b),
                    (b'{"version":"https://jsonfeed.org/version/1","items":[', b'{"id":"1"},', b"{}]}")),
    "a frame": (4 << 20, lambda b: tried(parse_said, b), (b'["NOTICE","', b"x", b'"]')),
    "a frame of numbers": (256 << 10, lambda b: tried(parse_said, b), (b"[", b"1,", b"1]")),
    "an event of tags": (256 << 10, lambda b: tried(parse_event, b), (b'{"tags":[', b"[],", b"[]]}")),
}  # fmt: skip


def tried(run: Callable[[Any], object], given: bytes | str) -> None:
    try:
        run(given)
    except model.DecodeError:
        return


def held(every: list[Growth]) -> str:
    dearest = max(every, key=lambda one: one.cost_s)
    return f"the longest that one item holds the loop: {1000 * dearest.cost_s:.0f} ms, {dearest.what}"


def test_every_parser_takes_linear_time(tell: Tell) -> None:
    every: list[Growth] = []
    makes = dict(inputs(every=EVERY))
    for at, (name, (most, run)) in enumerate({**DEAR, **CHEAP}.items()):
        step = 1 if EVERY or name in ("parse_html", "parse_plain", "an article") else 6
        for what, make in list(makes.items())[at % step :: step]:
            every.append(growth(f"{name} on {what}", run, make, most))
    tell(table("growth of parsers, to the limit of each", every))
    tell(held(every))
    assert not [str(one) for one in every if not one.is_linear]


def test_bytes_are_decoded_in_linear_time(tell: Tell) -> None:
    every = []
    for name, (most, run, (before, unit, after)) in BYTES.items():

        def make(size: int, unit: bytes = unit, before: bytes = before, after: bytes = after) -> bytes:
            return before + unit * (size // len(unit)) + after

        every.append(growth(name, run, make, most))
    tell(table("growth of decoding, to the limit of each", every))
    tell(held(every))
    assert not [str(one) for one in every if not one.is_linear]


# The instances that were found first, by what a stranger sent.
INSTANCES: dict[str, tuple[Callable[[str], object], int, Make]] = {
    "a note with an address and brackets": (nostr(1), 60_000, repeated(")", ("https://a.example/", ""))),
    "an article of pictures without an end": (nostr(30023), 60_000, repeated("![")),
    "a line as Reddit's, again and again": (
        lambda s: entry(contents=(Text(s, "text/html"),)), 40_000, repeated("submitted by x [link]</a> "),
    ),
    "an author of many letters": (post.clean_name, 40_000, repeated("a")),
    "an address of ligatures": (text.web_url, 1_000_000, repeated("\ufdfa", ("https://", "/"))),
    "emoji upon emoji": (mastodon("content"), 90_000, repeated(":a:")),
    "formatting that is never closed": (mastodon("content"), 40_000, numbered),
    "a picture's tag without an end": (
        lambda s: entry(contents=(Text(s, "text/html"),)), 40_000, repeated(' alt="!"', ("<img", "")),
    ),
    "references and addresses": (nostr(1), 20_000, repeated("https://a.b nostr:npub1qqqqqq ")),
    "a page of tiny statuses": (
        lambda s: tried(parse_list, s.encode()), 8 << 20, repeated("{},", ("[", "{}]")),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", INSTANCES)
def test_nothing_that_once_held_everybody_up_does(name: str, tell: Tell) -> None:
    run, most, make = INSTANCES[name]
    found = growth(name, run, make, most)
    tell(f"instance: {found}")
    assert found.is_linear, str(found)
