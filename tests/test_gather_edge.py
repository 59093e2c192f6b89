"""What a source may raise, and whom it costs; and what the core raises, which nobody swallows."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
import structlog.testing
from msgspec.structs import replace

from backchannel.bugs import Bugs
from backchannel.contract import Batch, SourceError
from backchannel.fetch import FetchError
from backchannel.gather import GatherContext, Gatherer
from backchannel.log import Lane, LogBroken
from backchannel.model import Deleted, Event, Post, Posted, Takedown
from tests.kit.gathering import TAGS, ScriptedSource, gathered, quick
from tests.kit.posts import post
from tests.kit.sequencers import Opened, Stepped, texts

SURPRISES = [
    ValueError("port can't be converted"),
    IndexError("list index out of range"),
    UnicodeEncodeError("utf-8", "\udcff", 0, 1, "surrogates not allowed"),
    LookupError("MultipleValuesError"),
    RecursionError(),
    MemoryError(),
    ExceptionGroup("a task group of a source", [ExceptionGroup("inner", [KeyError("x")]), ValueError("y")]),
    asyncio.CancelledError(),
]
NAMES = [type(surprise).__name__ for surprise in SURPRISES]


class Lanes(ScriptedSource):
    """Two lanes: `bad` raises what it is told, until there is nothing left; `good` brings a post a read."""

    def __init__(self, *surprises: BaseException, reads: int = 3) -> None:
        super().__init__()
        self.surprises, self.reads = list(surprises), reads
        self.cursors: list[str | None] = []

    def lanes(self) -> Any:
        return ("bad", "good")

    async def batches(self, lane: Any, cursor: Any) -> Any:
        if lane == "bad":
            self.cursors.append(cursor)
            if self.surprises:
                raise self.surprises.pop(0)
            yield Batch([Posted(post("late"))], "1")
        else:
            self.reads -= 1
            yield Batch([Posted(post(f"good{self.reads}"))])
        if self.reads < 0 and not self.surprises:
            self.is_through.set()

    def are_few(self) -> bool:
        return self.reads < 2


@pytest.fixture
def bugs() -> Bugs:
    return Bugs()


@pytest.mark.parametrize("surprise", SURPRISES, ids=NAMES)
async def test_what_a_lane_raises_costs_that_lane_and_no_other(
    sequencer: Stepped, bugs: Bugs, surprise: BaseException
) -> None:
    source = Lanes(surprise, surprise)
    with structlog.testing.capture_logs() as lines:
        gatherer = await gathered(sequencer, source, bugs=bugs)
    assert {"late", "good0", "good1", "good2"} <= {*await texts(sequencer)}
    assert source.cursors[:3] == [None, None, None], "the cursor of a read that failed does not go on"
    assert bugs.count == 2
    assert bugs.latest.startswith("lane net/bad: ")
    assert [line["event"] for line in lines].count("a bug of ours, contained") == 1
    assert gatherer.health.state == "live"
    assert gatherer.health.error == ""


async def test_while_it_fails_the_lane_is_in_backoff_with_words_for_a_person(sequencer: Stepped) -> None:
    source = Lanes(*[ValueError("FOREIGN")] * 10_000, reads=5)
    gatherer = await gathered(sequencer, source, lambda: source.are_few() and len(source.cursors) > 1)
    assert gatherer.health.state == "live", "the other lane is"
    assert gatherer.health.error.startswith("bad: a bug of ours (ValueError at")
    assert "FOREIGN" not in gatherer.health.error


async def test_the_same_answer_at_every_start_ends_none_of_them(opened: Opened, bugs: Bugs) -> None:
    for start in range(1, 4):
        sequencer, source = await opened(), Lanes(*[IndexError()] * 10_000, reads=5)
        await gathered(sequencer, source, source.are_few, bugs=bugs)
        await sequencer.close()
        assert source.cursors[0] is None
        assert bugs.count >= start


async def test_a_trouble_in_a_group_is_a_trouble_and_no_bug(sequencer: Stepped, bugs: Bugs) -> None:
    group = ExceptionGroup("a task group of a source", [SourceError("slow down"), FetchError("a", "b")])
    await gathered(sequencer, Lanes(group), bugs=bugs)
    assert bugs.count == 0
    assert "late" in await texts(sequencer)


async def test_a_reading_that_cannot_be_closed_well_is_still_read(sequencer: Stepped, bugs: Bugs) -> None:
    class Sticky(ScriptedSource):
        async def batches(self, lane: Any, cursor: Any) -> Any:
            async for batch in super().batches(lane, cursor):
                try:
                    yield batch
                finally:
                    if not self.calls:
                        raise ValueError("closing")

    source = Sticky([Batch([Posted(post())], "1")], [Batch([Posted(post("p2"))], "2"), SourceError("lost")])
    await gathered(sequencer, source, bugs=bugs)
    assert {*await texts(sequencer)} == {"p1", "p2"}
    assert bugs.count >= 1


async def test_lanes_that_cannot_be_named_are_asked_for_again(sequencer: Stepped, bugs: Bugs) -> None:
    class Shy(ScriptedSource):
        asks = 0

        def lanes(self) -> Any:
            self.asks += 1
            if self.asks < 3:
                raise ValueError("no idea")
            return super().lanes()

        async def close(self) -> None:
            raise OSError("no end")

    gatherer = await gathered(sequencer, Shy([Batch([Posted(post())], "1")]), bugs=bugs)
    assert {*await texts(sequencer)} == {"p1"}
    assert bugs.count == 3
    assert (gatherer.health.state, gatherer.health.error) == ("live", "")


async def test_a_recheck_that_raises_is_tried_again_and_stops_no_lane(sequencer: Stepped, bugs: Bugs) -> None:
    class StumblingRecheck(ScriptedSource):
        recheck_s = 7.0
        rechecks = 0

        async def batches(self, lane: Any, cursor: Any) -> Any:
            yield self.calls[0][0]
            if self.rechecks > 3:
                self.is_through.set()

        async def recheck(self, posts: Sequence[Post]) -> Sequence[Event]:
            self.rechecks += 1
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self.look())
            return ()

        async def look(self) -> None:
            raise UnicodeError("label too long")

    source = StumblingRecheck([Batch([Posted(post())], "1")])
    await gathered(sequencer, source, watch=lambda: [post()], bugs=bugs)
    assert bugs.latest.startswith("recheck net: UnicodeError at ")
    assert bugs.count >= 3
    assert {*await texts(sequencer)} == {"p1"}


def poisoned() -> list[Event]:
    """Events that no parser of ours makes today."""
    fine = post("p1")
    return [
        Posted(replace(fine, id="id:a", hashtags=None)),
        Posted(replace(fine, id="id:b", face=replace(fine.face, body=("half: \ud800",)))),
        Posted(replace(fine, id="id:c", revision=1.5)),
        Posted(replace(fine, id="id:d", lang=7)),
        Posted(replace(fine, id="id:e", face=replace(fine.face, body=(object(),)))),
        Posted(replace(fine, id=[])),
        Deleted("id:\udcff"),
        Deleted([]),  # type: ignore[arg-type]
    ]


async def test_an_item_that_cannot_be_looked_at_or_stored_is_dropped_alone(
    opened: Opened, sequencer: Stepped, bugs: Bugs
) -> None:
    events = [Posted(post("p1")), *poisoned(), Posted(post("p2"))]
    gatherer = await gathered(sequencer, ScriptedSource([Batch(events, "1")]), bugs=bugs)
    assert {*await texts(sequencer)} == {"p1", "p2"}
    assert await sequencer.log.cursors() == {("net", "lane"): "1"}
    assert gatherer.health.skipped == bugs.count >= len(events) - 3
    await sequencer.close()
    again = await opened()
    assert {*await texts(again)} == {"p1", "p2"}


async def test_half_a_character_in_a_cursor_is_that_lanes_failure(sequencer: Stepped, bugs: Bugs) -> None:
    source = ScriptedSource([Batch([Posted(post())], "\udcff")], [Batch([Posted(post("p2"))], "2")])
    await gathered(sequencer, source, bugs=bugs)
    assert {*await texts(sequencer)} == {"p2"}
    assert bugs.count == 1


class Broken:
    """A writer whose log cannot be trusted any more."""

    async def submit(self, events: Sequence[Event], cursors: Mapping[Lane, str] | None = None) -> None:
        raise LogBroken("submit")

    async def take_down(self, events: Sequence[Takedown]) -> bool:
        raise LogBroken("take_down")

    def knows(self, subject: str) -> bool:
        return True


class Clinging(ScriptedSource):
    """Raises when it is closed, whatever was on its way."""

    async def batches(self, lane: Any, cursor: Any) -> Any:
        try:
            async for batch in super().batches(lane, cursor):
                yield batch
        finally:
            raise ValueError("closing")

    recheck_s = 15.0

    async def recheck(self, posts: Sequence[Post]) -> Sequence[Event]:
        return [Posted(post())]


@pytest.mark.parametrize("kind", [ScriptedSource, Clinging])
@pytest.mark.parametrize(("event", "word"), [(Posted(post()), "submit"), (Deleted("id:p1"), "take_down")])
async def test_what_the_writer_raises_stops_everything(
    event: Event, word: str, kind: type[ScriptedSource]
) -> None:
    async def no_cursors() -> dict[Lane, str]:
        return {}

    bugs = Bugs()
    context = GatherContext(TAGS, 0.0, Broken(), quick(), lambda _: None, no_cursors, bugs)
    gatherer = Gatherer("net", "script", kind([Batch([event], "1")]), lambda: (), context)
    with pytest.raises(ExceptionGroup) as caught:
        await asyncio.wait_for(gatherer.run(), 60)
    assert [str(error) for error in caught.value.exceptions] == [word]
    assert isinstance(caught.value.exceptions[0], LogBroken)


async def test_what_the_writer_raises_at_a_recheck_stops_everything() -> None:
    async def no_cursors() -> dict[Lane, str]:
        return {}

    context = GatherContext(TAGS, 0.0, Broken(), quick(), lambda _: None, no_cursors, Bugs())
    gatherer = Gatherer("net", "script", Clinging(), lambda: [post()], context)
    with pytest.raises(ExceptionGroup) as caught:
        await asyncio.wait_for(gatherer.run(), 60)
    assert caught.group_contains(LogBroken, match="submit")
