"""The display form of a post: what a frame carries, and what a page puts in its place.

Python formats, the page places: times, names, hosts and alt texts come ready-made, and everything foreign is
bounded here. A `CardView` is the same for everybody; nothing in it depends on who looks or when.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import tzinfo
from typing import Any, Literal

import msgspec
from msgspec import Struct, field

from backchannel.board import Card, Item, Picture
from backchannel.clock import to_utc
from backchannel.model import Author, Body, Face, Media, Node, Post, Preview, Quote
from backchannel.text import bound_marks, fold_tag, plain_text, shown_host
from backchannel.web.words import (
    count_words,
    is_question,
    language_of,
    render_initials,
    render_time,
    split_handle,
    without_shortcodes,
)

_MEDIA_WORDS = {"image": "Picture", "video": "Video", "audio": "Sound", "animation": "Animation"}


class NodeView(Struct, frozen=True, omit_defaults=True):
    """One element of a body. `src` and `alt` are an emoji's; `own` is set on the event's own hashtag."""

    t: str
    c: "tuple[str | NodeView, ...]" = ()
    href: str = ""
    src: str = ""
    alt: str = ""
    own: bool = False


BodyView = tuple[str | NodeView, ...]


class AuthorView(Struct, frozen=True):
    """`avatar` is the address of a picture of ours, or empty: then the initials stand in the disc.

    `short` and `home` are the two parts of `handle`: where there is little room, `home` is left out.
    """

    name: str = ""
    handle: str = ""
    short: str = ""
    home: str = ""
    url: str = ""
    avatar: str = ""
    initials: str = ""


class TimeView(Struct, frozen=True):
    """`text` is "8:40" in the event's zone; `day` and `date` are for the days on which that is not enough."""

    iso: str = ""
    text: str = ""
    day: str = ""
    month: str = ""
    date: str = ""


class MediaView(Struct, frozen=True):
    """`image`: the picture. `moving`: its poster, which leads to where it plays. `words`: no picture."""

    kind: Literal["image", "moving", "words"] = "words"
    src: str = ""
    alt: str = ""
    w: int = 0
    h: int = 0
    label: str = ""
    url: str = ""


class PreviewView(Struct, frozen=True):
    """What a link leads to. Empty `url`: there is none."""

    url: str = ""
    title: str = ""
    host: str = ""
    src: str = ""


class QuoteView(Struct, frozen=True):
    """A post inside the post. Empty `name`: there is none."""

    url: str = ""
    name: str = ""
    meta: str = ""
    warning: str = ""
    body: BodyView = ()
    media: tuple[MediaView, ...] = ()


class CardView(Struct, frozen=True):
    """Everything a card shows. `words` and `asks` are what a wall needs to know to choose and to hold it."""

    key: int = 0
    order: int = 0
    kind: Literal["card"] = "card"
    clearance: str = ""
    network: str = ""
    lang: str = ""
    url: str = ""
    author: AuthorView = field(default_factory=AuthorView)
    meta: str = ""
    time: TimeView = field(default_factory=TimeView)
    at: int = 0
    warning: str = ""
    sensitive: bool = False
    body: BodyView = ()
    tags: str = ""
    media: tuple[MediaView, ...] = ()
    poll: tuple[str, ...] = ()
    preview: PreviewView = field(default_factory=PreviewView)
    quote: QuoteView = field(default_factory=QuoteView)
    parent: int = 0
    root: int = 0
    words: int = 0
    asks: bool = False


BLANK_VIEW: Mapping[str, str | int] = {"key": 0, "kind": "blank", "order": 0}
"""What a frame puts while every screen shows nothing."""


