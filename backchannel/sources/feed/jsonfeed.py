"""JSON Feed 1 and 1.1 (https://www.jsonfeed.org/version/1.1/) → the same entries as any other feed."""

from typing import Annotated

import msgspec
from msgspec import Struct

from backchannel.model import DecodeError
from backchannel.sources.feed.wire import Head, Text, WireDocument, WireEntry, WireMedium, WirePerson
from backchannel.wire import MAX_PARTS, Html, Id, Lang, Limit, Line, Name, Plain, Url, Word, decode
from backchannel.wire.dates import read_date


class _Author(Struct, frozen=True):
    name: Name | None = None
    url: Url | None = None
    avatar: Url | None = None


class _Attachment(Struct, frozen=True):
    url: Url | None = None
    mime_type: Word | None = None


class _JsonItem(Struct, frozen=True):
    """`id` should be a string, and is a number in the wild."""

    id: Id | int | float | None = None
    url: Url | None = None
    external_url: Url | None = None
    title: Line | None = None
    content_html: Html | None = None
    content_text: Plain | None = None
    summary: Html | None = None
    image: Url | None = None
    banner_image: Url | None = None
    date_published: Word | None = None
    date_modified: Word | None = None
    author: _Author | None = None
    authors: Annotated[tuple[_Author, ...] | None, Limit(20, "first")] = None
    tags: Annotated[tuple[Annotated[str, Limit(200, "left out")], ...] | None, Limit(64, "first")] = None
    language: Lang | None = None
    attachments: Annotated[tuple[_Attachment, ...] | None, Limit(64, "first")] = None


class _JsonFeed(Struct, frozen=True):
    version: Name = ""
    title: Line | None = None
    home_page_url: Url | None = None
    icon: Url | None = None
    favicon: Url | None = None
    author: _Author | None = None
    authors: Annotated[tuple[_Author, ...] | None, Limit(20, "first")] = None
    language: Lang | None = None
    expired: bool | None = None
    items: Annotated[tuple[msgspec.Raw, ...] | None, Limit(2_000, "first")] = None


_BOM = b"\xef\xbb\xbf"


def looks_like_json(body: bytes, content_type: str) -> bool:
    """Many servers send a JSON Feed as plain text, and a few send RSS as JSON: the first byte decides."""
    first = body.removeprefix(_BOM).lstrip()[:1]
    return first == b"{" or (first != b"<" and "json" in content_type.lower())


def parse_json_feed(body: bytes) -> WireDocument:
    """Return a whole JSON Feed. DecodeError when it is none; a bad item is dropped by itself."""
    try:
        feed = decode(body.removeprefix(_BOM), _JsonFeed, most=MAX_PARTS)
    except DecodeError as error:
        raise DecodeError(f"unreadable JSON Feed: {error}") from error
    if feed.items is None or "jsonfeed.org/version" not in feed.version:
        raise DecodeError("JSON, but no JSON Feed: it has no `version` or no `items`")
    entries, reasons = [], []
    for number, raw in enumerate(feed.items, 1):
        try:
            entries.append(parse_item(raw))
        except DecodeError as error:
            reasons.append(f"item {number}: {error}")
    head = Head(
        title=Text(feed.title) if feed.title else None,
        link=feed.home_page_url or "",
        language=feed.language or "",
        authors=_people(feed.author, feed.authors),
        icon=feed.icon or feed.favicon or "",
        is_over=bool(feed.expired),
    )
    return WireDocument(head, tuple(entries), (), tuple(reasons))


def parse_item(raw: bytes | msgspec.Raw) -> WireEntry:
    """Decode one item. DecodeError."""
    item = decode(raw, _JsonItem)
    texts = [
        Text(value, kind, item.language or "")
        for value, kind in ((item.content_html, "text/html"), (item.content_text, "text/plain"))
        if value
    ]
    return WireEntry(
        id="" if item.id is None else _written(item.id),
        link=item.url or item.external_url or "",
        title=Text(item.title) if item.title else None,
        contents=tuple(texts),
        summary=Text(item.summary) if item.summary else None,
        authors=_people(item.author, item.authors),
        published=read_date(item.date_published),
        updated=read_date(item.date_modified),
        tags=item.tags or (),
        media=tuple(
            WireMedium(attached.url, attached.mime_type or "")
            for attached in item.attachments or ()
            if attached.url
        ),
        posters=tuple(picture for picture in (item.image, item.banner_image) if picture),
        language=item.language or "",
    )


def _written(number: str | float) -> str:
    """`17`, `17.0` and `"17"` are one id."""
    if isinstance(number, float) and number.is_integer():
        number = int(number)
    return str(number)


def _people(one: _Author | None, several: tuple[_Author, ...] | None) -> tuple[WirePerson, ...]:
    """Version 1.1 has `authors`, version 1 `author`; a feed for both carries both."""
    return tuple(
        WirePerson(who.name or "", who.url or "", who.avatar or "")
        for who in several or ((one,) if one else ())
        if who.name or who.url
    )
