"""Tells what characters draw: nothing, a sign of their own, or a mark on the sign before them (pure).

A stranger's marks may stand over that stranger's words and nobody else's. So each sign carries a bounded
number of marks, whatever stands between: joiners, variation selectors, directions, fillers, the end of an
element. All else is left as it was written: Hebrew with points and accents, conjuncts, families of emoji and
flags are not altered.
"""

import unicodedata
from collections import Counter
from enum import IntEnum
from typing import Final

MARKS: Final = 3
"""Marks over and under one sign."""

BESIDE: Final = 8
"""Marks beside their sign, which no line can part from it. Stretched vowels are written with a few."""

JOINS: Final = 4
"""Signs joined to one: the longest conjuncts and emoji have so many. They pile up, or cannot be broken."""

INVISIBLE: Final = 16
"""Signs in a row that draw nothing. The flag of Scotland has seven."""

_JAMO: Final = 6
_TONES: Final = 5
_ZWJ: Final = "\u200d"
_VIRAMA: Final = 9  # the combining class of what joins two consonants, whatever the script calls it
_NUKTA: Final = 7

# Format characters that are drawn: signs of numbers and years, which stand before or around digits.
_DRAWN_FORMATS = frozenset(
    "\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd"
)
# Letters, marks and signs that draw nothing, or nothing that anybody can read.
_FILLERS = frozenset(
    "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2065\u3164\uffa0\ufffc\U00016fe4\U0001d159"
    "\u2028\u2029"
)
_BLANK_SIGNS = frozenset("\u2800\u303f")
# They extend the letter before them like a mark, and are called letters or symbols.
_EXTENDERS = frozenset("\u0e33\u0eb3\uff9e\uff9f")


class Effect(IntEnum):
    """Names what a character does to a line."""

    SIGN = 0
    MARK = 1
    BESIDE = 2
    NOTHING = 3
    JAMO_FIRST = 4
    JAMO_LATER = 5
    BLANK = 6
    TONE = 7


_PLAIN = frozenset((Effect.SIGN, Effect.BLANK))
_READ = frozenset((Effect.SIGN, Effect.JAMO_FIRST, Effect.JAMO_LATER))
_CARRIED = frozenset((Effect.MARK, Effect.BESIDE, Effect.NOTHING, Effect.JAMO_LATER, Effect.TONE))


class _Kinds(dict[str, Effect]):
    """Kinds by character, each looked up in the Unicode database once."""

    def __missing__(self, char: str) -> Effect:
        kind = self[char] = _kind_of(char)
        return kind


def _kind_of(char: str) -> Effect:
    code, category = ord(char), unicodedata.category(char)
    if char in _FILLERS or _is_ignorable(code):
        return Effect.NOTHING
    if category == "Cf":
        return Effect.BESIDE if char in _DRAWN_FORMATS else Effect.NOTHING
    if category in ("Mn", "Me"):
        return Effect.MARK
    if category == "Mc":
        return Effect.MARK if unicodedata.combining(char) == _VIRAMA else Effect.BESIDE
    if 0x1F3FB <= code <= 0x1F3FF:
        return Effect.TONE
    if char in _EXTENDERS:
        return Effect.BESIDE
    if 0x1100 <= code <= 0x115E or 0xA960 <= code <= 0xA97C:
        return Effect.JAMO_FIRST
    if 0x1161 <= code <= 0x11FF or 0xD7B0 <= code <= 0xD7FB:
        return Effect.JAMO_LATER
    is_blank = char in _BLANK_SIGNS or char.isspace() or category in ("Cc", "Cs", "Zs")
    return Effect.BLANK if is_blank else Effect.SIGN


def _is_ignorable(code: int) -> bool:
    """Variation selectors, and the planes that Unicode keeps for what is never drawn."""
    return 0xFE00 <= code <= 0xFE0F or 0xFFF0 <= code <= 0xFFFB or 0xE0000 <= code <= 0xE0FFF


_kinds = _Kinds()


