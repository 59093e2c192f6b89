"""Identity of entries: ids for feeds that have none, that repeat them, or that write them differently.

An entry's id is its guid, else its link, else a digest of title and date. Where one answer holds the same
guid for different entries, the feed is read by guid and link together from then on. An id, once given,
stays: `http` or `https` and tracking parameters make no new entry, nor does a new guid for the same link
and time. What is remembered of an entry are digests, never its words, so that an erased post leaves none
in a cursor.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from hashlib import sha256
from typing import Literal, NamedTuple
from urllib.parse import parse_qsl, urlencode, urlsplit

from msgspec import Struct
from msgspec.structs import replace

from backchannel.sources.feed.wire import WireEntry
from backchannel.text import one_line, web_url

By = Literal["guid", "guid and link"]

MAX_ID = 500

# What the same address is decorated with, depending on who asked for the feed and when.
_TRACKING = re.compile(
    r"utm_\w+|at_(medium|campaign)|fbclid|gclid|dclid|msclkid|yclid|igshid|mc_[ce]id|_hs\w+|mkt_tok|xtor",
    re.I,
)


class Row(Struct, frozen=True, array_like=True):
    """The memory of an entry. All but the last are digests, `guid` and `link` of their canonical form.

    `link` is empty where it does not tell entries apart. `raw` is the entry as it was last read, `said` what
    was last handed on, empty where nothing was. `at` is the entry's time, or the time of first sight where it
    has none (negative: an undated entry of the first read that is left alone).
    """

    key: str
    guid: str
    link: str
    raw: str = ""
    said: str = ""
    at: float = 0.0


class Known(NamedTuple):
    """An entry with its id within the feed, and the row it had. `id` is empty where it cannot be told."""

    entry: WireEntry
    id: str
    row: Row
    is_new: bool


def short(text: str) -> str:
    """Twelve characters that stand for a text; a feed has a few hundred of them."""
    return sha256(text.encode("utf-8", "replace")).hexdigest()[:12]


def canonical(url: str) -> str:
    """Return an address without what varies: scheme, tracking, an empty fragment, a slash at the end."""
    clean = web_url(url)
    if not clean:
        return url
    parts = urlsplit(clean)
    query = urlencode([pair for pair in parse_qsl(parts.query, True) if not _TRACKING.fullmatch(pair[0])])
    host = re.sub(r":(80|443)$", "", parts.netloc)
    fragment = "" if _TRACKING.match(parts.fragment) else parts.fragment
    return f"//{host}{parts.path.rstrip('/')}{'?' if query else ''}{query}{'#' if fragment else ''}{fragment}"


def guid_of(entry: WireEntry) -> str:
    """Return the feed's own word for the entry, or what stands in for it."""
    return bounded_id(entry.id) or bounded_id(entry.link) or f"hash:{_described(entry)}"


def both_of(entry: WireEntry) -> str:
    """Guid and link together, or what stands in for a missing link."""
    return bounded_id(f"{guid_of(entry)} {bounded_id(entry.link) or _described(entry)}")


def has_repeats(entries: Sequence[WireEntry]) -> bool:
    """Tell whether the same guid stands for different entries. The same entry twice is no repeat."""
    standing: dict[str, str] = {}
    return any(
        standing.setdefault(canonical(guid_of(entry)), aside) != aside
        for entry in entries
        if (aside := canonical(entry.link) if entry.link else _described(entry))
    )


def identify(entries: Sequence[WireEntry], by: By, rows: Sequence[Row], home: str) -> Iterator[Known]:
    """Each entry once, with its id and row. `home` is the feed's own page, which tells nothing apart."""
    index = _Index(rows, entries, home)
    taken: set[str] = set()
    for entry in _without_copies(entries, by):
        known = index.find(entry, by)
        if known.row.key not in taken:
            taken.add(known.row.key)
            yield known


class _Index:
    """The rows of a feed, found by each of their digests."""

    def __init__(self, rows: Sequence[Row], entries: Sequence[WireEntry], home: str) -> None:
        self._by_key = {row.key: row for row in rows}
        self._by_guid = {row.guid: row for row in rows}
        self._by_link = {row.link: row for row in rows if row.link}
        times = Counter(canonical(entry.link) for entry in entries)
        self._shared = {link for link, count in times.items() if count > 1} | {canonical(home), ""}
        self._present = {short(canonical(guid_of(entry))) for entry in entries}

    def find(self, entry: WireEntry, by: By) -> Known:
        guid = guid_of(entry)
        primary = guid if by == "guid" else both_of(entry)
        link = canonical(entry.link)
        fresh = Row(short(primary), short(canonical(guid)), "" if link in self._shared else short(link))
        for candidate in (primary, guid):
            row = self._by_key.get(short(candidate))
            if row and (candidate == primary or (row.link and row.link == fresh.link)):
                return Known(entry, candidate, replace(row, link=fresh.link), False)
        row = self._alias(entry, fresh, by)
        if row is None:
            return Known(entry, primary, fresh, True)
        # The id it was given is found again where only the scheme or the tracking changed.
        said = next((spelling for spelling in _spellings(guid) if short(spelling) == row.key), "")
        return Known(entry, said, row, False)

    def _alias(self, entry: WireEntry, fresh: Row, by: By) -> Row | None:
        """Return the row of the same entry under another spelling, or under another guid."""
        row = self._by_guid.get(fresh.guid)
        if row and (by == "guid" or (row.link and row.link == fresh.link)):
            return row
        row = self._by_link.get(fresh.link)
        if row and row.guid not in self._present and entry.published == row.at:
            return row
        return None


def _without_copies(entries: Sequence[WireEntry], by: By) -> list[WireEntry]:
    """Keep, of several copies of an entry in one answer, the one that was changed last."""
    kept: dict[str, WireEntry] = {}
    for entry in entries:
        key = canonical(guid_of(entry) if by == "guid" else both_of(entry))
        standing = kept.get(key)
        if standing is None or (entry.updated or 0) > (standing.updated or 0):
            kept[key] = entry
    return list(kept.values())


def _spellings(guid: str) -> Iterator[str]:
    """Other ways the same address may have been written before."""
    for plain in (guid, _without_tracking(guid)):
        yield plain
        yield re.sub("^https?", "http", plain, flags=re.I)
        yield re.sub("^https?", "https", plain, flags=re.I)


def _without_tracking(url: str) -> str:
    head, mark, query = url.partition("?")
    kept = "&".join(pair for pair in query.split("&") if not _TRACKING.fullmatch(pair.partition("=")[0]))
    return f"{head}{mark if kept else ''}{kept}"


def bounded_id(text: str) -> str:
    """Return an id on one line; one that is absurdly long is replaced by its digest."""
    text = one_line(text)
    return text if len(text) <= MAX_ID else f"sha256:{sha256(text.encode()).hexdigest()}"


def _described(entry: WireEntry) -> str:
    """Return a digest of title and date; of the text, where there is neither."""
    title = entry.title.value if entry.title else ""
    date = entry.published or entry.updated or ""
    if not title and not date:
        texts = [text.value for text in (*entry.contents, *((entry.summary,) if entry.summary else ()))]
        title = texts[0] if texts else "".join(medium.url for medium in entry.media)
    return sha256(f"{title}\n{date}".encode("utf-8", "replace")).hexdigest()[:32]
