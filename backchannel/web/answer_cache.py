"""Answers that are kept and shared: made once for all who ask for the same, while the board stays as it is.

Whatever is kept is dropped with the next change of the board, and with a takedown before any disk has heard
of it. What is no newest page (history, a search) can be asked for in any number of ways, so whoever asks
pays: one at a time is made for an address, few in all, and then it rests three times as long as that took.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from weakref import WeakValueDictionary

from backchannel.clock import Clock
from backchannel.web.answer_queue import PATIENCE_S, AnswerQueue, Crowded
from backchannel.web.card_cache import BoardReader

KEPT_S = 1.0
"""The pages tell the time, so they are no older than this."""
MAX_KEPT = 16 * 2**20
TRIES = 10
"""Each time something in an answer was taken down before it could go out."""
MAKERS = 2
MAX_FLIGHTS = 16
"""Answers that wait to be made for one address."""
REST = 3.0
MAX_RESTS = 1000


class Rendered:
    """An answer as it goes out, the keys of the cards in it, and when it was made."""

    __slots__ = ("at", "body", "checked", "keys")

    def __init__(self, body: bytes, keys: frozenset[int], at: float) -> None:
        self.body, self.keys, self.at = body, keys, at
        self.checked: tuple[int, frozenset[int]] | None = None  # where the board stood when it was looked at


Make = Callable[[], Awaitable[Rendered]]


class AnswerCache:
    """Keeps the answers of all pages. `ask` holds everything that an answer depends on, except the board."""

    def __init__(
        self,
        seen: BoardReader,
        clock: Clock,
        pace: AnswerQueue,
        is_venue: Callable[[str], bool],
    ) -> None:
        self._seen, self._clock, self._is_venue = seen, clock, is_venue
        self._pace = pace
        self._stand: tuple[int, frozenset[int]] = 0, frozenset()
        self._kept: dict[Hashable, Rendered] = {}
        self._flights: dict[Hashable, asyncio.Task[Rendered]] = {}
        self._waiting: dict[str, int] = {}
        self._lines: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._makers = asyncio.Semaphore(MAKERS)
        self._rests: dict[str, float] = {}

    async def get(self, ask: Hashable, make: Make, *, address: str, is_paid: bool) -> Rendered:
        """Return the answer as of now, or as of a moment ago and nothing in it taken down since.

        `make` gives it without a pause after its last look at the board. Raises Crowded, and what it raises.
        """
        for _ in range(TRIES):
            answer = self._fresh(ask) or await self._made(ask, make, address if is_paid else "")
            await self._pace.take(address)
            if self.may_be_seen(answer):
                return answer
        raise Crowded

    def may_be_seen(self, answer: Rendered) -> bool:
        """Tell whether all that is in it still may."""
        board, covered = self._seen.board, self._seen.covered
        if answer.checked != (board.seq, covered):
            if not answer.keys.isdisjoint(covered) or not answer.keys <= board.items.keys():
                return False
            answer.checked = board.seq, covered
        return True

    def rendered(self, body: bytes, keys: frozenset[int]) -> Rendered:
        """Return an answer that was made this moment."""
        return Rendered(body, keys, self._clock.monotonic())

    def drop(self) -> None:
        """Keep nothing."""
        self._kept.clear()

    def _look(self) -> dict[Hashable, Rendered]:
        stand = self._seen.board.seq, self._seen.covered
        if stand != self._stand:
            self._stand = stand
            self._kept.clear()
        return self._kept

    def _fresh(self, ask: Hashable) -> Rendered | None:
        answer = self._look().get(ask)
        return answer if answer and self._clock.monotonic() - answer.at < KEPT_S else None

    async def _made(self, ask: Hashable, make: Make, payer: str) -> Rendered:
        if (flight := self._flights.get(ask)) is None:
            if payer and self._waiting.get(payer, 0) >= MAX_FLIGHTS:
                raise Crowded
            self._waiting[payer] = self._waiting.get(payer, 0) + 1
            self._flights[ask] = flight = asyncio.create_task(self._fly(ask, make, payer))
            flight.add_done_callback(_notice)
        try:
            async with asyncio.timeout(PATIENCE_S if payer else None):
                return await asyncio.shield(flight)  # whoever leaves takes it from nobody else
        except TimeoutError:
            raise Crowded from None

    async def _fly(self, ask: Hashable, make: Make, payer: str) -> Rendered:
        try:
            answer = await (self._paid(make, payer) if payer else make())
        finally:
            del self._flights[ask]
            self._waiting[payer] -= 1
            if not self._waiting[payer]:
                del self._waiting[payer]
        kept = self._look()
        kept[ask] = answer
        while sum(len(one.body) for one in kept.values()) > MAX_KEPT and len(kept) > 1:
            del kept[next(iter(kept))]
        return answer

    async def _paid(self, make: Make, payer: str) -> Rendered:
        """Make one answer at a time for an address, with a rest after each."""
        async with self._lines.setdefault(payer, asyncio.Lock()):
            wait_s = self._rests.pop(payer, 0.0) - self._clock.monotonic()
            if wait_s > 0:
                await self._clock.sleep(wait_s)
            async with self._makers:
                began = self._clock.monotonic()
                answer = await make()
                if not self._is_venue(payer):
                    self._rest(payer, began)
                return answer

    def _rest(self, payer: str, began: float) -> None:
        now, rests = self._clock.monotonic(), self._rests
        if len(rests) >= MAX_RESTS:
            self._rests = rests = {one: until for one, until in rests.items() if until > now}
        rests[payer] = now + REST * (now - began)


def _notice(flight: asyncio.Task[Rendered]) -> None:
    """Take notice of an error that nobody waits for any more, or asyncio would log it."""
    if not flight.cancelled():
        flight.exception()
