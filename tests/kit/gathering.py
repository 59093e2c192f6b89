"""A network on paper, and what gathers it into a sequencer."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from typing import Any

from backchannel.bugs import Bugs
from backchannel.contract import Batch
from backchannel.gather import GatherContext, Gatherer, KnownPosts
from backchannel.model import Post
from tests.kit.clocks import ManualClock, until
from tests.kit.sequencers import Stepped

TAGS = frozenset({"conf"})


class ScriptedSource:
    """A network on paper: what each call of `batches` gives, in order; then silence."""

    chosen: Collection[str] = ()
    poll_s = 0.001

    def __init__(self, *calls: Sequence[Batch | Exception]) -> None:
        self.calls = list(calls)
        self.asked: list[str | None] = []
        self.is_through = asyncio.Event()

    def lanes(self) -> Any:
        return ("lane",)

    async def batches(self, lane: Any, cursor: Any) -> Any:
        self.asked.append(cursor)
        if not self.calls:
            self.is_through.set()
            await asyncio.get_running_loop().create_future()
        for batch in self.calls.pop(0):
            if isinstance(batch, Exception):
                raise batch
            yield batch


def quick() -> ManualClock:
    """A clock on which nobody waits."""
    return ManualClock(2000.0, sleeps="skipped")


@asynccontextmanager
async def gathering(
    sequencer: Stepped,
    source: Any,
    *,
    watch: Callable[[], Sequence[Post]] = tuple,
    clock: ManualClock | None = None,
    bugs: Bugs | None = None,
) -> AsyncIterator[Gatherer]:
    """Gatherer and sequencer at work for the length of a block. Neither may raise."""
    standing, cursors = KnownPosts(sequencer).standing, sequencer.log.cursors
    context = GatherContext(TAGS, 0.0, sequencer, clock or quick(), standing, cursors, bugs or Bugs())
    gatherer = Gatherer("net", "net", source, watch, context)
    tasks = [asyncio.create_task(gatherer.run()), asyncio.create_task(sequencer.run())]
    try:
        yield gatherer
    finally:
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(end is None or isinstance(end, asyncio.CancelledError) for end in ended), ended


async def gathered(
    sequencer: Stepped, source: Any, is_so: Callable[[], object] | None = None, **more: Any
) -> Gatherer:
    """Run the source to its end, until its lanes are parked, or until it is so."""
    async with gathering(sequencer, source, **more) as gatherer:
        is_over = is_so or source.is_through.is_set
        await until(lambda: is_over() or gatherer.health.state == "needs_human")
    return gatherer
