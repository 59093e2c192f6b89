"""A log that takes nothing, or says so and took it all the same: nothing is lost, doubled or forgotten."""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path

import apsw
import pytest

from backchannel.board import Card
from backchannel.judge import Rules
from backchannel.log import Conflict, Lane, LogUnavailable
from backchannel.log.spool import Spool
from backchannel.log.sqlite import SqliteLog
from backchannel.model import Deleted, Event, Posted
from backchannel.sequencer import Sequencer
from backchannel.sequencer.desk import Desk
from tests.kit.clocks import ManualClock
from tests.kit.posts import hide, person, post
from tests.kit.sequencers import KEY, events, refold, sequencer_in, settle, taken_down, texts, turns


class Moody(SqliteLog):
    """A real log that fails as the test says: `fails` of the next appends, before storing or after."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / "log.db")
        self.is_full = False
        self.lies = 0
        self.spares = 0
        self.conflicts = 0
        self.blips = 0

    async def append(
        self, events: Sequence[Event], *, at: float, expected: int, cursors: Mapping[Lane, str] | None = None
    ) -> int:
        if self.conflicts:
            self.conflicts -= 1
            raise Conflict("somebody else was here")
        if self.blips:
            self.blips -= 1
            raise LogUnavailable("disk I/O error")
        if self.spares:
            self.spares -= 1
        elif self.is_full:
            raise LogUnavailable("database or disk is full")
        head = await super().append(events, at=at, expected=expected, cursors=cursors)
        if self.lies:
            self.lies -= 1
            raise LogUnavailable("the answer was lost")
        return head


async def moody(folder: Path) -> tuple[Sequencer, Moody]:
    log = Moody(folder)
    sequencer = Sequencer(log, Spool(folder / "takedowns"), Rules("open", 0.0), ManualClock(), KEY)
    await sequencer.open()
    return sequencer, log


async def test_new_words_are_refused_with_the_reason_and_taken_when_it_is_over(tmp_path: Path) -> None:
    sequencer, log = await moody(tmp_path)
    log.is_full = True
    with pytest.raises(LogUnavailable, match="disk is full"):
        await settle(sequencer, Posted(post()))
    assert "disk is full" in sequencer.trouble
    log.is_full = False
    await settle(sequencer, Posted(post()))
    assert sequencer.trouble == ""
    assert await texts(sequencer) == {"p1": "hello"}
    await sequencer.close()


async def test_a_refused_batch_stores_no_cursor_and_a_repeated_one_is_one(tmp_path: Path) -> None:
    sequencer, log = await moody(tmp_path)
    log.is_full = True
    told = asyncio.ensure_future(sequencer.submit([Posted(post())], {("net", "lane"): "1"}))
    await asyncio.sleep(0)
    await sequencer.turn()
    with pytest.raises(LogUnavailable):
        await told
    log.is_full = False
    assert await sequencer.log.cursors() == {}
    await settle(sequencer, Posted(post()), Posted(post()))
    assert sum(isinstance(event, Posted) for event in await events(sequencer)) == 1
    await sequencer.close()


async def test_a_hide_holds_survives_a_restart_and_is_stored_when_it_can_be(
    tmp_path: Path,
) -> None:
    sequencer, log = await moody(tmp_path)
    await settle(sequencer, Posted(post()), Posted(post("p2")))
    log.is_full = True
    assert await taken_down(sequencer, hide("id:p1")) is False
    assert sequencer.unsaved == 1
    assert await texts(sequencer) == {"p2": "hello"}
    assert await sequencer.turn() == sequencer._clock.now() + 1.0
    await sequencer.close()

    sequencer, log = await moody(tmp_path)
    assert (sequencer.unsaved, await texts(sequencer)) == (1, {"p2": "hello"})
    await turns(sequencer)
    assert sequencer.unsaved == 0
    await sequencer.close()
    third = await sequencer_in(tmp_path)
    assert (third.unsaved, await texts(third)) == (0, {"p2": "hello"})
    await third.close()


async def test_a_spooled_word_that_the_log_has_after_all_is_no_second_word(tmp_path: Path) -> None:
    sequencer = await sequencer_in(tmp_path)
    await settle(sequencer, Posted(post()))
    word = hide("id:p1")
    await taken_down(sequencer, word)
    await sequencer.close()
    spool = Spool(tmp_path / "takedowns")
    spool.add(word)
    spool.close()
    again = await sequencer_in(tmp_path)
    await turns(again)
    assert [event for event in await events(again) if event == word] == [word]
    assert again.unsaved == 0
    assert Spool(tmp_path / "takedowns").load() == []
    await again.close()


async def test_an_append_whose_answer_was_lost_doubles_nothing(tmp_path: Path) -> None:
    sequencer, log = await moody(tmp_path)
    log.lies = 1
    await settle(sequencer, Posted(post()))
    assert await texts(sequencer) == {"p1": "hello"}
    assert [type(event).__name__ for event in await events(sequencer)] == ["Posted", "Ruled"]
    assert await refold(sequencer) == sequencer.state
    await sequencer.close()


async def test_when_the_second_append_fails_the_waiting_are_answered_and_the_rule_speaks_later(
    tmp_path: Path,
) -> None:
    sequencer, log = await moody(tmp_path)
    log.spares, log.is_full = 1, True
    told = asyncio.ensure_future(sequencer.submit([Posted(post())]))
    await asyncio.sleep(0)
    await sequencer.turn()
    await told
    assert await texts(sequencer) == {}
    log.is_full = False
    await turns(sequencer)
    assert await texts(sequencer) == {"p1": "hello"}
    await sequencer.close()


async def test_after_a_conflict_it_reads_on_and_tries_again(tmp_path: Path) -> None:
    sequencer, log = await moody(tmp_path)
    log.conflicts = 3
    await settle(sequencer, Posted(post()))
    assert await texts(sequencer) == {"p1": "hello"}
    await sequencer.close()


async def test_an_erasure_that_is_refused_shows_the_post_again(tmp_path: Path) -> None:
    sequencer, log = await moody(tmp_path)
    await settle(sequencer, Posted(post()))
    log.is_full = True
    with pytest.raises(LogUnavailable):
        await Desk(sequencer).rule("erase", "1", by="grace")
    assert await texts(sequencer) == {"p1": "hello"}
    await sequencer.close()


async def test_takedowns_go_on_while_the_log_takes_nothing_and_are_said_once(tmp_path: Path) -> None:
    sequencer, log = await moody(tmp_path)
    await settle(sequencer, Posted(post()), Posted(post("p2")))
    log.is_full = True
    for _ in range(3):
        assert await taken_down(sequencer, Deleted("id:p1")) is False
    assert sequencer.unsaved == 1
    assert await texts(sequencer) == {"p2": "hello"}
    log.is_full = False
    await turns(sequencer)
    assert sum(isinstance(event, Deleted) for event in await events(sequencer)) == 1
    await sequencer.close()


async def test_a_spool_that_takes_nothing_either_still_hides_in_this_life(tmp_path: Path) -> None:
    sequencer, log = await moody(tmp_path)
    await settle(sequencer, Posted(post()))
    log.is_full = True
    sequencer._veil._spool._end = 1 << 18  # as after a quarter of a megabyte of takedowns
    assert await taken_down(sequencer, hide("id:p1")) is False
    assert await texts(sequencer) == {}
    await sequencer.close()


async def test_words_that_are_not_in_memory_are_read_by_number(tmp_path: Path) -> None:
    sequencer = await sequencer_in(tmp_path)
    await settle(sequencer, *(Posted(post(f"p{n}", f"words {n}", by=f"a{n}")) for n in range(260)))
    sequencer.faces.prune(sequencer.state, slack=0)
    oldest = sequencer.board.items[1]
    assert sequencer.post(oldest) is None
    assert (await sequencer.load([oldest]))[1].face.body == ("words 0",)
    assert len([*sequencer.faces.values()]) == 200
    await sequencer.close()


async def test_an_idle_sequencer_does_not_turn(tmp_path: Path) -> None:
    sequencer = await sequencer_in(tmp_path, policy="first-time", delay_s=5.0)
    await settle(sequencer, Posted(post()), Posted(post("p2", expires_at=900.0)), Posted(post("p3")))
    sequencer._clock.time += 60  # type: ignore[attr-defined]
    await turns(sequencer)
    assert await sequencer.turn() == float("inf")
    await sequencer.close()


async def test_an_erasure_whose_answer_was_lost_is_looked_up_and_finished(tmp_path: Path) -> None:
    sequencer, log = await moody(tmp_path)
    await settle(sequencer, Posted(post(text="unspeakable")))
    log.lies = 1
    assert await sequencer.erase("id:p1")
    assert await texts(sequencer) == {}
    await sequencer.close()
    assert b"unspeakable" not in b"".join(path.read_bytes() for path in tmp_path.iterdir())


async def test_what_was_refused_but_is_stored_is_folded_without_another_word(tmp_path: Path) -> None:
    sequencer, log = await moody(tmp_path)
    log.blips, log.lies = 1, 1
    with pytest.raises(LogUnavailable, match="answer was lost"):
        await settle(sequencer, Posted(post()))
    await turns(sequencer)
    assert await texts(sequencer) == {"p1": "hello"}
    assert await refold(sequencer) == sequencer.state
    await sequencer.close()


async def test_an_erasure_on_a_disk_that_takes_no_deletion_is_not_called_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sequencer, log = await moody(tmp_path)
    await settle(sequencer, Posted(post(text="unspeakable")))

    def full(seqs: object) -> None:
        raise apsw.FullError("database or disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(log, "_purge", full)
        answer = await Desk(sequencer).rule("erase", "1", by="grace")
    assert (answer.saved, await texts(sequencer)) == (False, {})
    await settle(sequencer, Posted(post("p2")))
    assert b"unspeakable" not in b"".join(path.read_bytes() for path in tmp_path.iterdir())
    await sequencer.close()


async def test_an_undo_that_somebody_forestalled_is_not_called_done(tmp_path: Path) -> None:
    sequencer, _ = await moody(tmp_path)
    await settle(sequencer, Posted(post()))
    await taken_down(sequencer, hide("id:p1"))
    other = asyncio.ensure_future(sequencer.take_down([hide("id:p1")]))
    await asyncio.sleep(0)
    undoing = asyncio.ensure_future(Desk(sequencer).rule("undo", "1", by="grace"))
    await asyncio.sleep(0)
    await turns(sequencer)
    assert (await undoing).message.startswith("changed")
    assert await other
    assert await texts(sequencer) == {}
    await sequencer.close()


async def test_more_changes_than_the_board_lists_count_as_a_takedown_and_fewer_do_not(tmp_path: Path) -> None:
    sequencer, _ = await moody(tmp_path)
    told: list[bool] = []
    await settle(sequencer, Posted(post()))
    sequencer.subscribe(told.append)
    sequencer.judge_by(Rules("open", 5.0))
    await settle(sequencer, *(Posted(post(f"p{n}", by=f"a{n}")) for n in range(2, 300)))
    assert told == [False], "they wait, and change nothing that is seen"
    sequencer._clock.time += 6  # type: ignore[attr-defined]
    await turns(sequencer)
    assert told == [False, True]
    await sequencer.close()


async def test_the_veil_is_laid_anew_in_the_step_that_folds(tmp_path: Path) -> None:
    sequencer, _ = await moody(tmp_path)
    await settle(sequencer, Posted(post()))
    posting = asyncio.ensure_future(sequencer.submit([Posted(post("p2"))]))
    await asyncio.sleep(0)
    turning = asyncio.ensure_future(sequencer.turn())
    await asyncio.sleep(0)  # its part is taken: the block comes too late for it
    blocking = asyncio.ensure_future(sequencer.take_down([hide("https://net.example/ada")]))
    seen: set[str] = set()
    while not turning.done():
        seen |= {item.value.hash for item in sequencer.since(0).put if isinstance(item.value, Card)}
        await asyncio.sleep(0)
    assert len(seen) <= 1, "only what was there before the block may have been seen"
    await turns(sequencer)
    await asyncio.gather(posting, blocking)
    assert await texts(sequencer) == {}
    await sequencer.close()


async def test_new_rules_are_asked_also_after_an_append_that_had_to_be_repeated(tmp_path: Path) -> None:
    sequencer, log = await moody(tmp_path)
    sequencer.judge_by(Rules("first-time", 0.0))
    await settle(sequencer, Posted(post()))
    assert await texts(sequencer) == {}
    sequencer.judge_by(Rules("open", 0.0))
    log.blips = 1
    await settle(sequencer, Posted(post("p2", by="bob")))
    assert {*await texts(sequencer)} == {"p1", "p2"}
    await sequencer.close()


async def test_a_takedown_is_spooled_once_however_often_it_is_taken_up(tmp_path: Path) -> None:
    sequencer, log = await moody(tmp_path)
    await settle(sequencer, Posted(post()))
    for _ in range(3):
        log.is_full = True
        await taken_down(sequencer, hide("id:p1")) if not sequencer.unsaved else await sequencer.turn()
        await sequencer.close()
        sequencer, log = await moody(tmp_path)
    assert sequencer.unsaved == 1
    await sequencer.close()
    assert (tmp_path / "takedowns").read_bytes().strip(b"\0").count(b"\n") == 1


async def test_a_spooled_word_that_was_stored_and_withdrawn_veils_nothing(tmp_path: Path) -> None:
    sequencer = await sequencer_in(tmp_path)
    word = hide("id:p1")
    await settle(sequencer, Posted(post()))
    await taken_down(sequencer, word)
    await settle(sequencer, person("id:p1", "undo", undoes=word.id))
    await sequencer.close()
    spool = Spool(tmp_path / "takedowns")
    spool.add(word)
    spool.close()
    again = await sequencer_in(tmp_path)
    assert again.covered == frozenset()
    assert await texts(again) == {"p1": "hello"}
    await again.close()
