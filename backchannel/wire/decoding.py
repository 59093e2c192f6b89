"""Foreign JSON → bounded wire structs: the only way in. Pure; raises exactly DecodeError.

Decoding runs in C and cannot be interrupted, so what it may cost is known before it starts: a value costs
some 100 ns and is set off by a comma, so the commas are counted, which costs next to nothing.
"""

from typing import TypeVar

import msgspec
from msgspec import Raw

from backchannel.model import DecodeError
from backchannel.wire.limits import bound

MAX_PARTS = 200_000
"""Commas in a whole answer: a page of 40 long posts has 5,000, a feed of two megabytes 100,000."""

MAX_PARTS_OF_AN_ITEM = 50_000

_T = TypeVar("_T")

# The one list of what msgspec raises on bytes from outside; too deep is one of it.
_BAD = (msgspec.DecodeError, RecursionError, UnicodeError)


def decode(data: bytes | Raw, kind: type[_T], *, most: int = MAX_PARTS_OF_AN_ITEM) -> _T:
    """Typed JSON with every field within its limit. DecodeError."""
    return bound(_decode(data, kind, most))


def decode_items(data: bytes, most: int) -> tuple[list[Raw], int]:
    """Return the first `most` items of a JSON list, undecoded, so that one bad item is one; and how many more
    there were. DecodeError if it is no list."""
    items = _decode(data, list[Raw], MAX_PARTS)
    return items[:most], max(0, len(items) - most)


def _decode(data: bytes | Raw, kind: type[_T], most: int) -> _T:
    text = bytes(data)
    if text.count(b",") > most:
        raise DecodeError(f"more than {most} values")
    try:
        return msgspec.json.decode(text, type=kind)
    except _BAD as error:
        raise DecodeError(str(error)[:300]) from error
