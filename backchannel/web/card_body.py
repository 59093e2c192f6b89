"""The body of a post in its display form: bounded, so that one post is no burden to a page."""

import re
import unicodedata
from collections.abc import Callable, Collection
from typing import NamedTuple

import msgspec
from msgspec import Struct

from backchannel.model import Body, Node
from backchannel.text import (
    MarkLimiter,
    bound_marks,
    cut,
    draws_nothing,
    fold_tag,
    may_part,
    plain_text,
    shown_host,
)

_EMOJI_NAME = 60
_LONG_WORD = re.compile(r"\S{200,}")
_PIECE = 128
_BLOCKS = frozenset(("br", "paragraph", "quote", "list", "item"))
_LINKS = frozenset(("link", "mention", "hashtag"))


class Limits(NamedTuple):
    """Bounds a body: letters, elements, letters of addresses, pictures of emoji."""

    letters: int
    nodes: int
    addresses: int
    pictures: int


WHOLE = Limits(letters=20_000, nodes=500, addresses=20_000, pictures=100)
EXCERPT = Limits(letters=600, nodes=60, addresses=4_000, pictures=10)


class NodeView(Struct, frozen=True, omit_defaults=True):
    """Holds one element of a body. `src` and `alt` are an emoji's; `own` is set on the event's own hashtag.

    `wbr` stands within words that are longer than any line: engines take quadratic time to break them.
    """

    t: str
    c: "tuple[str | NodeView, ...]" = ()
    href: str = ""
    src: str = ""
    alt: str = ""
    own: bool = False


BodyView = tuple[str | NodeView, ...]


class BodyRenderer:
    """Draws one body. `is_cut` afterwards: there was more than the limits allow, and a sign says so."""

    def __init__(self, limits: Limits, own_tags: Collection[str], emoji: Callable[[str], str]) -> None:
        self.is_cut = False
        self._letters, self._nodes, self._addresses, self._pictures = limits
        self._own_tags = own_tags
        self._emoji = emoji
        self._marks = MarkLimiter()

    def draw(self, body: Body) -> BodyView:
        """Return the tree in its display form; texts that stand side by side become one, as a parser makes
        them."""
        done: list[str | NodeView] = []
        for node in body:
            if self.is_cut:
                break
            for part in self._text(node) if isinstance(node, str) else self._node(node):
                if isinstance(part, str) and done and isinstance(done[-1], str):
                    done[-1] += part
                elif part:
                    done.append(part)
        return tuple(done)

    def _text(self, text: str) -> BodyView:
        if len(text) > self._letters:
            text = cut(text[: self._letters + 1], self._letters) if self._letters > 1 else "…"
            self.is_cut = True
        self._letters -= len(text)
        return _with_breaks(self._marks.take(text))

    def _node(self, node: Node) -> BodyView:
        self._nodes -= 1
        self._addresses -= len(node.href)
        if self._nodes < 0 or self._addresses < 0:
            self.is_cut = True
            return ("…",)
        if node.t == "emoji":
            return self._picture(node.name)
        if node.t in _BLOCKS:
            self._marks.start()
        own = node.t == "hashtag" and fold_tag(plain_text((node,))) in self._own_tags
        inner = self.draw(node.c)
        if node.t in _BLOCKS:
            self._marks.start()
        if node.t in _LINKS and draws_nothing(plain_text(node.c)):
            inner = (shown_host(node.href),) if node.href else ()
        return (NodeView(node.t, inner, node.href, own=own),)

    def _picture(self, name: str) -> BodyView:
        src = self._emoji(name) if self._pictures > 0 else ""
        if not src:
            return self._text(f":{name}:")
        self._pictures -= 1
        self._marks.start()
        return (NodeView("emoji", src=src, alt=cut(bound_marks(f":{name}:"), _EMOJI_NAME)),)


def _with_breaks(text: str) -> BodyView:
    pieces = in_pieces(text)
    return tuple(part for piece in pieces[:-1] for part in (piece, NodeView("wbr"))) + tuple(pieces[-1:])


def in_pieces(text: str) -> list[str]:
    """Return the text, parted every 128 letters of a word that is longer than any line."""
    pieces: list[str] = []
    at = 0
    for found in _LONG_WORD.finditer(text):
        end = found.start() + _PIECE
        while end < found.end():
            if may_part(text[end - 1], text[end]) and unicodedata.east_asian_width(text[end]) not in "WF":
                pieces.append(text[at:end])
                at, end = end, end + _PIECE
            else:
                end += 1
    return [*pieces, text[at:]] if text else []


def words_of(body: BodyView) -> str:
    """Return the letters of a drawn body, without its structure."""
    return "".join(node if isinstance(node, str) else words_of(node.c) for node in body)


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
            tags.append(words_of(last.c))
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
