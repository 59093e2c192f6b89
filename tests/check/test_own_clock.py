"""How wrong our own clock is, by the word of several hosts."""

from email.utils import formatdate

import pytest

from backchannel.check.own_clock import duration, judge_clock, skew_s
from tests.check.kit import answer, blogging, check, feed, rss

NOW = 1_795_605_000.0


@pytest.mark.parametrize(
    ("headers", "skew"),
    [
        ({"Date": formatdate(NOW - 60, usegmt=True)}, 60.0),
        ({"Date": formatdate(NOW - 60, usegmt=True), "Age": "60"}, 0.0),
        ({"Date": formatdate(NOW + 7200, usegmt=True), "Age": "soon"}, -7200.0),
        ({"Date": "yesterday"}, None),
        ({}, None),
    ],
)
def test_a_host_tells_the_time_and_a_cache_how_long_ago(headers: dict[str, str], skew: float | None) -> None:
    assert skew_s(headers, NOW) == skew


def test_the_middle_counts_so_one_host_that_is_wrong_does_not() -> None:
    assert judge_clock({"a": 0.4, "b": -0.6, "c": 86_400.0}).state == "fine"
    found = judge_clock({"a": 7200.0, "b": 7201.0, "c": 0.0})
    assert (found.state, found.error_s, found.hosts) == ("trouble", 7200.0, 3)
    assert "2 h ahead, by the word of 3 hosts" in found.problem
    assert "timedatectl set-ntp true" in found.way_out


def test_one_host_alone_may_be_the_one_that_is_wrong() -> None:
    found = judge_clock({"blog.example": -90.0})
    assert found.state == "look"
    assert found.problem == "blog.example and this machine's clock are 1 min 30 s apart: one is wrong"


def test_where_nobody_tells_the_time_nothing_is_said_of_it() -> None:
    assert judge_clock({}).error_s is None


async def test_it_is_measured_by_what_the_lanes_answer() -> None:
    async with (
        blogging(answer(rss("one #conf"), ahead_s=-300)) as one,
        blogging(answer(status=401, ahead_s=-300)) as two,
    ):
        found = (await check(feed(one, two))).clock
    assert (found.state, found.hosts) == ("trouble", 2)
    assert found.error_s == pytest.approx(300, abs=60)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (59.6, "1 min"), (7505, "2 h 5 min"), (200_000, "2 days 7 h"), (30, "30 s")],
)
def test_a_time_is_told_in_its_two_largest_units(seconds: float, words: str) -> None:
    assert duration(seconds) == words
