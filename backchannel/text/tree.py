"""The body tree: rules every builder keeps, and what is read out of a tree.

At most 16 deep; no CR, NUL or other control; no link inside a link; adjacent text is one string; no empty
element. A `paragraph` holds only inline elements and stands in the body, a quote or an item; a `list` holds
only items. So a browser that parses the served markup builds the same tree as the page's own code.
"""

import re
from collections.abc import Collection

from backchannel.model import Body, Node
from backchannel.text.marks import find_tags, fold_tag

MAX_DEPTH = 16

BLOCKS = frozenset({"paragraph", "quote", "list", "item"})
CONTAINERS = frozenset({"quote", "list", "item"})

Part = str | Node


def add(parts: list[Part], part: Part) -> None:
    """Append, joining adjacent text."""
    if not part:
        return
    if isinstance(part, str) and parts and isinstance(parts[-1], str):
        parts[-1] += part
    else:
        parts.append(part)


def add_text(parts: list[Part], text: str, emoji: re.Pattern[str] | None) -> None:
    """Append text; what `emoji` finds (see `emoji_pattern`) becomes emoji elements."""
    if emoji is None:
        add(parts, text)
        return
    for at, piece in enumerate(emoji.split(text)):
        add(parts, Node("emoji", name=piece) if at % 2 else piece)


def add_tagged(
    parts: list[Part], text: str, emoji: re.Pattern[str] | None, wanted: Collection[str] | None
) -> None:
    """Append text; `#word` becomes a hashtag that leads nowhere. `wanted`: only these folded names do."""
    at = 0
    for start, end in find_tags(text):
        tag = text[start:end]
        if wanted is None or fold_tag(tag) in wanted:
            add_text(parts, text[at:start], emoji)
            add(parts, Node("hashtag", (tag,)))
            at = end
    add_text(parts, text[at:], emoji)


def emoji_pattern(names: Collection[str]) -> re.Pattern[str] | None:
    """Finds `:name:` for exactly these names; one group, the name."""
    usable = sorted((name for name in names if name), key=len, reverse=True)
    return re.compile(f":({'|'.join(map(re.escape, usable))}):") if usable else None


def is_space(part: Part) -> bool:
    """Whether it draws nothing but distance."""
    return not part.strip() if isinstance(part, str) else part.t == "br"


def trim(parts: list[Part]) -> tuple[Part, ...]:
    """Without distance at both ends, and with at most two line breaks in a row."""
    kept: list[Part] = []
    for part in parts:
        breaks = len(kept) >= 2 and all(isinstance(last, Node) and last.t == "br" for last in kept[-2:])
        if not (breaks and isinstance(part, Node) and part.t == "br"):
            add(kept, part)
    while kept and is_space(kept[0]):
        del kept[0]
    while kept and is_space(kept[-1]):
        del kept[-1]
    if kept and isinstance(kept[0], str):
        kept[0] = kept[0].lstrip()
    if kept and isinstance(kept[-1], str):
        kept[-1] = kept[-1].rstrip()
    return tuple(kept)


def plain_text(body: Body) -> str:
    """The words alone: a line break for `br`, blocks on lines of their own, emoji as `:name:`."""
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
    """The folded hashtags of a body in order, each once."""
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
