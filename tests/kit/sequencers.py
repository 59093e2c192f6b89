"""A real sequencer over SQLite in a folder, moved by hand, and a page that follows its board."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import pytest

from backchannel.board import FOLDED_KEY, Board, Card, Folded, Frame, Item
from backchannel.clock import Clock
from backchannel.judge import Rules
from backchannel.log import Conflict, Lane, LogUnavailable
from backchannel.log.spool import Spool
from backchannel.log.sqlite import SqliteLog
from backchannel.model import Event
from backchannel.sequencer import Sequencer
from backchannel.state import State, fold
from backchannel.text import plain_text
from tests.kit.clocks import ManualClock

KEY = b"a key of the tests, 32 bytes long"


class MoodyLog(SqliteLog):
    """A real log that fails as the test says: so many of the next appends, before storing or after."""

    is_full = False
    lies = spares = conflicts = blips = 0

    async def append(
        self, events: Sequence[Event], *, at: float, expected: int, cursors: Mapping[Lane, str] | None = None
    ) -> int:
        if self.conflicts:
            self.conflicts -= 1
            raise Conflict("somebody else was here")
        if self.blips:
            self.blips -= 1
            raise LogUnavailable("disk I/O error")
        if self.spares:
            self.spares -= 1
        elif self.is_full:
            raise LogUnavailable("database or disk is full")
        head = await super().append(events, at=at, expected=expected, cursors=cursors)
        if self.lies:
            self.lies -= 1
            raise LogUnavailable("the answer was lost")
        return head


class Stepped(Sequencer):
    """A real sequencer on a real log: the test steps it, holds its clock, and may close it early."""

    log_type: type[SqliteLog] = SqliteLog

    def __init__(self, folder: Path, rules: Rules, clock: ManualClock, *, vfs: str | None = None) -> None:
        log = self.log_type(folder / "log.db", vfs=vfs)
        super().__init__(log, Spool(folder / "takedowns"), rules, clock, KEY)
        self.clock = clock
        self._is_closed = False

    async def close(self) -> None:
        if not self._is_closed:
            self._is_closed = True
            await super().close()


class Moody(Stepped):
    """Its log fails when the test says so."""

    log: MoodyLog
    log_type = MoodyLog


Opened = Callable[..., Awaitable[Any]]


@pytest.fixture
async def opened(tmp_path: Path) -> AsyncIterator[Opened]:
    """Opens sequencers on the test's folder; they are closed when the test ends."""
    made: list[Stepped] = []

    async def open_(
        folder: Path = tmp_path,
        *,
        policy: str = "open",
        delay_s: float = 0.0,
        clock: ManualClock | None = None,
        of: type[Stepped] = Stepped,
        vfs: str | None = None,
    ) -> Stepped:
        made.append(of(folder, Rules(policy, delay_s), clock or ManualClock(), vfs=vfs))
        await made[-1].open()
        return made[-1]

    yield open_
    for sequencer in made:
        await sequencer.close()


@pytest.fixture
async def sequencer(opened: Opened) -> Stepped:
    made: Stepped = await opened()
    return made


@pytest.fixture
async def moody(opened: Opened) -> Moody:
    made: Moody = await opened(of=Moody)
    return made


async def settle(sequencer: Sequencer, *events: Event, clock: Clock | None = None) -> None:
    """Submit, then turn until nothing is due now."""
    task = asyncio.ensure_future(sequencer.submit(events))
    await asyncio.sleep(0)
    await turns(sequencer, clock=clock)
    await task


async def taken_down(sequencer: Sequencer, *events: Event) -> bool:
    """Take down, then turn until nothing is due now."""
    task = asyncio.ensure_future(sequencer.take_down(events))  # type: ignore[arg-type]
    await asyncio.sleep(0)
    await turns(sequencer)
    return await task


async def turns(sequencer: Sequencer, *, clock: Clock | None = None) -> None:
    """Turn until nothing is due now, by this clock where the sequencer is none of `opened`."""
    held = clock or cast(Stepped, sequencer).clock
    for _ in range(100):
        if await sequencer.turn() > held.now():
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


class BoardPage:
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
