"""What a source may raise, and whom it costs; and what the core raises, which nobody swallows."""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
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
from tests.kit.clocks import ManualClock
from tests.kit.posts import post
from tests.kit.sequencers import sequencer_in, texts
from tests.test_gather import TAGS, Script, gathered, quick

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


class Lanes(Script):
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


def bugs_of(gatherer: Gatherer) -> Bugs:
    return gatherer._context.bugs


@pytest.mark.parametrize("surprise", SURPRISES, ids=NAMES)
async def test_what_a_lane_raises_costs_that_lane_and_no_other(
    surprise: BaseException, tmp_path: Path
) -> None:
    source = Lanes(surprise, surprise)
    with structlog.testing.capture_logs() as lines:
        sequencer, gatherer = await gathered(tmp_path, source)
    assert {"late", "good0", "good1", "good2"} <= {*await texts(sequencer)}
    assert source.cursors[:3] == [None, None, None], "the cursor of a read that failed does not go on"
    assert bugs_of(gatherer).count == 2
    assert bugs_of(gatherer).latest.startswith("lane net/bad: ")
    assert [line["event"] for line in lines].count("a bug of ours, contained") == 1
    assert gatherer.health.state == "live"
    assert gatherer.health.error == ""
    await sequencer.close()


async def test_while_it_fails_the_lane_is_in_backoff_with_words_for_a_person(tmp_path: Path) -> None:
    source = Lanes(*[ValueError("FOREIGN")] * 10_000, reads=5)
    _, gatherer = await seen(tmp_path, source, quick(), lambda: source.reads < 2)
    bad = gatherer._lanes["bad"]
    assert (bad.state, gatherer._lanes["good"].state) == ("backoff", "live")
    assert "a bug of ours (ValueError at" in bad.error
    assert "FOREIGN" not in bad.error
    assert bad.failures > 1


async def seen(folder: Path, source: Script, clock: ManualClock, is_so: Any) -> Any:
    """Run it up to a moment."""
    sequencer = await sequencer_in(folder, clock=ManualClock(2000.0))
    context = GatherContext(TAGS, 0.0, sequencer, clock, lambda _: None, sequencer.log.cursors, Bugs())
    gatherer = Gatherer("net", "script", source, lambda: (), context)
    tasks = [asyncio.create_task(sequencer.run()), asyncio.create_task(gatherer.run())]
    async with asyncio.timeout(20):
        while not is_so():
            await asyncio.sleep(0)
    for task in tasks:
        task.cancel()
    ended = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(end, asyncio.CancelledError) for end in ended), ended
    await sequencer.close()
    return sequencer, gatherer


async def test_the_same_answer_at_every_start_ends_none_of_them(tmp_path: Path) -> None:
    for start in range(3):
        source = Lanes(*[IndexError()] * 10_000, reads=5)
        _, gatherer = await seen(tmp_path, source, quick(), lambda source=source: source.reads < 2)
        assert source.cursors[0] is None, start
        assert bugs_of(gatherer).count >= 1


async def test_a_trouble_in_a_group_is_a_trouble_and_no_bug(tmp_path: Path) -> None:
    group = ExceptionGroup("a task group of a source", [SourceError("slow down"), FetchError("a", "b")])
    sequencer, gatherer = await gathered(tmp_path, Lanes(group))
    assert bugs_of(gatherer).count == 0
    assert "late" in await texts(sequencer)
    await sequencer.close()


async def test_a_reading_that_cannot_be_closed_well_is_still_read(tmp_path: Path) -> None:
    class Sticky(Script):
        async def batches(self, lane: Any, cursor: Any) -> Any:
            async for batch in super().batches(lane, cursor):
                try:
                    yield batch
                finally:
                    if not self.calls:
                        raise ValueError("closing")

    source = Sticky([Batch([Posted(post())], "1")], [Batch([Posted(post("p2"))], "2"), SourceError("lost")])
    sequencer, gatherer = await gathered(tmp_path, source)
    assert {*await texts(sequencer)} == {"p1", "p2"}
    assert bugs_of(gatherer).count >= 1
    await sequencer.close()


