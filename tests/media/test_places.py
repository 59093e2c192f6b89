"""Whose turn it is."""

import asyncio
from collections.abc import Sequence

import pytest

from backchannel.media.places import LATE_RANK, Claim, Places, SlowFetches, Ticket
from tests.kit.clocks import turns, until
from tests.kit.pictures import CLOCK


class HeldLine:
    """Those who wait for places, and in which order they got theirs."""

    def __init__(self, places: Places) -> None:
        self.places = places
        self.order: list[str] = []
        self.tasks: list[asyncio.Task[None]] = []

    def wait(self, name: str, *claims: Claim, host: str = "") -> Ticket:
        ticket = Ticket(host, *claims)
        self.tasks.append(asyncio.create_task(self._wait(name, ticket)))
        return ticket

    async def _wait(self, name: str, ticket: Ticket) -> None:
        await self.places.enter(ticket)
        self.order.append(name)

    async def until(self, count: int) -> Sequence[str]:
        await until(lambda: len(self.order) >= count)
        return self.order

    async def rest(self) -> Sequence[str]:
        """What has happened when nothing happens any more."""
        await turns(100)
        return self.order

    async def end(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


def line(total: int, **most: int) -> HeldLine:
    return HeldLine(Places(total, CLOCK, **most))


async def test_a_source_an_author_and_a_host_have_so_many_places_each() -> None:
    for most, claims, hosts in (
        ({"per_source": 2}, [Claim("a", f"who{n}") for n in range(5)], [f"h{n}" for n in range(5)]),
        ({"per_author": 2}, [Claim("a", "eve") for _ in range(5)], [f"h{n}" for n in range(5)]),
        ({"per_host": 2}, [Claim(f"s{n}", f"who{n}") for n in range(5)], ["h"] * 5),
    ):
        waiting = line(10, **most)
        tickets = [
            waiting.wait("greedy", claim, host=host) for claim, host in zip(claims, hosts, strict=True)
        ]
        waiting.wait("other", Claim("b", "ada"), host="elsewhere")
        assert sorted(await waiting.rest()) == ["greedy", "greedy", "other"], most
        waiting.places.leave(next(one for one in tickets if waiting.places.has(one)))
        assert len(await waiting.until(4)) == 4
        await waiting.end()


async def test_who_has_the_fewest_goes_first_and_then_what_is_nearly_complete() -> None:
    waiting = line(1)
    first = waiting.wait("first", Claim("a", "eve"))
    await waiting.until(1)
    tickets = [waiting.wait(f"eve{n}", Claim("a", "eve", 9)) for n in range(3)]
    tickets.append(waiting.wait("late", Claim("b", "bob", LATE_RANK)))
    tickets.append(waiting.wait("ada's third", Claim("b", "ada", 3)))
    tickets.append(waiting.wait("ada's last", Claim("b", "ada", 1)))
    tickets.append(first)
    for got in range(2, 8):
        waiting.places.leave(next(one for one in tickets if waiting.places.has(one)))
        await waiting.until(got)
    assert [*waiting.order][1:3] == ["ada's last", "ada's third"]
    assert waiting.order[-1] == "late"
    await waiting.end()


async def test_a_place_comes_to_all_who_want_the_same_by_the_first_of_them() -> None:
    waiting = line(4, per_author=1)
    waiting.wait("eve's", Claim("a", "eve"))
    shared = waiting.wait("shared", Claim("a", "eve"))
    assert await waiting.rest() == ["eve's"]
    shared.join(Claim("b", "ada"))
    assert await waiting.until(2) == ["eve's", "shared"]
    await waiting.end()


async def test_who_gives_up_waits_no_more_and_leaves_no_place_taken() -> None:
    waiting = line(1)
    first = waiting.wait("first", Claim("a", "eve"))
    await waiting.until(1)
    waiting.wait("gives up", Claim("a", "eve"))
    waiting.wait("second", Claim("a", "eve"))
    await asyncio.sleep(0)
    waiting.tasks[1].cancel()
    waiting.places.leave(first)
    assert await waiting.until(2) == ["first", "second"]
    await waiting.end()


async def test_a_crowd_of_thousands_at_one_host_holds_up_no_other() -> None:
    waiting = line(8, per_host=2)
    for n in range(3000):
        waiting.wait("crowd", Claim("a", f"eve{n}"), host="h")
    waiting.wait("ada", Claim("a", "ada"), host="elsewhere")
    assert sorted(await waiting.until(3)) == ["ada", "crowd", "crowd"]
    await waiting.end()


@pytest.mark.parametrize("who", ["author", "source", "host", "all"])
def test_at_the_side_the_oldest_of_whoever_has_most_makes_room(who: str) -> None:
    most = {
        "author": (99, 99, 2, 99),
        "source": (99, 3, 99, 99),
        "host": (99, 99, 99, 3),
        "all": (3,) + (99,) * 3,
    }
    side, cut = SlowFetches(*most[who]), list[str]()
    for name, author in (("ada", "ada"), ("e1", "eve"), ("e2", "eve"), ("e3", "eve")):
        side.admit(Ticket("h"), Claim("a", author), lambda name=name: cut.append(name))  # type: ignore[misc]
    assert cut == ["e1"]
