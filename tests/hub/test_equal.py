"""Whatever happens, a page that was there, or came back, ends equal to one that comes fresh."""

import asyncio
from datetime import UTC
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from backchannel.hub.hub import Hub
from backchannel.web.card_cache import CardCache
from tests.kit.clocks import ManualClock, turns
from tests.kit.stand_in import Stage, Watcher, WirePage

CAP = 4
PAGES = 4
STEPS = [
    "say",
    "fold",
    "unfold",
    "edit",
    "veil",
    "store",
    "lift",
    "forget",
    "drop",
    "come",
    "pause",
    "resume",
    "blank",
    "beat",
]
Step = tuple[str, int, int]
"""What happens, to whom, and how many turns of the loop go by before the next."""
steps = st.lists(
    st.tuples(st.sampled_from(STEPS), st.integers(0, 11), st.sampled_from([0, 1, 2, 8])),
    min_size=20,
    max_size=80,
)


class HubWorld:
    """A board, a hub and some pages, to which the steps happen."""

    def __init__(self) -> None:
        self.stage, self.clock = Stage(cap=CAP), ManualClock(1_790_000_000.0, sleeps="held")
        self.hub = Hub(self.stage, CardCache(self.stage, zone=UTC, own_tags=[]), self.clock)
        self.pages = [WirePage(cap=CAP) for _ in range(PAGES)]
        self.watchers: list[Watcher | None] = [None] * PAGES

    async def step(self, name: str, number: int) -> None:
        keys = [key for key in self.stage.board.items if key > 0]
        key = keys[number % len(keys)] if keys else 0
        match name:
            case "say" | "fold":
                clearance = "open" if name == "say" else "folded"
                self.stage.say(f"post {number}", publish=number % 3 > 0, clearance=clearance)
            case "unfold" if key and key not in self.stage.covered:
                self.stage.say(f"lifted {number}", key=key)
            case "edit" | "forget" if key and key not in self.stage.covered:
                self.stage.say(f"edit {number}", key=key, publish=False)
                if name == "forget":  # its words have to be read from the log
                    self.stage.forgotten.add(self.stage.board.seq)
                self.stage.publish()
            case "veil" if key:
                self.stage.veil(key)
            case "store" | "lift" if self.stage.covered:
                covered = sorted(self.stage.covered)
                (self.stage.store if name == "store" else self.stage.lift)(covered[number % len(covered)])
            case "blank":
                self.stage.blank(on=number % 2 == 0)
            case "beat":
                await self.clock.advance(3.0)
            case "drop" | "come" | "pause" | "resume":
                self._move(name, number % PAGES)

    def _move(self, name: str, number: int) -> None:
        watcher = self.watchers[number]
        if watcher and watcher.is_aborted:
            watcher = self.watchers[number] = None
        if watcher is None:
            if name == "come":
                self.watchers[number] = Watcher(self.hub, self.pages[number]).join()
        elif name == "drop":
            self.hub.leave(watcher)
            self.watchers[number] = None
        elif name == "pause":
            self.hub.pause(watcher)
        elif name == "resume":
            self.hub.resume(watcher)

    async def come(self) -> None:
        for number in range(PAGES):
            self._move("come", number)

    async def end(self) -> list[WirePage]:
        """Until the log has what is veiled, a page may hold an older card in the place of a covered one."""
        for key in sorted(self.stage.covered):
            self.stage.store(key)
        self.stage.publish()
        await turns(12)
        for number in range(PAGES):
            self._move("resume", number)
        await self.come()
        await turns(12)
        fresh = WirePage(cap=CAP)
        Watcher(self.hub, fresh).join()
        await turns(12)
        return [fresh, *self.pages]


async def play(script: list[Step]) -> list[WirePage]:
    world = HubWorld()
    running = asyncio.create_task(world.hub.run())
    world.stage.say("the first")
    await world.come()
    for name, number, count in script:
        await world.step(name, number)
        await turns(count)
    pages = await world.end()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    return pages


def shown(page: WirePage) -> tuple[int, bool, list[dict[str, Any]], dict[int, dict[str, Any]]]:
    assert all(card["clearance"] == "open" for card in page.cards.values())
    return page.seq, page.is_blank, page.lines, page.cards


@settings(max_examples=200, deadline=None)
@given(steps)
def test_every_page_ends_equal_to_a_fresh_one(script: list[Step]) -> None:
    fresh, *others = asyncio.run(play(script))
    assert [shown(page) for page in others] == [shown(fresh)] * PAGES
