"""A conversation over a websocket: what ends it, and what does not."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from http import HTTPStatus
from math import inf
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from backchannel.bugs import Bugs
from backchannel.contract import Batch, Context, SourceError
from backchannel.fetch import Fetcher
from backchannel.redaction import keep_secret
from backchannel.wire.websocket import Websocket
from tests.kit.clocks import ManualClock, until

Handler = Callable[[ServerConnection], Awaitable[None]]
Serving = Callable[[Handler], Awaitable[str]]


class Notes:
    """Says `asks`, and tells each frame as a batch of its own."""

    def __init__(self, *asks: str) -> None:
        self.asks: Sequence[str] = asks
        self.heard: list[bytes] = []
        self.ticks = 0
        self.wake: Callable[[], None] | None = None
        self._untold = 0

    def start(self, _now_s: float, wake: Callable[[], None]) -> None:
        self.wake = wake

    def frames(self) -> Sequence[str]:
        asks, self.asks = self.asks, ()
        return asks

    def hear(self, frame: bytes, _now: float, _now_s: float) -> None:
        self.heard.append(frame)
        self._untold += 1

    def tick(self, _now: float, _now_s: float) -> None:
        self.ticks += 1

    def batch(self, _now: float, _now_s: float) -> Batch | None:
        told, self._untold = self._untold, 0
        return Batch(skipped=told) if told else None

    def wake_at(self, _now_s: float) -> float:
        return inf


class ChatRoom:
    """A clock whose deadlines the test puts forward, and what a source is handed."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.fetch = Fetcher(allow=["127.0.0.0/8"], user_agent="tests", clock=self.clock)
        self.context = Context("net", self.fetch, self.clock, ("tag",), 0.0, tuple, Bugs())

    def read(self, url: str, talk: Notes, **options: Any) -> "asyncio.Task[int]":
        """The conversation in a task, up to its end; the number of batches."""
        socket = Websocket(url, self.context, max_size=1 << 21, **options)

        async def batches() -> int:
            async with aclosing(socket.batches(talk)) as read:
                return len([batch async for batch in read])

        return asyncio.create_task(batches())

    async def pass_s(self, seconds: float, talk: Notes) -> None:
        """Put all deadlines forward, and wait until the conversation, once it has begun, has seen it."""
        await until(lambda: talk.wake)
        self.clock.ahead_s += seconds
        before = talk.ticks
        self.wake(talk)
        await until(lambda: talk.ticks > before)

    def wake(self, talk: Notes) -> None:
        assert talk.wake
        talk.wake()


@pytest.fixture
async def room() -> AsyncIterator[ChatRoom]:
    made = ChatRoom()
    yield made
    await made.fetch.close()


@asynccontextmanager
async def peer(handler: Handler, **options: Any) -> AsyncIterator[str]:
    """A real server on a free port, which pings nobody by itself."""
    options = {"ping_interval": None, "close_timeout": 0.1, **options}
    async with serve(handler, "127.0.0.1", 0, **options) as server:
        yield f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}"


async def stay(socket: ServerConnection) -> None:
    """Answer pings, and say nothing."""
    await socket.wait_closed()


async def freeze(socket: ServerConnection) -> None:
    """Read nothing any more, so that no ping is answered."""
    socket.transport.pause_reading()
    await socket.wait_closed()


async def end(reading: "asyncio.Task[int]") -> None:
    reading.cancel()
    await asyncio.wait([reading])


async def test_what_is_asked_is_sent_and_what_is_said_is_heard(room: ChatRoom) -> None:
    async def echo(socket: ServerConnection) -> None:
        async for text in socket:
            await socket.send(f"{text!s}!")
            await socket.send(b"\x00\xff")
            await socket.close()

    talk = Notes("hello")
    async with peer(echo) as url:
        assert await room.read(url, talk) == 2
    assert talk.heard == [b"hello!", b"\x00\xff"]


async def test_a_peer_that_drops_us_is_lost(room: ChatRoom) -> None:
    async def drop(socket: ServerConnection) -> None:
        socket.transport.abort()

    async with peer(drop) as url:
        with pytest.raises(SourceError, match="is lost") as caught:
            await room.read(url, Notes())
    assert not caught.value.permanent


@pytest.mark.parametrize(("status", "is_permanent"), [(401, True), (404, True), (502, False)])
async def test_a_refused_handshake_is_permanent_where_only_a_person_can_help(
    room: ChatRoom, status: int, is_permanent: bool
) -> None:
    def refuse(connection: ServerConnection, _: Request) -> Response:
        return connection.respond(HTTPStatus(status), "no")

    async with peer(stay, process_request=refuse) as url:
        with pytest.raises(SourceError, match=f"answers {status}") as caught:
            await room.read(url, Notes())
    assert caught.value.permanent == is_permanent


