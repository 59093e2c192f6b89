"""What a gatherer lets through, remembers, and says of its source. The log behind it is a real one."""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import structlog.testing
from msgspec.structs import replace

from backchannel.bugs import Bugs
from backchannel.contract import Batch, SourceError
from backchannel.gather import GatherContext, Gatherer, KnownPosts, is_in_window, unwanted
from backchannel.log import Lane
from backchannel.model import DecodeError, Deleted, Event, Left, Post, Posted, Takedown
from backchannel.sequencer import Sequencer
from tests.kit.clocks import ManualClock
from tests.kit.posts import post
from tests.kit.sequencers import events, sequencer_in, settle, texts
from tests.sequencer.test_trouble import moody

TAGS = frozenset({"conf"})


class Script:
    """A network on paper: what each call of `batches` gives, in order; then silence."""

    chosen: Collection[str] = ()
    poll_s = 0.001

    def __init__(self, *calls: Sequence[Batch | Exception]) -> None:
        self.calls = list(calls)
        self.asked: list[str | None] = []
        self.is_through = asyncio.Event()

    def lanes(self) -> Any:
        return ("lane",)

    async def batches(self, lane: Any, cursor: Any) -> Any:
        self.asked.append(cursor)
        if not self.calls:
            self.is_through.set()
            await asyncio.get_running_loop().create_future()
        for batch in self.calls.pop(0):
            if isinstance(batch, Exception):
                raise batch
            yield batch


def quick() -> ManualClock:
    return ManualClock(2000.0, sleeps="skipped")


async def gathered(folder: Any, source: Any, *, watch: Any = lambda: (), clock: Any = None) -> Any:
    """Run the source to its end. Gives the sequencer and the gatherer."""
    sequencer = await sequencer_in(folder, clock=ManualClock(2000.0))
    context = GatherContext(
        TAGS, 0.0, sequencer, clock or quick(), KnownPosts(sequencer).standing, sequencer.log.cursors, Bugs()
    )
    gatherer = Gatherer("net", "net", source, watch, context)
    gatherer._clock = clock or quick()
    writer, run = asyncio.create_task(sequencer.run()), asyncio.create_task(gatherer.run())
    through = asyncio.create_task(source.is_through.wait())
    done, _ = await asyncio.wait((run, through, writer), return_when="FIRST_COMPLETED", timeout=20)
    assert done, "it does not come to its end"
    for task in (run, through, writer):
        task.cancel()
    await asyncio.gather(run, through, writer, return_exceptions=True)
    return sequencer, gatherer


def test_a_candidate_carries_the_hashtag_and_no_refusal() -> None:
    assert unwanted(post(), TAGS) == ""
    assert "hashtag" in unwanted(post(hashtags=("other",)), TAGS)
    assert unwanted(post(hashtags=()), TAGS, is_chosen=True) == ""
    assert "nowall" in unwanted(post(hashtags=("conf", "nowall")), TAGS)


@pytest.mark.parametrize(
    "label", ["nobot", "noindex", "nowall", "not-public", "suspended", "limited", "memorial"]
)
def test_a_refusal_keeps_out_also_what_is_chosen(label: str) -> None:
    assert label in unwanted(post(labels=(label,)), TAGS, is_chosen=True)


def test_the_window_has_a_start_and_no_future() -> None:
    assert is_in_window(post(created_at=1000.0), 1000.0, 1000.0)
    assert not is_in_window(post(created_at=999.0), 1000.0, 1000.0)
    assert is_in_window(post(created_at=1900.0), 0.0, 1000.0)
    assert not is_in_window(post(created_at=1901.0), 0.0, 1000.0)
    assert not is_in_window(post(expires_at=1000.0), 0.0, 1000.0)


async def test_only_candidates_reach_the_log_and_the_cursor_goes_on_without_them(tmp_path: Path) -> None:
    source = Script([Batch([Posted(post()), Posted(post("p2", hashtags=("other",)))], "7")])
    sequencer, gatherer = await gathered(tmp_path, source)
    assert await texts(sequencer) == {"p1": "hello"}
    assert await sequencer.log.cursors() == {("net", "lane"): "7"}
    assert source.asked == [None, "7"]
    assert gatherer.health.state == "live"
    await sequencer.close()


async def test_a_post_says_by_which_lane_it_came_and_keeps_it_when_it_is_looked_at_again(
    tmp_path: Path,
) -> None:
    source = Script([Batch([Posted(post())], "1")])
    sequencer, _ = await gathered(tmp_path, source)
    seen = sequencer.state.posts.by_id["id:p1"]
    assert seen.lane == "lane"
    await settle(sequencer, Posted(post(text="an edit", revision=1)))
    assert sequencer.state.posts.by_id["id:p1"].lane == "lane"
    await sequencer.close()