class MarkLimiter:
    """Bounds the marks of a text that comes in pieces: the end of an element is no new sign."""

    def __init__(self, marks: int = MARKS) -> None:
        self._limit = marks
        self._counts = Counter[Effect]()
        self._places = set[int]()
        self.start()

    def start(self) -> None:
        """Begin a line of its own: what stood before carries no mark of what comes."""
        self._joins, self._is_joining = 0, False
        self._begin(" ")

    def _begin(self, base: str) -> None:
        self._base = base
        self._joins = self._joins + 1 if self._is_joining else 0
        self._is_joining = False
        if self._counts:
            self._counts.clear()
            self._places.clear()

    def take(self, text: str) -> str:
        """Return the piece as it is drawn."""
        if text and all(_kinds[char] in _PLAIN for char in set(text)):
            self._is_joining = self._is_joining and len(text) == 1
            self._begin(text[-1])
            return text
        return "".join([char for char in text if self._is_kept(char)])

    def _is_kept(self, char: str) -> bool:
        kind = _kinds[char]
        if kind in _PLAIN:
            self._begin(char)
            return True
        if kind is Effect.MARK:
            return self._is_mark_kept(char)
        if kind in (Effect.BESIDE, Effect.TONE):
            return self._count(kind, BESIDE if kind is Effect.BESIDE else _TONES)
        if kind is Effect.NOTHING:
            return self._is_nothing_kept(char)
        if kind is Effect.JAMO_FIRST and self._counts[Effect.JAMO_LATER]:
            self._begin(char)
        return self._count(kind, _JAMO)

    def _is_mark_kept(self, char: str) -> bool:
        place = unicodedata.combining(char)
        if place == _VIRAMA and self._joins >= JOINS:
            return False
        if not self._has_own_place(place) and not self._count(Effect.MARK, self._limit):
            return False
        self._places.add(place)
        self._is_joining = self._is_joining or place == _VIRAMA
        return True

    def _has_own_place(self, place: int) -> bool:
        """Tell whether the mark piles on no other: points within and beside the letters of their own
        script."""
        base = self._base
        is_pointed = unicodedata.bidirectional(base) in ("R", "AL") or "\u0f40" <= base <= "\u0f6c"
        is_dotted = place == _NUKTA and "\u0900" <= base <= "\u0dff"
        return place not in self._places and (is_dotted or (is_pointed and 10 <= place < 200))

    def _is_nothing_kept(self, char: str) -> bool:
        if char == _ZWJ:
            if self._joins >= JOINS:
                return False
            self._is_joining = True
        return self._count(Effect.NOTHING, INVISIBLE)

    def _count(self, kind: Effect, limit: int) -> bool:
        self._counts[kind] += 1
        return self._counts[kind] <= limit


def bound_marks(text: str, limit: int = MARKS) -> str:
    """Return the text with at most `limit` marks on each sign. For drawing only: what is kept stays
    unaltered."""
    return text if text.isascii() else MarkLimiter(limit).take(text)


def draws_nothing(text: str) -> bool:
    """Tell whether there is nothing to read: only space, marks without a letter, and what is invisible."""
    return not any(_kinds[char] in _READ for char in text)


def without_undrawn(text: str) -> str:
    """Return the text as the eye has it: without joiners, selectors, directions, fillers and tags."""
    return text if text.isascii() else "".join([char for char in text if _kinds[char] is not Effect.NOTHING])


def may_part(before: str, after: str) -> bool:
    """Tell whether a line or a cut may part these two: no mark and no half of a joined sign is left over."""
    is_joined = before == _ZWJ or unicodedata.combining(before) == _VIRAMA
    return not is_joined and _kinds[after] not in _CARRIED


def cut(text: str, limit: int) -> str:
    """Return the text, or its beginning with a sign that there is more; no sign is parted from its marks."""
    if len(text) <= limit:
        return text
    end = limit - 1
    while end > 0 and not may_part(text[end - 1], text[end]):
        end -= 1
    return (text[:end] or text[: limit - 1]).rstrip() + "…"


def is_drawn(char: str) -> bool:
    """Tell whether it takes any room in a line."""
    return _kinds[char] not in (Effect.MARK, Effect.NOTHING)
