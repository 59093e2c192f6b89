"""The hub: all subscribers of the board, and the pass that brings each of them to its present number.

A subscriber is one number and a way to write. One that keeps up is *hot*. One that cannot take more bytes or
is about to close, is *late*: nothing is written to it or kept for it, and when it is ready again it is
brought from its own number to now, as if it had just joined. So a slow reader costs one number, not a growing
buffer.

A pass serves a hundred subscribers at a time and then gives the loop back, so that a request or a takedown
waits for milliseconds. Changes that come before a pass starts, or while it is under way, leave in one frame:
that is all the batching there is. A takedown ends the pass under way and begins a new one, and cuts off those
for whom bytes are still buffered on our side, since these may hold the post.
"""

import asyncio
from asyncio import Handle
from typing import Protocol

import structlog

from backchannel.board import BLANK_KEY, Item
from backchannel.clock import Clock
from backchannel.hub.frames import Frames
from backchannel.log import LogUnavailable
from backchannel.web.card_cache import BoardReader, CardCache

BEAT_S = 3.0
RETRY_S = 1.0
LATE_S = 30.0
SLICE = 100
"""Subscribers served before others get the loop: a request waits milliseconds, not a whole pass."""


log_line = structlog.get_logger(__name__)


class Subscriber(Protocol):
    """An open connection. The hub sets `number`: it holds all that the board said up to there."""

    number: int

    def send(self, data: bytes, /) -> None:
        """Write whole websocket messages. It may call `Hub.pause` before it returns."""
        ...

    def is_behind(self) -> bool:
        """Tell whether bytes are still waiting on our side."""
        ...

    def is_ready(self) -> bool:
        """Tell whether it can take bytes again. Asked of the late at every heartbeat, for those that cannot
        say so by themselves."""
        ...

    def close(self) -> None:
        """Say goodbye, because the server stops."""
        ...

    def abort(self) -> None:
        """End it now; bytes that have not left are never sent."""
        ...


