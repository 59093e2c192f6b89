"""Feeds: RSS, Atom, RDF and JSON Feed, read by polling.

A lane is a feed. Each reading is a conditional request; an answer that is new goes through the worker (or,
JSON Feed, through our own parser), each entry gets its id, and what is new or was edited is handed on,
oldest first. networks/open.md section 4; RFC 4287, 6721, 9110; jsonfeed.org.
"""

import asyncio
import re
from collections.abc import AsyncGenerator, Sequence
from typing import final
from urllib.parse import urlsplit

from msgspec.structs import replace

from backchannel.contract import Batch, Check, Closing, Context, Sample, Source, SourceError
from backchannel.fetch import Refused, Response
from backchannel.model import DecodeError, Event, Posted
from backchannel.sources.feed.cursor import (
    Memory,
    conditions,
    load_memory,
    pause_s,
    save_memory,
    validators,
    with_rest,
)
from backchannel.sources.feed.identity import short
from backchannel.sources.feed.jsonfeed import looks_like_json, parse_json_feed
from backchannel.sources.feed.post import Origin
from backchannel.sources.feed.read import Window, read_news
from backchannel.sources.feed.settings import FeedEntry, FeedSettings, told
from backchannel.sources.feed.wire import WireDocument
from backchannel.sources.feed.workers import Workers
from backchannel.sources.feed.xmlfeed import parse_answer
from backchannel.text import web_url
from backchannel.wire.fate import PERMANENT, failure_of

MAX_BYTES = 2 << 20
GONE_S = 900.0
"""When to ask again for a feed that is not there (404): half of them come back, none within a minute."""

_ACCEPT = (
    "application/atom+xml, application/rss+xml, application/feed+json, application/rdf+xml;q=0.9, "
    "application/xml;q=0.8, text/xml;q=0.8, application/json;q=0.7, */*;q=0.1"
)
_WORDS = {
    401: "does not show this feed to everybody",
    403: "does not show this feed to everybody",
    404: "has no feed at this address",
    410: "says that the feed is gone for good",
    429: "is asked too often",
}
_ALTERNATE = re.compile(rb"<link\b[^>]{0,300}application/(?:rss|atom|feed)\+(?:xml|json)[^>]{0,300}>", re.I)
_HREF = re.compile(rb"\bhref\s*=\s*[\"']?([^\"'\s>]{1,500})", re.I)


