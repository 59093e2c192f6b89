"""Pictures and films in a Nostr event: `imeta` tags (NIP-92, 68, 71) and bare addresses in the text. Pure."""

import re
from collections.abc import Iterator, Sequence
from hashlib import sha256

from msgspec import Struct

from backchannel.model import MediaKind
from backchannel.sources.nostr.wire import ARTICLE, PICTURE, SHORT, VIDEO, WireEvent
from backchannel.text import find_addresses, web_url
from backchannel.wire import MAX_ALT
from backchannel.wire.media_kind import kind_of_address, kind_of_type
from backchannel.wire.short_text import passage

MAX_MEDIA = 8

# Linear: what it looks through ends at the next `[`, where it could begin anew.
_PICTURE_IN_MARKDOWN = re.compile(r"!\[([^\[\]\n]*+)\]\(\s*+<?(https?://[^\s)>\[]++)>?[^)\n\[]*+\)")


class Attachment(Struct, frozen=True):
    """An attachment. `url` is as it stands in the event; `picture` is what can be drawn of it, or empty."""

    url: str
    kind: MediaKind
    alt: str = ""
    picture: str = ""
    hash: str = ""

    @property
    def id(self) -> str:
        """The author's own hash of the file, or one of its address: the same from every relay, no address."""
        return self.hash or sha256(self.url.encode()).hexdigest()[:32]


def find_media(event: WireEvent) -> tuple[Attachment, ...]:
    """Return what the event shows, in its author's order, each once; at most eight.

    All `imeta` of a video are cuts of the one film (NIP-71): the first that plays stands for all.
    """
    described = [found for tag in event.all("imeta") if (found := _parse_imeta(tag[1:]))]
    if event.kind in (VIDEO, SHORT):
        films = [found for found in described if found.kind == "video"]
        described = films[:1] or described[:1]
    every = {found.url: found for found in described}
    for found in _find_in_text(event):
        if len(every) >= MAX_MEDIA:
            break
        every.setdefault(found.url, found)
    media = list(every.values())[:MAX_MEDIA]
    if len(media) == 1 and not media[0].alt and event.kind in (PICTURE, VIDEO, SHORT):
        only = media[0]
        media = [
            Attachment(only.url, only.kind, passage(event.first("alt"), MAX_ALT), only.picture, only.hash)
        ]
    return tuple(media)


def _parse_imeta(entries: Sequence[str]) -> Attachment | None:
    """Read an `imeta` tag: `key value` strings. None without an address, or of a type nobody draws."""
    fields: dict[str, str] = {}
    for entry in entries:
        key, _, value = entry.partition(" ")
        fields.setdefault(key, value.strip())
    url = fields.get("url", "")
    kind = kind_of_type(fields.get("m", "")) or kind_of_address(url)
    if not web_url(url) or kind is None:
        return None
    poster = url if kind == "image" else fields.get("image", "")
    digest = fields.get("x", "").lower()
    return Attachment(
        url=url,
        kind=kind,
        alt=passage(fields.get("alt"), MAX_ALT),
        picture=web_url(poster),
        hash=digest if re.fullmatch(r"[0-9a-f]{64}", digest) else "",
    )


def _find_in_text(event: WireEvent) -> Iterator[Attachment]:
    if event.kind == ARTICLE:
        if cover := web_url(event.first("image")):
            yield Attachment(event.first("image"), "image", picture=cover)
        for match in _PICTURE_IN_MARKDOWN.finditer(event.content):
            if picture := web_url(match[2]):
                yield Attachment(match[2], "image", passage(match[1], MAX_ALT), picture)
        return
    for _, _, url in find_addresses(event.content):
        if kind_of_address(url) == "image" and (picture := web_url(url)):
            yield Attachment(url, "image", picture=picture)


def without_urls(text: str, urls: frozenset[str]) -> str:
    """Return the text without these addresses, and without the space that stood around them."""
    kept, at = [], 0
    for start, end, url in find_addresses(text):
        if url in urls:
            kept.append(text[at:start].rstrip(" \t"))
            at = end
    kept.append(text[at:])
    return re.sub(r"\n{3,}", "\n\n", "".join(kept)) if at else text
