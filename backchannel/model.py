"""The words of the house: a post with its face, and the events the log is made of.

Everything is frozen data. Times are aware-free POSIX seconds (UTC), ids are the networks' own.
This module imports nothing of ours.
"""

import hmac
from collections.abc import Iterator, Sequence
from enum import IntEnum
from hashlib import sha256
from typing import Literal

import msgspec
from msgspec import Struct
from msgspec.structs import replace

NodeKind = Literal[
    "link", "mention", "hashtag", "emoji", "br",
    "em", "strong", "code", "quote", "list", "item", "paragraph",
]  # fmt: skip
MediaKind = Literal["image", "video", "audio", "animation"]
Verdict = Literal["show", "hide", "hold", "undo"]
Body = tuple["str | Node", ...]


class Node(Struct, frozen=True, omit_defaults=True):
    """An element of a body tree; text stands between nodes as plain `str`.

    `href` is set on link, mention and hashtag (http or https, or empty where a mention leads nowhere);
    `name` is an emoji's shortcode without colons, found in `Face.emoji`.
    """

    t: NodeKind
    c: Body = ()
    href: str = ""
    name: str = ""


class Author(Struct, frozen=True, omit_defaults=True):
    """A post's writer, as the network says. `id` is canonical and global; `avatar` indexes
    `Post.pictures`."""

    id: str
    name: str
    handle: str
    url: str = ""
    avatar: int | None = None


class Media(Struct, frozen=True, omit_defaults=True):
    """An attachment. `picture` indexes `Post.pictures`: the image itself, or the poster of a moving one."""

    id: str
    kind: MediaKind
    alt: str = ""
    picture: int | None = None


class Emoji(Struct, frozen=True, omit_defaults=True):
    """A custom emoji: `:name:` in a text is drawn as this picture."""

    name: str
    picture: int


class Preview(Struct, frozen=True, omit_defaults=True):
    """The network's preview of the page behind a link."""

    url: str
    title: str
    description: str = ""
    picture: int | None = None


class Quote(Struct, frozen=True, omit_defaults=True):
    """A post shown inside another. `id` and the author's id are subjects of rulings, too."""

    id: str
    url: str
    author: Author
    body: Body = ()
    warning: str = ""
    media: tuple[Media, ...] = ()


class Face(Struct, frozen=True, omit_defaults=True):
    """The foreign values of a post that any surface draws. What is not hashed cannot be drawn.

    `network` is the source's own word for where it was said ("Mastodon", "Nostr", "Blog").
    Pictures are named by their index in `Post.pictures`, so that no address is part of the hash.
    """

    author: Author
    network: str
    url: str
    body: Body = ()
    warning: str = ""
    media: tuple[Media, ...] = ()
    poll: tuple[str, ...] = ()
    preview: Preview | None = None
    emoji: tuple[Emoji, ...] = ()
    quote: Quote | None = None


class Post(Struct, frozen=True, omit_defaults=True):
    """A message on any network: an envelope around its face.

    `id` is canonical: the network's own global URI where it has one. `ref` is the source's private way
    back to it (never drawn). `created_at` is only claimed, POSIX seconds. `hashtags` are case-folded,
    without `#`. `labels` are words of ours about consent and moderation, see `LABELS`. `revision` is the
    network's own (an edit time in milliseconds, or a number), 0 where it has none. `is_origin`: this copy is
    the word of the one who may speak for the id; `via` names the host that gave any other copy.
    `is_hearsay`: what it quotes was told by somebody who may not speak for the quoted id. `pictures` are the
    addresses that the face's indexes name. `lane` is where it was read first; `gather` says so.
    """

    id: str
    kind: str
    source: str
    created_at: float
    face: Face
    ref: str = ""
    lang: str = ""
    hashtags: tuple[str, ...] = ()
    reply_to: str = ""
    root: str = ""
    labels: tuple[str, ...] = ()
    sensitive: bool = False
    revision: int = 0
    is_origin: bool = True
    expires_at: float | None = None
    pictures: tuple[str, ...] = ()
    via: str = ""
    is_hearsay: bool = False
    lane: str = ""


REFUSALS = frozenset({"nobot", "noindex", "nowall", "not-public", "suspended", "limited", "memorial"})
"""Labels that keep a post out, also one that stands: its author, or the network, does not want it shown."""

DOUBTS = {"tag-stuffed": "carries more hashtags than anybody reads"}
"""Labels that hold a post for a person, each with the reason that a moderator is told."""

REMARKS = frozenset({"bot", "bridged", "no-archive", "sensitive"})
"""Labels that are kept with a post, and change nothing by themselves."""

LABELS = REFUSALS | DOUBTS.keys() | REMARKS
"""All labels that a source may give; `ABSENT` is given to it."""

AHEAD_S = 900.0
"""The time that a post claims may be ahead of ours by so much: clocks go wrong."""

ABSENT = "absent"
"""Why a post left that is merely not found any more: it may come back, in any revision."""


class Rank(IntEnum):
    """The standing of a ruling: a higher rank overrules a lower one. The author's own deletion stands above
    both and is no ruling."""

    RULE = 0
    PERSON = 1


