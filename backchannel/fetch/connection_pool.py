"""A way out: one guard, and all that must not be shared between two guards."""

import ssl

import aiohttp

from backchannel.fetch.guard import Guard
from backchannel.fetch.resolve import Resolve, Resolver

MAX_HEADER = 16 << 10
MAX_HEADERS = 128


class ConnectionPool:
    """A guard with the names that were resolved and the connections that are open under it.

    Each has its own: a connection or a name that one guard let through could serve what another refuses.
    """

    def __init__(
        self, guard: Guard, resolve: Resolve, *, user_agent: str, connect_s: float, tls: ssl.SSLContext
    ) -> None:
        self.guard = guard
        self.resolver = Resolver(guard, resolve)
        self._user_agent = user_agent
        self._connect_s = connect_s
        self._tls = tls
        self._made: aiohttp.ClientSession | None = None

    def session(self) -> aiohttp.ClientSession:
        """Return the client of HTTP under this guard."""
        # Made late: a session wants a running loop, and a Fetcher is wired up before there is one.
        if self._made is None:
            connector = aiohttp.TCPConnector(
                socket_factory=self.guard.socket, resolver=self.resolver, limit=0, ssl=self._tls
            )
            self._made = aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=False,
                auto_decompress=False,
                headers={"User-Agent": self._user_agent, "Accept-Encoding": "gzip, deflate"},
                timeout=aiohttp.ClientTimeout(total=None, connect=self._connect_s),
                max_line_size=MAX_HEADER,
                max_field_size=MAX_HEADER,
                max_headers=MAX_HEADERS,
            )
        return self._made

    async def close(self) -> None:
        """Ends its connections."""
        if self._made:
            await self._made.close()
        await self.resolver.close()
