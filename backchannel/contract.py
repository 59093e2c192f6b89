"""The contract of a source: one network's bytes in, events out.

A network is `backchannel/sources/<kind>.py`, or a package of that name, which exports a pydantic model
`Settings` and a class `Source`; `kind:` in config.yaml is its name. docs/sources/README.md leads from nothing
to one. A third party adds one through the entry-point group `backchannel.sources`. `gather` runs every lane
of a source in a task of its own, keeps cursors, paces, backs off and reports health; a source only talks to
its network.

A kind's class names in its bases what it implements, `Source` and what else it can of the protocols below,
and is `@final`: so mypy refuses it where something is missing.

What may be raised, by every method here: SourceError. FetchError, and DecodeError where a whole answer cannot
be read, count as the lane's trouble, too, to be tried again; an address that the guard refused is for a
person, whether `Refused` is raised or a SourceError from it. All else is a bug of ours: it is contained, told
once and counted, and the lane is tried again as after any trouble. One bad item is not raised: it is left
out, and counted in `Batch.skipped`.

How long a text may be is said where it is decoded, see `backchannel.wire`; what came through there may go
into a post as it is. What a post's fields mean stands in `backchannel.model`, where `LABELS` are all labels
there are.
"""

from collections.abc import AsyncGenerator, Callable, Collection, Sequence
from typing import NamedTuple, Protocol, runtime_checkable

from msgspec import Struct
from pydantic import BaseModel, ConfigDict

from backchannel.bugs import Bugs
from backchannel.clock import Clock
from backchannel.fetch import Fetcher
from backchannel.model import Event, Post
from backchannel.redaction import redacted


class SourceError(Exception):
    """Names a failure of the network, not ours. `permanent` parks the lane until a person changes the
    settings.

    The message says what to do about it, if there is something. It may repeat what a peer said: no secret is
    left in it. `retry_after_s` is what the network asked for; 0 leaves the pause to `gather`.
    """

    def __init__(self, message: str, *, permanent: bool = False, retry_after_s: float = 0.0) -> None:
        super().__init__(redacted(message))
        self.permanent = permanent
        self.retry_after_s = retry_after_s


class SourceSettings(BaseModel):
    """The settings that every source has in config.yaml; a kind's own model extends it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: str
    name: str = ""

    def addresses(self) -> Sequence[str]:
        """URLs of the hosts that the operator wrote down here: they alone may lie in `allow_addresses`.

        A kind that has none, or does not say, reads from public addresses only.
        """
        return ()


class Batch(Struct, frozen=True):
    """Holds what was read, and the cursor behind it: a text of the source's own, stored with the events, in
    one step.

    Events are `Posted` (a new post or another revision), `Deleted`, `Left` and `Missed`; of posts it does not
    matter whether they are new, or candidates at all: `gather` and the sequencer drop the others. `cursor`
    None: nothing to remember. `pause_s`: ask the network no sooner than in so many real seconds. `skipped`:
    items that were dropped as undecodable, with `reasons` for the log line.
    """

    events: Sequence[Event] = ()
    cursor: str | None = None
    pause_s: float = 0.0
    skipped: int = 0
    reasons: Sequence[str] = ()


class Context(NamedTuple):
    """The things that a source is handed: its name, the one HTTP client, time, and what it may know of the
    event.

    `watch()` gives what `Recheck.recheck` is handed, at any time: the one permitted way upstream. `hashtags`
    are the event's, case-folded without `#`. `since` is the start of the collecting window (POSIX seconds).
    `bugs` contains what an item sets off, so that it costs itself alone.
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
    """Reads a network. The least that there is to implement.

    It is made with its own settings and a `Context`: `Source(settings, context)`, which asks nobody anything.
    `poll_s` is the pace: real seconds between two calls of `batches` for a lane; 0 says that `batches` is a
    stream, which is live while it is open, and is called again with growing patience when it ends. `chosen`
    are the lanes of which every post is wanted, hashtag or not; of all others those with a hashtag of the
    event.
    """

    poll_s: float
    chosen: Collection[str]

    def lanes(self) -> Sequence[str]:
        """Return the names of what is read independently: servers, relays, feeds. Cursors belong to them.

        They are shown to people and remembered, so no secret is in them (`redaction.redacted`), and they stay
        the same from start to start.
        """
        ...

    def batches(self, lane: str, cursor: str | None) -> AsyncGenerator[Batch, None]:
        """Read on from `cursor`; None is the first reading, which goes back to `Context.since`.

        Ends when there is nothing more now; a stream ends with its connection. The next call comes after a
        pause, with the last cursor that was stored: what lies behind it is not asked for again, so a cursor
        is given only when everything before it has been given. To give something twice does no harm.
        """
        ...


@runtime_checkable
class Recheck(Protocol):
    """A source whose network does not say by itself what was edited or deleted.

    `recheck_s` are the real seconds between two rounds.
    """

    recheck_s: float

    async def recheck(self, posts: Sequence[Post]) -> Sequence[Event]:
        """Ask what has become of these posts, in as few requests as the network allows.

        They are this source's that are on the wall, newest first, then those that wait or are held for a
        person, then folded ones, and last those that were not found any more: these have the label
        `model.ABSENT` and are looked for, too, since they may come back. There are some hundreds; not all
        have to be asked about in each round. Returns Posted for every copy that may have changed, Left with
        `ABSENT` for what is not found any more, Deleted for what its own network says is gone. What could not
        be asked about is left out: trouble takes nothing down.
        """
        ...


class Sample(Struct, frozen=True):
    """A lane's state, as `backchannel check` finds it by looking once.

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
