"""The work of the child process in which feedparser reads feeds (see `child_process/inside.py`).

Never imported by the server. A request is a line of JSON (`base`, `type`) and the document; the answer is
JSON (the shape of `xmlfeed.Answer`: feedparser's own words, those we know).

Needs nothing but feedparser: importing the house would cost a second and forty megabytes a start.
"""

import encodings.aliases
import importlib
import io
import json
import re
import xml.sax
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any
from xml.parsers import expat

import feedparser
import feedparser.api

MAX_ENTRIES = 2000
MAX_REPEATED = 1 << 20  # bytes of a broken document's head that are read again for its broken items

Fields = dict[str, Any]  # what feedparser makes of a feed or an item

# Names with a space in them are ours: no element of a document can be called so.
_OF_A_FEED = (
    "title_detail", "link", "language", "authors", "icon", "logo", "image", "ttl", "sy_updateperiod",
    "sy_updatefrequency", "skip hours", "skip days", "no index", "tomb stones",
)  # fmt: skip
_OF_AN_ENTRY = (
    "id", "link", "links", "title_detail", "content", "summary_detail", "authors", "published_parsed",
    "created_parsed", "updated_parsed", "tags", "media_content", "media_thumbnail", "image",
    "itunes_explicit", "no index", "for adults",
)  # fmt: skip

_ITEM_START = re.compile(r"(?=<(?:item|entry)[\s>/])", re.I)
_ITEM_END = re.compile(r"</(?:item|entry)\s*>", re.I)
_NAMED_ENTITY = re.compile(r"&[A-Za-z][A-Za-z0-9]*;")

# What feedparser itself trips over, in a date or an address nobody thought of; or in the name of a codec that
# is no text encoding and so was not loaded: behind the shut doors its module cannot be opened any more.
_SLIPS = (
    ArithmeticError, AssertionError, AttributeError, ImportError, LookupError, OSError, RuntimeError,
    TypeError, ValueError, re.error,
)  # fmt: skip


class _Finer:
    """An addition to feedparser for what it does not tell by itself, in its own way: a method per element.

    Tombstones (RFC 6721), the description of a single medium, which media are forms of the same one,
    skipped hours and days, and the two ways in which a feed says that it is not to be passed on. An `id`
    stays as it is written: resolved, it would change whenever the feed moves.
    """

    namespaces = feedparser.api.StrictFeedParser.namespaces | {
        "http://purl.org/atompub/tombstones/1.0": "at",
        "urn:atom-extension:indexing": "indexing",
        "http://www.bloglines.com/about/specs/fac-1.0": "access",
    }
    _matchnamespaces: dict[str, str] = {}  # noqa: RUF012 - feedparser fills it once for the class
    can_be_relative_uri = feedparser.api.StrictFeedParser.can_be_relative_uri - {"id"}
    _in_medium = False
    _groups = 0
    _in_group = False

    def unknown_starttag(self: Any, tag: str, attrs: list[tuple[str, str]]) -> None:
        super().unknown_starttag(tag, attrs)  # type: ignore[misc]
        if dict(attrs).get("indexing:index") == "no":
            self._get_context()["no index"] = True

    def _start_access_restriction(self: Any, attrs: Fields) -> None:
        if attrs.get("relationship") == "deny":
            self._get_context()["no index"] = True

    def _sync_author_detail(self: Any, key: str = "author") -> None:
        context = self._get_context()
        people, whole = dict.get(context, f"{key}s"), dict.get(context, key)
        if people and not people[-1] and whole:
            people[-1]["name"] = whole  # whole: feedparser's way of taking an e-mail out can cut the name

    def _tombstone(self: Any, attrs: Fields) -> None:
        self.feeddata.setdefault("tomb stones", []).append(dict(attrs))

    def _start_hour(self: Any, _attrs: Fields) -> None:
        self.push("hour", 0)

    def _end_hour(self: Any) -> None:
        self.feeddata.setdefault("skip hours", []).append(self.pop("hour") or "")

    def _start_day(self: Any, _attrs: Fields) -> None:
        self.push("day", 0)

    def _end_day(self: Any) -> None:
        self.feeddata.setdefault("skip days", []).append(self.pop("day") or "")

    def _start_media_group(self: Any, _attrs: Fields) -> None:
        self._groups += 1
        self._in_group = True

    def _end_media_group(self: Any) -> None:
        self._in_group = False

    def _start_media_content(self: Any, attrs: Fields) -> None:
        if self._in_group:
            attrs["group"] = self._groups
        super()._start_media_content(attrs)  # type: ignore[misc]
        self._in_medium = True

    def _end_media_content(self: Any) -> None:
        self._in_medium = False

    def _start_media_description(self: Any, attrs: Fields) -> None:
        if self._in_medium:
            self.push("alt", 0)
        else:
            attrs.setdefault("type", "text/plain")  # so the specification says; feedparser takes it for HTML
            super()._start_media_description(attrs)  # type: ignore[misc]

    def _end_media_description(self: Any) -> None:
        if self._in_medium:
            self._get_context()["media_content"][-1]["alt"] = self.pop("alt") or ""
        else:
            super()._end_media_description()  # type: ignore[misc]

    def _start_media_rating(self: Any, _attrs: Fields) -> None:
        self.push("rating", 0)

    def _end_media_rating(self: Any) -> None:
        if (self.pop("rating") or "").strip().lower() == "adult":
            self._get_context()["for adults"] = True


