"""Many subscribers on one process: is everybody told everything, in order, and what does it cost?

    python -m benchmarks.fanout [SUBSCRIBERS] [POSTS]

The server runs in a process of its own, with the real log, sequencer, hub and gate. Half of the posts come
one by one, each when everybody has the last; half come in one burst. Every subscriber checks the numbers of
every frame. Memory is what the server's process grew by, divided by the subscribers; CPU is the server's.
"""

import asyncio
import gc
import json
import os
import resource
import sys
import tempfile
from datetime import UTC
from pathlib import Path
from statistics import quantiles
from typing import Any, TypeVar

import msgspec
from aiohttp import web
from msgspec import Struct

from backchannel.clock import Clock
from backchannel.hub.door import Door
from backchannel.hub.gate import Port
from backchannel.hub.hub import Hub
from backchannel.judge import Rules
from backchannel.log.spool import Spool
from backchannel.log.sqlite import SqliteLog
from backchannel.model import Author, Face, Post, Posted
from backchannel.sequencer import Sequencer
from backchannel.terminal import say
from backchannel.web.card_cache import CardCache

WORDS = "the room is full and everybody asks who said that and why nobody answered " * 8
HANDSHAKE = (
    b"GET /live HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
AT_ONCE = 200
Pipe = TypeVar("Pipe", asyncio.StreamReader, asyncio.StreamWriter)


class FrameNumbers(Struct):
    """As much of a frame as is checked."""

    prev: int = -1
    seq: int = -1
    at: float = 0.0


class Report(Struct, frozen=True):
    """`delays_ms`: 50th and 99th percentile from encoding to receipt, of posts that came one by one."""

    subscribers: int
    posts: int
    seqs: set[int]
    out_of_order: int
    kb_each: float
    us_per_delivery: float
    burst_frames: float
    delays_ms: tuple[float, float]


class FrameReader(asyncio.Protocol):
    """Reads frames and compares their numbers; keeps nothing of them."""

    def __init__(self, crowd: "Audience") -> None:
        self.seq, self._crowd, self._data, self._has_head = -1, crowd, b"", False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        transport.write(HANDSHAKE)  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        self._data += data
        if not self._has_head:
            head, end, rest = self._data.partition(b"\r\n\r\n")
            if not end:
                return
            if not head.startswith(b"HTTP/1.1 101"):
                raise RuntimeError(f"the server refuses: {head!r}")
            self._has_head, self._data = True, rest
        while (size := whole_frame(self._data)) is not None:
            start, end_at = size
            self._hear(self._data[start:end_at])
            self._data = self._data[end_at:]

    def _hear(self, message: bytes) -> None:
        told = _decode(message)
        if told.seq < 0:
            return  # the greeting
        if told.prev not in (0, self.seq) or told.seq < self.seq:
            self._crowd.out_of_order += 1
        if told.seq > self.seq:
            self._crowd.hear(told)
        self.seq = told.seq


_decode = msgspec.json.Decoder(FrameNumbers).decode


def whole_frame(data: bytes) -> tuple[int, int] | None:
    """Return where the payload of the first frame begins and ends, if all of it is there."""
    if len(data) < 2:
        return None
    start = {126: 4, 127: 10}.get(data[1], 2)
    if len(data) < start:
        return None
    end = start + (int.from_bytes(data[2:start], "big") if start > 2 else data[1])
    return (start, end) if len(data) >= end else None


class Audience:
    """The subscribers, and what they have heard."""

    def __init__(self, clock: Clock) -> None:
        self.all: list[FrameReader] = []
        self.out_of_order = self.frames = 0
        self.delays_ms: list[float] = []
        self._clock = clock
        self._heard = asyncio.Event()

    def hear(self, told: FrameNumbers) -> None:
        self.frames += 1
        self.delays_ms.append((self._clock.real() - told.at) * 1000)
        self._heard.set()

    async def gather(self, port: int, count: int) -> None:
        """Connect so many, a few at a time, and wait until each has its first frame."""
        loop = asyncio.get_running_loop()
        while len(self.all) < count:
            some = min(AT_ONCE, count - len(self.all))
            made = [loop.create_connection(lambda: FrameReader(self), "127.0.0.1", port) for _ in range(some)]
            self.all += [subscriber for _, subscriber in await asyncio.gather(*made)]
        await self.reach(0)

    async def reach(self, seq: int) -> None:
        """Wait until everybody stands there."""
        async with asyncio.timeout(120):
            while any(subscriber.seq < seq for subscriber in self.all):
                self._heard.clear()
                await self._heard.wait()


class ServerProcess:
    """The process that serves, and how to speak to it: one line of JSON each way."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._in, self._out = _piped(process.stdin), _piped(process.stdout)
        self._process = process

    async def ask(self, **words: int) -> dict[str, Any]:
        self._in.write(json.dumps(words).encode() + b"\n")
        answer: dict[str, Any] = json.loads(await self._out.readline())
        return answer

    async def stop(self) -> None:
        self._in.close()
        await self._process.wait()


def _piped(stream: Pipe | None) -> Pipe:
    if stream is None:
        raise RuntimeError("the server's process has no pipe")
    return stream


async def run(subscribers: int, posts: int) -> Report:
    """Return the whole measurement."""
    _allow_files(subscribers + 100)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.fanout", "--serve", str(subscribers)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parent.parent,
    )
    server, crowd = ServerProcess(process), Audience(Clock())
    try:
        return await _measure(server, crowd, subscribers, posts)
    finally:
        for subscriber in crowd.all:
            subscriber.transport.close()
        await server.stop()


async def _measure(server: ServerProcess, crowd: Audience, subscribers: int, posts: int) -> Report:
    first = await server.ask(say=1)
    await crowd.gather(first["port"], subscribers)
    joined = await server.ask(say=0)
    crowd.delays_ms.clear()
    begun = await server.ask(say=0)
    for _ in range(posts // 2):
        await crowd.reach((await server.ask(say=1))["seq"])
    singly, delays = crowd.frames, crowd.delays_ms[:]
    await crowd.reach((await server.ask(say=posts - posts // 2))["seq"])
    ended = await server.ask(say=0)
    await crowd.reach(ended["seq"])
    centiles = quantiles(delays, n=100)
    return Report(
        subscribers,
        posts,
        {subscriber.seq for subscriber in crowd.all},
        crowd.out_of_order,
        (joined["resident_kb"] - first["resident_kb"]) / subscribers,
        (ended["cpu_s"] - begun["cpu_s"]) * 1e6 / (subscribers * posts),
        (crowd.frames - singly) / subscribers,
        (centiles[49], centiles[98]),
    )


async def serve(folder: Path, subscribers: int) -> None:
    """Run the serving process: it says as many posts as a line asks for, and answers with its figures."""
    _allow_files(subscribers + 100)
    clock = Clock()
    log = SqliteLog(folder / "log.db")
    sequencer = Sequencer(log, Spool(folder / "takedowns"), Rules("open", 0.0), clock, b"k" * 32)
    await sequencer.open()
    hub = Hub(sequencer, CardCache(sequencer, zone=UTC, own_tags=("conf",)), clock)
    door = Door(per_address=subscribers + 10)
    async with Port(hub, door, web.Application(), clock) as port:
        _, number = await port.listen("127.0.0.1", 0)
        running = [asyncio.create_task(port.run()), asyncio.create_task(sequencer.run())]
        lines = await _lines()
        said = 0
        while line := await lines.readline():
            count = json.loads(line)["say"]
            await asyncio.gather(*(sequencer.submit([Posted(_post(said + n))]) for n in range(count)))
            said += count
            gc.collect()
            figures = {
                "port": number,
                "seq": sequencer.board.seq,
                "resident_kb": _resident_kb(),
                "cpu_s": _cpu_s(),
            }
            os.write(1, json.dumps(figures).encode() + b"\n")
        for task in running:
            task.cancel()
    await sequencer.close()


async def _lines() -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    return reader


def _post(number: int) -> Post:
    name = f"a{number}"  # one author's would be folded
    author = Author(f"https://social.example/users/{name}", "Ada", f"@{name}@social.example")
    face = Face(author, "Mastodon", f"https://social.example/@ada/{number}", (f"{WORDS}{number}",))
    return Post(
        f"https://social.example/posts/{number}", "mastodon", "social", 1.7e9, face, hashtags=("conf",)
    )


def _allow_files(count: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < count:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(count, hard), hard))


def _resident_kb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1024


def _cpu_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def render(report: Report) -> str:
    """Return the figures in one line each."""
    half, most = report.delays_ms
    return (
        f"{report.subscribers} subscribers, {report.posts} posts, half of them in one burst\n"
        f"  numbers they stand at: {len(report.seqs)}, frames out of order: {report.out_of_order}\n"
        f"  memory each: {report.kb_each:.1f} KB; CPU: {report.us_per_delivery:.2f} us a delivered post\n"
        f"  burst of {report.posts - report.posts // 2}: {report.burst_frames:.1f} frames each\n"
        f"  encoded to received, one by one: median {half:.1f} ms, 99 % {most:.1f} ms"
    )


def main() -> None:
    """See the module."""
    if sys.argv[1:2] == ["--serve"]:
        with tempfile.TemporaryDirectory(prefix="fanout-") as name:
            asyncio.run(serve(Path(name), int(sys.argv[2])))
        return
    numbers = [int(word) for word in sys.argv[1:]]
    say(render(asyncio.run(run(*(numbers + [2000, 100][len(numbers) :])))))


if __name__ == "__main__":
    main()