async def test_a_chosen_lanes_post_needs_no_hashtag_whoever_brings_it_again(tmp_path: Path) -> None:
    """Another lane, a re-check or an edit must not take down what was wanted without a hashtag."""

    class Two(Script):
        chosen = ("all",)
        recheck_s = 7.0
        is_known, told = False, 0

        def lanes(self) -> Any:
            return ("all", "some")

        async def batches(self, lane: Any, cursor: Any) -> Any:
            if lane == "all":
                self.is_known = cursor == "1"
                yield Batch([Posted(post("p1", hashtags=()))], "1")
            elif self.is_known:
                yield Batch([Posted(post(name, "again", hashtags=(), revision=1)) for name in ("p1", "p2")])
                self.told += 1

        async def recheck(self, posts: Any) -> Any:
            if self.told > 3:
                self.is_through.set()
            return [Posted(post("p1", "edited", hashtags=(), revision=2))] if self.told else []

    sequencer, _ = await gathered(tmp_path, Two(), watch=lambda: [post()])
    assert await texts(sequencer) == {"p1": "edited"}
    await sequencer.close()


async def test_a_label_that_is_none_of_ours_costs_the_post(tmp_path: Path) -> None:
    """A typing error in a kind would let in whom the label is to keep out."""
    labelled = [Posted(post("a", labels=("no-bot",))), Posted(post("b", labels=("bot",)))]
    sequencer, gatherer = await gathered(tmp_path, Script([Batch(labelled, "1")]))
    assert {*await texts(sequencer)} == {"b"}
    assert gatherer.health.skipped == 1
    await sequencer.close()


async def test_the_hashtag_edited_away_is_logged_as_left(tmp_path: Path) -> None:
    source = Script(
        [Batch([Posted(post())], "1")],
        [Batch([Posted(post(hashtags=(), revision=1))], "2")],
        [Batch([Posted(post(hashtags=(), revision=1))], "3")],
    )
    sequencer, _ = await gathered(tmp_path, source)
    assert [type(e) for e in await events(sequencer) if not isinstance(e, Posted)][-1] is Left
    assert sum(isinstance(e, Left) for e in await events(sequencer)) == 1
    assert await texts(sequencer) == {}
    await sequencer.close()


async def test_a_deletion_before_its_post_still_deletes(tmp_path: Path) -> None:
    source = Script(
        [Batch([Deleted("id:p1")], "1")], [Batch([Posted(post())], "2")], [Batch([Posted(post("p2"))], "3")]
    )
    sequencer, _ = await gathered(tmp_path, source)
    assert await texts(sequencer) == {"p2": "hello"}
    await sequencer.close()


async def test_a_deletion_that_comes_early_takes_only_the_quotation_from_who_quotes(tmp_path: Path) -> None:
    quoting = post("p2", quote=post("p1"))
    sequencer, _ = await gathered(
        tmp_path, Script([Batch([Deleted("id:p1")], "1")], [Batch([Posted(quoting)], "2")])
    )
    assert await texts(sequencer) == {"p2": "hello"}
    (said,) = [event.post for event in await events(sequencer) if isinstance(event, Posted)]
    assert said.face.quote is None
    await sequencer.close()


@pytest.mark.parametrize(
    "word", [Deleted("id:p1"), Left("id:p1", 9, "absent"), Posted(post(text="a lie", revision=9))]
)
async def test_a_network_has_no_word_on_another_networks_post(tmp_path: Path, word: Event) -> None:
    sequencer = await sequencer_in(tmp_path)
    await settle(sequencer, Posted(replace(post(), kind="foreign")))
    source = Script([Batch([word], "1")])
    async with reading(sequencer, source) as gatherer:
        await source.is_through.wait()
    assert await texts(sequencer) == {"p1": "hello"}
    assert gatherer.health.skipped == 1
    await sequencer.close()


@pytest.mark.parametrize("refused", [post(labels=("nobot",), revision=9), post(hashtags=(), revision=9)])
async def test_a_relays_copy_withdraws_nobody_elses(tmp_path: Path, refused: Post) -> None:
    lie = replace(refused, is_origin=False, via="liar.example")
    sequencer, _ = await gathered(
        tmp_path, Script([Batch([Posted(post())], "1")], [Batch([Posted(lie)], "2")])
    )
    assert await texts(sequencer) == {"p1": "hello"}
    await sequencer.close()


