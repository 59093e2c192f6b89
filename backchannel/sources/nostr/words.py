"""The words of an event → body tree: NIP-27 mentions and references in plain text or Markdown. Pure."""

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from itertools import islice
from types import MappingProxyType

from msgspec import Struct

from backchannel.model import Body, DecodeError, Node
from backchannel.sources.nostr.bech32 import (
    Pointer,
    parse_pointer,
    render_naddr,
    render_nevent,
    render_npub,
    shorten,
)
from backchannel.sources.nostr.media import without_urls
from backchannel.sources.nostr.wire import ARTICLE, WireEvent
from backchannel.text import (
    find_addresses,
    joined,
    parse_html,
    parse_plain,
    render_markdown,
    strip_controls,
)
from backchannel.wire.short_text import line, repeats, titled

MAX_TITLE = 300
MAX_REFERENCES = 50
MAX_TRIED = 200
"""Words that look like references: to check a false one costs as much as a true one."""

_REFERENCE = re.compile(r"(?<![\w/:+=.-])(?:nostr:|@)((?:npub|nprofile|note|nevent|naddr)1[02-9ac-hj-np-z]+)")


class Reference(Struct, frozen=True):
    """A `nostr:` word in a text, from `start` to `end`, and what it names."""

    start: int
    end: int
    word: str
    pointer: Pointer


def find_references(text: str) -> Iterator[Reference]:
    """Yield the readable references of a text, at most fifty; none within an address."""
    addresses = find_addresses(text)
    start, end = 0, 0  # of the address that is next, or that we are in: both run through the text once
    found = 0
    for match in islice(_REFERENCE.finditer(text), MAX_TRIED):
        while end <= match.start() and (following := next(addresses, None)):
            start, end, _ = following
        if start <= match.start() < end:
            continue
        try:
            pointer = parse_pointer(match[1])
        except DecodeError:
            continue
        yield Reference(match.start(), match.end(), match[1], pointer)
        found += 1
        if found == MAX_REFERENCES:
            return


def reference_of(pointer: Pointer) -> str:
    """Return what an event pointer names: an event's id in hex or an address `kind:pubkey:d`; empty for
    people."""
    if pointer.prefix == "naddr":
        return f"{pointer.kind}:{pointer.pubkey}:{pointer.name}"
    return pointer.event


def parse_words(
    event: WireEvent,
    *,
    name_of: Callable[[str], str],
    web: str,
    emoji: Collection[str] = (),
    shown_urls: frozenset[str] = frozenset(),
    quoted: str = "",
) -> Body:
    """Return the event's body. Never raises on any content.

    `name_of` gives the name for a public key; `web` is the template of permalinks. `shown_urls` are left
    out because they are shown as media, references to `quoted` because it is shown as a quote.
    """
    title = _title(event)
    content = strip_controls(event.content)
    is_article = event.kind == ARTICLE
    if is_article:
        content = strip_controls(event.first("summary")).strip() or content
    else:
        content = without_urls(content, shown_urls)
    links: dict[str, Node] = {}
    pieces, at = [], 0
    for number, reference in enumerate(find_references(content)):
        pieces.append(content[at : reference.start])
        at = reference.end
        if quoted and reference_of(reference.pointer) == quoted:
            continue
        # No text that people type holds this private-use letter twice around a number: it stands for the
        # reference while the text around it is parsed as one, like a custom emoji.
        links[f"\ue000{number}"] = _render_reference(reference, name_of, web)
        pieces.append(f":\ue000{number}:")
    pieces.append(content[at:])
    words = "".join(pieces)
    known = [*emoji, *links]
    if is_article and not event.first("summary"):
        body = parse_html(render_markdown(words), emoji=known, hashtags=_tags(event))
    else:
        body = parse_plain(words, emoji=known)
    placed = _place(body, links)
    return placed if repeats(title, placed) else titled(title, placed)


def _tags(event: WireEvent) -> tuple[str, ...]:
    return tuple(tag[1].casefold() for tag in event.all("t"))


def _title(event: WireEvent) -> str:
    """Articles, pictures and videos have a title (NIP-23, 68, 71); a note's `title` is an invention."""
    said = "" if event.kind in (1, 1111) else event.first("title")
    return line(said, MAX_TITLE)


def _place(body: Body, links: Mapping[str, Node] = MappingProxyType({})) -> Body:
    """Put the references where their placeholders stand. Within a link they are text: no link in a link."""

    def placed(part: str | Node, in_link: bool) -> str | Node:
        if isinstance(part, str):
            return part
        if part.t == "emoji" and (link := links.get(part.name)):
            return "".join(word for word in link.c if isinstance(word, str)) if in_link else link
        within = in_link or part.t in ("link", "mention", "hashtag")
        return Node(part.t, tuple(joined(placed(c, within) for c in part.c)), part.href, part.name)

    return tuple(joined(placed(part, False) for part in body))


def _render_reference(reference: Reference, name_of: Callable[[str], str], web: str) -> Node:
    pointer = reference.pointer
    if pointer.prefix in ("npub", "nprofile"):
        name = name_of(pointer.pubkey)
        return Node("mention", (f"@{name}",), href=permalink(web, render_npub(pointer.pubkey)))
    return Node("link", (shorten(reference.word),), href=permalink(web, _canonical(reference)))


def _canonical(reference: Reference) -> str:
    """Return the word without relay hints, so that the same post has the same links wherever it was
    written."""
    pointer = reference.pointer
    if pointer.prefix == "naddr" and pointer.kind is not None:
        return render_naddr(pointer.kind, pointer.pubkey, pointer.name)
    return render_nevent(pointer.event, pointer.pubkey, pointer.kind)


def permalink(web: str, word: str) -> str:
    """Return the address of a NIP-19 word on the web."""
    return web.replace("{id}", word)
