"""Nobody's posts push everybody else's off the screens, and nobody's post is lost."""

import asyncio
import math
import time
from typing import Any

import pytest
from msgspec.structs import replace

from backchannel.board import Folded
from backchannel.judge import Rules, asked, due
from backchannel.model import Deleted, Entry, Left, Posted, Ruled
from backchannel.sequencer import Sequencer
from backchannel.state import State
from tests.kit.clocks import ManualClock
from tests.kit.posts import author, person, post
from tests.kit.sequencers import Opened, Stepped, events, ids, refold, settle, taken_down, turns

DAY_S = 86400.0


def written(name: str, by: str, at: float, **more: Any) -> Posted:
    return Posted(post(name, by=by, created_at=at, **more))


def flood(count: int, *, by: str = "mallory", at: float = 1000.0, spread_s: float = 0.0, **more: Any) -> Any:
    return [written(f"{by}{n}", by, at + n * spread_s, **more) for n in range(count)]


def honest(count: int, *, source: str = "calm", name: str = "h") -> list[Posted]:
    return [written(f"{name}{n}", f"{name}{n}", 1000.0, source=source) for n in range(count)]


def screens(sequencer: Sequencer) -> list[str]:
    """What a wall has."""
    return ids(sequencer.board, sequencer.state)[-200:]


def of(sequencer: Sequencer, who: str) -> list[str]:
    return [name for name in screens(sequencer) if name.startswith(who)]


def folded(sequencer: Sequencer) -> int:
    return len(sequencer.board.folds)


async def test_a_flood_in_one_batch_takes_five_places_and_the_rest_is_folded(sequencer: Stepped) -> None:
    await settle(sequencer, *honest(30), *flood(2000), *honest(30, name="late"))
    assert (len(screens(sequencer)), len(of(sequencer, "mallory")), folded(sequencer)) == (65, 5, 1995)
    (line,) = sequencer.board.folds_seen(frozenset()).lines
    assert line.count == 1995
    assert await refold(sequencer) == sequencer.state
    why = [event.why for event in await events(sequencer) if isinstance(event, Ruled) and event.by == "crowd"]
    assert {*why} == {"more than 5 posts of this author in a minute"}


async def test_a_flood_that_a_relay_brings_in_anothers_name_takes_none_of_that_ones_room(
    sequencer: Stepped,
) -> None:
    forged = [Posted(replace(told.post, is_origin=False, via="liar.example")) for told in flood(40, by="ada")]
    await settle(sequencer, *forged, *[written(f"own{n}", "ada", 1000.0) for n in range(3)])
    assert sorted(of(sequencer, "own")) == ["own0", "own1", "own2"]
    assert len(screens(sequencer)) == 5 + 3
    true = [written(told.post.id.removeprefix("id:"), "ada", 5000.0) for told in forged[:5]]
    await settle(sequencer, *true)
    assert await refold(sequencer) == sequencer.state


async def test_a_flood_in_many_batches_takes_no_more(sequencer: Stepped) -> None:
    for event in [*honest(3), *flood(40), *honest(3, name="late")]:
        await settle(sequencer, event)
    assert (len(of(sequencer, "mallory")), len(screens(sequencer))) == (5, 11)


async def test_five_a_minute_and_twenty_of_two_hundred_the_newest_ones(sequencer: Stepped) -> None:
    await settle(sequencer, *honest(150))
    for minute in range(10):
        sequencer.clock.time = 1000.0 + 60.0 * minute
        await settle(
            sequencer, *[written(f"m{minute}-{n}", "mallory", sequencer.clock.time) for n in range(9)]
        )
    names = of(sequencer, "m")
    assert len(names) == 20
    assert {name.split("-")[0] for name in names} == {"m6", "m7", "m8", "m9"}
    assert len(of(sequencer, "h")) == 150
    assert folded(sequencer) == 70
    assert await refold(sequencer) == sequencer.state


