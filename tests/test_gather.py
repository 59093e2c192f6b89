"""What a gatherer lets through, remembers, and says of its source. The log behind it is a real one."""

import asyncio
import random
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
import structlog.testing
from msgspec.structs import replace

from backchannel import kinds
from backchannel.bugs import Bugs
from backchannel.clock import Clock
from backchannel.contract import Batch, Context, SourceError
from backchannel.fetch import Fetcher
from backchannel.gather import GatherContext, Gatherer, is_in_window, unwanted
from backchannel.gather.gatherer import REFUSED_S
from backchannel.log import Lane
from backchannel.model import DecodeError, Deleted, Event, Left, Post, Posted, Takedown
from backchannel.retry import backoff_s
from tests.kit.clocks import until
from tests.kit.gathering import TAGS, ScriptedSource, gathered, gathering, quick
from tests.kit.posts import post
from tests.kit.sequencers import Moody, Stepped, events, settle, texts


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


async def test_only_candidates_reach_the_log_and_the_cursor_goes_on_without_them(sequencer: Stepped) -> None:
    source = ScriptedSource([Batch([Posted(post()), Posted(post("p2", hashtags=("other",)))], "7")])
    gatherer = await gathered(sequencer, source)
    assert await texts(sequencer) == {"p1": "hello"}
    assert await sequencer.log.cursors() == {("net", "lane"): "7"}
    assert source.asked == [None, "7"]
    assert gatherer.health.state == "live"


async def test_a_post_says_by_which_lane_it_came_and_keeps_it_when_it_is_looked_at_again(
    sequencer: Stepped,
) -> None:
    source = ScriptedSource([Batch([Posted(post())], "1")])
    await gathered(sequencer, source)
    seen = sequencer.state.posts.by_id["id:p1"]
    assert seen.lane == "lane"
    await settle(sequencer, Posted(post(text="an edit", revision=1)))
    assert sequencer.state.posts.by_id["id:p1"].lane == "lane"


async def test_a_chosen_lanes_post_needs_no_hashtag_whoever_brings_it_again(sequencer: Stepped) -> None:
    """Another lane, a re-check or an edit must not take down what was wanted without a hashtag."""

    class Two(ScriptedSource):
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

    await gathered(sequencer, Two(), watch=lambda: [post()])
    assert await texts(sequencer) == {"p1": "edited"}


async def test_a_label_that_is_none_of_ours_costs_the_post(sequencer: Stepped) -> None:
    """A typing error in a kind would let in whom the label is to keep out."""
    labelled = [Posted(post("a", labels=("no-bot",))), Posted(post("b", labels=("bot",)))]
    gatherer = await gathered(sequencer, ScriptedSource([Batch(labelled, "1")]))
    assert {*await texts(sequencer)} == {"b"}
    assert gatherer.health.skipped == 1


async def test_the_hashtag_edited_away_is_logged_as_left(sequencer: Stepped) -> None:
    source = ScriptedSource(
        [Batch([Posted(post())], "1")],
        [Batch([Posted(post(hashtags=(), revision=1))], "2")],
        [Batch([Posted(post(hashtags=(), revision=1))], "3")],
    )
    await gathered(sequencer, source)
    assert [type(e) for e in await events(sequencer) if not isinstance(e, Posted)][-1] is Left
    assert sum(isinstance(e, Left) for e in await events(sequencer)) == 1
    assert await texts(sequencer) == {}


async def test_a_deletion_before_its_post_still_deletes(sequencer: Stepped) -> None:
    source = ScriptedSource(
        [Batch([Deleted("id:p1")], "1")], [Batch([Posted(post())], "2")], [Batch([Posted(post("p2"))], "3")]
    )
    await gathered(sequencer, source)
    assert await texts(sequencer) == {"p2": "hello"}


async def test_a_deletion_that_comes_early_takes_only_the_quotation_from_who_quotes(
    sequencer: Stepped,
) -> None:
    quoting = post("p2", quote=post("p1"))
    await gathered(
        sequencer, ScriptedSource([Batch([Deleted("id:p1")], "1")], [Batch([Posted(quoting)], "2")])
    )
    assert await texts(sequencer) == {"p2": "hello"}
    (said,) = [event.post for event in await events(sequencer) if isinstance(event, Posted)]
    assert said.face.quote is None


@pytest.mark.parametrize(
    "word", [Deleted("id:p1"), Left("id:p1", 9, "absent"), Posted(post(text="a lie", revision=9))]
)
async def test_a_network_has_no_word_on_another_networks_post(sequencer: Stepped, word: Event) -> None:
    await settle(sequencer, Posted(replace(post(), kind="foreign")))
    source = ScriptedSource([Batch([word], "1")])
    async with gathering(sequencer, source) as gatherer:
        await source.is_through.wait()
    assert await texts(sequencer) == {"p1": "hello"}
    assert gatherer.health.skipped == 1


