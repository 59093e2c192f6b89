"""Texts that are made to be slow: what expressions and parsers of others were caught with, and more.

A text is a unit, repeated, in a frame. Units come from reports about other projects (nested lists, formatting
that is never closed, brackets and backticks without an end, e-mail addresses, entities, comments), from
Unicode (what grows, what joins, what is not drawn), and from an expression itself: what it begins with, again
and again.
"""

import re
from collections.abc import Callable, Iterator
from re import _constants as op  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

Make = Callable[[int], str]

_FORMATTING = (
    "a",
    "b",
    "big",
    "code",
    "em",
    "font",
    "i",
    "nobr",
    "s",
    "small",
    "strike",
    "strong",
    "tt",
    "u",
)
OPENED = "".join(f"<{name}>" for name in _FORMATTING)

UNITS = (
    "a", "A", "1", " ", "\n", "\t", "\xa0", ".", ",", ":", ";", "/", "\\", "@", "#", "＃", "&", "<",
    ">", "(", ")", "[", "]", "{", "![", "`", "*", "_", "**", "__", '"', "'", "?", "!", "-", "=",
    "%", "~", "…", "+", "|", "\ufdfa", "\u0301", "\u200d", "\ufe0f", "\u034f", "\U0001f469\u200d",
    "😀", "\u3164", "\ufb01", "é", "ا", "한", "日", "\u202e", "\U000e0061", "a.", "a.b ", "a b", "a@",
    "a@b ", "@a@b.c ", "a@b.c,", "https://a.b ", "https://", "http://[ ", "https://a.b/)",
    "https://a.b/)))))))))))))))))))))))))))))))))))))))) ", "http://a.b/?x=1&", "//a", "a:/",
    "nostr:npub1q ", "nostr:nevent1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq ",
    "#a ", "#a", "#1 ", "# ", ":a:", ":a", ": ", ":\ue0000:", "a\n", "\n\n", " \n", "- a\n",
    "> a\n", "```\n", "~~~\n", "# a #\n", "# a ", "1. a\n", "**a ", "**a** ", "*a*", "_a_ ", "`a",
    "``a` ", "[x](http://a ", "[x](", "![x](http://a ", "![](", "[](", "[x](http://a)", "\\*",
    "<a>", "<a href=x>", "<a href='http://a.b/'>c</a>", "<b>", "<b>x</b>", "<p>", "<p>x",
    "<p>x</p>", "</p>", "<ul><li>", "<li>x", "<b><p>", "<p><b>", "<i><b></i></b>", "<a><p>",
    "<dd><dl>", "<dd>x", "<table><tr><td>", "<table><b>x", "<tr>x", "<blockquote><p>x", "<h1>x",
    "<pre>\n", "<code>x</code>", "<br> ", "<!--", "-->", "<!", "<![CDATA[", "<?", "</", "</b>",
    '<a b="', "<a b='", "<a b=c ", "<a ", "<svg>", "<svg></svg>", "<title>", "<script>",
    "<style></style>", "<select>", "<form>", "<img alt='", "<img alt=\U0001f600>",
    '<img alt=":a:" ', "<img src=a alt='b'>", "&#x", "&amp", "&lt;a ", "&#38;", "<b a=1><i></b>",
    "<span class=a>", "<code>", "<hr>", "submitted by [link]</a>", "submitted by ",
    "<!-- SC_OFF -->", "<p><strong>x</strong>", "<item>", "</item>",
)  # fmt: skip

FRAMES: tuple[tuple[str, str], ...] = (
    ("", ""),
    ("", "!"),
    ("https://a.example/", ""),
    ("<p>" + OPENED * 3, "</p>"),
    ('<p><a href="https://a.example/">', "</a>"),
    ("<pre><code>", "</code></pre>"),
    ("<ul><li>" + OPENED * 3, ""),
    ("# ", " #"),
    ("a ", "\nb"),
)