async def test_sixty_posts_of_two_days_read_in_one_minute_are_no_burst(opened: Opened) -> None:
    clock = ManualClock(10 * DAY_S)
    sequencer = await opened(clock=clock)
    blogger = [written(f"live{n}", "live", 8 * DAY_S + n * 2880.0) for n in range(60)]
    await settle(sequencer, *honest(100), *blogger)
    assert of(sequencer, "live") == [f"live{n}" for n in range(40, 60)]
    why = {e.why for e in await events(sequencer) if isinstance(e, Ruled) and e.by == "crowd"}
    assert why == {"20 of the newest 200 posts are this author's already"}


async def test_a_live_blogger_alone_goes_on_being_shown(sequencer: Stepped) -> None:
    for n in range(50):
        sequencer.clock.time += 120.0
        await settle(sequencer, written(f"live{n}", "live", sequencer.clock.time))
    assert of(sequencer, "live") == [f"live{n}" for n in range(30, 50)]
    assert folded(sequencer) == 30


async def test_claims_from_the_past_do_not_run_through_the_places(opened: Opened) -> None:
    clock = ManualClock(10 * DAY_S)
    sequencer = await opened(clock=clock)
    await settle(sequencer, *honest(100))
    for start in range(0, 600, 20):
        await settle(sequencer, *flood(600, at=0.0, spread_s=600.0)[start : start + 20])
    board = sequencer.board
    assert len(of(sequencer, "mallory")) == 20
    told = [event.subject for event in await events(sequencer) if isinstance(event, Ruled)]
    shown = [e for e in await events(sequencer) if isinstance(e, Ruled) and e.clearance == "open"]
    assert len(told) - 100 == 600
    assert len(shown) - 100 == 20, "each of these was on the screens once"
    assert len(board.items) - 1 == 700


async def test_an_edit_keeps_its_place_and_does_not_count_twice(sequencer: Stepped) -> None:
    await settle(sequencer, *flood(5), *honest(1))
    for revision in range(1, 4):
        edits = [written(f"mallory{n}", "mallory", 1000.0, revision=revision) for n in range(5)]
        await settle(sequencer, *edits)
    assert screens(sequencer) == [*[f"mallory{n}" for n in range(5)], "h0"]
    await settle(sequencer, written("mallory6", "mallory", 1000.0))
    assert folded(sequencer) == 1
    await settle(sequencer, written("mallory6", "mallory", 5000.0, revision=1))
    assert folded(sequencer) == 1, "an edit is no way up"


async def test_what_is_edited_without_end_is_folded_and_the_last_edit_is_there(sequencer: Stepped) -> None:
    await settle(sequencer, *honest(3), *flood(1))
    for revision in range(1, 31):
        words = f"take {revision}"
        await settle(sequencer, written("mallory0", "mallory", 1000.0, revision=revision, text=words))
        assert len(of(sequencer, "mallory")) == (revision <= 10)
    assert sequencer.state.posts.by_id["id:mallory0"].revision == 30
    assert folded(sequencer) == 1
    sequencer.clock.time += 61.0
    await settle(sequencer, *[written(f"h{n}", f"h{n}", 1000.0, source="calm", revision=1) for n in range(3)])
    assert len(of(sequencer, "h")) == 3
    assert await refold(sequencer) == sequencer.state


async def test_writing_and_deleting_in_turns_counts_as_writing(sequencer: Stepped) -> None:
    for n in range(20):
        await settle(sequencer, written(f"mallory{n}", "mallory", 1000.0))
        await taken_down(sequencer, Deleted(f"id:mallory{n}"))
    await settle(sequencer, *flood(40)[20:])
    assert len(of(sequencer, "mallory")) == 0


async def test_leaving_and_coming_back_brings_no_more_than_there_were(sequencer: Stepped) -> None:
    for start in (0, 5, 10):
        batch = flood(15)[start : start + 5]
        await settle(sequencer, *batch)
        await taken_down(sequencer, *[Left(event.post.id, 0) for event in batch])
    back = [written(f"mallory{n}", "mallory", 1000.0, revision=1) for n in range(15)]
    await settle(sequencer, *back)
    assert len(of(sequencer, "mallory")) == 5
    assert await refold(sequencer) == sequencer.state


