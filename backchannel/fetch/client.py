"""The HTTP client: guarded sockets, deadlines, size caps, hand-made redirects.

No retries here: a caller knows whether it wants one (see `backchannel.retry`).
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Container, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary

import aiohttp
import msgspec
from aiohttp.client_exceptions import ClientConnectorError
from msgspec import Struct
from multidict import CIMultiDict, CIMultiDictProxy
from websockets.asyncio.client import ClientConnection
from yarl import URL

from backchannel.clock import Clock
from backchannel.fetch.body import Body, BodyError
from backchannel.fetch.connection_pool import MAX_HEADERS, ConnectionPool
from backchannel.fetch.errors import FetchError, Refused, connect_why, foreign
from backchannel.fetch.guard import MAX_NAME, ForbiddenAddress, Guard, Origin, origin_of, parse_address
from backchannel.fetch.resolve import Resolve, ThreadedResolve
from backchannel.fetch.stream import close_websocket, open_websocket
from backchannel.redaction import LEAST_IN_POSTS, redacted, redacted_body

CONNECT_S = 5.0
TOTAL_S = 30.0
OPEN_S = 10.0
MAX_BYTES = 2 << 20
MAX_REDIRECTS = 3
MAX_VALUE = 8192

Params = Mapping[str, str] | Sequence[tuple[str, str]]

Took = Callable[[int], Awaitable[None]]
Heard = Callable[["Response"], None]

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_PERMANENT = frozenset({301, 308})

# What may follow a redirect to another origin. A list of what may not would forget somebody's `X-Api-Key`.
_HARMLESS = frozenset({"accept", "accept-language", "if-modified-since", "if-none-match"})


class Response(Struct, frozen=True):
    """An answer, whatever its status. `headers` ignore case; `body` is decompressed.

    Every header and address here can be sent back, stored as UTF-8 and logged; what cannot is left out.

    `url` is where the answer came from in the end; `moved` is the address to remember instead of the one
    asked for (all redirects up to it were permanent), else empty.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str
    moved: str = ""


class Fetcher:
    """`allow` are networks (CIDR) that the operator listed and that may lie inward. `per_host`: requests at a
    time. `own` are the hosts and ports that the operator wrote down: only they may lie in `allow`, and not
    even they where a stranger wrote the address, or another host redirects to it. `own=None` makes no such
    difference. `own` is looked at anew for each request. `heard` is told each answer of HTTP, also those that
    only redirect, with our secrets still in them.

    Every method raises FetchError, and Refused where the guard said no; nothing else, whatever comes.
    A status is never an error.
    """

    def __init__(
        self,
        *,
        allow: Sequence[str] = (),
        own: Container[Origin] | None = None,
        user_agent: str,
        clock: Clock,
        per_host: int = 1,
        connect_s: float = CONNECT_S,
        resolve: Resolve | None = None,
        tls: ssl.SSLContext | None = None,
        heard: Heard | None = None,
    ) -> None:
        self.clock = clock
        self._heard = heard or (lambda _: None)
        self._own = own
        self._user_agent = user_agent
        self._per_host = per_host
        self._connect_s = connect_s
        self._tls = tls or ssl.create_default_context()
        resolve = resolve or ThreadedResolve()
        self._inward, self._outward = (
            ConnectionPool(guard, resolve, user_agent=user_agent, connect_s=connect_s, tls=self._tls)
            for guard in (Guard(allow), Guard())
        )
        self._slots: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    async def get(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        params: Params | None = None,
        max_bytes: int = MAX_BYTES,
        total_s: float = TOTAL_S,
        by_stranger: bool = False,
        took: Took | None = None,
    ) -> Response:
        """Follows up to three redirects; only harmless headers go on to another origin.

        `by_stranger`: the address comes from a network, so it may not lie inward, whatever the operator
        listed. `max_bytes` counts after decompression. For a conditional request pass If-None-Match and
        If-Modified-Since as headers: 304 is a status like any other. `took` is told how long the body has
        become, before more of it is read; of a compressed one `max_bytes`, before any of it.
        """
        target = self._outward.guard.check_url(url)
        with foreign(target.host or ""):
            if params:
                target = target.update_query(params)
            async with self._deadline(target, total_s):
                return await self._follow(target, CIMultiDict(headers or {}), max_bytes, took, by_stranger)

    async def post(
        self,
        url: str,
        *,
        json: object,
        headers: Mapping[str, str] | None = None,
        max_bytes: int = MAX_BYTES,
        total_s: float = TOTAL_S,
    ) -> Response:
        """Sends `json` encoded. A redirect is not followed: what is sent is meant for this address alone."""
        target = self._outward.guard.check_url(url)
        with foreign(target.host or ""):
            sent = CIMultiDict(headers or {})
            sent["Content-Type"] = "application/json"
            async with self._deadline(target, total_s):
                way = self._way(target)
                body = msgspec.json.encode(json)
                return _without_secrets(await self._ask("POST", target, sent, max_bytes, way, body))

    @asynccontextmanager
    async def websocket(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        max_size: int = 1 << 20,
        open_s: float = OPEN_S,
    ) -> AsyncIterator[ClientConnection]:
        """Hand over an open connection; no redirects, no compression, messages up to `max_size` bytes.

        What goes wrong later is the connection's own `websockets.ConnectionClosed`.
        """
        target = self._outward.guard.check_url(url, ("ws", "wss"))
        with foreign(target.host or ""):
            connection = await open_websocket(
                target,
                resolver=self._way(target).resolver,
                headers=headers or {},
                user_agent=self._user_agent,
                max_size=max_size,
                connect_s=self._connect_s,
                open_s=open_s,
                tls=self._tls,
            )
        try:
            yield connection  # what the caller's block raises is the caller's, and passes as it is
        finally:
            with foreign(target.host or ""):
                await close_websocket(connection)

    async def close(self) -> None:
        """Ends all connections of HTTP; websockets end with their own blocks."""
        await self._inward.close()
        await self._outward.close()

    def _way(self, target: URL, *, by_stranger: bool = False) -> ConnectionPool:
        """With the exemption for what the operator wrote, without it for all else."""
        if self._own is None or (not by_stranger and origin_of(target) in self._own):
            return self._inward
        return self._outward

    @asynccontextmanager
    async def _deadline(self, target: URL, total_s: float) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(total_s):
                yield
        except TimeoutError as error:
            raise FetchError(target.host or "", f"no complete answer within {total_s:g} s") from error

    async def _follow(
        self, target: URL, headers: CIMultiDict[str], max_bytes: int, took: Took | None, by_stranger: bool
    ) -> Response:
        start, moved = target, ""
        for hop in range(MAX_REDIRECTS + 1):
            way = self._way(target, by_stranger=by_stranger)
            answer = await self._ask("GET", target, headers, max_bytes, way, took=took)
            location = answer.headers.get("Location", "")
            if answer.status not in _REDIRECTS or not location:
                return _without_secrets(msgspec.structs.replace(answer, moved=moved))
            following = self._outward.guard.check_url(_joined(target, location))
            if following.origin() != target.origin():
                headers = CIMultiDict({k: v for k, v in headers.items() if k.lower() in _HARMLESS})
                by_stranger = True  # another's word on where to go, also where it leads back
            if answer.status in _PERMANENT and moved == (str(target) if hop else ""):
                moved = str(following)
            target = following
        raise FetchError(start.host or "", f"more than {MAX_REDIRECTS} redirects")

    async def _ask(
        self,
        method: str,
        target: URL,
        headers: CIMultiDict[str],
        max_bytes: int,
        way: ConnectionPool,
        data: bytes | None = None,
        took: Took | None = None,
    ) -> Response:
        host = target.host or ""
        slot = self._slots.setdefault(target.raw_authority, asyncio.Semaphore(self._per_host))
        try:
            async with (
                slot,
                way.session().request(
                    method, target, headers=headers, data=data, allow_redirects=False
                ) as answer,
            ):
                body = await _read(answer, max_bytes, took)
        except ClientConnectorError as error:
            if isinstance(error.os_error, ForbiddenAddress):
                raise Refused(host, error.os_error.why) from error
            raise FetchError(host, connect_why(error.os_error)) from error
        except aiohttp.InvalidURL as error:
            raise Refused(host, f"no usable host: {error.description or 'malformed'}") from error
        except aiohttp.ConnectionTimeoutError as error:
            raise FetchError(host, f"no connection within {self._connect_s:g} s") from error
        heard = Response(answer.status, _sendable(answer.headers.items()), body, str(target))
        self._heard(heard)
        return heard


