"""Nostr events → the house's posts. Pure: profiles and quoted events are handed in."""

import re
from collections.abc import Callable

from backchannel.model import REFUSALS, Author, Body, DecodeError, Face, Media, Post, Quote
from backchannel.sources.nostr.authors import Profile, find_emoji
from backchannel.sources.nostr.bech32 import render_naddr, render_nevent, render_npub, shorten
from backchannel.sources.nostr.media import find_media
from backchannel.sources.nostr.wire import (
    ARTICLE,
    COMMENT,
    POST_KINDS,
    WireEvent,
    expires_at,
    is_hex64,
    is_over,
)
from backchannel.sources.nostr.words import find_references, parse_words, permalink, reference_of
from backchannel.text import find_hashtags, fold_tag, plain_text
from backchannel.wire.dates import read_epoch
from backchannel.wire.pictures import PictureIndex
from backchannel.wire.short_text import line
from backchannel.wire.wishes import wishes_in_hashtags, wishes_in_words

STUFFED = 8
"""More hashtags than this are no topic but a net."""

MAX_HASHTAGS = 50
MAX_WARNING = 500
_ADDRESS = re.compile(r"([1-9]\d{0,4}|0):([0-9a-f]{64}):(.*)", re.DOTALL)
_LANGUAGE = re.compile(r"[a-z]{2,3}(?:-[A-Za-z0-9]{2,8})*")

ProfileOf = Callable[[str], Profile | None]
EventOf = Callable[[str], WireEvent | None]


def find_quote(event: WireEvent) -> str:
    """Return what the event quotes: an event's id or an address; the first `q` tag, else the first in the
    text."""
    said = (tag[1] for tag in event.all("q"))
    named = (reference_of(found.pointer) for found in find_references(event.content))
    return next((ref for ref in (*said, *named) if is_hex64(ref) or _is_address(ref)), "")


def find_people(event: WireEvent) -> list[str]:
    """Return whose names a card needs: the author and who is mentioned in the text."""
    mentioned = (found.pointer for found in find_references(event.content))
    people = (pointer.pubkey for pointer in mentioned if pointer.prefix in ("npub", "nprofile"))
    return list(dict.fromkeys((event.pubkey, *people)))


def find_thread(event: WireEvent) -> tuple[str, str]:
    """Ids of what the event answers and of what began the thread (NIP-22, NIP-10), or empty."""
    if event.kind == COMMENT:
        parent = _scope(event, "a") or _scope(event, "e") or _scope(event, "i")
        root = _scope(event, "A") or _scope(event, "E") or _scope(event, "I")
        return parent or root, root or parent
    replies = [tag for tag in event.tags if len(tag) > 1 and tag[0] in ("e", "a") and canonical_id(tag[1])]
    marked = {tag[3]: canonical_id(tag[1]) for tag in reversed(replies) if len(tag) > 3}
    root, parent = marked.get("root", ""), marked.get("reply", "")
    if root or parent:
        return parent or root, root or parent
    quoted = {tag[1] for tag in event.all("q")}
    plain = [
        t[1] for t in replies if t[0] == "e" and t[1] not in quoted and (len(t) < 4 or t[3] != "mention")
    ]
    return (canonical_id(plain[-1]), canonical_id(plain[0])) if plain else ("", "")


def _scope(event: WireEvent, name: str) -> str:
    value = event.first(name)
    return value if name in "iI" else canonical_id(value)


def canonical_id(reference: str) -> str:
    """Return the house's id for an event's id or an address; empty when it is neither."""
    return f"nostr:{reference}" if is_hex64(reference) or _is_address(reference) else ""


def _is_address(reference: str) -> bool:
    return _ADDRESS.fullmatch(reference) is not None


def post_id(event: WireEvent) -> str:
    """Return the same on every relay; an addressable event keeps it through its revisions."""
    return f"nostr:{event.address or event.id}"


def parse_post(
    event: WireEvent, *, source: str, web: str, profile_of: ProfileOf, event_of: EventOf, now: float
) -> Post:
    """Return a checked event as a post, with what is known now. Raises DecodeError for a kind that is no
    post."""
    if event.kind not in POST_KINDS:
        raise DecodeError(f"kind {event.kind} is no post")
    pictures = PictureIndex()
    faces = _Faces(web, profile_of, pictures)
    quoted = event_of(find_quote(event))
    if quoted and not _is_quotable(quoted, event, profile_of(quoted.pubkey), now):
        quoted = None
    author = faces.author(event.pubkey)
    body, media = faces.words(event, find_quote(event) if quoted else "")
    quote = faces.quote(quoted) if quoted else None
    hashtags, is_stuffed = _hashtags(event, body)
    warning, is_sensitive = _warning(event)
    reply_to, root = find_thread(event)
    texts = [warning, plain_text(body), author.name]
    if quote:
        texts += [quote.warning, plain_text(quote.body), quote.author.name]
    return Post(
        id=post_id(event),
        kind="nostr",
        source=source,
        created_at=_published_at(event),
        face=Face(
            author=author,
            network="Nostr",
            url=permalink(web, event_word(event)),
            body=body,
            warning=warning,
            media=media,
            emoji=pictures.used(texts),
            quote=quote,
        ),
        ref=event.id,
        lang=_language(event),
        hashtags=hashtags,
        reply_to=reply_to,
        root=root,
        labels=_labels(event, hashtags, profile_of(event.pubkey), is_stuffed, is_sensitive),
        sensitive=is_sensitive,
        revision=event.created_at if event.address else 0,
        expires_at=expires_at(event),
        pictures=pictures.all(),
    )


