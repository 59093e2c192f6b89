"""The source: settings, requests, and the fate of every answer. Against a real server on loopback."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from msgspec.structs import replace
from pydantic import ValidationError

from backchannel import kinds
from backchannel.bugs import Bugs
from backchannel.contract import Batch, Context, Sample, SourceError
from backchannel.fetch import Fetcher
from backchannel.model import Deleted, Posted
from backchannel.sources.feed import Settings, Source
from backchannel.sources.feed.cursor import load_memory, save_memory
from backchannel.sources.feed.source import GONE_S
from backchannel.text import plain_text
from tests.kit.clocks import ManualClock

NOW = 1_795_605_000.0  # 2026-11-25 11:10 UTC
OWN = Path(__file__).parents[2] / "data" / "feed"

Answer = Callable[[web.Request], web.StreamResponse]


def rss(*titles: str) -> str:
    items = "".join(
        f"<item><guid isPermaLink='false'>{title}</guid><title>{title} #conf</title>"
        "<pubDate>Wed, 25 Nov 2026 10:00:00 GMT</pubDate></item>"
        for title in titles
    )
    return f"<rss version='2.0'><channel><title>Notes</title>{items}</channel></rss>"


def document(text: str, **headers: str) -> Answer:
    """An answer of 200; `_` in a header's name is a hyphen."""
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda _: web.Response(text=text, content_type="application/rss+xml", headers=fields)


def status(code: int, text: str = "", **headers: str) -> Answer:
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda _: web.Response(status=code, text=text, content_type="text/html", headers=fields)


