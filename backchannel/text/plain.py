"""Plain text → body: line breaks, bare addresses, hashtags, custom emoji."""

import re
from collections.abc import Collection, Iterator

from backchannel.model import Body, Node
from backchannel.text.characters import strip_controls
from backchannel.text.links import readable_url, web_url
from backchannel.text.tree import Part, add, add_tagged, trim

_ADDRESS = re.compile(r"\bhttps?://[^\s<>\"“”«»]+", re.IGNORECASE)
_CLOSERS = {")": "(", "]": "[", "}": "{"}


def parse_plain(text: str, *, emoji: Collection[str] = ()) -> Body:
    """Line breaks become `br`, http(s) addresses links, `#word` a hashtag that leads nowhere.

    Never raises. The text is unaltered but for control characters, space at both ends, more than two line
    breaks in a row, and the scheme of an address.
    """
    text, known = strip_controls(text), frozenset(emoji)
    parts: list[Part] = []
    at = 0
    for start, end, found in find_addresses(text):
        _add_lines(parts, text[at:start], known)
        at = end
        href = web_url(found)
        add(parts, Node("link", (readable_url(href),), href=href) if href else found)
    _add_lines(parts, text[at:], known)
    return trim(parts)


def find_addresses(text: str) -> Iterator[tuple[int, int, str]]:
    """http(s) addresses and where they stand, without the punctuation of the sentence around them."""
    for match in _ADDRESS.finditer(text):
        found = _without_punctuation(match[0])
        yield match.start(), match.start() + len(found), found


def _add_lines(parts: list[Part], text: str, emoji: Collection[str]) -> None:
    for number, line in enumerate(text.split("\n")):
        if number:
            parts.append(Node("br"))
        add_tagged(parts, line, emoji, None)


def _without_punctuation(url: str) -> str:
    """Sentences end after an address more often than an address ends in a full stop."""
    surplus = {closer: url.count(closer) - url.count(opener) for closer, opener in _CLOSERS.items()}
    end = len(url)
    while end:
        last = url[end - 1]
        if surplus.get(last, 0) > 0:
            surplus[last] -= 1
        elif last not in ".,;:!?'…*_~":
            break
        end -= 1
    return url[:end]
