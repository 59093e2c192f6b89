"""Looking up profiles and quoted events at one relay: one request at a time, each ended when answered."""

from collections.abc import Sequence

from backchannel.sources.nostr.directory import Directory, Want
from backchannel.sources.nostr.subs import Subs
from backchannel.sources.nostr.wire import ARTICLE, POST_KINDS, PROFILE, WireEvent, WireFilter

LOOK_S = 5.0
MOST_PEOPLE = 100
MOST_EVENTS = 20
_NAME = "look-"
_NEVER = float("inf")


class Lookup:
    """The things that this lane was asked for, and the request under way."""

    def __init__(self, lane: str, subs: Subs, directory: Directory) -> None:
        self.due_at = _NEVER
        self._lane = lane
        self._subs = subs
        self._directory = directory
        self._queue: dict[Want, None] = {}
        self._asked: list[Want] = []
        self._number = 0

    def want(self, wants: Sequence[Want]) -> None:
        """Look these up next."""
        self._queue.update(dict.fromkeys(wants))

    def is_look(self, sub: str) -> bool:
        """Tell whether this request is one of ours."""
        return sub.startswith(_NAME)

    def found(self, event: WireEvent) -> None:
        """Note that this came; whoever waits for it need not wait for other relays."""
        if event.kind == PROFILE:
            self._directory.settled(Want("profile", event.pubkey))
            return
        self._directory.settled(Want("event", event.id))
        if event.address:
            self._directory.settled(Want("address", event.address))

    def ended(self, sub: str) -> None:
        """Note that the relay has said what it knows."""
        if sub != self._sub:
            return
        self._subs.close(sub)
        asked, self._asked, self.due_at = self._asked, [], _NEVER
        self._directory.answered(self._lane, asked)

    def tick(self, now_s: float) -> None:
        """Begin the next request; give up one that is not answered."""
        if self._asked and now_s >= self.due_at:
            self.ended(self._sub)
        if self._asked or not self._queue:
            return
        people = [want for want in self._queue if want.what == "profile"][:MOST_PEOPLE]
        events = [want for want in self._queue if want.what != "profile"][:MOST_EVENTS]
        self._asked = [*people, *events]
        for want in self._asked:
            del self._queue[want]
        self._number += 1
        self.due_at = now_s + LOOK_S
        self._subs.open(self._sub, _filters(people, events))

    @property
    def _sub(self) -> str:
        return f"{_NAME}{self._number}"


def _filters(people: Sequence[Want], events: Sequence[Want]) -> list[WireFilter]:
    filters = []
    if people:
        filters.append(WireFilter(kinds=(PROFILE,), authors=tuple(want.value for want in people)))
    if ids := tuple(want.value for want in events if want.what == "event"):
        filters.append(WireFilter(kinds=POST_KINDS, ids=ids))
    for want in events:
        kind, _, rest = want.value.partition(":")
        if want.what == "address" and kind == str(ARTICLE):
            pubkey, _, name = rest.partition(":")
            filters.append(WireFilter(kinds=(ARTICLE,), authors=(pubkey,), names=(name,)))
    return filters