class Posted(Struct, frozen=True, tag="posted"):
    """A network or a visitor said this; an edit is the same id again."""

    post: Post


class Left(Struct, frozen=True, tag="left", omit_defaults=True):
    """A known post is no candidate any more: the hashtag or the consent went away, or it is `ABSENT`.

    It is the origin's word, or where `via` names a host only the end of the copy which that host gave.
    """

    post: str
    revision: int
    why: str = ""
    via: str = ""


class Deleted(Struct, frozen=True, tag="deleted"):
    """The author's network took a post (by id) or an account (by author id) away."""

    subject: str


class Settled(Struct, frozen=True, tag="settled", omit_defaults=True):
    """A picture of a post is fetched, or dropped where `hash` is empty.

    `hash` is the SHA-256 of the original bytes in hex and names the stored file; `width` and `height` are
    pixels of what is served.
    """

    post: str
    url: str
    hash: str = ""
    width: int = 0
    height: int = 0


class Missed(Struct, frozen=True, tag="missed"):
    """A gap in a lane that cannot be filled, between two times (POSIX seconds)."""

    source: str
    lane: str
    from_at: float
    to_at: float


class Ruled(Struct, frozen=True, tag="ruled", omit_defaults=True):
    """Somebody decided on a post or an author. `undo` names in `undoes` the ruling it withdraws.

    `show` holds for `hash` alone, a rule's `hide` too; a person's `hide` for whatever comes. `by` is a
    person's or a rule's name; `settings` is the hash of the rules that
    were in force; `clearance` is what a rule's `show` is worth to screens: open, trusted.
    """

    id: str
    subject: str
    verdict: Verdict
    rank: Rank
    by: str
    hash: str = ""
    why: str = ""
    undoes: str = ""
    settings: str = ""
    clearance: str = ""


class Blanked(Struct, frozen=True, tag="blanked"):
    """A word that blanks the screens, or ends that, as `on` says."""

    id: str
    on: bool


class Erased(Struct, frozen=True, tag="erased", omit_defaults=True):
    """These entries are gone for good; `keys` name the posts, `marks` keep their ids from coming back.

    `replies` are the posts that answered them and stand without them from here on.
    """

    seqs: tuple[int, ...]
    keys: tuple[int, ...]
    marks: tuple[str, ...]
    replies: tuple[int, ...] = ()


class Unknown(Struct, frozen=True, tag="unknown"):
    """An event of another release: kept in the log, skipped by every fold."""

    said: str


Event = Posted | Left | Deleted | Settled | Missed | Ruled | Blanked | Erased
Takedown = Deleted | Left | Ruled | Blanked
"""What can be veiled before any disk (a `Ruled` only when it hides)."""


class Entry(Struct, frozen=True):
    """An event as the log holds it: with its number, and the time at which we took it in."""

    seq: int
    at: float
    event: Event | Unknown


class DecodeError(ValueError):
    """Bad upstream data: the one exception a parser raises. One item is dropped, the others stay."""


_encode = msgspec.json.Encoder().encode


def digest(value: object) -> bytes:
    """16 bytes that stand for any value msgspec can encode."""
    return sha256(_encode(value)).digest()[:16]


def face_digest(face: Face) -> bytes:
    """Return the digest of the face's own values, before its pictures are known."""
    return digest(face)


def words_digest(post: Post) -> bytes:
    """Return the digest that tells whether a source says something new within the same revision.

    A withdrawn quote and a picture marked sensitive change no network's revision. The first half stands for
    what somebody else can quote of it.
    """
    face = post.face
    media = [(m.id, m.kind, m.alt) for m in face.media]
    rest = digest((face.poll, media, face.quote and face.quote.id, post.sensitive))
    return quotable_digest(face) + rest[:8]


def quotable_digest(said: Face | Quote) -> bytes:
    """8 bytes that stand for a post's text, or for what a quotation says that the text is."""
    return digest((said.body, said.warning))[:8]


def face_hash(face: bytes, pictures: Sequence[str]) -> str:
    """Return the hash a ruling holds for: the face's digest and its pictures' original bytes, in order."""
    return sha256(face + "\n".join(pictures).encode()).hexdigest()[:32]


def without_quote(post: Post) -> Post:
    """Return the post without what it embeds: no word, and no address of a picture, of it is left.

    Indexes stay what they were; an empty address is a picture that is not there.
    """
    face = replace(post.face, quote=None)
    used = {face.author.avatar, *(m.picture for m in face.media), *(e.picture for e in face.emoji)}
    if face.preview:
        used.add(face.preview.picture)
    pictures = tuple(address if n in used else "" for n, address in enumerate(post.pictures))
    return replace(post, face=face, pictures=pictures)


def subjects(post: Post) -> Iterator[str]:
    """Everything whose hiding or deletion hides this post."""
    yield post.id
    yield post.face.author.id
    if quote := post.face.quote:
        yield quote.id
        yield quote.author.id


def mark(key: bytes, subject: str) -> str:
    """Return the mark that is kept of an erased id: it recognises the id, and says nothing about it."""
    return hmac.digest(key, subject.encode(), "sha256").hex()