async def test_a_person_lifts_a_post_onto_the_screens_as_a_new_one(sequencer: Stepped) -> None:
    await settle(sequencer, *flood(7), *honest(1))
    seen = sequencer.state.posts.by_id["id:mallory0"]
    assert seen.is_folded
    before = sequencer.board.seq
    word = person(seen.id, "show", hash_=seen.hash)
    await settle(sequencer, word)
    assert screens(sequencer)[-1] == "mallory0"
    assert [item.key for item in sequencer.since(before).put if item.order] == [seen.key]
    assert sequencer.board.folds_seen(frozenset()).lines[0].count == 1
    await settle(sequencer, person(seen.id, "undo", undoes=word.id))
    assert "mallory0" not in screens(sequencer)
    await settle(sequencer, person(seen.id, "undo", undoes=f"crowd:{seen.waits_seq}"))
    assert screens(sequencer)[-1] == "mallory0"
    assert await refold(sequencer) == sequencer.state


async def test_whom_a_person_has_approved_three_times_has_no_cap(opened: Opened) -> None:
    sequencer = await opened(policy="first-time")
    await settle(sequencer, *flood(3, by="host"))
    for n, wanted in enumerate((2, 1, 0)):
        seen = sequencer.state.posts.by_id[f"id:host{n}"]
        await settle(sequencer, person(seen.id, "show", hash_=seen.hash))
        assert len(sequencer.state.held) == wanted
        if n == 0:
            await settle(sequencer, *[written(f"once{k}", "host", 1000.0) for k in range(9)])
            assert folded(sequencer) == 4, "once is not enough"
    await settle(sequencer, *[written(f"thrice{k}", "host", 1000.0) for k in range(30)])
    assert len(of(sequencer, "thrice")) == 30


async def test_a_thousand_fresh_keys_do_not_push_others_off_within_minutes(opened: Opened) -> None:
    clock = ManualClock(5000.0)
    sequencer = await opened(clock=clock)
    await settle(sequencer, *honest(60))
    keys = [
        [written(f"k{m}-{n}", f"k{m}-{n}", clock.time, source="wild") for n in range(1000)] for m in (0, 1)
    ]
    await settle(sequencer, *keys[0])
    assert (len(of(sequencer, "h")), len(screens(sequencer))) == (60, 200)
    clock.time += 61.0
    await settle(sequencer, *keys[1], *honest(20, name="late"))
    assert (len(of(sequencer, "h")), len(of(sequencer, "late"))) == (20, 20)
    summary = sequencer.board.folds_seen(frozenset())
    assert len(summary.lines) == 8, "or a crowd of authors would be in every frame"
    assert sum(line.count for line in summary.lines) + summary.posts == folded(sequencer)


async def test_the_invented_people_of_one_server_push_off_nobody_of_another_server_of_the_source(
    opened: Opened,
) -> None:
    clock = ManualClock(5000.0)
    sequencer = await opened(clock=clock)
    await settle(sequencer, *[Posted(replace(told.post, lane="calm.example")) for told in honest(60)])
    invented = [
        [
            written(f"x{m}-{n}", f"x{m}-{n}", clock.time, source="calm", lane="liar.example")
            for n in range(400)
        ]
        for m in (0, 1)
    ]
    await settle(sequencer, *invented[0])
    clock.time += 61.0
    await settle(sequencer, *invented[1])
    assert len(of(sequencer, "h")) == 40


async def test_a_lane_that_is_alone_is_never_too_much(sequencer: Stepped) -> None:
    await settle(sequencer, *honest(700))
    assert folded(sequencer) == 0


