"""`make fuzz`: thousands of odd answers to the running program, and after each handful: does all else go on?

Two arms. Within this process the real server runs with a clock that shortens pauses,
so that a lane that fails
is asked again at once; beside it `backchannel serve` runs as a process of its own, at its own pace. Both are
the whole program, with all that it asks for over HTTP and websockets. A third arm is the control: without the
guards the program has to die of the same answers, or the fuzz could not see a death.
"""

import asyncio
import os
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

from aiohttp import ClientError, ClientSession
from msgspec import Struct, field

from backchannel.clock import Clock
from backchannel.fetch import client
from backchannel.gather import Gatherer
from backchannel.terminal import configure_logging
from tests.faults.odd_net import STAGES, OddNet, odd_net, sources
from tests.kit.program import config_text, serving
from tests.kit.server import running

LANES = 6
"""Strangers for each place where an answer can be odd."""

HONEST_LANES = 3
PAUSE_S = 0.15
ASK_S = 0.1
ROUND_S = 4.0
LATE_S = 2.0
LOST_S = 60.0
SOURCES = ("honest", "servers", "feeds", "relays0", "relays11")


class Late(NamedTuple):
    """A round after which an honest post took more than 2 s, or a source was not live again."""

    said: str
    took_s: float
    is_dead: bool


class Figures(Struct):
    """What a run came to."""

    seed: int
    answers: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    rounds: int = 0
    deaths: int = 0
    bugs: int = 0
    latest_bug: str = ""
    late: list[Late] = field(default_factory=list)
    slowest_s: float = 0.0

    @property
    def total(self) -> int:
        return sum(self.answers.values())

    def render(self, name: str) -> str:
        """A few lines for a person."""
        by_place = ", ".join(f"{stage} {count}" for stage, count in sorted(self.answers.items()))
        by_kind = ", ".join(f"{kind} {count}" for kind, count in self.kinds.most_common())
        return (
            f"{name}: seed {self.seed}, {self.total} odd answers in {self.rounds} rounds, "
            f"{self.deaths} deaths, "
            f"{len(self.late)} late, slowest honest post {self.slowest_s:.2f} s, "
            f"{self.bugs} bugs contained {self.latest_bug}\n"
            f"  by place: {by_place}\n  by what was odd: {by_kind}"
        )


class Hasty(Clock):
    """Cuts pauses short, so that whoever failed is asked again at once. What is long stays long."""

    async def sleep(self, seconds: float) -> None:
        await super().sleep(min(seconds, PAUSE_S) if seconds < 600 else seconds)


Enough = Callable[[Figures], bool]


class Program:
    """The running program from outside. `is_over` says that it has ended."""

    def __init__(
        self, folder: Path, config: str, url: str, http: ClientSession, is_over: Callable[[], bool]
    ) -> None:
        self._folder, self._config, self._url, self._http = folder, config, url, http
        self.is_over = is_over

    def renew(self, number: int) -> None:
        """A new configuration, with which all sources begin anew."""
        draft = self._folder / "config.new"
        draft.write_text(self._config.replace("Test Conference", f"Conference {number}"), "utf-8")
        draft.rename(self._folder / "config.yaml")

    async def get(self, path: str) -> Any:
        """JSON of this path; nothing where there is no answer."""
        with suppress(ClientError, TimeoutError, OSError):
            async with asyncio.timeout(60), self._http.get(self._url + path) as answer:
                return await answer.json()
        return {}


@asynccontextmanager
async def inside(net: OddNet, folder: Path) -> AsyncIterator[Program]:
    """In this process, in a hurry."""
    config, ended = config_text(*sources(net, LANES)), asyncio.Event()
    async with ClientSession() as http:
        try:
            async with running(folder, config, clock=Hasty(), ended=ended) as (_, url):
                yield Program(folder, config, url, http, ended.is_set)
        except Exception:
            if not ended.is_set():  # else it is what it died of, and counted
                raise


@asynccontextmanager
async def outside(net: OddNet, folder: Path) -> AsyncIterator[Program]:
    """A process of its own."""
    config = config_text(*sources(net, LANES))
    async with serving(folder, config=config) as served:
        yield Program(folder, config, served.url, served.http, lambda: served.process.returncode is not None)


