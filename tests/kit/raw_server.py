"""Servers that misbehave on purpose, on loopback, and one that counts who comes by.

A mode is a coroutine that gets the connection and does its worst; what a client sends is not read beyond
the first line.
"""

import asyncio
import gzip
import itertools
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress

from backchannel.clock import Clock

Mode = Callable[[asyncio.StreamWriter], Awaitable[None]]
Answer = Callable[[str, Mapping[str, str]], bytes]

PAUSE_S = 0.02
_clock = Clock()


def reply(body: bytes = b"", *, status: str = "200 OK", headers: str = "") -> bytes:
    """A complete answer, after which the connection ends."""
    head = f"HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {len(body)}\r\n{headers}\r\n"
    return head.encode() + body


async def silence(writer: asyncio.StreamWriter) -> None:
    await _for_ever(writer, b"")


async def slow_head(writer: asyncio.StreamWriter) -> None:
    for byte in itertools.chain(b"HTTP/1.1 200 OK\r\nX-Slow: ", itertools.repeat(ord("x"))):
        await _drip(writer, bytes([byte]))


async def slow_body(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    await _for_ever(writer, b"x")


async def endless_body(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        writer.write(b"x" * 65536)
        await writer.drain()


async def endless_chunks(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"1\r\nx\r\n" * 4096)
        await writer.drain()


async def endless_continue(writer: asyncio.StreamWriter) -> None:
    await _for_ever(writer, b"HTTP/1.1 100 Continue\r\n\r\n")


async def claimed_giant(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\n")
    await _for_ever(writer, b"")


async def huge_header(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nX-Huge: " + b"x" * (1 << 20) + b"\r\n\r\n")
    await writer.drain()


async def many_headers(writer: asyncio.StreamWriter) -> None:
    lines = b"".join(b"X-%d: x\r\n" % number for number in range(10_000))
    writer.write(b"HTTP/1.1 200 OK\r\n" + lines + b"\r\n")
    await writer.drain()


async def gzip_bomb(writer: asyncio.StreamWriter) -> None:
    body = gzip.compress(bytes(20 << 20))
    writer.write(reply(body, headers="Content-Encoding: gzip\r\n"))


async def gzip_members(writer: asyncio.StreamWriter) -> None:
    writer.write(reply(gzip.compress(b"") * 20_000, headers="Content-Encoding: gzip\r\n"))


async def gzip_cut_off(writer: asyncio.StreamWriter) -> None:
    writer.write(reply(gzip.compress(b"words" * 100)[:-12], headers="Content-Encoding: gzip\r\n"))


async def gzip_garbage(writer: asyncio.StreamWriter) -> None:
    writer.write(reply(b"no gzip at all", headers="Content-Encoding: gzip\r\n"))


async def deflate_bomb(writer: asyncio.StreamWriter) -> None:
    writer.write(reply(zlib.compress(bytes(20 << 20)), headers="Content-Encoding: deflate\r\n"))


async def unknown_encoding(writer: asyncio.StreamWriter) -> None:
    writer.write(reply(b"\x1b\x00", headers="Content-Encoding: br\r\n"))


async def short_body(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nten bytes!")


async def chunked_garbage(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzebra\r\nstripes\r\n0\r\n\r\n")


async def redirect_loop(writer: asyncio.StreamWriter) -> None:
    writer.write(reply(status="302 Found", headers="Location: /redirect_loop\r\n"))


async def redirect_nowhere(writer: asyncio.StreamWriter) -> None:
    writer.write(reply(status="302 Found", headers="Location: http://[::broken/\r\n"))


async def immediate_close(writer: asyncio.StreamWriter) -> None:
    writer.close()


async def another_protocol(writer: asyncio.StreamWriter) -> None:
    writer.write(b"SSH-2.0-OpenSSH_9.2p1\r\n")


MODES: Mapping[str, Mode] = {
    mode.__name__: mode
    for mode in (
        silence, slow_head, slow_body, endless_body, endless_chunks, endless_continue, claimed_giant,
        huge_header, many_headers, gzip_bomb, gzip_members, gzip_cut_off, gzip_garbage, deflate_bomb,
        unknown_encoding, short_body, chunked_garbage, redirect_loop, redirect_nowhere, immediate_close,
        another_protocol,
    )
}  # fmt: skip


class RawServer:
    """What a test sees of a running server: where it is, how often it was reached, who is still there."""

    def __init__(self) -> None:
        self.hits = 0
        self.requests: list[tuple[str, Mapping[str, str]]] = []
        self.open: set[asyncio.Task[None]] = set()
        self.host = ""
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    async def idle(self) -> None:
        """Until every connection has ended."""
        while self.open:
            await asyncio.wait(self.open)


@asynccontextmanager
async def serving(
    handle: Callable[[str, Mapping[str, str], asyncio.StreamWriter], Awaitable[None]], host: str = "127.0.0.1"
) -> AsyncIterator[RawServer]:
    """A server on `host` that reads a request's head and leaves the rest to `handle`."""
    server = RawServer()
    writers: list[asyncio.StreamWriter] = []

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server.hits += 1
        writers.append(writer)
        task = asyncio.current_task()
        assert task is not None
        server.open.add(task)
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                path, headers = _request(await reader.readuntil(b"\r\n\r\n"))
                server.requests.append((path, headers))
                await _until_gone(reader, handle(path, headers, writer))
                await writer.drain()
        finally:
            server.open.discard(task)
            writer.close()

    listening = await asyncio.start_server(converse, host, 0)
    server.host, server.port = listening.sockets[0].getsockname()[:2]
    try:
        yield server
    finally:
        listening.close()
        for writer in writers:
            # A transport that is lost cannot be aborted: it is closed, with nothing left to send.
            if not writer.is_closing() or writer.transport.get_write_buffer_size():
                writer.transport.abort()
        await server.idle()


@asynccontextmanager
async def answering(answer: Answer, host: str = "127.0.0.1") -> AsyncIterator[RawServer]:
    """A server whose every answer is a function of path and headers."""

    async def handle(path: str, headers: Mapping[str, str], writer: asyncio.StreamWriter) -> None:
        writer.write(answer(path, headers))

    async with serving(handle, host) as server:
        yield server


@asynccontextmanager
async def hostile(host: str = "127.0.0.1") -> AsyncIterator[RawServer]:
    """A server with a path for every mode."""

    async def handle(path: str, _headers: Mapping[str, str], writer: asyncio.StreamWriter) -> None:
        await MODES[path.strip("/")](writer)

    async with serving(handle, host) as server:
        yield server


def _request(head: bytes) -> tuple[str, Mapping[str, str]]:
    first, *lines = head.decode("latin-1").split("\r\n")
    pairs = (line.partition(":") for line in lines if line)
    return first.split(" ")[1], {name.lower(): value.strip() for name, _, value in pairs}


async def _until_gone(reader: asyncio.StreamReader, handling: Awaitable[None]) -> None:
    """Run to the end, or until the client has closed its side."""
    ends = [asyncio.ensure_future(handling), asyncio.ensure_future(reader.read())]
    try:
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for end in ends:
            end.cancel()
        await asyncio.gather(*ends, return_exceptions=True)


async def _drip(writer: asyncio.StreamWriter, data: bytes) -> None:
    writer.write(data)
    await writer.drain()
    await _clock.sleep(PAUSE_S)


async def _for_ever(writer: asyncio.StreamWriter, data: bytes) -> None:
    while True:
        await _drip(writer, data)