@pytest.mark.parametrize("refused", [post(labels=("nobot",), revision=9), post(hashtags=(), revision=9)])
async def test_a_relays_copy_withdraws_nobody_elses(sequencer: Stepped, refused: Post) -> None:
    lie = replace(refused, is_origin=False, via="liar.example")
    await gathered(sequencer, ScriptedSource([Batch([Posted(post())], "1")], [Batch([Posted(lie)], "2")]))
    assert await texts(sequencer) == {"p1": "hello"}


async def test_the_origins_refusal_takes_down_what_a_relay_gave(sequencer: Stepped) -> None:
    lie = post(text="a lie", is_origin=False, via="liar.example", revision=10**15)
    own = post(labels=("nobot",))
    source = ScriptedSource(
        [Batch([Posted(lie)], "1")], [Batch([Posted(own)], "2")], [Batch([Posted(lie)], "3")]
    )
    await gathered(sequencer, source)
    assert await texts(sequencer) == {}


async def test_a_deletion_in_the_same_batch_deletes(sequencer: Stepped) -> None:
    source = ScriptedSource([Batch([Posted(post()), Deleted("id:p1")], "1")])
    await gathered(sequencer, source)
    assert await texts(sequencer) == {}


async def test_the_same_batch_again_is_nothing_new(sequencer: Stepped) -> None:
    batch = Batch([Posted(post()), Posted(post("p2"))], "1")
    await gathered(sequencer, ScriptedSource(*[[batch]] * 5))
    assert sum(isinstance(e, Posted) for e in await events(sequencer)) == 2


async def test_trouble_is_said_and_ends_with_the_next_success(sequencer: Stepped) -> None:
    clock = quick()
    trouble = SourceError("net.example answers 500")
    source = ScriptedSource([trouble], [trouble], [Batch([Posted(post())], "1")])
    gatherer = await gathered(sequencer, source, clock=clock)
    assert gatherer.health.state == "live"
    assert gatherer.health.error == ""
    assert await texts(sequencer) == {"p1": "hello"}


async def test_an_answer_that_cannot_be_read_is_the_networks_trouble_and_ends_nothing(
    sequencer: Stepped,
) -> None:
    source = ScriptedSource([DecodeError("no timeline at all")], [Batch([Posted(post())], "1")])
    gatherer = await gathered(sequencer, source)
    assert await texts(sequencer) == {"p1": "hello"}
    assert gatherer.health.state == "live"


async def test_a_pause_the_network_asked_for_is_kept(sequencer: Stepped) -> None:
    clock = quick()
    source = ScriptedSource(
        [SourceError("too many requests", retry_after_s=120.0)], [Batch((), "1", pause_s=33.0)]
    )
    await gathered(sequencer, source, clock=clock)
    assert clock.pauses[0] >= 120.0
    assert clock.pauses[1] >= 33.0


async def test_a_permanent_error_parks_the_lane_and_says_what_to_do(sequencer: Stepped) -> None:
    source = ScriptedSource([SourceError("net.example wants a token: set `token`", permanent=True)])
    gatherer = await gathered(sequencer, source)
    assert (gatherer.health.state, gatherer.health.error) == (
        "needs_human",
        "lane: net.example wants a token: set `token`",
    )


INWARD: dict[str, dict[str, Any]] = {
    "feed": {"feeds": ["http://127.0.0.1/feed"]},
    "mastodon": {"servers": ["http://127.0.0.1"]},
    "nostr": {"relays": ["ws://127.0.0.1"]},
}


@pytest.mark.parametrize("kind", INWARD)
async def test_an_address_that_the_guard_refuses_waits_for_a_person_on_every_network(
    sequencer: Stepped, kind: str
) -> None:
    """And is looked at again: a wifi's login page leads every address inwards until somebody signs in."""
    clock = quick()
    network = kinds.load(kind)
    fetch = Fetcher(user_agent="tests", clock=Clock())
    context = Context("net", fetch, clock, ("conf",), 0.0, tuple, Bugs())
    source = network.Source(network.Settings.model_validate({"kind": kind, **INWARD[kind]}), context)
    async with gathering(sequencer, source, clock=clock) as gatherer:
        await until(lambda: clock.pauses.count(REFUSED_S) > 1)
        assert gatherer.health.state == "needs_human"
        assert "127.0.0.1" in gatherer.health.error
    await fetch.close()


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
    source = ScriptedSource([Batch([Posted(post(f"p{n}", by=f"a{n}")) for n in range(1900)], "9")])
    context = GatherContext(TAGS, 0.0, writer, quick(), lambda _: None, no_cursors, Bugs())
    running = asyncio.create_task(Gatherer("net", "script", source, lambda: (), context).run())
    async with asyncio.timeout(60):
        await source.is_through.wait()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert writer.said == [(800, {}), (800, {}), (300, {("net", "lane"): "9"})]


