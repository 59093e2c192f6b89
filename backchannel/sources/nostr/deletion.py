"""The authors on the wall, and what a kind 5 (NIP-09) or kind 62 (NIP-62) event takes down. Pure."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence

from msgspec import Struct

from backchannel.model import Post
from backchannel.sources.nostr.directory import Owner
from backchannel.sources.nostr.wire import VANISH, WireEvent, is_hex64

MAX_AUTHORS = 500
"""A filter that names more is refused by relays; the authors of the newest posts come first."""

_PREFIX = "nostr:"
_ALL = "ALL_RELAYS"


class Watched(Struct, frozen=True):
    """The authors that are watched, since when their deletions matter, and whose the shown posts are, by
    event id."""

    authors: tuple[str, ...]
    since: int
    owners: dict[str, Owner]
    revisions: dict[str, float]


def find_watched(posts: Sequence[Post], lately: Iterable[tuple[str, float]]) -> Watched:
    """From the posts on the wall, quoted ones included, and the authors that came by lately."""
    authors: dict[str, float] = {}
    owners: dict[str, Owner] = {}
    revisions: dict[str, float] = {}
    for post in posts:
        pubkey = post.face.author.id.removeprefix(_PREFIX)
        owners[post.ref] = Owner(pubkey, post.id, post.revision or post.created_at)
        revisions[post.id] = max(post.revision, revisions.get(post.id, 0.0))
        _note(authors, pubkey, post.created_at)
        if quote := post.face.quote:
            quoted = quote.author.id.removeprefix(_PREFIX)
            owners[quote.id.removeprefix(_PREFIX)] = Owner(quoted, quote.id, 0.0)
            _note(authors, quoted, post.created_at)
    for pubkey, since in lately:
        _note(authors, pubkey, since)
    kept = list(authors.items())[:MAX_AUTHORS]
    since = int(min((at for _, at in kept), default=0.0))
    return Watched(tuple(pubkey for pubkey, _ in kept), since, owners, revisions)


def _note(authors: dict[str, float], pubkey: str, at: float) -> None:
    if is_hex64(pubkey):
        authors[pubkey] = min(at, authors.get(pubkey, at))


class Taken(Struct, frozen=True):
    """The things that an author takes back: an event's id, an address, or `*` for all; and which subjects
    that is."""

    reference: str
    subjects: tuple[str, ...] = ()


def find_taken(
    event: WireEvent,
    *,
    watched: Watched,
    owner_of: Callable[[str], Owner | None],
    revision_of: Callable[[str], float | None],
    relays: Sequence[str],
) -> Iterator[Taken]:
    """Return what a verified deletion takes down; what belongs to somebody else is left out.

    An id nobody knows yields its reference alone: its post must not come later. `relays` are ours; a request
    to vanish (kind 62) that names only others' relays is not meant for us.
    """
    if event.kind == VANISH:
        named = [tag[1] for tag in event.all("relay")]
        if not named or _ALL in named or {_bare(url) for url in named} & {_bare(url) for url in relays}:
            yield Taken("*", (_PREFIX + event.pubkey,))
        return
    for tag in event.all("e"):
        owner = watched.owners.get(tag[1]) or owner_of(tag[1])
        if is_hex64(tag[1]) and (owner is None or owner.pubkey == event.pubkey):
            is_old = owner is not None and _is_outdated(owner, revision_of)
            yield Taken(tag[1], (owner.post,) if owner and not is_old else ())
    for tag in event.all("a"):
        if re.match(rf"\d+:{event.pubkey}:", tag[1]):
            known = (watched.revisions.get(_PREFIX + tag[1]), revision_of(tag[1]))
            is_newer = any(revision is not None and revision > event.created_at for revision in known)
            yield Taken(tag[1], () if is_newer else (_PREFIX + tag[1],))


def _is_outdated(owner: Owner, revision_of: Callable[[str], float | None]) -> bool:
    """Tell whether this is an older revision of an article: it may go while the newer one stays."""
    address = owner.post.removeprefix(_PREFIX)
    newest = None if is_hex64(address) else revision_of(address)
    return newest is not None and newest > owner.created_at


def _bare(url: str) -> str:
    return url.strip().lower().rstrip("/")
