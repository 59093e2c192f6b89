"""A memory that cannot grow: what a hostile server says must not fill ours."""

from collections.abc import Hashable
from typing import Generic, TypeVar

_K = TypeVar("_K", bound=Hashable)
_V = TypeVar("_V")


class Recent(Generic[_K, _V]):
    """The newest entries of a mapping."""

    def __init__(self, limit: int = 5000) -> None:
        self._limit = limit
        self._of: dict[_K, _V] = {}

    def put(self, key: _K, value: _V) -> None:
        """Newest; the oldest leaves."""
        self._of.pop(key, None)
        self._of[key] = value
        if len(self._of) > self._limit:
            del self._of[next(iter(self._of))]

    def drop(self, key: _K) -> None:
        """Forget it, if it is known."""
        self._of.pop(key, None)

    def get(self, key: _K, default: _V) -> _V:
        """Its value, or the default."""
        return self._of.get(key, default)

    def __contains__(self, key: _K) -> bool:
        return key in self._of
