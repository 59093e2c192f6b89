"""The queue in which checked events wait, briefly, for the names and quotes of their cards. Sans-I/O."""

from collections.abc import Iterable
from contextlib import suppress

from msgspec import Struct

from backchannel.model import DecodeError, Posted
from backchannel.sources.nostr.directory import Directory, Want
from backchannel.sources.nostr.wire import WireEvent

PATIENCE_S = 1.5
"""So long a post waits for its author's name and for what it quotes."""

MOST = 1000
"""A page that is longer than anybody asked for is not held back to its end."""


SLICE = 20_000
"""Characters that are made into posts at a time; the loop is given back in between."""


class QueuedEvent(Struct):
    """`deadline` is monotonic, None while the page is still coming in; `wants` were asked for."""

    event: WireEvent
    deadline: float | None = None
    wants: tuple[Want, ...] = ()


class EventQueue:
    """The events of one lane that wait to become posts."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._page: list[QueuedEvent] = []
        self._hurried: list[QueuedEvent] = []
        self._is_more = False

    @property
    def is_empty(self) -> bool:
        """Whether everything taken in was handed on."""
        return not self._page and not self._hurried

    @property
    def due_at(self) -> float:
        """When the first has waited long enough, in monotonic seconds; 0 where more is ready."""
        if self._is_more:
            return 0.0
        deadlines = (each.deadline for each in self._hurried if each.deadline is not None)
        return min(deadlines, default=float("inf"))

    def take_stored(self, event: WireEvent, now_s: float) -> None:
        """Part of a page: its names are looked up in one go when the page has ended."""
        self._page.append(QueuedEvent(event))
        if len(self._page) >= MOST:
            self.end_page(now_s)

    def end_page(self, now_s: float) -> None:
        """End the page: what waits goes out oldest first from here on."""
        page, self._page = self._page, []
        page.sort(key=lambda each: each.event.created_at)
        self._hurry(page, now_s)

    def take_live(self, event: WireEvent, now_s: float) -> None:
        """Hand it on as soon as its card lacks nothing, and soon in any case."""
        self._hurry([QueuedEvent(event)], now_s)

    def take_again(self, events: Iterable[WireEvent], now_s: float) -> None:
        """Hand these out once more, as they are now: their author's wishes have changed."""
        for event in events:
            self._directory.forget_post(event.id)
            self._hurried.append(QueuedEvent(event, now_s))

    def drop_deleted(self) -> None:
        """Drop what an author took back before it was handed on."""
        self._page = [each for each in self._page if not self._directory.is_deleted(each.event)]
        self._hurried = [each for each in self._hurried if not self._directory.is_deleted(each.event)]

    def settle(self, now: float, now_s: float) -> list[Posted]:
        """Return what is ready, in the order it came; of a lot only the beginning, the rest next time."""
        ready: list[Posted] = []
        left: list[QueuedEvent] = []
        weight = 0
        self._is_more = False
        for at, each in enumerate(self._hurried):
            if each.deadline is None or (each.deadline > now_s and self._lacks(each, now_s)):
                left.append(each)
                continue
            weight += self._directory.weight(each.event)
            if ready and weight > SLICE:
                left += self._hurried[at:]
                self._is_more = True
                break
            with (
                suppress(DecodeError),
                self._directory.bugs.contain(f"event {each.event.id}", DecodeError),
            ):
                ready.append(Posted(self._directory.post(each.event, now)))
        self._hurried = left
        return ready

    def _hurry(self, waiting: list[QueuedEvent], now_s: float) -> None:
        for each in waiting:
            each.deadline = now_s + PATIENCE_S
            each.wants = tuple(self._directory.needs(each.event, now_s))
        self._directory.ask((want for each in waiting for want in each.wants), now_s)
        self._hurried += waiting

    def _lacks(self, each: QueuedEvent, now_s: float) -> bool:
        if not any(map(self._directory.is_open, each.wants)):
            # A quoted event that came brings its own author and mentions: those are a second question.
            each.wants = tuple(self._directory.needs(each.event, now_s))
            self._directory.ask(each.wants, now_s)
        return any(map(self._directory.is_open, each.wants))
