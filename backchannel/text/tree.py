"""The body tree: rules every builder keeps, and what is read out of a tree.

At most 16 deep; no CR, NUL or other control; no link inside a link; adjacent text is one string; no empty
element. A `paragraph` holds only inline elements and stands in the body, a quote or an item; a `list` holds
only items. So a browser that parses the served markup builds the same tree as the page's own code.
"""

from collections.abc import Collection, Iterable

from msgspec.structs import replace

from backchannel.model import Body, Node
from backchannel.text.characters import find_tags, fold_tag

MAX_DEPTH = 16

BLOCKS = frozenset({"paragraph", "quote", "list", "item"})
CONTAINERS = frozenset({"quote", "list", "item"})

Part = str | Node


def add(parts: list[Part], part: Part) -> None:
    """Append, unless it is nothing. Adjacent text is one string only after `joined`, all at once."""
    if part:
        parts.append(part)


def joined(parts: Iterable[Part]) -> list[Part]:
    """Return the parts with adjacent text as one string, which takes time for each character once."""
    kept: list[Part] = []
    run: list[str] = []
    for part in parts:
        if isinstance(part, str):
            run.append(part)
            continue
        if run:
            kept.append("".join(run))
            run = []
        kept.append(part)
    if run:
        kept.append("".join(run))
    return kept


def add_text(parts: list[Part], text: str, emoji: Collection[str]) -> None:
    """Append text; `:name:` becomes an emoji element where the name is one of `emoji`."""
    if not emoji or ":" not in text:
        add(parts, text)
        return
    pieces = text.split(":")
    add(parts, pieces[0])
    at, last = 1, len(pieces) - 1
    while at <= last:
        if at < last and pieces[at] in emoji:
            parts.append(Node("emoji", name=pieces[at]))
            add(parts, pieces[at + 1])
            at += 2
        else:
            parts.append(f":{pieces[at]}")
            at += 1


def add_tagged(parts: list[Part], text: str, emoji: Collection[str], wanted: Collection[str] | None) -> None:
    """Append text; `#word` becomes a hashtag that leads nowhere. `wanted`: only these folded names do."""
    at = 0
    for start, end in find_tags(text):
        tag = text[start:end]
        if wanted is None or fold_tag(tag) in wanted:
            add_text(parts, text[at:start], emoji)
            add(parts, Node("hashtag", (tag,)))
            at = end
    add_text(parts, text[at:], emoji)


def is_space(part: Part) -> bool:
    """Tell whether it draws nothing but distance."""
    return not part.strip() if isinstance(part, str) else part.t == "br"


def trim(parts: Iterable[Part]) -> tuple[Part, ...]:
    """Adjacent text joined, without distance at both ends, and with at most two line breaks in a row."""
    kept: list[Part] = []
    breaks = 0
    for part in joined(parts):
        breaks = breaks + 1 if isinstance(part, Node) and part.t == "br" else 0
        if breaks <= 2:
            kept.append(part)
    start, end = 0, len(kept)
    while start < end and is_space(kept[start]):
        start += 1
    while end > start and is_space(kept[end - 1]):
        end -= 1
    kept = kept[start:end]
    if kept and isinstance(kept[0], str):
        kept[0] = kept[0].lstrip()
    if kept and isinstance(kept[-1], str):
        kept[-1] = kept[-1].rstrip()
    return tuple(kept)


def with_sign(body: Body) -> Body:
    """Return the body with `…` behind its last words: there was more."""
    if body and isinstance(last := body[-1], Node) and last.t in BLOCKS:
        return (*body[:-1], replace(last, c=with_sign(last.c)))
    return tuple(joined((*body, "…")))


def plain_text(body: Body) -> str:
    """Return the words alone: a line break for `br`, blocks on lines of their own, emoji as `:name:`."""
    pieces: list[str] = []
    _gather(body, pieces)
    return "".join(pieces)


def _gather(body: Body, pieces: list[str]) -> None:
    after_block = False
    for part in body:
        is_block = isinstance(part, Node) and part.t in BLOCKS
        if (is_block or after_block) and pieces and not pieces[-1].endswith("\n"):
            pieces.append("\n")
        after_block = is_block
        if isinstance(part, str):
            pieces.append(part)
        elif part.t == "br":
            pieces.append("\n")
        elif part.t == "emoji":
            pieces.append(f":{part.name}:")
        else:
            _gather(part.c, pieces)


def find_hashtags(body: Body) -> tuple[str, ...]:
    """Return the folded hashtags of a body in order, each once."""
    found: dict[str, None] = {}
    _find(body, found)
    return tuple(found)


def _find(body: Body, found: dict[str, None]) -> None:
    for part in body:
        if isinstance(part, str):
            continue
        if part.t == "hashtag" and (tag := fold_tag(plain_text(part.c))):
            found[tag] = None
        _find(part.c, found)
