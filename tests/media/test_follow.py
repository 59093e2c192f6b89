"""Following the state: every picture that it misses ends in one word, and no post waits long."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from hashlib import sha256

import pytest

from backchannel.media import MediaStore, follow
from backchannel.media.follow import PER_POST, WAIT_S
from backchannel.model import Deleted, Entry, Event, Posted, Rank, Ruled, Settled
from backchannel.state import State
from tests.kit.clocks import turns, until
from tests.kit.pictures import CLOCK, always, picture
from tests.kit.posts import pictured
from tests.kit.raw_server import RawServer, answering, reply, serving, silence


class Unavailable(Exception):
    """The log does not take it now."""


class FollowedStore:
    """A state that folds what is submitted, and a turn as the sequencer's: what is no news is dropped."""

    def __init__(self, failures: int = 0) -> None:
        self.state = State()
        self.changed = asyncio.Event()
        self.said: list[Settled] = []
        self.batches: list[int] = []
        self.failures = failures
        self._grown = asyncio.Condition()

    def take(self, *events: Event, ago_s: float = 0.0) -> None:
        """Fold them, as taken in so many seconds ago."""
        for event in events:
            if self.state.is_news(event):
                self.state.apply(Entry(self.state.seq + 1, CLOCK.now() - ago_s, event))
        self.changed.set()

    async def submit(self, events: Sequence[Event]) -> None:
        if self.failures:
            self.failures -= 1
            raise Unavailable
        self.take(*events)
        self.said.extend(event for event in events if isinstance(event, Settled))
        self.batches.append(len(events))
        async with self._grown:
            self._grown.notify_all()

    async def until(self, is_so: Callable[[], bool]) -> None:
        """Wait until what was said makes it so."""
        async with asyncio.timeout(60), self._grown:
            await self._grown.wait_for(is_so)

    def is_settled(self) -> bool:
        return not self.state.posts.unsettled

    @asynccontextmanager
    async def followed(
        self,
        store: MediaStore,
        *,
        submit: Callable[[Sequence[Event]], Awaitable[object]] | None = None,
        wait_s: float = WAIT_S,
        again_s: float = 5.0,
        is_own: Callable[[str, str], bool] = lambda source, url: False,
    ) -> AsyncIterator[None]:
        following = asyncio.create_task(
            follow(
                store,
                state=lambda: self.state,
                changed=self.changed,
                submit=submit or self.submit,
                retry_on=(Unavailable,),
                clock=CLOCK,
                wait_s=wait_s,
                again_s=again_s,
                is_own=is_own,
            )
        )
        try:
            yield
        finally:
            following.cancel()
            await asyncio.wait({following})
            if not following.cancelled():
                following.result()


@asynccontextmanager
async def silent(host: str = "127.0.0.1") -> AsyncIterator[RawServer]:
    """A server that says nothing, whatever it is asked for."""

    async def handle(_path: str, _headers: Mapping[str, str], writer: asyncio.StreamWriter) -> None:
        await silence(writer)

    async with serving(handle, host) as server:
        yield server


async def test_every_picture_ends_in_one_settled(store: MediaStore) -> None:
    data = picture()
    house = FollowedStore()
    async with answering(lambda path, headers: reply(data if path == "/a" else b"no picture")) as server:
        good, bad = f"{server.url}/a", f"{server.url}/b"
        house.take(Posted(pictured("p1", good, bad)), Posted(pictured("p2", good)))
        async with house.followed(store):
            await house.until(house.is_settled)
        assert server.hits == 2
    assert sorted(house.said, key=lambda said: (said.post, said.url)) == [
        Settled("id:p1", good, sha256(data).hexdigest(), 40, 30),
        Settled("id:p1", bad),
        Settled("id:p2", good, sha256(data).hexdigest(), 40, 30),
    ]


