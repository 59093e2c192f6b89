"""What every subscriber is told, and when. The board is real; subscribers are in memory."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC
from typing import NamedTuple

import pytest

from backchannel.hub.hub import SLICE, Hub
from backchannel.web.card_cache import CardCache
from tests.kit.clocks import ManualClock, turns
from tests.kit.stand_in import EPOCH, Stage, Watcher, WirePage


class Rig(NamedTuple):
    stage: Stage
    hub: Hub
    clock: ManualClock
    views: CardCache

    def watch(self, page: WirePage | None = None) -> Watcher:
        return Watcher(self.hub, page or WirePage()).join()

    async def settle(self) -> None:
        await turns(20)


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    stage, clock = Stage(), ManualClock(1_790_000_000.0, sleeps="held")
    views = CardCache(stage, zone=UTC, own_tags=["conf"])
    hub = Hub(stage, views, clock)
    running = asyncio.create_task(hub.run())
    await turns(2)
    yield Rig(stage, hub, clock, views)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


def is_like_fresh(rig: Rig, watcher: Watcher) -> bool:
    """Whether its page shows what a page shows that comes now."""
    fresh = rig.watch()
    rig.hub.leave(fresh)
    page = watcher.page
    return (page.seq, page.cards, page.is_blank) == (fresh.page.seq, fresh.page.cards, fresh.page.is_blank)


async def test_a_joiner_is_greeted_and_has_everything_at_once(rig: Rig) -> None:
    key = rig.stage.say("hello")
    watcher = rig.watch()
    greeting, frame = watcher.messages
    assert greeting == {"protocol": 1, "epoch": EPOCH}
    assert (frame["prev"], frame["seq"], [card["key"] for card in frame["put"]]) == (
        0,
        rig.stage.board.seq,
        [key],
    )


async def test_who_joins_between_a_change_and_its_publishing_misses_nothing(rig: Rig) -> None:
    rig.stage.say("one")
    rig.watch()
    second = rig.stage.say("two", publish=False)
    joiner = rig.watch()
    assert second in joiner.page.cards
    assert joiner.number == joiner.page.seq


async def test_several_changes_before_a_pass_leave_in_one_frame_of_the_same_bytes(rig: Rig) -> None:
    first, second = rig.watch(), rig.watch()
    keys = [rig.stage.say("one"), rig.stage.say("two")]
    await rig.settle()
    assert first.messages[2:] == second.messages[2:]
    assert [[card["key"] for card in frame["put"]] for frame in first.messages[2:]] == [keys]


async def test_who_resumes_gets_only_what_changed(rig: Rig) -> None:
    watcher = rig.watch()
    rig.stage.say("before")
    await rig.settle()
    rig.hub.leave(watcher)
    for number in range(200):
        rig.stage.say(f"post {number}")
    again = rig.watch(watcher.page)
    assert again.page.prevs[-1] != 0
    assert is_like_fresh(rig, again)


async def test_beyond_200_changes_a_page_begins_anew(rig: Rig) -> None:
    rig.stage.say("before")
    watcher = rig.watch()
    rig.hub.leave(watcher)
    for number in range(201):
        rig.stage.say(f"post {number}")
    again = rig.watch(watcher.page)
    assert again.page.prevs[-1] == 0
    assert is_like_fresh(rig, again)


@pytest.mark.parametrize(("after", "epoch"), [(1, "another"), (1, ""), (999, EPOCH), (0, EPOCH)])
async def test_a_number_that_is_not_ours_begins_anew(rig: Rig, after: int, epoch: str) -> None:
    rig.stage.say("one")
    rig.stage.say("two")
    watcher = Watcher(rig.hub, WirePage())
    rig.hub.join(watcher, after, epoch)
    assert watcher.messages[1]["prev"] == 0


async def test_a_heartbeat_comes_every_three_seconds_and_says_where_we_stand(rig: Rig) -> None:
    rig.stage.say("one")
    watcher = rig.watch()
    await rig.clock.advance(3.0)
    await rig.settle()
    beat = watcher.messages[-1]
    assert len(watcher.messages) == 3
    assert (beat["prev"], beat["seq"], beat["put"], beat["gone"]) == (1, 1, [], [])


async def test_the_time_of_a_frame_is_never_older_than_the_last_heartbeat(rig: Rig) -> None:
    rig.stage.say("one")
    first = rig.watch().messages[1]
    kept = rig.watch().messages[1]
    await rig.clock.advance(3.0)
    anew = rig.watch().messages[1]
    assert first["at"] == kept["at"] < anew["at"]


async def test_a_takedown_reaches_everybody_before_the_log_has_it(rig: Rig) -> None:
    key = rig.stage.say("ugly")
    watcher, seq = rig.watch(), rig.stage.board.seq
    rig.stage.veil(key)
    await rig.settle()
    veil = watcher.messages[-1]
    assert (veil["prev"], veil["seq"], veil["gone"]) == (seq, seq, [key])
    assert watcher.page.cards == {}


async def test_what_is_covered_rides_in_the_first_frame_of_who_resumes(rig: Rig) -> None:
    key = rig.stage.say("ugly")
    watcher = rig.watch()
    rig.hub.leave(watcher)
    rig.stage.veil(key)
    again = rig.watch(watcher.page)
    assert again.messages[1]["gone"] == [key]


async def test_a_takedown_ends_the_pass_under_way(rig: Rig) -> None:
    watchers = [rig.watch() for _ in range(3 * SLICE)]
    key = rig.stage.say("ugly")
    while not any(watcher.page.cards for watcher in watchers):
        await turns()
    assert not all(watcher.page.cards for watcher in watchers)
    late = [watcher for watcher in watchers if not watcher.page.cards]
    rig.stage.veil(key)
    await rig.settle()
    assert all(watcher.page.cards == {} for watcher in watchers)
    assert not any(
        card["key"] == key for watcher in late for frame in watcher.messages[1:] for card in frame["put"]
    )


async def test_a_row_of_takedowns_starves_nobody(rig: Rig) -> None:
    keys = [rig.stage.say(f"ugly {number}") for number in range(60)]
    watchers = [rig.watch() for _ in range(4 * SLICE)]
    for key in keys:
        rig.stage.veil(key)
        await turns(2)
    told = min(len(watcher.messages) for watcher in watchers)
    assert told > len(keys) // 8


async def test_who_joins_during_a_pass_is_told_nothing_twice(rig: Rig) -> None:
    watchers = [rig.watch() for _ in range(2 * SLICE)]
    key = rig.stage.say("one")
    while not any(watcher.page.cards for watcher in watchers):
        await turns()
    joiner = rig.watch()
    await rig.settle()
    assert len(joiner.messages) == 2
    assert all(set(watcher.page.cards) == {key} for watcher in [*watchers, joiner])


async def test_who_is_out_of_the_hot_set_is_written_nothing_and_catches_up_from_its_number(rig: Rig) -> None:
    rig.stage.say("one")
    watcher = rig.watch()
    rig.hub.pause(watcher)
    rig.stage.say("two")
    rig.stage.say("three")
    await rig.clock.advance(3.0)
    await rig.settle()
    assert len(watcher.messages) == 2
    rig.hub.resume(watcher)
    assert (watcher.page.prevs[-1], len(watcher.messages)) == (1, 3)
    assert is_like_fresh(rig, watcher)


async def test_who_takes_nothing_for_30_seconds_is_let_go(rig: Rig) -> None:
    watcher, other = rig.watch(), rig.watch()
    rig.hub.pause(watcher)
    await rig.clock.advance(29.0)
    assert not watcher.is_aborted
    await rig.clock.advance(3.0)
    assert watcher.is_aborted
    assert rig.hub.clients == {other}


async def test_a_takedown_lets_go_of_who_is_behind(rig: Rig) -> None:
    key = rig.stage.say("ugly")
    watcher = rig.watch()
    rig.hub.pause(watcher)
    rig.stage.veil(key)
    assert watcher.is_aborted


async def test_words_that_are_not_in_memory_are_read_first_and_the_question_is_put_again(rig: Rig) -> None:
    watcher = rig.watch()
    rig.stage.may_load.clear()
    key = rig.stage.say("old", publish=False)
    rig.stage.forgotten.add(key)
    rig.stage.publish()
    await rig.settle()
    other = rig.stage.say("meanwhile")
    await rig.settle()
    assert watcher.page.cards == {}
    rig.stage.may_load.set()
    await rig.settle()
    assert watcher.page.cards.keys() == {key, other}
    assert rig.stage.loads == [[key]]


async def test_what_is_taken_down_leaves_the_memory_of_the_display_too(rig: Rig) -> None:
    key = rig.stage.say("gone")
    rig.watch()
    await rig.settle()
    assert key in rig.views._kept
    rig.stage.veil(key)
    await rig.settle()
    assert key not in rig.views._kept


async def test_the_veil_does_not_wait_for_words_that_are_being_read(rig: Rig) -> None:
    ugly = rig.stage.say("ugly")
    watcher = rig.watch()
    rig.stage.may_load.clear()
    old = rig.stage.say("old", publish=False)
    rig.stage.forgotten.add(old)
    rig.stage.publish()
    rig.stage.veil(ugly)
    await rig.settle()
    assert watcher.page.cards == {}
    rig.stage.may_load.set()
    await rig.settle()
    assert watcher.page.cards.keys() == {old}


async def test_a_joiner_whose_words_must_be_read_is_not_told_that_there_is_nothing(rig: Rig) -> None:
    key = rig.stage.say("old")
    rig.stage.forgotten.add(key)
    rig.stage.may_load.clear()
    joiner = rig.watch()
    await rig.clock.advance(3.0)
    await rig.settle()
    assert len(joiner.messages) == 1
    rig.stage.may_load.set()
    await rig.settle()
    assert joiner.page.cards.keys() == {key}


async def test_a_log_that_gives_nothing_for_a_moment_is_asked_again(rig: Rig) -> None:
    key = rig.stage.say("old")
    rig.stage.forgotten.add(key)
    rig.stage.trouble_loading = 2
    joiner = rig.watch()
    for _ in range(2):
        await rig.settle()
        await rig.clock.advance(1.0)
    await rig.settle()
    assert joiner.page.cards.keys() == {key}
    assert rig.stage.loads == [[key]] * 3


async def test_a_card_without_words_in_the_log_stops_the_house() -> None:
    stage = Stage()
    hub = Hub(stage, CardCache(stage, zone=UTC, own_tags=[]), ManualClock(1_790_000_000.0, sleeps="held"))
    key = stage.say("lost", publish=False)
    stage.words.clear()
    Watcher(hub, WirePage()).join()
    with pytest.raises(ExceptionGroup) as caught:
        await hub.run()
    assert caught.group_contains(LookupError, match=f"card {key}")


async def test_blank_is_one_item_that_comes_and_goes(rig: Rig) -> None:
    rig.stage.say("one")
    watcher = rig.watch()
    rig.stage.blank(on=True)
    await rig.settle()
    assert watcher.page.is_blank
    assert len(watcher.page.cards) == 1
    rig.stage.blank(on=False)
    await rig.settle()
    assert not watcher.page.is_blank


async def test_blank_counts_before_the_log_has_it_also_for_who_comes_new(rig: Rig) -> None:
    rig.stage.say("one")
    watcher = rig.watch()
    rig.stage.veiled_blank = True
    rig.stage.publish(takedown=True)
    await rig.settle()
    assert watcher.page.is_blank
    assert rig.watch().page.is_blank


async def test_a_blank_withdrawn_before_it_was_stored_goes_from_every_page(rig: Rig) -> None:
    rig.stage.say("one")
    watcher = rig.watch()
    rig.stage.veiled_blank = True
    rig.stage.publish(takedown=True)
    await rig.settle()
    rig.stage.veiled_blank = False
    rig.stage.publish()
    await rig.settle()
    assert not watcher.page.is_blank
    assert is_like_fresh(rig, watcher)


async def test_a_veil_lifted_without_a_word_in_the_log_brings_the_card_back(rig: Rig) -> None:
    key = rig.stage.say("not so ugly")
    watcher, away = rig.watch(), rig.watch()
    rig.stage.veil(key)
    await rig.settle()
    rig.hub.leave(away)
    rig.stage.lift(key)
    await rig.settle()
    assert watcher.page.cards.keys() == {key}
    assert rig.watch(away.page).page.cards.keys() == {key}


async def test_at_the_end_everybody_is_told_goodbye(rig: Rig) -> None:
    watcher = rig.watch()
    await rig.hub.close(patience_s=0)
    assert watcher.is_aborted
    assert rig.hub.clients == set()
