"""Keeps the pictures of new posts coming: reads what is unsettled, and says how each one ended.

A post waits for its pictures `WAIT_S` in all, counted from the entry that brought this copy; what is not
here by then is dropped. What is on its way then goes on: where the post is still held for a person it is
settled after all, and the author's next post finds it in any case.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from heapq import heappop, heappush
from itertools import count, islice
from math import inf

from backchannel.clock import Clock
from backchannel.media.places import LATE_RANK, Claim
from backchannel.media.store import LATE_S, MediaStore
from backchannel.model import Event, Settled
from backchannel.state import State
from backchannel.state.post_state import PostState, UnsettledCopy

WAIT_S = 10.0
PER_POST = 32
"""Pictures of one post that are asked for; the rest of them is dropped at once."""
AUTHORS_OWN = 16
"""Pictures of one author that wait for a place in the store; more of them wait here."""
LATE = 256
BATCH = 400
RETRY_S = 1.0
AGAIN_S = 5.0

Submit = Callable[[Sequence[Event]], Awaitable[object]]
Who = tuple[str, str]


async def follow(
    store: MediaStore,
    *,
    state: Callable[[], State],
    changed: asyncio.Event,
    submit: Submit,
    retry_on: tuple[type[Exception], ...],
    clock: Clock,
    wait_s: float = WAIT_S,
    again_s: float = AGAIN_S,
    is_own: Callable[[str, str], bool] = lambda source, url: False,
) -> None:
    """Runs until cancelled: one `Settled` for each picture that the state misses.

    Whoever changes the state sets `changed`; it is cleared here. `submit` returns when the state has the
    events; on an exception of `retry_on` they are submitted again, as long as they are news. `is_own`: this
    picture lies on a host that the operator named for this source.
    """
    voice = _Voice(state, submit, retry_on, clock)
    async with asyncio.TaskGroup() as group:
        following = _Follower(store, state, changed, voice, clock, wait_s, again_s, is_own, group)
        await following.run()


class _Voice:
    """Says what has been found out, as much of it at once as there is: a turn costs the disk the same."""

    def __init__(
        self, state: Callable[[], State], submit: Submit, retry_on: tuple[type[Exception], ...], clock: Clock
    ) -> None:
        self._state, self._submit, self._retry_on, self._clock = state, submit, retry_on, clock
        self._words: deque[tuple[Settled, asyncio.Future[None] | None]] = deque()
        self._any = asyncio.Event()

    def add(self, event: Settled, done: "asyncio.Future[None] | None" = None) -> None:
        """Say it soon, and then end `done`."""
        self._words.append((event, done))
        self._any.set()

    async def say(self, event: Settled) -> None:
        """Say it, and return when the state has it, or does not want it any more."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.add(event, done)
        await done

    async def run(self) -> None:
        while True:
            await self._any.wait()
            self._any.clear()
            while self._words:
                batch = [self._words.popleft() for _ in range(min(BATCH, len(self._words)))]
                await self._submit_all([event for event, _ in batch])
                for _, done in batch:
                    if done and not done.done():
                        done.set_result(None)

    async def _submit_all(self, events: Sequence[Settled]) -> None:
        while news := [event for event in events if self._state().is_news(event)]:
            try:
                await self._submit(news)
            except self._retry_on:
                await self._clock.sleep(RETRY_S)
            else:
                return


class _Waiting:
    """A post whose pictures are on their way. `asked`: those that the store has been asked for."""

    def __init__(self, seen: PostState, opened: UnsettledCopy) -> None:
        self.key, self.id, self.opened = seen.key, seen.id, opened
        self.claim = Claim(seen.source, seen.author, len(opened.missing))
        self.asked: dict[str, asyncio.Task[None]] = {}
        self.is_late = False


