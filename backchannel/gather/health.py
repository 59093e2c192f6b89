"""Holds the health of a source and of its lanes, as `/healthz` and `/status` tell it."""

from typing import Literal

from msgspec import Struct

Health = Literal["starting", "live", "backoff", "blocked", "needs_human"]


class SourceHealth(Struct):
    """Says how a source is: its best lane's state, and when it last spoke (POSIX s).

    `skipped`: items that could not be read; `missed`: gaps that could not be filled.
    """

    name: str
    kind: str
    state: Health = "starting"
    last_success_at: float | None = None
    behind_s: float | None = None
    error: str = ""
    skipped: int = 0
    missed: int = 0


class LaneHealth(Struct):
    """Says how a lane is. `failures`: since a read last held; `skipped`: items that could not be read."""

    state: Health = "starting"
    last_success_at: float | None = None
    error: str = ""
    failures: int = 0
    skipped: int = 0

    def hear(self, at: float, skipped: int) -> None:
        """Note that the network has spoken."""
        self.state, self.last_success_at, self.error = "live", at, ""
        self.skipped += skipped
