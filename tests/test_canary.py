"""Secrets that every peer repeats, in every place and spelling: afterwards they stand nowhere.

Beside each secret another word is repeated in the same way, which is no secret: it must be found wherever
the secret must not, or the search proves nothing.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from urllib.parse import quote

import pytest
from aiohttp import WSMsgType

from backchannel.clock import Clock
from tests.conftest import Tell
from tests.faults.parrot import ANSWERS, RELAYS, SPELLINGS, answer, feed, mastodon, relay, traces
from tests.kit.clocks import until
from tests.kit.program import RunningProgram, config_text
from tests.kit.program import serving as serve
from tests.kit.raw_server import RawServer, answering, reply
from tests.sources.nostr.kit import MALLORY

CANARIES = {
    "token": "CanaryToken-7f3k9w2m5q8x",
    "file": "CanaryFile_4h6j8l0n2p4r6t",
    "key": "canary-key-1a2s3d4f5g6h7j",
    "later key": "canary-key-9z8y7x6w5v4u3t",
    "path": "canary-path-q1w2e3r4t5y6u",
    "nostr": "ca4a51" + "0123456789abcdef" * 3 + "7777777777",
}
CONTROL = "Ordinary-Word-8s7d6f5g4h3j"
PAGES = (
    "/", "/wall", "/wall/holding", "/status", "/healthz", "/api/v1/posts?limit=200", "/?q=readable",
    "/api/v1/posts?q=readable", "/qr.svg", "/nothing", "/api/v1/posts?limit=x", "/api/v1/rulings", "/media/x",
)  # fmt: skip
CONTROLLED = {f"page {page}" for page in PAGES[:2] + PAGES[3:8]} | {
    "id", "frame", "log line", "file log.db", "file search.db",
}  # fmt: skip
"""Where a word that is no secret is told, so where a secret has to be missed."""


POSTING = {
    "ordinary",
    "path",
    "mastodon",
    "nostr ordinary",
    "nostr secret",
    "key 0",
    "key 4",
    "key 8",
    "key 12",
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_the_search_finds_every_spelling(spelling: str) -> None:
    for around in ("{}", "x{}y", '{{"a": "{}"}}'):
        assert traces(b"\x00\xff" + around.format(SPELLINGS[spelling](CONTROL)).encode() + b"\xff", CONTROL)


class Found:
    """Where which word was found, and how it was spelled."""

    def __init__(self, words: Mapping[str, str]) -> None:
        self._words = {**words, "control": CONTROL}
        self.at: dict[str, set[str]] = {name: set() for name in self._words}
        self.looked = 0

    def look(self, where: str, data: bytes) -> None:
        self.looked += len(data)
        for name, word in self._words.items():
            self.at[name] |= {f"{where}: {spelling}" for spelling in traces(data, word)}

    def places(self, name: str) -> set[str]:
        return {place.rpartition(":")[0] for place in self.at[name]}


@asynccontextmanager
async def frames(server: RunningProgram) -> AsyncIterator[list[str]]:
    """What a page is sent over the stream."""
    told: list[str] = []

    async def read() -> None:
        async with server.http.ws_connect(f"{server.url}/live?after=0&epoch=") as socket:
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    told.append(message.data)

    reading = asyncio.ensure_future(read())
    yield told
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)


class Parrots:
    """What stands under `sources`, and how to know that every peer has said its word."""

    def __init__(self) -> None:
        self.sources: list[str] = []
        self.key = CANARIES["key"]
        self._awaited: list[tuple[RawServer, set[str]]] = []
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> "Parrots":
        names = [*SPELLINGS]
        for at in range(0, len(names), 4):
            await self._feeds(f"key {at}", CANARIES["key"], "${KEY}", names[at : at + 4])
        await self._feeds("ordinary", CONTROL, "0", ["plain"])
        await self._feed_with_a_key_in_its_path()
        await self._mastodons()
        await self._broken("broken", CANARIES["token"], "${TOKEN}")
        await self._broken("broken ordinary", CONTROL, "the-token-of-the-control")
        await self._relays("secret", CANARIES["nostr"])
        await self._relays("ordinary", CONTROL)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def have_spoken(self) -> None:
        """Until everything was asked for."""
        for server, paths in self._awaited:
            await until(lambda: paths <= {path for path, _ in server.requests})  # noqa: B023 - awaited here

    async def _up(self, told: Callable[[str, Mapping[str, str]], bytes]) -> RawServer:
        return await self._stack.enter_async_context(answering(told))

    async def _feeds(self, name: str, word: str, variable: str, spellings: Sequence[str]) -> None:
        server = await self._up(lambda path, _: answer(path, self.key if variable == "${KEY}" else word))
        paths = [f"/{quote(kind)}/{quote(spelling)}?key=" for kind in ANSWERS for spelling in spellings]
        self._list(name, [f"{server.url}{path}{variable}" for path in paths])
        value = word if variable == "${KEY}" else variable
        self._awaited.append((server, {path + value for path in paths}))

    async def _feed_with_a_key_in_its_path(self) -> None:
        server = await self._up(lambda *_: reply(feed(CANARIES["path"])))
        self._list("path", [f"{server.url}/${{SECRET_PATH}}/feed.xml"])

    def _list(self, name: str, feeds: Sequence[str]) -> None:
        pace = "match: all, poll_s: 1, floor_s: 1, max_pause_s: 1"
        self.sources.append(f"{{kind: feed, name: {name}, feeds: {json.dumps([*feeds])}, {pace}}}")

    async def _mastodons(self) -> None:
        """A server for each kind of answer, twice: as one of ours with a token, and as the control."""
        tokens: dict[str, object] = {}
        for at, kind in enumerate([*ANSWERS, "statuses", "statuses"]):
            name = ("token", "file")[at % 2]
            for word in (CANARIES[name], CONTROL):
                bases: list[str] = []
                server = await self._up(mastodon(kind, word, lambda bases=bases: bases[0]))  # type: ignore[misc]
                bases.append(server.url)
                ours = "${TOKEN}" if name == "token" else {"file": "token.txt"}
                tokens[server.url] = "the-token-of-the-control" if word == CONTROL else ours
        self.sources.append(
            f"{{kind: mastodon, servers: {json.dumps([*tokens])}, poll_s: 1, token: {json.dumps(tokens)}}}"
        )

    async def _broken(self, name: str, word: str, token: str) -> None:
        """A source of nothing but trouble: its errors stand on the page for people, too."""
        server = await self._up(mastodon("error", word, str))
        self.sources.append(f"{{kind: mastodon, name: {name}, servers: ['{server.url}'], token: '{token}'}}")

    async def _relays(self, name: str, word: str) -> None:
        def event(text: str) -> dict[str, object]:
            return MALLORY.wire(text, ["t", "conf"], at=Clock().real())

        key = "/${SECRET_PATH}" if name == "secret" else ""
        relays = [await self._stack.enter_async_context(relay(kind, word, event)) + key for kind in RELAYS]
        self.sources.append(
            f"{{kind: nostr, name: nostr {name}, relays: {json.dumps(relays)}, secret_key: '${{NOSTR}}'}}"
        )


async def look_around(found: Found, server: RunningProgram) -> set[str]:
    """Every page, all ids and the frames. The ids of the posts that say the same whatever the key is."""
    async with frames(server) as told:
        for page in PAGES:
            found.look(f"page {page}", (await server.page(page)).encode())
        ids = [post["id"] for post in (await server.get("/api/v1/posts?limit=200"))["posts"]]
        found.look("id", json.dumps(ids).encode())
        await until(lambda: CONTROL in "".join(told))
        found.look("frame", "\n".join(told).encode())
    return {name for name in ids if "/for%20good/" in name}


def look_through(found: Found, folder: Path) -> None:
    """Every file, and its name."""
    for path in folder.rglob("*"):
        found.look("file name", path.name.encode())
        if path.is_file():
            found.look(f"file {path.name}", path.read_bytes())


async def everything_is_there(parrots: Parrots, server: RunningProgram) -> None:
    """Every peer has answered, and every source that has posts has some on the board."""
    async with asyncio.timeout(60):
        await parrots.have_spoken()
    states = ("backoff", "blocked", "live", "needs_human")
    await server.until(
        lambda said: all(one["state"] in states for one in said["sources"].values()), "/healthz"
    )
    await server.until(lambda said: {post["source"] for post in said["posts"]} == POSTING)
    await server.until(lambda said: any(CONTROL in post["id"] for post in said["posts"]))


@pytest.mark.timeout(300)
async def test_a_secret_that_every_peer_repeats_stands_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tell: Tell
) -> None:
    (tmp_path / "token.txt").write_text(CANARIES["file"])
    for name, value in (("TOKEN", "token"), ("KEY", "key"), ("SECRET_PATH", "path"), ("NOSTR", "nostr")):
        monkeypatch.setenv(name, CANARIES[value])
    found, data = Found(CANARIES), tmp_path / "data"
    async with Parrots() as parrots:
        async with serve(tmp_path, config=config_text(*parrots.sources)) as server:
            await everything_is_there(parrots, server)
            first = await look_around(found, server)
            hidden = (await server.get("/api/v1/posts"))["posts"][0]
            assert (await server.say("hide", str(hidden["key"])))[0] == 200
        found.look("log line", "\n".join(server.lines).encode())
        look_through(found, data)
        parrots.key = CANARIES["later key"]
        monkeypatch.setenv("KEY", parrots.key)
        async with serve(tmp_path) as server:
            await everything_is_there(parrots, server)
            later = await look_around(found, server)
        found.look("log line", "\n".join(server.lines).encode())
        look_through(found, data)
    leaks = {f"{name} in {place}" for name in CANARIES for place in found.at[name]}
    places = found.places("control")
    tell(
        f"canaries: {len(leaks)} traces of {len(CANARIES)} secrets in {found.looked:,} bytes, repeated in "
        f"{len(SPELLINGS)} spellings at {len(ANSWERS)} places of an answer and by {len(RELAYS)} relays; "
        f"the control was found in: {', '.join(sorted(places))}"
    )
    assert leaks == set()
    assert places >= CONTROLLED
    assert first
    assert first - {hidden["id"]} <= later, "a changed key changes no id"
    assert len(later) <= len(SPELLINGS) + 1
