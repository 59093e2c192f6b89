"""The Nostr source at a relay that says what each test wants: fates, deletions, paging, looking up, rules."""

import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from backchannel.bugs import Bugs
from backchannel.contract import SourceError
from backchannel.model import Missed, Post
from backchannel.sources.nostr import Settings
from backchannel.sources.nostr.bech32 import render_npub
from backchannel.sources.nostr.directory import Directory, Want
from backchannel.sources.nostr.read import ANSWER_S
from backchannel.sources.nostr.settings import read_key
from backchannel.sources.nostr.source import spell
from backchannel.sources.nostr.wire import WireEvent, check_event, parse_event
from backchannel.text import plain_text
from tests.kit.clocks import ManualClock
from tests.kit.sources import LaneReader
from tests.kit.websocket_server import FakeWebsocket, fake_websocket
from tests.sources.nostr.kit import ADA, GRACE, MALLORY, NostrReading, Wire, house, storing

NOW = 1_800_000_000.0
TAG = ("t", "backchannel")
Frames = Sequence[object]
RelayAnswer = Callable[[FakeWebsocket, list[Any]], Frames]


def at_home(relay: FakeWebsocket, **more: Any) -> Any:
    return house(relay.url, clock=ManualClock(NOW), since=NOW - 10_000, **more)


@asynccontextmanager
async def read_from(
    answer: RelayAnswer, *, document: object = None, **settings: Any
) -> AsyncIterator[tuple[FakeWebsocket, LaneReader]]:
    """A relay that answers so, and its lane being read."""
    async with fake_websocket(answer, document=document) as relay, at_home(relay, **settings) as home:
        yield relay, home.read()


def note(text: str, *tags: tuple[str, ...], by: Any = ADA, ago: float = 100) -> Wire:
    wire: Wire = by.wire(text, TAG, *tags, at=NOW - ago)
    return wire


def is_req(sub: str) -> Any:
    return lambda frame: frame[0] == "REQ" and frame[1].startswith(sub)


def is_known(relay: FakeWebsocket) -> bool:
    return any(frame[0] == "AUTH" for frame in relay.heard)


def most_open(heard: Sequence[list[Any]]) -> int:
    """As many subscriptions as were ever open at once."""
    opened, most = set[str](), 0
    for verb, sub, *_ in heard:
        opened = opened | {sub} if verb == "REQ" else opened - {sub}
        most = max(most, len(opened))
    return most


def empty(_: FakeWebsocket, frame: list[Any]) -> Frames:
    return [["EOSE", frame[1]]] if frame[0] == "REQ" else []


# --- what is asked ----------------------------------------------------------------------------------


async def test_one_request_names_kinds_spellings_and_the_start_of_the_window() -> None:
    async with fake_websocket(empty) as relay, at_home(relay, spellings=("BackChannel",), limit=50) as home:
        home.read()
        _, _, *filters = await relay.until_heard(is_req("wall"))
    assert filters == [
        {
            "kinds": [1, 20, 21, 22, 1111, 30023],
            "#t": ["backchannel", "BackChannel", "Backchannel", "BACKCHANNEL"],
            "since": NOW - 10_000,
            "limit": 50,
        }
    ]


async def test_a_cursor_is_read_on_from_five_minutes_before_it() -> None:
    async with fake_websocket(empty) as relay, at_home(relay) as home:
        home.read(cursor=str(int(NOW) - 50))
        frame = await relay.until_heard(is_req("wall"))
    assert frame[2]["since"] == NOW - 350


def test_no_more_than_twenty_spellings_are_asked_and_every_hashtag_is_among_them() -> None:
    tags = [f"tag{n}" for n in range(15)]
    asked = spell(tags, ["Tag1"])
    assert len(asked) == 20
    assert set(tags) <= set(asked)
    assert "Tag1" in asked


async def test_a_relays_own_limits_are_kept() -> None:
    limits = {"limitation": {"max_limit": 30, "max_subscriptions": 2}}
    author = note("x")
    answer = storing(author, ADA.profile(at=NOW, name="Ada"))
    async with read_from(answer, document=limits) as (relay, reader):
        await reader.until(lambda r: r.cursor)
        frame = await relay.until_heard(is_req("wall"))
        assert frame[2]["limit"] == 30
        assert reader.posts[0].face.author.name == "Ada"
        await relay.until_heard(is_req("gone"))
        assert most_open(relay.heard) == 2


# --- stored, then live ------------------------------------------------------------------------------


async def test_stored_posts_come_oldest_first_and_only_then_a_cursor() -> None:
    async with (
        fake_websocket(storing(note("new", ago=10), note("old", ago=90))) as relay,
        at_home(relay) as home,
    ):
        reader = home.read()
        await reader.until(lambda r: r.cursor)
    assert reader.texts == ["old", "new"]
    assert reader.cursor == str(int(NOW) - 10)


async def test_a_live_post_comes_in_a_batch_of_its_own_and_moves_the_cursor() -> None:
    async with read_from(empty) as (relay, reader):
        await relay.until_heard(is_req("wall"))
        for number in (2, 1):
            await relay.say(["EVENT", "wall", note(f"live {number}", ago=number)])
            await reader.until(lambda r: f"live {number}" in r.texts)  # noqa: B023  awaited within the turn
    assert reader.cursor == str(int(NOW) - 1)
    assert [len(batch.events) for batch in reader.batches if batch.events] == [1, 1]