async def test_a_post_that_comes_later_gets_its_pictures_too(store: MediaStore) -> None:
    house = FollowedStore()
    async with answering(always(picture())) as server, house.followed(store):
        await CLOCK.sleep(0)
        house.take(Posted(pictured("p1", server.url)))
        await house.until(house.is_settled)
    assert [said.post for said in house.said] == ["id:p1"]


async def test_a_log_that_takes_nothing_now_is_asked_again(store: MediaStore) -> None:
    house = FollowedStore(failures=1)
    async with answering(always(picture())) as server:
        house.take(Posted(pictured("p1", server.url)))
        async with house.followed(store):
            await house.until(house.is_settled)
        assert server.hits == 1
    assert [said.post for said in house.said] == ["id:p1"]


async def test_a_post_waits_for_all_of_its_pictures_together_and_no_longer(store: MediaStore) -> None:
    house = FollowedStore()
    async with silent() as server, answering(always(picture())) as quick:
        slow = [f"{server.url}/{n}" for n in range(9)]
        house.take(Posted(pictured("p1", quick.url, *slow)))
        await store.warm_up()
        began = CLOCK.monotonic()
        async with house.followed(store, wait_s=3.0):
            await house.until(house.is_settled)
        assert CLOCK.monotonic() - began < 2 * len(slow), "not one after the other"
    assert [bool(said.hash) for said in house.said] == [True] + [False] * 9
    assert len(house.batches) <= 4, "not a turn for each"


async def test_time_that_passed_before_a_restart_counts(store: MediaStore) -> None:
    house = FollowedStore()
    async with silent() as server:
        old = [Posted(pictured(f"p{n}", f"{server.url}/{n}", by=f"a{n}")) for n in range(900)]
        house.take(*old, ago_s=WAIT_S)
        async with house.followed(store, wait_s=600.0):
            house.changed.set()
            await until(lambda: server.open)
            await turns(100)
            assert not house.said
        async with house.followed(store):
            await house.until(house.is_settled)
    assert len(house.said) == 900
    assert len(house.batches) < 10


async def test_one_authors_silent_pictures_hold_up_nobody_elses(store: MediaStore) -> None:
    house = FollowedStore()
    async with silent() as server, answering(always(picture()), "127.0.0.2") as quick:
        for n in range(12):
            urls = [f"{server.url}/{n}.{m}" for m in range(16)]
            house.take(Posted(pictured(f"evil{n}", *urls, by="eve")))
        for n in range(20):
            house.take(Posted(pictured(f"good{n}", f"{quick.url}/{n}", by=f"ada{n}")))
        async with house.followed(store, wait_s=600.0):
            await house.until(lambda: sum(bool(said.hash) for said in house.said) == 20)
            assert len(house.state.posts.unsettled) > 0, "eve's are still on their way"
    assert {said.post for said in house.said if said.hash} == {f"id:good{n}" for n in range(20)}


async def test_pictures_that_are_here_together_are_told_together(store: MediaStore) -> None:
    house = FollowedStore()
    async with answering(always(picture())) as server:
        assert await store.settle(server.url)
        for n in range(40):
            house.take(Posted(pictured(f"p{n}", server.url, by=f"ada{n}")))
        async with house.followed(store):
            await house.until(house.is_settled)
    assert len(house.batches) <= 3


async def test_an_edit_that_keeps_a_picture_does_not_ask_for_it_anew(store: MediaStore) -> None:
    house = FollowedStore()
    here, gate = asyncio.Event(), asyncio.Event()

    async def handle(_path: str, _headers: Mapping[str, str], writer: asyncio.StreamWriter) -> None:
        here.set()
        await gate.wait()
        writer.write(reply(picture()))

    async with serving(handle) as server, house.followed(store):
        house.take(Posted(pictured("p1", server.url)))
        await here.wait()
        house.take(Posted(pictured("p1", server.url, text="another word", revision=1)))
        await turns(100)
        gate.set()
        await house.until(house.is_settled)
        assert server.hits == 1
    assert [bool(said.hash) for said in house.said] == [True]


