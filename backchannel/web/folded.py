"""Folded posts as pages tell of them: one line for each of a few authors, and one for all others."""

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

from msgspec import Struct

from backchannel.board import FOLDED_KEY, Board, Folded, Item
from backchannel.web.card_cache import CardCache

OTHERS = 0
"""The key of the line for all whom no line names."""


class FoldedLine(Struct, frozen=True):
    """Says "and 34 more by Ada". `key`: a post of that author, for `/?by=`; `order`: where the line is."""

    key: int = 0
    order: int = 0
    count: int = 0
    name: str = ""


class FoldedView(Struct, frozen=True):
    """Return all lines, the newest first."""

    key: int = FOLDED_KEY
    kind: Literal["folded"] = "folded"
    order: int = 0
    lines: tuple[FoldedLine, ...] = ()


class FoldedHealth(NamedTuple):
    """Tells a moderator. `authors`: each with the key of a post, the author's name, how many posts are
    folded and since when (POSIX seconds); `others`: how many more authors, with so many posts."""

    authors: list[dict[str, Any]]
    others: int
    posts_of_others: int


NOTHING_FOLDED = FoldedHealth([], 0, 0)


def line_items(board: Board, folded: Folded) -> list[Item]:
    """Return the cards that lend the lines their authors' names."""
    return [board.items[line.key] for line in folded.lines]


def render_folded(board: Board, folded: Folded, views: CardCache) -> tuple[FoldedView, Sequence[Item]]:
    """(the lines, the cards whose words are not in memory, without whose authors they are)."""
    lines, missing = list[FoldedLine](), list[Item]()
    for line, item in zip(folded.lines, line_items(board, folded), strict=True):
        if shown := views.get(item):
            lines.append(FoldedLine(line.key, line.order, line.count, shown.view.author.name))
        else:
            missing.append(item)
    if folded.authors:
        order = folded.lines[-1].order if folded.lines else 0
        name = f"{folded.authors} other{'s' * (folded.authors > 1)}"
        lines.append(FoldedLine(OTHERS, order, folded.posts, name))
    return FoldedView(lines=tuple(lines)), missing


def tell_folded(board: Board, folded: Folded, views: CardCache) -> FoldedHealth:
    """Return whose posts are folded, the latest first."""
    names = {line.key: line.name for line in render_folded(board, folded, views)[0].lines}
    authors = [
        {"key": line.key, "author": names.get(line.key, ""), "posts": line.count, "since": line.since}
        for line in folded.lines
    ]
    return FoldedHealth(authors, folded.authors, folded.posts)