async def test_the_cursor_is_never_in_the_future() -> None:
    async with read_from(storing(note("soon", ago=-600))) as (_, reader):
        await reader.until(lambda r: r.cursor)
    assert reader.cursor == str(int(NOW))
    assert reader.posts[0].created_at == NOW + 600


async def test_an_event_comes_once_however_often_the_relay_sends_it() -> None:
    async with read_from(storing(note("once"))) as (relay, reader):
        await reader.until(lambda r: r.posts)
        await relay.say(["EVENT", "wall", note("once")])
        await relay.say(["EVENT", "wall", note("another")])
        await reader.until(lambda r: "another" in r.texts)
    assert reader.texts == ["once", "another"]


async def test_all_pages_are_read_back_before_the_cursor_moves() -> None:
    notes = [note(f"n{n}", ago=200 - n // 2) for n in range(90)]
    async with read_from(storing(*notes), limit=20) as (_, reader):
        await reader.until(lambda r: r.cursor)
    assert {post.ref for post in reader.posts} == {event["id"] for event in notes}
    assert len(reader.posts) == 90
    assert not reader.missed
    assert [bool(batch.cursor) for batch in reader.batches if batch.events][:4] == [False] * 4


async def test_more_posts_in_one_second_than_a_page_holds_are_announced_as_missed() -> None:
    crowd = [note(f"c{n}", ago=50) for n in range(30)]
    async with (
        fake_websocket(storing(*crowd, note("before", ago=90))) as relay,
        at_home(relay, limit=20) as home,
    ):
        reader = home.read()
        await reader.until(lambda r: r.cursor)
    assert reader.missed == [Missed("nostr", relay.url, NOW - 50, NOW - 49)]
    assert "before" in reader.texts


async def test_a_relay_that_ignores_until_does_not_hold_us_for_ever() -> None:
    page = [note(f"n{n}", ago=n) for n in range(25)]

    def answer(_: FakeWebsocket, frame: list[Any]) -> Frames:
        if frame[0] != "REQ" or frame[1] not in ("wall", "back"):
            return empty(_, frame)
        return [*(["EVENT", frame[1], event] for event in page), ["EOSE", frame[1]]]

    async with fake_websocket(answer) as relay, at_home(relay) as home:
        await home.read().until(lambda r: r.cursor)
        assert len([frame for frame in relay.heard if is_req("back")(frame)]) <= 3


async def test_a_live_post_does_not_wait_for_the_pages_behind_it() -> None:
    page = [note(f"n{n}", ago=100 + n) for n in range(25)]

    def answer(_: FakeWebsocket, frame: list[Any]) -> Frames:
        if frame[1] == "back":
            return []
        frames = [["EVENT", "wall", event] for event in page] if frame[1] == "wall" else []
        return [*frames, *empty(_, frame)]

    async with read_from(answer, limit=25) as (relay, reader):
        await relay.until_heard(is_req("back"))
        await relay.say(["EVENT", "wall", note("live", ago=1)])
        await reader.until(lambda r: "live" in r.texts)
    assert reader.cursor is None


async def test_a_page_without_an_end_is_not_held_back() -> None:
    flood = [["EVENT", "wall", note(f"n{n}", ago=n)] for n in range(1000)]

    def answer(_: FakeWebsocket, frame: list[Any]) -> Frames:
        return flood if frame[1] == "wall" else empty(_, frame)

    async with read_from(answer) as (_, reader):
        await reader.until(lambda r: len(r.posts) == 1000)
    assert reader.cursor is None


# --- what is not believed ---------------------------------------------------------------------------

FORGED = {**note("true"), "content": "false"}
DROPPED: dict[str, tuple[object, str]] = {
    "garbage": ("garbage", "no message"),
    "a wrong subscription": (["EVENT", "other", note("x")], "not asked"),
    "a forged event": (["EVENT", "wall", FORGED], "hash"),
    "no event": (["EVENT", "wall", {"id": 5}], "no Nostr event"),
    "an oversize event": (["EVENT", "wall", note("x" * 300_000)], "bytes"),
    "another kind": (["EVENT", "wall", ADA.wire("+", TAG, kind=7, at=NOW)], "kind 7"),
    "a repost": (["EVENT", "wall", ADA.wire("{}", TAG, kind=6, at=NOW)], "kind 6"),
    "another hashtag": (["EVENT", "wall", ADA.wire("x", ("t", "other"), at=NOW)], "hashtags"),
    "an old event": (["EVENT", "wall", note("x", ago=20_000)], "older"),
    "an event from the future": (["EVENT", "wall", note("x", ago=-1000)], "ahead"),
}


@pytest.mark.parametrize("name", DROPPED)
async def test_what_was_not_asked_or_not_signed_is_dropped_and_counted(name: str) -> None:
    message, why = DROPPED[name]
    async with read_from(empty) as (relay, reader):
        await relay.until_heard(is_req("wall"))
        await relay.say(message)
        await relay.say(["EVENT", "wall", note("honest")])
        await reader.until(lambda r: r.texts == ["honest"] and r.reasons)
    assert reader.skipped == 1
    assert why in " ".join(reader.reasons)


async def test_the_signature_is_over_the_whole_of_an_event_that_is_too_long_to_be_shown() -> None:
    async with read_from(empty) as (relay, reader):
        await relay.until_heard(is_req("wall"))
        await relay.say(["EVENT", "wall", note("word " * 10_000)])
        await reader.until(lambda r: r.texts)
    assert len(reader.texts[0]) <= 20_001
    assert reader.texts[0].endswith("word …")


async def test_one_bad_event_of_forty_leaves_thirty_nine() -> None:
    notes = [note(f"n{n}", ago=100 - n) for n in range(39)]
    frames = [["EVENT", "wall", event] for event in notes]
    frames.insert(20, ["EVENT", "wall", FORGED])

    def answer(_: FakeWebsocket, frame: list[Any]) -> Frames:
        return [*frames, ["EOSE", "wall"]] if frame[1] == "wall" else empty(_, frame)

    async with read_from(answer) as (_, reader):
        await reader.until(lambda r: r.cursor)
    assert len(reader.posts) == 39
    assert reader.skipped == 1


async def test_a_flood_of_garbage_is_counted_in_few_batches_with_few_reasons() -> None:
    async with read_from(empty) as (relay, reader):
        await relay.until_heard(is_req("wall"))
        for number in range(500):
            await relay.say(f"garbage {number}")
        await reader.until(lambda r: r.skipped == 500)
    assert len(reader.batches) < 20
    assert max(len(batch.reasons) for batch in reader.batches) <= 10


async def test_an_expired_event_is_not_handed_on() -> None:
    over, lasting = (note(t, ("expiration", str(int(NOW) + s))) for t, s in (("over", -1), ("lasting", 60)))
    async with read_from(storing(over, lasting)) as (_, reader):
        await reader.until(lambda r: r.cursor)
    assert reader.reasons == []
    assert reader.texts == ["lasting"]
    assert reader.posts[0].expires_at == NOW + 60
    assert reader.skipped == 0


async def test_a_post_without_the_work_that_is_asked_for_is_dropped() -> None:
    async with read_from(storing(note("cheap")), min_pow=20) as (_, reader):
        await reader.until(lambda r: r.reasons)
    assert not reader.posts
    assert "bits of work" in reader.reasons[0]


# --- names and quotes -------------------------------------------------------------------------------


async def test_a_name_is_looked_up_once_and_the_latest_profile_stands() -> None:
    old, new = ADA.profile(at=NOW - 50, name="Old"), ADA.profile(at=NOW - 40, name="New")
    async with read_from(storing(note("one"), old, new)) as (relay, reader):
        await reader.until(lambda r: r.posts)
        await relay.say(["EVENT", "wall", note("two")])
        await reader.until(lambda r: "two" in r.texts)
        assert [post.face.author.name for post in reader.posts] == ["New", "New"]
        assert len([frame for frame in relay.heard if is_req("look")(frame)]) == 1


async def test_a_forged_profile_is_not_believed() -> None:
    forged = {**ADA.profile(at=NOW, name="Ada"), "content": '{"name":"Mallory"}'}
    async with read_from(storing(note("x"), forged)) as (_, reader):
        await reader.until(lambda r: r.posts)
    assert reader.posts[0].face.author.name.startswith("npub1")
    assert "hash" in " ".join(reader.reasons)


async def test_a_relay_that_does_not_answer_for_a_name_delays_a_post_only_a_little() -> None:
    def answer(_: FakeWebsocket, frame: list[Any]) -> Frames:
        return [] if frame[0] == "REQ" and frame[1].startswith("look") else empty(_, frame)

    async with read_from(answer) as (relay, reader):
        await relay.until_heard(is_req("wall"))
        await relay.say(["EVENT", "wall", note("patience")])
        await reader.until(lambda r: r.posts)
    assert reader.posts[0].face.author.name.startswith("npub1")


async def test_a_known_author_does_not_wait_for_another_ones_name() -> None:
    def answer(relay: FakeWebsocket, frame: list[Any]) -> Frames:
        if frame[0] == "REQ" and frame[1].startswith("look") and GRACE.pubkey in frame[2].get("authors", ()):
            return []
        return storing(ADA.profile(at=NOW, name="Ada"), note("first"))(relay, frame)

    async with read_from(answer) as (relay, reader):
        await reader.until(lambda r: r.posts)
        await relay.say(["EVENT", "wall", note("waits", by=GRACE)])
        await relay.say(["EVENT", "wall", note("known")])
        await reader.until(lambda r: len(r.posts) == 3)
    assert reader.texts == ["first", "known", "waits"]


async def test_the_cursor_waits_for_a_post_that_waits_for_its_authors_name() -> None:
    def answer(relay: FakeWebsocket, frame: list[Any]) -> Frames:
        if frame[0] == "REQ" and frame[1].startswith("look") and GRACE.pubkey in frame[2].get("authors", ()):
            return []
        return storing(ADA.profile(at=NOW, name="Ada"), note("first", ago=90))(relay, frame)

    async with read_from(answer) as (relay, reader):
        await reader.until(lambda r: r.cursor)
        await relay.say(["EVENT", "wall", note("waits", by=GRACE, ago=50)])
        await relay.say(["EVENT", "wall", note("known", ago=10)])
        await reader.until(lambda r: len(r.posts) == 3)
    known, waits = reader.batches[-2:]
    assert known.cursor is None
    assert waits.cursor == str(int(NOW) - 10)


async def test_another_relay_is_asked_for_a_name_too() -> None:
    async with (
        fake_websocket(storing(note("here"))) as one,
        fake_websocket(storing(ADA.profile(at=NOW, name="Known there"))) as two,
        house(one.url, two.url, clock=ManualClock(NOW), since=NOW - 1000) as home,
    ):
        home.read(two.url)
        await two.until_heard(is_req("wall"))
        reader = home.read(one.url)
        await reader.until(lambda r: r.posts)
        assert reader.posts[0].face.author.name == "Known there"


async def test_two_relays_give_the_very_same_post() -> None:
    said = note(f"hi nostr:{render_npub(GRACE.pubkey)}")
    async with (
        fake_websocket(storing(said)) as one,
        fake_websocket(storing(said, GRACE.profile(at=NOW, name="Grace"))) as two,
        house(one.url, two.url, clock=ManualClock(NOW), since=NOW - 1000) as home,
    ):
        first, second = home.read(one.url), home.read(two.url)
        await first.until(lambda r: r.posts)
        await second.until(lambda r: r.posts)
        assert first.posts == second.posts


async def test_a_relay_that_connects_later_still_gives_the_name() -> None:
    async with (
        fake_websocket(storing(note("hi"))) as one,
        fake_websocket(storing(ADA.profile(at=NOW, name="Ada"))) as two,
        house(one.url, two.url, clock=ManualClock(NOW), since=NOW - 1000) as home,
    ):
        first = home.read(one.url)
        await one.until_heard(lambda said: said[0] == "REQ" and said[2].get("kinds") == [0])
        home.read(two.url)
        await first.until(lambda r: r.posts)
        assert first.posts[0].face.author.name == "Ada"


def test_what_is_wanted_is_open_for_relays_on_their_way_and_not_for_those_that_cannot_come() -> None:
    directory = Directory(source="nostr", web="", lanes=("one", "two"), bugs=Bugs())
    directory.join("one", lambda _: None)
    first, second = Want("profile", ADA.pubkey), Want("profile", GRACE.pubkey)
    directory.ask([first], 0.0)
    directory.answered("one", [first])
    assert directory.is_open(first)
    directory.leave("two")
    assert not directory.is_open(first)
    directory.ask([second], 0.0)
    directory.answered("one", [second])
    assert not directory.is_open(second)


async def test_a_quoted_post_is_fetched_and_its_authors_name_with_it() -> None:
    quoted = GRACE.wire("wise words", at=NOW - 5000)
    answer = storing(note("true", ("q", quoted["id"])), quoted, GRACE.profile(at=NOW, name="Grace"))
    async with read_from(answer) as (_, reader):
        await reader.until(lambda r: r.posts)
    quote = reader.posts[0].face.quote
    assert quote is not None
    assert (quote.body, quote.author.name) == (("wise words",), "Grace")


async def test_a_quoted_article_is_fetched_by_its_address() -> None:
    quoted = GRACE.wire("text", ("d", "intro"), ("title", "Intro"), kind=30023, at=NOW - 5000)
    answer = storing(note("read", ("q", f"30023:{GRACE.pubkey}:intro")), quoted)
    async with read_from(answer) as (_, reader):
        await reader.until(lambda r: r.posts)
    assert reader.posts[0].face.quote is not None


async def test_a_forged_quoted_post_is_not_shown() -> None:
    quoted = GRACE.wire("wise words", at=NOW - 5000)
    forged = {**quoted, "content": "foolish words"}
    async with (
        fake_websocket(storing(note("true", ("q", quoted["id"])), forged)) as relay,
        at_home(relay) as home,
    ):
        reader = home.read()
        await reader.until(lambda r: r.posts)
    assert reader.posts[0].face.quote is None


# --- taking back ------------------------------------------------------------------------------------


async def test_a_deletion_by_id_takes_the_post_down() -> None:
    said = note("slip")
    async with read_from(storing(said)) as (relay, reader):
        await reader.until(lambda r: r.posts)
        asked = (await relay.until_heard(is_req("gone")))[2]
        assert asked["kinds"] == [0, 5, 62]
        assert asked["authors"] == [ADA.pubkey]
        assert asked["since"] <= said["created_at"]
        await relay.say(["EVENT", "gone", ADA.wire("", ("e", said["id"]), kind=5, at=NOW)])
        await reader.until(lambda r: r.deleted)
    assert reader.deleted == [f"nostr:{said['id']}"]


async def test_a_deletion_of_anothers_post_is_ignored() -> None:
    said, own = note("stays"), note("goes", by=MALLORY)
    async with read_from(storing(said, own)) as (relay, reader):
        await reader.until(lambda r: len(r.posts) == 2)
        await relay.until_heard(is_req("gone"))
        address = f"30023:{ADA.pubkey}:intro"
        theft = MALLORY.wire("", ("e", said["id"]), ("a", address), ("e", own["id"]), kind=5, at=NOW)
        await relay.say(["EVENT", "gone", theft])
        await reader.until(lambda r: r.deleted)
    assert reader.deleted == [f"nostr:{own['id']}"]


async def test_a_deletion_with_a_false_signature_is_ignored() -> None:
    said, other = note("stays"), note("goes")
    async with read_from(storing(said, other)) as (relay, reader):
        await reader.until(lambda r: len(r.posts) == 2)
        await relay.until_heard(is_req("gone"))
        forged = {**MALLORY.wire("", ("e", said["id"]), kind=5, at=NOW), "pubkey": ADA.pubkey}
        await relay.say(["EVENT", "gone", forged])
        await relay.say(["EVENT", "gone", ADA.wire("", ("e", other["id"]), kind=5, at=NOW)])
        await reader.until(lambda r: r.deleted)
    assert reader.deleted == [f"nostr:{other['id']}"]


async def test_a_deletion_that_comes_before_its_post_keeps_it_out() -> None:
    first, late = note("first"), note("late", ago=5)
    async with read_from(storing(first)) as (relay, reader):
        await reader.until(lambda r: r.posts)
        await relay.until_heard(is_req("gone"))
        await relay.say(["EVENT", "gone", ADA.wire("", ("e", late["id"]), kind=5, at=NOW)])
        await relay.say(["EVENT", "wall", late])
        await relay.say(["EVENT", "wall", note("last", ago=1)])
        await reader.until(lambda r: "last" in r.texts)
    assert reader.texts == ["first", "last"]


async def test_an_article_is_taken_down_by_its_address_up_to_the_deletions_time() -> None:
    def article(text: str, ago: float) -> Wire:
        return ADA.wire(text, TAG, ("d", "intro"), kind=30023, at=NOW - ago)

    address = f"30023:{ADA.pubkey}:intro"
    async with read_from(storing(article("one", 90))) as (relay, reader):
        await reader.until(lambda r: r.posts)
        await relay.until_heard(is_req("gone"))
        stale = ADA.wire("", ("a", address), kind=5, at=NOW - 95)
        await relay.say(["EVENT", "gone", stale])
        await relay.say(["EVENT", "gone", ADA.wire("", ("a", address), kind=5, at=NOW - 80)])
        await reader.until(lambda r: r.deleted)
        await relay.say(["EVENT", "wall", article("older", 85)])
        await relay.say(["EVENT", "wall", article("newer", 10)])
        await reader.until(lambda r: len(r.posts) == 2)
    assert reader.deleted == [f"nostr:{address}"]
    assert [post.revision for post in reader.posts] == [NOW - 90, NOW - 10]


async def test_the_deletion_of_an_older_revision_leaves_the_newer_one() -> None:
    def article(text: str, ago: float) -> Wire:
        return ADA.wire(text, TAG, ("d", "intro"), kind=30023, at=NOW - ago)

    old, new = article("one", 90), article("two", 50)
    async with read_from(storing(old, new)) as (relay, reader):
        await reader.until(lambda r: len(r.posts) == 2)
        await relay.until_heard(is_req("gone"))
        await relay.say(["EVENT", "gone", ADA.wire("", ("e", old["id"]), kind=5, at=NOW)])
        await relay.say(["EVENT", "gone", ADA.wire("", ("e", new["id"]), kind=5, at=NOW - 1)])
        await reader.until(lambda r: r.deleted)
        taken = [len(batch.events) for batch in reader.batches if reader.deleted and batch.events]
    assert reader.deleted == [f"nostr:30023:{ADA.pubkey}:intro"]
    assert taken[-1] == 1


@pytest.mark.parametrize(
    ("tags", "is_ours"),
    [([("relay", "ALL_RELAYS")], True), ([("relay", "wss://elsewhere.example")], False), ([], True)],
)
async def test_a_request_to_vanish_takes_the_author_down_when_it_means_us(
    tags: list[tuple[str, ...]], is_ours: bool
) -> None:
    said = note("x")
    async with read_from(storing(said)) as (relay, reader):
        await reader.until(lambda r: r.posts)
        await relay.until_heard(is_req("gone"))
        await relay.say(["EVENT", "gone", ADA.wire("", *tags, kind=62, at=NOW)])
        await relay.say(["EVENT", "gone", ADA.wire("", ("e", said["id"]), kind=5, at=NOW)])
        await reader.until(lambda r: f"nostr:{said['id']}" in r.deleted)
    assert (f"nostr:{ADA.pubkey}" in reader.deleted) is is_ours


async def test_a_request_to_vanish_that_names_our_relay_is_meant_for_us() -> None:
    async with read_from(storing(note("x"))) as (relay, reader):
        await reader.until(lambda r: r.posts)
        await relay.until_heard(is_req("gone"))
        await relay.say(["EVENT", "gone", ADA.wire("", ("relay", relay.url + "/"), kind=62, at=NOW)])
        await reader.until(lambda r: r.deleted)
    assert reader.deleted == [f"nostr:{ADA.pubkey}"]


async def wall_of(*events: Wire) -> list[Post]:
    """Posts as an earlier run has put them on the wall."""
    async with fake_websocket(storing(*events)) as relay, at_home(relay) as home:
        reader = home.read()
        await reader.until(lambda r: r.cursor)
        posts: list[Post] = reader.posts
    return posts


async def test_after_a_restart_what_stands_on_the_wall_can_still_be_taken_back() -> None:
    said = note("before", ago=5000)
    wall = await wall_of(said)
    deletion = ADA.wire("", ("e", said["id"]), kind=5, at=NOW - 4000)
    async with fake_websocket(storing(deletion)) as relay, at_home(relay) as home:
        home.wall = wall
        reader = home.read(cursor=str(int(NOW)))
        await reader.until(lambda r: r.deleted)
    assert reader.deleted == [f"nostr:{said['id']}"]


async def test_a_quoted_post_can_be_taken_back_by_its_author() -> None:
    quoted = GRACE.wire("wise words", at=NOW - 5000)
    async with (
        fake_websocket(storing(note("true", ("q", quoted["id"])), quoted)) as relay,
        at_home(relay) as home,
    ):
        reader = home.read()
        await reader.until(lambda r: r.posts)
        await relay.until_heard(is_req("gone"))
        home.wall = reader.posts
        home.clock.ahead_s += 61
        await relay.say(["NOTICE", "a minute later"])
        await relay.until_heard(lambda f: f[:2] == ["REQ", "gone"] and GRACE.pubkey in f[2]["authors"])
        await relay.say(["EVENT", "gone", GRACE.wire("", ("e", quoted["id"]), kind=5, at=NOW)])
        await reader.until(lambda r: r.deleted)
    assert reader.deleted == [f"nostr:{quoted['id']}"]


async def test_a_post_that_reached_the_wall_after_its_deletion_was_read_is_taken_down() -> None:
    first, held = note("first"), note("held back by a moderator", ago=5000)
    wall = await wall_of(held)
    async with fake_websocket(storing(first)) as relay, at_home(relay) as home:
        reader = home.read(cursor=str(int(NOW) - 10))
        await reader.until(lambda r: r.posts)
        await relay.until_heard(is_req("gone"))
        await relay.say(["EVENT", "gone", ADA.wire("", ("e", held["id"]), kind=5, at=NOW)])
        home.wall = wall
        home.clock.ahead_s += 61
        await relay.say(["NOTICE", "a minute later"])
        await reader.until(lambda r: r.deleted)
    assert reader.deleted == [f"nostr:{held['id']}"]


async def test_an_author_who_opts_out_is_handed_on_once_more_with_the_label() -> None:
    async with (
        fake_websocket(storing(note("x"), ADA.profile(at=NOW - 50, name="Ada"))) as relay,
        at_home(relay) as home,
    ):
        reader = home.read()
        await reader.until(lambda r: r.posts)
        await relay.until_heard(is_req("gone"))
        await relay.say(["EVENT", "gone", ADA.profile(at=NOW, name="Ada", about="please #nobot")])
        await reader.until(lambda r: len(r.posts) == 2)
    before, after = reader.posts
    assert (before.labels, after.labels) == ((), ("nobot",))
    assert before.id == after.id


async def test_new_authors_in_a_burst_are_one_request_a_second() -> None:
    async with read_from(empty) as (relay, reader):
        await relay.until_heard(is_req("wall"))
        for writer in (ADA, GRACE, MALLORY):
            await relay.say(["EVENT", "wall", note("x", by=writer)])
        await reader.until(lambda r: len(r.posts) == 3)
        await relay.until_heard(lambda f: f[:2] == ["REQ", "gone"] and len(f[2]["authors"]) == 3)
        assert len([frame for frame in relay.heard if is_req("gone")(frame)]) <= 2


# --- fates ------------------------------------------------------------------------------------------


def closing(why: str) -> Any:
    def answer(_: FakeWebsocket, frame: list[Any]) -> Frames:
        return [["CLOSED", "wall", why]] if frame[1] == "wall" else empty(_, frame)

    return answer


@pytest.mark.parametrize(
    ("why", "is_permanent", "pause_s", "word"),
    [
        ("auth-required: who are you", True, 0, "secret_key"),
        ("restricted: members only", True, 0, "members only"),
        ("blocked: go away", True, 0, "go away"),
        ("unsupported: no such filter", True, 0, "no such filter"),
        ("rate-limited: slow down", False, 60, "pause"),
        ("error: database", False, 0, "database"),
        ("", False, 0, "no reason given"),
    ],
)
async def test_a_closed_request_decides_the_lanes_fate(
    why: str, is_permanent: bool, pause_s: float, word: str
) -> None:
    async with fake_websocket(closing(why)) as relay, at_home(relay) as home:
        error = await home.read().ended()
    assert isinstance(error, SourceError)
    assert (error.permanent, error.retry_after_s) == (is_permanent, pause_s)
    assert word in str(error)


async def test_a_notice_of_an_older_relay_counts_like_a_closed_request() -> None:
    def answer(_: FakeWebsocket, frame: list[Any]) -> Frames:
        return [["NOTICE", "rate-limited"]] if frame[1] == "wall" else empty(_, frame)

    async with fake_websocket(answer) as relay, at_home(relay) as home:
        error = await home.read().ended()
    assert isinstance(error, SourceError)
    assert error.retry_after_s == 60


async def test_a_refused_look_up_costs_a_name_and_not_the_lane() -> None:
    def answer(relay: FakeWebsocket, frame: list[Any]) -> Frames:
        if frame[0] == "REQ" and frame[1].startswith(("look", "gone")):
            return [["CLOSED", frame[1], "error: too many"]]
        return storing(note("x"))(relay, frame)

    async with read_from(answer) as (_, reader):
        await reader.until(lambda r: r.posts and any("gone" in reason for reason in r.reasons))
        assert reader.error is None


async def test_a_challenge_is_answered_with_our_key_and_what_was_refused_is_asked_again() -> None:
    def answer(relay: FakeWebsocket, frame: list[Any]) -> Frames:
        if frame[0] == "AUTH":
            return [["OK", frame[1]["id"], True, ""]]
        if not is_known(relay):
            return [["CLOSED", frame[1], "auth-required: who are you"]] if frame[0] == "REQ" else []
        return storing(note("for members"))(relay, frame)

    key = SecretStr(GRACE.secret.hex())
    async with (
        fake_websocket(answer, first=[["AUTH", "a challenge"]]) as relay,
        at_home(relay, secret_key=key) as home,
    ):
        await home.read().until(lambda r: r.texts == ["for members"])
        event = (await relay.until_heard(lambda frame: frame[0] == "AUTH"))[1]
    check_event(parse_event(json.dumps(event).encode()))
    assert event["kind"] == 22242
    assert event["pubkey"] == GRACE.pubkey
    assert event["tags"] == [["relay", relay.url], ["challenge", "a challenge"]]


async def test_a_relay_that_never_confirms_our_name_is_asked_again_all_the_same() -> None:
    def answer(relay: FakeWebsocket, frame: list[Any]) -> Frames:
        if frame[0] == "AUTH":
            return []
        if not is_known(relay):
            return [["CLOSED", frame[1], "restricted: who are you"]] if frame[0] == "REQ" else []
        return storing(note("for members"))(relay, frame)

    key = SecretStr(GRACE.secret.hex())
    async with (
        fake_websocket(answer, first=[["AUTH", "a challenge"]]) as relay,
        at_home(relay, secret_key=key) as home,
    ):
        reader = home.read()
        await relay.until_heard(lambda frame: frame[0] == "AUTH")
        home.clock.ahead_s += 5
        await relay.say(["NOTICE", "five seconds later"])
        await reader.until(lambda r: r.texts == ["for members"])


@pytest.mark.parametrize(
    ("is_accepted", "said", "closed"),
    [(False, "restricted: not a member", ""), (True, "", "restricted: not for you")],
    ids=["a key that is not accepted", "a name that is refused"],
)
async def test_a_relay_that_refuses_us_parks_the_lane(is_accepted: bool, said: str, closed: str) -> None:
    def answer(_: FakeWebsocket, frame: list[Any]) -> Frames:
        if frame[0] == "AUTH":
            return [["OK", frame[1]["id"], is_accepted, said]]
        return [["CLOSED", frame[1], closed]] if frame[0] == "REQ" and closed else []

    async with (
        fake_websocket(answer, first=[["AUTH", "x"]]) as relay,
        at_home(relay, secret_key=SecretStr(GRACE.secret.hex())) as home,
    ):
        error = await home.read().ended()
    assert isinstance(error, SourceError)
    assert error.permanent
    assert (said or closed).removeprefix("restricted: ") in str(error)


async def test_a_relay_that_wants_a_name_and_does_not_ask_parks_the_lane() -> None:
    async with (
        fake_websocket(closing("auth-required: who are you")) as relay,
        at_home(relay, secret_key=SecretStr(GRACE.secret.hex())) as home,
    ):
        reader = home.read()
        await relay.until_heard(is_req("wall"))
        home.clock.ahead_s += 5
        await relay.say(["NOTICE", "five seconds later"])
        error = await reader.ended()
    assert isinstance(error, SourceError)
    assert error.permanent
    assert "no challenge" in str(error)


async def test_a_relay_that_never_answers_is_given_up() -> None:
    async with fake_websocket(lambda *_: []) as relay, at_home(relay) as home:
        reader = home.read()
        await relay.until_heard(is_req("wall"))
        home.clock.ahead_s += ANSWER_S
        await relay.say(["NOTICE", "busy"])
        error = await reader.ended()
    assert isinstance(error, SourceError)
    assert "did not answer" in str(error)
    assert not error.permanent


async def test_a_lost_host_is_a_passing_trouble_that_names_it() -> None:
    async with fake_websocket(empty) as relay:
        url = relay.url
    async with house(url) as home:
        error = await home.read().ended()
    assert isinstance(error, SourceError)
    assert not error.permanent
    assert "127.0.0.1" in str(error)


async def test_a_connection_that_ends_in_order_ends_the_lane_in_order() -> None:
    async with read_from(empty) as (relay, reader):
        await relay.until_heard(is_req("wall"))
        for socket in list(relay.sockets):
            await socket.close(1000)
        assert await reader.ended() is None


async def test_stopping_to_read_closes_the_connection() -> None:
    async with read_from(empty) as (relay, reader):
        await relay.until_heard(is_req("wall"))
        await reader.stop()
        await relay.until_alone()
    assert not relay.sockets


async def test_a_quiet_connection_is_kept_alive_by_a_request() -> None:
    async with fake_websocket(empty) as relay, at_home(relay) as home:
        home.read()
        await relay.until_heard(is_req("wall"))
        home.clock.ahead_s += 301
        await relay.say(["NOTICE", "five minutes later"])
        await relay.until_heard(is_req("ping"))
        await relay.until_heard(lambda frame: frame == ["CLOSE", "ping"])


# --- settings ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("relays", []),
        ("relays", ["https://relay.example"]),
        ("relays", ["wss://"]),
        ("relays", ["wss://user:secret@relay.example"]),
        ("relays", ["wss://relay.example/?token=secret"]),
        ("relays", ["wss://relay.example", "wss://Relay.Example/"]),
        ("web", "https://njump.me/"),
        ("web", "javascript:{id}"),
        ("limit", 5000),
        ("min_pow", -1),
        ("secret_key", "nsec1nonsense"),
        ("secret_key", "0" * 64),
    ],
)
def test_a_setting_that_makes_no_sense_is_refused_by_its_name(setting: str, value: object) -> None:
    with pytest.raises(ValidationError) as caught:
        Settings.model_validate({"kind": "nostr", "relays": ["wss://r.example"], setting: value})
    assert [error["loc"][0] for error in caught.value.errors()] == [setting]


