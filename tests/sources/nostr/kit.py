"""What the Nostr tests share: writers with keys of their own, a relay of a few lines, a source to read with.

Ids and signatures are made here with `json` and coincurve alone, so that they do not lean on what they test.
"""

import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from hashlib import sha256
from typing import Any

import coincurve
from websockets.asyncio.client import connect

from backchannel.bugs import Bugs
from backchannel.clock import Clock
from backchannel.contract import Context
from backchannel.fetch import Fetcher
from backchannel.model import Post
from backchannel.sources.nostr import Settings, Source
from backchannel.sources.nostr.wire import WireEvent, parse_event
from tests.kit.sources import LaneReader
from tests.kit.websocket_server import FakeWebsocket

Wire = dict[str, Any]


class NostrWriter:
    """Somebody who writes on Nostr. The same name has the same key."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.secret = sha256(name.encode()).digest()
        self._key = coincurve.PrivateKey(self.secret)
        self.pubkey = self._key.public_key.format(compressed=True)[1:].hex()

    def wire(self, content: str = "", *tags: Sequence[str], kind: int = 1, at: float = 1_000_000) -> Wire:
        """A signed event as it goes over the wire."""
        listed = [list(tag) for tag in tags]
        signed = json.dumps(
            [0, self.pubkey, int(at), kind, listed, content], separators=(",", ":"), ensure_ascii=False
        )
        digest = sha256(signed.encode()).digest()
        return {
            "id": digest.hex(),
            "pubkey": self.pubkey,
            "created_at": int(at),
            "kind": kind,
            "tags": listed,
            "content": content,
            "sig": self._key.sign_schnorr(digest).hex(),
        }

    def event(
        self, content: str = "", *tags: Sequence[str], kind: int = 1, at: float = 1_000_000
    ) -> WireEvent:
        """The same, read."""
        return parse_event(json.dumps(self.wire(content, *tags, kind=kind, at=at)).encode())

    def profile(self, at: float = 1_000_000, **said: object) -> Wire:
        """A kind 0 event."""
        return self.wire(json.dumps(said), kind=0, at=at)


ADA, GRACE, MALLORY = NostrWriter("ada"), NostrWriter("grace"), NostrWriter("mallory")


async def publish(url: str, *events: Wire) -> list[tuple[bool, str]]:
    """Hand events to a relay; its verdict on each."""
    verdicts: list[tuple[bool, str]] = []
    async with connect(url, compression=None) as socket:
        for event in events:
            await socket.send(json.dumps(["EVENT", event]))
            said = json.loads(await socket.recv())
            while said[0] != "OK":
                said = json.loads(await socket.recv())
            verdicts.append((said[2], said[3]))
    return verdicts


class NostrReading:
    """A source with everything around it on loopback. `wall` is what the watch list gives."""

    def __init__(self, *relays: str, clock: Clock | None = None, since: float = 0.0, **settings: Any) -> None:
        self.clock = clock or Clock()
        self.wall: list[Post] = []
        self.fetch = Fetcher(allow=["127.0.0.0/8"], user_agent="tests", clock=self.clock)
        self.source = Source(
            Settings(kind="nostr", relays=relays, **settings),
            Context("nostr", self.fetch, self.clock, ("backchannel",), since, lambda: self.wall, Bugs()),
        )
        self._readers: list[LaneReader] = []

    def read(self, lane: str = "", cursor: str | None = None) -> LaneReader:
        self._readers.append(LaneReader(self.source, lane, cursor))
        return self._readers[-1]

    async def close(self) -> None:
        for reader in self._readers:
            await reader.stop()
        await self.fetch.close()


@asynccontextmanager
async def house(*relays: str, **settings: Any) -> AsyncIterator[NostrReading]:
    """A source for the length of a block."""
    made = NostrReading(*relays, **settings)
    try:
        yield made
    finally:
        await made.close()


def storing(*events: Wire) -> Callable[[FakeWebsocket, list[Any]], Sequence[object]]:
    """A relay's answers that hold these events and obey every filter, newest first."""

    def answer(_: FakeWebsocket, frame: list[Any]) -> Sequence[object]:
        if frame[0] != "REQ":
            return ()
        found = [["EVENT", frame[1], event] for asked in frame[2:] for event in select(asked, events)]
        return [*found, ["EOSE", frame[1]]]

    return answer


def select(asked: Wire, events: Sequence[Wire]) -> list[Wire]:
    """What NIP-01 gives for a filter."""

    def fits(event: Wire) -> bool:
        tags = [(f"#{tag[0]}", tag[1]) for tag in event["tags"] if len(tag) > 1]
        return (
            ("kinds" not in asked or event["kind"] in asked["kinds"])
            and ("ids" not in asked or event["id"] in asked["ids"])
            and ("authors" not in asked or event["pubkey"] in asked["authors"])
            and asked.get("since", 0) <= event["created_at"] <= asked.get("until", 1 << 53)
            and all(
                any(name == key and value in wanted for name, value in tags)
                for key, wanted in asked.items()
                if key.startswith("#")
            )
        )

    newest = sorted(filter(fits, events), key=lambda event: -event["created_at"])
    return newest[: asked.get("limit", len(newest))]
