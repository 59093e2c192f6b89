"""A log that takes nothing, or says so and took it all the same: nothing is lost, doubled or forgotten."""

import asyncio
from collections.abc import Collection
from pathlib import Path

import apsw
import pytest

from backchannel.board import Card
from backchannel.judge import Rules
from backchannel.log import LogUnavailable
from backchannel.log.spool import Spool
from backchannel.model import Deleted, Posted
from backchannel.sequencer.desk import Desk
from tests.kit.posts import hide, person, post
from tests.kit.sequencers import (
    Moody,
    MoodyLog,
    Opened,
    Stepped,
    events,
    refold,
    settle,
    taken_down,
    texts,
    turns,
)


async def test_new_words_are_refused_with_the_reason_and_taken_when_it_is_over(moody: Moody) -> None:
    moody.log.is_full = True
    with pytest.raises(LogUnavailable, match="disk is full"):
        await settle(moody, Posted(post()))
    assert "disk is full" in moody.trouble
    moody.log.is_full = False
    await settle(moody, Posted(post()))
    assert moody.trouble == ""
    assert await texts(moody) == {"p1": "hello"}


async def test_a_refused_batch_stores_no_cursor_and_a_repeated_one_is_one(moody: Moody) -> None:
    moody.log.is_full = True
    told = asyncio.ensure_future(moody.submit([Posted(post())], {("net", "lane"): "1"}))
    await asyncio.sleep(0)
    await moody.turn()
    with pytest.raises(LogUnavailable):
        await told
    moody.log.is_full = False
    assert await moody.log.cursors() == {}
    await settle(moody, Posted(post()), Posted(post()))
    assert sum(isinstance(event, Posted) for event in await events(moody)) == 1


async def test_a_hide_holds_survives_a_restart_and_is_stored_when_it_can_be(
    opened: Opened, tmp_path: Path
) -> None:
    sequencer = await opened(of=Moody)
    await settle(sequencer, Posted(post()), Posted(post("p2")))
    sequencer.log.is_full = True
    assert await taken_down(sequencer, hide("id:p1")) is False
    assert sequencer.unsaved == 1
    assert await texts(sequencer) == {"p2": "hello"}
    assert await sequencer.turn() == sequencer.clock.now() + 1.0
    await sequencer.close()

    sequencer = await opened(of=Moody)
    assert (sequencer.unsaved, await texts(sequencer)) == (1, {"p2": "hello"})
    await turns(sequencer)
    assert sequencer.unsaved == 0
    await sequencer.close()
    third = await opened()
    assert (third.unsaved, await texts(third)) == (0, {"p2": "hello"})


async def test_a_spooled_word_that_the_log_has_after_all_is_no_second_word(
    opened: Opened, tmp_path: Path
) -> None:
    sequencer = await opened()
    await settle(sequencer, Posted(post()))
    word = hide("id:p1")
    await taken_down(sequencer, word)
    await sequencer.close()
    spool = Spool(tmp_path / "takedowns")
    spool.add(word)
    spool.close()
    again = await opened()
    await turns(again)
    assert [event for event in await events(again) if event == word] == [word]
    assert again.unsaved == 0
    assert Spool(tmp_path / "takedowns").load() == []


async def test_an_append_whose_answer_was_lost_doubles_nothing(moody: Moody) -> None:
    moody.log.lies = 1
    await settle(moody, Posted(post()))
    assert await texts(moody) == {"p1": "hello"}
    assert [type(event).__name__ for event in await events(moody)] == ["Posted", "Ruled"]
    assert await refold(moody) == moody.state


async def test_when_the_second_append_fails_the_waiting_are_answered_and_the_rule_speaks_later(
    moody: Moody,
) -> None:
    moody.log.spares, moody.log.is_full = 1, True
    told = asyncio.ensure_future(moody.submit([Posted(post())]))
    await asyncio.sleep(0)
    await moody.turn()
    await told
    assert await texts(moody) == {}
    moody.log.is_full = False
    await turns(moody)
    assert await texts(moody) == {"p1": "hello"}


