"""The Nostr source against a real relay."""

import json
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from websockets.asyncio.client import connect

from backchannel.clock import Clock
from backchannel.contract import SourceError
from backchannel.model import Node, Posted
from tests.e2e.relay import RealRelay, find_relay, running_relay
from tests.sources.nostr.kit import ADA, GRACE, MALLORY, NostrReading, NostrWriter, Wire, publish

pytestmark = pytest.mark.e2e

TAG = ("t", "backchannel")


def now() -> float:
    return Clock().real()


@pytest.fixture(scope="module")
def relay(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealRelay]:
    """One relay for all that do not end it."""
    with running_relay(root, tmp_path_factory.mktemp("relay")) as running:
        yield running


@pytest.fixture
async def house(relay: RealRelay) -> AsyncIterator[NostrReading]:
    """Reads what is written from a minute ago on; every test has writers of its own."""
    made = NostrReading(relay.url, since=now() - 60)
    yield made
    await made.close()


@pytest.fixture
def writer(request: pytest.FixtureRequest) -> NostrWriter:
    return NostrWriter(request.node.name)


def note(writer: NostrWriter, text: str, *tags: tuple[str, ...], at: float = 0) -> Wire:
    return writer.wire(text, TAG, *tags, at=at or now())


async def test_a_published_post_comes_at_once_with_its_authors_name(
    house: NostrReading, relay: RealRelay, writer: NostrWriter
) -> None:
    reader = house.read()
    await publish(
        relay.url, writer.profile(at=now(), name="Ada Lovelace", picture="https://pic.example/a.png")
    )
    said = note(writer, "hello #backchannel")
    await publish(relay.url, said)
    await reader.until(lambda r: f"nostr:{said['id']}" in [post.id for post in r.posts])
    post = next(post for post in reader.posts if post.ref == said["id"])
    assert post.face.author.name == "Ada Lovelace"
    assert post.pictures == ("https://pic.example/a.png",)
    assert post.face.body == ("hello ", Node("hashtag", ("#backchannel",)))


async def test_what_was_stored_before_comes_in_order_and_with_a_cursor(
    house: NostrReading, relay: RealRelay, writer: NostrWriter
) -> None:
    at = int(now()) - 30
    await publish(relay.url, *(note(writer, f"{n} of {writer.name}", at=at + n) for n in (2, 0, 1)))
    reader = house.read()
    await reader.until(lambda r: r.cursor)
    assert [t for t in reader.texts if writer.name in t] == [f"{n} of {writer.name}" for n in range(3)]
    assert int(reader.cursor or 0) >= at + 2


async def test_another_spelling_of_the_hashtag_is_found(
    house: NostrReading, relay: RealRelay, writer: NostrWriter
) -> None:
    reader = house.read()
    shouted = writer.wire("loud", ("t", "BACKCHANNEL"), at=now())
    await publish(relay.url, shouted)
    await reader.until(lambda r: any(post.ref == shouted["id"] for post in r.posts))


async def test_a_deletion_by_the_author_takes_the_post_down(
    house: NostrReading, relay: RealRelay, writer: NostrWriter
) -> None:
    reader = house.read()
    said = note(writer, "a slip")
    await publish(relay.url, said)
    await reader.until(lambda r: any(post.ref == said["id"] for post in r.posts))
    await publish(relay.url, writer.wire("oops", ("e", said["id"]), ("k", "1"), kind=5, at=now()))
    await reader.until(lambda r: f"nostr:{said['id']}" in r.deleted)


async def test_a_deletion_by_somebody_else_is_ignored(
    house: NostrReading, relay: RealRelay, writer: NostrWriter
) -> None:
    mallory = NostrWriter(f"mallory of {writer.name}")
    reader = house.read()
    said, other = note(writer, "stays"), note(mallory, "mine")
    await publish(relay.url, said, other)
    await reader.until(lambda r: {said["id"], other["id"]} <= {post.ref for post in r.posts})
    await publish(
        relay.url,
        mallory.wire("", ("e", said["id"]), kind=5, at=now()),
        mallory.wire("", ("e", other["id"]), kind=5, at=now() + 1),
    )
    await reader.until(lambda r: f"nostr:{other['id']}" in r.deleted)
    assert f"nostr:{said['id']}" not in reader.deleted


