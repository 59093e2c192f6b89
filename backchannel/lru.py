"""A map that cannot grow: what strangers send must not fill our memory. Pure."""

from collections import OrderedDict
from collections.abc import Hashable
from itertools import islice
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Lru(Generic[K, V]):
    """Holds the `size` entries that were used last (least recently used goes first)."""

    def __init__(self, size: int = 5000) -> None:
        self._size = size
        self._held: OrderedDict[K, V] = OrderedDict()

    def get(self, key: K) -> V | None:
        """Return the value, which is now the one used last, or None."""
        if key in self._held:
            self._held.move_to_end(key)
        return self._held.get(key)

    def put(self, key: K, value: V) -> None:
        """Set it, as the one used last; the entry that was used longest ago may have to go."""
        self._held[key] = value
        self._held.move_to_end(key)
        if len(self._held) > self._size:
            self._held.popitem(last=False)

    def drop(self, key: K) -> None:
        """Forget the entry, if it is there."""
        self._held.pop(key, None)

    def newest(self, count: int) -> list[tuple[K, V]]:
        """Return so many entries, those used last first. They are not used by that."""
        return list(islice(reversed(self._held.items()), count))
