"""`kill -9` in the middle of a conference, again and again, against a model that knows nothing of our ways.

The simulator plays its whole conference at full speed; the server is killed at random moments and at named
points, and each life begins with what the last one left. Every other life reads a network that repeats
nothing (one Mastodon server, by `min_id`): there a cursor that ran ahead of its events loses posts for good.
"""

import asyncio
import os
import random
import re
import signal
import sys
from collections import Counter
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from pathlib import Path

import msgspec
import pytest

from backchannel.clock import Clock
from backchannel.log.sqlite import SqliteLog
from backchannel.model import Deleted, Entry, Erased, Post, Posted, mark
from backchannel.secret_files import SecretStore
from backchannel.simulator import ScriptedPost, Simulator, Truth, Version
from backchannel.simulator.people import KINDS
from backchannel.start import key_check
from backchannel.state import State, fold
from backchannel.text import plain_text
from tests.conftest import EVERY, Tell
from tests.faults.kill_child import Stand, stand_of
from tests.kit.clocks import until

SEED, SPEED = 11, 9000.0
EACH = 10 if EVERY else 3
"""So many deaths at each point."""
POINTS = ("random", "appends", "veil", "erased")
DAYS_S = 55 * 3600.0
SOON_S = 4 * 3600.0
LIFE_S = 8.0
MOST_ROUNDS = 300
CHILD = Path(__file__).with_name("kill_child.py")


class Waiting(Clock):
    """A clock of the conference that waits at `most`, so that a slow machine has as many deaths within it."""

    def __init__(self) -> None:
        super().__init__(rate=SPEED)
        self.origin = self.real()
        self.most = float("inf")
        self._waited = 0.0

    @property
    def is_waiting(self) -> bool:
        return self.now() == self.most

    def now(self) -> float:
        time = super().now() - self._waited
        self._waited += max(0.0, time - self.most)
        return min(time, self.most)


class Lives:
    """Start a child, kill it or let it kill itself, and keep what it was promised."""

    def __init__(self, folder: Path, origin: float) -> None:
        self.folder, self.origin = folder, origin
        self.chance = random.Random(SEED)
        self.told: set[tuple[str, int]] = set()
        self.tried: dict[str, set[str]] = {"hide": set(), "erase": set(), "undone": set()}
        self.did: dict[str, set[str]] = {"hide": set(), "erase": set(), "undone": set()}
        self.deaths: Counter[str] = Counter()
        self.rounds = 0
        self.stand = Stand()
        self.number = 0

    def rarest(self) -> str:
        """The point at which the fewest have died so far."""
        return min(POINTS, key=lambda point: self.deaths[point])

    async def live(self, config: Path, point: str, *, until: float) -> None:
        """One life that dies at its point, or is killed `until` seconds after its first word."""
        count = self.chance.randint(1, 1 if point == "cursor" else 3)
        child, reading = await self._start(config, point, str(count))
        await asyncio.wait({reading}, timeout=until)
        if not reading.done():
            child.send_signal(signal.SIGKILL)
        self.deaths[await reading] += 1
        await child.wait()

    async def end_in_order(self, config: Path, is_over: Callable[[], bool]) -> None:
        """A last life, told to stop when it has read all that it is to read."""
        child, reading = await self._start(config, "never", "1", "quiet")
        await until(lambda: is_over() or reading.done())
        assert not reading.done(), self._complaint()
        child.terminate()
        await reading
        assert await child.wait() == 0, self._complaint()

    async def _start(
        self, config: Path, *words: str
    ) -> tuple[asyncio.subprocess.Process, asyncio.Future[str]]:
        self.number += 1
        paths = os.pathsep.join(map(str, (CHILD.parents[2], CHILD.parents[1])))
        env = {**os.environ, "PYTHONPATH": paths, "RATE": str(SPEED), "ORIGIN": str(self.origin)}
        with (self.folder / "child.log").open("ab") as log:
            child = await asyncio.create_subprocess_exec(
                sys.executable, str(CHILD), str(config), str(self.number), *words,
                stdout=asyncio.subprocess.PIPE, stderr=log, env=env,
            )  # fmt: skip
        assert child.stdout
        first = await child.stdout.readline()
        assert first, self._complaint()
        return child, asyncio.ensure_future(self._listen(child.stdout))

    def _complaint(self) -> str:
        return (self.folder / "child.log").read_text()[-3000:]

    async def _listen(self, stream: asyncio.StreamReader) -> str:
        """Hear it out and remember what it was promised. Return where it died."""
        death = "random"
        async for line in stream:
            if not line.endswith(b"\n"):
                break
            what, *rest = msgspec.json.decode(line)
            if what == "told":
                self.told |= {(id_, revision) for id_, revision in rest[0]}
            elif what == "tries":
                self.tried[rest[0]].add(rest[1])
            elif what == "did":
                self.did[rest[0]].add(rest[1])
            elif what == "rechecks":
                self.rounds, self.stand = self.rounds + 1, msgspec.convert(rest[0], Stand)
            elif what == "dies":
                death = rest[0]
        return death


