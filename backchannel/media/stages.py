"""Leads each picture through its stages: fetched, decoded, written, with few in each stage at a time.

A picture has a place while it is fetched, and one of another kind from then until it is in the folder.
Large ones have a third, which bounds the memory. Nobody knows beforehand which picture is slow: so a slow one
gives its place back and goes on at the side, where it is cut off only if too many others are slow, too.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from backchannel.clock import Clock
from backchannel.media.places import Claim, Places, SlowFetches, Ticket

PLACES, PER_SOURCE, PER_AUTHOR, PER_HOST = 48, 24, 4, 8
"""Pictures that are fetched at a time. A browser takes about as many from one host."""
SLOW_S = 2.0
"""After so long a fetch gives its place back, and goes on at the side."""
SIDE = (32, 12, 3, 4)
"""Fetches at the side: in all, of one source, of one author, of one host."""
WORK, WORK_PER_SOURCE, WORK_PER_AUTHOR = 32, 16, 4
"""Pictures that are here and not yet in the folder. Until there is room, each keeps its first place."""
BENCH = (24, 12, 4, 24)
"""Pictures that wait for the slow decoder: in all, of one source, of one author, of one host."""
SMALL_BYTES = 512 << 10
LARGE, LARGE_PER_SOURCE = 4, 2
"""Pictures above `SMALL_BYTES` at a time, one an author: all that are on their way are 100 MB at most."""

T = TypeVar("T")

Fetch = Callable[[], Awaitable[bytes]]
Keep = Callable[[bytes, Callable[[], None]], Awaitable[T]]


class CutOff(Exception):
    """Raised where a picture was slow and others came. That says nothing of the picture."""

    def __str__(self) -> str:
        return "was slow, and made room for others"


class Stages:
    """Holds the places of all stages. `slow_s`: from then on a fetch is slow; `late_s`: decoding ends."""

    def __init__(self, clock: Clock, *, slow_s: float, late_s: float) -> None:
        self._slow_s, self._late_s = slow_s, late_s
        self._places = Places(PLACES, clock, per_source=PER_SOURCE, per_author=PER_AUTHOR, per_host=PER_HOST)
        self._side, self._bench = SlowFetches(*SIDE), SlowFetches(*BENCH)
        self._work = Places(WORK, clock, per_source=WORK_PER_SOURCE, per_author=WORK_PER_AUTHOR)
        self._large = Places(LARGE, clock, per_source=LARGE_PER_SOURCE, per_author=1)

    async def lead(self, ticket: Ticket, fetch: Fetch, keep: Keep[T]) -> T:
        """Fetch it and keep it, each in its turn. Raises CutOff where it was slow and others came.

        `keep` is handed the bytes, and calls its second argument where decoding will take long.
        """
        claim = await self._places.enter(ticket)
        try:
            body = await self._in_time(ticket, claim, fetch)
            await self._work.enter(ticket)
            self._places.leave(ticket)
            self._side.leave(ticket)
            async with asyncio.timeout(self._late_s):
                keeping = asyncio.ensure_future(keep(body, lambda: sit_out()))

                def sit_out() -> None:
                    self._work.leave(ticket)
                    self._bench.admit(ticket, claim, keeping.cancel)

                return await _unless_cut(keeping)
        finally:
            for places in (self._places, self._side, self._work, self._bench, self._large):
                places.leave(ticket)

    async def took(self, ticket: Ticket, length: int) -> None:
        """Wait for a place for large ones, where so many bytes have come and it has none.

        These few places bound the memory; a host that is held up here notices nothing.
        """
        if length > SMALL_BYTES and not self._large.has(ticket):
            await self._large.enter(ticket)

    async def _in_time(self, ticket: Ticket, claim: Claim, fetch: Fetch) -> bytes:
        fetching = asyncio.ensure_future(fetch())
        try:
            done, _ = await asyncio.wait({fetching}, timeout=self._slow_s)
        except asyncio.CancelledError:
            fetching.cancel()
            await asyncio.wait({fetching})
            raise
        if not done:
            self._places.leave(ticket)
            self._side.admit(ticket, claim, fetching.cancel)
        return await _unless_cut(fetching)


async def _unless_cut(task: "asyncio.Future[T]") -> T:
    """Return the result of the task; end the task with whoever waits for it here."""
    try:
        await asyncio.wait({task})
    finally:
        if task.cancel():
            await asyncio.wait({task})
    if task.cancelled():
        raise CutOff
    return task.result()
