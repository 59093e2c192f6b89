"""A reading of a feed: which entries are news, and what to remember. Pure."""

from contextlib import suppress
from typing import NamedTuple

from msgspec.structs import replace

from backchannel.bugs import Bugs
from backchannel.model import AHEAD_S, DecodeError, Deleted, Event, Post, Posted, digest
from backchannel.sources.feed.cursor import MAX_ROWS, Memory, bounded_rows
from backchannel.sources.feed.identity import By, Known, Row, bounded_id, has_repeats, identify
from backchannel.sources.feed.post import Origin, is_blank, parse_entry
from backchannel.sources.feed.wire import WireDocument, WireEntry

FIRST_UNDATED = 3
"""Undated entries that a first reading takes: the top of the list. How old the others are nobody knows."""

MAX_DELETED = 200


class Window(NamedTuple):
    """Entries since `since` are wanted; both times are POSIX seconds of the conference.

    `is_first`: nothing of this feed is known yet.
    """

    since: float
    now: float
    is_first: bool = False


def read_news(
    document: WireDocument, memory: Memory, origin: Origin, window: Window, bugs: Bugs
) -> tuple[tuple[Event, ...], Memory]:
    """New and edited entries, oldest first, then deletions; and the memory for the next reading."""
    is_mixed = memory.by == "guid and link" or has_repeats(document.entries)
    by: By = "guid and link" if is_mixed else "guid"
    dead = _dead(document)
    reading = _Reading(document, origin, window)
    for known in identify(document.entries, by, memory.rows, document.head.link):
        if bounded_id(known.entry.id) not in dead and len(reading.rows) < MAX_ROWS:
            with suppress(DecodeError), bugs.contain(f"an entry of {origin.url}", DecodeError):
                reading.take(known)
    deleted = [Deleted(origin.post_id(ref)) for ref in list(dead)[:MAX_DELETED]]
    return (*reading.events(), *deleted), replace(
        memory, by=by, due=min(reading.due, default=0.0), rows=bounded_rows(reading.rows, memory.rows)
    )


def _dead(document: WireDocument) -> dict[str, None]:
    """Ids with a tombstone that no later copy of the entry outlives."""
    changed = {bounded_id(entry.id): entry.updated or 0 for entry in document.entries if entry.id}
    return {
        ref: None
        for stone in document.tombstones
        if (ref := bounded_id(stone.ref))
        and (ref not in changed or changed[ref] <= (stone.at or changed[ref]))
    }


class _Reading:
    """Collects, in the order of the list, what becomes of each entry."""

    def __init__(self, document: WireDocument, origin: Origin, window: Window) -> None:
        self._document = document
        self._origin = origin
        self._window = window
        self._head = digest(document.head)
        self._undated = 0
        self._said: list[tuple[float, Event]] = []
        self.rows: list[Row] = []
        self.due: list[float] = []

    def events(self) -> list[Event]:
        """Oldest first; a list has its newest entry on top, which decides where times are equal."""
        said = self._said[::-1]
        said.sort(key=lambda one: one[0])
        return [event for _, event in said]

    def take(self, known: Known) -> None:
        """Decide on one entry."""
        at = self._time_of(known)
        raw = digest((known.entry, self._head)).hex()[:12]
        row = replace(known.row, at=at)
        if at > self._window.now + AHEAD_S:  # it is looked at again when its time comes
            self.due.append(at - AHEAD_S)
        elif at < self._window.since:
            if _date(known.entry) is None:
                self.rows.append(row)
        elif not known.id or raw == row.raw:
            self.rows.append(row)
        else:
            row = replace(row, raw=raw)
            post = parse_entry(known.entry, self._document.head, self._origin, id=known.id, first_seen=at)
            self.rows.append(self._judge(post, row))

    def _time_of(self, known: Known) -> float:
        at = _date(known.entry)
        if at is not None:
            return at
        if not known.is_new:
            return known.row.at
        self._undated += 1
        return -1.0 if self._window.is_first and self._undated > FIRST_UNDATED else self._window.now

    def _judge(self, post: Post, row: Row) -> Row:
        """Say what is new about the post; the row that remembers it."""
        said = _said(post)
        if said == row.said or is_blank(post):
            return row
        self._said.append((post.created_at, Posted(post)))
        return replace(row, said=said)


def _date(entry: WireEntry) -> float | None:
    return entry.published if entry.published is not None else entry.updated


def _said(post: Post) -> str:
    """Return a digest of all that makes a difference to anyone.

    Not the revision: some feeds touch `updated` whenever somebody looks at the entry. Not the addresses of
    pictures, which are signed anew at every reading.
    """
    return digest((post.face, post.hashtags, post.labels, post.sensitive, post.lang)).hex()[:12]