async def test_a_post_deleted_while_we_were_away_is_taken_down_on_return(
    house: NostrReading, relay: RealRelay, writer: NostrWriter
) -> None:
    said = note(writer, "gone tomorrow")
    await publish(relay.url, said)
    first = house.read()
    await first.until(lambda r: any(post.ref == said["id"] for post in r.posts) and r.cursor)
    house.wall = [post for post in first.posts if post.ref == said["id"]]
    await first.stop()
    await publish(relay.url, writer.wire("", ("e", said["id"]), kind=5, at=now()))
    restarted = NostrReading(relay.url, since=now() - 60)
    restarted.wall = house.wall
    try:
        await restarted.read(cursor=first.cursor).until(lambda r: f"nostr:{said['id']}" in r.deleted)
    finally:
        await restarted.close()


async def test_a_quoted_post_is_fetched_and_shown(
    house: NostrReading, relay: RealRelay, writer: NostrWriter
) -> None:
    quoted = GRACE.wire(f"words worth quoting, for {writer.name}", at=now())
    await publish(relay.url, quoted, GRACE.profile(at=now(), display_name="Grace Hopper"))
    reader = house.read()
    said = note(writer, "so true", ("q", quoted["id"]))
    await publish(relay.url, said)
    await reader.until(lambda r: any(post.ref == said["id"] for post in r.posts))
    quote = next(post for post in reader.posts if post.ref == said["id"]).face.quote
    assert quote is not None
    assert quote.body == (quoted["content"],)
    assert quote.author.name == "Grace Hopper"


async def test_the_relay_refuses_a_tampered_event_and_nothing_of_it_comes(
    house: NostrReading, relay: RealRelay, writer: NostrWriter
) -> None:
    reader = house.read()
    forged = {**note(writer, "true words"), "content": "false words"}
    verdicts = await publish(relay.url, forged)
    assert verdicts[0][0] is False
    honest = note(writer, "after it")
    await publish(relay.url, honest)
    await reader.until(lambda r: any(post.ref == honest["id"] for post in r.posts))
    assert forged["id"] not in [post.ref for post in reader.posts]


async def test_reading_resumes_where_it_stopped(
    house: NostrReading, relay: RealRelay, writer: NostrWriter
) -> None:
    long_ago, lately = note(writer, "long ago", at=now() - 3000), note(writer, "lately")
    house = NostrReading(relay.url, since=now() - 4000)
    await publish(relay.url, long_ago, lately)
    first = house.read()
    await first.until(lambda r: {long_ago["id"], lately["id"]} <= {p.ref for p in r.posts} and r.cursor)
    await first.stop()
    missed = note(writer, "meanwhile")
    await publish(relay.url, missed)
    second = house.read(cursor=first.cursor)
    await second.until(lambda r: any(post.ref == missed["id"] for post in r.posts))
    assert long_ago["id"] not in [post.ref for post in second.posts]
    await house.close()


async def has_stored(url: str, ids: list[str]) -> None:
    """Return when the relay gives all of these: it says OK before others can read what it was sent."""
    async with connect(url) as socket:
        found: list[str] = []
        while len(found) < len(ids):
            found = []
            await socket.send(json.dumps(["REQ", "all", {"ids": ids, "limit": len(ids)}]))
            while (said := json.loads(await socket.recv()))[0] != "EOSE":
                found += [said[2]["id"]] if said[0] == "EVENT" else []


