"""Filters of a subscription (NIP-01)."""

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct

from backchannel.simulator.nostr.events import Event

_LIMIT = 500


class Filter(Struct, frozen=True):
    """A filter. `tags` holds the `#x` conditions by their letter."""

    ids: frozenset[str] | None = None
    authors: frozenset[str] | None = None
    kinds: frozenset[int] | None = None
    since: int | None = None
    until: int | None = None
    limit: int = _LIMIT
    tags: Mapping[str, frozenset[str]] = {}

    def wants(self, event: Event) -> bool:
        """Tell whether the event is asked for. `limit` says nothing about that."""
        return (
            (self.ids is None or event.id in self.ids)
            and (self.authors is None or event.pubkey in self.authors)
            and (self.kinds is None or event.kind in self.kinds)
            and (self.since is None or event.created_at >= self.since)
            and (self.until is None or event.created_at <= self.until)
            and all(self._has_tag(event, letter) for letter in self.tags)
        )

    def _has_tag(self, event: Event, letter: str) -> bool:
        return any(len(tag) > 1 and tag[0] == letter and tag[1] in self.tags[letter] for tag in event.tags)


def parse_filter(said: Any) -> Filter:
    """Return a filter from decoded JSON. ValueError (msgspec.ValidationError) says what is wrong with it."""
    if not isinstance(said, dict):
        raise ValueError("a filter is an object")  # noqa: TRY004 - a client's mistake, not ours
    tags = {
        key[1:]: msgspec.convert(value, frozenset[str])
        for key, value in said.items()
        if len(key) == 2 and key[0] == "#"
    }
    plain = {key: value for key, value in said.items() if not key.startswith("#")}
    return msgspec.convert({**plain, "tags": tags}, Filter)
