"""Remote HTML → body: an allow-list by nh3, then a tree of our own elements."""

import re
from collections.abc import Collection, Mapping
from html.parser import HTMLParser
from types import MappingProxyType

import nh3
from msgspec import Struct
from msgspec.structs import replace

from backchannel.model import Body, Node, NodeKind
from backchannel.text.characters import strip_controls
from backchannel.text.drawing import without_undrawn
from backchannel.text.links import claims_another, readable_url, shown_host, web_url
from backchannel.text.markup import NBSP, tidy
from backchannel.text.tree import (
    BLOCKS,
    CONTAINERS,
    MAX_DEPTH,
    Part,
    add,
    add_tagged,
    add_text,
    joined,
    plain_text,
    trim,
    with_sign,
)

MAX_HTML = 40_000
"""Characters that are read; a sign stands for the rest."""

_KINDS: Mapping[str, NodeKind] = MappingProxyType(
    {"a": "link", "em": "em", "i": "em", "cite": "em", "strong": "strong", "b": "strong", "code": "code",
     "kbd": "code", "samp": "code", "tt": "code", "p": "paragraph", "div": "paragraph",
     "section": "paragraph", "article": "paragraph", "figure": "paragraph", "figcaption": "paragraph",
     "tr": "paragraph", "dt": "paragraph", "dd": "paragraph", "blockquote": "quote",
     "ul": "list", "ol": "list", "li": "item"}
)  # fmt: skip
_HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})

# Built once. No svg, math, style or raw-text element: those are where sanitisers and browsers disagree.
# Classes are only read here and never leave.
_CLEANER = nh3.Cleaner(
    tags={*_KINDS, *_HEADINGS, "br", "hr", "pre", "span", "img", "td", "th"},
    clean_content_tags={"script", "style", "title", "iframe", "noscript", "noembed", "noframes", "template",
                        "object", "svg", "math", "textarea", "select", "xmp", "plaintext", "video", "audio"},
    attributes={"a": {"href"}, "img": {"alt"}},
    allowed_classes={"a": {"mention", "hashtag"}, "span": {"quote-inline"}, "p": {"quote-inline"}},
    url_schemes={"http", "https"},
    link_rel=None,
)  # fmt: skip

_SPACES = re.compile(r"[ \t\n\f]+")
_HANDLE = re.compile(r"(@[\w.+-]*\w)(?:@([\w.:-]+))?")
_TAG = re.compile(r"[#＃]\S+")


def parse_html(
    html: str,
    *,
    base: str = "",
    emoji: Collection[str] = (),
    mentions: Mapping[str, str] = MappingProxyType({}),
    hashtags: Collection[str] = (),
    is_quoting: bool = False,
    most: int = MAX_HTML,
) -> Body:
    """Return the body a piece of remote HTML stands for. Never raises, whatever the string.

    `base` resolves relative addresses. `emoji` are names that may stand as `:name:`. `mentions` maps a
    link's address to the handle the network gives it. `hashtags` are folded names that count as hashtags
    where they stand unlinked; linked ones are found by themselves. `is_quoting`: the quoted post is shown,
    so the link that stands for it in older clients (class `quote-inline`) is left out. `most`: characters
    that are read.
    """
    builder = _TreeBuilder(base, frozenset(emoji), mentions, frozenset(hashtags), is_quoting)
    builder.feed(_CLEANER.clean(tidy(strip_controls(html[:most]))))
    builder.close()
    body = builder.finish()
    return body if len(html) <= most else with_sign(body)


class _Frame(Struct):
    """An element that is open in the tree."""

    kind: NodeKind
    parts: list[Part]
    href: str = ""
    classes: frozenset[str] = frozenset()


class _Open(Struct):
    """An element that is open in the HTML.

    `depth` is the number of frames at its start; `suspended` are those it had to close.
    """

    tag: str
    depth: int
    suspended: list[_Frame]
    is_block: bool = False
    is_hidden: bool = False


