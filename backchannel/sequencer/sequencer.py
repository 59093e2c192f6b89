"""The sequencer: the only writer of the log.

What is submitted waits in the inbox until the next turn. A turn appends it together with the rulings that are
due, on condition that nobody else has written meanwhile; folds what the log says; asks the judge about what
is new; appends his rulings; publishes the change; and answers those who wait.

Why in this order: the state is folded from what the log gives back, never from what we meant to write. So the
state is never ahead of the log, a failed append leaves nothing to undo, and an append whose answer was lost
is read like any other: what it stored is no longer news when it is tried again. The judge is asked twice so
that a post and its ruling leave in the same turn. Takedowns lie in the same inbox, but hide their posts at
once (see `veil`).
"""

import asyncio
import gc
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from math import inf

import structlog

from backchannel.board import Board, Card, Frame, Item
from backchannel.clock import Clock
from backchannel.judge import Rules, asked, due
from backchannel.log import MAX_BATCH, Conflict, Lane, Log, LogUnavailable
from backchannel.log.spool import Spool
from backchannel.model import (
    Erased,
    Event,
    Post,
    Takedown,
    without_quote,
)
from backchannel.sequencer.admission import Admission
from backchannel.sequencer.crowd_line import CrowdLine
from backchannel.sequencer.erasure import erasure, subject_of
from backchannel.sequencer.faces import Faces
from backchannel.sequencer.inbox import AppendBatch, Inbox, Wish, latest
from backchannel.sequencer.veil import Veil
from backchannel.state import State

RETRY_S = 1.0

log_line = structlog.get_logger(__name__)