async def test_the_origins_refusal_takes_down_what_a_relay_gave(tmp_path: Path) -> None:
    lie = post(text="a lie", is_origin=False, via="liar.example", revision=10**15)
    own = post(labels=("nobot",))
    source = Script([Batch([Posted(lie)], "1")], [Batch([Posted(own)], "2")], [Batch([Posted(lie)], "3")])
    sequencer, _ = await gathered(tmp_path, source)
    assert await texts(sequencer) == {}
    await sequencer.close()


async def test_a_deletion_in_the_same_batch_deletes(tmp_path: Path) -> None:
    source = Script([Batch([Posted(post()), Deleted("id:p1")], "1")])
    sequencer, _ = await gathered(tmp_path, source)
    assert await texts(sequencer) == {}
    await sequencer.close()


async def test_the_same_batch_again_is_nothing_new(tmp_path: Path) -> None:
    batch = Batch([Posted(post()), Posted(post("p2"))], "1")
    sequencer, _ = await gathered(tmp_path, Script(*[[batch]] * 5))
    assert sum(isinstance(e, Posted) for e in await events(sequencer)) == 2
    await sequencer.close()


async def test_trouble_is_said_and_ends_with_the_next_success(tmp_path: Path) -> None:
    clock = quick()
    trouble = SourceError("net.example answers 500")
    source = Script([trouble], [trouble], [Batch([Posted(post())], "1")])
    sequencer, gatherer = await gathered(tmp_path, source, clock=clock)
    assert gatherer.health.state == "live"
    assert gatherer.health.error == ""
    assert await texts(sequencer) == {"p1": "hello"}
    await sequencer.close()


async def test_an_answer_that_cannot_be_read_is_the_networks_trouble_and_ends_nothing(tmp_path: Path) -> None:
    source = Script([DecodeError("no timeline at all")], [Batch([Posted(post())], "1")])
    sequencer, gatherer = await gathered(tmp_path, source)
    assert await texts(sequencer) == {"p1": "hello"}
    assert gatherer.health.state == "live"
    await sequencer.close()


async def test_a_pause_the_network_asked_for_is_kept(tmp_path: Path) -> None:
    clock = quick()
    source = Script([SourceError("too many requests", retry_after_s=120.0)], [Batch((), "1", pause_s=33.0)])
    sequencer, _ = await gathered(tmp_path, source, clock=clock)
    assert clock.pauses[0] >= 120.0
    assert clock.pauses[1] >= 33.0
    await sequencer.close()


async def test_a_permanent_error_parks_the_lane_and_says_what_to_do(tmp_path: Path) -> None:
    source = Script([SourceError("net.example wants a token: set `token`", permanent=True)])
    sequencer, gatherer = await gathered(tmp_path, source)
    assert (gatherer.health.state, gatherer.health.error) == (
        "needs_human",
        "lane: net.example wants a token: set `token`",
    )
    await sequencer.close()


class Noting:
    """A writer that notes how many events came with which cursors."""

    def __init__(self) -> None:
        self.said: list[tuple[int, dict[Lane, str]]] = []

    async def submit(self, events: Sequence[Event], cursors: Mapping[Lane, str] | None = None) -> None:
        self.said.append((len(events), {**(cursors or {})}))

    async def take_down(self, events: Sequence[Takedown]) -> bool:
        raise AssertionError(f"nothing is taken down: {events}")

    def knows(self, subject: str) -> bool:
        return False


async def test_more_than_a_batch_is_split_with_its_cursor_in_the_last_part() -> None:
    async def no_cursors() -> dict[Lane, str]:
        return {}

    writer = Noting()
    source = Script([Batch([Posted(post(f"p{n}", by=f"a{n}")) for n in range(1900)], "9")])
    context = GatherContext(TAGS, 0.0, writer, quick(), lambda _: None, no_cursors, Bugs())
    running = asyncio.create_task(Gatherer("net", "script", source, lambda: (), context).run())
    async with asyncio.timeout(20):
        await source.is_through.wait()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert writer.said == [(800, {}), (800, {}), (300, {("net", "lane"): "9"})]


async def test_what_was_written_outside_of_the_window_is_left_out(tmp_path: Path) -> None:
    source = Script([Batch([Posted(post("late", created_at=1e11)), Posted(post())], "1")])
    sequencer, _ = await gathered(tmp_path, source)
    assert [*await texts(sequencer)] == ["p1"]
    await sequencer.close()