def test_a_bad_secret_key_is_not_repeated_in_the_error() -> None:
    with pytest.raises(ValidationError) as caught:
        Settings.model_validate(
            {"kind": "nostr", "relays": ["wss://r.example"], "secret_key": "hunter2hunter2"}
        )
    assert "hunter2" not in str(caught.value)


def test_a_secret_key_is_read_in_both_spellings() -> None:
    nsec = "nsec1vl029mgpspedva04g90vltkh6fvh240zqtv9k0t9af8935ke9laqsnlfe5"
    plain = "67dea2ed018072d675f5415ecfaed7d2597555e202d85b3d65ea4e58d2d92ffa"
    assert read_key(SecretStr(nsec)) == read_key(SecretStr(plain)) == bytes.fromhex(plain)


def test_every_relay_is_a_lane() -> None:
    home = NostrReading("wss://One.example/", "ws://two.example:7777/path")
    assert home.source.lanes() == ("wss://one.example", "ws://two.example:7777/path")


class StumblingDirectory(Directory):
    """Stands for a mistake of ours that one event sets off."""

    def post(self, event: WireEvent, now: float) -> Post:
        if event.content == "bad #backchannel":
            raise IndexError(event.id)
        return super().post(event, now)


async def test_an_event_that_finds_a_mistake_of_ours_costs_itself_alone() -> None:
    bad, good = note("bad #backchannel"), note("good #backchannel")
    async with fake_websocket(storing(bad, good)) as relay, at_home(relay) as home:
        bugs = Bugs()
        home.source._directory = StumblingDirectory(source="nostr", web="", lanes=(relay.url,), bugs=bugs)
        reader = home.read()
        await reader.until(lambda r: r.posts)
    assert [plain_text(post.face.body) for post in reader.posts] == ["good #backchannel"]
    assert bugs.count == 1