class Shelf:
    """A server with an answer for each path; what it was asked is kept."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        self.asked: list[web.Request] = []
        self.gates: dict[str, asyncio.Event] = {}
        self._came = asyncio.Condition()

    async def start(self) -> None:
        app = web.Application()
        app.router.add_get("/{path:.*}", self._answer)
        self._server = TestServer(app, host="0.0.0.0")
        await self._server.start_server()
        self.port = self._server.port

    async def close(self) -> None:
        await self._server.close()

    def url(self, path: str = "/feed") -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    async def reached(self, path: str) -> None:
        """Until somebody asks for the path."""
        async with self._came:
            await self._came.wait_for(lambda: path in [request.path for request in self.asked])

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        async with self._came:
            self.asked.append(request)
            self._came.notify_all()
        if gate := self.gates.get(request.path):
            await gate.wait()
        return self.answers[request.path](request)


@pytest.fixture
async def shelf() -> AsyncIterator[Shelf]:
    shelf = Shelf()
    await shelf.start()
    yield shelf
    await shelf.close()


class Reader:
    """A source with one feed, and the cursor that is handed back to it."""

    def __init__(self, shelf: Shelf, **settings: object) -> None:
        self.clock = ManualClock(NOW)
        self._fetch = Fetcher(allow=["127.0.0.0/8"], user_agent="Backchannel tests", clock=self.clock)
        self.context = Context("blogs", self._fetch, self.clock, ("conf",), NOW - 86_400, tuple, Bugs())
        fields = {"kind": "feed", "feeds": [shelf.url()], **settings}
        self.source = Source(Settings.model_validate(fields), self.context)
        self.cursor: str | None = None

    async def read(self) -> Batch:
        """The next reading of the first feed."""
        batch = await self.read_lane(self.source.lanes()[0])
        self.cursor = batch.cursor or self.cursor
        return batch

    async def read_lane(self, lane: str) -> Batch:
        """One reading; its one batch."""
        (batch,) = [batch async for batch in self.source.batches(lane, self.cursor)]
        return batch

    async def fails(self) -> SourceError:
        """One reading that ends with an error; a cursor on the way is kept."""
        try:
            async for batch in self.source.batches(self.source.lanes()[0], self.cursor):
                self.cursor = batch.cursor or self.cursor
        except SourceError as error:
            return error
        raise AssertionError("it did not fail")

    async def close(self) -> None:
        await self.source.close()
        await self._fetch.close()


@pytest.fixture
async def reader(shelf: Shelf) -> AsyncIterator[Reader]:
    reader = Reader(shelf)
    yield reader
    await reader.close()


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
        ({"feeds": ["ftp://a.example/f"]}, "no http or https address"),
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


def test_each_feed_is_a_lane_by_its_address() -> None:
    context = Context(
        "blogs", Fetcher(user_agent="x", clock=ManualClock()), ManualClock(), (), 0.0, tuple, Bugs()
    )
    settings = Settings.model_validate({"feeds": ["https://a.example/f#x", "https://b.example/f"]})
    assert Source(settings, context).lanes() == ("https://a.example/f", "https://b.example/f")


def test_a_feed_that_is_wanted_whole_is_a_chosen_lane() -> None:
    context = Context(
        "blogs", Fetcher(user_agent="x", clock=ManualClock()), ManualClock(), (), 0.0, tuple, Bugs()
    )
    feeds = ["https://a.example/f", {"url": "https://b.example/f", "match": "all"}]
    assert Source(Settings.model_validate({"feeds": feeds}), context).chosen == {"https://b.example/f"}


# A reading


async def test_what_a_feed_says_becomes_posts(shelf: Shelf, reader: Reader) -> None:
    shelf.answers["/feed"] = document(rss("one", "two"))
    batch = await reader.read()
    assert titles(batch) == ["two #conf", "one #conf"]
    posts = [event.post for event in batch.events if isinstance(event, Posted)]
    assert [post.id for post in posts] == [f"feed:{shelf.url()}#two", f"feed:{shelf.url()}#one"]
    assert {(post.source, post.face.author.name) for post in posts} == {("blogs", "Notes")}


async def test_a_json_feed_is_read_without_the_worker(shelf: Shelf, reader: Reader) -> None:
    text = (OWN / "full.json").read_text("utf-8")
    shelf.answers["/feed"] = lambda _: web.Response(text=text, content_type="text/plain")
    batch = await reader.read()
    assert len(batch.events) == 3
    assert (batch.skipped, len(batch.reasons)) == (1, 1)


async def test_atom_tombstones_become_deletions(shelf: Shelf, reader: Reader) -> None:
    shelf.answers["/feed"] = document((OWN / "full.atom").read_text("utf-8"))
    deleted = [event for event in (await reader.read()).events if isinstance(event, Deleted)]
    assert deleted == [Deleted(f"feed:{shelf.url()}#urn:kai:41")]


async def test_the_label_is_the_networks_name(shelf: Shelf) -> None:
    reader = Reader(shelf, label="Reddit", feeds=[{"url": shelf.url(), "name": "The Quay"}])
    shelf.answers["/feed"] = document(rss("one"))
    (event,) = (await reader.read()).events
    assert isinstance(event, Posted)
    assert (event.post.face.network, event.post.face.author.name) == ("Reddit", "The Quay")
    await reader.close()


# Conditional requests


async def test_both_validators_go_back_verbatim(shelf: Shelf, reader: Reader) -> None:
    shelf.answers["/feed"] = document(
        rss("one"), ETag='W/"a b"', Last_Modified="Wed, 25 Nov 2026 10:00:00 GMT+1"
    )
    await reader.read()
    assert "If-None-Match" not in shelf.asked[0].headers
    shelf.answers["/feed"] = status(304)
    batch = await reader.read()
    assert (batch.events, batch.cursor) == ((), None)
    assert shelf.asked[1].headers["If-None-Match"] == 'W/"a b"'
    assert shelf.asked[1].headers["If-Modified-Since"] == "Wed, 25 Nov 2026 10:00:00 GMT+1"


async def test_the_same_body_again_is_not_read_again(shelf: Shelf, reader: Reader) -> None:
    shelf.answers["/feed"] = document(rss("one"))
    await reader.read()
    batch = await reader.read()
    assert (batch.events, batch.cursor) == ((), None)


async def test_a_new_entry_among_old_ones_is_the_only_news(shelf: Shelf, reader: Reader) -> None:
    shelf.answers["/feed"] = document(rss("one"))
    await reader.read()
    shelf.answers["/feed"] = document(rss("two", "one"))
    assert titles(await reader.read()) == ["two #conf"]


async def test_a_request_says_what_it_accepts_and_who_asks(shelf: Shelf, reader: Reader) -> None:
    shelf.answers["/feed"] = document(rss("one"))
    await reader.read()
    assert "application/atom+xml" in shelf.asked[0].headers["Accept"]
    assert shelf.asked[0].headers["User-Agent"] == "Backchannel tests"


async def test_an_entry_dated_ahead_is_asked_for_unconditionally_when_it_is_due(
    shelf: Shelf, reader: Reader
) -> None:
    ahead = rss("one").replace("10:00:00", "13:00:00")
    shelf.answers["/feed"] = lambda request: (
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
    shelf: Shelf, reader: Reader, headers: dict[str, str], channel: str, wanted: float
) -> None:
    shelf.answers["/feed"] = document(rss("one").replace("<title>Notes", f"{channel}<title>Notes"), **headers)
    assert (await reader.read()).pause_s == wanted


async def test_the_feeds_own_wish_holds_for_an_answer_of_304_too(shelf: Shelf, reader: Reader) -> None:
    shelf.answers["/feed"] = document(rss("one").replace("<title>Notes", "<ttl>10</ttl><title>Notes"))
    await reader.read()
    shelf.answers["/feed"] = status(304)
    assert (await reader.read()).pause_s == 600.0


# Moved


@pytest.mark.parametrize("code", [301, 308])
async def test_a_feed_that_moved_for_good_is_asked_for_at_its_new_place(
    shelf: Shelf, reader: Reader, code: int
) -> None:
    shelf.answers["/feed"] = status(code, Location="/new")
    shelf.answers["/new"] = document(rss("one"))
    (event,) = (await reader.read()).events
    assert isinstance(event, Posted)
    assert event.post.id == f"feed:{shelf.url()}#one"
    shelf.answers["/new"] = document(rss("two", "one"))
    assert titles(await reader.read()) == ["two #conf"]
    assert [request.path for request in shelf.asked] == ["/feed", "/new", "/new"]


@pytest.mark.parametrize("code", [302, 307])
async def test_a_feed_that_moved_for_now_is_asked_for_where_it_was(
    shelf: Shelf, reader: Reader, code: int
) -> None:
    shelf.answers["/feed"] = status(code, Location="/now")
    shelf.answers["/now"] = document(rss("one"))
    await reader.read()
    await reader.read()
    assert [request.path for request in shelf.asked] == ["/feed", "/now", "/feed", "/now"]


async def test_a_portal_that_redirects_everything_is_not_remembered(shelf: Shelf, reader: Reader) -> None:
    shelf.answers["/feed"] = status(301, Location="/login")
    shelf.answers["/login"] = status(200, "<!doctype html><title>Welcome to our wifi</title>")
    await reader.fails()
    await reader.fails()
    assert [request.path for request in shelf.asked] == ["/feed", "/login", "/feed", "/login"]


@pytest.mark.parametrize("code", [401, 403, 404, 410])
async def test_where_the_new_place_is_dead_the_old_one_is_asked_again(
    shelf: Shelf, reader: Reader, code: int
) -> None:
    shelf.answers["/feed"] = status(301, Location="/new")
    shelf.answers["/new"] = document(rss("one"))
    await reader.read()
    shelf.answers["/new"] = status(code)
    assert not (await reader.fails()).permanent
    shelf.answers["/feed"] = document(rss("two", "one"))
    assert titles(await reader.read()) == ["two #conf"]


# Fates


@pytest.mark.parametrize(
    ("code", "permanent"),
    [(400, False), (401, True), (403, True), (404, False), (410, True), (429, False), (451, True),
     (500, False), (502, False), (503, False), (204, False), (206, False)],
)  # fmt: skip
async def test_each_status_has_its_fate(shelf: Shelf, reader: Reader, code: int, permanent: bool) -> None:
    shelf.answers["/feed"] = status(code, "" if code == 204 else "<html>sorry</html>")
    error = await reader.fails()
    assert error.permanent is permanent
    assert f"127.0.0.1:{shelf.port} answers {code}" in str(error)


@pytest.mark.parametrize("code", [429, 503])
async def test_the_pause_a_server_asks_for_is_handed_on(shelf: Shelf, reader: Reader, code: int) -> None:
    shelf.answers["/feed"] = status(code, Retry_After="120")
    assert (await reader.fails()).retry_after_s == 120.0


async def test_a_feed_that_is_not_there_is_asked_for_seldom(shelf: Shelf, reader: Reader) -> None:
    shelf.answers["/feed"] = status(404)
    assert (await reader.fails()).retry_after_s == GONE_S


async def test_a_web_page_instead_of_a_feed_is_named_with_the_feed_it_announces(
    shelf: Shelf, reader: Reader
) -> None:
    page = "<!DOCTYPE html><head><link rel=alternate type='application/rss+xml' href='/real.xml'></head>"
    shelf.answers["/feed"] = status(200, page)
    error = await reader.fails()
    assert not error.permanent
    assert str(error) == f"this is a web page, not a feed; its feed may be {shelf.url('/real.xml')}"


@pytest.mark.parametrize("body", ["", "nothing", '{"items": []}', "<svg/>"])
async def test_what_is_no_feed_is_an_error_that_may_pass(shelf: Shelf, reader: Reader, body: str) -> None:
    shelf.answers["/feed"] = document(body)
    assert not (await reader.fails()).permanent


async def test_after_an_unreadable_answer_the_next_one_is_read_whole(shelf: Shelf, reader: Reader) -> None:
    shelf.answers["/feed"] = document(rss("one"), ETag='"1"')
    await reader.read()
    shelf.answers["/feed"] = document("broken", ETag='"2"')
    await reader.fails()
    shelf.answers["/feed"] = document(rss("two", "one"), ETag='"3"')
    assert titles(await reader.read()) == ["two #conf"]
    assert shelf.asked[-1].headers["If-None-Match"] == '"1"'


async def test_an_answer_that_is_too_big_is_an_error_that_may_pass(shelf: Shelf, reader: Reader) -> None:
    shelf.answers["/feed"] = document(rss("one") + "x" * (3 << 20))
    error = await reader.fails()
    assert not error.permanent
    assert "longer than" in str(error)


async def test_a_server_that_is_not_there_is_an_error_that_may_pass(shelf: Shelf, reader: Reader) -> None:
    await shelf.close()
    error = await reader.fails()
    assert not error.permanent
    assert "127.0.0.1" in str(error)


async def test_a_json_feed_that_has_ended_is_read_once_more_and_then_left(
    shelf: Shelf, reader: Reader
) -> None:
    shelf.answers["/feed"] = document(
        '{"version":"https://jsonfeed.org/version/1.1","title":"x","expired":true,'
        '"items":[{"id":"last","content_text":"goodbye #conf"}]}'
    )
    assert titles(await reader.read()) == ["goodbye #conf"]
    error = await reader.fails()
    assert error.permanent
    assert len(shelf.asked) == 1


async def test_a_slow_feed_does_not_hold_up_another(shelf: Shelf) -> None:
    feeds = [shelf.url("/slow").replace("127.0.0.1", "127.0.0.2"), shelf.url("/quick")]
    reader = Reader(shelf, feeds=feeds)
    shelf.answers = {"/slow": document(rss("slow")), "/quick": document(rss("quick"))}
    slow, quick = reader.source.lanes()
    shelf.gates["/slow"] = asyncio.Event()
    waiting = asyncio.ensure_future(reader.read_lane(slow))
    await shelf.reached("/slow")
    assert titles(await reader.read_lane(quick)) == ["quick #conf"]
    assert not waiting.done()
    shelf.gates["/slow"].set()
    assert titles(await waiting) == ["slow #conf"]
    await reader.close()


async def test_a_cursor_of_other_hashtags_reads_everything_anew(shelf: Shelf, reader: Reader) -> None:
    shelf.answers["/feed"] = document(rss("one"), ETag='"1"')
    await reader.read()
    assert reader.cursor is not None
    reader.cursor = save_memory(replace(load_memory(reader.cursor, ""), scope="another"))
    assert titles(await reader.read()) == ["one #conf"]
    assert "If-None-Match" not in shelf.asked[-1].headers


async def sampled(reader: Reader) -> Sample:
    """What a check says of the first feed."""
    sample = await reader.source.check(reader.source.lanes()[0])
    await reader.close()
    return sample


async def test_a_check_reads_the_whole_feed_and_remembers_nothing(shelf: Shelf) -> None:
    shelf.answers["/feed"] = document(rss("first", "second").replace("second #conf", "second"))
    reader = Reader(shelf)
    await reader.read()
    sample = await sampled(reader)
    assert (sample.what, sample.items, sample.skipped, sample.advice) == ("Notes", 2, 0, "")
    assert sorted("conf" in post.hashtags for post in sample.posts) == [False, True]


async def test_a_check_says_where_a_feed_has_moved_to(shelf: Shelf) -> None:
    shelf.answers["/feed"] = lambda _: web.Response(status=301, headers={"Location": "/new"})
    shelf.answers["/new"] = document(rss("first"))
    sample = await sampled(Reader(shelf))
    assert sample.advice == f"the feed has moved for good: write {shelf.url('/new')}"


async def test_a_check_says_that_a_feed_has_ended(shelf: Shelf) -> None:
    over = '{"version": "https://jsonfeed.org/version/1.1", "title": "Old", "expired": true, "items": []}'
    shelf.answers["/feed"] = document(over)
    assert "has ended" in (await sampled(Reader(shelf))).advice
