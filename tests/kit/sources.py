"""What a source is handed, and what its lanes bring."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence

import pytest

from backchannel.bugs import Bugs
from backchannel.clock import Clock
from backchannel.contract import Batch, Context, Source, SourceError
from backchannel.fetch import Fetcher
from backchannel.model import Deleted, Event, Missed, Post, Posted
from backchannel.text import plain_text
from tests.kit.clocks import ManualClock
from tests.kit.http_server import PAGE, Answer, saying

NewContext = Callable[..., Context]
WAIT_S = 60.0
"""Long enough for a loaded machine; a test that waits so long fails."""

FAILURES: dict[str, Answer] = {
    "401": saying({"error": "no"}, 401),
    "404": saying({"error": "Not found"}, 404),
    "429": saying({"error": "Too many"}, 429, Retry_After="7"),
    "502": saying(PAGE, 502),
    "a web page": saying(PAGE),
    "half an answer": saying('[{"id": 1'),
}
"""What every network has to know a fate of; see `fate`."""


@pytest.fixture
async def new_context() -> AsyncIterator[NewContext]:
    """Makes contexts, on loopback unless told otherwise; their clients are closed when the test ends."""
    made: list[Fetcher] = []

    def make(
        name: str = "net",
        *,
        clock: Clock | None = None,
        hashtags: Sequence[str] = ("conf",),
        since: float = 0.0,
        watch: Callable[[], Sequence[Post]] = tuple,
        allow: Sequence[str] = ("127.0.0.0/8",),
        bugs: Bugs | None = None,
        fetch: Fetcher | None = None,
    ) -> Context:
        clock = clock or ManualClock()
        if not fetch:
            fetch = Fetcher(allow=allow, user_agent="Backchannel/test", clock=clock)
            made.append(fetch)
        return Context(name, fetch, clock, tuple(hashtags), since, watch, bugs or Bugs())

    yield make
    for fetcher in made:
        await fetcher.close()


class Brought:
    """Batches of a lane, and what is in them."""

    def __init__(self, batches: Sequence[Batch] = ()) -> None:
        self.batches = [*batches]

    @property
    def events(self) -> list[Event]:
        return [event for batch in self.batches for event in batch.events]

    @property
    def posts(self) -> list[Post]:
        return [event.post for event in self.events if isinstance(event, Posted)]

    @property
    def texts(self) -> list[str]:
        return [plain_text(post.face.body) for post in self.posts]

    @property
    def deleted(self) -> list[str]:
        return [event.subject for event in self.events if isinstance(event, Deleted)]

    @property
    def missed(self) -> list[Missed]:
        return [event for event in self.events if isinstance(event, Missed)]

    @property
    def cursor(self) -> str | None:
        return next((batch.cursor for batch in reversed(self.batches) if batch.cursor is not None), None)

    @property
    def skipped(self) -> int:
        return sum(batch.skipped for batch in self.batches)

    @property
    def reasons(self) -> list[str]:
        return [reason for batch in self.batches for reason in batch.reasons]


async def collect(source: Source, lane: str = "", cursor: str | None = None) -> Brought:
    """Read a lane to its end, the first one unless told otherwise."""
    return Brought([batch async for batch in source.batches(lane or source.lanes()[0], cursor)])


async def fate(source: Source, lane: str = "", cursor: str | None = None) -> SourceError:
    """Read a lane that fails. Gives its error: `permanent`, `retry_after_s`, and words for a person."""
    with pytest.raises(SourceError) as caught:
        await collect(source, lane, cursor)
    return caught.value


class LaneReader(Brought):
    """A lane that is read in a task: `until` waits for what it brings."""

    def __init__(self, source: Source, lane: str = "", cursor: str | None = None) -> None:
        super().__init__()
        self.error: Exception | None = None
        self._source = source
        self._changed = asyncio.Condition()
        self.task = asyncio.create_task(self._read(lane or source.lanes()[0], cursor))

    async def until(self, is_so: Callable[["LaneReader"], object]) -> None:
        """Wait for the condition. AssertionError with what came instead, when the lane ends before it."""
        try:
            async with asyncio.timeout(WAIT_S), self._changed:
                await self._changed.wait_for(lambda: is_so(self) or self.task.done() or self.error)
        except TimeoutError:
            raise AssertionError(f"waited in vain; there is {self.batches}") from None
        assert is_so(self), f"the lane ended ({self.error!r}) with {self.batches}"

    async def ended(self) -> Exception | None:
        """Wait for the lane's end; its error, if any."""
        async with asyncio.timeout(WAIT_S):
            await asyncio.wait([self.task])
        return self.error

    async def stop(self) -> None:
        self.task.cancel()
        await asyncio.wait([self.task])

    async def _read(self, lane: str, cursor: str | None) -> None:
        try:
            async for batch in self._source.batches(lane, cursor):
                async with self._changed:
                    self.batches.append(batch)
                    self._changed.notify_all()
        except Exception as error:  # noqa: BLE001  handed to the test, which looks at it
            self.error = error
        finally:
            if not self.task.cancelling():
                async with self._changed:
                    self._changed.notify_all()
