"""Runs the sources: every lane in a task of its own, with its cursor, pace, patience and health.

A source only talks to its network. What is a candidate, what is remembered, when to ask again and what to
say of its state is decided here, the same for all.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing
from itertools import takewhile
from random import random
from typing import Literal, NamedTuple, Protocol

import structlog
from msgspec import Struct

from backchannel.bugs import Bugs
from backchannel.clock import Clock
from backchannel.fetch import FetchError
from backchannel.log import Lane, LogUnavailable
from backchannel.model import REFUSALS, DecodeError, Deleted, Event, Left, Post, Posted, Takedown, subjects
from backchannel.redaction import redacted, redacted_event
from backchannel.retry import backoff_s
from backchannel.sources import Batch, Closing, Recheck, Source, SourceError

EARLY_S = 600.0
AHEAD_S = 900.0
RECHECK_S = 15.0
STEADY_S = 60.0
"""A read that went well for so long starts patience anew."""
LOG_RETRY_S = 2.0
MAX_PART = 800
TROUBLES = (SourceError, FetchError, DecodeError)
"""What a network may do to us. All else is a bug of ours."""

Watch = Callable[[], Sequence[Post]]
Health = Literal["starting", "live", "backoff", "blocked", "needs_human"]

log_line = structlog.get_logger(__name__)


class SourceHealth(Struct):
    """What can honestly be said of a source: its best lane's state, and when it last spoke (POSIX s).

    `skipped`: items that could not be read; `missed`: gaps that could not be filled.
    """

    name: str
    kind: str
    state: Health = "starting"
    last_success_at: float | None = None
    behind_s: float | None = None
    error: str = ""
    skipped: int = 0
    missed: int = 0


class LaneHealth(Struct):
    """One lane. `failures`: since a read last held; `skipped`: items that could not be decoded, in all."""

    state: Health = "starting"
    last_success_at: float | None = None
    error: str = ""
    failures: int = 0
    skipped: int = 0

    def hear(self, at: float, skipped: int) -> None:
        """The network has spoken."""
        self.state, self.last_success_at, self.error = "live", at, ""
        self.skipped += skipped


class Standing(NamedTuple):
    """What gather has to know of a post that is known: which copy of it stands."""

    source: str
    revision: int
    is_origin: bool


class Writer(Protocol):
    """The sequencer, as far as a gatherer needs it."""

    async def submit(self, events: Sequence[Event], cursors: Mapping[Lane, str] | None = None) -> None: ...
    async def take_down(self, events: Sequence[Takedown]) -> bool: ...
    def knows(self, subject: str) -> bool: ...


class House(NamedTuple):
    """What a gatherer is handed of the house: the event's folded hashtags, the window's start (POSIX s),
    the one who writes, time, which copy of a post stands, the stored cursors, and who is told of bugs."""

    hashtags: frozenset[str]
    since: float
    writer: Writer
    clock: Clock
    standing: Callable[[str], Standing | None]
    cursors: Callable[[], Awaitable[Mapping[Lane, str]]]
    bugs: Bugs


def unwanted(post: Post, hashtags: frozenset[str], *, is_chosen: bool = False) -> str:
    """Why this post, whenever it was written, is no candidate; "" when it is one. Pure."""
    if denied := REFUSALS.intersection(post.labels):
        return f"kept out by its author or its network: {', '.join(sorted(denied))}"
    if "nowall" in post.hashtags:
        return "it carries #nowall"
    if not is_chosen and hashtags.isdisjoint(post.hashtags):
        return "it does not carry the event's hashtag"
    return ""


def is_in_window(post: Post, since: float, now: float) -> bool:
    """Written since the window opened, not in the future (15 min are forgiven), not expired. Pure."""
    is_expired = post.expires_at is not None and post.expires_at <= now
    return since <= post.created_at <= now + AHEAD_S and not is_expired


class Gatherer:
    """One source: its lanes, its rechecks, its health."""

    def __init__(self, name: str, kind: str, source: Source, watch: Watch, house: House) -> None:
        self.name, self.kind, self.source = name, kind, source
        self._watch, self._house, self._clock = watch, house, house.clock
        self._lanes: dict[str, LaneHealth] = {}
        self._early: dict[str, float] = {}
        self._poll_s = float(getattr(source, "poll_s", 0.0))

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
        skipped = sum(health.skipped for health in lanes.values())
        return SourceHealth(
            self.name, self.kind, best, at, self._behind_s(best, at), "; ".join(troubles), skipped
        )

    def _behind_s(self, state: Health, at: float | None) -> float | None:
        """Real seconds since the network was last heard; a stream that is open is not behind."""
        if at is None:
            return None
        if state == "live" and self._poll_s == 0:
            return 0.0
        return max(0.0, self._clock.now() - at) / self._clock.rate

    async def run(self) -> None:
        """All lanes and the recheck, until cancelled. A bug in a source ends the process, loudly."""
        try:
            async with asyncio.TaskGroup() as tasks:
                for lane in self.source.lanes():
                    self._lanes[lane] = LaneHealth()
                    tasks.create_task(self._run_lane(lane), name=f"{self.name}/{lane}")
                if isinstance(self.source, Recheck):
                    tasks.create_task(self._run_recheck(self.source), name=f"{self.name}/recheck")
        finally:
            if isinstance(self.source, Closing):
                await self.source.close()

    async def _run_lane(self, lane: str) -> None:
        health = self._lanes[lane]
        while health.state != "needs_human":
            began = self._clock.monotonic()
            try:
                pause_s = await self._read(lane, health)
                if self._poll_s == 0:  # a stream that ends is no failure, but not to be hurried
                    pause_s = max(pause_s, self._patience_s(health, began))
                else:
                    health.failures = 0
            except TROUBLES as error:
                pause_s = max(self._fail(lane, health, error), self._patience_s(health, began))
            except LogUnavailable:
                pause_s = LOG_RETRY_S  # from the stored cursor, when the log is back
            await self._clock.sleep(pause_s)

    async def _read(self, lane: str, health: LaneHealth) -> float:
        """Read on from the stored cursor to the end. Returns the pause, in real seconds."""
        cursor = (await self._house.cursors()).get((self.name, lane))
        pause_s = 0.0
        async with aclosing(self.source.batches(lane, cursor)) as batches:
            async for batch in batches:
                await self._take(lane, batch, None if batch.cursor == cursor else batch.cursor)
                cursor = batch.cursor if batch.cursor is not None else cursor
                if health.error:
                    log_line.info("source is back", source=self.name, lane=lane)
                health.hear(self._clock.now(), batch.skipped)
                pause_s = max(pause_s, batch.pause_s)
                if batch.skipped:
                    log_line.warning("items dropped", source=self.name, lane=lane, why=[*batch.reasons][:3])
        return max(pause_s, self._poll_s)

    def _patience_s(self, health: LaneHealth, began: float) -> float:
        """One more read that did not hold. Returns the pause, in real seconds."""
        is_steady = self._clock.monotonic() - began >= STEADY_S
        health.failures = 1 if is_steady else health.failures + 1
        return backoff_s(health.failures, chance=random())  # noqa: S311 - jitter

    def _fail(self, lane: str, health: LaneHealth, error: Exception) -> float:
        """What the failure means for the lane. Returns the pause that was asked for, in real seconds."""
        said = redacted(str(error))
        if said != health.error:  # said once, however often it is tried
            log_line.warning("source trouble", source=self.name, lane=lane, error=said)
        health.error = said
        if isinstance(error, SourceError) and error.permanent:
            health.state = "needs_human"
            return 0.0
        asked_s = error.retry_after_s if isinstance(error, SourceError) else 0.0
        health.state = "blocked" if asked_s else "backoff"
        return asked_s

    async def _run_recheck(self, source: Recheck) -> None:
        pace_s = pause_s = float(getattr(source, "recheck_s", RECHECK_S))
        while True:
            await self._clock.sleep(pause_s)
            pause_s = pace_s
            posts = self._watch()
            if not posts:
                continue
            try:
                await self._take("recheck", Batch(await source.recheck(posts)), None)
            except (*TROUBLES, LogUnavailable) as error:
                log_line.info("recheck failed", source=self.name, error=str(error))
                pause_s = max(pace_s, error.retry_after_s if isinstance(error, SourceError) else 0.0)

    async def _take(self, lane: str, batch: Batch, cursor: str | None) -> None:
        """Takedowns first, which nothing holds up; then the rest, with the cursor behind the last part."""
        events = self._candidates([redacted_event(event) for event in batch.events])
        if cursor is not None and redacted(cursor) != cursor:
            cursor = None  # better to read something twice than to keep a secret in the log
        if takedowns := [event for event in events if isinstance(event, Deleted | Left)]:
            await self._house.writer.take_down(takedowns)
        rest = [event for event in events if not isinstance(event, Deleted | Left)]
        while len(rest) > MAX_PART:
            await self._house.writer.submit(self._undeleted(rest[:MAX_PART]))
            del rest[:MAX_PART]
        if rest or cursor is not None:
            cursors = {} if cursor is None else {(self.name, lane): cursor}
            await self._house.writer.submit(self._undeleted(rest), cursors)

    def _undeleted(self, events: Sequence[Event]) -> list[Event]:
        """In the step in which they are submitted: another lane may have heard of a deletion meanwhile."""
        early = self._early.keys()
        return [e for e in events if not isinstance(e, Posted) or early.isdisjoint(subjects(e.post))]

    def _candidates(self, events: Iterable[Event]) -> list[Event]:
        """What may go into the log: candidates, what a known post has become, deletions of what is known."""
        now = self._clock.monotonic()
        for subject in [*takewhile(lambda subject: self._early[subject] <= now - EARLY_S, self._early)]:
            del self._early[subject]
        kept: list[Event] = []
        posts: list[Post] = []
        for event in events:
            match event:
                case Posted(post):
                    posts.append(post)
                case Deleted(subject):
                    self._early.pop(subject, None)  # the latest stand last
                    self._early[subject] = now  # also where it is known: a post that waits may be refused
                    if self._house.writer.knows(subject):
                        kept.append(event)
                case _:
                    kept.append(event)
        return kept + [candidate for post in posts if (candidate := self._candidate(post))]

    def _candidate(self, post: Post) -> Posted | Left | None:
        why = unwanted(post, self._house.hashtags, is_chosen=self.source.is_chosen)
        standing = self._house.standing(post.id)
        if standing is None:
            in_window = is_in_window(post, self._house.since, self._clock.now())
            return Posted(post) if in_window and not why else None
        if not why:
            return Posted(post)
        is_same = (post.source, post.revision, post.is_origin) == standing[:3]
        return Left(post.id, post.revision, why) if post.revision > standing.revision or is_same else None
