"""Characters: what is dropped, and what is folded for comparison."""

import re
import unicodedata
from collections.abc import Iterator

# C0 but for tab and newline, DEL and C1, and lone surrogates, which no UTF-8 can carry.
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")

_HASH = re.compile("[#＃]")


def strip_controls(text: str) -> str:
    """Return the text without control characters; every line ending is one `\\n`. All else is unaltered."""
    return _CONTROLS.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def one_line(text: str) -> str:
    """Return the text on one line: without control characters, each run of space as one space."""
    return " ".join(strip_controls(text).split())


def fold_tag(tag: str) -> str:
    """Return a hashtag for comparison: NFKC and case-folded, without `#`."""
    folded = unicodedata.normalize("NFKC", strip_controls(tag)).casefold()
    return unicodedata.normalize("NFKC", folded).strip().lstrip("#").strip()


def is_tag_char(char: str) -> bool:
    """Tell whether a hashtag may hold it: letters, marks, digits, connectors, and what joins letters."""
    return unicodedata.category(char)[0] in "LMN" or char in "_·・\u200c\u200d"


def find_tags(text: str) -> Iterator[tuple[int, int]]:
    """Find the places of hashtags in a plain text, `#` included.

    A hashtag has at least one letter, so `#1` and `#2026` are none, and does not begin within a word or an
    address.
    """
    at = 0
    while match := _HASH.search(text, at):
        start = at = match.end()
        while at < len(text) and is_tag_char(text[at]):
            at += 1
        before = text[start - 2] if start > 1 else " "
        is_free = not is_tag_char(before) and before not in "&/#＃"
        if is_free and any(unicodedata.category(char)[0] == "L" for char in text[start:at]):
            yield start - 1, at
