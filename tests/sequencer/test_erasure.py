"""Erasure: no byte of it in any file afterwards, no way back, and the same state after a restart."""

import asyncio
from pathlib import Path
from typing import Any

import apsw
import pytest
from msgspec.structs import replace

from backchannel.log.sqlite import SqliteLog
from backchannel.model import Deleted, Erased, Node, Posted, Settled
from backchannel.search import Search
from backchannel.sequencer.erasure import erasure
from tests.kit.posts import hide, person, pictured, post
from tests.kit.sequencers import KEY, Opened, Stepped, refold, settle, taken_down, texts, turns

SECRET = "unspeakable"


def held(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


async def conference(opened: Opened, folder: Path) -> Any:
    """A post with canaries everywhere, one that quotes it, one that answers it, and one of somebody else."""
    sequencer = await opened()
    search = Search(folder / "search.db", sequencer.epoch)
    victim = pictured(
        "secretid", "https://net.example/secretpicture.png", text=f"{SECRET} words", by="secrethandle"
    )
    quoted = post("secretid", f"{SECRET} words", by="secrethandle")
    quoting = replace(post("q", "look at this", by="bob", quote=quoted), pictures=victim.pictures)
    reply = post("r", "I answer", by="carol", reply_to="id:secretid")
    await settle(sequencer, Posted(victim), Posted(quoting), Posted(reply), Posted(post("other", by="dan")))
    for name in ("id:secretid", "id:q"):
        await settle(sequencer, Settled(name, victim.pictures[0], "a" * 64, 3, 4))
    await settle(sequencer, person("id:secretid", "hold", why=f"{SECRET} reason"))
    await settle(
        sequencer, person("id:secretid", "show", hash_=sequencer.state.posts.by_id["id:secretid"].hash)
    )
    await search.follow(sequencer.state.board, sequencer.load)
    return sequencer, search, victim, quoting


async def test_no_byte_stays_and_nothing_comes_back(opened: Opened, tmp_path: Path) -> None:
    sequencer, search, victim, quoting = await conference(opened, tmp_path)
    assert SECRET.encode() in held(tmp_path)
    before = sequencer.state.board.seq
    await sequencer.erase("id:secretid")
    await search.follow(sequencer.state.board, sequencer.load)
    assert {key for key in sequencer.since(before).gone if key > 0} == {1, 2}
    assert [*await texts(sequencer)] == ["r", "other"]
    await settle(sequencer, Posted(victim), Posted(quoting), person("id:secretid", "hide", why=SECRET))
    await taken_down(sequencer, Deleted("id:secretid"))
    assert await texts(sequencer) == {"r": "I answer", "other": "hello", "q": "look at this"}
    await search.follow(sequencer.state.board, sequencer.load)
    for canary in (SECRET, "secrethandle", "secretpicture"):
        assert canary.encode() not in held(tmp_path), canary
    assert await search.find(SECRET, 10) == []
    assert await refold(sequencer) == sequencer.state
    await sequencer.close()
    await search.close()
    again = await opened()
    assert again.state == sequencer.state
    for canary in (SECRET, "secrethandle", "secretpicture"):
        assert canary.encode() not in held(tmp_path), canary


async def test_an_authors_erasure_takes_all_of_theirs_and_keeps_them_out(
    opened: Opened, tmp_path: Path
) -> None:
    sequencer, search, victim, _ = await conference(opened, tmp_path)
    await sequencer.erase(victim.face.author.id)
    await settle(sequencer, Posted(victim), Posted(post("new", SECRET, by="secrethandle")))
    await search.follow(sequencer.state.board, sequencer.load)
    assert [*await texts(sequencer)] == ["r", "other"]
    assert SECRET.encode() not in held(tmp_path)
    assert b"secrethandle" not in held(tmp_path)
    assert await refold(sequencer) == sequencer.state
    await sequencer.close()
    await search.close()


async def test_while_it_is_being_erased_it_is_under_the_veil(opened: Opened, tmp_path: Path) -> None:
    sequencer, search, *_ = await conference(opened, tmp_path)
    task = asyncio.ensure_future(sequencer.erase("id:secretid"))
    await asyncio.sleep(0)
    assert {1, 2} <= set(sequencer.since(0).gone)
    await task
    await sequencer.close()
    await search.close()


async def test_a_life_that_ended_between_the_record_and_the_deletion_is_made_up_for_at_the_next_open(
    opened: Opened, tmp_path: Path
) -> None:
    sequencer, search, *_ = await conference(opened, tmp_path)
    record = await erasure(sequencer.log, sequencer.state, KEY, "id:secretid")
    await sequencer.log.append([record], at=1.0, expected=sequencer.state.seq)
    await sequencer.close()
    await search.close()
    assert SECRET.encode() in (tmp_path / "log.db").read_bytes() + b"".join(
        path.read_bytes() for path in tmp_path.glob("log.db-wal")
    )
    again = await opened()
    assert [*await texts(again)] == ["r", "other"]
    assert SECRET.encode() not in b"".join(path.read_bytes() for path in tmp_path.glob("log.db*"))


async def test_a_reply_to_what_is_erased_stands_alone_live_and_after_a_restart(
    opened: Opened, tmp_path: Path
) -> None:
    sequencer, search, *_ = await conference(opened, tmp_path)
    key = sequencer.state.posts.by_id["id:r"].key
    assert sequencer.state.board.items[key].value.parent == 1
    before = sequencer.state.board.seq
    await sequencer.erase("id:secretid")
    assert sequencer.state.board.items[key].value.parent == 0
    assert key in [item.key for item in sequencer.since(before).put]
    assert await refold(sequencer) == sequencer.state
    await sequencer.close()
    await search.close()


async def test_hides_of_others_survive_an_erasure(opened: Opened, tmp_path: Path) -> None:
    sequencer, search, *_ = await conference(opened, tmp_path)
    await taken_down(sequencer, hide("id:other"))
    await sequencer.erase("id:secretid")
    await turns(sequencer)
    assert [*await texts(sequencer)] == ["r"]
    await sequencer.close()
    await search.close()


@pytest.mark.parametrize("takedown", [Deleted("id:q"), hide("id:q")])
async def test_what_embedded_it_and_is_taken_down_stays_so_and_hides_what_embeds_it(
    sequencer: Stepped, takedown: Any
) -> None:
    victim = post("p", SECRET)
    quoting = post("q", "look at this", by="bob", quote=victim)
    further = post("r", "and at that", by="carol", quote=quoting)
    await settle(sequencer, Posted(victim), Posted(quoting), Posted(further))
    await taken_down(sequencer, takedown)
    await sequencer.erase("id:p")
    assert await refold(sequencer) == sequencer.state
    await settle(sequencer, Posted(quoting), Posted(further))
    assert await texts(sequencer) == {"r": "and at that"}
    assert [post.face.quote for post in (await sequencer.load(sequencer.since(0).put)).values()] == [None]
    assert await refold(sequencer) == sequencer.state


async def test_a_hide_withdrawn_long_ago_leaves_no_trace_in_the_order(sequencer: Stepped) -> None:
    quoting = post("q", "look at this", by="bob", quote=post("p", SECRET))
    await settle(sequencer, Posted(post("p", SECRET)), Posted(quoting))
    word = hide("id:q")
    await taken_down(sequencer, word)
    await settle(sequencer, Posted(post("r", by="carol", quote=quoting)), Posted(post("s", by="dan")))
    await settle(sequencer, person("id:q", "undo", undoes=word.id))
    await sequencer.erase("id:p")
    assert await refold(sequencer) == sequencer.state


async def test_a_body_with_a_link_to_it_is_the_others_own(opened: Opened, tmp_path: Path) -> None:
    sequencer, search, *_ = await conference(opened, tmp_path)
    link = Node("link", ("its address",), "https://net.example/secretid")
    linking = post("l", by="erin")
    linking = replace(linking, face=replace(linking.face, body=(link,)))
    await settle(sequencer, Posted(linking))
    await sequencer.erase("id:secretid")
    assert "l" in await texts(sequencer)
    await sequencer.close()
    await search.close()


async def test_another_mark_key_is_refused(tmp_path: Path) -> None:
    from backchannel.log import LogBroken

    log = SqliteLog(tmp_path / "log.db", key_check="one")
    await log.append([Erased((), (), ("m",))], at=1.0, expected=0)
    await log.close()
    with pytest.raises(LogBroken, match="another mark key"):
        SqliteLog(tmp_path / "log.db", key_check="two")


def test_sqlite_is_new_enough_to_keep_its_promise() -> None:
    assert tuple(map(int, apsw.sqlite_lib_version().split("."))) >= (3, 51, 3)


async def test_an_authors_erasure_takes_what_quoted_them_once(sequencer: Stepped, tmp_path: Path) -> None:
    victim = post("p", f"{SECRET} words", by="victim")
    await settle(sequencer, Posted(post("q", "look", by="bob", quote=victim)))
    await settle(sequencer, Posted(post("q", "look", by="bob", revision=1)))
    await sequencer.erase(victim.face.author.id)
    assert SECRET.encode() not in held(tmp_path)


async def test_erased_words_leave_the_memory_too(sequencer: Stepped) -> None:
    await settle(sequencer, Posted(post()))
    await sequencer.erase("id:p1")
    assert [*sequencer.faces.values()] == []
