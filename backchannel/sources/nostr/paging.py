"""Paging back through what a relay has stored (NIP-01 `until`), without a hole and without an end. Pure.

The specification includes the second `until` itself, real relays also leave it out: so each page asks for one
second more than it needs, and where that brings nothing new, for one less.
"""

from msgspec import Struct
from msgspec.structs import replace

from backchannel.lru import Lru
from backchannel.model import Missed
from backchannel.sources.nostr.wire import WireFilter

MAX_PAGES = 100
SHORT = 20
"""Relays cut pages at limits they do not always admit; none at so few."""

MAX_STEPS = 2


class Next(Struct, frozen=True):
    """The step after a page: ask `filter`, or nothing more; and what cannot be had."""

    filter: WireFilter | None = None
    missed: Missed | None = None


class Paging:
    """Counts what the page under way brings. `wanted` is the filter of the first page."""

    def __init__(self, source: str, lane: str, wanted: WireFilter) -> None:
        self._source = source
        self._lane = lane
        self._wanted = wanted
        self._limit = wanted.limit or SHORT
        self._since = wanted.since or 0
        self._until = 0
        self._ids: Lru[str, bool] = Lru(20_000)
        self._begin()
        self._steps = 0
        self._pages = 0
        self._overflowed = -1

    def _begin(self) -> None:
        self._count = 0
        self._oldest = self._newest = -1
        self._is_fresh = False

    def note(self, event_id: str, created_at: int) -> None:
        """Note an event of the page, whatever becomes of it."""
        self._oldest = min(self._oldest, created_at) if self._count else created_at
        self._newest = max(self._newest, created_at)
        self._count += 1
        if not self._ids.get(event_id):
            self._ids.put(event_id, True)
            self._is_fresh = True

    def turn(self) -> Next:
        """End the page, and return what to ask for next."""
        count, oldest, newest, is_fresh = self._count, self._oldest, self._newest, self._is_fresh
        self._begin()
        self._pages += 1
        # A page may begin in the middle of the very second of `since`: only an older event is beyond it.
        if count < min(self._limit, SHORT) or oldest < self._since:
            return Next()
        if self._pages >= MAX_PAGES:
            return Next(missed=self._missed(self._since, oldest))
        missed = None
        if count >= self._limit and oldest == newest != self._overflowed:
            # More in one second than the relay gives in a page: the rest of that second is out of reach.
            self._overflowed = oldest
            missed = self._missed(oldest, oldest + 1)
        if is_fresh:
            self._steps, self._until = 0, oldest + 1
        elif self._steps < MAX_STEPS:
            self._steps, self._until = self._steps + 1, self._until - 1
        else:
            return Next(missed=missed)
        if self._until < self._since:
            return Next(missed=missed)
        return Next(replace(self._wanted, until=self._until), missed)

    def _missed(self, since: int, until: int) -> Missed:
        return Missed(self._source, self._lane, float(since), float(until))
