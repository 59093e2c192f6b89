"""Counts the room that each author takes: cards on the screens, and folded cards.

The judge asks it before a post is released (see `judge/room.py`). It is a fold of the log like all state, so
"the last minute" is a minute of the log's times and ends with an entry, never with a clock: otherwise a
restart would count differently and fold other posts.

Everything is kept by author and sorted, so that a question or a change costs the logarithm of one author's
posts. With a walk through all posts, ten thousand of one author would cost ten thousand walks.
"""

from bisect import bisect_left, insort
from collections.abc import Callable, Iterator
from typing import Any

from msgspec import Struct, field

from backchannel.state.post_state import PostState

LINES = 8
MINUTE_S = 60.0

Place = tuple[int, int]
"""(order, key)"""


class Crowd(Struct):
    """`times`: author → display times of what rules have let onto the screens, in order; also of what is
    deleted meanwhile, or writing and deleting would go on for ever. `places`: author → where these stand, or
    would if they were not edited, hidden or left just now, in order. `releases`: (log time, key) of what came
    to the screens within the last minute, `returns` the same of what came back there: edited, or left before.

    `folds`: author → the places of what is folded, in order; `fronts`: (the last of these, author), in order.
    """

    times: dict[str, list[float]] = field(default_factory=dict)
    places: dict[str, list[Place]] = field(default_factory=dict)
    releases: list[tuple[float, int]] = field(default_factory=list)
    returns: list[tuple[float, int]] = field(default_factory=list)
    folds: dict[str, list[Place]] = field(default_factory=dict)
    fronts: list[tuple[Place, str]] = field(default_factory=list)
    folded: int = 0

    def pass_time(self, at: float) -> None:
        """Forget what happened a minute ago. Called with every entry, so that a restart counts the same."""
        for lately in (self.releases, self.returns):
            if lately and lately[0][0] <= at - MINUTE_S:
                lately[:] = [(then, key) for then, key in lately if then > at - MINUTE_S]

    def count(self, seen: PostState, at: float) -> None:
        """Count it: a rule lets it onto the screens."""
        if not seen.is_counted:
            seen.is_counted = True
            insort(self.times.setdefault(seen.voice, []), seen.at)
            insort(self.places.setdefault(seen.voice, []), (seen.order, seen.key))
            self.releases.append((at, seen.key))

    def uncount(self, seen: PostState) -> None:
        """Stop counting it: it takes no room from anybody any more."""
        if seen.is_counted:
            seen.is_counted = False
            _remove(self.times, seen.voice, seen.at)
            self.leave(seen)

    def leave(self, seen: PostState) -> None:
        """Give its place back, and keep its time: its author has used up that part of a minute."""
        _remove(self.places, seen.voice, (seen.order, seen.key))

    def fold(self, author: str, place: Place) -> None:
        """Add a card to its author's line."""
        self._turn(author, lambda: insort(self.folds.setdefault(author, []), place))
        self.folded += 1

    def unfold(self, author: str, place: Place) -> None:
        """Take a card out of its author's line."""
        self._turn(author, lambda: _remove(self.folds, author, place))
        self.folded -= 1

    def forget(self, seen: PostState) -> None:
        """Remove every trace of it."""
        self.uncount(seen)
        for lately in (self.releases, self.returns):
            lately[:] = [(at, key) for at, key in lately if key != seen.key]

    def newest_folds(self) -> Iterator[tuple[str, list[Place]]]:
        """Give (author, places of their folded cards), the author of the newest folded card first."""
        return ((author, self.folds[author]) for _, author in self.fronts[: -LINES - 1 : -1])

    def by(self, author: str) -> tuple[list[Place], list[Place]]:
        """Return the places of this author's cards: those on the screens, and the folded ones."""
        return self.places.get(author, []), self.folds.get(author, [])

    def _turn(self, author: str, change: Callable[[], None]) -> None:
        """Change an author's folds, and keep the order of all."""
        if old := self.folds.get(author):
            del self.fronts[bisect_left(self.fronts, (old[-1], author))]
        change()
        if new := self.folds.get(author):
            insort(self.fronts, (new[-1], author))


def _remove(of: dict[str, list[Any]], author: str, value: Any) -> None:
    values = of.get(author, [])
    index = bisect_left(values, value)
    if index < len(values) and values[index] == value:
        del values[index]
        if not values:
            del of[author]
