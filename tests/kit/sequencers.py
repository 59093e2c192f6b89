"""A real sequencer over SQLite in a folder, moved by hand, and a page that follows its board."""

import asyncio
from pathlib import Path

from backchannel.board import FOLDED_KEY, Board, Card, Folded, Frame, Item
from backchannel.clock import Clock
from backchannel.judge import Rules
from backchannel.log.spool import Spool
from backchannel.log.sqlite import SqliteLog
from backchannel.model import Event
from backchannel.sequencer import Sequencer
from backchannel.state import State, fold
from backchannel.text import plain_text
from tests.kit.clocks import ManualClock

KEY = b"a key of the tests, 32 bytes long"


async def sequencer_in(
    folder: Path,
    *,
    policy: str = "open",
    delay_s: float = 0.0,
    clock: Clock | None = None,
    vfs: str | None = None,
) -> Sequencer:
    """One that stands on a real SQLite log in the folder."""
    log = SqliteLog(folder / "log.db", vfs=vfs)
    spool = Spool(folder / "takedowns")
    sequencer = Sequencer(log, spool, Rules(policy, delay_s), clock or ManualClock(), KEY)
    await sequencer.open()
    return sequencer


async def settle(sequencer: Sequencer, *events: Event) -> None:
    """Submit, then turn until nothing is due now."""
    task = asyncio.ensure_future(sequencer.submit(events))
    await asyncio.sleep(0)
    await turns(sequencer)
    await task


async def taken_down(sequencer: Sequencer, *events: Event) -> bool:
    """Take down, then turn until nothing is due now."""
    task = asyncio.ensure_future(sequencer.take_down(events))  # type: ignore[arg-type]
    await asyncio.sleep(0)
    await turns(sequencer)
    return await task


async def turns(sequencer: Sequencer, limit: int = 100) -> None:
    """Turn until nothing is due now."""
    for _ in range(limit):
        if await sequencer.turn() > sequencer._clock.now():
            return
    raise AssertionError("the sequencer does not come to rest")


def ids(board: Board, state: State) -> list[str]:
    """Names of the posts on the board, in order of release."""
    return [state.posts.by_key[key].id.removeprefix("id:") for key in board.line]


async def texts(sequencer: Sequencer) -> dict[str, str]:
    """Name → words of everything on the board, as a reader sees it."""
    frame = sequencer.since(0)
    posts = await sequencer.load(frame.put)
    return {p.id.removeprefix("id:"): plain_text(p.face.body) for p in posts.values()}


async def refold(sequencer: Sequencer) -> State:
    """What a new life would make of the same log."""
    return fold([entry async for part in sequencer.log.after(0) for entry in part])


async def events(sequencer: Sequencer) -> list[Event]:
    """What the log holds."""
    return [entry.event async for part in sequencer.log.after(0) for entry in part]  # type: ignore[misc]


class Page:
    """A browser tab: knows its number and what it shows. Written without the package's help."""

    def __init__(self) -> None:
        self.seq, self.items = 0, dict[int, Item]()

    def take(self, frame: Frame) -> None:
        if frame.prev == 0:
            self.items.clear()
        else:
            assert frame.prev == self.seq, "a gap"
        self.items |= {item.key: item for item in frame.put}
        for key in frame.gone:
            self.items.pop(key, None)
        self.seq = frame.seq

    @property
    def folded(self) -> Folded:
        """What it says of folded posts."""
        item = self.items.get(FOLDED_KEY)
        return item.value if item and isinstance(item.value, Folded) else Folded(())

    def newest(self, cap: int) -> list[tuple[int, Card]]:
        cards = sorted((i.order, i.key, i) for i in self.items.values() if i.order)
        return [(key, item.value) for _, key, item in cards[-cap:]]  # type: ignore[misc]
