"""An entry → a post. Pure; everything foreign is cleaned or bounded here."""

import re
from typing import NamedTuple
from urllib.parse import urlsplit

from backchannel.model import Author, Face, Post, Preview
from backchannel.sources.feed.media import parse_media
from backchannel.sources.feed.wire import Head, Text, WireEntry, WirePerson
from backchannel.sources.feed.words import parse_words, plain_title
from backchannel.text import cut, one_line, shown_host, web_url
from backchannel.wire import MAX_NAME
from backchannel.wire.pictures import PictureIndex
from backchannel.wire.wishes import wishes_in_hashtags

MAX_AUTHORS = 5

_EMAIL = re.compile(r"(?<![^\s@<>()])[^\s@<>()]++@[^\s@<>()]++")  # linear: it begins where a word does
_PROFILE = re.compile(r"https?://[^/?#]+/@([\w.-]{1,64})(?:/|$)")
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8}){0,3}")


class Origin(NamedTuple):
    """The place at which an entry was read: the source's name, its word for the network, the feed's address
    and name.

    `url` is the address in the settings, which stays when the feed moves; `base` the one it came from. A feed
    speaks for its own entries and authors alone, whatever it calls them: all their ids begin with it.
    """

    source: str
    network: str
    url: str
    base: str
    name: str = ""

    def post_id(self, entry: str) -> str:
        """Return the global id of one of its entries; no other network's ids begin so."""
        return f"feed:{self.url}#{entry}"

    def author_id(self, name: str) -> str:
        """Return the global id of somebody whom it names; no entry can have it."""
        return f"feed:by:{self.url}#{name}"

    def owns(self, url: str) -> bool:
        """Tell whether an address is on the feed's own host, or below it."""
        host = _bare_host(url)
        return any(host == own or host.endswith(f".{own}") for own in map(_bare_host, (self.url, self.base)))


def parse_entry(entry: WireEntry, head: Head, origin: Origin, *, id: str, first_seen: float) -> Post:
    """Return the post an entry is; never raises. `first_seen` is its time where it has none of its own."""
    link = web_url(entry.link, origin.base) if entry.link else ""
    home = web_url(head.link, origin.base) if head.link else ""
    words = parse_words(entry, link, origin.base)
    where = link or home
    # A permalink may lead anywhere; whose words these are it tells only where the feed is at home.
    pictures = PictureIndex(origin.base)
    author = _author(entry, head, origin, where if origin.owns(where) else origin.base, pictures)
    media = parse_media(entry, words.images, origin.base, pictures)
    preview = _preview(head, origin, link) if words.is_cut and link else None
    labels = wishes_in_hashtags(words.hashtags)
    if head.is_noindex or entry.is_noindex:
        labels.append("noindex")
    return Post(
        id=origin.post_id(id),
        kind="feed",
        source=origin.source,
        created_at=_created_at(entry, first_seen),
        face=Face(
            author=author,
            network=origin.network,
            url=link or home or web_url(origin.url),
            body=words.body,
            warning=words.warning,
            media=media,
            preview=preview,
        ),
        lang=_language(entry, head),
        hashtags=words.hashtags,
        labels=tuple(dict.fromkeys(labels)),
        sensitive=entry.is_adult or bool(words.warning),
        revision=int(entry.updated * 1000) if entry.updated else 0,
        pictures=pictures.all(),
    )


def _bare_host(url: str) -> str:
    """Return the host with its port, without `www.`."""
    return urlsplit(web_url(url)).netloc.removeprefix("www.")


def is_blank(post: Post) -> bool:
    """Tell whether there is nothing to draw but a name."""
    return not post.face.body and not post.face.media


def _created_at(entry: WireEntry, first_seen: float) -> float:
    """As claimed. An entry that only says when it was changed was written no later."""
    at = entry.published if entry.published is not None else entry.updated
    return float(first_seen if at is None else at)


def _author(entry: WireEntry, head: Head, origin: Origin, where: str, pictures: PictureIndex) -> Author:
    """Return who wrote it, and the picture that stands for them: theirs, or the feed's."""
    people = {name: who for who in (*entry.authors, *head.authors) if (name := clean_name(who.name))}
    own = [name for who in entry.authors if (name := clean_name(who.name))]
    names = list(dict.fromkeys(own or people))
    host = shown_host(where) or shown_host(origin.url)
    only = people[names[0]] if len(names) == 1 else WirePerson()
    name, handle, icon = cut(", ".join(names[:MAX_AUTHORS]), MAX_NAME), host, head.icon
    if len(names) > MAX_AUTHORS:
        name += " …"
    elif not names and (found := _PROFILE.match(where)):
        # A network's own feed names nobody, but its permalinks do: https://social.example/@ines/1001
        is_theirs = found[0].rstrip("/") == web_url(head.link, origin.base).rstrip("/")
        only = WirePerson(url=found[0].rstrip("/"))
        handle = f"@{found[1]}@{host}"
        name = cut(plain_title(head.title), MAX_NAME) if is_theirs else f"@{found[1]}"
        icon = head.icon if is_theirs else ""
    name = name or clean_name(origin.name) or cut(plain_title(head.title), MAX_NAME) or host
    url = web_url(only.url, origin.base) if only.url else ""
    url = url if origin.owns(url) else ""
    return Author(origin.author_id(name), name, handle, url, pictures.add(only.avatar or icon))


def clean_name(name: str) -> str:
    """Return one line without e-mail addresses, which nobody meant for a wall."""
    line = one_line(_EMAIL.sub("", name))
    line = re.sub(r"[(<]\s*[)>]", "", line).strip()
    if line.startswith("(") and line.endswith(")"):
        line = line[1:-1].strip()
    return cut(line, MAX_NAME)


def _preview(head: Head, origin: Origin, link: str) -> Preview:
    """Return the way to the rest of a text that was cut. The card has the title already; this names the
    place."""
    name = clean_name(origin.name) or plain_title(head.title) or shown_host(link)
    return Preview(link, name, description=_place(link))


def _place(link: str) -> str:
    return f"{shown_host(link)}{urlsplit(link).path.rstrip('/')}"


def _language(entry: WireEntry, head: Head) -> str:
    texts: tuple[Text | None, ...] = (*entry.contents, entry.summary, entry.title)
    for said in (entry.language, *(text.language for text in texts if text), head.language):
        tag = said.strip().replace("_", "-")
        if _LANGUAGE.fullmatch(tag):
            return tag
    return ""