@final
class FeedSource(Source, Check, Closing):
    """Reads feeds, one lane for each; the lane's name is the feed's address as it may be told."""

    def __init__(self, settings: FeedSettings, context: Context, *, workers: Workers | None = None) -> None:
        self._context = context
        self._settings = settings
        self._feeds = {told(feed): feed for feed in settings.entries}
        self._workers = workers or Workers()
        self.poll_s = settings.poll_s
        self.chosen = {lane for lane, feed in self._feeds.items() if feed.match == "all"}

    def lanes(self) -> Sequence[str]:
        return tuple(self._feeds)

    async def close(self) -> None:
        """End the workers."""
        await self._workers.close()

    async def batches(self, lane: str, cursor: str | None) -> AsyncGenerator[Batch, None]:
        """Read the feed once. Raises SourceError."""
        feed = self._feeds[lane]
        scope = short(f"{self._context.hashtags} {feed.match} {self._settings.label}")
        memory = load_memory(cursor, scope)
        if memory.is_over:
            raise SourceError("the feed says that it has ended", permanent=True)
        now = self._context.clock.now()
        # Where the new address is dead, or none that we go to, the one in the settings may not be.
        at_home = Batch(cursor=save_memory(replace(memory, moved="", etag="", modified="", body="")))
        try:
            response = await self._ask(feed, memory, now)
        except Refused:
            if memory.moved:
                yield at_home
            raise
        if memory.moved and response.status in (401, 403, 404, 410):
            yield at_home
        self._judge_status(response, bool(memory.moved))
        if response.status == 304:
            seen = replace(memory, moved=response.moved or memory.moved)
            yield self._unchanged(memory, seen, response)
            return
        etag, modified = validators(response.headers)
        body = short(response.body.decode("latin-1"))
        seen = replace(memory, etag=etag, modified=modified, body=body, moved=response.moved or memory.moved)
        if body == memory.body and not 0 < memory.due <= now:
            yield self._unchanged(memory, seen, response)
            return
        document = await self._read(lane, response)
        window = Window(self._context.since, now, not memory.body and not memory.rows)
        seen = with_rest(seen, document.head)
        events, seen = await self._news(document, seen, self._origin(feed, response), window)
        yield Batch(
            events=events,
            cursor=save_memory(seen),
            pause_s=self._pause_s(seen, response),
            skipped=len(document.reasons),
            reasons=document.reasons[:5],
        )

    async def check(self, lane: str) -> Sample:
        """Read the whole feed once, as if nothing was known of it. SourceError."""
        feed = self._feeds[lane]
        now = self._context.clock.now()
        response = await self._ask(feed, Memory(), now)
        self._judge_status(response, False)
        document = await self._read(lane, response)
        window = Window(0.0, now, is_first=True)
        events, _ = await self._news(document, Memory(), self._origin(feed, response), window)
        advice = "the feed says that it has ended: take it out of `feeds`" if document.head.is_over else ""
        if response.moved and not advice:
            advice = f"the feed has moved for good: write {response.moved}"
        return Sample(
            what=document.head.title.value if document.head.title else "",
            posts=[event.post for event in events if isinstance(event, Posted)],
            items=len(document.entries) + len(document.reasons),
            skipped=len(document.reasons),
            advice=advice,
        )

    async def _news(
        self, document: WireDocument, memory: Memory, origin: Origin, window: Window
    ) -> tuple[tuple[Event, ...], Memory]:
        """In a thread: a feed may be two megabytes of markup, and the loop serves ten thousand tabs."""
        return await asyncio.to_thread(read_news, document, memory, origin, window, self._context.bugs)

    def _unchanged(self, memory: Memory, seen: Memory, response: Response) -> Batch:
        cursor = None if seen == memory else save_memory(seen)
        return Batch(cursor=cursor, pause_s=self._pause_s(seen, response))

    def _pause_s(self, memory: Memory, response: Response) -> float:
        real_now = self._context.clock.real()
        return pause_s(memory, response.headers, real_now, self._settings.max_pause_s)

    async def _ask(self, feed: FeedEntry, memory: Memory, now: float) -> Response:
        headers = {"Accept": _ACCEPT, **conditions(memory, now)}
        url = memory.moved or feed.url
        return await self._context.fetch.get(
            url, headers=headers, max_bytes=MAX_BYTES, by_stranger=not _is_same_host(url, feed.url)
        )

    def _judge_status(self, response: Response, was_moved: bool) -> None:
        """Raises SourceError unless the answer is a document or says that there is nothing new."""
        if response.status in (200, 304):
            return
        host, now = urlsplit(response.url).netloc, self._context.clock.real()
        permanent = () if was_moved else PERMANENT
        pause_s = GONE_S if response.status in (404, 410) else 0.0
        raise failure_of(response, host, now, words=_WORDS, permanent=permanent, pause_s=pause_s)

    async def _read(self, lane: str, response: Response) -> WireDocument:
        content_type = response.headers.get("Content-Type", "")
        try:
            if looks_like_json(response.body, content_type):
                return await asyncio.to_thread(parse_json_feed, response.body)
            said = await self._workers.read(lane, response.body, content_type, response.url)
            return await asyncio.to_thread(parse_answer, said)
        except DecodeError as error:
            raise SourceError(_diagnosis(response) or str(error)) from error

    def _origin(self, feed: FeedEntry, response: Response) -> Origin:
        return Origin(self._context.name, self._settings.label, told(feed), response.url, feed.name)


def _is_same_host(url: str, own: str) -> bool:
    """Tell whether the feed stayed where the operator said it is: where it moved to is its server's word."""
    return url.lower().split("/", 3)[:3] == own.lower().split("/", 3)[:3]


def _diagnosis(response: Response) -> str:
    """Return what to tell the operator when the answer is a web page: a portal's, an error's, or the site
    itself."""
    start = response.body[:20_000]
    if not re.search(rb"<html|<!doctype html", start, re.I):
        return ""
    feed = _alternate(start, response.url)
    return (
        f"this is a web page, not a feed; its feed may be {feed}"
        if feed
        else "this is a web page, not a feed"
    )


def _alternate(page: bytes, base: str) -> str:
    link = _ALTERNATE.search(page)
    href = _HREF.search(link[0]) if link else None
    return web_url(href[1].decode("utf-8", "replace"), base) if href else ""