# --- a look before the event -----------------------------------------------------------------------


async def test_a_check_reads_the_newest_page_and_ends() -> None:
    written = [note("one"), note("two", ago=50), {**note("three"), "sig": "00" * 64}]
    document = {"name": "Harbour", "limitation": {"payment_required": True, "auth_required": True}}
    async with fake_websocket(storing(*written), document=document) as relay, at_home(relay) as home:
        sample = await home.source.check(relay.url)
        await relay.until_alone()
    assert sample.what == "Harbour (asks for a payment and who reads)"
    assert (sample.items, sample.skipped) == (3, 1)
    assert max(post.created_at for post in sample.posts) == NOW - 50


async def test_a_check_of_a_relay_without_anything_ends() -> None:
    async with fake_websocket(storing()) as relay, at_home(relay) as home:
        assert (await home.source.check(relay.url)).items == 0


async def test_a_relay_with_nothing_stored_was_heard_all_the_same() -> None:
    async with read_from(storing()) as (_, reader):
        await reader.until(lambda it: it.batches)
    assert not reader.events
    assert reader.cursor is None


async def test_a_check_says_that_a_relay_wants_to_know_who_reads() -> None:
    def refuse(_: FakeWebsocket, frame: list[Any]) -> Frames:
        return [["CLOSED", frame[1], "auth-required: members only"]] if frame[0] == "REQ" else []

    async with fake_websocket(refuse) as relay, at_home(relay) as home:
        with pytest.raises(SourceError, match="set secret_key"):
            await home.source.check(relay.url)