@contextmanager
def without_guards() -> Iterator[None]:
    """The control: nothing is contained, and headers come as they came once."""
    with (
        patch.object(Gatherer, "_edge", lambda *_: nullcontext()),
        patch.object(client, "foreign", lambda _: nullcontext()),
        patch.object(client, "_sendable", dict),
    ):
        yield


async def fuzz(net: OddNet, program: Program, *, until: Enough) -> Figures:
    """Round after round: everybody begins anew, many answer oddly, and the honest ones must come through."""
    figures, clock = Figures(net.seed), Clock()
    while not until(figures) and not figures.deaths:
        net.round += 1
        program.renew(net.round)
        before, began = net.served.total(), clock.monotonic()
        while net.served.total() < before + 8 * LANES * 8 and clock.monotonic() < began + ROUND_S:
            await clock.sleep(ASK_S)
        await _check(net, program, figures, clock)
        figures.rounds += 1
        figures.answers, figures.kinds = Counter(net.served), Counter(net.kinds)
        figures.deaths = int(program.is_over())
    return figures


async def _check(net: OddNet, program: Program, figures: Figures, clock: Clock) -> None:
    """All sources live, and a post by each honest lane within 2 s."""
    await _until(program, clock, "/healthz", lambda health: _dead(health) == [])
    words = f"honest{net.seed}x{net.round}"
    net.say(words)
    took_s = await _until(
        program, clock, f"/api/v1/posts?q={words}", lambda page: len(page.get("posts", ())) >= HONEST_LANES
    )
    figures.slowest_s = max(figures.slowest_s, took_s)
    health = await program.get("/healthz")
    if took_s > LATE_S or _dead(health):
        said = f"round {net.round}: an honest post after {took_s:.2f} s, not live: {_dead(health)}"
        figures.late.append(Late(said, took_s, is_dead=bool(_dead(health))))
    figures.bugs, figures.latest_bug = (health.get("bugs") or {"count": 0, "latest": ""}).values()


async def _until(program: Program, clock: Clock, path: str, is_so: Callable[[Any], bool]) -> float:
    """Ask until it is so, or hopeless. Returns the seconds it took."""
    began = clock.monotonic()
    while not is_so(await program.get(path)) and not program.is_over():
        if clock.monotonic() - began > LOST_S:
            break
        await clock.sleep(ASK_S)
    return clock.monotonic() - began


def _dead(health: dict[str, Any]) -> list[str]:
    """Sources with an honest lane in them that are not live."""
    told = health.get("sources", {})
    return [name for name in SOURCES if told.get(name, {}).get("state") != "live"]


async def run(seed: int, enough: Mapping[str, Enough]) -> dict[str, Figures]:
    """All arms one after the other, each until it has had enough or the program died."""
    done: dict[str, Figures] = {}
    for name, arm in (("inside", inside), ("outside", outside), ("control", inside)):
        with (
            tempfile.TemporaryDirectory() as folder,
            without_guards() if name == "control" else nullcontext(),
        ):
            async with odd_net(seed) as net, arm(net, Path(folder)) as program:
                done[name] = await fuzz(net, program, until=enough[name])
    return done


def failures(done: Mapping[str, Figures], *, late_s: float = LATE_S) -> list[str]:
    """What is not as it should be; nothing, when all is well."""
    wrong = [] if done["control"].deaths else ["control: without the guards it has to die, and did not"]
    for name in ("inside", "outside"):
        figures = done[name]
        wrong += [f"{name}: it died"] * figures.deaths
        wrong += [f"{name}: never an odd answer at {stage}" for stage in STAGES if not figures.answers[stage]]
        wrong += [f"{name}: {late.said}" for late in figures.late if late.took_s > late_s or late.is_dead]
    return wrong


def main() -> None:
    """For `make fuzz`: FUZZ_SEED and FUZZ_ANSWERS say what to run."""
    configure_logging(level="critical")
    seed, answers = int(os.environ.get("FUZZ_SEED", "1")), int(os.environ.get("FUZZ_ANSWERS", "20000"))
    wanted = {"inside": answers, "outside": answers // 10, "control": answers}
    enough = {name: lambda figures, count=count: figures.total >= count for name, count in wanted.items()}
    done = asyncio.run(run(seed, enough))
    for name, figures in done.items():
        print(figures.render(name))
    wrong = failures(done)
    print("\n".join(wrong) or "all is well")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
