"""The door: how much of each foreign field is taken in, and what happens with the rest. One table. Pure.

Every wire struct passes `bound` before any expression, parser or loop sees it. A field is found here by its
name, or by `Struct.name` where the name alone means something else. A test fails where a struct's text or
list is missing; docs/limits.md is this table, and a test compares them.

What happens beyond a limit: `cut`: the beginning counts, and `…` says so. `left out`: the value counts as
not said; so it is with addresses, which mean something else when they are cut. `drop`: the whole item is
dropped and counted, as anything that cannot be read; so it is with ids, where a beginning, or nothing, would
be another's. `first`: of a list, the first so many count.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal, NamedTuple, TypeVar, cast

import msgspec
from msgspec import Struct

from backchannel.model import DecodeError
from backchannel.text import MAX_HTML, MAX_URL

ELLIPSIS = "…"


class Limit(NamedTuple):
    """`most`: characters of a text, or items of a list."""

    most: int
    beyond: Literal["cut", "left out", "drop", "first"]


_URL = Limit(MAX_URL, "left out")
_NAME = Limit(200, "cut")
_WORD = Limit(100, "left out")
_LINE = Limit(500, "cut")
_WORDS = Limit(1000, "cut")
_HTML = Limit(MAX_HTML, "cut")
_PLAIN = Limit(20_000, "cut")
_ID = Limit(2048, "drop")

LIMITS: Mapping[str, Limit] = MappingProxyType({
    # who
    "acct": Limit(300, "drop"),  # cut, it would end in another host
    "username": Limit(300, "drop"),
    "display_name": _NAME,
    "name": _NAME,
    "note": _PLAIN,
    "about": _PLAIN,
    "authors": Limit(20, "first"),
    "avatar": _URL,
    "avatar_static": _URL,
    "picture": _URL,
    "WireMention.acct": Limit(300, "left out"),
    "mentions": Limit(100, "first"),
    # what
    "content": _HTML,
    "content_html": _HTML,
    "content_text": _PLAIN,
    "summary": _HTML,
    "value": _HTML,
    "_Item.content": Limit(4, "first"),
    "WireEvent.content": _PLAIN,
    "spoiler_text": _WORDS,
    "WirePlain.text": _WORDS,
    "title": _LINE,
    "title_detail": _LINE,
    "summary_detail": _LINE,
    "WireOption.title": _LINE,
    "options": Limit(20, "first"),
    "description": _WORDS,
    "WireMedia.description": Limit(1500, "cut"),
    "alt": Limit(1500, "cut"),
    "WireTag.name": Limit(200, "left out"),
    "term": _WORDS,
    "tags": Limit(64, "first"),
    "WireEvent.tags": Limit(2000, "first"),  # one deletion may name many
    "WireEvent.tags[]": Limit(32, "first"),
    "WireEvent.tags[][]": Limit(2048, "cut"),
    "WireEvent.tags[t]": Limit(64, "first"),
    "WireEvent.tags[imeta]": Limit(16, "first"),
    "WireEvent.tags[emoji]": Limit(64, "first"),
    "_JsonItem.tags[]": Limit(200, "left out"),
    "shortcode": Limit(64, "left out"),
    "emojis": Limit(64, "first"),
    # pictures and other files
    "media_attachments": Limit(16, "first"),
    "attachments": Limit(64, "first"),
    "media_content": Limit(64, "first"),
    "media_thumbnail": Limit(16, "first"),
    "image": _URL,
    "banner_image": _URL,
    "icon": _URL,
    "logo": _URL,
    "favicon": _URL,
    "preview_url": _URL,
    "remote_url": _URL,
    "static_url": _URL,
    "medium": _WORD,
    "mime_type": _WORD,
    "type": _WORD,
    "rel": _WORD,
    # where
    "url": _URL,
    "href": _URL,
    "link": _URL,
    "links": Limit(64, "first"),
    "base": _URL,
    "external_url": _URL,
    "home_page_url": _URL,
    # which
    "id": _ID,
    "uri": _ID,
    "ap_id": _ID,
    "ref": _ID,
    "in_reply_to_id": Limit(2048, "left out"),
    "pubkey": Limit(64, "drop"),
    "sig": Limit(128, "drop"),
    # when, and what else a word says
    "created_at": Limit(100, "drop"),
    "edited_at": Limit(100, "drop"),
    "expires_at": Limit(100, "drop"),
    "date_published": _WORD,
    "date_modified": _WORD,
    "published_parsed": Limit(9, "first"),
    "created_parsed": Limit(9, "first"),
    "updated_parsed": Limit(9, "first"),
    "when": _WORD,
    "visibility": _WORD,
    "state": _WORD,
    "language": Limit(35, "left out"),
    # a server or a feed of itself
    "domain": Limit(253, "left out"),
    "account_domain": Limit(253, "left out"),
    "_Instance.uri": Limit(300, "left out"),
    "version": _NAME,
    "source_url": _NAME,
    "local": _WORD,
    "remote": _WORD,
    "error": _LINE,
    "error_description": _LINE,
    "message": _LINE,
    "ttl": _WORD,
    "sy_updateperiod": _WORD,
    "sy_updatefrequency": _WORD,
    "itunes_explicit": _WORD,
    "skip_hours": Limit(24, "first"),
    "skip_hours[]": _WORD,
    "skip_days": Limit(7, "first"),
    "skip_days[]": _WORD,
    "stones": Limit(200, "first"),
    # a whole answer
    "page": Limit(200, "first"),
    "items": Limit(2000, "first"),
    "entries": Limit(2000, "first"),
})  # fmt: skip

_T = TypeVar("_T")


def bound_text(text: str, limit: Limit, field: str = "text") -> str:
    """Return the text within its limit. DecodeError where it is beyond and the item is to be dropped."""
    if len(text) <= limit.most:
        return text
    if limit.beyond == "drop":
        raise DecodeError(f"{field} is longer than {limit.most} characters")
    return text[: limit.most] + ELLIPSIS if limit.beyond == "cut" else ""


def limit_of(kind: str, field: str) -> Limit | None:
    """Return the limit of a struct's field; `field[]` are the items of a list. None: it is in no table."""
    return LIMITS.get(f"{kind}.{field}") or LIMITS.get(field)


