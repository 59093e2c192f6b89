"""Time goes on from where the log stopped, whatever the wall clock does meanwhile."""

import time
from pathlib import Path

import pytest

from backchannel import start
from backchannel.clock import Clock, to_utc
from backchannel.judge import Rules
from backchannel.model import Posted
from tests.kit.posts import post
from tests.kit.sequencers import settle, texts, turns

KEY = b"k" * 32


class Wall:
    """The machine's clocks, in the test's hand."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.time, self.monotonic = 1_790_000_000.0, 5000.0
        monkeypatch.setattr(time, "time", lambda: self.time)
        monkeypatch.setattr(time, "monotonic", lambda: self.monotonic)

    def pass_by(self, seconds: float) -> None:
        self.time += seconds
        self.monotonic += seconds


@pytest.fixture
def wall(monkeypatch: pytest.MonkeyPatch) -> Wall:
    return Wall(monkeypatch)


async def test_a_clock_an_hour_ahead_and_then_right_neither_stops_nor_floods_a_release(
    tmp_path: Path, wall: Wall
) -> None:
    wall.time += 3600
    rules = Rules("open", 20.0)
    sequencer, clock = await start.open_sequencer(tmp_path, KEY, rules, 1.0, None)
    await settle(sequencer, Posted(post()), clock=clock)
    assert await texts(sequencer) == {}
    await sequencer.close()

    wall.time -= 3600  # somebody set it right, and the program was started again
    wall.pass_by(5)
    sequencer, clock = await start.open_sequencer(tmp_path, KEY, rules, 1.0, None)
    await turns(sequencer, clock=clock)
    assert await texts(sequencer) == {}
    wall.pass_by(19)
    await turns(sequencer, clock=clock)
    assert await texts(sequencer) == {}
    wall.pass_by(1)
    await turns(sequencer, clock=clock)
    assert await texts(sequencer) == {"p1": "hello"}
    await settle(sequencer, Posted(post("p2")), clock=clock)
    assert await texts(sequencer) == {"p1": "hello"}
    wall.pass_by(20)
    await turns(sequencer, clock=clock)
    assert [*await texts(sequencer)] == ["p1", "p2"]
    assert clock.now() >= 1_790_003_600.0
    await sequencer.close()


def test_a_clock_set_while_it_runs_changes_nothing(wall: Wall) -> None:
    clock = Clock()
    before = clock.now()
    wall.time -= 86400
    wall.monotonic += 7
    assert clock.now() == before + 7


def test_a_faster_conference_counts_from_its_origin(wall: Wall) -> None:
    first = Clock(rate=60.0, origin=wall.time)
    wall.pass_by(10)
    assert first.now() == 1_790_000_600.0
    assert Clock(rate=60.0, origin=1_790_000_000.0).now() == first.now()
    assert first.until(first.now() + 120) == 2.0
    assert first.real() == wall.time


@pytest.mark.parametrize("seconds", [-1e12, 1e300, float("inf")])
def test_a_time_that_is_none_is_clamped(seconds: float) -> None:
    assert to_utc(seconds).year in {1970, 9999}
