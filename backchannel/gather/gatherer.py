"""Runs one source: every lane in a task of its own, with its cursor, pace, patience and health.

A source only talks to its network. When to ask again, and how to tell its state,
is decided here, for all alike.

Here foreign data enters, so here is the guard (`_edge`): whatever a source raises is its own lane's failure.
What the writer raises is the core's, and goes through: around `submit` and `take_down` there is no guard.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from random import random

import structlog

from backchannel.contract import Batch, Closing, Recheck, Source, SourceError
from backchannel.fetch import FetchError, Refused
from backchannel.gather.candidates import RECHECK, Candidates
from backchannel.gather.context import GatherContext
from backchannel.gather.health import Health, LaneHealth, SourceHealth
from backchannel.log import LogUnavailable
from backchannel.model import DecodeError, Deleted, Left, Post
from backchannel.redaction import redacted
from backchannel.retry import backoff_s

STEADY_S = 60.0
"""A read that went well for so long starts patience anew."""
LOG_RETRY_S = 2.0
REFUSED_S = 1800.0
"""An address that the guard refuses is for a person to change, and looked at again after so long: until
somebody signs in, a wifi's login page leads every address into its own network."""
MAX_PART = 800
TROUBLES = (SourceError, FetchError, DecodeError)
"""Failures that are a network's own. Everything else is a bug of ours."""

Watch = Callable[[], Sequence[Post]]

log_line = structlog.get_logger(__name__)


