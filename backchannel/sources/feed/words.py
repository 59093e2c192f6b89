"""The content of an entry: title and text as a body, its hashtags, its pictures, and a warning."""

import re
from collections.abc import Iterator
from html import unescape
from itertools import islice
from typing import NamedTuple

from msgspec.structs import replace

from backchannel.model import Body, Node
from backchannel.sources.feed.wire import Text, WireEntry
from backchannel.text import (
    find_hashtags,
    fold_tag,
    one_line,
    parse_html,
    parse_plain,
    plain_text,
    web_url,
)
from backchannel.text.markup import tokens
from backchannel.wire.short_text import repeats, titled

MAX_EXCERPT = 500
"""Characters of an article that stand on a card; its link leads to the rest."""

MAX_WHOLE = 3000
"""An entry without a title is a post of a network, and stays whole up to this."""

MAX_TITLE = 300
MAX_TAGS = 50

_HTML = ("html", "xml")  # text/html, html, application/xhtml+xml
_PARAGRAPHS = ("paragraph", "quote", "list")
MAX_IMAGES = 50

# Mastodon writes a content warning as a first paragraph of its own, closed by a rule.
_WARNING = re.compile(r"\s*<p>\s*<strong>[^<]{1,60}</strong>([^<]*)</p>\s*<hr\s*/?>", re.S)

# Reddit puts a post's own text between two comments, and lines about the post after it.
_REDDIT_TEXT = re.compile(r"<!--\s*+SC_OFF\s*+-->")
_REDDIT_END = re.compile(r"<!--\s*+SC_ON\s*+-->")
_REDDIT_LINES = ("submitted by", "[link]</a>", "[comments]</a>")


class Image(NamedTuple):
    """A picture in the text, absolute."""

    url: str
    alt: str


class Words(NamedTuple):
    """`is_cut`: the entry says more than the body does."""

    body: Body
    hashtags: tuple[str, ...]
    images: tuple[Image, ...]
    warning: str
    is_cut: bool


def parse_words(entry: WireEntry, link: str, base: str) -> Words:
    """Pure, and never raises. `base` is where the document came from, `link` where the entry stands.

    Relative addresses are resolved on an `xml:base`, else on the entry's own page: that is what authors
    mean, and what other readers do, though RFC 4287 says the document.
    """
    title = plain_title(entry.title)
    text = _main(entry)
    base = text.base if text.base != base and text.base else link or base
    source = text.value
    warning = ""
    if _is_html(text):
        source = _without_reddit(source)
        if not title and (found := _WARNING.match(source)):
            warning, source = plain_text(parse_html(found[1])), source[found.end() :]
    whole, images = _parse(replace(text, value=source), base)
    tags = _hashtags(entry, title, whole)
    if repeats(title, whole):
        title = ""
    body, is_cut = _shortened(entry, whole, bool(title), base)
    if title:
        body = titled(title, body)
    return Words(body, tags, images, warning, is_cut)


def plain_title(title: Text | None) -> str:
    """Return the title as one line of text."""
    if title is None:
        return ""
    value = plain_text(parse_html(title.value)) if _is_html(title) else title.value
    line = one_line(value)
    return line if len(line) <= MAX_TITLE else _cut_text(line, MAX_TITLE)


def fold_category(term: str) -> list[str]:
    """Hashtags a category stands for: a hashtag has no spaces, and some feeds list several in one."""
    tags = (fold_tag("".join(piece.split())) for piece in term[:1000].split(","))
    return [tag for tag in tags if tag and len(tag) <= 100]


def _main(entry: WireEntry) -> Text:
    """Return the content rather than the summary; HTML rather than plain text."""
    texts = [text for text in entry.contents if text.value.strip()]
    for text in texts:
        if _is_html(text):
            return text
    if texts:
        return texts[0]
    return entry.summary or Text("")


def _is_html(text: Text) -> bool:
    return text.type.lower().endswith(_HTML)


