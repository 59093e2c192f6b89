"""What every log promises. One suite for all implementations: a new one joins LOGS."""

from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import apsw
import pytest

from backchannel.errors import UserError
from backchannel.log import Conflict, LogBroken
from backchannel.log.sqlite import SqliteLog
from backchannel.model import Entry, Posted, Unknown
from tests.kit.posts import hide, post


@asynccontextmanager
async def sqlite(folder: Any) -> Any:
    log = SqliteLog(folder / "log.db")
    try:
        yield log
    finally:
        await log.close()


LOGS = {"sqlite": sqlite}


@pytest.fixture(params=LOGS)
def open_log(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    return lambda: LOGS[request.param](tmp_path)


async def read_all(log: Any, after: Any = 0) -> Any:
    return [entry async for part in log.after(after) for entry in part]


async def test_what_is_appended_is_read_in_order_also_in_another_life(open_log: Any) -> None:
    async with open_log() as log:
        assert await log.append([Posted(post("a")), Posted(post("b"))], at=5.0, expected=0) == 2
        assert await log.append([hide("id:a")], at=6.0, expected=2) == 3
        epoch = log.epoch
    async with open_log() as log:
        entries = await read_all(log)
        assert [(e.seq, e.at) for e in entries] == [(1, 5.0), (2, 5.0), (3, 6.0)]
        assert entries[0] == Entry(1, 5.0, Posted(post("a")))
        assert [e.seq for e in await read_all(log, 2)] == [3]
        assert await log.head() == 3
        assert log.epoch == epoch


async def test_an_append_on_another_head_stores_nothing(open_log: Any) -> None:
    async with open_log() as log:
        await log.append([Posted(post("a"))], at=1.0, expected=0, cursors={("s", "l"): "1"})
        with pytest.raises(Conflict):
            await log.append([Posted(post("b"))], at=1.0, expected=0, cursors={("s", "l"): "2"})
        assert await log.head() == 1
        assert await log.cursors() == {("s", "l"): "1"}


async def test_a_cursor_alone_is_stored_too(open_log: Any) -> None:
    async with open_log() as log:
        assert await log.append([], at=1.0, expected=0, cursors={("s", "l"): "7"}) == 0
        assert await log.cursors() == {("s", "l"): "7"}


async def test_entries_are_read_by_number_and_missing_ones_left_out(open_log: Any) -> None:
    async with open_log() as log:
        await log.append([Posted(post(str(n))) for n in range(5)], at=1.0, expected=0)
        assert sorted(await log.read([2, 4, 99])) == [2, 4]


async def test_numbers_have_holes_after_a_purge_and_go_on(open_log: Any) -> None:
    async with open_log() as log:
        await log.append([Posted(post(str(n))) for n in range(3)], at=1.0, expected=0)
        await log.purge([2])
        assert [e.seq for e in await read_all(log)] == [1, 3]
        assert await log.append([Posted(post("x"))], at=1.0, expected=3) == 4


async def test_a_batch_above_the_limit_is_a_bug_of_ours(open_log: Any) -> None:
    async with open_log() as log:
        with pytest.raises(ValueError, match="901"):
            await log.append([hide("x")] * 901, at=1.0, expected=0)


async def test_an_event_of_another_release_is_kept_and_read_as_unknown(tmp_path: Path) -> None:
    async with sqlite(tmp_path) as log:
        await log.append([Posted(post("a"))], at=1.0, expected=0)
    db = apsw.Connection(str(tmp_path / "log.db"))
    said = '{"type":"voted","by":"somebody"}'
    db.execute("insert into log values(2, 1.0, 'voted', ?)", (said,))
    db.close()
    async with sqlite(tmp_path) as log:
        assert (await read_all(log))[1].event == Unknown(said)


async def test_an_entry_of_ours_that_cannot_be_read_stops_loudly(tmp_path: Path) -> None:
    async with sqlite(tmp_path) as log:
        await log.append([Posted(post("a"))], at=1.0, expected=0)
    db = apsw.Connection(str(tmp_path / "log.db"))
    db.execute("update log set event = replace(event, '\"post\":', '\"posd\":')")
    db.close()
    async with sqlite(tmp_path) as log:
        with pytest.raises(LogBroken):
            await read_all(log)


async def test_a_damaged_file_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    async with sqlite(tmp_path) as log:
        await log.append([Posted(post(str(n), "x" * 500)) for n in range(300)], at=1.0, expected=0)
    path = tmp_path / "log.db"
    broken = bytearray(path.read_bytes())
    broken[4096:12288] = bytes(8192)
    path.write_bytes(broken)
    with pytest.raises(LogBroken, match=r"log\.db"):
        SqliteLog(path)
    assert path.read_bytes() == bytes(broken)


async def test_a_second_process_on_the_same_file_is_refused(tmp_path: Path) -> None:
    async with sqlite(tmp_path):
        with pytest.raises((LogBroken, UserError), match=r"log\.db"):
            SqliteLog(tmp_path / "log.db")
