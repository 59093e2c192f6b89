"""Remote HTML → the same HTML, well nested and shallow, so that every parser reads it in linear time. Pure.

The specification has parsers walk the stack of open elements, open formatting that was never closed again in
each paragraph, and compare each attribute with all others: over hostile markup that is quadratic and worse
(40,000 characters took 25 s). So one linear pass comes first. It keeps text as it is, closes what a parser
would close by itself, nests the rest properly and at most `MAX_NESTED` deep, makes a line of each row of a
table, and hands on the few attributes that are read. It is no sanitiser: what is safe is decided behind it.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from html import escape, unescape
from typing import NamedTuple

MAX_NESTED = 48
"""Deeper elements are left out, their text is not. Browsers stop at 512; page builders reach 40."""

MAX_REOPENED = 4
"""Of formatting that is closed in the wrong order, so many are opened again."""

FREE = 40
"""Characters for each element: further ones are left out, their text is not. Real posts have more."""

NBSP = "\ufdd0"
"""Stands for a no-break space, over which the cleaner takes quadratic time; itself it is no character."""

MAX_VALUE = 4096
"""A longer value of an attribute is none: no address and no alternative text is so long."""

_OPENS = re.compile(r"<(?=[a-zA-Z/!?])")
_TAG = re.compile(
    r"<(?P<end>/?)(?P<name>[a-zA-Z][^\s/>]*+)"
    r"(?P<attrs>(?:[^>=]*+=\s*+(?:\"[^\"]*+\"|'[^']*+')?+)*+[^>=]*+)>"
)
_ATTR = re.compile(r"(?<![^\s/\"'])([^\s=/>\"']++)\s*+=\s*+(?:\"([^\"]*+)\"|'([^']*+)'|([^\s>\"']++))")
_SIMPLE = re.compile(r"[a-z][a-z0-9]{0,15}")

_WANTED: Mapping[str, tuple[str, ...]] = {
    "a": ("href", "class"), "img": ("src", "alt", "width", "height"), "span": ("class",), "p": ("class",)
}  # fmt: skip
_VOID = frozenset({"br", "hr", "img"})
_NOTHING = frozenset(
    {"html", "head", "body", "frameset", "frame", "wbr", "col", "colgroup", "area", "base", "basefont",
     "bgsound", "embed", "input", "keygen", "link", "meta", "param", "source", "track", "image", "isindex",
     "button", "marquee", "applet", "option", "optgroup"}
)  # fmt: skip
"""Elements that are void, or that a parser has rules of their own for, and that no reader would miss."""

_FORMATTING = frozenset(
    {"a", "b", "big", "code", "em", "font", "i", "kbd", "nobr", "s", "samp", "small", "span", "strike",
     "strong", "sub", "sup", "tt", "u", "cite", "del", "ins", "mark"}
)  # fmt: skip
DROPPED = frozenset(
    {"script", "style", "title", "iframe", "noscript", "noembed", "noframes", "template", "object", "svg",
     "math", "textarea", "select", "xmp", "plaintext", "video", "audio", "form"}
)  # fmt: skip
"""Elements whose content is no text for a reader."""

_RAW = frozenset(
    {"script", "style", "title", "iframe", "noembed", "noframes", "textarea", "xmp", "plaintext"}
)
_DROPPED_TAGS = {name: re.compile(rf"<(/?){name}(?=[\s/>])", re.IGNORECASE) for name in DROPPED}

_LISTS = frozenset({"ul", "ol"})
_DIVISIONS = frozenset({"table", "tbody", "thead", "tfoot", "tr", "caption"})
_CELLS = frozenset({"td", "th"})
_HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
_BLOCKS = _HEADINGS | {
    "address", "article", "aside", "blockquote", "center", "details", "dialog", "dir", "div", "dl",
    "fieldset", "figcaption", "figure", "footer", "header", "hgroup", "hr", "listing", "main", "menu", "nav",
    "ol", "p", "pre", "search", "section", "summary", "ul",
}  # fmt: skip

# What a start tag ends by itself, and what it does not look behind for it.
_ITEMS: Mapping[str, frozenset[str]] = {
    "li": frozenset({"li"}), "dt": frozenset({"dt", "dd"}), "dd": frozenset({"dt", "dd"})
}  # fmt: skip
_BEHIND = _BLOCKS - {"address", "div", "p"}


class Tag(NamedTuple):
    """A tag as it stands in the markup; `attrs` are the few that are wanted, undecoded."""

    name: str
    is_end: bool
    attrs: tuple[tuple[str, str], ...] = ()


def tidy(html: str) -> str:
    """Return the markup, well nested. Linear, and never raises."""
    nest = _Nest(50 + len(html) // FREE)
    for token in tokens(html):
        nest.take(token)
    return nest.finish()


def tokens(html: str) -> Iterator[str | Tag]:
    """Text and tags in order, without comments and without what stands in a `DROPPED` element."""
    at = 0
    while opening := _OPENS.search(html, at):
        start = opening.start()
        if start > at:
            yield html[at:start]
        if found := _TAG.match(html, start):
            at = found.end()
            name, is_end, attrs = found["name"].lower(), bool(found["end"]), found["attrs"]
            if name not in DROPPED:
                yield Tag(name, is_end, () if is_end else _attributes(name, attrs))
            elif not is_end and not (attrs.endswith("/") and name not in _RAW):
                at = _after_dropped(html, at, name)
        else:
            at = _after_other(html, start)
        if at < 0:
            return
    if at < len(html):
        yield html[at:]


def words_of(html: str) -> str:
    """Return the words of a piece of HTML that is searched and never drawn; blocks on lines of their own."""
    pieces = (token if isinstance(token, str) else _between(token.name) for token in tokens(html))
    return unescape("".join(pieces))


def _between(name: str) -> str:
    return "\n" if name in _BLOCKS or name in _ITEMS or name in _DIVISIONS or name == "br" else ""


def _after_dropped(html: str, at: int, name: str) -> int:
    """Return where the element ends that began before `at`; negative where it does not end."""
    depth = 1
    for tag in _DROPPED_TAGS[name].finditer(html, at):
        if tag[1]:
            depth -= 1
        elif name not in _RAW:
            depth += 1
        if not depth:
            return tag.start()
    return -1


def _after_other(html: str, start: int) -> int:
    """Return where to go on behind what begins like a tag and is none; negative where it takes the rest."""
    if html.startswith("<!--", start):
        end = html.find("-->", start + 2)
        return end + 3 if end >= 0 else -1
    if html[start + 1].isalpha():
        return -1
    end = html.find(">", start)
    return end + 1 if end >= 0 else -1


def _attributes(name: str, text: str) -> tuple[tuple[str, str], ...]:
    wanted = _WANTED.get(name)
    if not wanted or "=" not in text:
        return ()
    found: dict[str, str] = {}
    for match in _ATTR.finditer(text):
        key = match[1].lower()
        if key in wanted and key not in found:
            found[key] = match[2] or match[3] or match[4] or ""
            if len(found) == len(wanted):
                break
    return tuple(found.items())


class _Nest:
    """Writes tags in an order in which each closes what was opened last."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._out: list[str] = []
        self._open: list[Tag] = []
        self._left_out: dict[str, int] = {}
        self._count = 0

    def take(self, token: str | Tag) -> None:
        """Take the next text or tag."""
        if isinstance(token, str):
            self._out.append(_normal(token))
        elif token.name in _CELLS:
            self._out.append("" if token.is_end else " ")
        elif token.name in _NOTHING or not _SIMPLE.fullmatch(token.name):
            return
        elif token.name in _VOID:
            self._take_void(token)
        elif token.is_end:
            self._end("div" if token.name in _DIVISIONS else token.name)
        else:
            self._start(token._replace(name="div") if token.name in _DIVISIONS else token)

    def finish(self) -> str:
        """Return all of it, with nothing left open."""
        self._close_to(0)
        return "".join(self._out)

    def _take_void(self, tag: Tag) -> None:
        if tag.name == "hr":
            self._reopen(self._end_by_itself("hr"))
        if self._count < self._most and (not tag.is_end or tag.name == "br"):
            self._write(tag)

    def _start(self, tag: Tag) -> None:
        above = self._end_by_itself(tag.name)
        if self._has_room():
            self._push(tag)
            self._reopen(above)
        else:
            self._left_out[tag.name] = self._left_out.get(tag.name, 0) + 1

    def _has_room(self) -> bool:
        return len(self._open) < MAX_NESTED and self._count < self._most

    def _end_by_itself(self, name: str) -> list[Tag]:
        """Close what this start tag ends; gives the formatting that stood open in it."""
        above: list[Tag] = []
        if name in _ITEMS:
            above += self._close_nearest(_ITEMS[name], _BEHIND)
        if name in _BLOCKS or name in _ITEMS:
            above += self._close_nearest(frozenset({"p"}), frozenset())
        if name in _HEADINGS and self._open and self._open[-1].name in _HEADINGS:
            self._close_to(len(self._open) - 1)
        return above

    def _close_nearest(self, names: frozenset[str], behind: frozenset[str]) -> list[Tag]:
        for at in range(len(self._open) - 1, -1, -1):
            standing = self._open[at].name
            if standing in names:
                above = self._open[at + 1 :]
                self._close_to(at)
                return above
            if standing in behind:
                break
        return []

    def _end(self, name: str) -> None:
        if self._left_out.get(name):
            self._left_out[name] -= 1
        elif all(tag.name != name for tag in self._open):
            if name == "p" and self._has_room():  # so parsers do; it ends a line
                self._push(Tag("p", False))
                self._close_to(len(self._open) - 1)
        else:
            above = self._close_nearest(frozenset({name}), _LISTS if name == "li" else frozenset())
            if name in _FORMATTING:
                self._reopen(above)

    def _reopen(self, tags: Iterable[Tag]) -> None:
        for tag in [tag for tag in tags if tag.name in _FORMATTING][:MAX_REOPENED]:
            if self._has_room():
                self._push(tag)

    def _push(self, tag: Tag) -> None:
        self._open.append(tag)
        self._write(tag)

    def _close_to(self, depth: int) -> None:
        while len(self._open) > depth:
            self._out.append(f"</{self._open.pop().name}>")

    def _write(self, tag: Tag) -> None:
        self._count += 1
        self._out.append(f"<{tag.name}{''.join(_written(tag.attrs))}>")


def _normal(text: str) -> str:
    """Text with the references that are needed and no others: the cleaner is slow over loose ones."""
    if "&" in text or "<" in text or ">" in text:
        text = escape(unescape(text), quote=False)
    return text.replace("\xa0", NBSP)


def _written(attrs: Iterable[tuple[str, str]]) -> Iterator[str]:
    for name, value in attrs:
        if len(value) > MAX_VALUE:
            continue
        quoted = value.replace('"', "&quot;")
        yield f' {name}="{quoted}"'