class _Follower:
    def __init__(
        self,
        store: MediaStore,
        state: Callable[[], State],
        changed: asyncio.Event,
        voice: _Voice,
        clock: Clock,
        wait_s: float,
        again_s: float,
        is_own: Callable[[str, str], bool],
        group: asyncio.TaskGroup,
    ) -> None:
        self._store, self._state, self._changed, self._voice = store, state, changed, voice
        self._clock, self._wait_s, self._again_s, self._group = clock, wait_s, again_s, group
        self._is_own = is_own
        self._posts: dict[int, _Waiting] = {}
        self._ends: list[tuple[float, int, _Waiting]] = []  # (when its time is over, …), earliest first
        self._numbers = count()
        self._backlog: dict[Who, deque[tuple[_Waiting, str]]] = {}
        self._asking: Counter[Who] = Counter()
        self._counted: set[asyncio.Task[None]] = set()
        self._late: deque[tuple[float, asyncio.Task[None]]] = deque()

    async def run(self) -> None:
        """Turn for ever."""
        self._group.create_task(self._speak())
        self._group.create_task(self._store.warm_up())
        try:
            while True:
                await self._turn()
        finally:
            self._backlog.clear()

    async def _speak(self) -> None:
        try:
            await self._voice.run()
        finally:  # nothing is begun any more by what ends now
            self._backlog.clear()

    async def _turn(self) -> None:
        """Take up what is new, let go what is over, then wait for a change or for the next end."""
        self._changed.clear()
        self._look()
        now = self._clock.monotonic()
        while self._ends and self._ends[0][0] <= now:
            self._give_up(heappop(self._ends)[-1], now)
        while self._late and self._late[0][0] <= now:
            self._late.popleft()[1].cancel()
        next_at = min(self._ends[0][0] if self._ends else inf, self._late[0][0] if self._late else inf)
        try:
            async with asyncio.timeout(None if next_at == inf else next_at - now):
                await self._changed.wait()
        except TimeoutError:
            return

    def _look(self) -> None:
        """Compare what is unsettled with what is known here. A copy is one object as long as it stands."""
        posts = self._state().posts
        for key in [key for key in self._posts if key not in posts.unsettled]:
            self._leave(self._posts.pop(key), is_wanted=key in posts.by_key)
        for key, opened in posts.unsettled.items():
            known = self._posts.get(key)
            if known is None or known.opened is not opened:
                self._take_up(posts.by_key[key], opened)
                if known:
                    self._leave(known, is_wanted=False)
            elif len(opened.missing) != known.claim.rank and not known.is_late:
                known.claim.rank = len(opened.missing)

    def _take_up(self, seen: PostState, opened: UnsettledCopy) -> None:
        post = self._posts[seen.key] = _Waiting(seen, opened)
        waited_s = (self._clock.now() - opened.since) / self._clock.rate
        now = self._clock.monotonic()
        is_gone = self._state().posts.is_gone(seen)
        self._end_at(now if is_gone else now + self._wait_s - waited_s, post)
        if is_gone:  # its pictures are not asked for, but its wait has to end
            return
        backlog = self._backlog.setdefault(post.claim.who, deque())
        backlog.extend((post, url) for url in islice(opened.missing, PER_POST))
        for url in islice(opened.missing, PER_POST, None):
            self._voice.add(Settled(post.id, url))
        self._ask_on(post.claim.who)

    def _end_at(self, at: float, post: _Waiting) -> None:
        heappush(self._ends, (at, next(self._numbers), post))

    def _ask_on(self, who: Who) -> None:
        """Hand the store what it has room for of this author's."""
        backlog = self._backlog.get(who, deque())
        while backlog and self._asking[who] < AUTHORS_OWN:
            post, url = backlog.popleft()
            if self._misses(post, url) and not post.is_late:
                self._asking[who] += 1
                task = post.asked[url] = self._group.create_task(self._fulfil(post, url))
                self._counted.add(task)
                task.add_done_callback(partial(self._finish, who))
        if not backlog:
            self._backlog.pop(who, None)

    def _misses(self, post: _Waiting, url: str) -> bool:
        return self._posts.get(post.key) is post and url in post.opened.missing

    async def _fulfil(self, post: _Waiting, url: str) -> None:
        """Settle it. A picture that stays missing after its answer (an edit back and forth) is asked for
        again, but not in a spin."""
        by_stranger = self._is_strangers(post.claim.source, url)
        while True:
            async with self._store.settled(url, post.claim, by_stranger=by_stranger) as picture:
                which = (picture.hash, picture.width, picture.height) if picture else ()
                await self._voice.say(Settled(post.id, url, *which))
            if not self._misses(post, url):
                return
            await self._clock.sleep(self._again_s)

    def _is_strangers(self, source: str, url: str) -> bool:
        try:
            return not self._is_own(source, url)
        except Exception as error:  # noqa: BLE001 - the guard: a stranger wrote this address
            self._store.bugs.caught("a picture's address", error)
            return True

    def _finish(self, who: Who, task: asyncio.Task[None]) -> None:
        """Give back the place of one picture of this author: it is done with, or may take its time."""
        if task in self._counted:
            self._counted.remove(task)
            self._asking[who] -= 1
            if not self._asking[who]:
                del self._asking[who]
            self._ask_on(who)

    def _give_up(self, post: _Waiting, now: float) -> None:
        """Drop what is missing, since its time is over. It may still come, but goes behind all others."""
        if self._posts.get(post.key) is not post:
            return
        for url in post.opened.missing:
            self._voice.add(Settled(post.id, url))
        self._end_at(now + self._again_s, post)  # in case that another copy makes a drop no news
        if post.is_late:
            return
        post.is_late = True
        post.claim.rank = LATE_RANK
        for task in post.asked.values():
            if not task.done():
                self._late.append((now + LATE_S, task))
                self._finish(post.claim.who, task)
        while len(self._late) > LATE:
            self._late.popleft()[1].cancel()

    def _leave(self, post: _Waiting, *, is_wanted: bool) -> None:
        """Tell whether it is complete, or gone, or another copy stands."""
        if not is_wanted:
            for task in post.asked.values():
                task.cancel()