setattr(_Finer, "_start_at_deleted-entry", _Finer._tombstone)


def finer_feedparser() -> None:
    """Teach feedparser's two parsers what `_Finer` knows."""
    for name in ("StrictFeedParser", "LooseFeedParser"):
        known = getattr(feedparser.api, name)
        if not issubclass(known, _Finer):
            setattr(feedparser.api, name, type(name, (_Finer, known), {}))


def read(body: bytes, content_type: str, base: str) -> Fields:
    """Return what feedparser makes of a document that came from `base`."""
    found: Fields = feedparser.parse(
        io.BytesIO(body),  # never the bytes themselves: it takes them for a file name first
        response_headers={"content-type": content_type, "content-location": base},
        # Both are done by `text.parse_html`, and here they would turn an empty `alt` into the word "alt".
        sanitize_html=False,
        resolve_relative_uris=False,
    )
    return found


def parse(body: bytes, content_type: str, base: str) -> Fields:
    """Return what is known of a feed, its entries each for themselves where the document is broken."""
    dropped = 0
    try:
        found = read(body, content_type, base)
        if isinstance(found.get("bozo_exception"), xml.sax.SAXException):
            told, dropped = _by_item(body, found.get("encoding") or "utf-8", base, all_apart=False)
            found["entries"] = told or found["entries"]
    except _SLIPS:
        told, dropped = _by_item(body, "utf-8", base, all_apart=True)
        found = {"version": "rss" if told else "", "feed": {}, "entries": told}
    return {
        "version": found.get("version") or "",
        "feed": _known(found["feed"], _OF_A_FEED),
        "entries": [_known(entry, _OF_AN_ENTRY) for entry in found["entries"][:MAX_ENTRIES]],
        "dropped": dropped,
    }


def _known(fields: Fields, names: Iterable[str]) -> Fields:
    # Feedparser's own look-up would give other fields in place of missing ones.
    return {name: value for name in names if (value := dict.get(fields, name)) is not None}


def _by_item(body: bytes, encoding: str, base: str, *, all_apart: bool) -> tuple[list[Fields], int]:
    """Return the entries of a broken document, so that none takes another with it, and how many were dropped.

    What is well-formed is read together, the rest one by one; with `all_apart` all of it. Nothing where
    that is of no help: no item is broken, or all are.
    """
    head, *items = _ITEM_START.split(body.decode(encoding, "replace"))
    if not items:
        return [], 0
    items[-1], tail = _split_after_end(items[-1])
    whole = [not all_apart and _is_whole(_split_after_end(item)[0]) for item in items]
    if all(whole) or (not all_apart and not any(whole)) or len(head) * whole.count(False) > MAX_REPEATED:
        return [], 0

    def entries(part: str) -> Iterator[Fields]:
        text = f"{head}{part}{tail}".encode("utf-8", "replace")
        try:
            yield from read(text, "application/xml; charset=utf-8", base)["entries"]
        except _SLIPS:
            return

    sound = entries("".join(item for item, is_whole in zip(items, whole, strict=True) if is_whole))
    told: list[Fields] = []
    for item, is_whole in zip(items, whole, strict=True):
        told += islice(sound if is_whole else entries(item), 1)
    return told, len(items) - len(told)


def _split_after_end(item: str) -> tuple[str, str]:
    ends = [match.end() for match in _ITEM_END.finditer(item)]
    return (item[: ends[-1]], item[ends[-1] :]) if ends else (item, "")


def _is_whole(item: str) -> bool:
    """Tell whether this is one well-formed element, whatever prefixes and entities it uses."""
    try:
        expat.ParserCreate("utf-8").Parse(_NAMED_ENTITY.sub("", item).encode("utf-8", "replace"), True)
    except expat.ExpatError:
        return False
    return True


def read_to_json(body: bytes, content_type: str, base: str) -> bytes:
    """JSON in UTF-8, with no surrogate that JSON could carry and UTF-8 cannot."""
    said = json.dumps(parse(body, content_type, base), ensure_ascii=False)
    return said.encode("utf-8", "replace")


def answer(request: bytes) -> bytes:
    """Read one document."""
    head, _, body = request.partition(b"\n")
    said = json.loads(head)
    return read_to_json(body, said["type"], said["base"])


def prepare() -> None:
    """Teach feedparser, and load all that it and the codecs load late: afterwards nothing can be opened."""
    finer_feedparser()
    for name in sorted(set(encodings.aliases.aliases.values())):
        if name not in ("mbcs", "oem"):  # Windows only
            importlib.import_module(f"encodings.{name}")
    _is_whole("<item/>")
    for encoding in ("utf-8", "utf-16", "windows-1252"):
        rss = f"<?xml version='1.0' encoding='{encoding}'?><rss><channel><item><title>x</title></item>"
        read_to_json(f"{rss}</channel></rss>".encode(encoding), "application/xml", "https://example.org/")
        read_to_json(
            f"{rss}<description>&lt;p>&nbsp;é".encode(encoding, "replace"), "", "https://example.org/"
        )
