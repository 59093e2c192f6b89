"""What the Nostr tests share: writers with keys of their own, a relay of a few lines, a source to read with.

Ids and signatures are made here with `json` and coincurve alone, so that they do not lean on what they test.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from hashlib import sha256
from http import HTTPStatus
from typing import Any

import coincurve
from websockets.asyncio.client import connect
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from backchannel.bugs import Bugs
from backchannel.clock import Clock
from backchannel.contract import Batch, Context
from backchannel.fetch import Fetcher
from backchannel.model import Deleted, Event, Missed, Post, Posted
from backchannel.sources.nostr import Settings, Source
from backchannel.sources.nostr.wire import WireEvent, parse_event

Wire = dict[str, Any]
WAIT_S = 20.0
"""Long enough for a loaded machine; a test that waits so long fails."""


class Writer:
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


ADA, GRACE, MALLORY = Writer("ada"), Writer("grace"), Writer("mallory")


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


class Reader:
    """A lane being read in a task: `until` waits for what it brings."""

    def __init__(self, source: Source, lane: str, cursor: str | None) -> None:
        self.batches: list[Batch] = []
        self.error: Exception | None = None
        self._source = source
        self._changed = asyncio.Condition()
        self.task = asyncio.create_task(self._read(lane, cursor))

    @property
    def events(self) -> list[Event]:
        return [event for batch in self.batches for event in batch.events]

    @property
    def posts(self) -> list[Post]:
        return [event.post for event in self.events if isinstance(event, Posted)]

    @property
    def texts(self) -> list[str]:
        return ["".join(part if isinstance(part, str) else "" for part in p.face.body) for p in self.posts]

    @property
    def deleted(self) -> list[str]:
        return [event.subject for event in self.events if isinstance(event, Deleted)]

    @property
    def missed(self) -> list[Missed]:
        return [event for event in self.events if isinstance(event, Missed)]

    @property
    def cursor(self) -> str | None:
        return next((batch.cursor for batch in reversed(self.batches) if batch.cursor is not None), None)

    @property
    def reasons(self) -> list[str]:
        return [reason for batch in self.batches for reason in batch.reasons]

    async def until(self, is_so: Callable[["Reader"], object]) -> None:
        """Wait for the condition. AssertionError with what came instead, when the lane ends before it."""
        try:
            async with asyncio.timeout(WAIT_S), self._changed:
                await self._changed.wait_for(lambda: is_so(self) or self.task.done() or self.error)
        except TimeoutError:
            raise AssertionError(f"waited in vain; there is {self.batches}") from None
        assert is_so(self), f"the lane ended ({self.error!r}) with {self.batches}"

    async def ended(self) -> Exception | None:
        """Wait for the lane's end; its error, if any."""
        async with asyncio.timeout(WAIT_S):
            await asyncio.wait([self.task])
        return self.error

    async def stop(self) -> None:
        self.task.cancel()
        await asyncio.wait([self.task])

    async def _read(self, lane: str, cursor: str | None) -> None:
        try:
            async for batch in self._source.batches(lane, cursor):
                async with self._changed:
                    self.batches.append(batch)
                    self._changed.notify_all()
        except Exception as error:  # noqa: BLE001  handed to the test, which looks at it
            self.error = error
        finally:
            if not self.task.cancelling():
                async with self._changed:
                    self._changed.notify_all()


class House:
    """A source with everything around it on loopback. `wall` is what the watch list gives."""

    def __init__(self, *relays: str, clock: Clock | None = None, since: float = 0.0, **settings: Any) -> None:
        self.clock = clock or Clock()
        self.wall: list[Post] = []
        self.fetch = Fetcher(allow=["127.0.0.0/8"], user_agent="tests", clock=self.clock)
        self.source = Source(
            Settings(kind="nostr", relays=relays, **settings),
            Context("nostr", self.fetch, self.clock, ("backchannel",), since, lambda: self.wall, Bugs()),
        )
        self._readers: list[Reader] = []

    def read(self, lane: str = "", cursor: str | None = None) -> Reader:
        reader = Reader(self.source, lane or self.source.lanes()[0], cursor)
        self._readers.append(reader)
        return reader

    async def close(self) -> None:
        for reader in self._readers:
            await reader.stop()
        await self.fetch.close()


@asynccontextmanager
async def house(*relays: str, **settings: Any) -> AsyncIterator[House]:
    """A source for the length of a block."""
    made = House(*relays, **settings)
    try:
        yield made
    finally:
        await made.close()


class Scripted:
    """A relay that answers as the test says: `answer(frame, say)` for each frame of a client."""

    def __init__(self, answer: Callable[["Scripted", list[Any]], Sequence[object]]) -> None:
        self.heard: list[list[Any]] = []
        self.sockets: set[ServerConnection] = set()
        self.url = ""
        self.known = False
        self.most_open = 0
        self._open: set[str] = set()
        self._answer = answer
        self._changed = asyncio.Condition()

    async def say(self, message: object) -> None:
        """Send to every client, as JSON unless it is text already."""
        for socket in self.sockets:
            await socket.send(message if isinstance(message, str) else json.dumps(message))

    async def until_heard(self, is_so: Callable[[list[Any]], object]) -> list[Any]:
        """Wait for a frame of a client; the first that fits."""
        async with asyncio.timeout(WAIT_S), self._changed:
            await self._changed.wait_for(lambda: any(map(is_so, self.heard)))
        return next(frame for frame in self.heard if is_so(frame))

    async def until_alone(self) -> None:
        """Wait until every client is gone."""
        async with asyncio.timeout(WAIT_S), self._changed:
            await self._changed.wait_for(lambda: not self.sockets)

    def _count(self, frame: list[Any]) -> None:
        if frame[0] == "REQ":
            self._open.add(frame[1])
            self.most_open = max(self.most_open, len(self._open))
        elif frame[0] == "CLOSE":
            self._open.discard(frame[1])

    async def serve(self, socket: ServerConnection) -> None:
        self.sockets.add(socket)
        try:
            async for text in socket:
                frame = json.loads(text)
                self._count(frame)
                for said in self._answer(self, frame):
                    await socket.send(said if isinstance(said, str) else json.dumps(said))
                async with self._changed:
                    self.heard.append(frame)
                    self._changed.notify_all()
        except ConnectionClosed:
            pass
        finally:
            async with self._changed:
                self.sockets.discard(socket)
                self._changed.notify_all()


@asynccontextmanager
async def scripted(
    answer: Callable[[Scripted, list[Any]], Sequence[object]],
    *,
    first: Sequence[object] = (),
    document: object = None,
) -> AsyncIterator[Scripted]:
    """A scripted relay on a free port. `first` is said to whoever connects, `document` is its NIP-11."""
    relay = Scripted(answer)

    async def begin(socket: ServerConnection) -> None:
        for said in first:
            await socket.send(json.dumps(said))
        await relay.serve(socket)

    def describe(connection: ServerConnection, request: Request) -> Response | None:
        if "nostr+json" not in request.headers.get("Accept", ""):
            return None
        return connection.respond(HTTPStatus.OK if document else HTTPStatus.NOT_FOUND, json.dumps(document))

    server: Server
    async with serve(begin, "127.0.0.1", 0, process_request=describe) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        relay.url = f"ws://127.0.0.1:{port}"
        yield relay


def storing(*events: Wire) -> Callable[[Scripted, list[Any]], Sequence[object]]:
    """A relay's answers that hold these events and obey every filter, newest first."""

    def answer(_: Scripted, frame: list[Any]) -> Sequence[object]:
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
