"""The open requests of one connection, within the number that the relay allows. Sans-I/O.

`wall` is for good; `back`, `look` and `ping` end by themselves; `gone` (deletions) gives way to them and
comes back when there is room again, so that a relay with two subscriptions still serves everything.
"""

from collections import deque
from collections.abc import Sequence

from backchannel.sources.nostr.wire import WireFilter, render_close, render_req

GONE = "gone"
LEAST = 2


class Subs:
    """`frames` is what is to be sent. `slots`: at most so many requests at a time, at least two."""

    def __init__(self, slots: int) -> None:
        self.frames: list[str] = []
        self._slots = max(LEAST, slots)
        self._open: dict[str, tuple[WireFilter, ...]] = {}
        self._queue: dict[str, tuple[WireFilter, ...]] = {}
        self._past: deque[str] = deque(maxlen=64)

    def asked(self, sub: str) -> tuple[WireFilter, ...]:
        """Return what this open request asks for; nothing when there is none of that name."""
        return self._open.get(sub, ())

    def is_past(self, sub: str) -> bool:
        """Tell whether this was ours until lately: a relay may still be sending."""
        return sub in self._past

    def open(self, sub: str, filters: Sequence[WireFilter]) -> None:
        """Ask, or ask anew under the same name; waits for its turn when the relay allows no more."""
        if sub not in self._open and len(self._open) >= self._slots:
            self._queue[sub] = tuple(filters)
            if sub != GONE and (gone := self._open.get(GONE)):
                self._queue[GONE] = gone
                self.close(GONE)
            return
        self._queue.pop(sub, None)
        self._open[sub] = tuple(filters)
        self.frames.append(render_req(sub, filters))

    def close(self, sub: str) -> None:
        """We want no more of it."""
        if sub != GONE:
            self._queue.pop(sub, None)
        if sub in self._open:
            self.frames.append(render_close(sub))
            self.ended(sub)

    def ended(self, sub: str) -> None:
        """Note that the relay, or we, ended it: the next in the queue takes its place, deletions last."""
        if self._open.pop(sub, None):
            self._past.append(sub)
        for waiting in sorted(self._queue, key=lambda name: name == GONE):
            if len(self._open) < self._slots:
                self.open(waiting, self._queue[waiting])

    def again(self, sub: str) -> None:
        """Ask the same once more."""
        if filters := self._open.get(sub):
            self.frames.append(render_req(sub, filters))
