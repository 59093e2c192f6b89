"""Whose picture is decoded next, and by whom."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from backchannel.media.decoders import Decoders
from backchannel.media.places import Claim, Ticket
from backchannel.media.worker import UnusablePicture
from tests.kit.clocks import until
from tests.kit.pictures import CLOCK, many_scans, picture
from tests.media.test_worker import MOODY

Making = Callable[..., Decoders]
SMALL = picture(size=(20, 10))
LARGE = picture("JPEG", (1500, 1500))
HANGS, CRASHES = picture(size=(77, 9)), picture(size=(99, 9))


@pytest.fixture
async def moody(tmp_path: Path) -> AsyncIterator[Making]:
    """Decoders whose children have the tempers of `MOODY`."""
    work = tmp_path / "moody.py"
    work.write_text(MOODY)
    made: list[Decoders] = []

    def making(**options: float) -> Decoders:
        made.append(Decoders(CLOCK, work, **options))  # type: ignore[arg-type]
        return made[-1]

    yield making
    for one in made:
        await one.close()


def ticket(author: str = "ada", source: str = "net") -> Ticket:
    return Ticket("", Claim(source, author))


def started(decoders: Decoders) -> tuple[int, int]:
    """Children that were begun for ordinary pictures, and for those that take long."""
    *quick, patient = decoders.workers
    return sum(one.started for one in quick), patient.started


async def test_what_its_header_says_is_large_goes_to_the_child_that_has_time(decoders: Decoders) -> None:
    assert (await decoders.reencode(SMALL, ticket())).width == 20
    assert started(decoders) == (1, 0)
    assert (await decoders.reencode(LARGE, ticket())).width == 1500
    assert started(decoders) == (1, 1), "and its child lives on"


async def test_a_small_picture_is_made_while_all_large_ones_wait_for_one_that_hangs(moody: Making) -> None:
    decoders = moody(quick_work=100, job_s=600)
    hanging = [asyncio.create_task(decoders.reencode(HANGS, ticket(f"eve{n}"))) for n in range(8)]
    assert (await decoders.reencode(picture(size=(9, 9)), ticket())).width == 9
    assert not any(one.done() for one in hanging)
    for one in hanging:
        one.cancel()
    await asyncio.gather(*hanging, return_exceptions=True)


async def test_one_authors_slow_pictures_let_anothers_large_one_go_first(moody: Making) -> None:
    decoders = moody(quick_work=100, job_s=0.5)
    await decoders.reencode(LARGE, ticket("warm"))
    order: list[str] = []

    async def make(data: bytes, who: str) -> None:
        try:
            await decoders.reencode(data, ticket(who))
        except UnusablePicture:
            order.append(f"{who} fails")
        else:
            order.append(who)

    slow = [asyncio.create_task(make(HANGS, "eve")) for _ in range(4)]
    await until(lambda: order)
    await make(picture("JPEG", (600, 500)), "ada")
    assert len(order) <= 3, "before the others of eve's, of which one may have begun"
    for one in slow:
        one.cancel()
    await asyncio.gather(*slow, return_exceptions=True)


async def test_a_picture_that_kills_its_child_is_tried_by_one_more_and_no_further(moody: Making) -> None:
    decoders = moody()
    with pytest.raises(UnusablePicture, match="its decoder died"):
        await decoders.reencode(CRASHES, ticket())
    assert started(decoders) == (1, 1)
    assert (await decoders.reencode(SMALL, ticket())).width == 20


async def test_children_that_were_killed_meanwhile_cost_no_picture(decoders: Decoders) -> None:
    await decoders.reencode(SMALL, ticket())
    await decoders.reencode(LARGE, ticket())
    for worker in decoders.workers:
        if worker.pid:
            os.kill(worker.pid, signal.SIGKILL)
        await until(lambda worker=worker: not worker.pid)  # type: ignore[misc]
    assert (await decoders.reencode(SMALL, ticket())).width == 20
    assert (await decoders.reencode(LARGE, ticket())).width == 1500


async def test_a_picture_that_takes_a_quick_child_too_long_is_given_time(moody: Making) -> None:
    decoders = moody(quick_s=0.01, job_s=600)
    assert (await decoders.reencode(LARGE, ticket())).width == 1500


async def test_a_thousand_scans_in_a_few_bytes_are_refused_unseen(decoders: Decoders) -> None:
    bomb = many_scans(1000)
    assert len(bomb) < 600_000
    with pytest.raises(UnusablePicture, match=r"4000 x 4000 pixels in 10\d\d scans are too many"):
        await decoders.reencode(bomb, ticket())
    assert started(decoders) == (1, 0)
    assert (await decoders.reencode(many_scans(0), ticket())).width == 1600