class _TreeBuilder(HTMLParser):
    """Builds the tree from nh3's well-formed output.

    Where HTML nests a block in something inline, the inline element is closed, the block opened, and the
    inline element opened again within: a tree that any browser keeps as it is.
    """

    def __init__(
        self,
        base: str,
        emoji: frozenset[str],
        mentions: Mapping[str, str],
        hashtags: frozenset[str],
        is_quoting: bool,
    ) -> None:
        super().__init__(convert_charrefs=True)
        self._base = base
        self._emoji = emoji
        self._mentions = mentions
        self._hashtags = hashtags
        self._is_quoting = is_quoting
        self._root: list[Part] = []
        self._frames: list[_Frame] = []
        self._open: list[_Open] = []
        self._pre = 0
        self._is_after_space = True

    def finish(self) -> Body:
        """Close what is still open, and hand out the tree."""
        while self._frames:
            self._pop()
        return trim(self._root)

    # What the HTML says.

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        classes = frozenset(values.get("class", "").split())
        if tag in ("br", "hr"):
            self._break_line()
        elif tag == "img":
            self._put_image(strip_controls(values.get("alt", "")))
        else:
            opened = _Open(tag, len(self._frames), [])
            opened.is_hidden = self._is_hidden() or (self._is_quoting and "quote-inline" in classes)
            if tag == "pre":
                self._pre += 1
                self._start_block(opened, "paragraph")
                self._start_inline("code")
            elif tag in _HEADINGS:
                self._start_block(opened, "paragraph")
                self._start_inline("strong")
            elif (kind := _KINDS.get(tag)) in BLOCKS:
                self._start_block(opened, kind)
            elif kind is not None:
                href = web_url(values.get("href", ""), self._base) if kind == "link" else ""
                self._start_inline(kind, href, classes)
            elif tag in ("td", "th"):
                self._put(" ")
            self._open.append(opened)

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open[-1].tag != tag:
            return  # nh3 closes in order; what else there may be closes nothing
        opened = self._open.pop()
        self._pre -= tag == "pre"
        while len(self._frames) > opened.depth - len(opened.suspended):
            self._pop()
        self._frames.extend(replace(frame, parts=[]) for frame in opened.suspended)
        if opened.is_block:
            self._is_after_space = True

    def handle_data(self, data: str) -> None:
        data = data.replace(NBSP, "\xa0")
        if not self._pre:
            data = _SPACES.sub(" ", data)
            data = data.lstrip(" ") if self._is_after_space else data
        self._put(strip_controls(data))

    # What that does to the tree.

    def _is_hidden(self) -> bool:
        return bool(self._open) and self._open[-1].is_hidden

    def _parts(self) -> list[Part]:
        return self._frames[-1].parts if self._frames else self._root

    def _has_room(self, wanted: int) -> bool:
        """Tell whether that many elements may still be nested, a leaf in them, and an item in each open
        list."""
        lists = sum(frame.kind == "list" for frame in self._frames)
        return len(self._frames) + lists + wanted < MAX_DEPTH - 1

    def _start_block(self, opened: _Open, kind: NodeKind) -> None:
        opened.is_block = True
        if not self._has_room(1):
            self._break_line()
            return
        self._is_after_space = True
        while self._frames and self._frames[-1].kind not in CONTAINERS:
            opened.suspended.insert(0, replace(self._frames[-1], parts=[]))
            self._pop()
        if kind == "item" and (not self._frames or self._frames[-1].kind != "list"):
            kind = "paragraph"
        self._frames.append(_Frame(kind, []))
        self._frames.extend(
            replace(frame, parts=[]) for frame in opened.suspended if frame.kind != "paragraph"
        )

    def _start_inline(self, kind: NodeKind, href: str = "", classes: frozenset[str] = frozenset()) -> None:
        is_nested = any(frame.kind == kind for frame in self._frames)
        if not is_nested and self._has_room(1):
            self._frames.append(_Frame(kind, [], href, classes))

    def _put(self, text: str) -> None:
        if not text or self._is_hidden():
            return
        inside = {frame.kind for frame in self._frames}
        if "code" in inside:
            add(self._parts(), text)
        elif "link" in inside or not self._hashtags:
            add_text(self._parts(), text, self._emoji)
        else:
            add_tagged(self._parts(), text, self._emoji, self._hashtags)
        self._is_after_space = text[-1] in " \n\t"

    def _put_image(self, alt: str) -> None:
        """Pictures are attachments, never inline; but many sites draw their emoji as one."""
        is_named = alt[:1] == alt[-1:] == ":" and alt[1:-1] in self._emoji
        is_emoji = 0 < len(alt) <= 8 and not any(char.isalnum() or char.isspace() for char in alt)
        if is_named or is_emoji:
            self._put(alt)

    def _break_line(self) -> None:
        if self._is_hidden():
            return
        parts = self._parts()
        while parts and isinstance(last := parts[-1], str):
            stripped = last.rstrip(" ")
            parts[-1:] = [stripped] if stripped else []
            if stripped:
                break
        add(parts, Node("br"))
        self._is_after_space = True

    def _pop(self) -> None:
        frame = self._frames.pop()
        frame.parts = joined(frame.parts)
        parts = self._parts()
        if frame.kind == "link":
            for part in self._finish_link(frame):
                add(parts, part)
            return
        if frame.kind == "list":
            frame.parts = _items(frame.parts)
        if frame.kind == "code" and frame.parts and isinstance(last := frame.parts[-1], str):
            frame.parts[-1:] = [last.rstrip("\n")]
        body = trim(frame.parts) if frame.kind in BLOCKS else tuple(frame.parts)
        if frame.kind not in BLOCKS and not plain_text(body).strip():
            for part in body:
                add(parts, part)
        elif body:
            add(parts, Node(frame.kind, body))

    def _finish_link(self, frame: _Frame) -> Body:
        """Return the link, mention or hashtag; its text alone where it leads nowhere."""
        body = tuple(frame.parts)
        text = plain_text(body).strip()
        if not text:
            return body
        handle = _HANDLE.fullmatch(without_undrawn(text))
        if _TAG.fullmatch(text) and not claims_another(text, frame.href):
            return (Node("hashtag", (text,), href=frame.href),)
        if handle and ("mention" in frame.classes or frame.href in self._mentions):
            name = self._handle(handle, frame.href)
            if self._is_known(name, frame.href) or not claims_another(name.partition("@")[2], frame.href):
                return (Node("mention", (name,), href=frame.href),)
        if not frame.href:
            return body
        if claims_another(text, frame.href) or text.lower().startswith(("http://", "https://")):
            body = (readable_url(frame.href),)
        return (Node("link", body, href=frame.href),)

    def _handle(self, handle: re.Match[str], href: str) -> str:
        """Return the handle as written; without its host where neither address nor network confirm it."""
        name, host = handle.groups()
        written = f"{name}@{host}" if host else name
        is_confirmed = self._is_known(written, href) or (host and host.lower() == shown_host(href))
        return written if is_confirmed else str(name)

    def _is_known(self, handle: str, href: str) -> bool:
        """Tell whether this is the handle that the network gives for the address."""
        return self._mentions.get(href, "").lstrip("@").casefold() == handle.lstrip("@").casefold()


def _items(parts: list[Part]) -> list[Part]:
    """Return a list's parts with everything that is no item put into one."""
    items: list[Part] = []
    for part in parts:
        if isinstance(part, Node) and part.t == "item":
            items.append(part)
        elif body := trim([part]):
            items.append(Node("item", body))
    return items
