"""Pictures and films in a Nostr event: `imeta` tags (NIP-92, 68, 71) and bare addresses in the text. Pure."""

import re
from collections.abc import Iterator, Sequence
from hashlib import sha256
from urllib.parse import urlsplit

from msgspec import Struct

from backchannel.model import MediaKind
from backchannel.sources.nostr.wire import ARTICLE, PICTURE, SHORT, VIDEO, WireEvent
from backchannel.text import cut, find_addresses, strip_controls, web_url
from backchannel.wire import MAX_ALT

MAX_MEDIA = 8

_ENDINGS: dict[str, MediaKind] = {
    **dict.fromkeys(("jpg", "jpeg", "png", "gif", "webp", "avif"), "image"),
    **dict.fromkeys(("mp4", "webm", "mov", "m4v", "m3u8"), "video"),
    **dict.fromkeys(("mp3", "ogg", "m4a", "wav", "flac", "opus"), "audio"),
}
# Linear: what it looks through ends at the next `[`, where it could begin anew.
_PICTURE_IN_MARKDOWN = re.compile(r"!\[([^\[\]\n]*+)\]\(\s*+<?(https?://[^\s)>\[]++)>?[^)\n\[]*+\)")


class Attachment(Struct, frozen=True):
    """One attachment. `url` is as it stands in the event; `picture` is what can be drawn of it, or empty."""

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
    """What the event shows, in its author's order, each once; at most eight.

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
        media = [Attachment(only.url, only.kind, _clean(event.first("alt")), only.picture, only.hash)]
    return tuple(media)


def _parse_imeta(entries: Sequence[str]) -> Attachment | None:
    """One `imeta` tag: `key value` strings. None without an address, or of a type nobody draws."""
    fields: dict[str, str] = {}
    for entry in entries:
        key, _, value = entry.partition(" ")
        fields.setdefault(key, value.strip())
    url = fields.get("url", "")
    kind = _kind(fields.get("m", "")) or _by_ending(url)
    if not web_url(url) or kind is None:
        return None
    poster = url if kind == "image" else fields.get("image", "")
    digest = fields.get("x", "").lower()
    return Attachment(
        url=url,
        kind=kind,
        alt=_clean(fields.get("alt", "")),
        picture=web_url(poster),
        hash=digest if re.fullmatch(r"[0-9a-f]{64}", digest) else "",
    )


def _find_in_text(event: WireEvent) -> Iterator[Attachment]:
    if event.kind == ARTICLE:
        if cover := web_url(event.first("image")):
            yield Attachment(event.first("image"), "image", picture=cover)
        for match in _PICTURE_IN_MARKDOWN.finditer(event.content):
            if picture := web_url(match[2]):
                yield Attachment(match[2], "image", _clean(match[1]), picture)
        return
    for _, _, url in find_addresses(event.content):
        if _by_ending(url) == "image" and (picture := web_url(url)):
            yield Attachment(url, "image", picture=picture)


def without_urls(text: str, urls: frozenset[str]) -> str:
    """The text without these addresses, and without the space that stood around them."""
    kept, at = [], 0
    for start, end, url in find_addresses(text):
        if url in urls:
            kept.append(text[at:start].rstrip(" \t"))
            at = end
    kept.append(text[at:])
    return re.sub(r"\n{3,}", "\n\n", "".join(kept)) if at else text


_FAMILIES: dict[str, MediaKind] = {"image": "image", "video": "video", "audio": "audio"}


def _kind(mime: str) -> MediaKind | None:
    lowered = mime.lower().split(";")[0].strip()
    if "mpegurl" in lowered:
        return "video"
    if lowered == "image/svg+xml":
        return None
    return _FAMILIES.get(lowered.partition("/")[0])


def _by_ending(url: str) -> MediaKind | None:
    try:
        path = urlsplit(url).path
    except ValueError:  # urllib's word for brackets that are no IPv6 address
        return None
    return _ENDINGS.get(path.rpartition(".")[2].lower()) if "." in path else None


def _clean(text: str) -> str:
    return cut(strip_controls(text).strip(), MAX_ALT)