async def test_what_was_written_outside_of_the_window_is_left_out(sequencer: Stepped) -> None:
    source = ScriptedSource([Batch([Posted(post("late", created_at=1e11)), Posted(post())], "1")])
    await gathered(sequencer, source)
    assert [*await texts(sequencer)] == ["p1"]


async def test_a_lane_reads_on_from_its_stored_cursor_when_the_log_is_back(moody: Moody) -> None:
    source = ScriptedSource([Batch([Posted(post())], "1")], [Batch([Posted(post())], "1")])
    moody.log.is_full = True
    async with gathering(moody, source):
        while not moody.trouble:
            await asyncio.sleep(0)
        moody.log.is_full = False
        await source.is_through.wait()
    assert source.asked[0] is None
    assert source.asked[-1] == "1"
    assert await texts(moody) == {"p1": "hello"}


async def test_a_networks_deletion_covers_while_the_log_takes_nothing(moody: Moody) -> None:
    await settle(moody, Posted(post()))
    moody.log.is_full = True
    async with gathering(moody, ScriptedSource([Batch([Deleted("id:p1")])])):
        while not moody.trouble:
            await asyncio.sleep(0)
    assert moody.unsaved == 1
    assert await texts(moody) == {}


async def test_the_same_trouble_is_said_once_and_its_end_too(sequencer: Stepped) -> None:
    trouble = SourceError("net.example answers 500")
    source = ScriptedSource([trouble], [trouble], [trouble], [Batch([Posted(post())], "1")])
    with structlog.testing.capture_logs() as lines:
        await gathered(sequencer, source)
    assert [line["event"] for line in lines] == ["source trouble", "source is back"]


class ScriptedStream(ScriptedSource):
    """A stream: it ends with its connection."""

    poll_s = 0.0


def patience(failures: Sequence[int]) -> list[float]:
    """The pauses after so many failures, when chance begins anew."""
    random.seed(7)
    pauses = [backoff_s(count, chance=random.random()) for count in failures]
    random.seed(7)
    return pauses


async def test_a_stream_that_greets_and_hangs_up_is_met_with_more_and_more_patience(
    sequencer: Stepped,
) -> None:
    clock, expected = quick(), patience([1, 2, 3, 4, 5, 6])
    hasty: list[list[Batch | Exception]] = [[Batch(), SourceError("closed")], [Batch()]] * 3
    await gathered(sequencer, ScriptedStream(*hasty), clock=clock)
    assert clock.pauses[:6] == expected


async def test_a_read_that_held_starts_patience_anew(sequencer: Stepped) -> None:
    clock, expected = quick(), patience([1, 1, 1])

    class Steady(ScriptedStream):
        async def batches(self, lane: Any, cursor: Any) -> Any:
            async for batch in super().batches(lane, cursor):
                yield batch
                clock.time += 100.0

    steady: list[list[Batch | Exception]] = [[Batch(), SourceError("closed")]] * 3
    await gathered(sequencer, Steady(*steady), clock=clock)
    assert clock.pauses[:3] == expected


async def test_a_deletion_that_another_lane_hears_while_this_one_writes_still_deletes(
    sequencer: Stepped,
) -> None:
    many = [Posted(post(f"p{n}", by=f"a{n}")) for n in range(1000)]

    class TwoLanes(ScriptedSource):
        def lanes(self) -> Any:
            return ("lane", "other")

        async def batches(self, lane: Any, cursor: Any) -> Any:
            if cursor is None:
                yield Batch(many if lane == "lane" else [Deleted("id:p999")], "1")
                return
            if lane == "lane":
                self.is_through.set()
            await asyncio.get_running_loop().create_future()

    await gathered(sequencer, TwoLanes())
    assert "id:p998" in sequencer.state.posts.by_id
    assert "id:p999" not in sequencer.state.posts.by_id


async def test_a_pause_asked_of_a_recheck_is_kept(sequencer: Stepped) -> None:
    clock = quick()

    class Rechecked(ScriptedSource):
        recheck_s = 7.0

        async def recheck(self, posts: Any) -> Any:
            if 500.0 in clock.pauses:
                self.is_through.set()
            raise SourceError("too many requests", retry_after_s=500.0)

    await gathered(sequencer, Rechecked([Batch()]), watch=lambda: [post()], clock=clock)
    assert 500.0 in clock.pauses
