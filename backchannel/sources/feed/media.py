"""The pictures, films and sounds of an entry."""

from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from backchannel.model import Media, MediaKind
from backchannel.sources.feed.wire import WireEntry, WireMedium
from backchannel.sources.feed.words import Image
from backchannel.text import cut, one_line, web_url
from backchannel.wire import MAX_ALT
from backchannel.wire.media_kind import kind_of_address, kind_of_type
from backchannel.wire.pictures import PictureIndex

MAX_MEDIA = 8


class _Found(NamedTuple):
    kind: MediaKind
    url: str
    alt: str


def parse_media(
    entry: WireEntry, images: Sequence[Image], base: str, pictures: PictureIndex
) -> tuple[Media, ...]:
    """Return what the entry attaches; what can be drawn of it goes into `pictures`.

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
        return _numbered([*moving, *stills], alts, poster, pictures)
    if not stills:
        stills = [_Found("image", url, "") for url in posters[:1]]
        stills = stills or [_Found("image", image.url, image.alt) for image in images[:1]]
    return _numbered(stills, alts, [], pictures)


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
        alt = one_line(medium.alt)
        standing = found.get(url)
        found[url] = standing._replace(alt=standing.alt or alt) if standing else _Found(kind, url, alt)
    return list(found.values())


def _numbered(
    found: Sequence[_Found], alts: dict[str, str], poster: list[str], pictures: PictureIndex
) -> tuple[Media, ...]:
    media: list[Media] = []
    names: set[str] = set()
    for one in found[:MAX_MEDIA]:
        address = one.url if one.kind == "image" else (poster or [""])[0]
        name = _file(one.url)
        # A file's name stays when the address changes: another host, another size, another signature.
        name = name if name and name not in names else f"{len(media)}"
        names.add(name)
        alt = one.alt or alts.get(_file(one.url), "")
        media.append(Media(name, one.kind, cut(alt, MAX_ALT), pictures.add(address)))
    return tuple(media)


def _kind(medium: WireMedium) -> MediaKind | None:
    """By declared type, then by `medium`, then by the file's name. A document is none."""
    return kind_of_type(medium.type) or kind_of_type(medium.medium) or kind_of_address(medium.url)


def _file(url: str) -> str:
    try:
        return unquote(PurePosixPath(urlsplit(url).path).name)[:200]
    except ValueError:
        return ""