class Gatherer:
    """Runs the lanes and the rechecks of one source, and knows its health."""

    def __init__(self, name: str, kind: str, source: Source, watch: Watch, context: GatherContext) -> None:
        self.name, self.kind, self.source = name, kind, source
        self._watch, self._context, self._clock = watch, context, context.clock
        self._lanes: dict[str, LaneHealth] = {}
        self._candidates = Candidates(name, kind, context, chosen=source.chosen)
        self._is_stopping = False

    @property
    def health(self) -> SourceHealth:
        """The source as a whole: live while any lane is, with the trouble of the others named."""
        lanes = self._lanes
        errors = {lane: health.error.removeprefix(f"{lane}: ") for lane, health in lanes.items()}
        troubles = [f"{lane}: {error}" for lane, error in errors.items() if error]
        states = [health.state for health in lanes.values()] or ["starting"]
        order: list[Health] = ["live", "starting", "backoff", "blocked", "needs_human"]
        best = min(states, key=order.index)
        at = max((h.last_success_at for h in lanes.values() if h.last_success_at is not None), default=None)
        skipped = self._candidates.dropped + sum(health.skipped for health in lanes.values())
        return SourceHealth(
            self.name, self.kind, best, at, self._behind_s(best, at), "; ".join(troubles), skipped
        )

    def _behind_s(self, state: Health, at: float | None) -> float | None:
        """Real seconds since the network was last heard; a stream that is open is not behind."""
        if at is None:
            return None
        if state == "live" and self.source.poll_s == 0:
            return 0.0
        return max(0.0, self._clock.now() - at) / self._clock.rate

    async def run(self) -> None:
        """Run all lanes and the re-check, until cancelled. Raises only what the writer raises."""
        try:
            lanes = await self._find_lanes()
            async with asyncio.TaskGroup() as tasks:
                work = []
                for lane in lanes:
                    self._lanes[lane] = LaneHealth()
                    work.append(tasks.create_task(self._stop_with(self._run_lane(lane))))
                if isinstance(self.source, Recheck):
                    work.append(tasks.create_task(self._stop_with(self._run_recheck(self.source))))
                await self._stop_with(asyncio.wait(work))
        finally:
            if isinstance(self.source, Closing):
                await self._end(f"end of {self.name}", self.source.close)

    async def _stop_with(self, work: Awaitable[object]) -> None:
        """Await what must not fail; when it does, or is cancelled, all the others are about to be cancelled.

        `Task.cancelling` would tell as much, but a task group that failed within a source leaves it raised.
        """
        try:
            await work
        except BaseException:
            self._is_stopping = True
            raise

    async def _find_lanes(self) -> Sequence[str]:
        """Return the names of the lanes. The source is asked again, with patience, while it cannot say."""
        health = LaneHealth()
        while True:
            began = self._clock.monotonic()
            try:
                with self._edge(f"source {self.name}"):
                    lanes = tuple(self.source.lanes())
            except TROUBLES as error:
                self._lanes["lanes"] = health
                pause_s = max(self._fail("lanes", health, error), self._patience_s(health, began))
                await self._clock.sleep(pause_s)
            else:
                self._lanes.clear()
                return lanes

    @contextmanager
    def _edge(self, where: str) -> Iterator[None]:
        """Within the block a source is at work: what it should not have raised is a bug of ours, its trouble.

        A cancellation that nobody asked this task for is one, too: else a lane would end, and nobody see it.
        One that was asked for ends it, whatever the source raises meanwhile.
        """
        try:
            yield
        except (Exception, asyncio.CancelledError) as error:
            if self._is_stopping:
                raise asyncio.CancelledError from error
            if isinstance(error, TROUBLES):
                raise
            cause = _cause(error)
            if isinstance(cause, TROUBLES):
                raise cause from error
            raise SourceError(self._context.bugs.caught(where, cause)) from error

    async def _end(self, where: str, close: Callable[[], Awaitable[object]]) -> None:
        """Close what a source has open. What was on its way before goes on, whatever this raises."""
        try:
            await close()
        except (Exception, asyncio.CancelledError) as error:
            if self._is_stopping and isinstance(error, asyncio.CancelledError):
                raise
            cause = _cause(error)
            is_trouble = isinstance(cause, TROUBLES)
            why = str(cause) if is_trouble else self._context.bugs.caught(where, cause)
            log_line.info("not closed well", where=where, error=why)

    async def _run_lane(self, lane: str) -> None:
        health = self._lanes[lane]
        is_parked = False
        while not is_parked:
            began = self._clock.monotonic()
            try:
                pause_s = await self._read(lane, health)
                if self.source.poll_s == 0:  # a stream that ends is no failure, but not to be hurried
                    pause_s = max(pause_s, self._patience_s(health, began))
                else:
                    health.failures = 0
            except TROUBLES as error:
                pause_s = max(self._fail(lane, health, error), self._patience_s(health, began))
                is_parked = isinstance(error, SourceError) and error.permanent
            except LogUnavailable:
                pause_s = LOG_RETRY_S  # from the stored cursor, when the log is back
            await self._clock.sleep(pause_s)

    async def _read(self, lane: str, health: LaneHealth) -> float:
        """Read on from the stored cursor to the end. Returns the pause, in real seconds."""
        cursor = (await self._context.cursors()).get((self.name, lane))
        where, pause_s = f"lane {self.name}/{lane}", 0.0
        with self._edge(where):
            batches = self.source.batches(lane, cursor)
        try:
            while batch := await self._next(where, batches):
                await self._take(lane, batch, None if batch.cursor == cursor else batch.cursor)
                cursor = batch.cursor if batch.cursor is not None else cursor
                if health.error:
                    log_line.info("source is back", source=self.name, lane=lane)
                health.hear(self._clock.now(), batch.skipped)
                pause_s = max(pause_s, batch.pause_s)
                if batch.skipped:
                    log_line.warning("items dropped", source=self.name, lane=lane, why=[*batch.reasons][:3])
        finally:
            await self._end(where, batches.aclose)
        return max(pause_s, self.source.poll_s)

    async def _next(self, where: str, batches: AsyncGenerator[Batch, None]) -> Batch | None:
        """Return the next batch, or None at the end. The guard is around the source's own code alone."""
        with self._edge(where):
            batch = await anext(batches, None)
            if batch and batch.cursor:
                batch.cursor.encode()  # half a character could not be stored
            return batch

    def _patience_s(self, health: LaneHealth, began: float) -> float:
        """Count one more read that did not hold. Returns the pause, in real seconds."""
        is_steady = self._clock.monotonic() - began >= STEADY_S
        health.failures = 1 if is_steady else health.failures + 1
        return backoff_s(health.failures, chance=random())  # noqa: S311 - jitter

    def _fail(self, lane: str, health: LaneHealth, error: Exception) -> float:
        """Note what the failure means for the lane. Returns the pause that was asked for, in real seconds."""
        said = redacted(str(error))
        if said != health.error:  # said once, however often it is tried
            log_line.warning("source trouble", source=self.name, lane=lane, error=said)
        health.error = said
        if isinstance(error, SourceError) and error.permanent:
            health.state = "needs_human"
            return 0.0
        if isinstance(error, Refused) or isinstance(error.__cause__, Refused):
            health.state = "needs_human"
            return REFUSED_S
        asked_s = error.retry_after_s if isinstance(error, SourceError) else 0.0
        health.state = "blocked" if asked_s else "backoff"
        return asked_s

    async def _run_recheck(self, source: Recheck) -> None:
        pace_s = pause_s = source.recheck_s
        while True:
            await self._clock.sleep(pause_s)
            pause_s = pace_s
            posts = self._watch()
            if not posts:
                continue
            try:
                with self._edge(f"recheck {self.name}"):
                    events = await source.recheck(posts)
                await self._take(RECHECK, Batch(events), None)
            except (*TROUBLES, LogUnavailable) as error:
                log_line.info("recheck failed", source=self.name, error=str(error))
                pause_s = max(pace_s, error.retry_after_s if isinstance(error, SourceError) else 0.0)

    async def _take(self, lane: str, batch: Batch, cursor: str | None) -> None:
        """Takedowns first, which nothing holds up; then the rest, with the cursor behind the last part."""
        events = await self._candidates.of(lane, batch.events)
        if cursor is not None and redacted(cursor) != cursor:
            cursor = None  # better to read something twice than to keep a secret in the log
        if takedowns := [event for event in events if isinstance(event, Deleted | Left)]:
            await self._context.writer.take_down(takedowns)
        rest = [event for event in events if not isinstance(event, Deleted | Left)]
        while len(rest) > MAX_PART:
            await self._context.writer.submit(self._candidates.without_deleted(rest[:MAX_PART]))
            del rest[:MAX_PART]
        if rest or cursor is not None:
            cursors = {} if cursor is None else {(self.name, lane): cursor}
            await self._context.writer.submit(self._candidates.without_deleted(rest), cursors)


def _cause(error: BaseException) -> BaseException:
    """Return the exception behind a group of exceptions: a bug of ours before a network's failure."""
    if not isinstance(error, ExceptionGroup):
        return error
    causes = [_cause(inner) for inner in error.exceptions]
    return next((cause for cause in causes if not isinstance(cause, TROUBLES)), causes[0])
