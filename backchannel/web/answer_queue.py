"""Chooses whose answer is made next.

Addresses take turns, so whoever asks without end waits for themselves, and a heartbeat never waits for pages.
"""

import asyncio
from asyncio import Future
from collections import deque

PER_PASS = 8
"""Answers that are begun, or slices of them that are written, before others get the loop."""
PATIENCE_S = 10.0
MAX_WAITING = 1000


class Crowded(Exception):
    """Too much is asked at once: come back in a moment."""


class AnswerQueue:
    """Lets a few at a time go on. Those who wait are taken by address: one of each, then again."""

    def __init__(self, per_pass: int = PER_PASS) -> None:
        self._per_pass = self._left = per_pass
        self._lines: dict[str, deque[Future[None]]] = {}
        self._is_due = False

    async def take(self, address: str, *, patience_s: float | None = PATIENCE_S) -> None:
        """Wait for one. Raises Crowded where it takes too long or too many do; without patience, never."""
        self._wake()
        if self._left and not self._lines:
            self._left -= 1
            return
        line = self._lines.setdefault(address, deque())
        if len(line) >= MAX_WAITING and patience_s is not None:
            raise Crowded
        line.append(waiter := asyncio.get_running_loop().create_future())
        try:
            async with asyncio.timeout(patience_s):
                await waiter
        except TimeoutError:
            raise Crowded from None

    def _wake(self) -> None:
        if not self._is_due:
            self._is_due = True
            asyncio.get_running_loop().call_soon(self._pass)

    def _pass(self) -> None:
        is_rested, self._is_due, self._left = self._left == self._per_pass, False, self._per_pass
        while self._left and self._lines:
            address = next(iter(self._lines))
            line = self._lines.pop(address)
            waiter = line.popleft()
            if line:
                self._lines[address] = line
            if not waiter.done():
                waiter.set_result(None)
                self._left -= 1
        if not is_rested or self._lines or self._left < self._per_pass:
            self._wake()