def _parse(text: Text, base: str) -> tuple[Body, tuple[Image, ...]]:
    if not _is_html(text):
        return parse_plain(text.value), ()
    body = parse_html(text.value, base=base)
    tags = find_hashtags(parse_plain(plain_text(body)))
    if tags:
        body = parse_html(text.value, base=base, hashtags=tags)
    return body, tuple(islice(_images(text.value, base), MAX_IMAGES))


def _images(html: str, base: str) -> Iterator[Image]:
    """Yield the pictures in a text, without those that only count readers."""
    for token in tokens(html):
        if isinstance(token, str) or token.name != "img":
            continue
        values = {name: unescape(value) for name, value in token.attrs}
        is_dot = any(values.get(side, "").strip() in ("0", "1", "2") for side in ("width", "height"))
        url = web_url(values.get("src", ""), base) if values.get("src") else ""
        if url and not is_dot:
            yield Image(url, one_line(values.get("alt", "")))


def _without_reddit(html: str) -> str:
    """Looked for one after the other, each once: where the first is missing, the next are not looked for."""
    if (own := _REDDIT_TEXT.search(html)) and (end := _REDDIT_END.search(html, own.end())):
        return html[own.end() : end.start()]
    at = 0
    for words in _REDDIT_LINES:
        at = html.find(words, at)
        if at < 0:
            return html
    return ""


def _hashtags(entry: WireEntry, title: str, body: Body) -> tuple[str, ...]:
    found = [tag for term in entry.tags for tag in fold_category(term)]
    found += find_hashtags(parse_plain(title))
    found += find_hashtags(body)
    found += find_hashtags(parse_plain(plain_text(body)))
    return tuple(dict.fromkeys(found))[:MAX_TAGS]


def _shortened(entry: WireEntry, whole: Body, has_title: bool, base: str) -> tuple[Body, bool]:
    """Return the body for a card: all of a post; of a long article its summary, or its first paragraphs."""
    length = len(plain_text(whole))
    if length <= (MAX_EXCERPT if has_title else MAX_WHOLE):
        return whole, False
    if entry.contents and entry.summary and entry.summary.value.strip() != entry.contents[0].value.strip():
        summary = _parse(entry.summary, base)[0]
        if summary and len(plain_text(summary)) <= MAX_EXCERPT:
            return summary, True
    return first_blocks(whole, MAX_EXCERPT), True


def first_blocks(body: Body, limit: int) -> Body:
    """Whole paragraphs from the start, up to `limit` characters; of a longer first one its beginning."""
    kept: list[str | Node] = []
    used = 0
    for part in body:
        length = len(plain_text((part,)))
        if used + length > limit:
            if used < limit // 3:
                kept += _cut((part,), limit - used)
            break
        kept.append(part)
        used += length
    while kept and isinstance(last := kept[-1], Node) and last.t == "br":
        kept.pop()
    return tuple(kept)


def _cut(body: Body, limit: int) -> Body:
    """Return the first `limit` characters of a tree, ending at a sentence or a word, and with an ellipsis."""
    kept: list[str | Node] = []
    for part in body:
        length = len(plain_text((part,)))
        if length <= limit:
            kept.append(part)
            limit -= length
            continue
        if isinstance(part, str):
            kept.append(_cut_text(part, limit))
        elif part.t in _PARAGRAPHS or part.t in ("item", "em", "strong"):
            kept.append(replace(part, c=_cut(part.c, limit)))
        else:
            kept.append("…")
        break
    return tuple(kept)


def _cut_text(text: str, limit: int) -> str:
    head = text[: max(limit - 1, 0)]
    sentence = max(head.rfind(end) for end in (". ", "! ", "? ", "。", "…"))
    word = head.rfind(" ")
    at = sentence + 1 if sentence > limit // 2 else word if word > limit // 2 else len(head)
    return head[:at].rstrip() + " …" if at == sentence + 1 else head[:at].rstrip(" ,;:-–—") + "…"
