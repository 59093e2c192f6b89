"""Takedowns that wait for the log: in order, whole, and gone when they are stored."""

from pathlib import Path

import pytest

from backchannel.log.spool import SIZE, Spool, SpoolFull
from backchannel.model import Blanked, Deleted, Takedown
from tests.kit.posts import hide


def test_what_is_added_is_there_in_the_next_life_in_order(tmp_path: Path) -> None:
    said: list[Takedown] = [hide("id:p1"), Deleted("id:p2"), Blanked("b", True)]
    spool = Spool(tmp_path / "takedowns")
    for takedown in said:
        spool.add(takedown)
    spool.close()
    again = Spool(tmp_path / "takedowns")
    assert again.load() == said
    again.add(Deleted("id:p3"))
    again.close()
    third = Spool(tmp_path / "takedowns")
    assert third.load() == [*said, Deleted("id:p3")]
    third.close()


def test_a_torn_last_line_was_never_acknowledged(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "takedowns")
    spool.add(Deleted("id:p1"))
    spool.close()
    path = tmp_path / "takedowns"
    whole = path.read_bytes().rstrip(b"\0")
    path.write_bytes((whole + whole[:-7]).ljust(SIZE, b"\0"))
    again = Spool(path)
    assert again.load() == [Deleted("id:p1")]
    again.add(Deleted("id:p2"))
    again.close()
    third = Spool(path)
    assert third.load() == [Deleted("id:p1"), Deleted("id:p2")]
    third.close()


def test_cleared_it_holds_no_byte_of_what_it_held(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "takedowns")
    spool.add(Deleted("id:canary"))
    spool.clear()
    assert (tmp_path / "takedowns").read_bytes() == bytes(SIZE)
    assert spool.load() == []
    spool.close()


def test_its_space_is_reserved_and_its_end_is_said(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "takedowns")
    assert (tmp_path / "takedowns").stat().st_blocks * 512 >= SIZE
    long = Deleted("x" * 60_000)
    for _ in range(4):
        spool.add(long)
    with pytest.raises(SpoolFull, match=str(SIZE)):
        spool.add(long)
    spool.close()


def test_a_life_that_ended_while_it_cleared_leaves_nothing_to_be_read_later(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "takedowns")
    for n in range(200):
        spool.add(hide(f"id:unspeakable{n}"))
    spool.close()
    with (tmp_path / "takedowns").open("r+b") as file:
        file.write(bytes(4096))  # as far as it came
    again = Spool(tmp_path / "takedowns")
    assert again.load() == []
    assert b"unspeakable" not in (tmp_path / "takedowns").read_bytes()
    again.close()
