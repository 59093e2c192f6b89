"""Nostr: several relays, each a lane with one websocket; every event verified, nothing a relay says believed.

The conversation itself is `read`, without I/O; this module moves the frames.
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, suppress
from typing import final

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, ConnectionClosedOK

from backchannel.clock import Clock
from backchannel.contract import Batch, Check, Context, Sample, Source, SourceError
from backchannel.fetch import FetchError, Refused
from backchannel.model import DecodeError, Post, Posted
from backchannel.redaction import keep_secret, redacted, redacted_body
from backchannel.sources.nostr.directory import Directory, Want
from backchannel.sources.nostr.read import ReadRules, Talk
from backchannel.sources.nostr.settings import MAX_HASHTAGS_ASKED, NostrSettings, read_key
from backchannel.sources.nostr.wire import RelayLimits, parse_limits

MAX_FRAME = 4 << 20
"""Longer than any relay's messages: a frame beyond it ends the connection, a long event is merely dropped."""

PULSE_S = 20.0
INBOX = 256


@final
class NostrSource(Source, Check):
    """Reads every relay at once; profiles, quoted events and deletions are shared between them."""

    chosen = ()
    poll_s = 0.0
    pulse_s = PULSE_S

    def __init__(self, settings: NostrSettings, context: Context) -> None:
        self._context = context
        # A path may hold a key: a lane is called as config.yaml spells it.
        self._relays = {redacted(relay): relay for relay in settings.relays}
        self._directory = Directory(
            source=context.name, web=settings.web, lanes=settings.relays, bugs=context.bugs
        )
        self._limits: dict[str, RelayLimits] = {}
        self._rules = ReadRules(
            source=context.name,
            hashtags=frozenset(context.hashtags),
            asked=spell(context.hashtags, settings.spellings),
            since=context.since,
            relays=settings.relays,
            limit=settings.limit,
            min_work=settings.min_pow,
            key=read_key(settings.secret_key) if settings.secret_key else b"",
        )
        keep_secret([self._rules.key.hex()])  # also where it was given as nsec1…

    def lanes(self) -> Sequence[str]:
        """Return the relays' addresses."""
        return tuple(self._relays)

    async def batches(self, lane: str, cursor: str | None) -> AsyncGenerator[Batch, None]:
        """Stored posts since the cursor, then live ones as they come, until the connection ends.

        The cursor is the newest `created_at` in seconds, never in the future; five minutes before it are
        read again. SourceError when the relay is lost, silent, or does not let us read.
        """
        lane = self._relays[lane]
        talk = await self._talk(lane, int(cursor) if cursor and cursor.isdigit() else None)
        async with aclosing(self._connected(lane, talk)) as batches:
            async for batch in batches:
                yield batch

    async def check(self, lane: str) -> Sample:
        """Return the newest page of what the relay has stored, with a connection that then ends.
        SourceError."""
        lane = self._relays[lane]
        limits = await self._fetch_limits(lane)
        talk, posts, skipped = await self._talk(lane, None), list[Post](), 0
        async with aclosing(self._connected(lane, talk)) as batches:
            async for batch in batches:
                posts += [event.post for event in batch.events if isinstance(event, Posted)]
                skipped += batch.skipped
                if talk.is_caught_up or len(posts) >= self._rules.limit:
                    break
        asks = [*["a payment"] * limits.is_paid, *["who reads"] * limits.asks_who]
        what = f"{limits.name} (asks for {' and '.join(asks)})" if asks else limits.name
        return Sample(what, posts, items=len(posts) + skipped, skipped=skipped)

    async def _talk(self, lane: str, cursor: int | None) -> Talk:
        limits = await self._fetch_limits(lane)
        return Talk(lane, self._rules, self._directory, self._context.watch, cursor=cursor, limits=limits)

    async def _connected(self, lane: str, talk: Talk) -> AsyncGenerator[Batch]:
        """Yield the whole conversation over a connection of its own. SourceError where that is lost or
        refused."""
        try:
            async with (
                self._context.fetch.websocket(lane, max_size=MAX_FRAME) as socket,
                aclosing(self._converse(lane, talk, socket)) as said,
            ):
                async for batch in said:
                    yield batch
        except Refused as error:
            raise SourceError(str(error), permanent=True) from error
        except FetchError as error:
            raise SourceError(str(error), permanent=error.status in (401, 403, 404, 410)) from error
        except ConnectionClosedOK:
            return
        except ConnectionClosed as error:
            raise SourceError(f"{lane} is lost: {error}") from error
        finally:
            self._directory.leave(lane)

    async def _converse(self, lane: str, talk: Talk, socket: ClientConnection) -> AsyncGenerator[Batch]:
        clock = self._context.clock
        line = _Line(lane, socket, clock, self.pulse_s)

        def ask(wants: Sequence[Want]) -> None:
            talk.ask(wants)
            line.wake()

        self._directory.join(lane, ask)
        try:
            talk.start(clock.monotonic())
            while True:
                for frame in talk.frames():
                    await socket.send(frame)
                if batch := talk.batch(clock.now(), clock.monotonic()):
                    yield batch
                now_s = clock.monotonic()
                heard = await line.next(talk.wake_at(now_s) - now_s)
                if heard is None:
                    talk.tick(clock.now(), clock.monotonic())
                else:
                    talk.hear(heard, clock.now(), clock.monotonic())
                await clock.sleep(0)  # a relay that sends without a pause must not hold up everybody else
        finally:
            await line.close()

    async def _fetch_limits(self, lane: str) -> RelayLimits:
        """Return what the relay's NIP-11 document says, asked once; a relay without one has no limits we know
        of."""
        if lane not in self._limits:
            try:
                answer = await self._context.fetch.get(
                    "http" + lane.removeprefix("ws"),
                    headers={"Accept": "application/nostr+json"},
                    max_bytes=64 << 10,
                    total_s=3.0,
                )
                self._limits[lane] = parse_limits(answer.body) if answer.status == 200 else RelayLimits()
            except FetchError:
                return RelayLimits()
            except DecodeError:
                self._limits[lane] = RelayLimits()
        return self._limits[lane]