class Sequencer:
    """State, board and faces of one log, and the turn that changes them."""

    def __init__(self, log: Log, spool: Spool, rules: Rules, clock: Clock, mark_key: bytes) -> None:
        self.log, self.state, self.faces = log, State(), Faces(log)
        self.trouble = ""
        self._rules, self._clock, self._key = rules, clock, mark_key
        self._admission = Admission(self.state, mark_key)
        self._inbox = Inbox()
        self._veil = Veil(self.state, self._inbox, spool)
        self._crowd_line = CrowdLine(clock)
        self._judged = 0  # the judge has been asked about everything up to this entry; 0: about nothing
        self._writing = asyncio.Lock()
        self._wake = asyncio.Event()
        self._followers: list[Callable[[bool], None]] = []

    async def open(self, tell: Callable[[int], None] = lambda seq: None) -> None:
        """Fold the log and take up the takedowns that an earlier life could not store.

        `tell` is called with the number that is reached, now and then.
        """
        gc.disable()  # it would walk through all that is folded, again and again, and find nothing to free
        try:
            await self._read_on(tell)
        finally:
            gc.enable()
            gc.freeze()
        self.faces.prune(self.state, slack=0)
        self._veil.take_up()

    # what goes in -------------------------------------------------------------------------------------

    async def submit(self, events: Sequence[Event], cursors: Mapping[Lane, str] | None = None) -> None:
        """Have events stored. Returns when all of it is stored, folded and published; LogUnavailable when it
        is refused."""
        wish = Wish(latest(events), cursors)
        wish.done = asyncio.get_running_loop().create_future()
        self._inbox.append(wish)
        self._wake.set()
        await wish.done

    async def take_down(self, events: Sequence[Takedown]) -> bool:
        """Take posts off every page, before anything waits for a disk. Returns True when the log has the
        takedown; else it is spooled."""
        pending = {*self._inbox.takedowns()}
        new = [event for event in events if event not in pending and self._is_wanted(event)]
        if not new:
            return pending.isdisjoint(events)
        wish = Wish(new, is_takedown=True)
        wish.done = asyncio.get_running_loop().create_future()
        self._inbox.append(wish)
        self._veil.lay()
        self._publish(is_takedown=True)
        self._wake.set()
        return await wish.done

    def knows(self, subject: str) -> bool:
        """Tell whether this id, a post's or an author's, has been said, or lies here to be."""
        posts = self.state.posts
        return subject in posts.by_id or subject in posts.concerned or self._inbox.names(subject)

    def _is_wanted(self, takedown: Takedown) -> bool:
        return self._admission.admit(takedown) is not None or self._inbox.names(subject_of(takedown))

    def judge_by(self, rules: Rules) -> None:
        """Judge by new rules from now on, and ask again about what waits or is held."""
        if rules != self._rules:
            self._rules, self._judged = rules, 0
            self._wake.set()

    # what comes out -----------------------------------------------------------------------------------

    @property
    def epoch(self) -> str:
        """Names this log's life; a number of another epoch means nothing here."""
        return self.log.epoch

    @property
    def board(self) -> Board:
        """The public items, before the veil."""
        return self.state.board

    @property
    def covered(self) -> frozenset[int]:
        """Keys of the posts that are taken down and not yet so in the log."""
        return self._veil.covered

    @property
    def unsaved(self) -> int:
        """Takedowns that hold and are not in the log yet."""
        return sum(1 for _ in self._inbox.takedowns())

    def subscribe(self, follower: Callable[[bool], None]) -> None:
        """Call it after every change; with True where something was taken down."""
        self._followers.append(follower)

    def since(self, after: int) -> Frame:
        """Return the board's answer, under the veil."""
        return self._veil.on(self.state.board.since(after, covered=self.covered))

    def post(self, item: Item) -> Post | None:
        """Return the words of a card, if they are in memory."""
        if not isinstance(item.value, Card) or (post := self.faces.get(item.value.post)) is None:
            return None
        return _as_shown(item.value, post)

    def by_author(self, key: int, below: int) -> Iterator[Item]:
        """Yield the cards of this post's author whose key is below that, the greatest first."""
        posts = self.state.posts
        author = seen.author if (seen := posts.by_key.get(key)) else ""
        keys = posts.concerned.get(author, [])
        for index in range(bisect_left(keys, below) - 1, -1, -1):
            if (item := self.board.items.get(keys[index])) and posts.by_key[item.key].author == author:
                yield item

    async def load(self, items: Sequence[Item]) -> dict[int, Post]:
        """Key → words of these cards, read from the log where they are not in memory."""
        cards = {item.value.post: (item.key, item.value) for item in items if isinstance(item.value, Card)}
        posts = (await self.faces.load(cards)).items()
        return {cards[seq][0]: _as_shown(cards[seq][1], post) for seq, post in posts}

    # the loop -----------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Turn for ever. Ends with LogBroken when our own data cannot be trusted."""
        while True:
            self._wake.clear()
            next_at = await self.turn()
            timeout_s = None if next_at == inf else self._clock.until(next_at)
            try:
                await asyncio.wait_for(self._wake.wait(), timeout_s)
            except TimeoutError:
                continue

    async def turn(self) -> float:
        """Run one round. Returns the conference time of the next that is due without anything coming in."""
        async with self._writing:
            before, shown, covered = self.state.seq, self.state.board.seq, self.covered
            try:
                return await self._turn_or_read_on()
            except LogUnavailable as error:
                return await self._refuse(error)
            finally:
                self._veil.lay()
                if self.state.seq != before or self.covered != covered:
                    self.faces.prune(self.state)
                    self._publish(is_takedown=self._has_taken_down(shown, covered))
                    self._crowd_line.say(self.state)

    def _has_taken_down(self, shown: int, covered: frozenset[int]) -> bool:
        """Tell whether something left the board after number `shown` that the veil had not hidden before.

        Followers have to know, since buffered bytes with it must not leave any more. Where the board has
        changed by more than it lists, something may have gone, and the answer is yes.
        """
        change = self.state.board.since(shown)
        gone = {key for key in change.gone if key > 0 and key not in self.board.items}  # the rest was folded
        return change.prev != shown or not gone <= covered

    async def _turn_or_read_on(self) -> float:
        try:
            return await self._turn()
        except Conflict:
            await self._read_on()
            return self._clock.now()

    async def _turn(self) -> float:
        if self.trouble:
            await self._read_on()  # what was refused last may be stored all the same
        # `_judged` moves on only when the judge saw everything up to `before` and all he said was stored:
        # what did not fit into this append is found due again.
        before = self.state.seq
        part = self._inbox.part(self._admission.admit)
        rulings, _, is_all = await self._due(self._judged)
        fitting = [ruling for ruling in rulings if part.offer(ruling)]
        if part.events or part.cursors:
            part, is_whole = await self._append(part)
            fitting = fitting if is_whole else []
        finished = self._inbox.advance(part)
        if is_all and len(fitting) == len(rulings):
            self._judged = before
        try:
            rulings, next_at, is_all = await self._due(self._judged)
            if rulings:
                await self._store(rulings[:MAX_BATCH], {})
            if is_all and len(rulings) <= MAX_BATCH:
                self._judged = self.state.seq
        finally:
            await self._veil.tidy()
            for wish in finished:
                wish.answer(True)
        return self._clock.now() if self._inbox or rulings else next_at

    async def _append(self, part: AppendBatch) -> tuple[AppendBatch, bool]:
        """Store it; where that fails, once more after catching up, without what is known by then.

        Gives what was stored, and whether it is all that was asked for.
        """
        is_whole = True
        try:
            await self._store(part.events, part.cursors)
        except LogUnavailable:
            await self._read_on()
            part, is_whole = self._inbox.part(self._admission.admit), False
            await self._store(part.events, part.cursors)
        self.trouble = ""
        return part, is_whole

    async def _store(self, events: Sequence[Event], cursors: Mapping[Lane, str]) -> None:
        await self.log.append(events, at=self._clock.now(), expected=self.state.seq, cursors=cursors)
        await self._read_on()

    async def _read_on(self, tell: Callable[[int], None] = lambda seq: None) -> None:
        """Fold what the log says: the same path after an append, a conflict and a restart.

        The veil is laid anew in the same step, and what an `Erased` names is removed from the log.
        """
        async for entries in self.log.after(self.state.seq):
            for entry in entries:
                self.state.apply(entry)
                self.faces.take(entry)
            self._veil.lay()
            self.faces.prune(self.state)
            tell(self.state.seq)
            erased = [seq for e in entries if isinstance(e.event, Erased) for seq in e.event.seqs]
            if erased:
                self.faces.forget(erased)
                await self.log.purge(erased)

    async def _due(self, after: int) -> tuple[list[Event], float, bool]:
        """Return the judge's rulings, when to ask again, and whether it was asked about everything."""
        now = self._clock.now()
        by_key = self.state.posts.by_key
        keys = asked(self.state, self._rules, now, after)
        posts = await self.faces.load(by_key[key].post for key in keys[:MAX_BATCH])
        words = {key: posts[by_key[key].post] for key in keys[:MAX_BATCH]}
        return *due(self.state, words, self._rules, now), len(keys) <= MAX_BATCH

    async def _refuse(self, error: LogUnavailable) -> float:
        """Nothing new can be stored: say so to those who wait; takedowns are spooled and stay."""
        if not self.trouble:
            log_line.warning("the log takes nothing, new words are refused", reason=str(error))
        self.trouble = str(error)
        for wish in [*self._inbox]:
            if wish.is_takedown:
                await self._veil.keep(wish)
                wish.answer(False)
            else:
                self._inbox.remove(wish)
                wish.answer(LogUnavailable(f"not stored, please try again: {error}"))
        return self._clock.now() + RETRY_S * self._clock.rate

    def _publish(self, *, is_takedown: bool) -> None:
        for follower in self._followers:
            follower(is_takedown)

    # erasure ------------------------------------------------------------------------------------------

    async def erase(self, subject: str) -> bool:
        """Out of the log and of all that follows it, and never back in. Raises LogUnavailable, Conflict.

        `subject` is a post's id, or an author's for all of theirs. What embeds it goes too, and may come
        back without the embed. False: it is recorded, but its bytes cannot be removed before there is room.
        """
        try:
            with self._veil.over(subject):
                self._publish(is_takedown=True)
                async with self._writing:
                    return await self._erase(subject)
        finally:
            self._publish(is_takedown=True)

    async def _erase(self, subject: str) -> bool:
        await self._read_on()
        record = await erasure(self.log, self.state, self._key, subject)
        try:
            await self._store([record], {})
        except LogUnavailable:
            await self._read_on()  # it may have been stored all the same
            if not self._admission.is_marked(subject):
                raise
        return await self.log.purge(record.seqs)

    async def close(self) -> None:
        """Give log and spool back."""
        await self.log.close()
        self._veil.close()


def _as_shown(card: Card, post: Post) -> Post:
    """Return the post as it may be drawn: without a quotation that the quoted one does not say so."""
    return without_quote(post) if card.is_unquoted else post
