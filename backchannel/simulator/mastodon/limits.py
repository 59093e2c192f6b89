"""Rate limits of a Mastodon server, and the headers that tell of them."""

from math import floor

from backchannel.clock import Clock
from backchannel.simulator.world import iso

WINDOW_S = 300.0


class Bucket:
    """So many requests of one client address per window of five real minutes."""

    def __init__(self, clock: Clock, limit: int) -> None:
        self.limit = limit
        self._clock = clock
        self._spent: dict[tuple[str, int], int] = {}

    def take(self, client: str) -> tuple[bool, dict[str, str]]:
        """Count one request: whether it is still allowed, and the headers that say so."""
        now = self._clock.real()
        window = floor(now / WINDOW_S)
        spent = self._spent[client, window] = self._spent.get((client, window), 0) + 1
        if spent == 1:
            self._spent = {key: count for key, count in self._spent.items() if key[1] == window}
        reset = (window + 1) * WINDOW_S
        headers = {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(max(0, self.limit - spent)),
            "X-RateLimit-Reset": iso(reset).replace("000Z", "000000Z"),
        }
        if spent > self.limit:
            headers["Retry-After"] = str(max(1, round(reset - now)))
        return spent <= self.limit, headers
