"""The source: settings, requests, and the fate of every answer. Against a real server on loopback."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import msgspec
import pytest
from aiohttp import web
from msgspec.structs import replace
from pydantic import ValidationError

from backchannel import kinds
from backchannel.contract import Batch, Sample, SourceError
from backchannel.fetch import FetchError, Refused
from backchannel.model import Deleted, Posted
from backchannel.sources.feed import Settings, Source
from backchannel.sources.feed.cursor import load_memory, save_memory
from backchannel.sources.feed.source import GONE_S
from backchannel.text import plain_text
from tests.kit.clocks import ManualClock
from tests.kit.http_server import Answer, FakeHttp, saying
from tests.kit.sources import NewContext, collect

NOW = 1_795_605_000.0  # 2026-11-25 11:10 UTC
OWN = Path(__file__).parents[2] / "data" / "feed"


def rss(*titles: str) -> str:
    items = "".join(
        f"<item><guid isPermaLink='false'>{title}</guid><title>{title} #conf</title>"
        "<pubDate>Wed, 25 Nov 2026 10:00:00 GMT</pubDate></item>"
        for title in titles
    )
    return f"<rss version='2.0'><channel><title>Notes</title>{items}</channel></rss>"


def document(text: str, **headers: str) -> Answer:
    return saying(text, 200, type_="application/rss+xml", **headers)


class FeedReading:
    """A source of one feed, and the cursor that is handed back to it."""

    def __init__(self, source: Source, clock: ManualClock) -> None:
        self.source, self.clock = source, clock
        self.cursor: str | None = None

    async def read(self, lane: str = "") -> Batch:
        """The one batch of the next reading, of the first feed unless told otherwise."""
        (batch,) = (await collect(self.source, lane, self.cursor)).batches
        self.cursor = batch.cursor or self.cursor
        return batch

    async def fails(self) -> SourceError:
        """One reading that ends with an error; a cursor on the way is kept."""
        try:
            async for batch in self.source.batches(self.source.lanes()[0], self.cursor):
                self.cursor = batch.cursor or self.cursor
        except SourceError as error:
            return error
        raise AssertionError("it did not fail")


Reading = Callable[..., FeedReading]


@pytest.fixture
async def reading(http: FakeHttp, new_context: NewContext) -> AsyncIterator[Reading]:
    """Makes sources with settings of their own."""
    made: list[FeedReading] = []

    def make(**settings: object) -> FeedReading:
        clock = ManualClock(NOW)
        fields = {"kind": "feed", "feeds": [http.url("/feed")], **settings}
        source = Source(
            Settings.model_validate(fields), new_context("blogs", clock=clock, since=NOW - 86_400)
        )
        made.append(FeedReading(source, clock))
        return made[-1]

    yield make
    for one in made:
        await one.source.close()


@pytest.fixture
def reader(reading: Reading) -> FeedReading:
    return reading()


def titles(batch: Batch) -> list[str]:
    return [plain_text(event.post.face.body) for event in batch.events if isinstance(event, Posted)]


# Settings


def test_the_kind_is_found_by_its_name() -> None:
    kind = kinds.load("feed")
    assert kind.Settings is Settings
    assert kind.Source is Source


def test_a_feed_is_an_address_or_an_object() -> None:
    settings = Settings.model_validate(
        {"feeds": ["https://a.example/f", {"url": "https://b.example/f", "name": "B", "match": "all"}]}
    )
    assert [(feed.url, feed.name, feed.match) for feed in settings.entries] == [
        ("https://a.example/f", "", "hashtag"),
        ("https://b.example/f", "B", "all"),
    ]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"feeds": []}, "at least 1"),
        ({"feeds": ["ftp://a.example/f"]}, "begins with https:// or http://"),
        ({"feeds": ["https://me:secret@a.example/f"]}, "user name or password"),
        ({"feeds": ["https://a.example/f", "https://a.example/f"]}, "stands there twice"),
        ({"feeds": ["https://a.example/f"], "poll_s": 30}, "less than floor_s"),
        ({"feeds": ["https://a.example/f"], "match": "some"}, "'hashtag' or 'all'"),
        ({"feeds": [{"url": "https://a.example/f", "nmae": "A"}]}, "nmae"),
    ],
)
def test_a_bad_setting_is_named(fields: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Settings.model_validate(fields)
    assert said in str(caught.value)


def test_polling_below_the_floor_has_to_be_asked_for() -> None:
    settings = Settings.model_validate({"feeds": ["https://a.example/f"], "poll_s": 0.5, "floor_s": 0.5})
    assert settings.poll_s == 0.5


def test_each_feed_is_a_lane_by_its_address(new_context: NewContext) -> None:
    context = new_context()
    settings = Settings.model_validate({"feeds": ["https://a.example/f#x", "https://b.example/f"]})
    assert Source(settings, context).lanes() == ("https://a.example/f", "https://b.example/f")


def test_a_feed_that_is_wanted_whole_is_a_chosen_lane(new_context: NewContext) -> None:
    context = new_context()
    feeds = ["https://a.example/f", {"url": "https://b.example/f", "match": "all"}]
    assert Source(Settings.model_validate({"feeds": feeds}), context).chosen == {"https://b.example/f"}


# A reading


async def test_what_a_feed_says_becomes_posts(http: FakeHttp, reader: FeedReading) -> None:
    http.answers["/feed"] = document(rss("one", "two"))
    batch = await reader.read()
    assert titles(batch) == ["two #conf", "one #conf"]
    posts = [event.post for event in batch.events if isinstance(event, Posted)]
    assert [post.id for post in posts] == [f"feed:{http.url('/feed')}#two", f"feed:{http.url('/feed')}#one"]
    assert {(post.source, post.face.author.name) for post in posts} == {("blogs", "Notes")}


async def test_a_json_feed_is_read_without_the_worker(http: FakeHttp, reader: FeedReading) -> None:
    text = (OWN / "full.json").read_text("utf-8")
    http.answers["/feed"] = lambda _: web.Response(text=text, content_type="text/plain")
    batch = await reader.read()
    assert len(batch.events) == 3
    assert (batch.skipped, len(batch.reasons)) == (1, 1)


async def test_atom_tombstones_become_deletions(http: FakeHttp, reader: FeedReading) -> None:
    http.answers["/feed"] = document((OWN / "full.atom").read_text("utf-8"))
    deleted = [event for event in (await reader.read()).events if isinstance(event, Deleted)]
    assert deleted == [Deleted(f"feed:{http.url('/feed')}#urn:kai:41")]


async def test_the_label_is_the_networks_name(http: FakeHttp, reading: Reading) -> None:
    reader = reading(label="Reddit", feeds=[{"url": http.url("/feed"), "name": "The Quay"}])
    http.answers["/feed"] = document(rss("one"))
    (event,) = (await reader.read()).events
    assert isinstance(event, Posted)
    assert (event.post.face.network, event.post.face.author.name) == ("Reddit", "The Quay")


# Conditional requests


async def test_both_validators_go_back_verbatim(http: FakeHttp, reader: FeedReading) -> None:
    http.answers["/feed"] = document(
        rss("one"), ETag='W/"a b"', Last_Modified="Wed, 25 Nov 2026 10:00:00 GMT+1"
    )
    await reader.read()
    assert "If-None-Match" not in http.asked[0].headers
    http.answers["/feed"] = saying("", 304)
    batch = await reader.read()
    assert (batch.events, batch.cursor) == ((), None)
    assert http.asked[1].headers["If-None-Match"] == 'W/"a b"'
    assert http.asked[1].headers["If-Modified-Since"] == "Wed, 25 Nov 2026 10:00:00 GMT+1"


async def test_the_same_body_again_is_not_read_again(http: FakeHttp, reader: FeedReading) -> None:
    http.answers["/feed"] = document(rss("one"))
    await reader.read()
    batch = await reader.read()
    assert (batch.events, batch.cursor) == ((), None)


async def test_a_new_entry_among_old_ones_is_the_only_news(http: FakeHttp, reader: FeedReading) -> None:
    http.answers["/feed"] = document(rss("one"))
    await reader.read()
    http.answers["/feed"] = document(rss("two", "one"))
    assert titles(await reader.read()) == ["two #conf"]


async def test_a_request_says_what_it_accepts_and_who_asks(http: FakeHttp, reader: FeedReading) -> None:
    http.answers["/feed"] = document(rss("one"))
    await reader.read()
    assert "application/atom+xml" in http.asked[0].headers["Accept"]
    assert http.asked[0].headers["User-Agent"] == "Backchannel/test"


async def test_an_entry_dated_ahead_is_asked_for_unconditionally_when_it_is_due(
    http: FakeHttp, reader: FeedReading
) -> None:
    ahead = rss("one").replace("10:00:00", "13:00:00")
    http.answers["/feed"] = lambda request: (
        web.Response(status=304)
        if "If-None-Match" in request.headers
        else document(ahead, ETag='"x"')(request)
    )
    assert (await reader.read()).events == ()
    assert (await reader.read()).events == ()
    reader.clock.time = NOW + 7_200
    assert titles(await reader.read()) == ["one #conf"]


# Pauses


@pytest.mark.parametrize(
    ("headers", "channel", "wanted"),
    [
        ({"Cache_Control": "max-age=300"}, "", 300.0),
        ({}, "<ttl>10</ttl>", 600.0),
        ({"Cache_Control": "max-age=86400"}, "", 900.0),
        ({}, "", 0.0),
    ],
)
async def test_a_feed_is_left_alone_as_long_as_it_asks(
    http: FakeHttp, reader: FeedReading, headers: dict[str, str], channel: str, wanted: float
) -> None:
    http.answers["/feed"] = document(rss("one").replace("<title>Notes", f"{channel}<title>Notes"), **headers)
    assert (await reader.read()).pause_s == wanted


async def test_the_feeds_own_wish_holds_for_an_answer_of_304_too(http: FakeHttp, reader: FeedReading) -> None:
    http.answers["/feed"] = document(rss("one").replace("<title>Notes", "<ttl>10</ttl><title>Notes"))
    await reader.read()
    http.answers["/feed"] = saying("", 304)
    assert (await reader.read()).pause_s == 600.0


# Moved


@pytest.mark.parametrize("code", [301, 308])
async def test_a_feed_that_moved_for_good_is_asked_for_at_its_new_place(
    http: FakeHttp, reader: FeedReading, code: int
) -> None:
    http.answers["/feed"] = saying("", code, Location="/new")
    http.answers["/new"] = document(rss("one"))
    (event,) = (await reader.read()).events
    assert isinstance(event, Posted)
    assert event.post.id == f"feed:{http.url('/feed')}#one"
    http.answers["/new"] = document(rss("two", "one"))
    assert titles(await reader.read()) == ["two #conf"]
    assert [request.path for request in http.asked] == ["/feed", "/new", "/new"]


@pytest.mark.parametrize("code", [302, 307])
async def test_a_feed_that_moved_for_now_is_asked_for_where_it_was(
    http: FakeHttp, reader: FeedReading, code: int
) -> None:
    http.answers["/feed"] = saying("", code, Location="/now")
    http.answers["/now"] = document(rss("one"))
    await reader.read()
    await reader.read()
    assert [request.path for request in http.asked] == ["/feed", "/now", "/feed", "/now"]


async def test_a_portal_that_redirects_everything_is_not_remembered(
    http: FakeHttp, reader: FeedReading
) -> None:
    http.answers["/feed"] = saying("", 301, Location="/login")
    http.answers["/login"] = saying("<!doctype html><title>Welcome to our wifi</title>")
    await reader.fails()
    await reader.fails()
    assert [request.path for request in http.asked] == ["/feed", "/login", "/feed", "/login"]


@pytest.mark.parametrize("code", [401, 403, 404, 410])
async def test_where_the_new_place_is_dead_the_old_one_is_asked_again(
    http: FakeHttp, reader: FeedReading, code: int
) -> None:
    http.answers["/feed"] = saying("", 301, Location="/new")
    http.answers["/new"] = document(rss("one"))
    await reader.read()
    http.answers["/new"] = saying("", code)
    assert not (await reader.fails()).permanent
    http.answers["/feed"] = document(rss("two", "one"))
    assert titles(await reader.read()) == ["two #conf"]


async def test_an_address_that_leads_inwards_by_now_is_left_for_the_one_in_the_settings(
    http: FakeHttp, reader: FeedReading
) -> None:
    http.answers["/feed"] = document(rss("one"))
    await reader.read()
    assert reader.cursor is not None
    memory = msgspec.json.decode(reader.cursor)
    reader.cursor = msgspec.json.encode({**memory, "moved": "http://10.0.0.1/new"}).decode()
    with pytest.raises(Refused):
        await reader.fails()
    http.answers["/feed"] = document(rss("two", "one"))
    assert titles(await reader.read()) == ["two #conf"]


# Fates


@pytest.mark.parametrize(
    ("code", "permanent"),
    [(400, False), (401, True), (403, True), (404, False), (410, True), (422, True), (429, False),
     (451, True),
     (500, False), (502, False), (503, False), (204, False), (206, False)],
)  # fmt: skip
async def test_each_status_has_its_fate(
    http: FakeHttp, reader: FeedReading, code: int, permanent: bool
) -> None:
    http.answers["/feed"] = saying("" if code == 204 else "<html>sorry</html>", code)
    error = await reader.fails()
    assert error.permanent is permanent
    assert str(error).startswith(f"{http.host} ")
    assert f"{code}" in str(error)


@pytest.mark.parametrize("code", [429, 503])
async def test_the_pause_a_server_asks_for_is_handed_on(
    http: FakeHttp, reader: FeedReading, code: int
) -> None:
    http.answers["/feed"] = saying("", code, Retry_After="120")
    assert (await reader.fails()).retry_after_s == 120.0


async def test_a_feed_that_is_not_there_is_asked_for_seldom(http: FakeHttp, reader: FeedReading) -> None:
    http.answers["/feed"] = saying("", 404)
    assert (await reader.fails()).retry_after_s == GONE_S


async def test_a_web_page_instead_of_a_feed_is_named_with_the_feed_it_announces(
    http: FakeHttp, reader: FeedReading
) -> None:
    page = "<!DOCTYPE html><head><link rel=alternate type='application/rss+xml' href='/real.xml'></head>"
    http.answers["/feed"] = saying(page)
    error = await reader.fails()
    assert not error.permanent
    assert str(error) == f"this is a web page, not a feed; its feed may be {http.url('/real.xml')}"


@pytest.mark.parametrize("body", ["", "nothing", '{"items": []}', "<svg/>"])
async def test_what_is_no_feed_is_an_error_that_may_pass(
    http: FakeHttp, reader: FeedReading, body: str
) -> None:
    http.answers["/feed"] = document(body)
    assert not (await reader.fails()).permanent


async def test_after_an_unreadable_answer_the_next_one_is_read_whole(
    http: FakeHttp, reader: FeedReading
) -> None:
    http.answers["/feed"] = document(rss("one"), ETag='"1"')
    await reader.read()
    http.answers["/feed"] = document("broken", ETag='"2"')
    await reader.fails()
    http.answers["/feed"] = document(rss("two", "one"), ETag='"3"')
    assert titles(await reader.read()) == ["two #conf"]
    assert http.asked[-1].headers["If-None-Match"] == '"1"'


async def test_an_answer_that_is_too_big_is_an_error_that_may_pass(
    http: FakeHttp, reader: FeedReading
) -> None:
    http.answers["/feed"] = document(rss("one") + "x" * (3 << 20))
    with pytest.raises(FetchError, match="longer than"):
        await reader.read()


async def test_a_server_that_is_not_there_is_an_error_that_may_pass(reading: Reading) -> None:
    with pytest.raises(FetchError, match="cannot connect"):
        await reading(feeds=["http://127.0.0.1:1/feed"]).read()


async def test_a_json_feed_that_has_ended_is_read_once_more_and_then_left(
    http: FakeHttp, reader: FeedReading
) -> None:
    http.answers["/feed"] = document(
        '{"version":"https://jsonfeed.org/version/1.1","title":"x","expired":true,'
        '"items":[{"id":"last","content_text":"goodbye #conf"}]}'
    )
    assert titles(await reader.read()) == ["goodbye #conf"]
    error = await reader.fails()
    assert error.permanent
    assert len(http.asked) == 1


async def test_a_slow_feed_does_not_hold_up_another(http: FakeHttp, reading: Reading) -> None:
    feeds = [http.url("/slow").replace("127.0.0.1", "127.0.0.2"), http.url("/quick")]
    reader = reading(feeds=feeds)
    http.answers = {"/slow": document(rss("slow")), "/quick": document(rss("quick"))}
    slow, quick = reader.source.lanes()
    http.hang("/slow")
    waiting = asyncio.ensure_future(reader.read(slow))
    await http.reached("/slow")
    assert titles(await reader.read(quick)) == ["quick #conf"]
    assert not waiting.done()
    http.gates["/slow"].set()
    assert titles(await waiting) == ["slow #conf"]


async def test_a_cursor_of_other_hashtags_reads_everything_anew(http: FakeHttp, reader: FeedReading) -> None:
    http.answers["/feed"] = document(rss("one"), ETag='"1"')
    await reader.read()
    assert reader.cursor is not None
    reader.cursor = save_memory(replace(load_memory(reader.cursor, ""), scope="another"))
    assert titles(await reader.read()) == ["one #conf"]
    assert "If-None-Match" not in http.asked[-1].headers


async def sampled(reader: FeedReading) -> Sample:
    """What a check says of the first feed."""
    return await reader.source.check(reader.source.lanes()[0])


async def test_a_check_reads_the_whole_feed_and_remembers_nothing(http: FakeHttp, reading: Reading) -> None:
    http.answers["/feed"] = document(rss("first", "second").replace("second #conf", "second"))
    reader = reading()
    await reader.read()
    sample = await sampled(reader)
    assert (sample.what, sample.items, sample.skipped, sample.advice) == ("Notes", 2, 0, "")
    assert sorted("conf" in post.hashtags for post in sample.posts) == [False, True]


async def test_a_check_says_where_a_feed_has_moved_to(http: FakeHttp, reading: Reading) -> None:
    http.answers["/feed"] = lambda _: web.Response(status=301, headers={"Location": "/new"})
    http.answers["/new"] = document(rss("first"))
    sample = await sampled(reading())
    assert sample.advice == f"the feed has moved for good: write {http.url('/new')}"


async def test_a_check_says_that_a_feed_has_ended(http: FakeHttp, reading: Reading) -> None:
    over = '{"version": "https://jsonfeed.org/version/1.1", "title": "Old", "expired": true, "items": []}'
    http.answers["/feed"] = document(over)
    assert "has ended" in (await sampled(reading())).advice
