"""Answers that are made once for all: who waits for whom, and what is never handed out."""

import asyncio

import pytest

from backchannel.web.answer_cache import MAX_FLIGHTS, MAX_KEPT, AnswerCache, Rendered
from backchannel.web.answer_queue import AnswerQueue, Crowded
from tests.kit.clocks import ManualClock, turns
from tests.kit.stand_in import Stage


class Kitchen:
    """Makes answers when it is let, and notes what it made and how many at a time."""

    def __init__(self) -> None:
        self.stage, self.clock = Stage(), ManualClock(1_790_000_000.0, sleeps="held")
        self.kept = AnswerCache(self.stage, self.clock, AnswerQueue(), lambda key: key == "venue")
        self.may_go = asyncio.Event()
        self.made: list[str] = []
        self.under_way = self.most = 0

    def ask(
        self, what: str, address: str = "a", *, is_paid: bool = True, size: int = 1
    ) -> asyncio.Task[Rendered]:
        async def make() -> Rendered:
            self.under_way += 1
            self.most = max(self.most, self.under_way)
            self.made.append(what)
            try:
                await self.may_go.wait()
                return self.kept.rendered(
                    what.encode() * size, frozenset(self.stage.board.items) - self.stage.covered
                )
            finally:
                self.under_way -= 1

        return asyncio.create_task(self.kept.get(what, make, address=address, is_paid=is_paid))


async def test_what_many_ask_for_is_made_once() -> None:
    kitchen = Kitchen()
    asked = [kitchen.ask("wall", str(number)) for number in range(50)]
    await turns(5)
    kitchen.may_go.set()
    assert {(await one).body for one in asked} == {b"wall"}
    assert (await kitchen.ask("wall")).body == b"wall"
    assert kitchen.made == ["wall"]


async def test_whoever_leaves_takes_it_from_nobody_else() -> None:
    kitchen = Kitchen()
    first, second = kitchen.ask("wall"), kitchen.ask("wall")
    await turns(5)
    first.cancel()
    await turns(5)
    kitchen.may_go.set()
    assert (await second).body == b"wall"
    assert kitchen.made == ["wall"]


async def test_it_is_made_anew_when_the_board_has_changed_or_a_second_has_gone() -> None:
    kitchen = Kitchen()
    kitchen.may_go.set()
    for happens in (
        lambda: None,
        lambda: kitchen.stage.say("news"),
        lambda: setattr(kitchen.clock, "time", kitchen.clock.time + 1.5),
    ):
        happens()
        await kitchen.ask("wall")
        await kitchen.ask("wall")
    assert len(kitchen.made) == 3


async def test_what_is_taken_down_while_it_is_made_is_handed_to_nobody() -> None:
    kitchen = Kitchen()
    key = kitchen.stage.say("ugly")
    kitchen.may_go.set()
    asked = [kitchen.ask("wall", str(number)) for number in range(50)]
    while not any(one.done() for one in asked):
        await turns()
    waiting = [one for one in asked if not one.done()]
    kitchen.stage.veil(key)
    assert waiting
    assert not [one for one in waiting if key in (await one).keys]
    assert kitchen.made == ["wall", "wall"]


async def test_one_address_waits_for_itself_and_holds_up_no_other() -> None:
    kitchen = Kitchen()
    greedy = [kitchen.ask(f"q{number}") for number in range(MAX_FLIGHTS + 5)]
    await turns(5)
    refused = [one for one in greedy if one.done()]
    assert len(refused) == 5
    for one in refused:
        with pytest.raises(Crowded):
            one.result()
    assert kitchen.made == ["q0"]
    other = kitchen.ask("other", "b")
    await turns(5)
    assert kitchen.made == ["q0", "other"]
    newest = kitchen.ask("newest", "c", is_paid=False)
    await turns(5)
    assert kitchen.made == ["q0", "other", "newest"]
    kitchen.may_go.set()
    assert (await other).body == b"other"
    assert (await newest).body == b"newest"
    assert [(await one).body for one in greedy[:MAX_FLIGHTS]] == [b"q%d" % n for n in range(MAX_FLIGHTS)]
    assert kitchen.most == 3


@pytest.mark.parametrize(("address", "rests"), [("a", True), ("venue", False)])
async def test_an_address_rests_after_what_was_made_for_it_and_the_venue_does_not(
    address: str, rests: bool
) -> None:
    kitchen = Kitchen()
    first = kitchen.ask("one", address)
    await turns(5)
    kitchen.clock.time += 1.0
    kitchen.may_go.set()
    await first
    second = kitchen.ask("two", address)
    await turns(5)
    assert (kitchen.made == ["one"]) is rests
    await kitchen.clock.advance(3.0)
    await second
    assert kitchen.made == ["one", "two"]


async def test_what_is_kept_is_bounded() -> None:
    kitchen = Kitchen()
    kitchen.may_go.set()
    for number in range(5):
        await kitchen.ask(f"{number}", size=MAX_KEPT // 3)
    kitchen.made.clear()
    for number in range(5):
        await kitchen.ask(f"{number}", size=MAX_KEPT // 3)
    assert len(kitchen.made) == 5


async def test_a_mistake_is_told_to_all_who_waited_and_made_again_for_the_next() -> None:
    kitchen, tries = Kitchen(), []

    async def make() -> Rendered:
        tries.append(1)
        await turns(2)
        raise LookupError("no words")

    asked = [kitchen.kept.get("wall", make, address="a", is_paid=False) for _ in range(3)]
    assert [str(one) for one in await asyncio.gather(*asked, return_exceptions=True)] == ["no words"] * 3
    with pytest.raises(LookupError):
        await kitchen.kept.get("wall", make, address="a", is_paid=False)
    assert len(tries) == 2


async def test_turns_go_round_by_address_and_a_few_at_a_time() -> None:
    line, order = AnswerQueue(per_pass=2), list[str]()

    async def come(name: str, address: str) -> None:
        await line.take(address)
        order.append(name)

    waiting = [asyncio.create_task(come(f"a{number}", "a")) for number in range(6)]
    waiting.append(asyncio.create_task(come("b0", "b")))
    await asyncio.gather(*waiting)
    assert order.index("b0") <= 4
    assert [name for name in order if name != "b0"] == [f"a{number}" for number in range(6)]
