"""Paging back through what a relay has stored (NIP-01 `until`), without a hole and without an end. Pure."""

from msgspec import Struct

from backchannel.model import Missed
from backchannel.sources._nostr_event import Filter

MAX_PAGES = 100
SHORT = 20
"""Relays cut pages at limits they do not always admit; none at so few."""


class Next(Struct, frozen=True):
    """What to do after a page: ask `filter`, or nothing more; and what cannot be had."""

    filter: Filter | None = None
    missed: Missed | None = None


class Pages:
    """Counts what the page under way brings. `wanted` is the filter of the first page."""

    def __init__(self, source: str, lane: str, wanted: Filter) -> None:
        self._source = source
        self._lane = lane
        self._wanted = wanted
        self._until: int | None = None
        self._ids: set[str] = set()
        self._count = 0
        self._fresh = 0
        self._oldest: int | None = None
        self._pages = 0
        self._is_stuck = False

    def note(self, event_id: str, created_at: int) -> None:
        """An event of the page, whatever becomes of it."""
        self._count += 1
        if event_id not in self._ids:
            self._ids.add(event_id)
            self._fresh += 1
            self._oldest = created_at if self._oldest is None else min(self._oldest, created_at)

    def turn(self) -> Next:
        """The page has ended."""
        count, fresh, oldest = self._count, self._fresh, self._oldest
        self._count = self._fresh = 0
        self._pages += 1
        since = self._wanted.since or 0
        if count < min(self._wanted.limit or SHORT, SHORT) or oldest is None or oldest <= since:
            return Next()
        if self._pages >= MAX_PAGES:
            return Next(missed=Missed(self._source, self._lane, float(since), float(oldest)))
        if fresh:
            self._is_stuck = False
            self._until = oldest
            return Next(self._filter(oldest))
        if self._until is None or self._until <= since or self._is_stuck:
            return Next()
        # More events in one second than the relay gives in a page: the rest of that second is out of reach.
        self._is_stuck = True
        stuck, self._until = self._until, self._until - 1
        full = count >= (self._wanted.limit or SHORT)
        missed = Missed(self._source, self._lane, float(stuck), float(stuck + 1)) if full else None
        return Next(self._filter(self._until), missed)

    def _filter(self, until: int) -> Filter:
        asked = self._wanted
        return Filter(
            kinds=asked.kinds, hashtags=asked.hashtags, since=asked.since, until=until, limit=asked.limit
        )