class Hub:
    """Fan-out of one board to any number of subscribers, in one process."""

    def __init__(self, seen: BoardReader, views: CardCache, clock: Clock) -> None:
        self.clients: set[Subscriber] = set()
        self._hot: dict[Subscriber, None] = {}
        self._late: dict[Subscriber, float] = {}
        self._seen, self._views, self._clock = seen, views, clock
        self._frames = Frames(seen, views, clock)
        self._line: list[Subscriber] = []
        self._served = 0
        self._next: Handle | None = None
        self._is_due = self._says = False
        self._covered, self._is_veiled_blank = seen.covered, False
        self._seq, self._floor = seen.board.seq, 0
        self._wanted, self._empty = asyncio.Event(), asyncio.Event()
        seen.subscribe(self._published)

    @property
    def late(self) -> int:
        """The number of subscribers out of the hot set."""
        return len(self._late)

    def join(self, subscriber: Subscriber, after: int, epoch: str) -> None:
        """Greet a subscriber, and bring it from `after` to now: at once, unless words must be read first."""
        is_ours = epoch == self._seen.epoch and self._floor < after <= self._seen.board.seq
        subscriber.number = after if is_ours else 0
        self.clients.add(subscriber)
        self._hot[subscriber] = None
        subscriber.send(self._frames.hello())
        if subscriber in self._hot:
            self._tell(subscriber, says=True)

    def pause(self, subscriber: Subscriber) -> None:
        """Stop writing to a subscriber that takes no more for now; nothing is kept for it."""
        if subscriber in self._hot:
            del self._hot[subscriber]
            self._late[subscriber] = self._clock.monotonic()

    def resume(self, subscriber: Subscriber) -> None:
        """Go on writing to it: from its own number, as if it had just joined."""
        if self._late.pop(subscriber, None) is not None:
            self._hot[subscriber] = None
            self._tell(subscriber, says=True)

    def leave(self, subscriber: Subscriber) -> None:
        """Forget a subscriber whose connection is lost."""
        self.clients.discard(subscriber)
        self._hot.pop(subscriber, None)
        self._late.pop(subscriber, None)
        if not self.clients:
            self._empty.set()

    async def run(self) -> None:
        """Beat, read what is missing, until cancelled. An unreadable log ends it: that is our own fault."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._beats())
            tasks.create_task(self._loads())

    async def close(self, *, patience_s: float = 1.0) -> None:
        """Say goodbye to all (1001), and end what has not answered in time."""
        self._empty.clear()
        for subscriber in list(self.clients):
            subscriber.close()
        if self.clients:
            try:
                await asyncio.wait_for(self._empty.wait(), patience_s)
            except TimeoutError:
                for subscriber in list(self.clients):
                    self._end(subscriber)
        if self._next:
            self._next.cancel()

    def wake(self, *, says: bool = False) -> None:
        """Have a pass soon. With `says`, everybody gets a frame, news or not."""
        self._is_due, self._says = True, self._says or says
        if self._next is None:
            self._next = asyncio.get_running_loop().call_soon(self._begin)

    def _published(self, takedown: bool) -> None:
        self._frames.drop()
        self._follow_veil()
        if not takedown:
            self.wake()
            return
        self._views.forget_gone()
        for subscriber in [one for one in self.clients if one in self._late or one.is_behind()]:
            self._end(subscriber)
        if self._next is not None:
            self._next.cancel()
        rest = self._line[self._served :]  # before all others, or a row of takedowns would starve them
        self._begin([*dict.fromkeys([*(one for one in rest if one in self._hot), *self._hot])], says=True)

    def _follow_veil(self) -> None:
        """Make everybody begin anew where a veil was lifted and no number tells of it.

        As a rule a lifted veil leaves a change on the board, since the log has the takedown by then. Where it
        does not (an erasure failed, a blank was withdrawn before it was stored), no number tells those who
        saw the veil what to bring back. So everybody begins anew, also who resumes.
        """
        board, before = self._seen.board, self._seq
        lifted = set(self._covered - self._seen.covered)
        is_blank = any(item.key == BLANK_KEY for item in self._seen.since(board.seq).put)
        is_withdrawn = self._is_veiled_blank and not is_blank and board.changed.get(BLANK_KEY, 0) <= before
        self._covered, self._is_veiled_blank, self._seq = self._seen.covered, is_blank, board.seq
        if is_withdrawn or any(key in board.items and board.items[key].seq <= before for key in lifted):
            self._floor = board.seq
            for subscriber in self.clients:
                subscriber.number = 0

    def _begin(self, line: list[Subscriber] | None = None, *, says: bool = False) -> None:
        self._line, self._served = list(self._hot) if line is None else line, 0
        says, self._is_due, self._says = says or self._says, False, False
        self._next = asyncio.get_running_loop().call_soon(self._pass, says)

    def _pass(self, says: bool) -> None:
        """Send to one slice of the subscribers. Its frames are made now, so that they have what is covered or
        changed by now."""
        end = self._served + SLICE
        for subscriber in self._line[self._served : end]:
            if subscriber in self._hot:
                self._tell(subscriber, says=says)
        self._served = end
        if end < len(self._line):
            self._next = asyncio.get_running_loop().call_soon(self._pass, says)
            return
        self._line, self._served, self._next = [], 0, None
        if self._is_due:
            self.wake()

    def _tell(self, subscriber: Subscriber, *, says: bool) -> None:
        number, seq = subscriber.number, self._seen.board.seq
        if number == seq:
            if says:
                subscriber.send(self._frames.beat(seq))
            return
        data = self._frames.to_now(number)
        if data is not None:
            subscriber.number = seq  # before it is written: writing may pause it
            subscriber.send(data)
            return
        self._wanted.set()
        if says and number:  # to one who has nothing yet, a frame from 0 would say that there is nothing
            subscriber.send(self._frames.beat(number))

    def _end(self, subscriber: Subscriber) -> None:
        self.leave(subscriber)
        subscriber.abort()

    async def _beats(self) -> None:
        while True:
            await self._clock.sleep(BEAT_S)
            now = self._clock.monotonic()
            for subscriber, since in list(self._late.items()):
                if now - since >= LATE_S:
                    self._end(subscriber)
                elif subscriber.is_ready():
                    self.resume(subscriber)
            self._frames.drop()
            self.wake(says=True)

    async def _loads(self) -> None:
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            missing = [item for item in self._frames.missing.values() if self._views.get(item) is None]
            self._frames.missing.clear()
            if missing:
                await self._load(missing)
            self.wake()

    async def _load(self, missing: list[Item]) -> None:
        """Read words. A log that gives nothing now is asked again at the next pass, a beat away at most."""
        try:
            await self._views.load(missing)
        except LogUnavailable as error:
            log_line.warning("words cannot be read now", reason=str(error))
            await self._clock.sleep(RETRY_S)
        self._frames.drop()