def spell(hashtags: Sequence[str], spellings: Sequence[str]) -> tuple[str, ...]:
    """Return the hashtags in the ways people write them, likeliest first, at most twenty: relays compare
    exactly."""
    own = [spelling.strip().removeprefix("#") for spelling in spellings]
    ways = [tag.lower() for tag in hashtags] + own
    ways += [tag.capitalize() for tag in hashtags] + [tag.upper() for tag in hashtags]
    ways += [way.lower() for way in own] + [way.upper() for way in own]
    return tuple(dict.fromkeys(way for way in ways if way))[:MAX_HASHTAGS_ASKED]


class _Line:
    """The frames that a socket brings, one at a time, with a pulse: a peer that answers no ping is lost."""

    def __init__(self, lane: str, socket: ClientConnection, clock: Clock, pulse_s: float) -> None:
        self._lane = lane
        self._socket = socket
        self._clock = clock
        self._pulse_s = pulse_s
        self._inbox: asyncio.Queue[bytes | ConnectionClosed | None] = asyncio.Queue(INBOX)
        self._heard_at = clock.monotonic()
        self._asked_at: float | None = None
        self._pump = asyncio.create_task(self._read())

    def wake(self) -> None:
        """Let `next` return at once; where frames lie ready it does so anyway."""
        with suppress(asyncio.QueueFull):
            self._inbox.put_nowait(None)

    async def next(self, wait_s: float) -> bytes | None:
        """Return the next frame; None when `wait_s` is over or somebody woke us. ConnectionClosed,
        SourceError."""
        since = self._heard_at if self._asked_at is None else self._asked_at
        quiet_s = since + self._pulse_s - self._clock.monotonic()
        try:
            async with asyncio.timeout(max(0.0, min(wait_s, quiet_s))):
                heard = await self._inbox.get()
        except TimeoutError:
            await self._beat()
            return None
        if isinstance(heard, ConnectionClosed):
            raise heard
        return heard

    async def close(self) -> None:
        """Stop reading; the socket is closed by who opened it."""
        self._pump.cancel()
        with suppress(asyncio.CancelledError):
            await self._pump

    async def _read(self) -> None:
        while True:
            try:
                frame = await self._socket.recv(decode=False)
            except ConnectionClosed as error:
                await self._inbox.put(error)
                return
            self._hear()
            await self._inbox.put(redacted_body(frame))

    async def _beat(self) -> None:
        now_s = self._clock.monotonic()
        if self._asked_at is not None and now_s - self._asked_at >= self._pulse_s:
            raise SourceError(f"{self._lane} is silent: no answer to a ping within {self._pulse_s:g} s")
        if self._asked_at is None and now_s - self._heard_at >= self._pulse_s:
            self._asked_at = now_s
            asyncio.ensure_future(await self._socket.ping()).add_done_callback(self._pong)

    def _pong(self, answer: asyncio.Future[float]) -> None:
        if not answer.cancelled() and answer.exception() is None:
            self._hear()

    def _hear(self) -> None:
        self._heard_at = self._clock.monotonic()
        self._asked_at = None
