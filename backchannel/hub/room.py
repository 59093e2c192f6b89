"""How many may be inside, and who has to go when it gets tight.

Descriptors are few, and everything needs them: the log, the sources, the pictures, a moderator's word. So the
port has a number of places. Of these, one address gets a fair share; where its share is taken, or all places
are, the one of its own, or of all, that has waited longest without a request under way makes room for whoever
comes. Where nobody is left who only waits, there is the *lane*: a few places more, in which a connection may
say the head of its request. Only a moderator's word goes on from there, and everybody else is told to come
back later.
"""

from collections.abc import Mapping
from typing import Generic, Protocol, TypeVar

from backchannel.clock import Clock
from backchannel.hub.door import Door


class Comer(Protocol):
    """A connection as the room looks at it. `key`: what its address is counted under, empty for a proxy."""

    key: str
    is_inside: bool
    in_lane: bool

    def make_room(self) -> None:
        """End it: it only waits, and somebody else needs the place. It may leave at once."""
        ...


C = TypeVar("C", bound=Comer)


class Room(Generic[C]):
    """Who is at the gate. `waiting`: those without a request under way, to the time from when on, longest
    first."""

    def __init__(self, door: Door, clock: Clock) -> None:
        self.waiting: dict[C, float] = {}
        self.refused = 0
        self._door, self._clock = door, clock
        self._idle_of: dict[str, dict[C, None]] = {}
        self._lane: dict[C, None] = {}

    def enter(self, comer: C) -> bool:
        """Take it in, in the lane where nothing else is left; False: not even there."""
        comer.in_lane = not self._has_place(comer.key)
        if comer.in_lane:
            if len(self._lane) >= self._door.lane and not self._clear(self._lane):
                self.refused += 1
                return False
            self._lane[comer] = None
        comer.is_inside = True
        self.wait(comer)
        return True

    def wait(self, comer: C) -> None:
        """From now on it has no request under way."""
        self.waiting[comer] = self._clock.monotonic()
        if not comer.in_lane:
            self._idle_of.setdefault(comer.key, {})[comer] = None

    def attend(self, comer: C) -> None:
        """Its request is under way: it is not asked to make room."""
        self.waiting.pop(comer, None)
        self._lane.pop(comer, None)
        if (mine := self._idle_of.get(comer.key)) is not None:
            mine.pop(comer, None)
            if not mine:
                del self._idle_of[comer.key]

    def leave(self, comer: C) -> None:
        """It is gone, or another counts it from now on."""
        self.attend(comer)
        if comer.is_inside and not comer.in_lane:
            self._door.leave(comer.key)
        comer.is_inside = False

    def relieve(self, count: int) -> None:
        """Let go of so many that only wait: descriptors have run out."""
        for comer in list(self.waiting)[:count]:
            self._end(comer)

    def _has_place(self, key: str) -> bool:
        """Count one more, where there is a place or one can be made."""
        door = self._door
        if door.is_crowded(key):
            self._clear(self._idle_of.get(key, {}))
        elif door.is_full:
            self._clear(self.waiting)
        return door.enter(key)

    def _clear(self, waiting: Mapping[C, object]) -> bool:
        """End the one of these that has waited longest; False where there is none."""
        if (comer := next(iter(waiting), None)) is None:
            return False
        self._end(comer)
        return True

    def _end(self, comer: C) -> None:
        self.leave(comer)
        comer.make_room()
