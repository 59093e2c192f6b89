"""Posts on a Mastodon server: those of its own people, and copies of others' that reached it later.

Ids are minted when a server receives a post, so a copy that comes late has a high id and an old date.
"""

import hashlib
from bisect import insort
from collections.abc import Iterator
from operator import attrgetter
from typing import NamedTuple

from backchannel.simulator.people import CAST
from backchannel.simulator.script import ScriptedPost, Version
from backchannel.simulator.world import World

_ACCOUNTS_FROM_MS = 1_785_542_400_000
_CHANGE_LAG_S = 8.0


class Copy(NamedTuple):
    """A post on one server. `lag_s` is how long edits and deletions need to get there, 0 at home."""

    id: int
    said: ScriptedPost
    arrives_s: float
    lag_s: float

    def version(self, at_s: float) -> Version:
        """Return the words that this server has at that time."""
        return self.said.version(at_s - self.lag_s) or self.said.versions[0]

    def is_here(self, at_s: float) -> bool:
        """Tell whether the server has it and its deletion has not come through."""
        return self.arrives_s <= at_s and not self.said.is_gone(at_s - self.lag_s)


class SimulatedServer:
    """A simulated server: `number` counts them, `bases` are the addresses of all, `domain` its people's."""

    def __init__(self, world: World, number: int, bases: tuple[str, ...], domains: tuple[str, ...]) -> None:
        self.world = world
        self.number = number
        self.bases = bases
        self.domains = domains
        self.base = bases[number]
        self.domain = domains[number]
        self._by_key: dict[str, Copy] = {}
        self._by_id: dict[int, Copy] = {}
        self._newest_last: list[Copy] = []
        world.listen(self._hear)

    def here(self, at_s: float) -> Iterator[Copy]:
        """Everything that the server shows at that time, newest id first."""
        return (copy for copy in reversed(self._newest_last) if copy.is_here(at_s))

    def find(self, status_id: str, at_s: float) -> Copy | None:
        """Return the post of that id, None where there is none (any more)."""
        copy = self._by_id.get(int(status_id)) if status_id.isascii() and status_id.isdigit() else None
        return copy if copy and copy.is_here(at_s) else None

    def copy_of(self, key: str, at_s: float) -> Copy | None:
        """Return this server's copy of a post, None where it has none (any more)."""
        copy = self._by_key.get(key)
        return copy if copy and copy.is_here(at_s) else None

    def answers(self, copy: Copy, at_s: float) -> list[Copy]:
        """Direct answers, oldest first."""
        here = (other for other in self._newest_last if other.is_here(at_s))
        return [other for other in here if other.said.answers == copy.said.key]

    def uri(self, said: ScriptedPost) -> str:
        """Return the post's global id, on the server where it was written."""
        home = int(said.place)
        return f"{self.bases[home]}/ap/users/{account_id(said.who, home)}/statuses/{self._id(said, home)}"

    def url(self, said: ScriptedPost) -> str:
        """Return its page, on the server where it was written."""
        home = int(said.place)
        return f"{self.bases[home]}/@{CAST[said.who].handle}/{self._id(said, home)}"

    def _hear(self, said: ScriptedPost) -> None:
        if said.kind != "mastodon":
            return
        is_home = said.place == str(self.number)
        copy = Copy(self._id(said, self.number), said, self._arrival(said), 0.0 if is_home else _CHANGE_LAG_S)
        if known := self._by_key.get(said.key):
            self._newest_last.remove(known)
        insort(self._newest_last, copy, key=attrgetter("id"))
        self._by_key[said.key] = self._by_id[copy.id] = copy
        self.world.ids[said.key] = self.uri(said)

    def _arrival(self, said: ScriptedPost) -> float:
        return said.at_s if said.place == str(self.number) else said.at_s + said.late_s

    def _id(self, said: ScriptedPost, number: int) -> int:
        at_s = said.at_s if said.place == str(number) else said.at_s + said.late_s
        return snowflake(int(self.world.stamp(at_s) * 1000), f"{self.world.seed} {said.key} {number}")


def snowflake(stamp_ms: int, name: str) -> int:
    """48 bits of milliseconds, 16 that only the name decides."""
    return stamp_ms << 16 | int.from_bytes(hashlib.sha256(name.encode()).digest()[:2])


def account_id(who: str, number: int) -> int:
    """Somebody's id on a server; another one on every server."""
    seconds = int.from_bytes(hashlib.sha256(f"{who} {number}".encode()).digest()[:2])
    return snowflake(_ACCOUNTS_FROM_MS + seconds * 1000, f"{who} {number}")
