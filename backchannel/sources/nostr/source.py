"""Nostr: several relays, each a lane with one websocket; every event verified, nothing a relay says believed.

The conversation itself is `read`, without I/O; `wire/websocket.py` carries it.
"""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import final

from backchannel.contract import Batch, Check, Context, Sample, Source
from backchannel.fetch import FetchError
from backchannel.model import DecodeError, Post, Posted
from backchannel.redaction import keep_secret, redacted
from backchannel.sources.nostr.directory import Directory
from backchannel.sources.nostr.read import ReadRules, Talk
from backchannel.sources.nostr.settings import MAX_HASHTAGS_ASKED, NostrSettings, read_key
from backchannel.sources.nostr.wire import RelayLimits, parse_limits
from backchannel.wire.websocket import PULSE_S, Websocket

MAX_FRAME = 4 << 20
"""Longer than any relay's messages: a frame beyond it ends the connection, a long event is merely dropped."""


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
        """Yield what is said over a connection of its own. SourceError where that is lost or refused."""
        socket = Websocket(lane, self._context, max_size=MAX_FRAME, pulse_s=self.pulse_s)
        try:
            async with aclosing(socket.batches(talk)) as batches:
                async for batch in batches:
                    yield batch
        finally:
            self._directory.leave(lane)

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
