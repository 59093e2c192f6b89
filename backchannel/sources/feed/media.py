"""The pictures, films and sounds of an entry."""

import re
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from backchannel.model import Media, MediaKind
from backchannel.sources.feed.wire import WireEntry, WireMedium
from backchannel.sources.feed.words import Image
from backchannel.text import cut, strip_controls, web_url
from backchannel.wire import MAX_ALT

MAX_MEDIA = 8

_KINDS: dict[str, MediaKind] = {
    **dict.fromkeys((".jpg", ".jpeg", ".png", ".gif", ".webp", ".avif"), "image"),
    **dict.fromkeys((".mp4", ".m4v", ".webm", ".mov", ".ogv"), "video"),
    **dict.fromkeys((".mp3", ".m4a", ".ogg", ".oga", ".opus", ".wav", ".flac", ".aac"), "audio"),
}
_FAMILIES: dict[str, MediaKind] = {"image": "image", "video": "video", "audio": "audio"}
_FLASH = "application/x-shockwave-flash"  # still the type of a YouTube feed's films


class ShownMedia(NamedTuple):
    """`media` point into `pictures`."""

    media: tuple[Media, ...]
    pictures: tuple[str, ...]


class _Found(NamedTuple):
    kind: MediaKind
    url: str
    alt: str


def parse_media(
    entry: WireEntry, images: Sequence[Image], base: str, first: tuple[str, ...] = ()
) -> ShownMedia:
    """What the entry attaches; its pictures come after `first`.

    A picture beside a film or sound is its poster. Where nothing is attached, the first picture of the text
    stands for the entry; the text also lends its alternative texts.
    """
    alts = {_file(image.url): image.alt for image in reversed(images) if image.alt}
    found = _attached(entry, base)
    posters = list(dict.fromkeys(url for poster in entry.posters if (url := web_url(poster, base))))
    moving = [one for one in found if one.kind != "image"]
    stills = [one for one in found if one.kind == "image"]
    if moving:
        poster = (posters or [one.url for one in stills])[:1]
        stills = [one for one in stills if _file(one.url) not in map(_file, poster)]
        return _numbered([*moving, *stills], alts, poster, first)
    if not stills:
        stills = [_Found("image", url, "") for url in posters[:1]]
        stills = stills or [_Found("image", image.url, image.alt) for image in images[:1]]
    return _numbered(stills, alts, [], first)


def _attached(entry: WireEntry, base: str) -> list[_Found]:
    """Each file once, though feeds name it as enclosure and as `media:content`."""
    found: dict[str, _Found] = {}
    groups: dict[tuple[int, MediaKind], str] = {}
    for medium in entry.media:
        kind = _kind(medium)
        url = web_url(medium.url, base)
        if not kind or not url:
            continue
        if medium.group and groups.setdefault((medium.group, kind), url) != url:
            continue
        alt = _line(medium.alt)
        standing = found.get(url)
        found[url] = standing._replace(alt=standing.alt or alt) if standing else _Found(kind, url, alt)
    return list(found.values())


def _numbered(
    found: Sequence[_Found], alts: dict[str, str], poster: list[str], first: tuple[str, ...]
) -> ShownMedia:
    pictures = list(first)
    media: list[Media] = []
    names: set[str] = set()
    for one in found[:MAX_MEDIA]:
        address = one.url if one.kind == "image" else (poster or [""])[0]
        if address and address not in pictures:
            pictures.append(address)
        name = _file(one.url)
        # A file's name stays when the address changes: another host, another size, another signature.
        name = name if name and name not in names else f"{len(media)}"
        names.add(name)
        alt = one.alt or alts.get(_file(one.url), "")
        media.append(Media(name, one.kind, cut(alt, MAX_ALT), pictures.index(address) if address else None))
    return ShownMedia(tuple(media), tuple(pictures))


def _kind(medium: WireMedium) -> MediaKind | None:
    """By declared type, then by `medium`, then by the file's name. A document is none."""
    for word in (medium.type.lower().partition("/")[0].strip(), medium.medium.lower().strip()):
        if family := _FAMILIES.get(word):
            return family
    if medium.type.lower() == _FLASH:
        return "video"
    return _KINDS.get(PurePosixPath(_file(medium.url).lower()).suffix)


def _file(url: str) -> str:
    try:
        return unquote(PurePosixPath(urlsplit(url).path).name)[:200]
    except ValueError:
        return ""


def _line(text: str) -> str:
    return re.sub(r"\s+", " ", strip_controls(text)).strip()
