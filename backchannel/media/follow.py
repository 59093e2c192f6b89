"""Keeps the pictures of new posts coming: reads what is unsettled, and says how each one ended."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence

from backchannel.clock import Clock
from backchannel.media.store import MediaStore
from backchannel.model import Event, Settled

LIMIT = 8
RETRY_S = 1.0
AGAIN_S = 5.0

Wish = tuple[str, str]
"""A post's id and the address of one of its pictures."""

Submit = Callable[[Sequence[Event]], Awaitable[object]]


async def follow(
    store: MediaStore,
    *,
    unsettled: Callable[[], Collection[Wish]],
    changed: asyncio.Event,
    submit: Submit,
    retry_on: tuple[type[Exception], ...],
    clock: Clock,
    again_s: float = AGAIN_S,
    is_own: Callable[[Wish], bool] = lambda wish: False,
) -> None:
    """Runs until cancelled: one `Settled` for each wish, eight pictures at a time.

    Whoever changes the state sets `changed`; it is cleared here. `submit` returns when the state has the
    event; on an exception of `retry_on` the same event is submitted again, for as long as it is wished for.
    `is_own`: the picture lies on a host that the operator named for this post's source.
    """
    following = _Follower(store, unsettled, changed, submit, retry_on, clock, again_s, is_own)
    async with asyncio.TaskGroup() as group:
        while True:
            await following.turn(group)


class _Follower:
    def __init__(
        self,
        store: MediaStore,
        unsettled: Callable[[], Collection[Wish]],
        changed: asyncio.Event,
        submit: Submit,
        retry_on: tuple[type[Exception], ...],
        clock: Clock,
        again_s: float,
        is_own: Callable[[Wish], bool],
    ) -> None:
        self._store = store
        self._unsettled = unsettled
        self._changed = changed
        self._submit = submit
        self._retry_on = retry_on
        self._clock = clock
        self._again_s = again_s
        self._is_own = is_own
        self._busy: set[Wish] = set()
        self._done: dict[Wish, float] = {}

    async def turn(self, group: asyncio.TaskGroup) -> None:
        """Start what there is room for, then wait for a change of the state or an end of one of ours."""
        self._changed.clear()
        wishes = list(dict.fromkeys(self._unsettled()))
        self._forget(wishes)
        for wish in wishes:
            if len(self._busy) < LIMIT and wish not in self._busy and wish not in self._done:
                self._busy.add(wish)
                group.create_task(self._fulfil(wish))
        # A wish that stays after its answer (an edit back and forth) is fulfilled again, but not in a spin.
        wait_s = self._again_s if self._done else None
        try:
            async with asyncio.timeout(wait_s):
                await self._changed.wait()
        except TimeoutError:
            return

    def _forget(self, wishes: Sequence[Wish]) -> None:
        wished, now = set(wishes), self._clock.monotonic()
        self._done = {
            wish: at for wish, at in self._done.items() if wish in wished and now - at < self._again_s
        }

    async def _fulfil(self, wish: Wish) -> None:
        post, url = wish
        try:
            async with self._store.settled(url, by_stranger=not self._is_own(wish)) as picture:
                event = Settled(post, url, picture.hash, picture.width, picture.height) if picture else None
                await self._say(event or Settled(post, url), wish)
        finally:
            self._busy.discard(wish)
            self._done[wish] = self._clock.monotonic()
            self._changed.set()

    async def _say(self, event: Settled, wish: Wish) -> None:
        while wish in self._unsettled():
            try:
                await self._submit([event])
            except self._retry_on:
                await self._clock.sleep(RETRY_S)
            else:
                return