async def test_lanes_that_cannot_be_named_are_asked_for_again(tmp_path: Path) -> None:
    class Shy(Script):
        asks = 0

        def lanes(self) -> Any:
            self.asks += 1
            if self.asks < 3:
                raise ValueError("no idea")
            return super().lanes()

        async def close(self) -> None:
            raise OSError("no end")

    sequencer, gatherer = await gathered(tmp_path, Shy([Batch([Posted(post())], "1")]))
    assert {*await texts(sequencer)} == {"p1"}
    assert bugs_of(gatherer).count == 3
    assert [*gatherer._lanes] == ["lane"]
    await sequencer.close()


async def test_a_recheck_that_raises_is_tried_again_and_stops_no_lane(tmp_path: Path) -> None:
    class Rechecked(Script):
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

    source = Rechecked([Batch([Posted(post())], "1")])
    sequencer, gatherer = await gathered(tmp_path, source, watch=lambda: [post()])
    assert bugs_of(gatherer).latest.startswith("recheck net: UnicodeError at ")
    assert bugs_of(gatherer).count >= 3
    assert {*await texts(sequencer)} == {"p1"}
    await sequencer.close()


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


async def test_an_item_that_cannot_be_looked_at_or_stored_is_dropped_alone(tmp_path: Path) -> None:
    events = [Posted(post("p1")), *poisoned(), Posted(post("p2"))]
    sequencer, gatherer = await gathered(tmp_path, Script([Batch(events, "1")]))
    assert {*await texts(sequencer)} == {"p1", "p2"}
    assert await sequencer.log.cursors() == {("net", "lane"): "1"}
    assert gatherer.health.skipped == bugs_of(gatherer).count >= len(events) - 3
    await sequencer.close()
    again = await sequencer_in(tmp_path)
    assert {*await texts(again)} == {"p1", "p2"}
    await again.close()


async def test_half_a_character_in_a_cursor_is_that_lanes_failure(tmp_path: Path) -> None:
    source = Script([Batch([Posted(post())], "\udcff")], [Batch([Posted(post("p2"))], "2")])
    sequencer, gatherer = await gathered(tmp_path, source)
    assert {*await texts(sequencer)} == {"p2"}
    assert bugs_of(gatherer).count == 1
    await sequencer.close()


class Broken:
    """A writer whose log cannot be trusted any more."""

    async def submit(self, events: Sequence[Event], cursors: Mapping[Lane, str] | None = None) -> None:
        raise LogBroken("submit")

    async def take_down(self, events: Sequence[Takedown]) -> bool:
        raise LogBroken("take_down")

    def knows(self, subject: str) -> bool:
        return True


class Clinging(Script):
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


@pytest.mark.parametrize("kind", [Script, Clinging])
@pytest.mark.parametrize(("event", "word"), [(Posted(post()), "submit"), (Deleted("id:p1"), "take_down")])
async def test_what_the_writer_raises_stops_everything(event: Event, word: str, kind: type[Script]) -> None:
    async def no_cursors() -> dict[Lane, str]:
        return {}

    bugs = Bugs()
    context = GatherContext(TAGS, 0.0, Broken(), quick(), lambda _: None, no_cursors, bugs)
    gatherer = Gatherer("net", "script", kind([Batch([event], "1")]), lambda: (), context)
    with pytest.raises(ExceptionGroup) as caught:
        await asyncio.wait_for(gatherer.run(), 20)
    assert [str(error) for error in caught.value.exceptions] == [word]
    assert isinstance(caught.value.exceptions[0], LogBroken)


async def test_what_the_writer_raises_at_a_recheck_stops_everything() -> None:
    async def no_cursors() -> dict[Lane, str]:
        return {}

    context = GatherContext(TAGS, 0.0, Broken(), quick(), lambda _: None, no_cursors, Bugs())
    gatherer = Gatherer("net", "script", Clinging(), lambda: [post()], context)
    with pytest.raises(ExceptionGroup) as caught:
        await asyncio.wait_for(gatherer.run(), 20)
    assert caught.group_contains(LogBroken, match="submit")
