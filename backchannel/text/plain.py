"""Plain text → body: line breaks, bare addresses, hashtags, custom emoji."""

import re
from collections.abc import Collection

from backchannel.model import Body, Node
from backchannel.text.links import readable_url, web_url
from backchannel.text.marks import strip_controls
from backchannel.text.tree import Part, add, add_tagged, emoji_pattern, trim

_TOKEN = re.compile(r"(?P<url>\bhttps?://[^\s<>\"“”«»]{1,2048})|\n", re.IGNORECASE)
_CLOSERS = {")": "(", "]": "[", "}": "{"}


def parse_plain(text: str, *, emoji: Collection[str] = ()) -> Body:
    """Line breaks become `br`, http(s) addresses links, `#word` a hashtag that leads nowhere.

    Never raises. The text is unaltered but for control characters, space at both ends, more than two line
    breaks in a row, and the scheme of an address.
    """
    text = strip_controls(text)
    known = emoji_pattern(emoji)
    parts: list[Part] = []
    at = 0
    while match := _TOKEN.search(text, at):
        add_tagged(parts, text[at : match.start()], known, None)
        at = match.end()
        if not match["url"]:
            add(parts, Node("br"))
            continue
        found = _without_punctuation(match["url"])
        href = web_url(found)
        add(parts, Node("link", (readable_url(href),), href=href) if href else found)
        at = match.start() + len(found)
    add_tagged(parts, text[at:], known, None)
    return trim(parts)


def _without_punctuation(url: str) -> str:
    """Sentences end after an address more often than an address ends in a full stop."""
    end = len(url)
    while end:
        last = url[end - 1]
        is_unopened = last in _CLOSERS and url.count(last, 0, end) > url.count(_CLOSERS[last], 0, end)
        if not (last in ".,;:!?'…*_~" or is_unopened):
            break
        end -= 1
    return url[:end]