async def test_after_a_conflict_it_reads_on_and_tries_again(moody: Moody) -> None:
    moody.log.conflicts = 3
    await settle(moody, Posted(post()))
    assert await texts(moody) == {"p1": "hello"}


async def test_an_erasure_that_is_refused_shows_the_post_again(moody: Moody) -> None:
    await settle(moody, Posted(post()))
    moody.log.is_full = True
    with pytest.raises(LogUnavailable):
        await Desk(moody).rule("erase", "1", by="grace")
    assert await texts(moody) == {"p1": "hello"}


async def test_takedowns_go_on_while_the_log_takes_nothing_and_are_said_once(moody: Moody) -> None:
    await settle(moody, Posted(post()), Posted(post("p2")))
    moody.log.is_full = True
    for _ in range(3):
        assert await taken_down(moody, Deleted("id:p1")) is False
    assert moody.unsaved == 1
    assert await texts(moody) == {"p2": "hello"}
    moody.log.is_full = False
    await turns(moody)
    assert sum(isinstance(event, Deleted) for event in await events(moody)) == 1


async def test_a_spool_that_takes_nothing_either_still_hides_in_this_life(moody: Moody) -> None:
    await settle(moody, Posted(post()))
    moody.log.is_full = True
    for _ in range(2):
        await taken_down(moody, person("id:nobody", "hide", why="x" * 120_000))
    assert await taken_down(moody, hide("id:p1")) is False
    assert await texts(moody) == {}


async def test_words_that_are_not_in_memory_are_read_by_number(sequencer: Stepped) -> None:
    await settle(sequencer, *(Posted(post(f"p{n}", f"words {n}", by=f"a{n}")) for n in range(260)))
    sequencer.faces.prune(sequencer.state, slack=0)
    oldest = sequencer.board.items[1]
    assert sequencer.post(oldest) is None
    assert (await sequencer.load([oldest]))[1].face.body == ("words 0",)
    assert len([*sequencer.faces.values()]) == 200


async def test_an_idle_sequencer_does_not_turn(opened: Opened) -> None:
    sequencer = await opened(policy="first-time", delay_s=5.0)
    await settle(sequencer, Posted(post()), Posted(post("p2", expires_at=900.0)), Posted(post("p3")))
    sequencer.clock.time += 60
    await turns(sequencer)
    assert await sequencer.turn() == float("inf")


async def test_an_erasure_whose_answer_was_lost_is_looked_up_and_finished(
    moody: Moody, tmp_path: Path
) -> None:
    await settle(moody, Posted(post(text="unspeakable")))
    moody.log.lies = 1
    assert await moody.erase("id:p1")
    assert await texts(moody) == {}
    await moody.close()
    assert b"unspeakable" not in b"".join(path.read_bytes() for path in tmp_path.iterdir())


async def test_what_was_refused_but_is_stored_is_folded_without_another_word(moody: Moody) -> None:
    moody.log.blips, moody.log.lies = 1, 1
    with pytest.raises(LogUnavailable, match="answer was lost"):
        await settle(moody, Posted(post()))
    await turns(moody)
    assert await texts(moody) == {"p1": "hello"}
    assert await refold(moody) == moody.state


class TightDisk(apsw.VFS):
    """A disk that takes nothing while `is_full`."""

    is_full = False

    def __init__(self) -> None:
        super().__init__("tight", "")

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> apsw.VFSFile:
        return TightFile(self, name, flags)


