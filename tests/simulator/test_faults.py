"""Networks in trouble."""

from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import pytest

from backchannel.simulator import Fault
from backchannel.simulator.script import HOUR_S

Opener = Callable[..., Awaitable[Any]]
TAG = "/api/v1/timelines/tag/openideas26"


async def status(reader: Any, path: str, server: int = 0) -> int:
    async with reader.session.get(reader.simulator.bases[server] + path) as answer:
        return int(answer.status)


@pytest.mark.parametrize(("kind", "path"), [("mastodon", TAG), ("feed", "/feeds/blog.xml")])
async def test_an_outage_answers_503_until_it_is_over(simulate: Opener, kind: str, path: str) -> None:
    reader = await simulate()
    reader.simulator.outage(kind)
    assert await status(reader, path) == 503
    reader.simulator.outage(kind, on=False)
    assert await status(reader, path) == 200


async def test_one_networks_outage_leaves_the_others(simulate: Opener) -> None:
    reader = await simulate()
    reader.simulator.outage("mastodon")
    assert await status(reader, "/feeds/blog.xml") == 200
    assert await reader.stored({"limit": 1})


async def test_one_server_can_fail_alone(simulate: Opener) -> None:
    reader = await simulate()
    reader.simulator.outage("mastodon", place="1")
    assert await status(reader, TAG, server=1) == 503
    assert await status(reader, TAG, server=0) == 200


async def test_an_outage_of_nostr_cuts_the_sockets_and_takes_no_new_ones(simulate: Opener) -> None:
    reader = await simulate()
    url = reader.simulator.bases[0] + "/nostr"
    async with reader.session.ws_connect(url) as socket:
        reader.simulator.outage("nostr")
        assert (await socket.receive()).type in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.CLOSE)
        with pytest.raises(aiohttp.ClientError):
            await reader.session.ws_connect(url)
    reader.simulator.outage("nostr", on=False)
    assert await reader.stored({"limit": 1})


async def test_a_fault_can_be_a_429_that_says_when(simulate: Opener) -> None:
    reader = await simulate()
    reader.simulator.fault("mastodon", Fault(status=429, retry_after_s=7))
    async with reader.session.get(reader.simulator.bases[0] + TAG) as answer:
        assert (answer.status, answer.headers["Retry-After"]) == (429, "7")


async def test_a_fault_can_be_a_page_of_the_proxy(simulate: Opener) -> None:
    reader = await simulate()
    reader.simulator.fault("mastodon", Fault(status=502))
    async with reader.session.get(reader.simulator.bases[0] + TAG) as answer:
        assert (answer.status, answer.content_type) == (502, "text/html")
        assert "<title>502 Bad Gateway</title>" in await answer.text()


async def test_a_fault_can_be_a_cut_line(simulate: Opener) -> None:
    reader = await simulate()
    reader.simulator.fault("feed", Fault("refuse"))
    with pytest.raises(aiohttp.ClientError):
        await status(reader, "/feeds/blog.xml")


async def test_a_fault_can_be_silence(simulate: Opener) -> None:
    reader = await simulate()
    reader.simulator.fault("feed", Fault("silence"))
    impatient = aiohttp.ClientTimeout(total=0.2)
    with pytest.raises(TimeoutError):
        await reader.session.get(reader.simulator.bases[0] + "/feeds/blog.xml", timeout=impatient)


async def test_the_scripts_outage_comes_and_goes(simulate: Opener, held: Any) -> None:
    reader = await simulate(outages=True)
    seen = []
    for at_s in (6.1, 6.3, 7.0):
        held.go(at_s * HOUR_S)
        seen.append(await status(reader, TAG, server=1))
    assert seen == [200, 503, 200]