async def test_what_was_taken_away_while_it_was_on_its_way_is_no_longer_asked_for(store: MediaStore) -> None:
    house = FollowedStore()
    async with silent() as server, house.followed(store):
        house.take(Posted(pictured("p1", f"{server.url}/x")))
        await until(lambda: server.open)
        house.state.posts.forget(house.state.posts.by_id["id:p1"])
        house.changed.set()
        await server.idle()
    assert not house.said


async def test_pictures_of_a_deleted_post_are_not_asked_for(store: MediaStore) -> None:
    house = FollowedStore()
    async with answering(always(picture())) as server:
        house.take(Posted(pictured("p1", server.url)), Deleted("id:p1"))
        async with house.followed(store):
            await house.until(house.is_settled)
        assert server.hits == 0


async def test_of_hundreds_of_pictures_in_one_post_some_are_asked_for(store: MediaStore) -> None:
    house = FollowedStore()
    async with answering(always(picture())) as server:
        house.take(Posted(pictured("p1", *(f"{server.url}/{n}" for n in range(500)))))
        async with house.followed(store):
            await house.until(house.is_settled)
        assert server.hits == PER_POST
    assert len(house.said) == 500


async def test_a_picture_of_a_thousand_posts_is_asked_for_once(store: MediaStore) -> None:
    house = FollowedStore()
    async with answering(always(picture())) as server:
        for n in range(1000):
            house.take(Posted(pictured(f"p{n}", server.url, by=f"ada{n}")))
        async with house.followed(store):
            await house.until(house.is_settled)
        assert server.hits == 1
    assert all(said.hash for said in house.said)


async def test_a_picture_that_stays_missing_after_its_answer_is_told_again(store: MediaStore) -> None:
    house = FollowedStore()
    answers: asyncio.Queue[Event] = asyncio.Queue()

    async def submit(events: Sequence[Event]) -> None:
        await answers.put(events[0])

    async with answering(always(picture())) as server:
        house.take(Posted(pictured("p1", server.url)))
        async with house.followed(store, submit=submit, again_s=0.05):
            assert await answers.get() == await answers.get()
        assert server.hits == 1


async def test_a_bug_in_the_log_is_not_taken_for_trouble(store: MediaStore) -> None:
    async def broken(_events: Sequence[Event]) -> None:
        raise KeyError("a bug")

    house = FollowedStore()
    async with answering(always(picture())) as server:
        house.take(Posted(pictured("p1", server.url)))
        with pytest.raises(ExceptionGroup) as caught:
            await follow(
                store,
                state=lambda: house.state,
                changed=house.changed,
                submit=broken,
                retry_on=(Unavailable,),
                clock=CLOCK,
            )
    assert caught.group_contains(KeyError)


async def test_an_address_that_nothing_can_be_told_of_is_a_strangers(store: MediaStore) -> None:
    def puzzled(source: str, url: str) -> bool:
        raise IndexError("a library's")

    house = FollowedStore()
    async with answering(always(picture())) as server:
        house.take(Posted(pictured("p1", server.url)))
        async with house.followed(store, is_own=puzzled):
            await house.until(house.is_settled)
    assert house.said[0].hash
    assert store.bugs.count == 1


async def test_a_late_picture_is_told_where_a_person_still_has_to_look(store: MediaStore) -> None:
    house = FollowedStore()
    gate = asyncio.Event()

    async def handle(_path: str, _headers: Mapping[str, str], writer: asyncio.StreamWriter) -> None:
        await gate.wait()
        writer.write(reply(picture()))

    async with serving(handle) as server:
        house.take(Posted(pictured("p1", server.url)))
        async with house.followed(store, wait_s=0.2):
            await house.until(house.is_settled)
            hash_ = house.state.posts.by_id["id:p1"].hash
            house.take(Ruled("rule:1", "id:p1", "hold", Rank.RULE, "rule", hash_))
            gate.set()
            await house.until(lambda: len(house.said) == 2)
    assert [bool(said.hash) for said in house.said] == [False, True]
    assert house.state.posts.by_id["id:p1"].hash != hash_