def _without_secrets(answer: Response) -> Response:
    """Take our secrets out of the answer: all of it may end in a cursor, an id, a page.

    A new address with a secret in it cannot be remembered; the old one will lead there again.
    """
    moved = answer.moved if redacted(answer.moved) == answer.moved else ""
    # A date may hold the letters of a short secret by chance, and has to stay a date.
    headers = CIMultiDict(
        {name: redacted(value, least=LEAST_IN_POSTS) for name, value in answer.headers.items()}
    )
    return Response(answer.status, headers, redacted_body(answer.body), redacted(answer.url), moved)


async def _read(answer: aiohttp.ClientResponse, max_bytes: int, took: Took | None) -> bytes:
    """Return the body, decompressed. A connection whose body is not read to its end is closed, not kept."""
    body = Body(answer.headers.get("Content-Encoding", ""), max_bytes)
    if answer.content_length is not None and answer.content_length > max_bytes:
        raise BodyError(f"answer is longer than {max_bytes} bytes")
    if took and body.is_encoded:  # a few bytes of it may become all that is allowed, in one step
        await took(max_bytes)
    async for chunk in answer.content.iter_any():
        body.feed(chunk)
        if took:
            await took(body.length)
    return body.finish()


def _sendable(headers: Iterable[tuple[str, str]]) -> Mapping[str, str]:
    """Return the headers that later code may send back, store and log. A header may hold any byte.

    aiohttp reads bytes that are no UTF-8 as lone surrogates, which no later encoder takes.
    """
    spaced = ((name, value.replace("\t", " ")) for name, value in headers)
    kept = [(name, value) for name, value in spaced if name.isascii() and value.isprintable()]
    bounded = [(name, value) for name, value in kept if len(name) <= MAX_NAME and len(value) <= MAX_VALUE]
    return CIMultiDictProxy(CIMultiDict(bounded[:MAX_HEADERS]))


def _joined(target: URL, location: str) -> str:
    """Return the whole address a redirect leads to. Whether we go there is for the guard to say."""
    try:
        return str(target.join(parse_address(location)))
    except Exception as error:
        why = f"redirects to what is no address: {str(error) or type(error).__name__}"
        raise FetchError(target.host or "", why) from error
