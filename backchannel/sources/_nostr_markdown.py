"""An article (NIP-23) on a card: the beginning of its Markdown as HTML for the house's allow-list. Pure.

Only what a card can draw: paragraphs, headings (strong), lists, quotes, code, emphasis and links. What it
does not know stays as it was typed. Nothing here is trusted: the result passes `parse_html` like any other.
"""

import re
from collections.abc import Iterator
from html import escape

EXCERPT = 600
"""Characters of an article that has no summary; the block that crosses the limit is the last."""

_MAX_READ = 20_000
_PICTURE = re.compile(r"!\[[^\]\n]*\]\([^)\n]*\)")
_HEADING = re.compile(r"#{1,6}[ \t]+(.+?)[ \t]*#*")
_ITEM = re.compile(r"(?:[-*+]|\d{1,9}[.)])[ \t]+(.*)")
_RULE = re.compile(r"(?:[-*_][ \t]*){3,}")
_INLINE = re.compile(
    r"(?P<code>`+)(?P<coded>[^\n]+?)(?P=code)"
    r"|\[(?P<words>[^\]\[\n]+)\]\(\s*<?(?P<href>https?://[^\s)>]+)>?[^)\n]*\)"
    r"|(?P<strong>\*\*|__)(?=\S)(?P<loud>[^\n]+?)(?<=\S)(?P=strong)"
    r"|(?<!\w)(?P<em>[*_])(?=\S)(?P<soft>[^\n*_]+?)(?<=\S)(?P=em)(?!\w)"
    r"|\\(?P<plain>[\\`*_{}\[\]()#+\-.!|~>])"
)


def render_markdown(text: str, limit: int = EXCERPT) -> str:
    """The first blocks of a Markdown text as HTML, about `limit` characters of it, then an ellipsis."""
    html: list[str] = []
    length = 0
    for block in _blocks(_PICTURE.sub("", text[:_MAX_READ])):
        if length >= limit:
            html.append("<p>…</p>")
            break
        length += sum(map(len, block))
        html.append(_render(block))
    return "".join(html)


def _blocks(text: str) -> Iterator[list[str]]:
    """Runs of lines that belong together: fenced code, a heading, or what stands between empty lines."""
    block: list[str] = []
    is_fenced = False
    for line in text.splitlines():
        opens = line.lstrip().startswith(("```", "~~~"))
        alone = not is_fenced and (not line.strip() or _HEADING.fullmatch(line.strip()))
        if block and (alone or (opens and not is_fenced)):
            yield block
            block = []
        if is_fenced or line.strip():
            block.append(line)
        if (opens and is_fenced) or (alone and block):
            yield block
            block = []
        is_fenced ^= opens
    if block:
        yield block


def _render(block: list[str]) -> str:
    first = block[0].strip()
    if first.startswith(("```", "~~~")):
        return f"<pre><code>{escape(chr(10).join(block[1:-1] if len(block) > 1 else []))}</code></pre>"
    if heading := _HEADING.fullmatch(first):
        return f"<p><strong>{_inline(heading[1])}</strong></p>"
    if _RULE.fullmatch(first) and len(block) == 1:
        return ""
    if first.startswith(">"):
        words = "\n".join(line.strip().removeprefix(">").strip() for line in block)
        return f"<blockquote><p>{_inline(words)}</p></blockquote>"
    if _ITEM.fullmatch(first):
        return f"<ul>{''.join(f'<li>{_inline(item)}</li>' for item in _items(block))}</ul>"
    return f"<p>{_inline(chr(10).join(line.strip() for line in block))}</p>"


def _items(block: list[str]) -> Iterator[str]:
    words = ""
    for line in block:
        if item := _ITEM.fullmatch(line.strip()):
            if words:
                yield words
            words = item[1]
        else:
            words += " " + line.strip()
    yield words


def _inline(text: str) -> str:
    html, at = [], 0
    for match in _INLINE.finditer(text):
        html.append(escape(text[at : match.start()]))
        at = match.end()
        if match["code"]:
            html.append(f"<code>{escape(match['coded'])}</code>")
        elif match["href"]:
            html.append(f'<a href="{escape(match["href"])}">{escape(match["words"])}</a>')
        elif match["strong"]:
            html.append(f"<strong>{escape(match['loud'])}</strong>")
        elif match["em"]:
            html.append(f"<em>{escape(match['soft'])}</em>")
        else:
            html.append(escape(match["plain"]))
    html.append(escape(text[at:]))
    return "".join(html)
