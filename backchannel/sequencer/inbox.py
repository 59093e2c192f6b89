"""The sequencer's queue: what was submitted and is not in the log yet, in order of arrival."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice

from backchannel.log import MAX_BATCH, Lane
from backchannel.model import (
    Blanked,
    Deleted,
    Erased,
    Event,
    Left,
    Posted,
    Ruled,
    Settled,
    Takedown,
    subjects,
)


class Wish:
    """Events that somebody wants stored, together with their cursors, and who waits for that.

    A takedown is never refused: it stays until the log has it. `done` gives True when it is in the log,
    False when it holds but is not there yet.
    """

    def __init__(
        self, events: Sequence[Event], cursors: Mapping[Lane, str] | None = None, *, is_takedown: bool = False
    ) -> None:
        self.events = deque(events)
        self.cursors = cursors or {}
        self.is_takedown = is_takedown
        self.is_spooled = False
        self.done: asyncio.Future[bool] | None = None

    def takedowns(self) -> Iterator[Takedown]:
        """Yield its takedowns that are not in the log yet; none where it is something else."""
        if self.is_takedown:
            yield from (event for event in self.events if isinstance(event, Takedown))

    def answer(self, outcome: bool | Exception) -> None:
        """Tell whoever waits, once."""
        done, self.done = self.done, None
        if done is None or done.done():
            return
        if isinstance(outcome, Exception):
            done.set_exception(outcome)
        else:
            done.set_result(outcome)


class AppendBatch:
    """The part of the inbox that one append takes: a prefix, without what is no news.

    Why not simply the first 900 events: whether an event is news is asked of the folded state, and the state
    does not change before the log has answered. Two edits of one post in one append would both be compared
    with the post as it was, and the older could be stored behind the newer. So an event waits for the next
    turn where something before it in this part touches what it is compared with. `_reads` and `_writes` name
    these dependencies; events without one in common go together, in one append.
    """

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.cursors: dict[Lane, str] = {}
        self.taken: list[tuple[Wish, int]] = []
        self._written: set[str] = set()
        self._behind_reads: set[str] = set()
        self._behind_writes: set[str] = set()

    @property
    def is_full(self) -> bool:
        return len(self.events) >= MAX_BATCH

    def fits(self, event: Event) -> bool:
        """Tell whether its news can be told from what is folded: nothing before it in this part touches it,
        and nothing that stays behind in the inbox, before which it came, would be told otherwise after it."""
        return (
            not self.is_full
            and self._written.isdisjoint(_reads(event))
            and self._behind_writes.isdisjoint(_reads(event))
            and self._behind_reads.isdisjoint(_writes(event))
        )

    def leave(self, events: Iterable[Event]) -> None:
        """Keep these events for the next turn, and with them what depends on them, but nothing else."""
        for event in events:
            self._behind_reads.update(_reads(event))
            self._behind_writes.update(_writes(event))

    def add(self, event: Event) -> None:
        """Take an event that is news."""
        self.events.append(event)
        self._written.update(_writes(event))

    def offer(self, event: Event) -> bool:
        """Add it if it fits."""
        if fits := self.fits(event):
            self.add(event)
        return fits


class Inbox(list[Wish]):
    """Wishes, oldest first. A wish stays until the log has all of it."""

    def part(self, admit: Callable[[Event], Event | None]) -> AppendBatch:
        """Take of each wish the longest prefix in which no event's news depends on another's; a cursor rides
        with its last.

        Nobody waits for what somebody else repeats: a wish of a thousand edits of one post takes a thousand
        turns, and the others' go on meanwhile.
        """
        part = AppendBatch()
        for wish in self:
            count = 0
            for event in wish.events:
                if not part.fits(event):
                    break
                count += 1
                if admitted := admit(event):
                    part.add(admitted)
            part.taken.append((wish, count))
            if count == len(wish.events):
                part.cursors.update(wish.cursors)
            elif part.is_full:
                break
            else:
                part.leave(islice(wish.events, count, None))
        return part

    def advance(self, part: AppendBatch) -> list[Wish]:
        """Remove what the log has now. Returns the wishes of which nothing is left."""
        for wish, count in part.taken:
            for _ in range(count):
                wish.events.popleft()
        finished = [wish for wish, _ in part.taken if not wish.events]
        done = {id(wish) for wish in finished}
        self[:] = [wish for wish in self if id(wish) not in done]
        return finished

    def names(self, subject: str) -> bool:
        """Tell whether a post that lies here is this, or of this author."""
        if not subject:
            return False
        posts = (event.post for wish in self for event in wish.events if isinstance(event, Posted))
        return any(subject in subjects(post) for post in posts)

    def takedowns(self) -> Iterator[Takedown]:
        """Yield the takedowns that are not in the log yet."""
        for wish in self:
            yield from wish.takedowns()


def latest(events: Sequence[Event]) -> list[Event]:
    """Return the events without posts of which a later event brings the same copy, in no smaller revision.

    A network may hand us a thousand edits of one post at once; the last one wins, and each would be a turn.
    """
    kept: list[Event] = []
    newest: dict[tuple[str, str, bool, str], int] = {}
    for event in reversed(events):
        if isinstance(event, Posted):
            post = event.post
            copy = post.id, post.source, post.is_origin, post.via
            if copy in newest and newest[copy] >= post.revision:
                continue
            newest[copy] = post.revision
        kept.append(event)
    return kept[::-1]


def _reads(event: Event) -> Iterator[str]:
    """Yield the keys on which it depends whether this event is news."""
    match event:
        case Posted(post):
            yield from (f"post {post.id}", f"gone {post.id}", f"gone {post.face.author.id}")
        case Left(post_id):
            yield from (f"post {post_id}", f"gone {post_id}")
        case Settled(post_id, url):
            yield from (f"post {post_id}", f"gone {post_id}", f"picture {post_id} {url}")
        case Deleted(subject):
            yield from (f"known {subject}", f"gone {subject}")
        case Ruled(id_, subject):
            yield from (f"word {id_}", f"post {subject}")
        case Blanked(id_):
            yield f"word {id_}"
        case _:
            return


def _writes(event: Event) -> Iterator[str]:
    """Yield the keys that this event changes for those behind it."""
    match event:
        case Posted(post):
            yield f"post {post.id}"
            yield from (f"known {subject}" for subject in subjects(post))
        case Left(post_id):
            yield f"post {post_id}"
        case Settled(post_id, url):
            yield f"picture {post_id} {url}"
        case Deleted(subject):
            yield f"gone {subject}"
        case Ruled(id_) | Blanked(id_):
            yield f"word {id_}"
        case Erased() | _:
            return
