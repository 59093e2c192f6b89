"""A log of many posts: time to start, memory, and how long the questions of a page take.

    python -m benchmarks.scale [POSTS ...]

Makes a log of so many posts, each shown, about one in twenty edited, hidden or answered, opens it in a
process of its own and prints what that costs. Times are CPU seconds of that process unless they say wall.
"""

import asyncio
import json
import random
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from statistics import median

from backchannel.clock import Clock
from backchannel.judge import Rules
from backchannel.log.spool import Spool
from backchannel.log.sqlite import SqliteLog
from backchannel.model import Author, Event, Face, Node, Post, Posted, Rank, Ruled, Settled
from backchannel.search import Search
from backchannel.sequencer import Sequencer
from backchannel.state import State
from backchannel.terminal import progress, say

WORDS = [
    *("the", "room", "is", "full", "and", "everybody", "talks", "about", "answers", "who", "asked", "that"),
    *("question", "again", "please", "share", "slides", "community", "moderation", "takes", "time", "cost"),
    *("listening", "helps", "more", "than", "posting", "what", "did", "it", "you", "in", "the", "end"),
]


def posts(count: int, chance: random.Random) -> Iterator[Post]:
    """Invented posts of about a kilobyte, by one author in ten posts."""
    for n in range(count):
        who = chance.randrange(count // 10 + 1)
        author = Author(
            f"https://social.example/users/u{who}", f"User {who}", f"@u{who}@social.example",
            f"https://social.example/@u{who}", 0,
        )  # fmt: skip
        words = " ".join(chance.choices(WORDS, k=40)) + f" number{n}"
        body = (words + " ", Node("hashtag", ("#openideas26",), "https://social.example/tags/openideas26"))
        reply = f"https://social.example/posts/{chance.randrange(n)}" if n and chance.random() < 0.05 else ""
        yield Post(
            f"https://social.example/posts/{n}", "mastodon", "social", 1.7e9 + n,
            Face(author, "Mastodon", f"https://social.example/@u{who}/{n}", body),
            ref=f"social.example/{n}", lang="en", hashtags=("openideas26",), reply_to=reply,
            pictures=(f"https://social.example/avatars/{who}.png",),
        )  # fmt: skip


async def make(folder: Path, count: int) -> None:
    """Write the log as a conference would have, without waiting for one."""
    log, state = SqliteLog(folder / "log.db"), State()
    chance = random.Random(count)
    with progress(f"Writing {count} posts", count) as tell:
        batch: list[Event] = []
        for n, post in enumerate(posts(count, chance), 1):
            batch.append(Posted(post))
            if len(batch) == 300 or n == count:
                await _append(log, state, batch)
                await _append(log, state, [_settled(e.post) for e in batch if isinstance(e, Posted)])
                await _append(log, state, [_ruling(state, post_id) for post_id in _ids(batch)])
                batch = []
                tell(n)
    await log.close()


async def _append(log: SqliteLog, state: State, events: list[Event]) -> None:
    before = state.seq
    await log.append(events, at=1.7e9 + before, expected=before)
    async for entries in log.after(before):
        for entry in entries:
            state.apply(entry)


def _settled(post: Post) -> Settled:
    url = post.pictures[0]
    return Settled(post.id, url, sha256(url.encode()).hexdigest(), 96, 96)


def _ids(batch: list[Event]) -> Iterator[str]:
    return (event.post.id for event in batch if isinstance(event, Posted))


def _ruling(state: State, post_id: str) -> Event:
    seen = state.posts.by_id[post_id]
    return Ruled(
        f"open:{seen.waits_seq}",
        post_id,
        "show",
        Rank.RULE,
        "open",
        seen.hash,
        "open to all",
        "",
        "s",
        "open",
    )


async def measure(folder: Path) -> dict[str, float]:
    """In a process of its own: what starting costs, and then each question."""
    clock = Clock()
    resident = _resident()
    wall, cpu = clock.monotonic(), _cpu()
    log = SqliteLog(folder / "log.db")
    sequencer = Sequencer(log, Spool(folder / "takedowns"), Rules("open", 0.0), clock, b"k" * 32)
    await sequencer.open()
    found = {
        "start_wall_s": clock.monotonic() - wall,
        "start_cpu_s": _cpu() - cpu,
        "memory_mb": _resident() - resident,
    }
    board = sequencer.board
    found["cards"] = float(len(board.line))
    found["since_10_us"] = _each(lambda: sequencer.since(board.seq - 10), 200) * 1e6
    found["since_0_us"] = _each(lambda: sequencer.since(0), 50) * 1e6
    middle = board.place(board.line[len(board.line) // 2])
    times = []
    for _ in range(20):
        begun = clock.monotonic()
        await sequencer.load(board.before(middle, 50))
        times.append(clock.monotonic() - begun)
    found["page_deep_ms"] = median(times) * 1e3
    search = Search(folder / "search.db", log.epoch)
    begun = clock.monotonic()
    await search.follow(board, sequencer.load)
    found["index_all_s"] = clock.monotonic() - begun
    for name, words in (
        ("rare", "number17"),
        ("common", "question"),
        ("prefix", "mod"),
        ("two", "room slides"),
    ):
        times = []
        for _ in range(20):
            begun = clock.monotonic()
            assert await search.find(words, 50)
            times.append(clock.monotonic() - begun)
        found[f"search_{name}_ms"] = median(times) * 1e3
    await search.close()
    await sequencer.close()
    return found


def _each(question: Callable[[], object], times: int) -> float:
    cpu = _cpu()
    for _ in range(times):
        question()
    return (_cpu() - cpu) / times


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _resident() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


def run(counts: list[int]) -> list[dict[str, float]]:
    """Measure each size, print it, and what one more post costs in memory."""
    found = []
    for count in counts:
        with tempfile.TemporaryDirectory() as name:
            asyncio.run(make(Path(name), count))
            again = [sys.executable, "-m", "benchmarks.scale", "--measure", name]
            told = subprocess.run(again, capture_output=True, check=True, text=True)
            found.append({"posts": count, **json.loads(told.stdout)})
        say("  ".join(f"{name} {value:.4g}" for name, value in found[-1].items()))
    for one, two in pairwise(found):
        growth = (two["memory_mb"] - one["memory_mb"]) * 1e6 / (two["posts"] - one["posts"])
        say(f"memory for one more post between {one['posts']:.0f} and {two['posts']:.0f}: {growth:.0f} bytes")
    return found


if __name__ == "__main__":
    if sys.argv[1:2] == ["--measure"]:
        say(json.dumps(asyncio.run(measure(Path(sys.argv[2])))))
    else:
        run([int(count) for count in sys.argv[1:]] or [100_000, 200_000])
