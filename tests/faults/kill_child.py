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
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

import msgspec

from backchannel import app, start
from backchannel.clock import Clock
from backchannel.config import load_config
from backchannel.gather import KnownPosts
from backchannel.log import Lane, LogUnavailable
from backchannel.log.spool import Spool
from backchannel.log.sqlite import SqliteLog
from backchannel.model import Event, Post, Posted, Takedown
from backchannel.secret_files import SecretStore
from backchannel.sequencer import Sequencer
from backchannel.sequencer.desk import Desk
from backchannel.sequencer.inbox import AppendBatch
from backchannel.state import State
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


class Stand(msgspec.Struct, frozen=True):
    """What is shown, what a person has hidden, the marks of what is erased, and who quotes; ids of posts."""

    shown: frozenset[str] = frozenset()
    hidden: frozenset[str] = frozenset()
    marks: frozenset[str] = frozenset()
    quoting: frozenset[str] = frozenset()


def stand_of(state: State, posts: Iterable[Post]) -> Stand:
    """`posts`: every copy that may be of interest."""
    tops = {subject: state.rulings.top(subject) for subject in state.rulings.words}
    return Stand(
        frozenset(state.posts.by_key[key].id for key in [*state.board.line, *state.board.folds]),
        frozenset(subject for subject, word in tops.items() if word and word.verdict == "hide"),
        frozenset(state.marks),
        frozenset(post.id for post in posts if post.face.quote),
    )


class AllKnown(KnownPosts):
    """Re-checks look at everything, so that what an old post has become is found before the end."""

    def __init__(self, sequencer: Sequencer) -> None:
        super().__init__(sequencer)
        self._all = sequencer

    def watched(self, source: str) -> Sequence[Post]:
        faces = self._all.faces.values()
        say("rechecks", stand_of(self._all.state, faces))
        return [post for post in faces if post.source == source]


async def moderate(sequencer: Sequencer, desk: Desk, chance: random.Random, clock: Clock) -> None:
    """Hide now and then, undo some, erase a few."""
    while True:
        await clock.sleep(chance.uniform(0.02, 0.1))
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
    server = app.Server(config, folder, clock, sequencer, secrets.control_token)
    if is_quiet := "quiet" in sys.argv:
        server.known = AllKnown(sequencer)
    global is_up
    is_up = True
    say("up", sequencer.state.seq)
    running = asyncio.ensure_future(server.run(None))
    chance = random.Random(life)
    moderating = asyncio.ensure_future(
        asyncio.Event().wait() if is_quiet else moderate(sequencer, Desk(sequencer), chance, clock)
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


if __name__ == "__main__":
    configure_logging()  # or log lines would stand among the promises
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