async def read_log(folder: Path) -> list[Entry]:
    log = SqliteLog(folder / "data" / "log.db", key_check=_check(folder))
    try:
        return [entry async for part in log.after(0) for entry in part]
    finally:
        await log.close()


def _check(folder: Path) -> str:
    return key_check(SecretStore.read(folder / "data").mark_key)


def check_promises(lives: Lives, entries: list[Entry]) -> State:
    """After any life: nothing promised is missing, nothing is there twice, nothing erased is left."""
    state = fold(entries)
    key = SecretStore.read(lives.folder / "data").mark_key
    copies = Counter(_copy(entry.event.post) for entry in entries if isinstance(entry.event, Posted))
    assert not [name for name, count in copies.items() if count > 1]
    erased = {id_ for id_ in lives.tried["erase"] if mark(key, id_) in state.marks}
    assert lives.did["erase"] <= erased
    named = {seq for entry in entries if isinstance(entry.event, Erased) for seq in entry.event.seqs}
    assert not named & {entry.seq for entry in entries}
    for event in (entry.event for entry in entries):
        about = event.post.id if isinstance(event, Posted) else getattr(event, "subject", "")
        assert about not in erased
    quoting = _that_quote(entries)
    for id_, revision in lives.told - {(i, r) for i, r in lives.told if i in erased or i in quoting}:
        seen = state.posts.by_id.get(id_)
        assert seen is not None, f"{id_} was promised and is not there"
        assert seen.revision >= revision
    for id_ in lives.did["hide"] - erased - quoting:
        assert _is_hidden(state, id_), f"the hide of {id_} is lost"
    return state


def _copy(post: Post) -> tuple[object, ...]:
    """The origin's copy may follow a relay's, with the same words; nothing else may come twice."""
    return post.id, post.revision, post.is_origin, post.face, post.hashtags


def _that_quote(entries: list[Entry]) -> set[str]:
    return {e.event.post.id for e in entries if isinstance(e.event, Posted) and e.event.post.face.quote}


def _is_hidden(state: State, id_: str) -> bool:
    seen = state.posts.by_id.get(id_)
    return seen is None or seen.key not in state.board.items


def errors(stand: Stand, truth: Truth, key: bytes) -> dict[str, AbstractSet[str]]:
    """Return where a board differs from what the simulator said, without what was hidden or erased."""
    refused = {post.id for post in truth.posts.values() if "not to be on any wall" in post.text}
    erased = {id_ for id_ in truth.posts if mark(key, id_) in stand.marks}
    expected = truth.standing - stand.hidden - erased - refused
    found = {"missing": expected - stand.shown, "not to be there": stand.shown - expected}
    return {what: ids - stand.quoting for what, ids in found.items() if ids - stand.quoting}


def check_model(entries: list[Entry], state: State, truth: Truth, key: bytes) -> tuple[int, int]:
    """The board in the log is as the simulator's truth has it. Gives (shown, hidden)."""
    words = {e.seq: e.event.post for e in entries if isinstance(e.event, Posted)}
    stand = stand_of(state, words.values())
    assert errors(stand, truth, key) == {}
    for id_ in stand.shown - stand.quoting:
        post = words[state.posts.by_id[id_].post]
        said, here = _words(truth.posts[id_].text)[:25], _words(plain_text(post.face.body))
        assert {*said} <= {*here}, f"{id_}: {said!r} is not in {here!r}"
    deleted = {e.event.subject for e in entries if isinstance(e.event, Deleted)}
    assert not deleted & stand.shown
    return len(stand.shown), len(stand.hidden)


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", re.sub(r"https?://\S+", "", text))


