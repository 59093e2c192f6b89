"""Names to addresses, for HTTP and websockets alike, on threads of their own.

The guard has its say here already, so that a name with one inward and one public address is still
reached, and an error names the host; what decides is the guard at the socket.
"""

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

from aiohttp.abc import AbstractResolver, ResolveResult

from backchannel.fetch.guard import AddrInfo, Guard

Resolve = Callable[[str, int], Awaitable[Sequence[AddrInfo]]]
"""Host and port to what `getaddrinfo` says. Raises OSError."""

LOOKUP_S = 4.0
AT_ONCE = 32
THREADS = 256

Infos = Sequence[AddrInfo]


class ThreadedResolve:
    """The system's resolver, a thread for each look-up that is under way.

    A look-up cannot be ended: where the name's servers do not answer it takes half a minute and more, and
    strangers choose the names. So nobody waits for it longer than `LOOKUP_S`, from then on it no longer
    counts among the `AT_ONCE` that run, and while it hangs the same name is refused at once. The threads
    are daemons, since the interpreter would wait for others at its end. Above `THREADS` in all, those that
    hang included, a new name is refused.
    """

    def __init__(
        self, look_up: Callable[[str, int], Infos] | None = None, *, wait_s: float = LOOKUP_S
    ) -> None:
        self._look_up = look_up or _getaddrinfo
        self._wait_s = wait_s
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._running: dict[tuple[str, int], asyncio.Future[Infos]] = {}
        self._hung: set[tuple[str, int]] = set()

    async def __call__(self, host: str, port: int) -> Infos:
        name = host, port
        self._refuse_hung(name)
        async with self._turns:
            self._refuse_hung(name)
            found = self._running.get(name) or self._begin(name)
            done, _ = await asyncio.wait({found}, timeout=self._wait_s)
            if not done:
                self._hung.add(name)
                self._refuse_hung(name)
            return found.result()

    def _refuse_hung(self, name: tuple[str, int]) -> None:
        if name in self._hung:
            raise socket.gaierror(socket.EAI_AGAIN, f"its name is not answered within {self._wait_s:g} s")

    def _begin(self, name: tuple[str, int]) -> asyncio.Future[Infos]:
        if len(self._running) >= THREADS:
            raise socket.gaierror(socket.EAI_AGAIN, "too many names that are not answered")
        loop = asyncio.get_running_loop()
        found = self._running[name] = loop.create_future()
        thread = threading.Thread(target=self._run, args=(loop, name), name="resolve", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:  # the system gives no more threads
            del self._running[name]
            raise socket.gaierror(socket.EAI_AGAIN, str(error)) from error
        return found

    def _run(self, loop: asyncio.AbstractEventLoop, name: tuple[str, int]) -> None:
        """On its thread."""
        said: Infos | Exception
        try:
            said = self._look_up(*name)
        except Exception as error:  # noqa: BLE001 - told to whoever asked, who knows what to make of it
            said = error
        with suppress(RuntimeError):  # the loop has ended meanwhile, and nobody asks any more
            loop.call_soon_threadsafe(self._end, name, said)

    def _end(self, name: tuple[str, int], said: Infos | Exception) -> None:
        self._hung.discard(name)
        found = self._running.pop(name)
        if isinstance(said, Exception):
            found.set_exception(said)
            found.exception()  # looked at: it is no mistake where nobody waits for it any more
        else:
            found.set_result(said)


def _getaddrinfo(host: str, port: int) -> Infos:
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
        """Return the addresses that may be tried. Raises Refused where that is nothing, OSError where there
        is no such name."""
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
        """Do nothing: a look-up that hangs ends by itself, and keeps no process from ending."""
