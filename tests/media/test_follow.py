"""Following the state: every wish ends in one word."""

import asyncio
from collections.abc import Mapping, Sequence
from hashlib import sha256

import pytest

from backchannel.media import MediaStore, follow
from backchannel.model import Event, Settled
from tests.faults.hostile import answering, reply, serving
from tests.media.kit import CLOCK, always, picture


class Unavailable(Exception):
    """The log does not take it now."""


class House:
    """As much of the state and the sequencer as a follower sees."""

    def __init__(self, *wishes: tuple[str, str], failures: int = 0) -> None:
        self.wishes = list(wishes)
        self.changed = asyncio.Event()
        self.said: list[Settled] = []
        self.failures = failures
        self.all_said = asyncio.Event()

    async def submit(self, events: Sequence[Event]) -> None:
        if self.failures:
            self.failures -= 1
            raise Unavailable
        for event in events:
            assert isinstance(event, Settled)
            self.said.append(event)
            self.wishes.remove((event.post, event.url))
        self.changed.set()
        if not self.wishes:
            self.all_said.set()

    async def follow(self, store: MediaStore) -> None:
        """Until all wishes are fulfilled."""
        following = asyncio.create_task(
            follow(
                store,
                unsettled=lambda: self.wishes,
                changed=self.changed,
                submit=self.submit,
                retry_on=(Unavailable,),
                clock=CLOCK,
            )
        )
        ended = asyncio.create_task(self.all_said.wait())
        await asyncio.wait([following, ended], return_when=asyncio.FIRST_COMPLETED)
        ended.cancel()
        following.cancel()
        with pytest.raises(asyncio.CancelledError):
            await following


async def test_every_wish_ends_in_one_settled(store: MediaStore) -> None:
    data = picture()
    async with answering(lambda path, headers: reply(data if path == "/a" else b"no picture")) as server:
        good, bad = f"{server.url}/a", f"{server.url}/b"
        house = House(("p1", good), ("p1", bad), ("p2", good))
        await house.follow(store)
    assert sorted(house.said, key=lambda said: (said.post, said.url)) == [
        Settled("p1", good, sha256(data).hexdigest(), 40, 30),
        Settled("p1", bad),
        Settled("p2", good, sha256(data).hexdigest(), 40, 30),
    ]
    assert server.hits == 2


async def test_a_wish_that_comes_later_is_fulfilled_too(store: MediaStore) -> None:
    async with answering(always(picture())) as server:
        house = House()
        following = asyncio.create_task(house.follow(store))
        await CLOCK.sleep(0)
        house.wishes.append(("p1", server.url))
        house.changed.set()
        await following
    assert [said.post for said in house.said] == ["p1"]


async def test_a_log_that_takes_nothing_now_is_asked_again(store: MediaStore) -> None:
    async with answering(always(picture())) as server:
        house = House(("p1", server.url), failures=1)
        await house.follow(store)
    assert [said.post for said in house.said] == ["p1"]
    assert server.hits == 1


async def test_eight_pictures_are_on_their_way_at_a_time_and_none_twice(store: MediaStore) -> None:
    running = peak = 0
    full = asyncio.Event()
    house = House()

    async def handle(_path: str, _headers: Mapping[str, str], writer: asyncio.StreamWriter) -> None:
        nonlocal running, peak
        running += 1
        peak = max(peak, running)
        house.changed.set()
        if running == 8:
            full.set()
        await full.wait()
        running -= 1
        writer.write(reply(picture()))

    async with serving(handle) as server:
        house.wishes = [(f"p{n}", f"{server.url}/{n}") for n in range(20)]
        await house.follow(store)
        assert server.hits == 20
    assert peak == 8
    assert sorted(said.post for said in house.said) == sorted(f"p{n}" for n in range(20))


async def test_a_post_that_went_away_meanwhile_is_not_spoken_of(store: MediaStore) -> None:
    here = asyncio.Event()
    gate = asyncio.Event()
    house = House()

    async def handle(path: str, _headers: Mapping[str, str], writer: asyncio.StreamWriter) -> None:
        if path == "/gone":
            here.set()
            await gate.wait()
        writer.write(reply(picture()))

    async with serving(handle) as server:
        house.wishes = [("gone", f"{server.url}/gone"), ("stays", f"{server.url}/stays")]
        following = asyncio.create_task(house.follow(store))
        await here.wait()
        house.wishes.remove(("gone", f"{server.url}/gone"))
        gate.set()
        await following
    assert [said.post for said in house.said] == ["stays"]


async def test_a_wish_that_stays_after_its_answer_is_fulfilled_again(store: MediaStore) -> None:
    async with answering(always(picture())) as server:
        answers: asyncio.Queue[Event] = asyncio.Queue()

        async def submit(events: Sequence[Event]) -> None:
            await answers.put(events[0])

        following = asyncio.create_task(
            follow(
                store,
                unsettled=lambda: [("p1", server.url)],
                changed=asyncio.Event(),
                submit=submit,
                retry_on=(Unavailable,),
                clock=CLOCK,
                again_s=0.05,
            )
        )
        assert await answers.get() == await answers.get()
        following.cancel()
        with pytest.raises(asyncio.CancelledError):
            await following
        assert server.hits == 1


async def test_a_bug_in_the_log_is_not_taken_for_trouble(store: MediaStore) -> None:
    async def broken(_events: Sequence[Event]) -> None:
        raise KeyError("a bug")

    async with answering(always(picture())) as server:
        with pytest.raises(ExceptionGroup) as caught:
            await follow(
                store,
                unsettled=lambda: [("p1", server.url)],
                changed=asyncio.Event(),
                submit=broken,
                retry_on=(Unavailable,),
                clock=CLOCK,
            )
    assert caught.group_contains(KeyError)
