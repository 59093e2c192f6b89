"""Names to addresses, for HTTP and websockets alike, on threads of their own.

The guard has its say here already, so that a name with one inward and one public address is still
reached, and an error names the host; what decides is the guard at the socket.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from aiohttp.abc import AbstractResolver, ResolveResult

from backchannel.fetch.guard import AddrInfo, Guard

Resolve = Callable[[str, int], Awaitable[Sequence[AddrInfo]]]
"""Host and port to what `getaddrinfo` says. Raises OSError."""


class ThreadedResolve:
    """The system's resolver. Its threads are its own: names that hang must not hold up anybody's files."""

    def __init__(self, threads: int = 8) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="resolve")

    async def __call__(self, host: str, port: int) -> Sequence[AddrInfo]:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, _getaddrinfo, host, port)

    def close(self) -> None:
        """Does not wait for names that hang."""
        self._pool.shutdown(wait=False, cancel_futures=True)


def _getaddrinfo(host: str, port: int) -> Sequence[AddrInfo]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError as error:  # an empty or overlong label
        raise socket.gaierror(socket.EAI_NONAME, f"no such name: {error}") from error
    return [
        (family, kind, proto, name, tuple(part for part in address if not isinstance(part, bytes)))
        for family, kind, proto, name, address in found
    ]


class Resolver(AbstractResolver):
    """`resolve` is aiohttp's side of it, `infos` ours."""

    def __init__(self, guard: Guard, resolve: Resolve) -> None:
        self.guard = guard
        self._resolve = resolve

    async def infos(self, host: str, port: int) -> list[AddrInfo]:
        """What may be tried. Raises Refused where that is nothing, OSError where there is no such name."""
        return self.guard.permitted(host, await self._resolve(host, port))

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """aiohttp's form of `infos`."""
        return [
            ResolveResult(
                hostname=host,
                host=str(info[4][0]),
                port=int(info[4][1]),
                family=int(info[0]),
                proto=info[2],
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for info in await self.infos(host, port)
        ]

    async def close(self) -> None:
        """Ends the threads, where there are any."""
        if isinstance(self._resolve, ThreadedResolve):
            self._resolve.close()
