"""The one clock of tests, with its time in the test's hand, and how a test waits for what happens."""

import asyncio
from collections.abc import Awaitable, Callable
from inspect import isawaitable
from typing import Literal

from backchannel.clock import Clock


class ManualClock(Clock):
    """The conference's time is `time`, and moves when the test moves it. `sleeps` says what real seconds do:

    "real": they pass by themselves (`sleep`, `monotonic`, `real`); `ahead_s` puts deadlines forward.
    "held": they are in the test's hand too; `advance` and `go` wake who sleeps.
    "skipped": nobody waits; each pause is noted in `pauses`.
    """

    def __init__(
        self, time: float = 1000.0, *, rate: float = 1.0, sleeps: Literal["real", "held", "skipped"] = "real"
    ) -> None:
        super().__init__(rate=rate)
        self.time, self.start, self.ahead_s = time, time, 0.0
        self.pauses: list[float] = []
        self._sleeps = sleeps
        self._sleepers: list[tuple[float, asyncio.Future[None]]] = []

    def now(self) -> float:
        return self.time

    def real(self) -> float:
        return super().real() if self._sleeps == "real" else self.start + (self.time - self.start) / self.rate

    def monotonic(self) -> float:
        return (super().monotonic() if self._sleeps == "real" else self.real()) + self.ahead_s

    async def sleep(self, seconds: float) -> None:
        if self._sleeps == "held":
            future = asyncio.get_running_loop().create_future()
            self._sleepers.append((self.time + seconds * self.rate, future))
            await future
        elif self._sleeps == "skipped":
            self.pauses.append(seconds)
            await asyncio.sleep(0)
        else:
            await super().sleep(seconds)

    async def advance(self, seconds: float) -> None:
        """Let so many seconds of the conference pass; who sleeps wakes in order and runs."""
        until = self.time + seconds
        while due := [sleeper for sleeper in self._sleepers if sleeper[0] <= until]:
            self._wake(min(due, key=lambda sleeper: sleeper[0]))
            await turns(4)
        self.time = until

    def go(self, seconds: float) -> None:
        """Let it be so many seconds after the start; who sleeps until then is woken."""
        self.time = self.start + seconds
        for sleeper in [*self._sleepers]:
            if sleeper[0] <= self.time:
                self._wake(sleeper, self.time)

    def _wake(self, sleeper: tuple[float, asyncio.Future[None]], at: float = 0.0) -> None:
        self._sleepers.remove(sleeper)
        self.time = max(self.time, sleeper[0], at)
        if not sleeper[1].done():
            sleeper[1].set_result(None)


class HastyClock(Clock):
    """Time passes by itself, and who sleeps does so for an eighth of it: what is polled is polled often."""

    async def sleep(self, seconds: float) -> None:
        await super().sleep(seconds / 8)


async def turns(count: int = 1) -> None:
    """Let everything that is ready run, so many times."""
    for _ in range(count):
        future = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_soon(future.set_result, None)
        await future


async def until(is_so: Callable[[], object | Awaitable[object]], *, patience_s: float = 60.0) -> None:
    """Look again and again, while everybody else works on, until it is so."""
    async with asyncio.timeout(patience_s):
        while not (await found if isawaitable(found := is_so()) else found):
            await asyncio.sleep(0.01)