async def test_a_page_hears_of_folded_posts_in_one_item_and_of_their_end(sequencer: Stepped) -> None:
    await settle(sequencer, *honest(3), *flood(6))
    before = sequencer.board.seq
    await settle(sequencer, *flood(900, by="mallory")[6:])
    frame = sequencer.since(before)
    assert ([item.key for item in frame.put], frame.gone) == ([-1], [])
    before, key = sequencer.board.seq, sequencer.board.folds[0]
    seen = sequencer.state.posts.by_key[key]
    await taken_down(sequencer, person(seen.id, "hide"))
    assert key in sequencer.since(before).gone
    await taken_down(sequencer, person(seen.author, "hide"))
    assert sequencer.board.folds_seen(frozenset()).lines == ()
    assert -1 in sequencer.since(before).gone


async def test_a_blocked_authors_line_goes_before_any_disk_has_heard_of_it(sequencer: Stepped) -> None:
    await settle(sequencer, *flood(9), *flood(9, by="trudy"))
    told = asyncio.ensure_future(sequencer.take_down([person(author("mallory").id, "hide")]))
    await asyncio.sleep(0)
    frame = sequencer.since(sequencer.board.seq)
    (item,) = frame.put
    assert isinstance(item.value, Folded)
    assert [line.count for line in item.value.lines] == [4], "the other author's"
    assert len(frame.gone) == 9
    await turns(sequencer)
    await told
    assert [line.count for line in sequencer.board.folds_seen(frozenset()).lines] == [4]


@pytest.mark.parametrize("policy", ["open", "first-time"])
def test_the_judge_stays_linear_in_a_flood(policy: str) -> None:
    """10,000 notes of one author took the square of it: each was compared with all of its author's."""
    times: dict[int, float] = {}
    for count in (1000, 2000, 4000, 8000):
        state, log = State(), list[Entry]()

        def say(*told: Any, state: State = state, log: list[Entry] = log) -> None:
            for event in told:
                log.append(Entry(len(log) + 1, 1000.0, event))
                state.apply(log[-1])

        began = time.process_time()
        made = flood(count, spread_s=0.001)
        by_key = dict[int, Any]()
        while made:
            part, made = made[:900], made[900:]
            by_key |= {state.seq + 1 + n: event.post for n, event in enumerate(part)}
            say(*part)
            rules = Rules(policy, 0.0)
            keys = asked(state, rules, 1e6, 0 if policy == "open" else state.seq - len(part))
            say(*due(state, {key: by_key[key] for key in keys}, rules, 1e6)[0])
        times[count] = time.process_time() - began
    slope = math.log(times[8000] / times[2000]) / math.log(4)
    print(f"{policy}: CPU s {times}, exponent {slope:.2f}")
    assert slope < 1.4


def copies(count: int, *, via: str, **more: Any) -> list[Posted]:
    """What a server says that Alice said elsewhere."""
    return [written(f"{via}{n}", "alice", 1000.0, via=via, is_origin=False, **more) for n in range(count)]


@pytest.mark.parametrize("own", [{"via": "", "is_origin": True}, {"via": "honest", "is_origin": False}])
async def test_what_a_server_says_in_somebodys_name_takes_no_room_from_them(
    sequencer: Stepped, own: dict[str, Any]
) -> None:
    await settle(sequencer, *copies(40, via="liar"), *honest(3))
    await settle(sequencer, *[written(f"own{n}", "alice", 1000.0, **own) for n in range(5)])
    assert (len(of(sequencer, "liar")), len(of(sequencer, "own"))) == (5, 5)
    assert await refold(sequencer) == sequencer.state


async def test_what_was_folded_as_a_liars_copy_comes_when_its_own_server_speaks(sequencer: Stepped) -> None:
    await settle(sequencer, *copies(12, via="liar"))
    assert ("liar11" in screens(sequencer), "liar0" in screens(sequencer)) == (True, False)
    for name in ("liar0", "liar11"):
        await settle(sequencer, written(name, "alice", 1000.0))
    assert {"liar0", "liar11"} <= {*screens(sequencer)}
    assert await refold(sequencer) == sequencer.state
