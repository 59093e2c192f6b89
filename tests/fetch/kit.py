"""What the tests of the client share: forms of inward addresses, a canary, names and echoes."""

import socket
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from websockets.asyncio.server import ServerConnection, serve

from backchannel.fetch import Fetcher
from backchannel.fetch.guard import AddrInfo
from backchannel.fetch.resolve import Resolve
from tests.kit.raw_server import RawServer, answering, reply

EVERYWHERE = ("0.0.0.0/0", "::/0")
LOOPBACK = ("127.0.0.0/8",)
DOOR = "127.0.0.2"
"""The one address the operator allowed, in tests where the canary sits on another."""

Making = Callable[..., Fetcher]


INWARD = [
    "http://127.0.0.1:{port}/", "http://127.1:{port}/", "http://127.0.1:{port}/", "http://2130706433:{port}/",
    "http://0x7f000001:{port}/", "http://0x7f.0.0.1:{port}/", "http://0177.0.0.1:{port}/",
    "http://017700000001:{port}/", "http://127.0.0.1.:{port}/", "http://localhost:{port}/",
    "http://localhost.:{port}/", "http://LOCALHOST:{port}/", "http://LocalHost:{port}/x?y#z",
    "http://0.0.0.0:{port}/", "http://0:{port}/", "http://[::ffff:127.0.0.1]:{port}/",
    "http://[::ffff:7f00:1]:{port}/", "http://[0:0:0:0:0:ffff:7f00:0001]:{port}/", "http://①②⑦.⓪.⓪.①:{port}/",
    "http://１２７.０.０.１:{port}/", "http://127。0。0。1:{port}/", "http://ⓛocalhost:{port}/",
    "HTTP://127.0.0.1:{port}/",
]  # fmt: skip
"""Forms of one loopback address that some resolver or library takes for it."""

ODD = [
    "http://[::1]:{port}/", "http://[::]:{port}/", "http://[0000::1]:{port}/", "http://[::127.0.0.1]:{port}/",
    "http://[64:ff9b::7f00:1]:{port}/", "http://[2002:7f00:1::]:{port}/", "http://[fe80::1%25lo]:{port}/",
    "http://[::1%25lo]:{port}/", "http://user@127.0.0.1:{port}/", "http://user:word@127.0.0.1:{port}/",
    "http://example.com@127.0.0.1:{port}/", "http://@127.0.0.1:{port}/", "http://127.0.0.1:{port}\\@example.com/",
    "http://127.0.0.1:{port}\t/", "http://127.0.0.1:{port}\r\nHost: example.com\r\n/", "http://%31%32%37.0.0.1:{port}/",
    "http:127.0.0.1:{port}/", "http:///127.0.0.1:{port}/", "//127.0.0.1:{port}/", "127.0.0.1:{port}",
    "file:///etc/hostname", "ftp://127.0.0.1:{port}/", "gopher://127.0.0.1:{port}/_x", "data:text/plain,x",
    "unix:///var/run/docker.sock", "javascript:alert(1)", "ws://127.0.0.1:{port}/", "http://127.0.0.1:0/",
    "http://127.0.0.1:99999/", "http://127.0.0.1:-1/", "http://[::broken/", "http://", "", "\x00", "http://256.1.1.1/",
    "http://" + "a" * 9000 + ".example/", "http://127.0.0.1:22/", "http://127.0.0.1:25/",
    "http://a..b:{port}/",
]  # fmt: skip
"""Forms that lead nowhere good, or only on some systems."""


@asynccontextmanager
async def canary(host: str = "127.0.0.1") -> AsyncIterator[RawServer]:
    """What must not be reached."""
    async with answering(lambda path, headers: reply(b"secret"), host) as server:
        yield server


def names(*answers: Sequence[str]) -> Resolve:
    """A resolver that gives one answer after the other, the last for ever."""
    left = list(answers)

    async def resolve(host: str, port: int) -> list[AddrInfo]:
        answer = left.pop(0) if len(left) > 1 else left[0]
        return [(_family(address), socket.SOCK_STREAM, 0, "", (address, port)) for address in answer]

    return resolve


def _family(address: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address else socket.AF_INET


@asynccontextmanager
async def echoing(host: str = "127.0.0.1", tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    async def echo(connection: ServerConnection) -> None:
        async for message in connection:
            await connection.send(message)

    async with serve(echo, host, 0, ssl=tls, max_size=None) as server:
        yield next(iter(server.sockets)).getsockname()[1]
