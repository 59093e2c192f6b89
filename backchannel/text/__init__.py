"""Foreign text → the body tree, plain text and safe addresses. Pure: no I/O, no time.

`parse_html` is the only door for remote HTML: nested properly first (`markup`), then nh3's allow-list, then a
tree built by us, so that one layer's mistake is not enough. Nothing here raises on any string, and everything
takes linear time.
"""

from backchannel.text.characters import fold_tag, one_line, strip_controls
from backchannel.text.drawing import (
    MarkLimiter,
    bound_marks,
    cut,
    draws_nothing,
    is_drawn,
    may_part,
    without_undrawn,
)
from backchannel.text.from_html import MAX_HTML, parse_html
from backchannel.text.links import MAX_URL, claims_another, is_web_url, readable_url, shown_host, web_url
from backchannel.text.markdown import render_markdown
from backchannel.text.markup import words_of
from backchannel.text.plain import find_addresses, parse_plain
from backchannel.text.tree import MAX_DEPTH, find_hashtags, joined, plain_text, with_sign

__all__ = [
    "MAX_DEPTH",
    "MAX_HTML",
    "MAX_URL",
    "MarkLimiter",
    "bound_marks",
    "claims_another",
    "cut",
    "draws_nothing",
    "find_addresses",
    "find_hashtags",
    "fold_tag",
    "is_drawn",
    "is_web_url",
    "joined",
    "may_part",
    "one_line",
    "parse_html",
    "parse_plain",
    "plain_text",
    "readable_url",
    "render_markdown",
    "shown_host",
    "strip_controls",
    "web_url",
    "with_sign",
    "without_undrawn",
    "words_of",
]
