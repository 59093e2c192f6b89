"""Shares places fairly between sources and authors, and gives one host few of them.

A picture waits for a place three times: to be fetched, to be a large one, and to be decoded. Each time the
place goes to the source that has the fewest, then to the one that has lately used the least, then to the
author of whom the same is true, and only then to the post that needs the fewest more to be complete. So
whoever sends many or slow pictures waits behind their own.

Why not a queue: a stranger can name pictures in each of a thousand posts, on a host that answers after
30 s. In a queue everybody behind them waits. Why not a semaphore for each author: authors are free to invent,
so sources are compared first. Why "lately used", in seconds that count half after 30 s: with places alone, an
author of slow pictures who has none at the moment would be as good as one who never used any.

Why a pass looks at a window only and then pauses: the fair order depends on everybody who waits, and changes
with each place given. Sorting a crowd for each place would cost the square of its size. A pass compares the
first `WINDOW` authors of each source and host, gives what it can, and rests four times as long as it took.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from heapq import heapify, heappop, heappush
from itertools import count, islice
from typing import NamedTuple

from msgspec import Struct

from backchannel.clock import Clock

HALF_S = 30.0
"""After so long, what somebody has used counts half."""
FORGOTTEN_S = 0.01
KNOWN = 4096
PASS_SHARE = 4
"""A pass over all who wait is followed by a pause of so many times its length, so a crowd costs a fifth."""
PAUSE_S = 0.03
LATE_RANK = 1000
"""From here on nobody waits for it any more: it goes behind all others, whoever has few places."""

Load = tuple[bool, int, int, int, float, int, int]


class Claim(Struct, eq=False):
    """Says on whose behalf a ticket waits. `rank`: how many pictures the post still needs; it may change."""

    source: str = ""
    author: str = ""
    rank: int = 0

    @property
    def who(self) -> tuple[str, str]:
        """The author as this source tells of them: another source cannot use up their share."""
        return self.source, self.author


class Ticket:
    """Waits for a place, or holds one, on behalf of all who want the same. `host` is where it leads to."""

    def __init__(self, host: str = "", *claims: Claim) -> None:
        self.host = host
        self.claims = [*claims]
        self.waits_in: Places | None = None
        self.place: asyncio.Future[Claim] | None = None

    def join(self, claim: Claim) -> None:
        """Wait on behalf of somebody else, too."""
        self.claims.append(claim)
        if self.waits_in:
            self.waits_in.queue(self, claim)

    def quit(self, claim: Claim) -> None:
        """Wait no more on behalf of this one."""
        self.claims.remove(claim)
        if self.waits_in:
            self.waits_in.unqueue(self, claim)


Queue = dict[tuple[Ticket, Claim], int]
"""Tickets that wait for one author's sake at one host, by arrival."""
WINDOW = 32
"""Authors of one source at one host that are compared in a pass, those first who have waited longest."""


class _HeldPlace(NamedTuple):
    claim: Claim
    host: str
    since: float


class _Use:
    """Counts how many places somebody has, and for how many seconds they lately had some."""

    def __init__(self, clock: Clock) -> None:
        self.now: Counter[object] = Counter()
        self._clock = clock
        self._lately: dict[object, tuple[float, float]] = {}

    def lately(self, who: object) -> float:
        used, at = self._lately.get(who, (0.0, 0.0))
        return float(used * 0.5 ** ((self._clock.monotonic() - at) / HALF_S)) if used else 0.0

    def begin(self, who: object) -> None:
        self.now[who] += 1

    def end(self, who: object, seconds: float) -> None:
        self.now[who] -= 1
        if not self.now[who]:
            del self.now[who]
        self._lately[who] = self.lately(who) + seconds, self._clock.monotonic()
        if len(self._lately) > KNOWN:
            self._lately = {one: at for one, at in self._lately.items() if self.lately(one) > FORGOTTEN_S}