async def test_more_posts_than_a_page_all_come(relay: RealRelay, writer: NostrWriter) -> None:
    at = int(now()) - 3000
    written = [note(writer, f"page {n}", at=at + n // 3) for n in range(70)]
    await publish(relay.url, *written)
    await has_stored(relay.url, [event["id"] for event in written])
    house = NostrReading(relay.url, since=at, limit=20)
    try:
        reader = house.read()
        await reader.until(lambda r: r.cursor)
        first = next(n for n, batch in enumerate(reader.batches) if batch.cursor)
        events = [event for batch in reader.batches[: first + 1] for event in batch.events]
        told = {event.post.ref for event in events if isinstance(event, Posted)}
        assert {event["id"] for event in written} <= told, "no cursor before the last page is in"
        assert reader.missed == []
    finally:
        await house.close()


async def test_two_relays_give_equal_posts_for_one_event(
    root: Path, tmp_path: Path, relay: RealRelay, writer: NostrWriter
) -> None:
    with running_relay(root, tmp_path) as other:
        await publish(other.url, writer.profile(at=now(), name="Only here"))
        house = NostrReading(relay.url, other.url, since=now() - 60)
        try:
            here, there = house.read(relay.url), house.read(other.url)
            for url, reader in ((relay.url, here), (other.url, there)):
                await publish(url, note(writer, f"before, on {url}"))
                await reader.until(lambda r: r.cursor)
            said = note(writer, "on both")
            await publish(relay.url, said)
            await here.until(lambda r: any(post.ref == said["id"] for post in r.posts))
            await publish(other.url, said)
            await there.until(lambda r: any(post.ref == said["id"] for post in r.posts))
            one, two = (next(p for p in r.posts if p.ref == said["id"]) for r in (here, there))
            assert one == two
            assert one.face.author.name == "Only here"
        finally:
            await house.close()


async def test_a_relay_killed_and_restarted_is_read_on(
    root: Path, tmp_path: Path, writer: NostrWriter
) -> None:
    with running_relay(root, tmp_path) as relay:
        house = NostrReading(relay.url, since=now() - 60)
        try:
            first = house.read()
            before = note(writer, "before")
            await publish(relay.url, before)
            await first.until(lambda r: any(post.ref == before["id"] for post in r.posts))
            relay.kill()
            lost = await first.ended()
            assert isinstance(lost, SourceError)
            assert not lost.permanent
            refused = await house.read(cursor=first.cursor).ended()
            assert isinstance(refused, SourceError)
            assert "cannot connect" in str(refused)
            relay.start()
            after = note(writer, "after")
            await publish(relay.url, after)
            second = house.read(cursor=first.cursor)
            await second.until(lambda r: any(post.ref == after["id"] for post in r.posts))
        finally:
            await house.close()


async def test_a_relay_that_falls_silent_is_given_up(root: Path, tmp_path: Path) -> None:
    with running_relay(root, tmp_path) as relay:
        house = NostrReading(relay.url, since=now() - 60)
        house.source.pulse_s = 2.0
        try:
            said = note(ADA, "still there")
            await publish(relay.url, said)
            reader = house.read()
            await reader.until(lambda r: r.cursor)
            relay.freeze()
            silent = await reader.ended()
            relay.thaw()
            assert isinstance(silent, SourceError)
            assert "silent" in str(silent)
        finally:
            await house.close()


def test_the_relay_is_the_real_one(root: Path) -> None:
    assert find_relay(root).name == "nostr-relay"


async def test_latency_from_publishing_to_the_batch_is_printed(
    house: NostrReading, relay: RealRelay, writer: NostrWriter, tell: Callable[[str], None]
) -> None:
    clock = Clock()
    reader = house.read()
    await publish(relay.url, note(writer, "first of all"))
    await reader.until(lambda r: any("first of all" in text for text in r.texts))
    took: list[float] = []
    for number in range(50):
        said = note(writer, f"timed {number}")
        began = clock.monotonic()
        await publish(relay.url, said)
        await reader.until(_has(said["id"]))
        took.append(clock.monotonic() - began)
    took.sort()
    tell(f"nostr: publish → batch, 50 posts: median {took[25] * 1000:.1f} ms, p95 {took[47] * 1000:.1f} ms")
    assert len(took) == 50


def _has(event_id: str) -> Callable[..., bool]:
    return lambda reader: any(post.ref == event_id for post in reader.posts)


async def test_mallory_cannot_write_in_anothers_name(
    house: NostrReading, relay: RealRelay, writer: NostrWriter
) -> None:
    reader = house.read()
    stolen = {**note(MALLORY, "in your name"), "pubkey": writer.pubkey}
    assert (await publish(relay.url, stolen))[0][0] is False
    honest = note(writer, "in my own")
    await publish(relay.url, honest)
    await reader.until(_has(honest["id"]))
    assert stolen["id"] not in [post.ref for post in reader.posts]
