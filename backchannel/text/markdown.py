"""The beginning of a Markdown text as HTML for the house's allow-list. Pure.

Only what a card can draw: paragraphs, headings (strong), lists, quotes, code, emphasis and links. What it
does not know stays as it was typed. Nothing here is trusted: the result passes `parse_html` like any other.
"""

import re
from bisect import bisect_left
from collections.abc import Iterator
from html import escape

EXCERPT = 600
"""Characters that stand on a card; the block that crosses the limit is the last."""

# Every expression is linear: what it looks through ends where it could begin anew.
_PICTURE = re.compile(r"!\[[^\[\]\n]*+\]\([^)\n\[]*+\)")
_ITEM = re.compile(r"(?:[-*+]|\d{1,9}[.)])[ \t]++(.*)")
_RULE = re.compile(r"(?:[-*_][ \t]*+){3,}+")
_INLINE = re.compile(
    r"(?P<code>`++)"
    r"|\[(?P<words>[^\]\[\n]++)\]\(\s*+<?(?P<href>https?://[^\s)>\[]++)>?[^)\n\[]*+\)"
    r"|(?P<strong>\*\*|__)(?=\S)"
    r"|(?<!\w)(?P<em>[*_])(?=\S)(?P<soft>[^\n*_]++)(?<=\S)(?P=em)(?!\w)"
    r"|\\(?P<plain>[\\`*_{}\[\]()#+\-.!|~>])"
)
_END = re.compile(r"(?P<code>`++)|(?P<strong>(?<=\S)(?=(\*\*|__)))|(?P<line>\n)")


def render_markdown(text: str, limit: int = EXCERPT) -> str:
    """Return the first blocks of a Markdown text as HTML, about `limit` characters of it, then an
    ellipsis."""
    html: list[str] = []
    length = 0
    for block in _blocks(_PICTURE.sub("", text)):
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
        alone = not is_fenced and (not line.strip() or _heading(line.strip()))
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
    if heading := _heading(first):
        return f"<p><strong>{_inline(heading)}</strong></p>"
    if _RULE.fullmatch(first) and len(block) == 1:
        return ""
    if first.startswith(">"):
        words = "\n".join(line.strip().removeprefix(">").strip() for line in block)
        return f"<blockquote><p>{_inline(words)}</p></blockquote>"
    if _ITEM.fullmatch(first):
        return f"<ul>{''.join(f'<li>{_inline(item)}</li>' for item in _items(block))}</ul>"
    return f"<p>{_inline(chr(10).join(line.strip() for line in block))}</p>"


def _heading(line: str) -> str:
    """Return the words of a heading; nothing when the line is none."""
    words = line.lstrip("#")
    level = len(line) - len(words)
    if not 0 < level <= 6 or words[:1] not in (" ", "\t"):
        return ""
    return words.strip(" \t").rstrip("#").rstrip(" \t")


def _items(block: list[str]) -> Iterator[str]:
    lines: list[str] = []
    for line in block:
        if item := _ITEM.fullmatch(line.strip()):
            if any(lines):
                yield " ".join(lines)
            lines = [item[1]]
        else:
            lines.append(line.strip())
    yield " ".join(lines)


class _Ends:
    """Holds where code and strong text can end: found once, or each mark would look through the text."""

    def __init__(self, text: str) -> None:
        self._places: dict[str, list[int]] = {}
        self._lines: list[int] = []
        for match in _END.finditer(text):
            if match["line"]:
                self._lines.append(match.start())
            elif match["code"]:
                self._places.setdefault(match["code"], []).append(match.start())
            else:
                self._places.setdefault(match[3], []).append(match.start())
        self._lines.append(len(text))

    def find(self, mark: str, after: int) -> int:
        """Return the first place of this mark behind `after` in the same line, with something before it; or
        -1."""
        places = self._places.get(mark, [])
        at = bisect_left(places, after + 1)
        is_found = at < len(places) and places[at] < self._lines[bisect_left(self._lines, after)]
        return places[at] if is_found else -1


def _inline(text: str) -> str:
    ends = _Ends(text)
    html: list[str] = []
    at = 0
    while match := _INLINE.search(text, at):
        html.append(escape(text[at : match.start()]))
        at = match.end()
        if mark := match["code"] or match["strong"]:
            end = ends.find(mark, at)
            name = "code" if match["code"] else "strong"
            html.append(escape(mark) if end < 0 else f"<{name}>{escape(text[at:end])}</{name}>")
            at = at if end < 0 else end + len(mark)
        elif match["href"]:
            html.append(f'<a href="{escape(match["href"])}">{escape(match["words"])}</a>')
        elif match["em"]:
            html.append(f"<em>{escape(match['soft'])}</em>")
        else:
            html.append(escape(match["plain"]))
    html.append(escape(text[at:]))
    return "".join(html)
