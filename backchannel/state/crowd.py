"""Who takes how much room: what each author has on the screens, and what of theirs is folded.

The judge asks it, so that nobody's posts push everybody else's away; what is decided stands in the rulings.
All is kept by author and in order, so that no question and no change walks through all posts.
"""

from bisect import bisect_left, insort
from collections.abc import Callable, Iterator
from typing import Any

from msgspec import Struct, field

from backchannel.state.seen import Seen

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
        """Let go of what happened a minute ago. It hears of every entry, so that all lives agree."""
        for lately in (self.releases, self.returns):
            if lately and lately[0][0] <= at - MINUTE_S:
                lately[:] = [(then, key) for then, key in lately if then > at - MINUTE_S]

    def count(self, seen: Seen, at: float) -> None:
        """A rule lets it onto the screens."""
        if not seen.is_counted:
            seen.is_counted = True
            insort(self.times.setdefault(seen.voice, []), seen.at)
            insort(self.places.setdefault(seen.voice, []), (seen.order, seen.key))
            self.releases.append((at, seen.key))

    def uncount(self, seen: Seen) -> None:
        """It takes no room from anybody any more."""
        if seen.is_counted:
            seen.is_counted = False
            _remove(self.times, seen.voice, seen.at)
            self.leave(seen)

    def leave(self, seen: Seen) -> None:
        """It will not come back, but its author has had their say."""
        _remove(self.places, seen.voice, (seen.order, seen.key))

    def fold(self, author: str, place: Place) -> None:
        """A card stands in its author's line."""
        self._turn(author, lambda: insort(self.folds.setdefault(author, []), place))
        self.folded += 1

    def unfold(self, author: str, place: Place) -> None:
        """It does not any more."""
        self._turn(author, lambda: _remove(self.folds, author, place))
        self.folded -= 1

    def forget(self, seen: Seen) -> None:
        """As if it had never been."""
        self.uncount(seen)
        for lately in (self.releases, self.returns):
            lately[:] = [(at, key) for at, key in lately if key != seen.key]

    def newest_folds(self) -> Iterator[tuple[str, list[Place]]]:
        """(author, places of their folded cards) of those whose last one is the newest."""
        return ((author, self.folds[author]) for _, author in self.fronts[: -LINES - 1 : -1])

    def by(self, author: str) -> tuple[list[Place], list[Place]]:
        """The places of all that this author has, on the screens and folded."""
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