def repeated(unit: str, frame: tuple[str, str] = ("", "")) -> Make:
    """Makes texts of a given length of it."""
    before, after = frame

    def make(size: int) -> str:
        room = max(0, size - len(before) - len(after))
        return before + (unit * (room // len(unit) + 1))[:room] + after

    return make


def numbered(size: int) -> str:
    """Formatting that is each time another, and never closed."""
    opened = "".join(f"<b {at}>" for at in range(size // 22)) + "".join(
        f"<i {at}>" for at in range(size // 22)
    )
    return opened + "x</b>" * (size // 18)


def attributes(size: int) -> str:
    return "<a " + " ".join(f"a{at}=1" for at in range(size // 9)) + ">x</a>"


OTHERS: dict[str, Make] = {"numbered formatting": numbered, "attributes": attributes}


def inputs(*, every: bool) -> Iterator[tuple[str, Make]]:
    """Named makers of hostile text; `every` puts each unit into each frame."""
    frames = FRAMES if every else FRAMES[:1]
    for unit in UNITS:
        for frame in frames:
            yield f"{frame[0][:24]!r} {unit!r}" if frame[0] else repr(unit), repeated(unit, frame)
    for unit in ("x", "<p>x</p>", "<li>x", "<div>x</div>") if not every else ():
        for frame in FRAMES[3:7]:
            yield f"{frame[0][:24]!r} {unit!r}", repeated(unit, frame)
    yield from OTHERS.items()


def of_pattern(pattern: re.Pattern[Any]) -> Iterator[tuple[str, Make]]:
    """Texts of what the expression looks for: each beginning of it, and each part behind a beginning."""
    source = pattern.pattern if isinstance(pattern.pattern, str) else pattern.pattern.decode("latin-1")
    parts = [part for part in _merged(_samples(parser.parse(source, pattern.flags & ~re.UNICODE))) if part][
        :10
    ]
    units = dict.fromkeys(["".join(parts[:end]) for end in range(1, len(parts) + 1)] + parts)
    for unit in units:
        yield repr(unit[:30]), repeated(unit)
        yield repr(unit[:30] + " "), repeated(unit + " ")
    for at in range(1, len(parts)):
        for end in (at + 1, at + 2, at + 4, at + 6):
            unit = " " + "".join(parts[at:end])
            yield repr(f"{parts[0]}{unit}"[:40]), repeated(unit, ("".join(parts[:at]), "\n!"))


def _merged(samples: Iterator[str | None]) -> Iterator[str]:
    """Letters that stand side by side as one word; None stands between them and other elements."""
    word = ""
    for sample in samples:
        if sample is None:
            yield word
            word = ""
        elif len(sample) == 1:
            word += sample
        else:
            yield word
            yield sample
            word = ""
    yield word


def _samples(tree: Any) -> Iterator[str | None]:
    """One text for each element of an expression."""
    for kind, value in tree:
        if kind is op.BRANCH:
            yield from (_all(branch) + "" for branch in value[1])
        elif kind is op.SUBPATTERN:
            yield None
            yield from _samples(value[3])
            yield None
        elif kind is op.LITERAL:
            yield chr(int(value))
        else:
            yield None
            yield _sample(kind, value)
            yield None


def _all(tree: Any) -> str:
    return "".join(sample or "" for sample in _samples(tree))


def _sample(kind: Any, value: Any) -> str:
    if kind is op.IN:
        return _one_of(value)
    if kind in (op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT):
        return _all(value[2]) * min(3, max(1, int(value[0])))
    if kind is op.ATOMIC_GROUP:
        return _all(value)
    if kind is op.ASSERT:
        return _all(value[1])
    return "a" if kind in (op.ANY, op.NOT_LITERAL) else ""


def _one_of(members: Any) -> str:
    """A character of a class."""
    is_negated = members[0][0] is op.NEGATE
    own = [chr(int(value if kind is op.LITERAL else value[0])) for kind, value in members if kind in _CHARS]
    candidates: list[str] = [*own, *" a1-!😀"]
    for char in candidates:
        if any(_is_in(char, kind, value) for kind, value in members) != is_negated:
            return char
    return "a"


_CHARS = (op.LITERAL, op.RANGE)


def _is_in(char: str, kind: Any, value: Any) -> bool:
    if kind is op.LITERAL:
        return ord(char) == int(value)
    if kind is op.RANGE:
        return int(value[0]) <= ord(char) <= int(value[1])
    if kind is not op.CATEGORY:
        return False
    name = str(value)
    has = char.isspace() if "SPACE" in name else char.isdigit() if "DIGIT" in name else char.isalnum()
    return bool(has != ("NOT" in name))