class _Faces:
    """Builds what is drawn of one post; addresses and custom emoji go into `pictures` on the way."""

    def __init__(self, web: str, profile_of: ProfileOf, pictures: PictureIndex) -> None:
        self._web = web
        self._profile_of = profile_of
        self._pictures = pictures

    def author(self, pubkey: str) -> Author:
        profile = self._profile_of(pubkey)
        word = render_npub(pubkey)
        return Author(
            id=f"nostr:{pubkey}",
            name=self.name(pubkey),
            handle=shorten(word),
            url=permalink(self._web, word),
            avatar=self._pictures.add(profile.picture) if profile else None,
        )

    def name(self, pubkey: str) -> str:
        """Return what the author calls itself, else both ends of its key."""
        profile = self._profile_of(pubkey)
        return (profile.name if profile else "") or shorten(render_npub(pubkey))

    def words(self, event: WireEvent, quoted: str) -> tuple[Body, tuple[Media, ...]]:
        """Return the body without what is shown beside it, and media. Its own emoji come before its
        author's."""
        found = find_media(event)
        codes = dict(find_emoji(event))
        profile = self._profile_of(event.pubkey)
        self._pictures.know((*codes.items(), *(profile.emoji if profile else ())))
        body = parse_words(
            event,
            name_of=self.name,
            web=self._web,
            emoji=codes,
            shown_urls=frozenset(media.url for media in found if media.picture),
            quoted=quoted,
        )
        return body, tuple(Media(m.id, m.kind, m.alt, self._pictures.add(m.picture)) for m in found)

    def quote(self, event: WireEvent) -> Quote:
        author = self.author(event.pubkey)
        body, media = self.words(event, "")
        return Quote(
            id=post_id(event),
            url=permalink(self._web, event_word(event)),
            author=author,
            body=body,
            warning=_warning(event)[0],
            media=media,
        )


def event_word(event: WireEvent) -> str:
    """Return the NIP-19 word that names the event, the same from every relay."""
    if event.address:
        return render_naddr(event.kind, event.pubkey, event.first("d"))
    return render_nevent(event.id, event.pubkey, event.kind)


def _is_quotable(quoted: WireEvent, event: WireEvent, profile: Profile | None, now: float) -> bool:
    """Tell whether it can be shown within another, and its author does not mind being on a wall."""
    is_refused = profile is not None and not REFUSALS.isdisjoint(profile.labels)
    tagged = [fold_tag(tag[1]) for tag in quoted.all("t")]
    if is_refused or wishes_in_hashtags(tagged) or wishes_in_words(quoted.content):
        return False
    return quoted.kind in POST_KINDS and quoted.id != event.id and not is_over(quoted, now)


def _published_at(event: WireEvent) -> float:
    """When an article first appeared (NIP-23): its revisions must not move it. Only the past is believed."""
    believed = (event.kind == ARTICLE and read_epoch(event.first("published_at"))) or 0.0
    return believed if 0 < believed < event.created_at else float(event.created_at)


def _hashtags(event: WireEvent, body: Body) -> tuple[tuple[str, ...], bool]:
    """Folded, from the tags and the text; of a stuffed event only what stands in the text counts."""
    tagged = dict.fromkeys(tag for found in event.all("t") if (tag := fold_tag(found[1])))
    typed = find_hashtags(body)
    is_stuffed = len(tagged) > STUFFED
    every = typed if is_stuffed else tuple(dict.fromkeys((*tagged, *typed)))
    return every[:MAX_HASHTAGS], is_stuffed


def _warning(event: WireEvent) -> tuple[str, bool]:
    """NIP-36: what the author warns of, and whether it does."""
    if not event.has("content-warning"):
        return "", False
    labelled = (tag[1] for tag in event.all("l") if len(tag) > 2 and tag[2] == "content-warning")
    said = line(event.first("content-warning") or next(labelled, ""), MAX_WARNING)
    return said or "Content warning", True


def _labels(
    event: WireEvent, hashtags: tuple[str, ...], profile: Profile | None, is_stuffed: bool, is_sensitive: bool
) -> tuple[str, ...]:
    labels = [*(profile.labels if profile else ()), *wishes_in_hashtags(hashtags)]
    if event.has("proxy"):
        labels.append("bridged")
    if is_stuffed:
        labels.append("tag-stuffed")
    if is_sensitive:
        labels.append("sensitive")
    return tuple(dict.fromkeys(labels))


def _language(event: WireEvent) -> str:
    said = next((tag[1] for tag in event.all("l") if len(tag) > 2 and tag[2] == "ISO-639-1"), "")
    return said if _LANGUAGE.fullmatch(said) else ""
