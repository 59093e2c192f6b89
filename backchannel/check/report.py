"""Holds the facts that a check finds, as `check --json` prints them; docs/operations.md has the keys."""

from collections.abc import Iterator
from typing import Literal

from msgspec import Struct

from backchannel.retry import Budget

State = Literal["fine", "look", "trouble"]
Reach = Literal["nobody", "this machine", "this network", "everybody"]


class Finding(Struct, frozen=True, kw_only=True):
    """Tells of one thing that was tried.

    `problem` says what is not as it should be, `way_out` what to change and where; both are empty where it is
    `fine`. `look` may be meant so: a person should know it, and nothing has to be done.
    """

    state: State = "fine"
    problem: str = ""
    way_out: str = ""


class LaneFinding(Finding, frozen=True, kw_only=True):
    """Tells of a server, relay or feed. `place` is its line in config.yaml, `what` answers in its own words.

    `allowed` is None where nobody has said. Of so many `items` shown, `wanted` are candidates, written since
    `event.collect_from`, and `skipped` cannot be read. `newest_at` is the newest candidate, however old.
    `budget` is None where the lane tells none.
    """

    source: str
    kind: str
    lane: str
    place: str = ""
    reached: bool = False
    allowed: bool | None = None
    what: str = ""
    items: int = 0
    wanted: int = 0
    skipped: int = 0
    newest_at: str | None = None
    newest_age_s: float | None = None
    budget: Budget | None = None


class QrFinding(Finding, frozen=True, kw_only=True):
    """Tells of the code on the wall: the `text` in it, where that `leads_to`, and who can go there."""

    text: str
    leads_to: str
    reach: Reach


class ClockFinding(Finding, frozen=True, kw_only=True):
    """Tells of our clock, against `hosts` others. `error_s`: seconds that it is ahead; None if none told."""

    error_s: float | None = None
    hosts: int = 0


class CheckReport(Struct, frozen=True):
    """Holds everything that was tried, once. `network` is what all lanes have in common."""

    state: State
    event: str
    config: str
    checked_at: str
    lanes: tuple[LaneFinding, ...]
    network: Finding
    qr: QrFinding
    clock: ClockFinding

    def findings(self) -> Iterator[tuple[str, Finding]]:
        """Yield all of them, each with a name for people."""
        yield from ((lane.lane or lane.source, lane) for lane in self.lanes)
        yield from (("network", self.network), ("QR code", self.qr), ("our clock", self.clock))


def worst(*findings: Finding) -> State:
    """Return the state of the whole."""
    order: list[State] = ["fine", "look", "trouble"]
    return max((finding.state for finding in findings), key=order.index, default="fine")