@asynccontextmanager
async def reading(sequencer: Sequencer, source: Script) -> AsyncIterator[Gatherer]:
    """Gatherer and sequencer at work for the length of a block."""
    standing = KnownPosts(sequencer).standing
    context = GatherContext(TAGS, 0.0, sequencer, quick(), standing, sequencer.log.cursors, Bugs())
    gatherer = Gatherer("net", "net", source, lambda: (), context)
    tasks = [asyncio.create_task(gatherer.run()), asyncio.create_task(sequencer.run())]
    try:
        async with asyncio.timeout(20):
            yield gatherer
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_lane_reads_on_from_its_stored_cursor_when_the_log_is_back(tmp_path: Path) -> None:
    sequencer, log = await moody(tmp_path)
    source = Script([Batch([Posted(post())], "1")], [Batch([Posted(post())], "1")])
    log.is_full = True
    async with reading(sequencer, source):
        while not sequencer.trouble:
            await asyncio.sleep(0)
        log.is_full = False
        await source.is_through.wait()
    assert source.asked[0] is None
    assert source.asked[-1] == "1"
    assert await texts(sequencer) == {"p1": "hello"}
    await sequencer.close()


async def test_a_networks_deletion_covers_while_the_log_takes_nothing(tmp_path: Path) -> None:
    sequencer, log = await moody(tmp_path)
    await settle(sequencer, Posted(post()))
    log.is_full = True
    async with reading(sequencer, Script([Batch([Deleted("id:p1")])])):
        while not sequencer.trouble:
            await asyncio.sleep(0)
    assert sequencer.unsaved == 1
    assert await texts(sequencer) == {}
    await sequencer.close()


async def test_the_same_trouble_is_said_once_and_its_end_too(tmp_path: Path) -> None:
    trouble = SourceError("net.example answers 500")
    source = Script([trouble], [trouble], [trouble], [Batch([Posted(post())], "1")])
    with structlog.testing.capture_logs() as lines:
        sequencer, _ = await gathered(tmp_path, source)
    assert [line["event"] for line in lines] == ["source trouble", "source is back"]
    await sequencer.close()


class Relay(Script):
    """A stream: it ends with its connection."""

    poll_s = 0.0


async def test_a_stream_that_greets_and_hangs_up_is_met_with_more_and_more_patience(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backchannel.gather.gatherer.random", lambda: 0.5)
    clock = quick()
    hasty: list[list[Batch | Exception]] = [[Batch(), SourceError("closed")], [Batch()]] * 3
    sequencer, _ = await gathered(tmp_path, Relay(*hasty), clock=clock)
    assert clock.pauses[:6] == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0]
    await sequencer.close()


async def test_a_read_that_held_starts_patience_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backchannel.gather.gatherer.random", lambda: 0.5)
    clock, ticks = quick(), count(step=100.0)
    steady: list[list[Batch | Exception]] = [[Batch(), SourceError("closed")]] * 3
    clock.monotonic = lambda: next(ticks)  # type: ignore[method-assign]
    sequencer, _ = await gathered(tmp_path, Relay(*steady), clock=clock)
    assert clock.pauses[:3] == [0.5, 0.5, 0.5]
    await sequencer.close()


async def test_a_deletion_that_another_lane_hears_while_this_one_writes_still_deletes(
    tmp_path: Path,
) -> None:
    many = [Posted(post(f"p{n}", by=f"a{n}")) for n in range(1000)]

    class Two(Script):
        def lanes(self) -> Any:
            return ("lane", "other")

        async def batches(self, lane: Any, cursor: Any) -> Any:
            if cursor is None:
                yield Batch(many if lane == "lane" else [Deleted("id:p999")], "1")
                return
            if lane == "lane":
                self.is_through.set()
            await asyncio.get_running_loop().create_future()

    sequencer, _ = await gathered(tmp_path, Two())
    assert "id:p998" in sequencer.state.posts.by_id
    assert "id:p999" not in sequencer.state.posts.by_id
    await sequencer.close()


async def test_a_pause_asked_of_a_recheck_is_kept(tmp_path: Path) -> None:
    clock = quick()

    class Rechecked(Script):
        recheck_s = 7.0

        async def recheck(self, posts: Any) -> Any:
            if 500.0 in clock.pauses:
                self.is_through.set()
            raise SourceError("too many requests", retry_after_s=500.0)

    sequencer, _ = await gathered(tmp_path, Rechecked([Batch()]), watch=lambda: [post()], clock=clock)
    assert 500.0 in clock.pauses
    await sequencer.close()
