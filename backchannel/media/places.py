"""Who goes next: places that sources and authors share fairly, and of which one host gets few.

A picture waits for a place three times: to be fetched, to be a large one, and to be decoded. Each time the
place goes to the source that has the fewest, then to the one that has lately used the least, then to the
author of whom the same is true, and only then to the post that needs the fewest more to be complete. So
whoever sends many or slow ones waits for himself.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from heapq import heapify, heappop, heappush
from itertools import count
from typing import NamedTuple

from msgspec import Struct

from backchannel.clock import Clock

HALF_S = 30.0
"""After so long, what somebody has used counts half."""
FORGOTTEN_S = 0.01
KNOWN = 4096
PASS_SHARE = 10
"""A pass over all who wait is followed by a pause of so many times its length, so a crowd costs a tenth."""
PAUSE_S = 0.05
LATE_RANK = 1000
"""From here on nobody waits for it any more: it goes behind all others, whoever has few places."""

Load = tuple[bool, int, int, int, float, int, int]


class Claim(Struct, eq=False):
    """On whose behalf somebody waits. `rank`: what his post still needs; it may change while he waits."""

    source: str = ""
    author: str = ""
    rank: int = 0

    @property
    def who(self) -> tuple[str, str]:
        """An author as this source tells of him: another source cannot use up his share."""
        return self.source, self.author


class Ticket:
    """One who waits or holds a place, on behalf of all who want the same. `host` is where it leads to."""

    def __init__(self, host: str = "", *claims: Claim) -> None:
        self.host = host
        self.claims = [*claims]
        self.waits_in: Places | None = None
        self.place: asyncio.Future[Claim] | None = None

    def join(self, claim: Claim) -> None:
        """Somebody else wants it, too."""
        self.claims.append(claim)
        if self.waits_in:
            self.waits_in.queue(self, claim)

    def quit(self, claim: Claim) -> None:
        """He wants it no more."""
        self.claims.remove(claim)
        if self.waits_in:
            self.waits_in.unqueue(self, claim)


Queue = dict[tuple[Ticket, Claim], int]
"""What waits for one author's sake, by arrival."""


class _Held(NamedTuple):
    claim: Claim
    host: str
    since: float


class _Use:
    """How many places somebody has, and for how many seconds he lately had some."""

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
        self._waiting: dict[str, dict[str, Queue]] = {}
        self._held: dict[Ticket, _Held] = {}
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
        """Whether it holds a place here."""
        return ticket in self._held

    def queue(self, ticket: Ticket, claim: Claim) -> None:
        """Let this claim wait for the ticket's place."""
        authors = self._waiting.setdefault(claim.source, {})
        authors.setdefault(claim.author, {})[ticket, claim] = next(self._arrivals)
        self._stir()

    def unqueue(self, ticket: Ticket, claim: Claim) -> None:
        """Let it wait no more."""
        authors = self._waiting.get(claim.source, {})
        ones = authors.get(claim.author, {})
        ones.pop((ticket, claim), None)
        if not ones:
            authors.pop(claim.author, None)
            if not authors:
                self._waiting.pop(claim.source, None)

    def _stir(self) -> None:
        if self._pass is None and self._waiting and len(self._held) < self._total:
            self._pass = asyncio.get_running_loop().call_later(self._pause_s, self._give)

    def _give(self) -> None:
        """One pass: give all places that can be given."""
        began, self._pass = self._clock.monotonic(), None
        everybody = [ones for authors in self._waiting.values() for ones in authors.values()]
        firsts = [first for ones in everybody if (first := self._first(ones))]
        heapify(firsts)
        while firsts and len(self._held) < self._total:
            load, (ticket, claim) = heappop(firsts)
            ones = self._waiting.get(claim.source, {}).get(claim.author, {})
            first = self._first(ones)
            if first and first[0] == load:  # else others have gone before it meanwhile
                self._grant(ticket, claim)
                first = self._first(ones)
            if first:
                heappush(firsts, first)
        self._pause_s = min(PAUSE_S, (self._clock.monotonic() - began) * PASS_SHARE)

    def _first(self, ones: Queue) -> tuple[Load, tuple[Ticket, Claim]] | None:
        """Which of an author's goes first, of those that may go now. What is least goes before others."""
        claim = next((claim for _, claim in ones), None)
        if claim is None or self._is_at_his_limit(claim):
            return None
        able = (
            (claim.rank, arrival, (ticket, claim))
            for (ticket, claim), arrival in ones.items()
            if self._hosts[ticket.host] < self._per_host and ticket not in self._held
        )
        # Arrivals differ, so nothing behind them is ever compared.
        rank, arrival, one = min(able, default=(0, 0, None))
        if one is None:
            return None
        source, who = claim.source, claim.who
        has = self._sources.now[source], int(self._sources.lately(source))
        is_late = rank >= LATE_RANK
        return (
            is_late,
            *has,
            self._authors.now[who],
            round(self._authors.lately(who), 1),
            rank,
            arrival,
        ), one

    def _is_at_his_limit(self, claim: Claim) -> bool:
        is_author_at_it = self._authors.now[claim.who] >= self._per_author
        return is_author_at_it or self._sources.now[claim.source] >= self._per_source

    def _grant(self, ticket: Ticket, claim: Claim) -> None:
        self._held[ticket] = _Held(claim, ticket.host, self._clock.monotonic())
        self._sources.begin(claim.source)
        self._authors.begin(claim.who)
        self._hosts[ticket.host] += 1
        for one in ticket.claims:
            self.unqueue(ticket, one)
        if ticket.place and not ticket.place.done():
            ticket.place.set_result(claim)


class Sidings:
    """Where those go on that were too slow for a place: as long as they like, until it is too crowded.

    Then the oldest of whoever has the most here is cut off.
    """

    def __init__(self, total: int, *, per_source: int, per_author: int, per_host: int) -> None:
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
        """It has ended."""
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
