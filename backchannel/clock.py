"""The only source of time. Everything else is handed a `Clock`, so a test can hold time in its hand."""

import asyncio
import time
from datetime import UTC, datetime


class Clock:
    """`now()` is the later of the wall clock and `floor` at creation, plus monotonic seconds.

    `rate` lets the conference run faster than life: one real second is `rate` seconds of it. `sleep` and
    `monotonic` are real seconds always: networks, heartbeats and deadlines do not run faster.
    """

    def __init__(self, *, rate: float = 1.0, origin: float | None = None, floor: float = 0.0) -> None:
        self.rate = rate
        wall = time.time()
        self._base = max(wall if origin is None else origin + (wall - origin) * rate, floor)
        self._started = time.monotonic()

    def now(self) -> float:
        """POSIX seconds of the conference."""
        return self._base + (time.monotonic() - self._started) * self.rate

    def real(self) -> float:
        """POSIX seconds of the wall clock: for what a browser or another machine compares."""
        return time.time()

    def monotonic(self) -> float:
        """Real seconds that never go back; only differences mean anything."""
        return time.monotonic()

    def until(self, at: float) -> float:
        """Real seconds from now to the conference time `at`, never negative."""
        return max(0.0, (at - self.now()) / self.rate)

    async def sleep(self, seconds: float) -> None:
        """Wait real seconds."""
        await asyncio.sleep(seconds)


async def give_way() -> None:
    """Let everybody else have the loop once."""
    await asyncio.sleep(0)


def to_utc(seconds: float) -> datetime:
    """POSIX seconds as an aware UTC datetime, clamped to the years 1970 to 9999."""
    return datetime.fromtimestamp(min(max(seconds, 0.0), 253402300799.0), UTC)
