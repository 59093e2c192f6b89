"""Writes one line to the program's log while posts are being folded, however many."""

import structlog

from backchannel.clock import Clock
from backchannel.state import State

EVERY_S = 60.0

log_line = structlog.get_logger(__name__)


class CrowdLine:
    """Says at most once a minute how many posts are folded, when it has become more."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._said, self._said_at = 0, float("-inf")

    def say(self, state: State) -> None:
        """Look whether there is something to say. Authors' names are theirs; a key says enough."""
        folded, now = state.crowd.folded, self._clock.monotonic()
        if folded > self._said and now >= self._said_at + EVERY_S:
            key = state.crowd.fronts[-1][0][1]
            log_line.warning(
                "posts are folded, so that others keep their place; `backchannel show <key>` lifts one",
                posts=folded,
                authors=len(state.crowd.fronts),
                latest_key=key,
            )
            self._said, self._said_at = folded, now
        self._said = min(self._said, folded)
