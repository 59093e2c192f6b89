"""The Mastodon source against servers that speak its wire format on loopback."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from typing import Any

import pytest
from aiohttp import web
from msgspec.structs import replace
from pydantic import ValidationError

from backchannel.clock import Clock
from backchannel.contract import Batch, SourceError
from backchannel.fetch import Fetcher, Response
from backchannel.model import ABSENT, Deleted, Event, Left, Missed, Post, Posted
from backchannel.sources.mastodon import Settings, Source
from backchannel.sources.mastodon.api import MastodonServer
from backchannel.sources.mastodon.post import View
from backchannel.sources.mastodon.read import Reader
from backchannel.text import plain_text
from tests.kit.clocks import ManualClock
from tests.kit.http_server import PAGE, Answer, saying
from tests.kit.sources import Brought, NewContext, collect
from tests.sources.mastodon.kit import START, Mastodon, in_minutes, iso, mastodon

Start = Callable[[], Awaitable[Mastodon]]


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    async with AsyncExitStack() as running:

        async def start() -> Mastodon:
            return await running.enter_async_context(mastodon())

        yield start


@pytest.fixture
async def server(start: Start) -> Mastodon:
    return await start()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


Make = Callable[..., Source]


@pytest.fixture
def make(new_context: NewContext, clock: ManualClock) -> Make:
    def make(
        *servers: Mastodon | str,
        hashtags: Sequence[str] = ("pycon",),
        since: datetime = START,
        own_hashtags: Sequence[str] = (),
        watch: Callable[[], Sequence[Post]] = tuple,
        fetch: Fetcher | None = None,
        **said: Any,
    ) -> Source:
        bases = tuple(server if isinstance(server, str) else server.base for server in servers)
        since_s = since.timestamp()
        context = new_context("fedi", clock=clock, hashtags=hashtags, since=since_s, watch=watch, fetch=fetch)
        return Source(Settings(servers=bases, hashtags=tuple(own_hashtags), **said), context)

    return make


async def read(source: Source, server: Mastodon, cursor: str | None = None) -> list[Batch]:
    return (await collect(source, server.host, cursor)).batches


def texts(batches: Sequence[Batch]) -> list[str]:
    return Brought(batches).texts


def posts(events: Iterable[Event]) -> list[Post]:
    return [event.post for event in events if isinstance(event, Posted)]


TAG = "/api/v1/timelines/tag/"


# Reading on.


async def test_reading_goes_on_above_the_cursor_until_a_page_is_short(server: Mastodon, make: Make) -> None:
    for number in range(1, 96):
        server.post(number)
    batches = await read(make(server), server, '{"pycon":"5"}')
    assert texts(batches) == [f"post {number}" for number in range(6, 96)]
    asked = [request.query["min_id"] for request in server.asked if TAG in request.path]
    assert asked == ["5", "45", "85"]
    assert [batch.cursor for batch in batches] == ['{"pycon":"45"}', '{"pycon":"85"}', '{"pycon":"95"}']


async def test_nothing_new_is_no_event_and_no_cursor(server: Mastodon, make: Make) -> None:
    server.post(1)
    (batch,) = await read(make(server), server, '{"pycon":"1"}')
    assert (batch.events, batch.cursor) == ([], None)


async def test_the_first_reading_goes_back_to_the_start_of_the_window_oldest_first(
    server: Mastodon, make: Make
) -> None:
    for number in range(1, 201):
        server.post(number)
    batches = await read(make(server, since=START + timedelta(minutes=100)), server)
    assert texts(batches) == [f"post {number}" for number in range(41, 201)]
    assert [batch.cursor for batch in batches] == [None, None, None, '{"pycon":"200"}']
    assert not any(isinstance(event, Missed) for batch in batches for event in batch.events)


async def test_a_first_reading_that_ends_early_announces_the_gap(server: Mastodon, make: Make) -> None:
    for number in range(1, 201):
        server.post(number)
    batches = await read(make(server, backfill_pages=2), server)
    assert len(texts(batches)) == 80
    oldest = (START + timedelta(minutes=121)).timestamp()
    assert batches[-1].events[-1] == Missed("fedi", server.host, START.timestamp(), oldest)


async def test_of_a_page_that_nobody_asked_for_the_first_posts_are_read_and_the_others_counted(
    server: Mastodon, make: Make
) -> None:
    page = json.dumps([server.post(number) for number in range(1000, 0, -1)])
    server.fail(TAG, saying(page))
    first, *_ = await read(make(server, backfill_pages=1), server)
    assert texts([first]) == [f"post {number}" for number in range(801, 1001)]
    assert first.skipped == 800
    assert "800 more statuses than were asked for" in first.reasons[-1]


async def test_a_page_of_more_values_than_a_page_can_have_is_no_page(server: Mastodon, make: Make) -> None:
    server.fail(TAG, saying("[" + "{}," * 300_000 + "{}]"))
    with pytest.raises(SourceError, match="not with a list"):
        await read(make(server), server)


async def test_a_first_reading_that_fails_half_way_shows_what_it_has_and_begins_again(
    server: Mastodon, make: Make
) -> None:
    for number in range(1, 61):
        server.post(number)

    async def fail_behind(request: web.Request) -> web.StreamResponse:
        if "max_id" in request.query:
            return web.Response(status=500)
        return server.json(server.timeline(request, "pycon"))

    server.fail(TAG, fail_behind)
    source = make(server)
    reading = source.batches(server.host, None)
    first = await anext(reading)
    assert (len(texts([first])), first.cursor) == (40, None)
    with pytest.raises(SourceError, match="500"):
        await anext(reading)
    server.failing.clear()
    assert len(texts(await read(source, server))) == 60


async def test_a_cursor_that_is_not_ours_begins_anew(server: Mastodon, make: Make) -> None:
    server.post(1)
    assert texts(await read(make(server), server, "no JSON")) == ["post 1"]


async def test_an_empty_timeline_is_read_again_from_the_start(server: Mastodon, make: Make) -> None:
    source = make(server)
    (batch,) = await read(source, server)
    assert batch.cursor in (None, "{}")
    server.post(1)
    assert texts(await read(source, server, batch.cursor)) == ["post 1"]


async def test_up_to_five_hashtags_share_a_request_and_each_group_has_its_place(
    server: Mastodon, make: Make
) -> None:
    for number, tag in enumerate("abcdefg", 1):
        server.post(number, tags=[{"name": tag}])
    batches = await read(make(server, hashtags=tuple("abcdefg")), server)
    asked = [(r.path, r.query.getall("any[]", [])) for r in server.asked if TAG in r.path]
    assert asked == [(TAG + "a", ["b", "c", "d", "e"]), (TAG + "f", ["g"])]
    assert len(texts(batches)) == 7
    assert batches[-1].cursor == '{"a b c d e":"5","f g":"7"}'


async def test_a_server_that_ignores_any_is_asked_for_each_hashtag(server: Mastodon, make: Make) -> None:
    server.instance = {
        "version": "0.20.0",
        "source_url": "https://codeberg.org/superseriousbusiness/gotosocial",
    }
    await read(make(server, hashtags=("a", "b")), server)
    assert [r.path for r in server.asked if TAG in r.path] == [TAG + "a", TAG + "b"]


async def test_a_hashtag_is_percent_encoded(server: Mastodon, make: Make) -> None:
    await read(make(server, own_hashtags=("#Größe/x",)), server)
    raw = next(r.raw_path for r in server.asked if TAG in r.path)
    assert raw.startswith(TAG + "gr%C3%B6%C3%9Fe%2Fx?")


async def test_own_hashtags_replace_those_of_the_event(server: Mastodon, make: Make) -> None:
    server.post(1, tags=[{"name": "djangocon"}])
    assert texts(await read(make(server, hashtags=("pycon",)), server)) == []
    assert texts(await read(make(server, own_hashtags=("#DjangoCon",)), server)) == ["post 1"]


async def test_one_bad_item_of_forty_leaves_thirty_nine(server: Mastodon, make: Make) -> None:
    for number in range(1, 41):
        server.post(number)
    server.statuses[10]["created_at"] = "yesterday"
    batch, _ = await read(make(server), server, '{"pycon":"0"}')
    assert len(posts(batch.events)) == 39
    assert batch.skipped == 1
    assert "yesterday" in batch.reasons[0]
    assert batch.cursor == '{"pycon":"40"}'


async def test_a_page_of_bad_items_is_not_read_for_ever(server: Mastodon, make: Make) -> None:
    server.fail(TAG, saying([None] * 40))
    (batch,) = await read(make(server), server, '{"pycon":"7"}')
    assert (batch.skipped, batch.cursor) == (40, None)


async def test_boosts_are_left_out(server: Mastodon, make: Make) -> None:
    server.post(1, reblog=server.post(2))
    assert texts(await read(make(server), server)) == ["post 2"]


async def test_ids_that_begin_anew_are_noticed_and_read_again(server: Mastodon, make: Make) -> None:
    source = make(server)
    server.post(3, "after the reset")
    found: list[str] = []
    for _ in range(62):
        found += texts(await read(source, server, '{"pycon":"117020593741189701"}'))
        if found:
            break
    assert found == ["after the reset"]


# Several servers, one post.


async def test_every_server_tells_its_copy_of_one_post_once_in_a_hundred_polls(
    start: Start, make: Make
) -> None:
    one, other = await start(), await start()
    uri = "https://far.example/users/ann/statuses/5"
    one.post(900, uri=uri)
    other.post(901, uri=uri)
    source = make(one, other)
    cursors: dict[str, str | None] = {}
    events: list[Event] = []
    for _ in range(100):
        for server in (one, other):
            for batch in await read(source, server, cursors.get(server.host)):
                cursors[server.host] = batch.cursor or cursors.get(server.host)
                events += batch.events
    assert [(copy.id, copy.is_origin, copy.via, copy.ref) for copy in posts(events)] == [
        (uri, False, one.host, f"{one.host}/900"),
        (uri, False, other.host, f"{other.host}/901"),
    ]


@pytest.mark.parametrize("takes_ids", [True, False])
async def test_a_copy_of_one_of_our_servers_posts_is_what_that_server_says(
    start: Start, make: Make, takes_ids: bool
) -> None:
    home, relay = await start(), await start()
    home.takes_ids = takes_ids
    uri = home.post(1)["uri"]
    relay.post(900, "A LIE", uri=uri, edited_at=iso(START))
    (copy,) = posts((await read(make(home, relay), relay))[0].events)
    assert (plain_text(copy.face.body), copy.is_origin, copy.ref) == ("post 1", True, f"{home.host}/1")


@pytest.mark.parametrize("path", ["/users/ann/statuses/9", "/objects/37125e6c", "/users/ann/statuses/9?x=1"])
async def test_nobody_speaks_in_the_name_of_people_of_our_servers(
    start: Start, make: Make, path: str
) -> None:
    home, relay = await start(), await start()
    relay.post(900, "never said", uri=home.base + path)
    (batch,) = await read(make(home, relay), relay)
    assert (posts(batch.events), batch.skipped) == ([], 1)
    assert "is not there" in batch.reasons[0]


@pytest.mark.parametrize("lie", ["words", "author", "id", ""])
async def test_a_quotation_of_one_of_our_servers_posts_says_what_that_server_says(
    start: Start, make: Make, lie: str
) -> None:
    home, relay = await start(), await start()
    quoted = {**home.post(1, tags=[])}
    if lie == "words":
        quoted["content"] = "<p>A LIE</p>"
    elif lie == "author":
        quoted["account"] = {**quoted["account"], "uri": f"{home.base}/users/bob"}
    elif lie == "id":
        quoted["uri"] = f"{home.base}/users/ann/statuses/77"
    relay.post(900, quote={"state": "accepted", "quoted_status": quoted})
    source = make(home, relay)
    (post,) = await shown(source, relay)
    assert (post.face.quote is None) is bool(lie)
    again = posts(await source.recheck([post]))
    assert all(copy.face.quote is None for copy in again if lie)


async def test_while_a_server_of_ours_cannot_be_asked_its_posts_are_what_others_say(
    start: Start, make: Make
) -> None:
    home, relay = await start(), await start()
    relay.post(900, uri=f"{home.base}/users/ann/statuses/9")
    home.fail("/", saying(PAGE, 502))
    (copy,) = posts((await read(make(home, relay), relay))[0].events)
    assert (copy.is_origin, copy.via) == (False, relay.host)


@pytest.mark.parametrize("takes_ids", [True, False])
async def test_a_page_of_forged_ids_costs_our_own_server_a_few_questions(
    start: Start, make: Make, takes_ids: bool
) -> None:
    home, relay = await start(), await start()
    home.takes_ids = takes_ids
    for number in range(100, 140):
        relay.post(number, uri=f"{home.base}/users/ann/statuses/{number}")
    batches = await read(make(home, relay), relay)
    assert (texts(batches), sum(batch.skipped for batch in batches)) == ([], 40)
    assert len(home.asked) <= 8


async def test_forged_pages_without_end_do_not_use_up_our_own_servers_limit(
    start: Start, make: Make, clock: ManualClock
) -> None:
    home, relay = await start(), await start()
    source = make(home, relay)
    for number in range(100, 1100):
        relay.post(number, uri=f"{home.base}/users/ann/statuses/{number}")
    (first,) = {batch.cursor for batch in await read(source, relay) if batch.cursor}
    for number in range(1100, 3000):
        relay.post(number, uri=f"{home.base}/users/ann/statuses/{number}")
    home.asked.clear()
    clock.time += 61.0
    batches = await read(source, relay, first)
    assert (texts(batches), sum(batch.skipped for batch in batches)) == ([], 1900)
    assert len(home.asked) <= 8
    home.post(1, "words of ann")
    clock.time += 61.0
    relay.post(3001, "said otherwise", uri=f"{home.base}/users/ann/statuses/1")
    (*_, last) = (batch.cursor for batch in batches if batch.cursor)
    (late,) = posts(event for batch in await read(source, relay, last) for event in batch.events)
    assert late.is_origin


async def test_a_copy_that_was_not_stored_is_no_reason_to_leave_out_another(start: Start, make: Make) -> None:
    one, other = await start(), await start()
    uri = "https://far.example/users/ann/statuses/5"
    one.post(1, uri=uri)
    other.post(2, uri=uri)
    source = make(one, other)
    reading = source.batches(one.host, None)
    await anext(reading)
    await reading.aclose()  # the log was full
    assert len(texts(await read(source, other))) == 1


async def test_a_copy_that_is_no_candidate_keeps_no_other_out(start: Start, make: Make) -> None:
    one, other = await start(), await start()
    uri = "https://far.example/users/ann/statuses/5"
    one.post(1, uri=uri, visibility="private")
    other.post(2, uri=uri)
    source = make(one, other)
    await read(source, one)
    assert texts(await read(source, other)) == ["post 2"]


async def test_a_later_revision_counts_wherever_it_is_seen_first(start: Start, make: Make) -> None:
    one, other = await start(), await start()
    uri = "https://far.example/users/ann/statuses/5"
    one.post(1, uri=uri)
    other.post(2, "edited", uri=uri, edited_at=iso(START))
    source = make(one, other)
    assert texts(await read(source, one)) == ["post 1"]
    assert texts(await read(source, other)) == ["edited"]


# Replies.


async def test_a_reply_names_its_parent_by_the_id_that_all_servers_know(server: Mastodon, make: Make) -> None:
    server.post(1)
    server.post(2, in_reply_to_id="1")
    source = make(server)
    answer = posts((await read(source, server))[0].events)[1]
    assert answer.reply_to == f"{server.base}/users/ann/statuses/1"
    assert not any("statuses" in path for path in server.paths())


@pytest.mark.parametrize("takes_ids", [True, False])
async def test_a_parent_without_the_hashtag_is_looked_up_once(
    server: Mastodon, make: Make, takes_ids: bool
) -> None:
    server.takes_ids = takes_ids
    server.post(1, tags=[])
    for number in (2, 3):
        server.post(number, in_reply_to_id="1")
    source = make(server)
    answers = posts((await read(source, server))[0].events)
    assert {answer.reply_to for answer in answers} == {f"{server.base}/users/ann/statuses/1"}
    before = len(server.asked)
    server.post(4, in_reply_to_id="1")
    await read(source, server, '{"pycon":"3"}')
    assert len(server.asked) == before + 1


async def test_a_parent_that_nobody_has_leaves_a_post_of_its_own(server: Mastodon, make: Make) -> None:
    server.post(2, in_reply_to_id="1")
    source = make(server)
    (answer,) = posts((await read(source, server))[0].events)
    assert answer.reply_to == ""
    before = len(server.asked)
    await read(source, server, None)
    assert len(server.asked) == before + 1


async def test_trouble_with_a_parent_never_loses_the_reply(server: Mastodon, make: Make) -> None:
    server.post(2, in_reply_to_id="1")
    server.fail("/api/v1/statuses", saying({"error": "Too many"}, 429, Retry_After="7"))
    (batch,) = await read(make(server), server)
    assert len(posts(batch.events)) == 1
    assert batch.pause_s == 7


# What a failure means.


@pytest.mark.parametrize(
    ("handler", "is_permanent", "says"),
    [
        (saying({"error": "This method requires an authenticated user"}, 401), True, "asks for a `token`"),
        (saying({"error": "This action is not allowed"}, 403), True, "not allowed"),
        (saying(PAGE, 403), True, "keeps robots out"),
        (saying({"error": "Gone"}, 410), True, "gone for good"),
        (saying({"error": "Validation failed"}, 422), True, "Validation failed"),
        (saying(PAGE, 400), True, "does not understand"),
        (saying({"error": "Too many requests"}, 429), False, "pause"),
        (saying(PAGE, 429), False, "asks for a pause (429)"),
        (saying(PAGE, 500), False, "500 with a web page"),
        (saying(PAGE, 502), False, "502 with a web page"),
        (saying("", 503), False, "503"),
        (saying(PAGE), False, "with a web page, not with a list"),
        (saying({"statuses": []}), False, "something else, not with a list"),
        (saying('[{"id":"1"'), False, "not with a list"),
        (saying("", 204), False, "204"),
    ],
)
async def test_every_failure_of_a_timeline_has_its_fate(
    server: Mastodon, make: Make, handler: Answer, is_permanent: bool, says: str
) -> None:
    server.fail(TAG, handler)
    with pytest.raises(SourceError) as caught:
        await read(make(server), server)
    assert caught.value.permanent is is_permanent
    assert says in str(caught.value)
    assert server.host in str(caught.value)


@pytest.mark.parametrize(
    ("headers", "least", "most"),
    [
        ({"Retry_After": "90"}, 90, 90),
        ({"X_RateLimit_Remaining": "0", "X_RateLimit_Reset": "in five minutes"}, 60, 300),
        ({"Retry_After": "999999"}, 3600, 3600),
        ({}, 0, 0),
    ],
)
async def test_a_pause_is_as_long_as_the_server_asks(
    server: Mastodon, make: Make, headers: dict[str, str], least: float, most: float
) -> None:
    said = {name: in_minutes(5) if value == "in five minutes" else value for name, value in headers.items()}
    server.fail(TAG, saying({"error": "Too many requests"}, 429, **said))
    with pytest.raises(SourceError) as caught:
        await read(make(server), server)
    assert least <= caught.value.retry_after_s <= most


async def test_a_used_up_limit_ends_the_reading_before_the_server_has_to(
    server: Mastodon, make: Make
) -> None:
    source = make(server)
    await read(source, server)
    for number in range(1, 95):
        server.post(number)
    reset = in_minutes(5)
    server.headers = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": reset}
    (batch,) = await read(source, server, '{"pycon":"0"}')
    assert len(posts(batch.events)) == 40
    assert 60 < batch.pause_s <= 300


async def test_a_server_whose_pages_are_short_is_read_to_its_end_all_the_same(
    server: Mastodon, make: Make
) -> None:
    server.cap = 20
    for number in range(1, 46):
        server.post(number)
    batches = await read(make(server), server, '{"pycon":"0"}')
    assert len(texts(batches)) == 45


async def test_a_short_pause_is_sat_out(server: Mastodon, make: Make) -> None:
    server.headers = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "0.05"}
    server.post(1, tags=[])
    for number in range(2, 96):
        server.post(number, in_reply_to_id="1" if number == 90 else None)
    batches = await read(make(server), server)
    assert len(texts(batches)) == 94
    assert batches[-1].cursor
    assert [post.reply_to for post in posts(batches[-1].events) if post.reply_to] == [
        f"{server.base}/users/ann/statuses/1"
    ]


async def test_a_hashtag_nobody_has_used_yet_is_an_empty_timeline(server: Mastodon, make: Make) -> None:
    server.fail(TAG, saying({"error": "Not Found"}, 404))
    batches = await read(make(server), server)
    assert texts(batches) == []


async def test_a_host_without_this_api_says_so(server: Mastodon, make: Make) -> None:
    server.fail("/", saying(PAGE, 404))
    with pytest.raises(SourceError, match="no Mastodon API") as caught:
        await read(make(server), server)
    assert caught.value.permanent


async def test_a_login_page_behind_a_redirect_is_a_closed_door(server: Mastodon, make: Make) -> None:
    server.fail(TAG, saying("", 302, Location="/login"))
    server.fail("/login", saying(PAGE))
    with pytest.raises(SourceError, match="/login instead of answering: set `token`") as caught:
        await read(make(server), server)
    assert caught.value.permanent


async def test_version_one_of_the_instance_will_do(server: Mastodon, make: Make) -> None:
    server.fail("/api/v2/instance", saying({"error": "Not found"}, 404))
    server.fail("/api/v1/instance", saying({"uri": f"https://{server.host}", "version": "3.5"}))
    server.post(1)
    (post,) = posts((await read(make(server), server))[0].events)
    assert post.face.author.handle == f"@ann@{server.host}"


async def test_a_domain_that_a_server_only_claims_is_in_no_handle(server: Mastodon, make: Make) -> None:
    server.instance["domain"] = "victim.example"
    server.post(1)
    (post,) = posts((await read(make(server), server))[0].events)
    assert post.face.author.handle == f"@ann@{server.host}"


async def test_a_domain_that_the_operator_names_is_in_its_handles(server: Mastodon, make: Make) -> None:
    server.post(1)
    source = make(server, handles={server.base: "home.example"})
    (post,) = posts((await read(source, server))[0].events)
    assert post.face.author.handle == "@ann@home.example"


async def test_a_server_that_tells_nothing_of_itself_is_read(server: Mastodon, make: Make) -> None:
    server.fail("/api/v2/instance", saying({"error": "no"}, 401))
    server.fail("/api/v1/instance", saying(PAGE))
    server.post(1)
    (post,) = posts((await read(make(server), server))[0].events)
    assert post.face.author.handle == f"@ann@{server.host}"


async def test_an_instance_that_fails_keeps_us_from_the_timeline(server: Mastodon, make: Make) -> None:
    server.fail("/api/v2/instance", saying(PAGE, 503, Retry_After="30"))
    with pytest.raises(SourceError) as caught:
        await read(make(server), server)
    assert (caught.value.permanent, caught.value.retry_after_s) == (False, 30)
    assert server.paths() == ["/api/v2/instance"]


# Closed timelines and tokens.


def access(local: str, remote: str) -> dict[str, Any]:
    feeds = {"hashtag_feeds": {"local": local, "remote": remote}}
    return {"version": "4.6.4", "domain": "home.example", "configuration": {"timelines_access": feeds}}


@pytest.mark.parametrize(
    ("local", "remote", "scope"),
    [
        ("public", "public", {}),
        ("public", "authenticated", {"local": "true"}),
        ("public", "disabled", {"local": "true"}),
        ("authenticated", "public", {"remote": "true"}),
    ],
)
async def test_only_the_open_part_of_a_timeline_is_asked_for(
    server: Mastodon, make: Make, local: str, remote: str, scope: dict[str, str]
) -> None:
    server.instance = access(local, remote)
    await read(make(server), server)
    query = next(r.query for r in server.asked if TAG in r.path)
    assert {name: query[name] for name in ("local", "remote") if name in query} == scope


@pytest.mark.parametrize(
    ("local", "remote", "says"),
    [
        ("authenticated", "authenticated", "set `token`"),
        ("authenticated", "disabled", "set `token`"),
        ("disabled", "disabled", "switched hashtag timelines off"),
    ],
)
async def test_a_closed_timeline_is_not_asked_for_and_says_what_to_do(
    server: Mastodon, make: Make, local: str, remote: str, says: str
) -> None:
    server.instance = access(local, remote)
    with pytest.raises(SourceError, match=says) as caught:
        await read(make(server), server)
    assert caught.value.permanent
    assert not any(TAG in path for path in server.paths())


async def test_a_token_opens_a_timeline_and_goes_to_its_own_server_only(start: Start, make: Make) -> None:
    mine, other = await start(), await start()
    mine.instance = access("authenticated", "authenticated")
    source = make(mine, other, token={mine.base: "secret-token"})
    await read(source, mine)
    await read(source, other)
    assert {request.headers.get("Authorization") for request in mine.asked} == {"Bearer secret-token"}
    assert {request.headers.get("Authorization") for request in other.asked} == {None}


async def test_a_token_that_is_refused_is_named_and_not_shown(server: Mastodon, make: Make) -> None:
    server.fail(TAG, saying({"error": "The access token is invalid"}, 401))
    with pytest.raises(SourceError, match="does not accept this `token`") as caught:
        await read(make(server, token="secret-token"), server)
    assert "secret-token" not in str(caught.value)


async def test_local_reads_the_servers_own_users_only(server: Mastodon, make: Make) -> None:
    server.post(1)
    server.post(2, uri="https://far.example/users/bob/statuses/2")
    assert texts(await read(make(server, local=True), server)) == ["post 1"]


async def test_every_request_names_what_it_accepts_and_who_asks(server: Mastodon, make: Make) -> None:
    await read(make(server), server)
    assert {request.headers["Accept"] for request in server.asked} == {"application/json"}
    assert {request.headers["User-Agent"] for request in server.asked} == {"Backchannel/test"}


# Silence and loss.


class ImpatientFetcher(Fetcher):
    """The real client with less patience for timelines of one server."""

    host = ""

    async def get(self, url: str, **said: Any) -> Response:
        if self.host in url and TAG in url:
            said["total_s"] = 0.2
        return await super().get(url, **said)


async def test_a_silent_server_is_trouble_of_its_own_and_the_others_go_on(start: Start, make: Make) -> None:
    silent, other = await start(), await start()
    other.post(1)
    silent.hang(TAG + "pycon")
    hasty = ImpatientFetcher(allow=["127.0.0.0/8"], user_agent="Backchannel/test", clock=Clock())
    hasty.host = silent.host
    source = make(silent, other, fetch=hasty)
    with pytest.raises(SourceError, match="no complete answer") as caught:
        await read(source, silent)
    assert not caught.value.permanent
    assert texts(await read(source, other)) == ["post 1"]
    await hasty.close()


async def test_a_lost_host_may_come_back(server: Mastodon, make: Make) -> None:
    gone = "127.0.0.1:1"
    source = make(f"http://{gone}")
    with pytest.raises(SourceError, match=r"127\.0\.0\.1") as caught:
        async for _ in source.batches(gone, None):
            pass
    assert not caught.value.permanent


# Edits and deletions.


async def shown(source: Source, server: Mastodon) -> list[Post]:
    return posts(event for batch in await read(source, server) for event in batch.events)


async def test_nothing_changed_is_nothing_said(server: Mastodon, make: Make) -> None:
    for number in range(1, 26):
        server.post(number)
    source, on_wall = await showing(make(server), server)
    server.asked.clear()
    assert await source.recheck(on_wall) == []
    assert [len(request.query.getall("id[]")) for request in server.asked] == [20, 5]


async def test_an_edit_is_the_same_post_with_a_later_revision(server: Mastodon, make: Make) -> None:
    status = server.post(1)
    source, on_wall = await showing(make(server), server)
    status |= {"content": "<p>better</p>", "edited_at": "2026-05-06T10:00:00.000Z"}
    (event,) = await source.recheck(on_wall)
    assert isinstance(event, Posted)
    assert (event.post.id, plain_text(event.post.face.body)) == (on_wall[0].id, "better")
    assert event.post.revision == 1778061600000


@pytest.mark.parametrize(
    "change",
    [
        {"visibility": "private"},
        {"tags": []},
        {"sensitive": True},
        {"spoiler_text": "careful"},
        {"quote": {"state": "accepted", "quoted_status": None}},
    ],
)
async def test_what_the_wall_or_its_rules_would_see_is_passed_on(
    server: Mastodon, make: Make, change: dict[str, Any]
) -> None:
    quoted = server.post(9)
    server.statuses.remove(quoted)
    status = server.post(1, quote={"state": "accepted", "quoted_status": quoted})
    source, on_wall = await showing(make(server), server)
    assert on_wall[0].face.quote
    status |= change
    assert [type(event) for event in await source.recheck(on_wall)] == [Posted]


async def test_an_edit_keeps_the_parent_of_a_reply(server: Mastodon, make: Make) -> None:
    server.post(1, tags=[])
    reply = server.post(2, in_reply_to_id="1")
    on_wall = await shown(make(server), server)
    reply |= {"content": "<p>better</p>", "edited_at": iso(START)}
    (event,) = await make(server).recheck(on_wall)
    assert isinstance(event, Posted)
    assert event.post.reply_to == f"{server.base}/users/ann/statuses/1"


async def showing(source: Source, server: Mastodon) -> tuple[Source, list[Post]]:
    """The source, and what it has on the wall from this server."""
    return source, [*await shown(source, server)]


async def absent(
    source: Source, on_wall: Sequence[Post], clock: ManualClock, *, rounds: int = 2
) -> list[Event]:
    """What so many rounds find, 30 s from one to the next."""
    found: list[Event] = []
    for _ in range(rounds):
        found += await source.recheck(on_wall)
        clock.time += 30
    return found


@pytest.mark.parametrize("takes_ids", [True, False])
async def test_what_its_own_server_does_not_find_twice_is_absent(
    server: Mastodon, make: Make, takes_ids: bool, clock: ManualClock
) -> None:
    server.takes_ids = takes_ids
    for number in (1, 2):
        server.post(number)
    source, on_wall = await showing(make(server), server)
    del server.statuses[0]
    assert await source.recheck(on_wall) == []
    clock.time += 29
    assert await source.recheck(on_wall) == []
    clock.time += 1
    assert await source.recheck(on_wall) == [Left(f"{server.base}/users/ann/statuses/1", 0, ABSENT)]


async def test_the_only_post_of_a_hashtag_can_be_absent_too(
    server: Mastodon, make: Make, clock: ManualClock
) -> None:
    server.post(1)
    server.post(2, tags=[])
    source, on_wall = await showing(make(server), server)
    del server.statuses[0]
    assert len(await absent(source, on_wall, clock)) == 1


async def test_what_its_own_server_says_is_gone_is_deleted(server: Mastodon, make: Make) -> None:
    for number in (1, 2):
        server.post(number)
    source, on_wall = await showing(make(server), server)
    del server.statuses[0]
    server.fail("/api/v1/statuses/1", saying({"error": "Gone"}, 410))
    assert await source.recheck(on_wall) == [Deleted(f"{server.base}/users/ann/statuses/1")]


async def test_a_relay_that_says_gone_deletes_nothing(
    server: Mastodon, make: Make, clock: ManualClock
) -> None:
    server.post(1, uri="https://far.example/users/ann/statuses/5")
    server.post(2)
    source, on_wall = await showing(make(server), server)
    del server.statuses[0]
    server.fail("/api/v1/statuses/1", saying({"error": "Gone"}, 410))
    (left,) = await absent(source, on_wall, clock)
    assert left == Left("https://far.example/users/ann/statuses/5", 0, ABSENT, server.host)


async def test_what_is_absent_is_told_when_it_is_found_again(server: Mastodon, make: Make) -> None:
    status = server.post(1)
    source = make(server)
    (gone,) = await shown(source, server)
    gone = replace(gone, labels=(ABSENT,))
    server.statuses.clear()
    server.post(2)
    assert await source.recheck([gone]) == []
    server.statuses.append(status)
    assert [type(event) for event in await source.recheck([gone])] == [Posted]


async def test_a_server_without_look_ups_of_many_is_asked_one_by_one_from_then_on(
    server: Mastodon, make: Make
) -> None:
    server.takes_ids = False
    server.post(1)
    source, on_wall = await showing(make(server), server)
    for _ in range(2):
        server.asked.clear()
        assert await source.recheck(on_wall) == []
    assert server.paths() == ["/api/v1/statuses/1"]


async def test_posts_that_cost_a_request_each_take_turns(server: Mastodon, make: Make) -> None:
    server.takes_ids = False
    for number in range(1, 41):
        server.post(number)
    source, on_wall = await showing(make(server), server)
    server.asked.clear()
    await source.recheck(on_wall)
    assert len(server.asked) == 1 + 20  # the question for many, and one page of answers by hand
    server.asked.clear()
    for _ in range(3):
        await source.recheck(on_wall)
    assert len(server.asked) == 45
    assert len(set(server.paths())) == 40


@pytest.mark.parametrize(
    "handler",
    [
        saying(PAGE, 404),
        saying({"error": "no"}, 401),
        saying(PAGE, 403),
        saying({"error": "Too many"}, 429),
        saying(PAGE, 500),
        saying(PAGE),
    ],
)
async def test_an_error_never_deletes(server: Mastodon, make: Make, handler: Answer) -> None:
    server.post(1)
    source, on_wall = await showing(make(server), server)
    server.fail("/api/v1/statuses", handler)
    for _ in range(3):
        with pytest.raises(SourceError):
            await source.recheck(on_wall)


async def test_a_server_in_ruins_takes_nothing_down(server: Mastodon, make: Make, clock: ManualClock) -> None:
    server.post(1)
    source, on_wall = await showing(make(server), server)
    server.fail("/", saying({"error": "Not found"}, 404))
    assert await absent(source, on_wall, clock, rounds=4) == []


async def test_a_server_without_any_post_takes_nothing_down(
    server: Mastodon, make: Make, clock: ManualClock
) -> None:
    server.post(1)
    source, on_wall = await showing(make(server), server)
    server.statuses.clear()
    assert await absent(source, on_wall, clock, rounds=4) == []


async def test_another_servers_404_asks_the_origin_and_takes_its_copy(start: Start, make: Make) -> None:
    home, relay = await start(), await start()
    uri = home.post(1)["uri"]
    relay.post(900, uri=uri)
    source = make(home, relay)
    home.fail("/api/v1/statuses", saying(PAGE, 502))
    on_wall = await shown(source, relay)
    home.failing.clear()
    relay.statuses.clear()
    (event,) = await source.recheck(on_wall)
    assert isinstance(event, Posted)
    assert (event.post.id, event.post.is_origin, event.post.ref) == (uri, True, f"{home.host}/1")


async def test_a_copy_of_what_its_origin_does_not_have_is_absent_by_the_origins_word(
    start: Start, make: Make, clock: ManualClock
) -> None:
    home, relay = await start(), await start()
    home.post(7)
    uri = f"{home.base}/users/ann/statuses/1"
    relay.post(900, "never said", uri=uri, edited_at=iso(START))
    source = make(home, relay)
    home.fail("/api/v1/statuses", saying(PAGE, 502))
    on_wall = await shown(source, relay)
    home.failing.clear()
    assert await absent(source, on_wall, clock) == [Left(uri, 0, ABSENT)]


async def test_an_origin_in_trouble_decides_nothing(start: Start, make: Make) -> None:
    home, relay = await start(), await start()
    relay.post(900, uri=f"{home.base}/users/ann/statuses/1")
    source, on_wall = await showing(make(home, relay), relay)
    relay.statuses.clear()
    home.fail("/", saying(PAGE, 502))
    for _ in range(3):
        assert await source.recheck(on_wall) == []


async def test_an_origin_in_trouble_keeps_no_other_post_from_being_looked_at(
    start: Start, make: Make, clock: ManualClock
) -> None:
    home, relay = await start(), await start()
    relay.post(900, uri=f"{home.base}/users/ann/statuses/1")
    relay.post(901)
    relay.post(902)
    source, on_wall = await showing(make(home, relay), relay)
    del relay.statuses[:2]
    home.fail("/", saying(PAGE, 502))
    assert await absent(source, on_wall, clock) == [Left(f"{relay.base}/users/ann/statuses/901", 0, ABSENT)]


async def test_a_silent_origin_is_asked_once_a_round_not_once_a_post(start: Start, make: Make) -> None:
    home, relay = await start(), await start()
    for number in range(1, 6):
        relay.post(900 + number, uri=f"{home.base}/users/ann/statuses/{number}")
    source = make(home, relay)
    home.fail("/api/v1/statuses", saying(PAGE, 502))
    on_wall = await shown(source, relay)
    relay.statuses.clear()
    home.asked.clear()
    assert await source.recheck(on_wall) == []
    assert len(home.asked) == 1


async def test_without_the_origin_a_relay_takes_back_its_copy_by_two_404s_in_a_row(
    server: Mastodon, make: Make, clock: ManualClock
) -> None:
    uri = "https://far.example/users/ann/statuses/5"
    status = server.post(1, uri=uri)
    server.post(2)
    source, on_wall = await showing(make(server), server)
    server.statuses.remove(status)
    assert await absent(source, on_wall, clock, rounds=1) == []
    server.statuses.append(status)
    assert await absent(source, on_wall, clock, rounds=1) == []
    server.statuses.remove(status)
    assert await absent(source, on_wall, clock, rounds=1) == []
    assert await absent(source, on_wall, clock, rounds=1) == [Left(uri, 0, ABSENT, server.host)]


@pytest.mark.parametrize("is_new_life", [False, True])
async def test_what_a_relay_drops_stands_by_another_servers_copy(
    start: Start, make: Make, is_new_life: bool, clock: ManualClock
) -> None:
    one, other = await start(), await start()
    uri = "https://far.example/users/ann/statuses/5"
    one.post(1, uri=uri)
    one.post(2)
    other.post(7, "the same", uri=uri)
    source, on_wall = await showing(make(one, other), one)
    if is_new_life:
        source = make(one, other)
    else:
        await read(source, other)
    del one.statuses[0]
    left, back = await absent(source, on_wall, clock)
    assert left == Left(uri, 0, ABSENT, one.host)
    assert isinstance(back, Posted)
    assert (back.post.id, back.post.via) == (uri, other.host)


async def test_an_id_that_names_another_post_by_now_says_nothing(server: Mastodon, make: Make) -> None:
    server.post(1)
    source, on_wall = await showing(make(server), server)
    server.statuses.clear()
    server.post(1, uri="https://far.example/users/eve/statuses/1")
    assert await source.recheck(on_wall) == []


async def test_one_servers_trouble_does_not_hide_what_another_found(
    start: Start, make: Make, clock: ManualClock
) -> None:
    one, other = await start(), await start()
    one.post(1)
    other.post(2)
    other.post(3)
    source = make(one, other)
    on_wall = [*await shown(source, one), *await shown(source, other)]
    one.fail("/api/v1/statuses", saying(PAGE, 500))
    del other.statuses[0]
    assert await absent(source, on_wall, clock) == [Left(f"{other.base}/users/ann/statuses/2", 0, ABSENT)]


async def test_one_server_that_wants_a_pause_keeps_no_other_waiting(
    start: Start, make: Make, clock: ManualClock
) -> None:
    one, other = await start(), await start()
    one.post(1)
    other.post(2)
    other.post(3)
    source = make(one, other)
    on_wall = [*await shown(source, one), *await shown(source, other)]
    one.fail("/api/v1/statuses", saying({"error": "Too many"}, 429, Retry_After="600"))
    assert await source.recheck(on_wall) == []
    one.asked.clear()
    del other.statuses[0]
    assert await absent(source, on_wall, clock) == [Left(f"{other.base}/users/ann/statuses/2", 0, ABSENT)]
    assert one.asked == []


async def test_while_a_server_wants_a_pause_its_timeline_is_not_asked_either(
    server: Mastodon, make: Make
) -> None:
    server.post(1)
    source, on_wall = await showing(make(server), server)
    server.fail("/api/v1/statuses", saying({"error": "Too many"}, 429, Retry_After="600"))
    with pytest.raises(SourceError, match="asks for a pause"):
        await source.recheck(on_wall)
    server.asked.clear()
    with pytest.raises(SourceError, match="no requests left") as caught:
        await read(source, server)
    assert 500 < caught.value.retry_after_s <= 600
    assert server.asked == []


async def test_posts_of_servers_that_are_no_longer_ours_are_left_alone(start: Start, make: Make) -> None:
    one, other = await start(), await start()
    one.post(1)
    on_wall = await shown(make(one), one)
    assert await make(other).recheck(on_wall) == []
    assert other.asked == []


async def test_a_used_up_limit_ends_the_recheck(server: Mastodon, make: Make) -> None:
    server.takes_ids = False
    for number in range(1, 10):
        server.post(number)
    source, on_wall = await showing(make(server), server)
    reset = in_minutes(5)
    server.headers = {"X-RateLimit-Remaining": "1", "X-RateLimit-Reset": reset}
    server.asked.clear()
    with pytest.raises(SourceError, match="no requests left") as caught:
        await source.recheck(on_wall)
    assert caught.value.retry_after_s > 60
    assert len(server.asked) == 1


# Settings.


@pytest.mark.parametrize(
    ("said", "base"),
    [
        ("mastodon.social", "https://mastodon.social"),
        ("https://Mastodon.Social/", "https://mastodon.social"),
        (" one.example:8443 ", "https://one.example:8443"),
        ("http://127.0.0.1:3000", "http://127.0.0.1:3000"),
        ("http://[::1]:3000", "http://[::1]:3000"),
        ("http://localhost", "http://localhost"),
    ],
)
def test_a_server_is_a_host_or_an_address(said: str, base: str) -> None:
    assert Settings(servers=(said,)).servers == (base,)


@pytest.mark.parametrize(
    ("said", "complaint"),
    [
        ({"servers": ()}, "at least 1 item"),
        ({"servers": ("ftp://one.example",)}, "is no server"),
        ({"servers": ("https://one.example/api",)}, "is no server"),
        ({"servers": ("ann@one.example",)}, "is no server"),
        ({"servers": ("one example",)}, "is no server"),
        ({"servers": ("",)}, "is no server"),
        ({"servers": ("one.example:70000",)}, "is no server"),
        ({"servers": ("https://one.example?x",)}, "is no server"),
        ({"servers": ("one.example:port",)}, "is no server"),
        ({"servers": ("http://one.example",)}, "private addresses only"),
        ({"servers": ("one.example", "https://ONE.example")}, "listed twice"),
        ({"servers": ("one.example", "two.example"), "token": "x"}, "belongs to one server"),
        ({"servers": ("one.example",), "token": {"two.example": "x"}}, "not among servers"),
        ({"servers": ("one.example",), "hashtags": ("two words",)}, "no hashtag"),
        ({"servers": ("one.example",), "hashtags": ("#",)}, "no hashtag"),
        ({"servers": ("one.example",), "poll_s": 0}, "greater than or equal to 1"),
        ({"servers": ("one.example",), "polls": 3}, "Extra inputs"),
    ],
)
def test_a_wrong_setting_says_what_is_accepted(said: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        Settings(**said)


def test_a_token_is_never_printed() -> None:
    one = Settings.model_validate({"servers": ["one.example"], "token": "secret-token"})
    several = Settings.model_validate(
        {"servers": ["a.example", "b.example"], "token": {"a.example": "secret-token"}}
    )
    assert "secret-token" not in f"{one!r}{several!r}{one.model_dump_json()}"
    assert one.token_for("https://one.example") == "secret-token"
    assert several.token_for("https://a.example") == "secret-token"
    assert several.token_for("https://b.example") == ""


class StumblingReader(Reader):
    """Stands for a mistake of ours that the second status sets off."""

    looks = 0

    def view(self, server: MastodonServer) -> View:
        self.looks += 1
        if self.looks == 2:
            raise IndexError("status")
        return super().view(server)


async def test_a_status_that_finds_a_mistake_of_ours_costs_itself_alone(
    server: Mastodon, new_context: NewContext
) -> None:
    for number in range(1, 4):
        server.post(number)
    context = new_context("fedi", hashtags=("pycon",))
    api = MastodonServer(server.base, context.fetch, context.clock)
    reader = StumblingReader(
        context, ("pycon",), (api,), local=False, backfill_pages=1, opt_outs="show", handles={}
    )
    batches = [batch async for batch in reader.batches(api, None)]
    assert texts(batches) == ["post 1", "post 3"]
    assert sum(batch.skipped for batch in batches) == context.bugs.count == 1
    assert batches[-1].cursor == '{"pycon":"3"}'


# --- a look before the event


async def test_a_check_shows_the_newest_and_says_who_answers(server: Mastodon, make: Make) -> None:
    for number in (1, 2):
        server.post(number)
    server.statuses.append({"id": "3", "tags": [{"name": "pycon"}]})
    sample = await make(server).check(server.host)
    assert (sample.what, sample.items, sample.skipped) == ("home.example 4.6.4", 3, 1)
    assert max(post.created_at for post in sample.posts) == (START + timedelta(minutes=2)).timestamp()


async def test_a_check_asks_for_every_hashtag_where_one_request_takes_one(
    server: Mastodon, make: Make
) -> None:
    server.instance["version"] = "0.19.1+git-1 gotosocial"
    await make(server, hashtags=("pycon", "europython")).check(server.host)
    assert [path for path in server.paths() if "/tag/" in path] == [
        "/api/v1/timelines/tag/pycon",
        "/api/v1/timelines/tag/europython",
    ]


async def test_a_check_finds_a_token_that_timelines_would_ignore(server: Mastodon, make: Make) -> None:
    server.fail("/api/v1/apps/verify_credentials", saying({"error": "The access token is invalid"}, 401))
    with pytest.raises(SourceError, match="does not accept this `token`") as caught:
        await make(server, token="no-longer-good").check(server.host)
    assert caught.value.permanent
    assert (await make(server).check(server.host)).items == 0


async def test_a_check_believes_a_token_where_the_server_has_no_request_for_it(
    server: Mastodon, make: Make
) -> None:
    server.post(1)
    assert (await make(server, token="perhaps-good").check(server.host)).items == 1
