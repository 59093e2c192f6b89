"""RSS, Atom and RDF: feedparser's words, as the worker hands them over → the entries of any feed.

Each entry is decoded on its own: what is odd in one stays there. A document can give an element any name that
feedparser also uses for its own lists; so where a list is expected, a text may stand, and counts as nothing.
"""

from collections.abc import Iterator, Sequence
from typing import Annotated, TypeVar

import msgspec
from msgspec import Struct, field

from backchannel.model import DecodeError
from backchannel.sources.feed.wire import (
    Head,
    Text,
    Tombstone,
    WireDocument,
    WireEntry,
    WireMedium,
    WirePerson,
)
from backchannel.wire import MAX_PARTS, Alt, Html, Id, Lang, Limit, Line, Name, Url, Word, Words, decode
from backchannel.wire.dates import read_date, read_parts

_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_PERIODS = {"hourly": 3600, "daily": 86400, "weekly": 604800, "monthly": 2592000, "yearly": 31536000}

_T = TypeVar("_T")

_Date = tuple[int, int, int, int, int, int, int, int, int]
"""A `struct_time` in UTC."""


class _Detail(Struct, frozen=True):
    value: Html = ""
    type: Word | None = None
    language: Lang | None = None
    base: Url | None = None


class _Person(Struct, frozen=True):
    name: Name = ""
    href: Url = ""


class _Link(Struct, frozen=True):
    """A link, an enclosure, a `media:content`, a thumbnail, or an image."""

    href: Url = ""
    url: Url = ""
    rel: Word = ""
    type: Word = ""
    medium: Word = ""
    alt: Alt = ""
    group: int = 0


class _Tag(Struct, frozen=True):
    term: Words | None = None


class _Stone(Struct, frozen=True):
    ref: Id = ""
    when: Word = ""


class _Feed(Struct, frozen=True):
    title_detail: _Detail | Line = ""
    link: Url = ""
    language: Lang = ""
    authors: Annotated[tuple[_Person, ...] | str, Limit(20, "first")] = ()
    icon: Url = ""
    logo: Url = ""
    image: _Link | Url = ""
    ttl: Word = ""
    sy_updateperiod: Word = ""
    sy_updatefrequency: Word = ""
    skip_hours: Annotated[tuple[Word, ...], Limit(24, "first")] = field(name="skip hours", default=())
    skip_days: Annotated[tuple[Word, ...], Limit(7, "first")] = field(name="skip days", default=())
    is_noindex: bool = field(name="no index", default=False)
    stones: Annotated[tuple[_Stone, ...], Limit(200, "first")] = field(name="tomb stones", default=())


class _Item(Struct, frozen=True):
    id: Id = ""
    link: Url = ""
    links: Annotated[tuple[_Link, ...] | str, Limit(64, "first")] = ()
    title_detail: _Detail | Line = ""
    content: Annotated[tuple[_Detail, ...] | str, Limit(4, "first")] = ()
    summary_detail: _Detail | Line = ""
    authors: Annotated[tuple[_Person, ...] | str, Limit(20, "first")] = ()
    published_parsed: Annotated[_Date | str | None, Limit(9, "first")] = None
    created_parsed: Annotated[_Date | str | None, Limit(9, "first")] = None
    updated_parsed: Annotated[_Date | str | None, Limit(9, "first")] = None
    tags: Annotated[tuple[_Tag, ...] | str, Limit(64, "first")] = ()
    media_content: Annotated[tuple[_Link, ...] | str, Limit(64, "first")] = ()
    media_thumbnail: Annotated[tuple[_Link, ...] | str, Limit(16, "first")] = ()
    image: _Link | Url = ""
    itunes_explicit: bool | Word | None = None
    is_noindex: bool = field(name="no index", default=False)
    is_adult: bool = field(name="for adults", default=False)


class WorkerAnswer(Struct, frozen=True):
    """The worker's answer about a document. `dropped`: entries that feedparser cannot read at all."""

    version: Name
    feed: msgspec.Raw
    entries: Annotated[tuple[msgspec.Raw, ...], Limit(2_000, "first")]
    dropped: int = 0