def bound(value: _T) -> _T:
    """Return a decoded wire struct with every text and list within its limit, all the way down. DecodeError.

    KeyError where a field has no limit, which is our own mistake.
    """
    return cast(_T, _bound_struct(value)) if isinstance(value, Struct) else value


def _bound_struct(value: Struct) -> Struct:
    kind = type(value).__name__
    changed: dict[str, Any] = {}
    for field in value.__struct_fields__:
        old = getattr(value, field)
        new = _bound_value(old, kind, field)
        if new is not old:
            changed[field] = new
    return msgspec.structs.replace(value, **changed) if changed else value


def _bound_value(value: Any, kind: str, field: str) -> Any:
    if isinstance(value, str):
        return bound_text(value, _needed(kind, field), field)
    if isinstance(value, list | tuple):
        return _bound_items(value, kind, field)
    return _bound_struct(value) if isinstance(value, Struct) else value


def _bound_items(items: Any, kind: str, field: str) -> Any:
    most = _needed(kind, field).most
    kept = items if len(items) <= most else items[:most]
    bounded = [_bound_value(item, kind, f"{field}[]") for item in kept]
    is_same = len(kept) == len(items) and all(new is old for new, old in zip(bounded, items, strict=True))
    return items if is_same else type(items)(bounded)


def _needed(kind: str, field: str) -> Limit:
    limit = limit_of(kind, field)
    if limit is None:
        raise KeyError(f"{kind}.{field} has no limit in wire/limits.py")
    return limit
