"""One life of the server without its port, that dies at a named point. Run by test_kill.py.

    python kill_child.py CONFIG LIFE POINT COUNT [quiet]

POINT is where it kills itself, at the COUNT-th time it comes by: `appends` (between the two appends of a
turn), `veil` (between veil and log), `erased` (between `Erased` and the deletion of its entries), `cursor`
(the control: the cursor is written before its events, and it dies in between), or `never`. With `quiet`
nobody moderates. On standard
output it says, a JSON line each, what it has been promised; a line is out before anything goes on.
"""

import asyncio
import os
import random
import signal
import sys
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from backchannel import app, start
from backchannel.clock import Clock
from backchannel.config import load_config
from backchannel.log import Lane, LogUnavailable
from backchannel.log.spool import Spool
from backchannel.log.sqlite import SqliteLog
from backchannel.model import Event, Post, Posted, Takedown
from backchannel.secret_files import SecretStore
from backchannel.sequencer import Sequencer
from backchannel.sequencer.desk import Desk
from backchannel.sequencer.inbox import AppendBatch
from backchannel.terminal import configure_logging

POINT, COUNT = (sys.argv[3], int(sys.argv[4])) if __name__ == "__main__" else ("never", 1)
passed = 0
is_up = False


def say(*what: object) -> None:
    os.write(1, msgspec.json.encode(what) + b"\n")


def die_at(point: str) -> None:
    """Die here, if this is the point and its time has come."""
    global passed
    if point != POINT or not is_up:
        return
    passed += 1
    if passed == COUNT:
        say("dies", point)
        os.kill(os.getpid(), signal.SIGKILL)


class DyingLog(SqliteLog):
    async def append(
        self, events: Sequence[Event], *, at: float, expected: int, cursors: Mapping[Lane, str] | None = None
    ) -> int:
        if POINT == "cursor" and cursors and events:
            await super().append((), at=at, expected=expected, cursors=cursors)
            die_at("cursor")
            cursors = None
        return await super().append(events, at=at, expected=expected, cursors=cursors)

    async def purge(self, seqs: Collection[int]) -> bool:
        die_at("erased")
        return await super().purge(seqs)


class DyingSequencer(Sequencer):
    async def _append(self, part: AppendBatch) -> tuple[AppendBatch, bool]:
        found = await super()._append(part)
        if any(isinstance(event, Posted) for event in part.events):
            die_at("appends")
        return found

    async def take_down(self, events: Sequence[Takedown]) -> bool:
        task = asyncio.ensure_future(super().take_down(events))
        await asyncio.sleep(0)  # it is veiled now, and no disk has heard of it
        if self.covered:
            die_at("veil")
        return await task

    async def submit(self, events: Sequence[Event], cursors: Mapping[Lane, str] | None = None) -> None:
        await super().submit(events, cursors)
        say("told", [(e.post.id, e.post.revision) for e in events if isinstance(e, Posted)])


class AllWatched(app.Server):
    """Its rechecks look at everything, so that what an old post has become is found before the end."""

    def _watch(self, name: str) -> Sequence[Post]:
        return [post for post in self.sequencer.faces.values() if post.source == name]


async def moderate(sequencer: Sequencer, desk: Desk, chance: random.Random) -> None:
    """Hide now and then, undo some, erase a few."""
    while True:
        await asyncio.sleep(chance.uniform(0.05, 0.2))
        line = sequencer.board.line[-60:]
        keys = [key for key in line if key % 2 == 0 and key not in sequencer.covered]
        if not keys:
            continue
        key = chance.choice(keys)
        post_id = sequencer.state.posts.by_key[key].id
        verdict = chance.choices(("hide", "erase", "undone"), (2, 1, 4))[0]
        say("tries", verdict, post_id)
        try:
            if verdict == "undone":
                await desk.rule("hide", str(key), by="grace")
                await desk.rule("undo", str(key), by="grace")
            else:
                await desk.rule(verdict, str(key), by="grace", why=f"{verdict} of {post_id}")
        except (LookupError, LogUnavailable):
            continue
        say("did", verdict, post_id)


async def main(path: Path, life: int) -> None:
    config = load_config(path, os.environ)
    folder = path.parent / "data"
    secrets = SecretStore.open(folder)
    log = DyingLog(folder / "log.db", key_check=start.key_check(secrets.mark_key))
    rate = float(os.environ["RATE"])
    origin = float(os.environ["ORIGIN"])
    clock = Clock(rate=rate, origin=origin)
    sequencer = DyingSequencer(
        log, Spool(folder / "takedowns"), start.rules_of(config), clock, secrets.mark_key
    )
    await sequencer.open()
    server = AllWatched(config, folder, clock, sequencer, secrets.control_token)
    global is_up
    is_up = True
    say("up", sequencer.state.seq)
    running = asyncio.ensure_future(server.run(None))
    chance = random.Random(life)
    moderating = asyncio.ensure_future(
        asyncio.Event().wait() if "quiet" in sys.argv else moderate(sequencer, Desk(sequencer), chance)
    )
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    stopped = asyncio.ensure_future(stop.wait())
    done, _ = await asyncio.wait({running, moderating, stopped}, return_when="FIRST_COMPLETED")
    moderating.cancel()
    for task in done - {stopped}:
        task.result()
    running.cancel()
    await asyncio.gather(running, moderating, return_exceptions=True)
    await server.close()
    say("end", sequencer.state.seq)


def promised(lines: Sequence[bytes]) -> list[list[Any]]:
    """What a life has said, as far as it came."""
    return [msgspec.json.decode(line) for line in lines if line.endswith(b"\n")]


if __name__ == "__main__":
    configure_logging()  # or log lines would stand among the promises
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