async def test_headers_are_sent_with_the_handshake(room: ChatRoom) -> None:
    seen: list[str] = []

    async def note(socket: ServerConnection) -> None:
        assert socket.request
        seen.append(socket.request.headers["Authorization"])

    async with peer(note) as url:
        await room.read(url, Notes(), headers={"Authorization": "Bearer x"})
    assert seen == ["Bearer x"]


async def test_who_learns_something_elsewhere_wakes_it(room: ChatRoom) -> None:
    talk = Notes()
    async with peer(stay) as url:
        reading = room.read(url, talk, pulse_s=3600.0)
        await room.pass_s(0.0, talk)
        talk.asks = ("more",)
        await room.pass_s(0.0, talk)
        await end(reading)
    assert not talk.asks


async def test_a_peer_that_answers_no_ping_is_silent(room: ChatRoom) -> None:
    talk = Notes()
    async with peer(freeze) as url:
        reading = room.read(url, talk)
        await room.pass_s(0.0, talk)
        await room.pass_s(20.0, talk)
        assert not reading.done(), "it was only pinged"
        room.clock.ahead_s += 20.0
        room.wake(talk)
        with pytest.raises(SourceError, match="no answer to a ping within 20 s"):
            await reading


async def test_a_peer_that_only_answers_pings_may_be_quiet_for_ever(room: ChatRoom) -> None:
    talk = Notes()
    async with peer(stay) as url:
        reading = room.read(url, talk, pulse_s=1.0)
        await until(lambda: talk.ticks >= 4)
        assert not reading.done(), "each tick was a pulse"
        await end(reading)


async def test_a_stream_that_is_never_quiet_is_silent_when_it_only_answers_pings(room: ChatRoom) -> None:
    talk = Notes()
    async with peer(stay) as url:
        reading = room.read(url, talk, quiet_s=30.0)
        await room.pass_s(0.0, talk)
        await room.pass_s(20.0, talk)
        room.clock.ahead_s += 20.0
        room.wake(talk)
        with pytest.raises(SourceError, match="nothing was sent for 30 s"):
            await reading


async def test_a_peer_that_sends_is_alive_though_its_pong_is_far_behind(room: ChatRoom) -> None:
    talk, said = Notes(), asyncio.Queue[str]()

    async def speak(socket: ServerConnection) -> None:
        socket.transport.pause_reading()
        while word := await said.get():
            await socket.send(word)

    async with peer(speak) as url:
        reading = room.read(url, talk)
        await room.pass_s(0.0, talk)
        for count in range(1, 6):
            await room.pass_s(20.0, talk)
            said.put_nowait("word")
            await until(lambda wanted=count: len(talk.heard) == wanted)  # type: ignore[misc]
        assert not reading.done(), "100 s without a pong"
        said.put_nowait("")
        await end(reading)


async def test_a_peer_that_takes_nothing_does_not_hold_us_up_for_ever(room: ChatRoom) -> None:
    async with peer(freeze, max_size=None) as url:
        with pytest.raises(SourceError, match=r"has taken nothing for 0\.3 s"):
            await room.read(url, Notes(*["x" * (1 << 20)] * 64), pulse_s=0.3)


async def test_a_flood_fills_the_peers_buffers_and_not_our_memory(room: ChatRoom) -> None:
    sent = 0

    async def flood(socket: ServerConnection) -> None:
        nonlocal sent
        try:
            for sent in range(1, 400):  # noqa: B007 - the count is what is looked at
                await socket.send(bytes(1 << 20))
        except ConnectionClosed:
            pass

    def stands_still() -> bool:
        looks.append(sent)
        return looks[-50:] == [sent] * 50

    looks: list[int] = []
    async with peer(flood) as url:
        read = Websocket(url, room.context, max_size=1 << 21).batches(Notes())
        await anext(read)
        await until(stands_still)
        await read.aclose()
    assert sent < 100, "megabytes, while nobody takes them"


async def test_a_frame_that_repeats_a_secret_of_ours_does_not(room: ChatRoom) -> None:
    async def repeat(socket: ServerConnection) -> None:
        await socket.send("your key is canary-in-the-mine")

    keep_secret(["canary-in-the-mine"])
    talk = Notes()
    async with peer(repeat) as url:
        await room.read(url, talk)
    assert talk.heard == [b"your key is [secret]"]