class Places:
    """`total` places, so many at most for one source, one author and one host."""

    def __init__(
        self, total: int, clock: Clock, *, per_source: int = 0, per_author: int = 0, per_host: int = 0
    ) -> None:
        self._total, self._clock = total, clock
        self._per_source, self._per_author = per_source or total, per_author or total
        self._per_host = per_host or total
        self._waiting: dict[str, dict[str, dict[str, Queue]]] = {}  # host → source → author → who waits
        self._held: dict[Ticket, _HeldPlace] = {}
        self._sources, self._authors = _Use(clock), _Use(clock)
        self._hosts: Counter[str] = Counter()
        self._arrivals = count()
        self._pass: asyncio.TimerHandle | None = None
        self._pause_s = 0.0

    async def enter(self, ticket: Ticket) -> Claim:
        """Wait for a place. Returns the claim that brought it; `leave` gives it back."""
        ticket.waits_in, ticket.place = self, asyncio.get_running_loop().create_future()
        for claim in ticket.claims:
            self.queue(ticket, claim)
        try:
            return await ticket.place
        except asyncio.CancelledError:
            self.leave(ticket)
            raise
        finally:
            ticket.waits_in = None
            for claim in ticket.claims:
                self.unqueue(ticket, claim)

    def leave(self, ticket: Ticket) -> None:
        """Give the place back, if there is one."""
        if held := self._held.pop(ticket, None):
            seconds = self._clock.monotonic() - held.since
            self._sources.end(held.claim.source, seconds)
            self._authors.end(held.claim.who, seconds)
            self._hosts[held.host] -= 1
            if not self._hosts[held.host]:
                del self._hosts[held.host]
            self._stir()

    def has(self, ticket: Ticket) -> bool:
        """Tell whether it holds a place here."""
        return ticket in self._held

    def queue(self, ticket: Ticket, claim: Claim) -> None:
        """Let this claim wait for the ticket's place."""
        authors = self._waiting.setdefault(ticket.host, {}).setdefault(claim.source, {})
        authors.setdefault(claim.author, {})[ticket, claim] = next(self._arrivals)
        self._stir()

    def unqueue(self, ticket: Ticket, claim: Claim) -> None:
        """Let it wait no more."""
        sources = self._waiting.get(ticket.host, {})
        authors = sources.get(claim.source, {})
        ones = authors.get(claim.author, {})
        ones.pop((ticket, claim), None)
        if not ones and authors.pop(claim.author, None) is not None and not authors:
            del sources[claim.source]
            if not sources:
                del self._waiting[ticket.host]

    def _stir(self) -> None:
        if self._pass is None and self._waiting and len(self._held) < self._total:
            self._pass = asyncio.get_running_loop().call_later(self._pause_s, self._give)

    def _give(self) -> None:
        """Give the places that can be given, in one pass."""
        began, self._pass = self._clock.monotonic(), None
        firsts = [first for ones in self._able() if (first := self._first(ones))]
        heapify(firsts)
        has_given = False
        while firsts and len(self._held) < self._total:
            load, (ticket, claim) = heappop(firsts)
            ones = self._waiting.get(ticket.host, {}).get(claim.source, {}).get(claim.author, {})
            first = self._first(ones)
            if first and first[0] == load:  # else others have gone before it meanwhile
                self._grant(ticket, claim)
                has_given, first = True, self._first(ones)
            if first:
                heappush(firsts, first)
        self._pause_s = min(PAUSE_S, (self._clock.monotonic() - began) * PASS_SHARE)
        if has_given:  # there may be more behind the windows
            self._stir()

    def _able(self) -> Iterator[Queue]:
        """Give the queues of authors who may have a place now, as far as a pass looks."""
        for host, sources in self._waiting.items():
            if self._hosts[host] < self._per_host:
                for source, authors in sources.items():
                    if self._sources.now[source] < self._per_source:
                        free = (
                            ones
                            for author, ones in authors.items()
                            if self._authors.now[source, author] < self._per_author
                        )
                        yield from islice(free, WINDOW)

    def _first(self, ones: Queue) -> tuple[Load, tuple[Ticket, Claim]] | None:
        """Return which of an author's tickets goes first, with its load: the least load goes before others.

        None where none may go now.
        """
        able = [
            (claim.rank, arrival, (ticket, claim))
            for (ticket, claim), arrival in ones.items()
            if ticket not in self._held
        ]
        if not able:
            return None
        rank, arrival, (ticket, claim) = min(able)  # arrivals differ: what is behind them is never compared
        if self._hosts[ticket.host] >= self._per_host or self._is_at_limit(claim):
            return None
        source, who = claim.source, claim.who
        has = self._sources.now[source], int(self._sources.lately(source))
        is_late = rank >= LATE_RANK
        load = is_late, *has, self._authors.now[who], round(self._authors.lately(who), 1), rank, arrival
        return load, (ticket, claim)

    def _is_at_limit(self, claim: Claim) -> bool:
        is_author_at_it = self._authors.now[claim.who] >= self._per_author
        return is_author_at_it or self._sources.now[claim.source] >= self._per_source

    def _grant(self, ticket: Ticket, claim: Claim) -> None:
        self._held[ticket] = _HeldPlace(claim, ticket.host, self._clock.monotonic())
        self._sources.begin(claim.source)
        self._authors.begin(claim.who)
        self._hosts[ticket.host] += 1
        for one in ticket.claims:
            self.unqueue(ticket, one)
        authors = self._waiting.get(ticket.host, {}).get(claim.source, {})
        if ones := authors.pop(claim.author, None):
            authors[claim.author] = ones  # behind the others
        if ticket.place and not ticket.place.done():
            ticket.place.set_result(claim)


class SlowFetches:
    """Lets work go on that is too slow for a place, until there is too much of it.

    Then the oldest of whoever has the most here is cut off. Without this a slow picture would either hold a
    place for its whole time, or be given up although nobody needs the room.
    """

    def __init__(self, total: int, per_source: int, per_author: int, per_host: int) -> None:
        self._most = total, per_source, per_author, per_host
        self._here: dict[Ticket, tuple[Claim, Callable[[], object]]] = {}

    def admit(self, ticket: Ticket, claim: Claim, cut: Callable[[], object]) -> None:
        """Let it go on here; `cut` ends it."""
        self._here[ticket] = claim, cut
        for most, belongs in zip(self._most, self._groups(ticket, claim), strict=True):
            group = [one for one in self._here if belongs(one)]
            if len(group) > most:
                self._cut_one(group)

    def leave(self, ticket: Ticket) -> None:
        """Note that it has ended."""
        self._here.pop(ticket, None)

    def _groups(self, ticket: Ticket, claim: Claim) -> list[Callable[[Ticket], bool]]:
        def of(one: Ticket) -> Claim:
            return self._here[one][0]

        return [
            lambda _: True,
            lambda one: of(one).source == claim.source,
            lambda one: of(one).who == claim.who,
            lambda one: one.host == ticket.host,
        ]

    def _cut_one(self, group: list[Ticket]) -> None:
        crowd = Counter(self._here[one][0].who for one in group)
        greedy, _ = max(crowd.items(), key=lambda item: item[1])
        _, cut = self._here.pop(next(one for one in group if self._here[one][0].who == greedy))
        cut()
