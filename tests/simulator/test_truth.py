"""What the networks say is what was said: the wire against the independent model, at several times."""

import html
import json
import re
from collections.abc import Awaitable, Callable
from typing import Any

import feedparser
import pytest

from backchannel.simulator import Simulator
from backchannel.simulator.people import FEEDS, KINDS
from backchannel.simulator.script import DAY_S, HOUR_S
from backchannel.text import parse_html, plain_text
from tests.kit.clocks import ManualClock
from tests.simulator.conftest import START

Opener = Callable[..., Awaitable[Any]]
TIMES = [0.0, 0.5 * HOUR_S, 2.5 * HOUR_S, 9 * HOUR_S, DAY_S + 5 * HOUR_S, 2 * DAY_S + 7 * HOUR_S]


async def read_mastodon(reader: Any) -> dict[str, str]:
    """Words by uri, each from the server where it was written."""
    found = {}
    for number, base in enumerate(reader.simulator.bases):
        for status in await reader.timeline(number):
            if status["uri"].startswith(base):
                found[status["uri"]] = status["content"]
    return found


async def read_nostr(reader: Any) -> dict[str, str]:
    wanted = {"kinds": [1, 30023], "#t": ["openideas26", "OpenIdeas26"], "limit": 500}
    found = {}
    for event in await reader.stored(wanted):
        d = next((tag[1] for tag in event["tags"] if tag[0] == "d"), "")
        name = f"{event['kind']}:{event['pubkey']}:{d}" if event["kind"] == 30023 else event["id"]
        found[f"nostr:{name}"] = event["content"]
    return found


async def read_feeds(reader: Any) -> dict[str, str]:
    found: dict[str, str] = {}
    for info in FEEDS:
        url, text = f"{reader.simulator.bases[0]}/feeds/{info.file}", await reader.feed(info.file)
        if info.file.endswith("json"):
            entries = [(item["id"], item["content_html"]) for item in json.loads(text)["items"]]
        else:
            entries = [(entry.id, entry.content[0].value) for entry in feedparser.parse(text).entries]
        found |= {f"feed:{url}#{entry_id}": content for entry_id, content in entries}
    return found


def words(text: str) -> list[str]:
    """The words of a text; links show no scheme."""
    return re.findall(r"\w+", html.unescape(text).replace("https://", ""))


@pytest.mark.parametrize("at_s", TIMES)
async def test_the_wire_says_exactly_what_stands(simulate: Opener, held: Any, at_s: float) -> None:
    reader = await simulate(only=KINDS)
    held.go(at_s)
    wire = await read_mastodon(reader) | await read_nostr(reader) | await read_feeds(reader)
    assert set(wire) == reader.simulator.truth().standing


@pytest.mark.parametrize("at_s", TIMES)
async def test_the_wire_has_the_latest_words(simulate: Opener, held: Any, at_s: float) -> None:
    reader = await simulate()
    held.go(at_s)
    posts = reader.simulator.truth().posts
    for uri, content in (await read_mastodon(reader)).items():
        said = words(plain_text(parse_html(content)))
        assert said[-len(words(posts[uri].text)) :] == words(posts[uri].text)
    for uri, content in (await read_nostr(reader)).items():
        assert content.startswith(posts[uri].text)
    for uri, content in (await read_feeds(reader)).items():
        assert words(posts[uri].text) == words(plain_text(parse_html(content)))


async def test_what_is_gone_is_not_on_the_wire(simulate: Opener, held: Any) -> None:
    reader = await simulate()
    held.go(3 * DAY_S)
    truth = reader.simulator.truth()
    assert len(truth.gone) >= 3
    wire = await read_mastodon(reader) | await read_nostr(reader) | await read_feeds(reader)
    assert not truth.gone & set(wire)


async def test_truth_can_be_asked_about_the_past(simulate: Opener, held: Any) -> None:
    reader = await simulate()
    held.go(9 * HOUR_S)
    early = reader.simulator.truth(reader.simulator.world.start + 600)
    assert 0 < len(early.posts) < len(reader.simulator.truth().posts)
    scarf = reader.simulator.world.ids["scarf"]
    assert scarf in reader.simulator.truth().gone
    assert scarf not in early.posts


async def test_truth_knows_the_edit_and_when(simulate: Opener, held: Any) -> None:
    reader = await simulate()
    held.go(9 * HOUR_S)
    edited = reader.simulator.truth().posts[reader.simulator.world.ids["sixty"]]
    assert "source is in her notes" in edited.text
    assert edited.revision_at > edited.created_at


async def test_truth_knows_that_the_hashtag_was_taken_away(simulate: Opener, held: Any) -> None:
    reader = await simulate()
    held.go(2 * DAY_S)
    untagged = reader.simulator.truth().posts[reader.simulator.world.ids["untag"]]
    assert not untagged.is_tagged
    assert untagged.id not in reader.simulator.truth().standing


async def everything(simulator: Simulator, reader: Any) -> str:
    read = [
        await reader.json(f"/api/v1/timelines/public?limit=40&max_id={9 * 10**18}", server=n) for n in (0, 1)
    ]
    said = [read, await reader.stored({"limit": 500}), [await reader.feed(info.file) for info in FEEDS]]
    return json.dumps(said).replace(str(simulator.port), "PORT")


async def test_two_runs_of_a_seed_say_the_same_bytes(simulate: Opener, held: Any) -> None:
    first = await simulate(seed=5)
    port = first.simulator.port
    held.go(4 * HOUR_S)
    before = await everything(first.simulator, first)
    await first.simulator.stop()
    held.go(0)
    second = await simulate(seed=5, port=port)
    held.go(4 * HOUR_S)
    assert await everything(second.simulator, second) == before


async def test_speed_changes_neither_ids_nor_signatures(simulate: Opener, held: Any) -> None:
    slow = await simulate(seed=5)
    port = slow.simulator.port
    await slow.simulator.stop()
    fast_clock = ManualClock(START, rate=600.0, sleeps="held")
    fast = await simulate(seed=5, speed=600.0, clock=fast_clock, port=port)
    assert fast.simulator.world.ids == slow.simulator.world.ids


async def test_another_seed_says_something_else(simulate: Opener) -> None:
    one, other = await simulate(seed=5), await simulate(seed=6)
    assert set(one.simulator.world.ids.values()).isdisjoint(other.simulator.world.ids.values())


async def test_on_a_clock_of_real_seconds_nothing_is_stamped_in_the_future(simulate: Opener) -> None:
    slow = ManualClock(START, rate=1.0, sleeps="held")
    reader = await simulate(clock=slow, speed=600.0)
    slow.go(30)
    assert reader.simulator.moment() == 18_000
    page = await reader.json("/api/v1/timelines/public?limit=40")
    assert max(status["created_at"] for status in page) <= "2026-11-24T09:00:30.000Z"
    assert any(status["created_at"] > "2026-11-24T09:00:00.000Z" for status in page)
