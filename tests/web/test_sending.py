"""Large answers on their way to readers that are slow, over real sockets."""

import asyncio
import hashlib

import pytest
from aiohttp import ClientSession

from backchannel.web.answer_cache import MAX_FLIGHTS
from backchannel.web.answers import RETRY_AFTER_S
from backchannel.web.sending import MAX_OUT
from tests.kit.clocks import turns, until
from tests.kit.front import Front, Raw

PAGE = b"GET /api/v1/posts?limit=200 HTTP/1.1\r\nHost: x\r\n\r\n"


async def slow_reader(served: Front, ask: bytes = PAGE) -> Raw:
    """One that has asked, and takes nothing of the answer yet."""
    raw, before = Raw(buffer=4096), set(served.port.stalled)
    await raw.open(served)
    await raw.write(ask)
    await until(lambda: bool(served.port.stalled.keys() - before), patience_s=60.0)
    return raw


@pytest.mark.parametrize("is_hidden", [True, False], ids=["taken down", "control"])
async def test_what_is_taken_down_does_not_arrive_with_the_rest_of_a_page(
    served: Front, is_hidden: bool
) -> None:
    ugly = served.stage.say("the hidden words", publish=False)  # the oldest, so it comes last
    for number in range(199):
        served.stage.say(f"{number} {'x' * 500}", publish=False)
    raw = await slow_reader(served)
    if is_hidden:
        served.stage.veil(ugly)
    await raw.read_until(lambda: b"the hidden words" in raw.data)
    assert (b"the hidden words" in raw.data) is not is_hidden
    raw.close()


async def test_a_takedown_of_another_post_lets_a_page_go_on(served: Front) -> None:
    for number in range(200):
        served.stage.say(f"{number} {'x' * 500}", publish=False)
    raw = await slow_reader(served, PAGE.replace(b"200", b"199"))
    served.stage.veil(1)
    await raw.read_until(lambda: b'"next":' in raw.data)
    assert raw.data.endswith(b"}")
    raw.close()


async def test_a_picture_that_is_taken_down_goes_no_further(served: Front) -> None:
    name = hashlib.sha256(b"large").hexdigest()
    (served.folder / "media" / f"{name}.webp").write_bytes(b"x" * 2_000_000)
    key = served.stage.say("look", pictures=[name])
    raw = await slow_reader(served, f"GET /media/{name}.webp HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    served.stage.veil(key)
    await raw.read_until(lambda: False)
    assert len(raw.data) < 1_000_000
    raw.close()


async def test_of_answers_that_nobody_takes_the_oldest_is_cut_off_when_they_are_too_much(
    served: Front,
) -> None:
    for number in range(200):
        served.stage.say(f"{number} {'x' * 3000}", publish=False)
    readers: list[Raw] = []
    for limit in range(200, 150, -1):
        readers.append(await slow_reader(served, PAGE.replace(b"200", b"%d" % limit)))
    await readers[0].read_until(lambda: False)
    size = int(readers[0].data.partition(b"Content-Length: ")[2].split(b"\r\n")[0])
    assert size * 40 > MAX_OUT, "this many were no burden"
    assert len(readers[0].data) < size
    await readers[-1].read_until(lambda: b'"next":' in readers[-1].data)
    assert b'"next":' in readers[-1].data
    for reader in readers:
        reader.close()


async def test_who_asks_for_too_much_at_once_is_told_when_to_come_back(
    served: Front, web: ClientSession
) -> None:
    served.stage.forgotten = {served.stage.say("bread")}
    served.stage.may_load.clear()
    waiting = [
        asyncio.create_task(web.get(f"/api/v1/posts?q=bread&limit={number + 1}"))
        for number in range(MAX_FLIGHTS)
    ]
    await until(lambda: bool(served.stage.loads))
    await turns(200)
    async with web.get("/api/v1/posts?q=bread&limit=100") as answer:
        assert (answer.status, answer.headers["Retry-After"]) == (503, RETRY_AFTER_S)
        assert "Too much" in (await answer.json())["message"]
    async with web.get("/healthz") as answer:
        assert answer.status == 200
    served.stage.may_load.set()
    for one in waiting:
        assert (await one).status == 200
