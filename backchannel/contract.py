"""The contract of a source: one network's bytes in, events out.

A network is `backchannel/sources/<kind>.py` with a pydantic model `Settings` and a class `Source`;
`kind:` in config.yaml is the file's name. A third party adds one through the entry-point group
`backchannel.sources`. `gather` runs every lane of a source in a task of its own, keeps cursors, paces,
backs off and reports health; a source only talks to its network.
"""

from collections.abc import AsyncGenerator, Callable, Sequence
from typing import NamedTuple, Protocol, runtime_checkable

from msgspec import Struct
from pydantic import BaseModel, ConfigDict

from backchannel.bugs import Bugs
from backchannel.clock import Clock
from backchannel.fetch import Fetcher
from backchannel.model import Event, Post
from backchannel.redaction import redacted


class SourceError(Exception):
    """The network, not we. `permanent` parks the lane until a person changes the settings.

    The message may repeat what a peer said: no secret is left in it.
    `retry_after_s` is what the network asked for; 0 leaves the pause to `gather`.
    """

    def __init__(self, message: str, *, permanent: bool = False, retry_after_s: float = 0.0) -> None:
        super().__init__(redacted(message))
        self.permanent = permanent
        self.retry_after_s = retry_after_s


class SourceSettings(BaseModel):
    """What every source can be told in config.yaml; a kind's own model extends it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: str
    name: str = ""

    def addresses(self) -> Sequence[str]:
        """URLs of the hosts that the operator wrote down here: they alone may lie in `allow_addresses`.

        A kind that has none, or does not say, reads from public addresses only.
        """
        return ()


class Batch(Struct, frozen=True):
    """What was read, and the cursor behind it. `cursor` None: nothing to remember.

    `pause_s`: ask the network no sooner than in so many real seconds. `skipped`: items that were dropped
    as undecodable, with `reasons` for the log line.
    """

    events: Sequence[Event] = ()
    cursor: str | None = None
    pause_s: float = 0.0
    skipped: int = 0
    reasons: Sequence[str] = ()


class Context(NamedTuple):
    """What a source is handed: its name, the one HTTP client, time, and what it may know of the event.

    `watch()` gives the posts of this source that are on the wall now, newest first: the one permitted way
    upstream. What was not found any more comes along, with the label `model.ABSENT`. `hashtags` are the
    event's, case-folded without `#`. `since` is the start of the collecting window (POSIX seconds). `bugs`
    contains what an item sets off, so that it costs itself alone.
    """

    name: str
    fetch: Fetcher
    clock: Clock
    hashtags: tuple[str, ...]
    since: float
    watch: Callable[[], Sequence[Post]]
    bugs: Bugs


@runtime_checkable
class Source(Protocol):
    """The least a source does. `is_chosen`: everything it reads is wanted, hashtag or not."""

    is_chosen: bool

    def lanes(self) -> Sequence[str]:
        """Names of what is read independently: servers, relays, feeds. Cursors belong to them."""
        ...

    def batches(self, lane: str, cursor: str | None) -> AsyncGenerator[Batch, None]:
        """Read on from `cursor`. Ends when there is nothing more now; a stream ends with its connection.

        Raises SourceError. The next call comes after a pause, with the last cursor that was stored.
        """
        ...


@runtime_checkable
class Recheck(Protocol):
    """A source whose network does not say by itself what was edited or deleted."""

    async def recheck(self, posts: Sequence[Post]) -> Sequence[Event]:
        """Posted for every copy that may have changed, Left for what is not found any more, Deleted for what
        its own network says is gone. Raises SourceError."""
        ...


class Sample(Struct, frozen=True):
    """What a lane shows to whoever looks once.

    `what` names what answers, in a few foreign words: a feed's title, a server's software. `posts` are the
    newest, as `batches` would give them, however old. `items` counts all that was shown, `skipped` what of it
    could not be read. `advice`: what a person should change although the lane can be read.
    """

    what: str = ""
    posts: Sequence[Post] = ()
    items: int = 0
    skipped: int = 0
    advice: str = ""


@runtime_checkable
class Check(Protocol):
    """A source whose lanes can be tried before the event. `backchannel check` does, and stores nothing."""

    async def check(self, lane: str) -> Sample:
        """Look once at the newest that this lane shows, in few requests. Raises SourceError as `batches`."""
        ...


@runtime_checkable
class Closing(Protocol):
    """A source that holds something of its own, a process or a connection."""

    async def close(self) -> None:
        """Give it back; the source is not asked again."""
        ...
