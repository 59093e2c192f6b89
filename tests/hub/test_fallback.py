"""An upgrade on a connection that aiohttp has served before: the same hub, the same manners."""

import asyncio

from websockets.frames import Close, Frame, Opcode

from tests.kit.clocks import turns, until
from tests.kit.front import Front, Raw
from tests.kit.stand_in import WirePage

BIG = "x" * 8000


async def test_a_guest_is_told_what_everybody_is(served: Front) -> None:
    served.stage.say("one")
    guest, other = await Raw().connect(served, is_used=True), await Raw().connect(served)
    served.stage.say("two")
    for raw in (guest, other):
        await raw.read_until(lambda raw=raw: len(raw.messages()) == 3)  # type: ignore[misc]
        raw.close()
    assert guest.messages() == other.messages()


async def test_a_guest_that_says_something_is_sent_away(served: Front) -> None:
    guest = await Raw().connect(served, is_used=True)
    await guest.write(Frame(Opcode.TEXT, b"hello").serialize(mask=True))
    await guest.read_until(lambda: Close(1008, "").serialize() in guest.data)
    await guest.write(Frame(Opcode.CLOSE, Close(1008, "").serialize()).serialize(mask=True))
    await until(lambda: not served.hub.clients)
    guest.close()


async def test_a_guest_that_does_not_read_leaves_the_hot_set_and_catches_up(served: Front) -> None:
    guest = await Raw(buffer=4096).connect(served, is_used=True)
    while not served.hub.late:
        served.stage.say(BIG)
        await turns(3)
    [subscriber] = served.hub.clients
    served.stage.say("said while it did not read")
    reading = asyncio.create_task(
        guest.read_until(lambda: any(b"said while" in one for one in guest.messages()))
    )
    await until(subscriber.is_ready)
    await served.clock.advance(3.0)
    await reading
    page = WirePage()
    for message in guest.messages():
        page.take(message)
    assert page.cards.keys() == served.stage.board.items.keys()
    assert page.prevs[-1] != 0
    guest.close()


async def test_a_guest_that_is_behind_does_not_get_what_is_taken_down(served: Front) -> None:
    guest = await Raw(buffer=4096).connect(served, is_used=True)
    [subscriber] = served.hub.clients
    while not subscriber.is_behind():
        served.stage.say(BIG)
        await turns(3)
    key = served.stage.say("the hidden words")
    await turns(3)
    served.stage.veil(key)
    await guest.read_until(lambda: False)
    assert b"the hidden words" not in guest.data
    guest.close()
    await until(lambda: not served.hub.clients)


async def test_a_guest_is_told_when_we_go(served: Front) -> None:
    guest = await Raw().connect(served, is_used=True)
    closing = asyncio.create_task(served.hub.close(patience_s=10.0))
    await guest.read_until(lambda: Close(1001, "").serialize() in guest.data)
    await guest.write(Frame(Opcode.CLOSE, Close(1001, "").serialize()).serialize(mask=True))
    await closing
    assert served.hub.clients == set()
    guest.close()
