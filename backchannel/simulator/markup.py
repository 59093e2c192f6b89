"""A post's plain words as the HTML that Mastodon and blogs make of them."""

import html
import re
from collections.abc import Callable
from typing import NamedTuple

_URL = r"https?://[^\s<]+[^\s<.,;:!?)\"”]"
_WORD = re.compile(rf"(?P<url>{_URL})|(?<![\w/&])#(?P<tag>\w*[^\W\d_]\w*)|(?<![\w/])@(?P<name>\w+)")
_SHOWN = 30


class Mention(NamedTuple):
    """Somebody named in a post: the `@name` in the text and where it leads."""

    name: str
    url: str


def find_tags(text: str) -> list[str]:
    """Hashtags of a text, lower-cased, each once, in order."""
    found = (match["tag"].lower() for match in _WORD.finditer(text) if match["tag"])
    return list(dict.fromkeys(found))


def render_status(text: str, base: str, mention: Mention | None = None, quoted: str = "") -> str:
    """Mastodon's HTML: `base` is where hashtags lead, `mention` who is answered, `quoted` a quoted post."""
    words = f"@{mention.name} {text}" if mention else text
    mentions = {mention.name: mention.url} if mention else {}

    def mark(match: re.Match[str]) -> str:
        if match["url"]:
            return _link(match["url"])
        if match["tag"]:
            tag = html.escape(match["tag"])
            href = f"{base}/tags/{match['tag'].lower()}"
            return f'<a href="{href}" class="mention hashtag" rel="tag">#<span>{tag}</span></a>'
        if (href := mentions.get(match["name"], "")) == "":
            return html.escape(match[0])
        return (
            f'<span class="h-card" translate="no"><a href="{href}" class="u-url mention">'
            f"@<span>{match['name']}</span></a></span>"
        )

    quote = f'<p class="quote-inline">RE: {_link(quoted)}</p>' if quoted else ""
    return quote + _paragraphs(_replace(words, mark), "<br />")


def render_article(text: str, site: str, picture: str = "", alt: str = "") -> str:
    """Return a blog's HTML, with a figure where there is a picture."""

    def mark(match: re.Match[str]) -> str:
        if match["url"]:
            return f'<a href="{html.escape(match["url"])}">{html.escape(match["url"])}</a>'
        if match["tag"]:
            return f'<a href="{site}/tags/{match["tag"].lower()}">#{html.escape(match["tag"])}</a>'
        return html.escape(match[0])

    figure = f'<figure><img src="{picture}" alt="{html.escape(alt)}"></figure>' if picture else ""
    return figure + _paragraphs(_replace(text, mark), "<br>")


def _replace(text: str, mark: Callable[[re.Match[str]], str]) -> str:
    parts, end = [], 0
    for match in _WORD.finditer(text):
        parts += [html.escape(text[end : match.start()], quote=False), mark(match)]
        end = match.end()
    return "".join([*parts, html.escape(text[end:], quote=False)])


def _paragraphs(marked: str, line_break: str) -> str:
    parts = re.split(r"\n{2,}", marked)
    return "".join(f"<p>{part}</p>" for part in parts).replace("\n", line_break)


def _link(url: str) -> str:
    """Return a link as Mastodon shortens it: scheme and `www.` hidden, the rest cut to thirty characters."""
    match = re.match(r"https?://(?:www\.)?", url)
    prefix = match[0] if match else ""
    shown, rest = url[len(prefix) :][:_SHOWN], url[len(prefix) :][_SHOWN:]
    ellipsis = "ellipsis" if rest else ""
    prefix, shown, rest = html.escape(prefix), html.escape(shown), html.escape(rest)
    return (
        f'<a href="{html.escape(url)}" target="_blank" rel="nofollow noopener" translate="no">'
        f'<span class="invisible">{prefix}</span><span class="{ellipsis}">{shown}</span>'
        f'<span class="invisible">{rest}</span></a>'
    )
