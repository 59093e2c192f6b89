"""Counts the connections that only wait, and ends one where another needs its descriptor.

Descriptors are few, and everything needs them: the log, the sources, the pictures. So the port has a number
of *places*, of which one address gets a fair share, and a few more that are always left for the *fresh*,
whose first request has not come yet. Anybody gets that far; when there are too many, the one that has waited
longest makes room, of the same address where that has many. With its request, a connection takes a place:
a free one, or that of another of its address (or of any, where all are taken) that is *idle*, between two
requests. Where there is none, it is told to come back later. A moderator's word needs no place.

Why the fresh have room of their own: before the first request nobody knows who it is. If silent connections
could use up the places, a thousand of them would keep every page and every moderator out.
"""

from collections.abc import Mapping
from typing import Generic, Protocol, TypeVar

from backchannel.clock import Clock
from backchannel.hub.door import Door


class LobbyConnection(Protocol):
    """A connection as the lobby looks at it. `key`: what its address is counted under, empty for a proxy."""

    key: str
    has_place: bool

    def make_room(self) -> None:
        """End it: it only waits, and somebody else needs the descriptor."""
        ...


C = TypeVar("C", bound=LobbyConnection)


class WaitingList(Generic[C]):
    """Connections that wait, to the time from when on; longest first, in all and of each address."""

    def __init__(self) -> None:
        self.all: dict[C, float] = {}
        self._by_key: dict[str, dict[C, None]] = {}

    def add(self, comer: C, now: float) -> None:
        """Let it wait from now on."""
        self.all[comer] = now
        self._by_key.setdefault(comer.key, {})[comer] = None

    def remove(self, comer: C) -> None:
        """Let it wait no more, if it did."""
        if self.all.pop(comer, None) is not None:
            mine = self._by_key[comer.key]
            del mine[comer]
            if not mine:
                del self._by_key[comer.key]

    def of(self, key: str) -> Mapping[C, None]:
        """Return those of one address, longest first."""
        return self._by_key.get(key, {})


class Lobby(Generic[C]):
    """`fresh` and `idle` connections; those with a request under way are in neither."""

    def __init__(self, door: Door, clock: Clock) -> None:
        self.fresh: WaitingList[C] = WaitingList()
        self.idle: WaitingList[C] = WaitingList()
        self.refused = 0
        self._door, self._clock = door, clock

    def enter(self, comer: C) -> None:
        """Take it in among the fresh; end another where there are too many."""
        fresh, most = self.fresh, self._door.room_for_fresh
        if len(fresh.all) >= most:
            mine = fresh.of(comer.key)
            self._end(next(iter(mine if len(mine) > most // 4 else fresh.all)))
        fresh.add(comer, self._clock.monotonic())

    def take_place(self, comer: C) -> bool:
        """Give it a place, now that its first request is here. False: it has to come back later."""
        self.fresh.remove(comer)
        door, idle = self._door, self.idle
        if door.is_crowded(comer.key):
            self._clear(idle.of(comer.key))
        elif door.is_full:
            self._clear(idle.all)
        comer.has_place = door.enter(comer.key)
        self.refused += not comer.has_place
        return comer.has_place

    def is_hopeless(self, key: str) -> bool:
        """Tell whether no place can be made for a connection of this address."""
        door, idle = self._door, self.idle
        return (door.is_crowded(key) and not idle.of(key)) or (door.is_full and not idle.all)

    def wait(self, comer: C) -> None:
        """Count it as idle: its request is answered, and no other has come."""
        if comer.has_place:
            self.idle.add(comer, self._clock.monotonic())

    def attend(self, comer: C) -> None:
        """Count it as busy: it is not asked to make room under a request."""
        self.idle.remove(comer)

    def leave(self, comer: C) -> None:
        """Count it no more: it is gone, or somebody else counts it from now on."""
        self.fresh.remove(comer)
        self.idle.remove(comer)
        if comer.has_place:
            comer.has_place = False
            self._door.leave(comer.key)

    def relieve(self, count: int) -> None:
        """Let go of so many that only wait: descriptors have run out."""
        for comer in [*self.fresh.all, *self.idle.all][:count]:
            self._end(comer)

    def _clear(self, waiting: Mapping[C, object]) -> None:
        if (comer := next(iter(waiting), None)) is not None:
            self._end(comer)

    def _end(self, comer: C) -> None:
        self.leave(comer)
        comer.make_room()