def conference(clock: Clock) -> Simulator:
    """The networks whose every post this test knows."""
    return Simulator(seed=SEED, speed=SPEED, only=KINDS, clock=clock, rate_limit=10**6, outages=False)


def configs(folder: Path, simulator: Simulator) -> tuple[Path, Path]:
    """One that reads everything twice and more, and one whose network repeats nothing."""
    text = simulator.config_yaml(port=0).replace("delay_s: 5", "delay_s: 0")
    text = text.replace('"poll_s": 2', '"poll_s": 1, "recheck_s": 2').replace('"poll_s": 3', '"poll_s": 1')
    all_of_it, once = folder / "all.yaml", folder / "once.yaml"
    all_of_it.write_text(text, "utf-8")
    sources = re.compile(r"sources:\n.*(?=wall:)", re.S)
    single = (
        f"sources:\n  - {{kind: mastodon, servers: ['{simulator.bases[0]}'], poll_s: 1, recheck_s: 3600}}\n"
    )
    once.write_text(sources.sub(single, text), "utf-8")
    return all_of_it, once


@pytest.mark.timeout(300)
async def test_nothing_promised_is_lost_or_doubled_and_no_hide_is_forgotten(
    tmp_path: Path, tell: Tell
) -> None:
    clock = Waiting()
    lives = Lives(tmp_path, clock.origin)
    async with conference(clock) as simulator:
        both = configs(tmp_path, simulator)
        while lives.deaths[point := lives.rarest()] < EACH:
            part = (sum(lives.deaths.values()) + 2) / (EACH * len(POINTS))
            clock.most = simulator.world.stamp(DAYS_S * min(1.0, part))
            longest_s = lives.chance.uniform(0.05, 0.9) if point == "random" else LIFE_S
            await lives.live(both[lives.number // 4 % 2], point, until=longest_s)
            check_promises(lives, await read_log(tmp_path))
        clock.most = simulator.world.stamp(DAYS_S)
        key = SecretStore.read(tmp_path / "data").mark_key

        looked = 0

        def is_over() -> bool:
            """As the model has it; or it never will be, after so many rounds of re-checks."""
            nonlocal looked
            if not clock.is_waiting or lives.rounds == looked:
                return False
            looked = lives.rounds
            return not errors(lives.stand, simulator.truth(), key) or looked > MOST_ROUNDS

        await lives.end_in_order(both[0], is_over)
        entries = await read_log(tmp_path)
        state = check_promises(lives, entries)
        shown, hidden = check_model(entries, state, simulator.truth(), key)
    tell(
        f"kill -9: {sum(lives.deaths.values())} kills in {lives.number} lives {dict(lives.deaths)}; "
        f"{len(entries)} entries, {shown} shown, {hidden} hidden, {len(state.marks)} erased; "
        f"{len(lives.told)} copies and {sum(map(len, lives.did.values()))} decisions promised"
    )
    assert shown > 100
    assert hidden > 10


@pytest.mark.timeout(120)
async def test_control_a_cursor_that_is_written_before_its_events_loses_posts(tmp_path: Path) -> None:
    clock = Waiting()
    lives = Lives(tmp_path, clock.origin)
    async with conference(clock) as simulator:
        _, once = configs(tmp_path, simulator)
        while lives.deaths["cursor"] < 3:  # on a busy machine a life may end before it comes by there
            clock.most = simulator.world.stamp(SOON_S * (lives.deaths["cursor"] + 1) / 3)
            await lives.live(once, "cursor", until=LIFE_S)
        await until(lambda: clock.is_waiting)
        speaker = next(s for s in simulator.world.said(SOON_S) if s.kind == "mastodon" and s.place == "0")
        words = Version(simulator.moment(), "The last #openideas26")
        last = simulator.say(ScriptedPost("last", "mastodon", speaker.who, (words,), speaker.place))
        await lives.end_in_order(once, lambda: (last, 0) in lives.told)
        entries = await read_log(tmp_path)
        here = {e.event.post.id for e in entries if isinstance(e.event, Posted)}
        early = simulator.truth(simulator.world.stamp(SOON_S - 1800))
        said = {id_ for id_ in early.standing if early.posts[id_].kind == "mastodon"}
    assert said - here, "the control lost nothing: the test above proves nothing"
