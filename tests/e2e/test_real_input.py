"""Real input, end to end: a real Nostr relay and a blog over HTTP, the server, and a real Chromium."""

import hashlib
import json
import time
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import pytest
from playwright.async_api import async_playwright
from websockets.asyncio.client import connect

from backchannel.sources.nostr.wire import sign_event
from tests.browser.conftest import CHROMIUM, CHROMIUM_ARGS
from tests.conftest import Tell
from tests.e2e.relay import running_relay
from tests.kit.clocks import until
from tests.kit.http_server import blog
from tests.kit.program import config_text
from tests.kit.server import running

COUNT = 50
AUTHORS = 10
"""So that each says five in this minute: what is beyond that is folded, and not on the wall."""

WATCH = """
globalThis.seen = {};
new MutationObserver(() => {
  for (const [, name] of document.documentElement.textContent.matchAll(/words-(\\d+)!/g))
    globalThis.seen[name] ??= performance.timeOrigin + performance.now();
}).observe(document, { childList: true, subtree: true, characterData: true });
"""


def signed(author: int, kind: int, content: str, tags: Any = ()) -> Any:
    key = hashlib.sha256(b"an author of this test %d" % author).digest()
    event = sign_event(key, created_at=int(time.time()), kind=kind, tags=tags, content=content)
    return {name: getattr(event, name) for name in event.__struct_fields__}


async def publish(relay: Any, event: Any) -> None:
    await relay.send(json.dumps(["EVENT", event]))
    while (answer := json.loads(await relay.recv()))[0] != "OK":
        continue
    assert answer[2], answer


@pytest.mark.browser
@pytest.mark.e2e
async def test_a_post_published_to_a_relay_is_in_the_page_within_moments(
    tmp_path: Path, root: Path, tell: Tell, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not CHROMIUM.exists():
        pytest.skip(f"{CHROMIUM} is not installed")
    received, released = dict[int, float](), dict[int, float]()
    with running_relay(root, tmp_path / "relay") as relay:
        async with blog() as feed, connect(relay.url) as speaker, async_playwright() as playwright:
            feed.write("first", "words of a blog #conf")
            config = config_text(
                f"{{kind: nostr, relays: ['{relay.url}']}}",
                f"{{kind: feed, feeds: ['{feed.feed}'], poll_s: 1, floor_s: 1}}",
            )
            for author in range(AUTHORS):
                await publish(speaker, signed(author, 0, json.dumps({"name": f"Author {author}"})))
            async with running(tmp_path, config) as (server, url):
                sequencer, submit = server.sequencer, server.sequencer.submit

                async def submit_and_note(events: Any, cursors: Any = None) -> None:
                    for event in events:
                        name = _name_of(event)
                        if name is not None:
                            received.setdefault(name, time.time())
                    await submit(events, cursors)

                def note_released(_: Any) -> None:
                    for item in sequencer.board.newest(3):
                        name = _name_of(sequencer.post(item))
                        if name is not None:
                            released.setdefault(name, time.time())

                monkeypatch.setattr(sequencer, "submit", submit_and_note)
                sequencer.subscribe(note_released)
                browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_ARGS)
                page = await browser.new_page()
                await page.add_init_script(WATCH)
                await page.goto(f"{url}/wall")
                await page.wait_for_function("() => document.body.textContent.includes('words of a blog')")
                sent = {}
                for number in range(COUNT):
                    event = signed(number % AUTHORS, 1, f"words-{number}! #conf", [["t", "conf"]])
                    sent[number] = time.time()
                    await publish(speaker, event)
                    await until(lambda number=number: number in received)  # type: ignore[misc]
                await page.wait_for_function(
                    "(count) => Object.keys(globalThis.seen).length === count", arg=COUNT
                )
                seen = {int(name): at / 1000 for name, at in (await page.evaluate("globalThis.seen")).items()}
                await browser.close()
    assert sorted(seen) == list(range(COUNT))
    took = [
        _line("published → received", sent, received),
        _line("received → released", received, released),
        _line("released → DOM", released, seen),
        _line("in all", sent, seen),
    ]
    tell(f"{COUNT} posts from a relay to Chromium's DOM: {'; '.join(took)}")


def _line(name: str, start: dict[int, float], end: dict[int, float]) -> str:
    took = [(end[n] - start[n]) * 1000 for n in range(COUNT)]
    return f"{name}: median {median(took):.0f} ms, p95 {quantiles(took, n=20)[-1]:.0f} ms"


def _name_of(thing: Any) -> int | None:
    post = getattr(thing, "post", thing)
    words = str(getattr(getattr(post, "face", None), "body", ""))
    return int(words.split("words-")[1].split("!")[0]) if "words-" in words else None
