"""The rest of the program as a gatherer sees it, and is handed it."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import NamedTuple, Protocol

from backchannel.bugs import Bugs
from backchannel.clock import Clock
from backchannel.log import Lane
from backchannel.model import Event, Takedown


class StandingCopy(NamedTuple):
    """Says which copy of a known post stands, on which network, and which lane of its source came first."""

    source: str
    revision: int
    is_origin: bool
    via: str = ""
    kind: str = ""
    lane: str = ""


class LogWriter(Protocol):
    """The sequencer, as far as a gatherer needs it."""

    async def submit(self, events: Sequence[Event], cursors: Mapping[Lane, str] | None = None) -> None: ...
    async def take_down(self, events: Sequence[Takedown]) -> bool: ...
    def knows(self, subject: str) -> bool: ...


class GatherContext(NamedTuple):
    """Holds what a gatherer is handed: the event's folded hashtags, the window's start (POSIX s),
    the one who writes, time, which copy of a post stands, the stored cursors, and who is told of bugs."""

    hashtags: frozenset[str]
    since: float
    writer: LogWriter
    clock: Clock
    standing: Callable[[str], StandingCopy | None]
    cursors: Callable[[], Awaitable[Mapping[Lane, str]]]
    bugs: Bugs
