"""Estimates from below how much room a text needs, before anything is laid out (pure).

A browser needs minutes to lay out some texts that could never fit a wall; the widths of their letters tell at
once that they cannot. The estimate is a lower bound for any font, so it never refuses a text that would fit.
"""

import re
import unicodedata
from typing import NamedTuple

from backchannel.text import is_drawn
from backchannel.web.card_body import BodyView

_SPACES = re.compile(r"\s+")
_BREAKS = frozenset(("br", "paragraph", "item"))

# Least widths in hundredths of the type's size: of this face, of common others, of letters of any script.
_SPACE, _NARROW, _OTHER, _SMALL, _LARGE, _WIDE = 20, 20, 22, 42, 48, 52


class Extent(NamedTuple):
    """`ems`: how long the text is in one line, in sizes of its type. `lines`: those it has in any case."""

    ems: int
    lines: int


class _Widths(dict[str, int]):
    """Least widths by character."""

    def __missing__(self, char: str) -> int:
        width = self[char] = _least_width(char)
        return width


def _least_width(char: str) -> int:
    if not is_drawn(char):
        return 0
    if char.isspace():
        return _SPACE
    if unicodedata.east_asian_width(char) in "WF":
        return _LARGE
    if not char.isascii():
        return _OTHER
    if char in "MWm%@&Q":
        return _WIDE
    if char.islower():
        return _NARROW if char in "fijlrt" else _SMALL
    return _LARGE if char.isupper() and char != "I" else _NARROW


_widths = _Widths()


def room_of(body: BodyView) -> Extent:
    """Return the least room of a drawn body."""
    width, breaks = _measure(body)
    return Extent(width // 100, breaks + 1 if width or breaks else 0)


def _measure(body: BodyView) -> tuple[int, int]:
    width, breaks = 0, 0
    for at, node in enumerate(body):
        if isinstance(node, str):
            width += sum([_widths[char] for char in _SPACES.sub(" ", node)])
            continue
        if node.t == "emoji":
            width += _SPACE
        elif node.t == "br" or (node.t in _BREAKS and at):
            breaks += 1
        inner, more = _measure(node.c)
        width, breaks = width + inner, breaks + more
    return width, breaks