def parse_answer(said: bytes) -> WireDocument:
    """Return the worker's answer. DecodeError when the document was no feed at all; a bad item goes by
    itself."""
    try:
        answer = decode(said, WorkerAnswer, most=MAX_PARTS)
    except DecodeError as error:
        raise DecodeError(f"unreadable feed: {error}") from error
    if not answer.version and not answer.entries:
        raise DecodeError("neither RSS, Atom, RDF nor JSON Feed")
    head, stones = _parse_head(answer.feed)
    entries: list[WireEntry] = []
    reasons = ["an item that trips the reader"] * min(answer.dropped, 1000)
    for number, raw in enumerate(answer.entries, 1):
        try:
            entries.append(parse_item(raw))
        except DecodeError as error:
            reasons.append(f"item {number}: {error}")
    return WireDocument(head, tuple(entries), stones, tuple(reasons))


def parse_item(raw: bytes | msgspec.Raw) -> WireEntry:
    """Decode one item. DecodeError."""
    item = decode(raw, _Item)
    enclosures = [link for link in _listed(item.links) if link.rel == "enclosure"]
    image = [] if isinstance(item.image, str) else [item.image]
    return WireEntry(
        id=item.id,
        link=item.link,
        title=_text(item.title_detail),
        contents=tuple(text for detail in _listed(item.content) if (text := _text(detail))),
        summary=_text(item.summary_detail),
        authors=_people(item.authors),
        published=_seconds(item.published_parsed) or _seconds(item.created_parsed),
        updated=_seconds(item.updated_parsed),
        tags=tuple(tag.term for tag in _listed(item.tags) if tag.term),
        media=tuple(_media([*enclosures, *_listed(item.media_content)])),
        posters=tuple(
            url for link in [*_listed(item.media_thumbnail), *image] if (url := link.url or link.href)
        ),
        is_noindex=item.is_noindex,
        is_adult=item.is_adult or item.itunes_explicit is True,
    )


def _parse_head(raw: msgspec.Raw) -> tuple[Head, tuple[Tombstone, ...]]:
    """Return what the feed says of itself. One that is odd about it is a feed without a name."""
    try:
        feed = decode(raw, _Feed)
    except DecodeError:
        feed = _Feed()
    image = "" if isinstance(feed.image, str) else feed.image.href or feed.image.url
    days = [day.strip().lower() for day in feed.skip_days]
    head = Head(
        title=_text(feed.title_detail),
        link=feed.link,
        language=feed.language,
        authors=_people(feed.authors),
        icon=feed.icon or feed.logo or image,
        rest_s=_rest_s(feed),
        skip_hours=tuple(_number(hour) % 24 for hour in feed.skip_hours if hour.strip().isdigit()),
        skip_days=tuple(_DAYS.index(day) for day in days if day in _DAYS),
        is_noindex=feed.is_noindex,
    )
    return head, tuple(Tombstone(stone.ref, read_date(stone.when)) for stone in feed.stones if stone.ref)


def _listed(value: tuple[_T, ...] | str) -> tuple[_T, ...]:
    return () if isinstance(value, str) else value


def _text(detail: _Detail | str) -> Text | None:
    """Return a text with its type. Without a detail it is a copy of another field, or of nothing."""
    if isinstance(detail, str):
        return None
    return Text(detail.value, detail.type or "", detail.language or "", detail.base or "")


def _people(people: Sequence[_Person] | str) -> tuple[WirePerson, ...]:
    return () if isinstance(people, str) else tuple(WirePerson(who.name, who.href) for who in people)


def _media(links: Sequence[_Link]) -> Iterator[WireMedium]:
    for link in links:
        if url := link.href or link.url:
            yield WireMedium(url, link.type, link.medium, link.alt, link.group)


def _rest_s(feed: _Feed) -> float:
    """Return how long the feed wants to be left alone: the longer of `ttl` (minutes) and
    `sy:updatePeriod`."""
    period = _PERIODS.get(feed.sy_updateperiod.strip().lower(), 0)
    return max(_number(feed.ttl) * 60, period / max(_number(feed.sy_updatefrequency), 1))


def _number(text: str) -> int:
    text = text.strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


def _seconds(date: _Date | str | None) -> float | None:
    return read_parts(date) if isinstance(date, tuple) else None