class TightFile(apsw.VFSFile):
    def __init__(self, disk: TightDisk, name: str | apsw.URIFilename | None, flags: list[int]) -> None:
        self._disk = disk
        super().__init__("", name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:
        if self._disk.is_full:
            raise apsw.FullError("database or disk is full")
        super().xWrite(data, offset)


class TightLog(MoodyLog):
    """Its disk is full while it deletes."""

    disk = TightDisk()

    async def purge(self, seqs: Collection[int]) -> bool:
        self.disk.is_full = True
        try:
            return await super().purge(seqs)
        finally:
            self.disk.is_full = False


class Tight(Moody):
    log_type = TightLog


async def test_an_erasure_on_a_disk_that_takes_no_deletion_is_not_called_done(
    opened: Opened, tmp_path: Path
) -> None:
    sequencer = await opened(of=Tight, vfs="tight")
    await settle(sequencer, Posted(post(text="unspeakable")))
    answer = await Desk(sequencer).rule("erase", "1", by="grace")
    assert (answer.saved, await texts(sequencer)) == (False, {})
    assert b"unspeakable" in b"".join(path.read_bytes() for path in tmp_path.iterdir())
    await settle(sequencer, Posted(post("p2")))
    assert b"unspeakable" not in b"".join(path.read_bytes() for path in tmp_path.iterdir())


async def test_an_undo_that_somebody_forestalled_is_not_called_done(moody: Moody) -> None:
    await settle(moody, Posted(post()))
    await taken_down(moody, hide("id:p1"))
    other = asyncio.ensure_future(moody.take_down([hide("id:p1")]))
    await asyncio.sleep(0)
    undoing = asyncio.ensure_future(Desk(moody).rule("undo", "1", by="grace"))
    await asyncio.sleep(0)
    await turns(moody)
    assert (await undoing).message.startswith("changed")
    assert await other
    assert await texts(moody) == {}


async def test_more_changes_than_the_board_lists_count_as_a_takedown_and_fewer_do_not(moody: Moody) -> None:
    told: list[bool] = []
    await settle(moody, Posted(post()))
    moody.subscribe(told.append)
    moody.judge_by(Rules("open", 5.0))
    await settle(moody, *(Posted(post(f"p{n}", by=f"a{n}")) for n in range(2, 300)))
    assert told == [False], "they wait, and change nothing that is seen"
    moody.clock.time += 6
    await turns(moody)
    assert told == [False, True]


async def test_the_veil_is_laid_anew_in_the_step_that_folds(moody: Moody) -> None:
    await settle(moody, Posted(post()))
    posting = asyncio.ensure_future(moody.submit([Posted(post("p2"))]))
    await asyncio.sleep(0)
    turning = asyncio.ensure_future(moody.turn())
    await asyncio.sleep(0)  # its part is taken: the block comes too late for it
    blocking = asyncio.ensure_future(moody.take_down([hide("https://net.example/ada")]))
    seen: set[str] = set()
    while not turning.done():
        seen |= {item.value.hash for item in moody.since(0).put if isinstance(item.value, Card)}
        await asyncio.sleep(0)
    assert len(seen) <= 1, "only what was there before the block may have been seen"
    await turns(moody)
    await asyncio.gather(posting, blocking)
    assert await texts(moody) == {}


async def test_new_rules_are_asked_also_after_an_append_that_had_to_be_repeated(moody: Moody) -> None:
    moody.judge_by(Rules("first-time", 0.0))
    await settle(moody, Posted(post()))
    assert await texts(moody) == {}
    moody.judge_by(Rules("open", 0.0))
    moody.log.blips = 1
    await settle(moody, Posted(post("p2", by="bob")))
    assert {*await texts(moody)} == {"p1", "p2"}


async def test_a_takedown_is_spooled_once_however_often_it_is_taken_up(
    opened: Opened, tmp_path: Path
) -> None:
    sequencer = await opened(of=Moody)
    await settle(sequencer, Posted(post()))
    for _ in range(3):
        sequencer.log.is_full = True
        await taken_down(sequencer, hide("id:p1")) if not sequencer.unsaved else await sequencer.turn()
        await sequencer.close()
        sequencer = await opened(of=Moody)
    assert sequencer.unsaved == 1
    await sequencer.close()
    assert (tmp_path / "takedowns").read_bytes().strip(b"\0").count(b"\n") == 1


async def test_a_spooled_word_that_was_stored_and_withdrawn_veils_nothing(
    opened: Opened, tmp_path: Path
) -> None:
    sequencer = await opened()
    word = hide("id:p1")
    await settle(sequencer, Posted(post()))
    await taken_down(sequencer, word)
    await settle(sequencer, person("id:p1", "undo", undoes=word.id))
    await sequencer.close()
    spool = Spool(tmp_path / "takedowns")
    spool.add(word)
    spool.close()
    again = await opened()
    assert again.covered == frozenset()
    assert await texts(again) == {"p1": "hello"}