class _Face:
    """One face with the pictures we hold of it."""

    def __init__(self, face: Face, pictures: Sequence[Picture | None], own_tags: Collection[str]) -> None:
        self.face = face
        self.pictures = pictures
        self.own_tags = {fold_tag(tag) for tag in own_tags}
        self.emoji = {emoji.name: emoji.picture for emoji in face.emoji}

    def picture(self, index: int | None) -> Picture | None:
        """The settled picture behind an index, or None: not held, or it could not be had."""
        return self.pictures[index] if index is not None and 0 <= index < len(self.pictures) else None

    def src(self, index: int | None) -> str:
        picture = self.picture(index)
        return f"/media/{picture.hash}.webp" if picture else ""

    def body(self, body: Body) -> BodyView:
        """The tree in its display form; texts that stand side by side become one, as a parser makes them."""
        done: list[str | NodeView] = []
        for node in body:
            view = bound_marks(node) if isinstance(node, str) else self._node(node)
            if view == "":
                continue
            if isinstance(view, str) and done and isinstance(done[-1], str):
                done[-1] += view
            else:
                done.append(view)
        return tuple(done)

    def _node(self, node: Node) -> str | NodeView:
        if node.t == "emoji":
            name = f":{node.name}:"
            src = self.src(self.emoji.get(node.name))
            return NodeView("emoji", src=src, alt=bound_marks(name)) if src else name
        own = node.t == "hashtag" and fold_tag(plain_text((node,))) in self.own_tags
        return NodeView(node.t, self.body(node.c), node.href, own=own)

    def name(self, author: Author) -> str:
        """A name without the shortcodes of emoji that would only be drawn elsewhere."""
        name = bound_marks(without_shortcodes(author.name, self.emoji))
        return name or bound_marks(author.handle) or "?"

    def medium(self, media: Media, url: str) -> MediaView:
        picture, word = self.picture(media.picture), _MEDIA_WORDS[media.kind]
        alt = bound_marks(media.alt)
        if picture is None:
            return MediaView("words", alt=alt, label=word, url=url)
        kind: Literal["image", "moving"] = "image" if media.kind == "image" else "moving"
        src = self.src(media.picture)
        return MediaView(kind, src, alt, picture.width, picture.height, word, url)

    def preview(self, preview: Preview | None, *, with_picture: bool) -> PreviewView:
        if preview is None or not preview.url:
            return PreviewView()
        host = shown_host(preview.url)
        title = bound_marks(preview.title) or host
        return PreviewView(preview.url, title, host, self.src(preview.picture) if with_picture else "")

    def quote(self, quote: Quote | None) -> QuoteView:
        if quote is None:
            return QuoteView()
        warned, body = bool(quote.warning), self.body(quote.body)
        return QuoteView(
            url=quote.url,
            name=self.name(quote.author),
            meta=bound_marks(quote.author.handle),
            warning=bound_marks(quote.warning),
            body=() if warned else split_tags(body)[0] or body,
            media=() if warned else tuple(self.medium(media, quote.url) for media in quote.media),
        )


def split_tags(body: BodyView) -> tuple[BodyView, str]:
    """Cut the event's own hashtags off the end of a body; everybody has them, so they stand small and quiet.

    Gives what is left, without the white space before them, and the hashtags in their order.
    """
    left, tags = list(body), list[str]()
    while left:
        last = left[-1]
        if isinstance(last, str):
            left.pop()
            if kept := last.rstrip():
                left.append(kept if tags else last)
                break
        elif last.t == "br":
            left.pop()
        elif last.t == "hashtag" and last.own:
            left.pop()
            tags.append(_words(last.c))
        elif last.t == "paragraph":
            inner, more = split_tags(last.c)
            if inner == last.c:
                break
            left.pop()
            tags += reversed(more.split())
            if inner:
                left.append(msgspec.structs.replace(last, c=inner))
                break
        else:
            break
    return (tuple(left), " ".join(reversed(tags))) if tags else (body, "")


def _words(body: BodyView) -> str:
    return "".join(node if isinstance(node, str) else _words(node.c) for node in body)


def render_card(post: Post, item: Item, *, zone: tzinfo, own_tags: Collection[str]) -> CardView:
    """A card as every page shows it. `item.value` is the board's Card: its pictures and its place."""
    card = item.value
    if not isinstance(card, Card):
        raise TypeError(f"item {item.key} is no card")
    face, view = post.face, _Face(post.face, card.pictures, own_tags)
    at = max(0.0, min(post.created_at, card.taken_at))
    text = plain_text(face.body)
    body, tags = split_tags(view.body(face.body))
    name, handle = view.name(face.author), bound_marks(face.author.handle)
    short, home = split_handle(handle)
    return CardView(
        key=item.key,
        order=item.order,
        clearance=card.clearance,
        network=face.network,
        lang=language_of(post.lang),
        url=face.url,
        author=AuthorView(
            name=name,
            handle=handle,
            short=short,
            home=home,
            url=face.author.url,
            avatar=view.src(face.author.avatar),
            initials=render_initials(name, face.author.handle),
        ),
        meta=f"on {face.network}",
        time=TimeView(*render_time(at, zone)),
        at=int(at),
        warning=bound_marks(face.warning),
        sensitive=post.sensitive,
        body=body,
        tags=tags,
        media=tuple(view.medium(media, face.url) for media in face.media),
        poll=tuple(bound_marks(option) for option in face.poll),
        preview=view.preview(face.preview, with_picture=not face.media),
        quote=view.quote(face.quote),
        parent=card.parent,
        root=card.root,
        words=count_words(text),
        asks=is_question(_words(body) if tags else text) and not face.warning,
    )


def api_post(
    post: Post, item: Item, *, zone: tzinfo, html: str, own_tags: Collection[str] = ()
) -> dict[str, Any]:
    """A post for `/api/v1/posts`. `html` is the served card, `card` what a page fills its own from."""
    card = render_card(post, item, zone=zone, own_tags=own_tags)
    return {
        "key": item.key,
        "order": item.order,
        "id": post.id,
        "kind": post.kind,
        "source": post.source,
        "url": post.face.url,
        "author": msgspec.to_builtins(card.author),
        "body": msgspec.to_builtins(card.body),
        "html": html,
        "text": plain_text(post.face.body),
        "created_at": to_utc(post.created_at).isoformat(),
        "media": msgspec.to_builtins(card.media),
        "card": msgspec.to_builtins(card),
    }
